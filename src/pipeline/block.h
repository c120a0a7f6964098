/* The work on one row block: gray rows from samples, bytes from gray rows. The same code in every run, so that the same
 * bytes come out. One worker a rank; not for several threads.
 */
#ifndef R2G_PIPELINE_BLOCK_H
#define R2G_PIPELINE_BLOCK_H

#include "base/output.h"
#include "codec/codec.h"
#include "pipeline/report.h"
#include "pixel/conversion.h"

struct r2g_block_worker {
    const struct r2g_encoder *encoder;
    struct r2g_raster raster;
    struct r2g_converter *converter;
    struct r2g_encoder_state *state;
    struct r2g_buffer gray; /* the block's gray rows; empty where they go straight into the segment */
    ptrdiff_t row_stride;   /* in the segment then, else 0 */
    size_t in_row_nbytes;   /* of the samples that come in, rows without gaps */
    uint32_t in_maxval;
    struct r2g_rank_times times; /* grows with every block */
};

/* Prepares *worker; call r2g_block_worker_stop afterwards in every case. */
R2G_MUST_CHECK r2g_status r2g_block_worker_start(struct r2g_block_worker *worker, const struct r2g_codec *out_codec,
                                                 const struct r2g_raster *raster,
                                                 const struct r2g_conversion *conversion, struct r2g_budget *budget,
                                                 struct r2g_error *err);
void r2g_block_worker_stop(struct r2g_block_worker *worker);

/* Converts and encodes row block `block` from `rows` (all its rows, without gaps); appends its segment to *out, its
 * checksum to *sum. */
R2G_MUST_CHECK r2g_status r2g_block_worker_run(struct r2g_block_worker *worker, uint32_t block, const uint8_t *rows,
                                               struct r2g_buffer *out, struct r2g_checksum *sum, struct r2g_error *err);

/* The same, and writes the segment to `output` at `offset`. `segment` is scratch; *segment_nbytes is its size. */
R2G_MUST_CHECK r2g_status r2g_block_worker_place(struct r2g_block_worker *worker, uint32_t block, const uint8_t *rows,
                                                 struct r2g_output *output, uint64_t offset,
                                                 struct r2g_buffer *segment, uint64_t *segment_nbytes,
                                                 struct r2g_checksum *sum, struct r2g_error *err);

/* Reads row block `block` into `rows`, without gaps, and books the time. */
R2G_MUST_CHECK r2g_status r2g_block_read(struct r2g_block_worker *worker, struct r2g_reader *reader, uint32_t block,
                                         uint8_t *rows, struct r2g_error *err);

/* *sum goes on over what `next` covers, where the format has a checksum. */
void r2g_block_worker_sum(const struct r2g_block_worker *worker, struct r2g_checksum *sum,
                          const struct r2g_checksum *next);

/* Adds the time since *since to a phase and moves *since to now. */
void r2g_phase_add(struct r2g_rank_times *times, enum r2g_phase phase, int64_t *since);

#endif
