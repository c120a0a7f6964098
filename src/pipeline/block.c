#include "pipeline/block.h"

#include <string.h>

#include "base/clock.h"
#include "base/size.h"

/* A segment lies in memory as it will in a cache line of the file. Copies whose source and target differ by a few bytes
 * modulo 4096, as after a header of 17 bytes where rows fill whole pages, were measured to take twice as long. */
#define WRITE_ALIGNMENT 64u

void r2g_phase_add(struct r2g_rank_times *times, enum r2g_phase phase, int64_t *since) {
    int64_t now = r2g_clock_ns();
    times->phase_ns[phase] += now - *since;
    *since = now;
}

r2g_status r2g_block_worker_start(struct r2g_block_worker *worker, const struct r2g_codec *out_codec,
                                  const struct r2g_raster *raster, const struct r2g_conversion *conversion,
                                  struct r2g_budget *budget, struct r2g_error *err) {
    memset(worker, 0, sizeof *worker);
    worker->encoder = out_codec->encoder;
    worker->raster = *raster;
    worker->gray.budget = budget;
    worker->in_maxval = conversion->maxval;
    worker->in_row_nbytes =
        (size_t)raster->width * r2g_layout_channels(conversion->layout) * (conversion->maxval > 255 ? 2 : 1);
    worker->row_stride = worker->encoder->row_stride != NULL ? worker->encoder->row_stride(raster) : 0;
    size_t gray_nbytes;
    if (!r2g_size_mul(r2g_raster_row_nbytes(raster), r2g_raster_block_row_count(raster, 0), &gray_nbytes))
        return r2g_fail(err, R2G_ELIMIT, "rows of %u pixels do not fit memory", raster->width);
    r2g_status status = R2G_OK;
    if (worker->row_stride == 0)
        status = r2g_buffer_reserve(&worker->gray, gray_nbytes, "a block of gray rows", err);
    if (status == R2G_OK)
        status = r2g_converter_new(&worker->converter, conversion, err);
    if (status == R2G_OK)
        status = worker->encoder->state_new(&worker->state, raster, budget, err);
    return status;
}

void r2g_block_worker_stop(struct r2g_block_worker *worker) {
    if (worker->state != NULL)
        worker->encoder->state_free(worker->state);
    r2g_converter_free(worker->converter);
    r2g_buffer_free(&worker->gray);
    memset(worker, 0, sizeof *worker);
}

void r2g_block_worker_sum(const struct r2g_block_worker *worker, struct r2g_checksum *sum,
                          const struct r2g_checksum *next) {
    if (worker->encoder->checksum_append == NULL || next->nbytes == 0)
        return;
    if (sum->nbytes == 0)
        *sum = *next;
    else
        worker->encoder->checksum_append(sum, next);
}

r2g_status r2g_block_read(struct r2g_block_worker *worker, struct r2g_reader *reader, uint32_t block, uint8_t *rows,
                          struct r2g_error *err) {
    int64_t clock = r2g_clock_ns();
    r2g_status status =
        reader->codec->read_rows(reader, block * worker->raster.block_rows,
                                 r2g_raster_block_row_count(&worker->raster, block), rows, worker->in_row_nbytes, err);
    r2g_phase_add(&worker->times, R2G_PHASE_READ, &clock);
    worker->times.phase_ns[R2G_PHASE_READ] -= reader->convert_ns;
    worker->times.phase_ns[R2G_PHASE_CONVERT] += reader->convert_ns;
    reader->convert_ns = 0;
    return status;
}

/* Converts the block's rows to `gray`, row_stride bytes apart, and books the time. */
static r2g_status convert(struct r2g_block_worker *worker, const uint8_t *rows, uint32_t row_count, uint8_t *gray,
                          ptrdiff_t row_stride, struct r2g_error *err) {
    int64_t clock = r2g_clock_ns();
    bool in_range = r2g_converter_rows(worker->converter, rows, worker->in_row_nbytes, gray, row_stride,
                                       worker->raster.width, row_count);
    r2g_phase_add(&worker->times, R2G_PHASE_CONVERT, &clock);
    if (in_range)
        return R2G_OK;
    return r2g_fail(err, R2G_ECORRUPT, "a sample is larger than the maximum of %u", worker->in_maxval);
}

/* Where the segment is the rows themselves: converts straight into it. */
static r2g_status convert_into_segment(struct r2g_block_worker *worker, const uint8_t *rows, uint32_t row_count,
                                       struct r2g_buffer *out, struct r2g_error *err) {
    bool upwards = worker->row_stride < 0;
    size_t row_nbytes = r2g_raster_row_nbytes(&worker->raster), segment_nbytes;
    size_t stride = (size_t)(upwards ? -worker->row_stride : worker->row_stride);
    if (!r2g_size_mul(stride, row_count, &segment_nbytes) ||
        !r2g_size_add(segment_nbytes, out->nbytes, &segment_nbytes))
        return r2g_fail(err, R2G_ELIMIT, "rows of %u pixels do not fit memory", worker->raster.width);
    r2g_status status = r2g_buffer_reserve(out, segment_nbytes, "output", err);
    if (status != R2G_OK)
        return status;
    uint8_t *segment = out->bytes + out->nbytes;
    for (uint32_t i = 0; i < row_count && stride > row_nbytes; i++)
        memset(segment + i * stride + row_nbytes, 0, stride - row_nbytes);
    status =
        convert(worker, rows, row_count, segment + (upwards ? (row_count - 1) * stride : 0), worker->row_stride, err);
    out->nbytes = status == R2G_OK ? segment_nbytes : out->nbytes;
    return status;
}

r2g_status r2g_block_worker_run(struct r2g_block_worker *worker, uint32_t block, const uint8_t *rows,
                                struct r2g_buffer *out, struct r2g_checksum *sum, struct r2g_error *err) {
    const struct r2g_raster *raster = &worker->raster;
    uint32_t row_count = r2g_raster_block_row_count(raster, block);
    r2g_status status;
    if (worker->row_stride != 0) {
        status = convert_into_segment(worker, rows, row_count, out, err);
    } else {
        uint8_t *gray = worker->gray.bytes;
        status = convert(worker, rows, row_count, gray, (ptrdiff_t)r2g_raster_row_nbytes(raster), err);
        if (status != R2G_OK)
            return status;
        int64_t clock = r2g_clock_ns();
        struct r2g_checksum own = {0};
        status = worker->encoder->segment(worker->state, raster, block * raster->block_rows, row_count, gray, out, &own,
                                          err);
        r2g_phase_add(&worker->times, R2G_PHASE_ENCODE, &clock);
        r2g_block_worker_sum(worker, sum, &own);
    }
    worker->times.row_count += row_count;
    return status;
}

r2g_status r2g_block_worker_place(struct r2g_block_worker *worker, uint32_t block, const uint8_t *rows,
                                  struct r2g_output *output, uint64_t offset, struct r2g_buffer *segment,
                                  uint64_t *segment_nbytes, struct r2g_checksum *sum, struct r2g_error *err) {
    size_t lead = (size_t)(offset % WRITE_ALIGNMENT);
    *segment_nbytes = 0;
    segment->nbytes = 0;
    /* for the longest lead at once: it differs from block to block, and a buffer that grows is held twice */
    size_t rows_nbytes = (size_t)(worker->row_stride < 0 ? -worker->row_stride : worker->row_stride) *
                         r2g_raster_block_row_count(&worker->raster, 0);
    r2g_status status = r2g_buffer_reserve(segment, WRITE_ALIGNMENT + rows_nbytes, "output", err);
    segment->nbytes = lead;
    if (status == R2G_OK)
        status = r2g_block_worker_run(worker, block, rows, segment, sum, err);
    if (status != R2G_OK)
        return status;
    int64_t clock = r2g_clock_ns();
    *segment_nbytes = segment->nbytes - lead;
    status = r2g_output_write_at(output, offset, segment->bytes + lead, *segment_nbytes, err);
    segment->nbytes = 0;
    r2g_phase_add(&worker->times, R2G_PHASE_WRITE, &clock);
    return status;
}
