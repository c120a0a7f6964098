#include "pipeline/orient.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/size.h"

/* Pixels are moved in square tiles of this side, so that both the rows read and the rows written stay in cache. */
#define TILE 64u
/* Rows read at once from the inner reader. */
#define BATCH_ROWS 16u

struct orient_reader {
    struct r2g_reader base;
    struct r2g_reader *inner;
    unsigned orientation;
    struct r2g_converter *converter;
    struct r2g_buffer plane; /* the whole stored picture in gray */
    size_t plane_stride, pixel_nbytes;
    bool loaded;
};

static r2g_status load_plane(struct orient_reader *self, struct r2g_error *err) {
    const struct r2g_image *stored = &self->inner->image;
    size_t row_nbytes = r2g_image_row_nbytes(stored);
    struct r2g_buffer batch = {.budget = self->plane.budget};
    r2g_status status = r2g_buffer_reserve(&batch, row_nbytes * BATCH_ROWS, "rows", err);
    if (status == R2G_OK)
        status = r2g_buffer_reserve(&self->plane, self->plane_stride * stored->height, "turning the picture", err);
    for (uint32_t row = 0; status == R2G_OK && row < stored->height; row += BATCH_ROWS) {
        uint32_t row_count = stored->height - row < BATCH_ROWS ? stored->height - row : BATCH_ROWS;
        status = self->inner->codec->read_rows(self->inner, row, row_count, batch.bytes, row_nbytes, err);
        int64_t start = r2g_clock_ns();
        if (status == R2G_OK &&
            !r2g_converter_rows(self->converter, batch.bytes, row_nbytes, self->plane.bytes + row * self->plane_stride,
                                self->plane_stride, stored->width, row_count))
            status = r2g_fail(err, R2G_ECORRUPT, "a sample is larger than the maximum of %u", stored->maxval);
        self->base.convert_ns += r2g_clock_ns() - start;
    }
    r2g_buffer_free(&batch);
    self->loaded = status == R2G_OK;
    return status;
}

void r2g_orient_stored(unsigned orientation, uint32_t width, uint32_t height, uint32_t x, uint32_t y,
                       uint32_t *stored_x, uint32_t *stored_y) {
    bool turned = orientation >= 5;
    uint32_t sx = turned ? y : x, sy = turned ? x : y;
    bool mirror_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool mirror_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    *stored_x = mirror_x ? width - 1 - sx : sx;
    *stored_y = mirror_y ? height - 1 - sy : sy;
}

/* Copies `count` pixels of pixel_nbytes (1, 2 or 4) from `from` at steps of `step` bytes to `to` without gaps. */
static void copy_pixels(uint8_t *to, const uint8_t *from, ptrdiff_t step, uint32_t count, size_t pixel_nbytes) {
    for (uint32_t i = 0; i < count; i++, from += step, to += pixel_nbytes) {
        if (pixel_nbytes == 1)
            *to = *from;
        else
            memcpy(to, from, pixel_nbytes);
    }
}

static r2g_status read_rows(struct r2g_reader *reader, uint32_t first_row, uint32_t row_count, void *rows,
                            size_t stride, struct r2g_error *err) {
    struct orient_reader *self = (struct orient_reader *)reader;
    if (!self->loaded) {
        r2g_status status = load_plane(self, err);
        if (status != R2G_OK)
            return status;
    }
    const struct r2g_image *stored = &self->inner->image;
    uint32_t width = reader->image.width;
    for (uint32_t tile_y = 0; tile_y < row_count; tile_y += TILE) {
        uint32_t tile_rows = row_count - tile_y < TILE ? row_count - tile_y : TILE;
        for (uint32_t x = 0; x < width; x += TILE) {
            uint32_t count = width - x < TILE ? width - x : TILE;
            for (uint32_t y = tile_y; y < tile_y + tile_rows; y++) {
                uint32_t sx, sy, next_x, next_y;
                r2g_orient_stored(self->orientation, stored->width, stored->height, x, first_row + y, &sx, &sy);
                r2g_orient_stored(self->orientation, stored->width, stored->height, count > 1 ? x + 1 : x,
                                  first_row + y, &next_x, &next_y);
                ptrdiff_t step = ((ptrdiff_t)next_y - (ptrdiff_t)sy) * (ptrdiff_t)self->plane_stride +
                                 ((ptrdiff_t)next_x - (ptrdiff_t)sx) * (ptrdiff_t)self->pixel_nbytes;
                copy_pixels((uint8_t *)rows + y * stride + x * self->pixel_nbytes,
                            self->plane.bytes + sy * self->plane_stride + sx * self->pixel_nbytes, step, count,
                            self->pixel_nbytes);
            }
        }
    }
    return R2G_OK;
}

static void close_reader(struct r2g_reader *reader) {
    struct orient_reader *self = (struct orient_reader *)reader;
    r2g_reader_close(self->inner);
    r2g_converter_free(self->converter);
    r2g_buffer_free(&self->plane);
    free(self);
}

static const struct r2g_codec orient_codec = {.name = "oriented", .read_rows = read_rows, .close = close_reader};

r2g_status r2g_orient_open(struct r2g_reader **reader, struct r2g_reader *inner, unsigned orientation,
                           const struct r2g_conversion *conversion, const struct r2g_read_options *options,
                           struct r2g_error *err) {
    *reader = NULL;
    struct orient_reader *self = r2g_new(sizeof *self, err);
    if (self == NULL)
        return R2G_ENOMEM;
    const struct r2g_image *stored = &inner->image;
    struct r2g_image *image = &self->base.image;
    *image = *stored;
    image->layout = r2g_conversion_out_channels(conversion) == 2 ? R2G_LAYOUT_GRAYA : R2G_LAYOUT_GRAY;
    image->maxval = conversion->out_maxval;
    image->random_access = false;
    if (orientation >= 5) {
        image->width = stored->height;
        image->height = stored->width;
    }
    self->base.codec = &orient_codec;
    self->base.source = inner->source;
    self->orientation = orientation;
    self->pixel_nbytes = r2g_layout_channels(image->layout) * r2g_image_sample_nbytes(image);
    self->plane.budget = options->budget;
    size_t plane_nbytes = 0;
    bool fits = r2g_size_mul(stored->width, self->pixel_nbytes, &self->plane_stride) &&
                r2g_size_mul(self->plane_stride, stored->height, &plane_nbytes);
    r2g_status status = R2G_OK;
    if (!fits)
        status =
            r2g_fail(err, R2G_ELIMIT, "%u x %u pixels do not fit memory for turning", stored->width, stored->height);
    if (status == R2G_OK)
        status = r2g_check_whole(options, stored->width, stored->height, plane_nbytes, err);
    image->whole_nbytes = stored->whole_nbytes + plane_nbytes;
    if (status == R2G_OK)
        status = r2g_converter_new(&self->converter, conversion, err);
    if (status != R2G_OK) {
        free(self);
        return status;
    }
    self->inner = inner;
    *reader = &self->base;
    return R2G_OK;
}
