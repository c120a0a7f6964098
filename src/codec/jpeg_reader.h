/* An open JPEG, for those parts of the codec that read one: the reader and the two ways of transcoding. */
#ifndef R2G_CODEC_JPEG_READER_H
#define R2G_CODEC_JPEG_READER_H

#include "codec/jpeg_parts.h"
#include "codec/jpeg_seam.h"

enum { R2G_JPEG_INPUT_NBYTES = 65536, R2G_JPEG_BLOCK_NBYTES = DCTSIZE2 * sizeof(JCOEF) };

struct r2g_jpeg_reader {
    struct r2g_reader base; /* first */
    struct jpeg_decompress_struct cinfo;
    struct r2g_jpeg_seam seam;
    struct jpeg_source_mgr input;
    struct jpeg_progress_mgr progress;
    struct r2g_jpeg_header header;
    struct r2g_budget *budget;
    uint64_t max_pixels;
    uint64_t held_nbytes; /* counted in the budget for libjpeg */
    uint64_t block_count; /* of all components */
    uint64_t offset;      /* of the next byte to read from the source */
    bool past_end;        /* libjpeg was given an end marker that the file does not have */
    bool started, failed;
    struct r2g_buffer cmyk_row;
    uint8_t *rows; /* one call's arguments */
    size_t stride;
    uint32_t row_count;
    uint8_t buffer[R2G_JPEG_INPUT_NBYTES];
};

/* These run inside a step of the seam's guard. */

/* Makes self->cinfo, which reads the source from self->offset on. */
void r2g_jpeg_reader_create(struct r2g_jpeg_reader *self);

/* After all scans of a file of several were taken in: whether each component came, and in a progressive file whether
 * each coefficient came to its last bit. A cut between two scans shows nowhere else. */
void r2g_jpeg_reader_check_scans(struct r2g_jpeg_reader *self);

/* Ends the step: R2G_ECORRUPT with this text. */
void r2g_jpeg_reader_leave(struct r2g_jpeg_reader *self, const char *text) __attribute__((noreturn));

/* The two ways of transcoding; see codec.h. */
R2G_MUST_CHECK r2g_status r2g_jpeg_copy_luma(struct r2g_jpeg_reader *self, const struct r2g_metadata *metadata,
                                             struct r2g_transcode_io *io, struct r2g_error *err);
R2G_MUST_CHECK r2g_status r2g_jpeg_copy_coefficients(struct r2g_jpeg_reader *self, const struct r2g_metadata *metadata,
                                                     struct r2g_transcode_io *io, struct r2g_error *err);

#endif
