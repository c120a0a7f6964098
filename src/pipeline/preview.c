/* One scaled picture. Each of its pixels is the mean over the part of the stored picture that it covers, pixels that lie
 * across an edge counting in proportion.
 *
 * With w stored and W wanted columns, stored column i spans [i W, (i + 1) W) and wanted column j spans [j w, (j + 1) w) on
 * one scale of w W units; rows alike. So all weights are whole numbers, those of one pixel add up to w h, and the sum of
 * a pixel is at most 255 w h.
 */
#include "pipeline/preview.h"

#include <string.h>

#include "base/output.h"
#include "base/size.h"
#include "codec/picture.h"
#include "pipeline/preview_rows.h"

enum { JPEG_QUALITY = 85 };

struct scaler {
    struct r2g_preview_rows rows;
    uint32_t width, height;             /* wanted, before turning */
    struct r2g_buffer across, sums;     /* uint64_t: of the row at hand; of the wanted row */
    struct r2g_buffer picture, upright; /* the result as stored, and turned */
};

/* `side` scaled as the longest side becomes `size`, rounded to nearest, at least 1. */
static uint32_t scaled(uint32_t side, uint32_t longest, uint32_t size) {
    if (longest <= size)
        return side;
    return (uint32_t)r2g_u64_max(((uint64_t)side * size + longest / 2) / longest, 1);
}

static r2g_status prepare(struct scaler *self, uint32_t size, struct r2g_error *err) {
    const struct r2g_preview_rows *rows = &self->rows;
    uint32_t longest = rows->width > rows->height ? rows->width : rows->height;
    uint64_t area, most;
    if (!r2g_u64_mul(rows->width, rows->height, &area) || !r2g_u64_mul(area, 256, &most))
        return r2g_fail(err, R2G_ELIMIT, "%u x %u pixels are too many for a preview", rows->width, rows->height);
    self->width = scaled(rows->width, longest, size);
    self->height = scaled(rows->height, longest, size);
    size_t row_count = (size_t)self->width * rows->channels; /* at most 3 R2G_PREVIEW_SIZE_MAX */
    r2g_status status = r2g_buffer_reserve(&self->across, row_count * sizeof(uint64_t), "a row of sums", err);
    if (status == R2G_OK)
        status = r2g_buffer_reserve(&self->sums, row_count * sizeof(uint64_t), "a row of sums", err);
    if (status == R2G_OK)
        status = r2g_buffer_reserve(&self->picture, row_count * self->height, "the preview", err);
    return status;
}

/* Sums over the columns of each wanted one, for one channel. */
static void sum_across(const struct scaler *self, const uint8_t *row, uint64_t *across) {
    uint64_t stored = self->rows.width, wanted = self->width;
    uint32_t channels = self->rows.channels;
    uint64_t i = 0; /* the stored column at work; `left` of its `wanted` units are still to be shared out */
    uint64_t left = wanted;
    for (uint64_t j = 0; j < wanted; j++) {
        uint64_t need = stored, whole = 0, sum = 0;
        while (need >= left && left < wanted) { /* the rest of a column that was begun */
            sum += left * row[i * channels];
            need -= left;
            left = wanted;
            i++;
        }
        for (; need >= wanted; need -= wanted, i++)
            whole += row[i * channels];
        sum += whole * wanted;
        if (need > 0) {
            sum += need * row[i * channels];
            left -= need;
        }
        across[j * channels] = sum;
    }
}

/* The finished sums as row `y` of the picture. */
static void finish_row(struct scaler *self, uint32_t y) {
    uint64_t area = (uint64_t)self->rows.width * self->rows.height;
    size_t count = (size_t)self->width * self->rows.channels;
    uint64_t *sums = (uint64_t *)self->sums.bytes;
    uint8_t *to = self->picture.bytes + y * count;
    for (size_t i = 0; i < count; i++)
        to[i] = (uint8_t)((sums[i] + area / 2) / area);
    memset(sums, 0, count * sizeof sums[0]);
}

static r2g_status scale(struct scaler *self, struct r2g_error *err) {
    size_t count = (size_t)self->width * self->rows.channels;
    uint64_t *across = (uint64_t *)self->across.bytes, *sums = (uint64_t *)self->sums.bytes;
    uint64_t need = self->rows.height; /* units that the wanted row at work still lacks */
    uint32_t y = 0;
    memset(sums, 0, count * sizeof sums[0]);
    for (uint32_t stored = 0; stored < self->rows.height; stored++) {
        const uint8_t *row;
        r2g_status status = r2g_preview_rows_next(&self->rows, &row, err);
        if (status != R2G_OK)
            return status;
        for (uint32_t c = 0; c < self->rows.channels; c++)
            sum_across(self, row + c, across + c);
        for (uint64_t left = self->height; left > 0;) {
            uint64_t part = r2g_u64_min(left, need);
            for (size_t i = 0; i < count; i++)
                sums[i] += part * across[i];
            left -= part;
            need -= part;
            if (need == 0) {
                finish_row(self, y++);
                need = self->rows.height;
            }
        }
    }
    return R2G_OK;
}

/* The result as a file in *out. */
static r2g_status encode(struct scaler *self, bool jpeg, struct r2g_buffer *out, struct r2g_error *err) {
    uint32_t channels = self->rows.channels;
    unsigned orientation = self->rows.orientation;
    struct r2g_picture picture = {self->picture.bytes, self->width, self->height, channels};
    if (orientation > 1) {
        r2g_status status = r2g_buffer_reserve(&self->upright, (size_t)self->width * self->height * channels,
                                               "turning the preview", err);
        if (status != R2G_OK)
            return status;
        r2g_preview_turn(self->picture.bytes, self->width, self->height, channels, orientation, self->upright.bytes);
        picture.pixels = self->upright.bytes;
        picture.width = orientation >= 5 ? self->height : self->width;
        picture.height = orientation >= 5 ? self->width : self->height;
    }
    return jpeg ? r2g_picture_jpeg(&picture, JPEG_QUALITY, out, err) : r2g_picture_png(&picture, out, err);
}

static r2g_status make(struct scaler *self, const struct r2g_preview_request *request, bool jpeg,
                       struct r2g_buffer *out, struct r2g_error *err) {
    r2g_status status = r2g_preview_rows_open(&self->rows, request, err);
    self->across.budget = self->sums.budget = self->picture.budget = self->upright.budget = &self->rows.budget;
    out->budget = &self->rows.budget;
    if (status == R2G_OK)
        status = prepare(self, request->size, err);
    if (status == R2G_OK)
        status = scale(self, err);
    return status == R2G_OK ? encode(self, jpeg, out, err) : status;
}

r2g_status r2g_preview_picture(const struct r2g_preview_request *request, struct r2g_error *err) {
    const struct r2g_codec *codec = r2g_codec_by_file_name(request->out_path);
    if (codec != &r2g_codec_jpeg && codec != &r2g_codec_png)
        return r2g_fail(err, R2G_EFORMAT, "%s: a preview's name ends in .jpg or .png", request->out_path);
    struct r2g_output_options options = {.overwrite = request->options.overwrite, .sync = request->options.sync};
    struct r2g_output *output = NULL;
    struct r2g_buffer bytes = {0};
    struct scaler self = {0};
    r2g_status status = r2g_output_create(&output, request->out_path, &options, err);
    if (status == R2G_OK)
        status = make(&self, request, codec == &r2g_codec_jpeg, &bytes, err);
    if (status == R2G_OK)
        status = r2g_output_write_at(output, 0, bytes.bytes, bytes.nbytes, err);
    if (status == R2G_OK)
        status = r2g_output_commit(output, err);
    r2g_output_close(output);
    r2g_buffer_free(&bytes);
    r2g_buffer_free(&self.across);
    r2g_buffer_free(&self.sums);
    r2g_buffer_free(&self.picture);
    r2g_buffer_free(&self.upright);
    r2g_preview_rows_close(&self.rows);
    return status;
}
