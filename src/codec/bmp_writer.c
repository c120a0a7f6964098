/* A BMP file here is BITMAPFILEHEADER, BITMAPINFOHEADER, 256 palette entries, and the rows from bottom to top, each
 * padded to a multiple of 4 bytes: a segment is its rows in reverse, and its place counts from the bottom. */
#include "codec/bmp_writer.h"

#include <inttypes.h>
#include <string.h>

#include "base/size.h"

#define HEADER_NBYTES (14 + 40)
#define PALETTE_NBYTES (256 * 4)

static uint64_t padded_nbytes(const struct r2g_raster *raster) {
    return ((uint64_t)raster->width + 3) / 4 * 4;
}

static r2g_status state_new(struct r2g_encoder_state **state, const struct r2g_raster *raster,
                            struct r2g_budget *budget, struct r2g_error *err) {
    (void)budget;
    if (raster->channels != 1 || raster->maxval != 255)
        return r2g_fail(err, R2G_EINTERNAL, "a BMP file holds gray alone, of maxval 255");
    *state = NULL; /* nothing to keep */
    return R2G_OK;
}

static void state_free(struct r2g_encoder_state *state) {
    (void)state;
}

static void put16(uint8_t *to, uint32_t value) {
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *to, uint32_t value) {
    put16(to, value);
    put16(to + 2, value >> 16);
}

/* Pixels per metre, rounded; 0 where it is not known or does not fit. 1 inch is 0.0254 m. */
static uint32_t per_metre(enum r2g_density_unit unit, uint32_t density) {
    uint64_t value = 0;
    if (unit == R2G_DENSITY_PER_METRE)
        value = density;
    else if (unit == R2G_DENSITY_PER_CM)
        value = (uint64_t)density * 100;
    else if (unit == R2G_DENSITY_PER_INCH)
        value = ((uint64_t)density * 10000 + 127) / 254;
    return value <= INT32_MAX ? (uint32_t)value : 0;
}

static r2g_status header(const struct r2g_raster *raster, const struct r2g_metadata *metadata, struct r2g_buffer *out,
                         struct r2g_error *err) {
    uint64_t pixels_nbytes = padded_nbytes(raster) * raster->height; /* at most 2^32 (2^32 - 1): no overflow */
    uint64_t file_nbytes = pixels_nbytes + HEADER_NBYTES + PALETTE_NBYTES;
    if (raster->width > INT32_MAX || raster->height > INT32_MAX || file_nbytes > UINT32_MAX)
        return r2g_fail(err, R2G_ELIMIT,
                        "a BMP file of %" PRIu32 " x %" PRIu32 " pixels would take %" PRIu64
                        " bytes, and BMP ends at 4294967295",
                        raster->width, raster->height, file_nbytes);
    uint8_t bytes[HEADER_NBYTES + PALETTE_NBYTES] = {'B', 'M'};
    put32(bytes + 2, (uint32_t)file_nbytes);
    put32(bytes + 10, HEADER_NBYTES + PALETTE_NBYTES);
    put32(bytes + 14, 40);
    put32(bytes + 18, raster->width);
    put32(bytes + 22, raster->height);
    put16(bytes + 26, 1);
    put16(bytes + 28, 8);
    put32(bytes + 34, (uint32_t)pixels_nbytes);
    put32(bytes + 38, per_metre(metadata->density_unit, metadata->density_x));
    put32(bytes + 42, per_metre(metadata->density_unit, metadata->density_y));
    put32(bytes + 46, 256);
    for (uint32_t i = 0; i < 256; i++)
        put32(bytes + HEADER_NBYTES + (size_t)4 * i, i * 0x010101);
    return r2g_buffer_append(out, bytes, sizeof bytes, err);
}

static r2g_status segment(struct r2g_encoder_state *state, const struct r2g_raster *raster, uint32_t first_row,
                          uint32_t row_count, const void *rows, struct r2g_buffer *out, struct r2g_checksum *checksum,
                          struct r2g_error *err) {
    (void)state;
    (void)first_row;
    *checksum = (struct r2g_checksum){0};
    size_t width = raster->width, padded = (size_t)padded_nbytes(raster);
    r2g_status status = r2g_buffer_reserve(out, out->nbytes + padded * row_count, "output", err);
    if (status != R2G_OK)
        return status;
    const uint8_t *row = (const uint8_t *)rows + width * row_count;
    for (uint32_t i = 0; i < row_count; i++) {
        row -= width;
        memcpy(out->bytes + out->nbytes, row, width);
        memset(out->bytes + out->nbytes + width, 0, padded - width);
        out->nbytes += padded;
    }
    return R2G_OK;
}

static ptrdiff_t row_stride(const struct r2g_raster *raster) {
    return -(ptrdiff_t)padded_nbytes(raster);
}

static r2g_status trailer(const struct r2g_raster *raster, const struct r2g_checksum *sum, struct r2g_buffer *out,
                          struct r2g_error *err) {
    (void)raster;
    (void)sum;
    (void)out;
    (void)err;
    return R2G_OK;
}

static uint64_t segment_offset(const struct r2g_raster *raster, uint32_t first_row, uint32_t row_count) {
    return (uint64_t)(raster->height - first_row - row_count) * padded_nbytes(raster);
}

const struct r2g_encoder r2g_bmp_encoder = {
    .max_width = INT32_MAX,
    .max_height = INT32_MAX,
    .max_maxval = 255,
    .row_multiple = 1,
    .block_nbytes = R2G_RAW_BLOCK_NBYTES,
    .density = true,
    .state_new = state_new,
    .state_free = state_free,
    .header = header,
    .segment = segment,
    .row_stride = row_stride,
    .trailer = trailer,
    .segment_offset = segment_offset,
};
