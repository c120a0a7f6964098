/* The distributed run: one conversion over all ranks of a communicator.
 *
 * _open, _run, _file and r2g_gather_times are collective. The first three agree on errors, so that all ranks return the
 * same status and text; the rest return the caller's own.
 */
#ifndef R2G_PIPELINE_DISTRIBUTED_H
#define R2G_PIPELINE_DISTRIBUTED_H

#include "parallel/comm.h"
#include "pipeline/block.h"
#include "pipeline/convert.h"
#include "pipeline/job.h"
#include "pipeline/sequential.h"

/* What rank 0 tells the others before the work. A plain value: all ranks run the same program on the same kind of
 * machine. */
struct r2g_setup {
    uint64_t in_nbytes, in_inode; /* the input as rank 0 sees it */
    int64_t in_mtime_s, in_mtime_ns;
    uint32_t in_head_crc; /* of its first 64 KiB */
    uint32_t codec;       /* output format: row of r2g_codecs */
    struct r2g_raster raster;
    struct r2g_conversion conversion;
    enum r2g_transcode transcode;
    bool random_access, private_input; /* the reader's; the input is a copy that only rank 0 has */
};

struct r2g_distributed {
    struct r2g_comm *comm;
    const struct r2g_request *request;
    struct r2g_setup setup;
    struct r2g_plan plan;
    struct r2g_job job;          /* rank 0's, and every rank's own in a direct run */
    struct r2g_output *output;   /* rank 0's (not owned) */
    struct r2g_output *attached; /* the same file, on ranks that write in place */
    const struct r2g_codec *out_codec;
    struct r2g_block_worker worker;
    uint64_t header_nbytes, end; /* where segments begin, and where the next one follows (rank 0) */
    struct r2g_checksum sum;     /* of the segments written so far (rank 0) */
    bool input_shared, output_shared;
};

/* Opens the input and makes the output on rank 0 (no output when explaining), finds out who sees what, and plans. Call
 * r2g_distributed_close afterwards in every case; run->output is the caller's to close. */
R2G_MUST_CHECK r2g_status r2g_distributed_open(struct r2g_distributed *run, struct r2g_comm *comm,
                                               const struct r2g_request *request, struct r2g_error *err);
/* Does the work. *times receives the caller's own phases. The output is whole afterwards, but not committed. */
R2G_MUST_CHECK r2g_status r2g_distributed_run(struct r2g_distributed *run, struct r2g_rank_times *times,
                                              struct r2g_error *err);
void r2g_distributed_close(struct r2g_distributed *run);

/* A whole distributed run, timed on rank 0, as r2g_sequential_file. Fills *report on rank 0. */
R2G_MUST_CHECK r2g_status r2g_distributed_file(struct r2g_comm *comm, const struct r2g_request *request,
                                               struct r2g_run_result *result, struct r2g_report *report,
                                               struct r2g_error *err);

/* Gathers the phases of all ranks into all[size] on rank 0; comm NULL: alone. Returns the caller's own status. */
R2G_MUST_CHECK r2g_status r2g_gather_times(struct r2g_comm *comm, const struct r2g_rank_times *mine,
                                           struct r2g_rank_times *all, struct r2g_error *err);

/* The two ways of distributed_bands.c and distributed_place.c; each returns the caller's own status. */
R2G_MUST_CHECK r2g_status r2g_distributed_bands(struct r2g_distributed *run, struct r2g_error *err);
R2G_MUST_CHECK r2g_status r2g_distributed_place(struct r2g_distributed *run, struct r2g_error *err);

/* Converts, encodes and, where segments are placed, writes block `block` from its `rows`. `segment` is scratch then;
 * without placing, the block's segment is appended to it. */
R2G_MUST_CHECK r2g_status r2g_distributed_block(struct r2g_distributed *run, uint32_t block, const uint8_t *rows,
                                                struct r2g_buffer *segment, struct r2g_checksum *sum,
                                                struct r2g_error *err);
/* Reads block `block` into `rows` with this rank's own reader. */
R2G_MUST_CHECK r2g_status r2g_distributed_read(struct r2g_distributed *run, uint32_t block, uint8_t *rows,
                                               struct r2g_error *err);

#endif
