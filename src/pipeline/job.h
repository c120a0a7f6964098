/* One conversion, opened: the input's header read, everything decided, no pixel touched and no output made yet.
 *
 * Made where the input is read: alone, or on rank 0. Owned by its maker; used from one thread.
 */
#ifndef R2G_PIPELINE_JOB_H
#define R2G_PIPELINE_JOB_H

#include <rgb2gray/convert.h>

#include "base/buffer.h"
#include "base/output.h"
#include "base/source.h"
#include "codec/codec.h"
#include "pipeline/policy.h"
#include "pipeline/report.h"
#include "pixel/conversion.h"

enum { R2G_QUALITY_DEFAULT = 90 }; /* of a JPEG whose pixels are encoded */

struct r2g_job {
    const char *in_name; /* for messages */
    struct r2g_budget budget;
    struct r2g_source *source;
    struct r2g_reader *reader;     /* delivers rows of the raster's height: upright where orientation is applied */
    struct r2g_reader *decoder;    /* the codec's own reader: `reader`, or the one behind it */
    struct r2g_metadata *metadata; /* the decoder's: what the output shall carry */
    struct r2g_image stored;       /* as in the file, before any turning */
    const struct r2g_codec *out_codec;
    struct r2g_raster raster;
    enum r2g_transcode transcode;     /* NONE: pixels are decoded, converted and encoded */
    struct r2g_conversion conversion; /* from the reader's rows to the raster's */
    struct r2g_policy policy;
};

/* Opens in_path and decides. Call r2g_job_close afterwards in every case. Errors name the file. */
R2G_MUST_CHECK r2g_status r2g_job_open(struct r2g_job *job, const char *in_path, const char *out_path,
                                       const struct r2g_options *options, struct r2g_error *err);
void r2g_job_close(struct r2g_job *job);

/* The input's part of a report. R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_job_report(const struct r2g_job *job, const char *out_path,
                                         const struct r2g_options *options, struct r2g_report *report,
                                         struct r2g_error *err);

/* What the decoder noticed only while it read the pixels. */
void r2g_job_report_notes(const struct r2g_job *job, struct r2g_report *report);

/* Writes what stands before the first segment; *header_nbytes is where segments begin. */
R2G_MUST_CHECK r2g_status r2g_job_write_header(struct r2g_job *job, struct r2g_output *output, uint64_t *header_nbytes,
                                               struct r2g_error *err);
/* Writes what stands after the last segment, which ended at `offset`. */
R2G_MUST_CHECK r2g_status r2g_job_write_trailer(struct r2g_job *job, struct r2g_output *output, uint64_t offset,
                                                const struct r2g_checksum *sum, struct r2g_error *err);

/* Puts "name: " in front of err->text, unless it is there already or the failure is not about the input. */
void r2g_error_name(struct r2g_error *err, const char *name);

#endif
