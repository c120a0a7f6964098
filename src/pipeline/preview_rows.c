#include "pipeline/preview_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "pipeline/job.h"
#include "pipeline/orient.h"
#include "pipeline/sequential.h"

/* Bytes of rows read at once, about, and rows. */
#define BATCH_NBYTES (UINT32_C(1) << 18)
#define BATCH_ROWS_MAX 64u

/* 8 bits of every sample value, rounded to nearest: round(255 v / maxval). */
static r2g_status make_table(struct r2g_preview_rows *rows, struct r2g_error *err) {
    uint64_t maxval = rows->reader->image.maxval;
    if (maxval == 255)
        return R2G_OK;
    rows->table = r2g_new((size_t)maxval + 1, err);
    if (rows->table == NULL)
        return R2G_ENOMEM;
    for (uint64_t v = 0; v <= maxval; v++)
        rows->table[v] = (uint8_t)((v * 255 + maxval / 2) / maxval);
    return R2G_OK;
}

static r2g_status open_rows(struct r2g_preview_rows *rows, struct r2g_error *err) {
    r2g_status status = r2g_reader_open(&rows->reader, rows->source, &rows->read_options, err);
    if (status != R2G_OK)
        return status;
    const struct r2g_image *image = &rows->reader->image;
    unsigned orientation = rows->reader->metadata.orientation;
    rows->width = image->width;
    rows->height = image->height;
    rows->channels = r2g_layout_channels(image->layout) >= 3 ? 3 : 1;
    rows->orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
    size_t row_nbytes = r2g_image_row_nbytes(image), batch_nbytes, reduced_nbytes;
    uint64_t batch_rows = r2g_u64_min(r2g_u64_max(BATCH_NBYTES / r2g_u64_max(row_nbytes, 1), 1), BATCH_ROWS_MAX);
    rows->batch_count = (uint32_t)r2g_u64_min(batch_rows, image->height);
    if (!r2g_size_mul(row_nbytes, rows->batch_count, &batch_nbytes) ||
        !r2g_size_mul(image->width, rows->channels, &reduced_nbytes))
        return r2g_fail(err, R2G_ELIMIT, "rows of %u pixels do not fit memory", image->width);
    status = r2g_buffer_reserve(&rows->batch, batch_nbytes, "rows", err);
    if (status == R2G_OK)
        status = r2g_buffer_reserve(&rows->row, reduced_nbytes, "a row", err);
    rows->batch_row = rows->batch_count; /* nothing read yet */
    return status == R2G_OK ? make_table(rows, err) : status;
}

r2g_status r2g_preview_rows_open(struct r2g_preview_rows *rows, const struct r2g_preview_request *request,
                                 struct r2g_error *err) {
    memset(rows, 0, sizeof *rows);
    rows->options = &request->options;
    rows->budget.limit_nbytes = request->options.mem_limit_nbytes;
    rows->batch.budget = rows->row.budget = &rows->budget;
    rows->read_options = (struct r2g_read_options){.budget = &rows->budget, .max_pixels = request->options.max_pixels};
    r2g_status status = r2g_source_open(&rows->source, request->in_path, err);
    if (status != R2G_OK)
        return status;
    status = open_rows(rows, err);
    if (status != R2G_OK)
        r2g_error_name(err, rows->source->name);
    return status;
}

void r2g_preview_rows_close(struct r2g_preview_rows *rows) {
    r2g_reader_close(rows->reader);
    r2g_source_close(rows->source);
    r2g_buffer_free(&rows->batch);
    r2g_buffer_free(&rows->row);
    free(rows->table);
    memset(rows, 0, sizeof *rows);
}

/* The value of sample `i` of a row in 8 bits; above the maximum, *excess is set. */
static inline uint8_t sample(const struct r2g_preview_rows *rows, const uint8_t *row, size_t i, bool *excess) {
    const struct r2g_image *image = &rows->reader->image;
    uint32_t value = row[i];
    if (image->maxval > 255) {
        uint16_t wide;
        memcpy(&wide, row + 2 * i, sizeof wide);
        value = wide;
    }
    if (rows->table == NULL)
        return (uint8_t)value;
    if (value > image->maxval) {
        *excess = true;
        return 255;
    }
    return rows->table[value];
}

/* One pixel's colour on white: (a c + (255 - a) 255) / 255, rounded to nearest. */
static inline uint8_t on_white(uint8_t colour, uint8_t alpha) {
    return (uint8_t)((colour * alpha + (255 - alpha) * 255 + 127) / 255);
}

/* A row of the reader to 8-bit gray or RGB. False if a sample is larger than the maximum. */
static bool reduce_row(struct r2g_preview_rows *rows, const uint8_t *row) {
    enum r2g_layout layout = rows->reader->image.layout;
    bool excess = false, alpha = r2g_layout_has_alpha(layout);
    bool swapped = layout == R2G_LAYOUT_BGR || layout == R2G_LAYOUT_BGRA;
    unsigned channels = r2g_layout_channels(layout), colours = rows->channels;
    if (rows->table == NULL && !alpha && !swapped) {
        memcpy(rows->row.bytes, row, (size_t)rows->width * colours);
        return true;
    }
    uint8_t *to = rows->row.bytes;
    for (size_t x = 0; x < rows->width; x++, to += colours) {
        size_t i = x * channels;
        for (unsigned c = 0; c < colours; c++)
            to[swapped ? 2 - c : c] = sample(rows, row, i + c, &excess);
        if (alpha) {
            uint8_t opacity = sample(rows, row, i + colours, &excess);
            for (unsigned c = 0; c < colours; c++)
                to[c] = on_white(to[c], opacity);
        }
    }
    return !excess;
}

/* Reads the next rows into the batch. */
static r2g_status fill_batch(struct r2g_preview_rows *rows, struct r2g_error *err) {
    struct r2g_raster whole = {.width = rows->width, .height = rows->height};
    rows->batch_count = (uint32_t)r2g_u64_min(rows->batch_count, rows->height - rows->next_row);
    rows->batch_row = 0;
    r2g_status status = r2g_progress_tell(rows->options, &whole, rows->next_row, err);
    if (status == R2G_OK)
        status = rows->reader->codec->read_rows(rows->reader, rows->next_row, rows->batch_count, rows->batch.bytes,
                                                r2g_image_row_nbytes(&rows->reader->image), err);
    return status;
}

r2g_status r2g_preview_rows_next(struct r2g_preview_rows *rows, const uint8_t **row, struct r2g_error *err) {
    r2g_status status = rows->batch_row == rows->batch_count ? fill_batch(rows, err) : R2G_OK;
    if (status == R2G_OK &&
        !reduce_row(rows, rows->batch.bytes + rows->batch_row * r2g_image_row_nbytes(&rows->reader->image)))
        status = r2g_fail(err, R2G_ECORRUPT, "a sample is larger than the maximum of %u", rows->reader->image.maxval);
    if (status != R2G_OK) {
        r2g_error_name(err, rows->source->name);
        return status;
    }
    rows->batch_row++;
    rows->next_row++;
    *row = rows->row.bytes;
    return R2G_OK;
}

void r2g_preview_turn_row(const uint8_t *from, uint32_t width, uint32_t height, uint32_t channels, unsigned orientation,
                          uint32_t y, uint32_t upright_width, uint8_t *to) {
    uint32_t sx, sy, next_x, next_y;
    r2g_orient_stored(orientation, width, height, 0, y, &sx, &sy);
    r2g_orient_stored(orientation, width, height, upright_width > 1 ? 1 : 0, y, &next_x, &next_y);
    ptrdiff_t step = ((ptrdiff_t)next_y - (ptrdiff_t)sy) * (ptrdiff_t)width + ((ptrdiff_t)next_x - (ptrdiff_t)sx);
    ptrdiff_t at = (ptrdiff_t)sy * (ptrdiff_t)width + (ptrdiff_t)sx;
    for (uint32_t x = 0; x < upright_width; x++, at += step) {
        for (uint32_t c = 0; c < channels; c++)
            *to++ = from[at * (ptrdiff_t)channels + c];
    }
}

void r2g_preview_turn(const uint8_t *from, uint32_t width, uint32_t height, uint32_t channels, unsigned orientation,
                      uint8_t *to) {
    uint32_t upright_width = orientation >= 5 ? height : width, upright_height = orientation >= 5 ? width : height;
    for (uint32_t y = 0; y < upright_height; y++)
        r2g_preview_turn_row(from, width, height, channels, orientation, y, upright_width,
                             to + (size_t)y * upright_width * channels);
}
