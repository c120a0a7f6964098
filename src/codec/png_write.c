/* The PNG encoder: gray or gray with alpha, 8 or 16 bits, not interlaced.
 *
 * A segment is the IDAT chunk of one row block (several only where a chunk would grow too long): its rows filtered
 * without a look at other blocks, then compressed without a look at other segments. The first one begins with the zlib
 * header; the trailer ends the zlib stream. Scratch memory is one filtered block, its compressed form and two rows.
 */
#include "codec/png_parts.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/size.h"
#include "codec/exif.h"
#include "deflate/segment.h"

#define CHUNK_NBYTES_MAX ((size_t)1 << 30) /* of IDAT data: well below section 5.3's 2^31 - 1 */

struct r2g_encoder_state {
    struct r2g_deflater *deflater;
    struct r2g_buffer filtered;
    struct r2g_buffer compressed;
    struct r2g_buffer big_endian; /* two rows, for 16-bit samples */
};

/* Appends a chunk: length, type, data, CRC-32 of type and data (section 5.3). */
static r2g_status append_chunk(struct r2g_buffer *out, const char *type, const uint8_t *data, size_t nbytes,
                               struct r2g_error *err) {
    if (nbytes > PNG_SIDE_MAX) {
        return r2g_fail(err, R2G_ELIMIT, "%s data of %zu bytes do not fit into a PNG chunk", type, nbytes);
    }
    uint8_t head[8], crc_bytes[4];
    png_put_be32(head, (uint32_t)nbytes);
    memcpy(head + 4, type, 4);
    uint32_t crc = (uint32_t)crc32_z(0, head + 4, 4);
    if (nbytes > 0) {
        crc = (uint32_t)crc32_z(crc, data, nbytes);
    }
    png_put_be32(crc_bytes, crc);
    r2g_status status = r2g_buffer_append(out, head, sizeof head, err);
    if (status == R2G_OK && nbytes > 0) {
        status = r2g_buffer_append(out, data, nbytes, err);
    }
    return status == R2G_OK ? r2g_buffer_append(out, crc_bytes, sizeof crc_bytes, err) : status;
}

/* iCCP (section 11.3.2.3): name, NUL, method 0, zlib stream. */
static r2g_status append_icc(struct r2g_buffer *out, const struct r2g_blob *icc, struct r2g_error *err) {
    static const uint8_t name[] = "ICC profile\0"; /* its second NUL is the compression method */
    struct r2g_buffer data = {.budget = out->budget};
    struct r2g_deflater *deflater = NULL;
    uint8_t adler[4];
    png_put_be32(adler, (uint32_t)adler32_z(1, icc->bytes, icc->nbytes));
    r2g_status status = r2g_deflater_new(&deflater, R2G_DEFLATE_SMALL, out->budget, err);
    if (status == R2G_OK) {
        status = r2g_buffer_append(&data, name, sizeof name, err);
    }
    if (status == R2G_OK) {
        status = r2g_buffer_append(&data, r2g_zlib_header, sizeof r2g_zlib_header, err);
    }
    if (status == R2G_OK) {
        status = r2g_deflate_segment(deflater, icc->bytes, icc->nbytes, &data, err);
    }
    if (status == R2G_OK) {
        status = r2g_buffer_append(&data, r2g_deflate_end, sizeof r2g_deflate_end, err);
    }
    if (status == R2G_OK) {
        status = r2g_buffer_append(&data, adler, sizeof adler, err);
    }
    if (status == R2G_OK) {
        status = append_chunk(out, "iCCP", data.bytes, data.nbytes, err);
    }
    r2g_deflater_free(deflater);
    r2g_buffer_free(&data);
    return status;
}

/* tEXt (section 11.3.3.2) where Latin-1 holds the text, else iTXt (11.3.3.4), not compressed. */
static r2g_status append_text(struct r2g_buffer *out, const struct r2g_text *text, struct r2g_error *err) {
    uint8_t key[PNG_KEY_NBYTES_MAX];
    size_t key_nbytes, value_nbytes = strlen(text->value);
    struct r2g_buffer data = {.budget = out->budget};
    r2g_status status = r2g_png_clean_key(text->key, key, &key_nbytes, err);
    if (status == R2G_OK) {
        status = r2g_buffer_reserve(&data, key_nbytes + 5 + value_nbytes, "a text", err);
    }
    if (status != R2G_OK) {
        return status;
    }
    memcpy(data.bytes, key, key_nbytes);
    data.bytes[key_nbytes] = 0;
    bool exact;
    size_t latin1_nbytes = r2g_png_utf8_to_latin1(text->value, data.bytes + key_nbytes + 1, &exact);
    if (exact) {
        status = append_chunk(out, "tEXt", data.bytes, key_nbytes + 1 + latin1_nbytes, err);
    } else if (r2g_png_is_utf8((const uint8_t *)text->value, value_nbytes)) {
        /* after the key: not compressed, method 0, no language, no translated key */
        memset(data.bytes + key_nbytes, 0, 5);
        memcpy(data.bytes + key_nbytes + 5, text->value, value_nbytes);
        status = append_chunk(out, "iTXt", data.bytes, key_nbytes + 5 + value_nbytes, err);
    } else {
        status = append_chunk(out, "tEXt", data.bytes, key_nbytes + 1 + latin1_nbytes, err);
    }
    r2g_buffer_free(&data);
    return status;
}

/* pHYs (section 11.3.4.3): pixels per metre, or an aspect ratio. */
static r2g_status append_density(struct r2g_buffer *out, const struct r2g_metadata *metadata, struct r2g_error *err) {
    uint64_t x = metadata->density_x, y = metadata->density_y;
    if (metadata->density_unit == R2G_DENSITY_PER_INCH) { /* 0.0254 m, rounded to nearest */
        x = (x * 10000 + 127) / 254;
        y = (y * 10000 + 127) / 254;
    } else if (metadata->density_unit == R2G_DENSITY_PER_CM) {
        x *= 100;
        y *= 100;
    }
    if (x == 0 || y == 0 || x > PNG_SIDE_MAX || y > PNG_SIDE_MAX) {
        return R2G_OK;
    }
    uint8_t data[9];
    png_put_be32(data, (uint32_t)x);
    png_put_be32(data + 4, (uint32_t)y);
    data[8] = metadata->density_unit != R2G_DENSITY_ASPECT;
    return append_chunk(out, "pHYs", data, sizeof data, err);
}

static r2g_status append_exif(struct r2g_buffer *out, const struct r2g_metadata *metadata, struct r2g_error *err) {
    if (metadata->exif.bytes != NULL) {
        return append_chunk(out, "eXIf", metadata->exif.bytes, metadata->exif.nbytes, err);
    }
    if (metadata->orientation < 2 || metadata->orientation > 8) {
        return R2G_OK;
    }
    uint8_t data[R2G_EXIF_MINIMAL_NBYTES];
    return append_chunk(out, "eXIf", data, r2g_exif_minimal(data, metadata->orientation), err);
}

static r2g_status append_metadata(struct r2g_buffer *out, const struct r2g_metadata *metadata, struct r2g_error *err) {
    r2g_status status = R2G_OK;
    if (metadata->gamma_100000 > 0 && metadata->gamma_100000 <= PNG_SIDE_MAX) {
        uint8_t gamma[4];
        png_put_be32(gamma, metadata->gamma_100000);
        status = append_chunk(out, "gAMA", gamma, sizeof gamma, err);
    }
    if (status == R2G_OK && metadata->srgb_intent >= 0) {
        uint8_t intent = (uint8_t)metadata->srgb_intent;
        status = append_chunk(out, "sRGB", &intent, 1, err);
    }
    if (status == R2G_OK && metadata->icc.bytes != NULL) {
        status = append_icc(out, &metadata->icc, err);
    }
    if (status == R2G_OK && metadata->density_unit != R2G_DENSITY_NONE) {
        status = append_density(out, metadata, err);
    }
    if (status == R2G_OK) {
        status = append_exif(out, metadata, err);
    }
    for (size_t i = 0; status == R2G_OK && i < metadata->text_count; i++) {
        status = append_text(out, &metadata->texts[i], err);
    }
    return status;
}

static r2g_status header(const struct r2g_raster *raster, const struct r2g_metadata *metadata, struct r2g_buffer *out,
                         struct r2g_error *err) {
    if (raster->width == 0 || raster->height == 0 || raster->width > PNG_SIDE_MAX || raster->height > PNG_SIDE_MAX) {
        return r2g_fail(err, R2G_ELIMIT, "%u x %u pixels do not fit into a PNG (at most 2147483647 a side)",
                        raster->width, raster->height);
    }
    if (raster->channels < 1 || raster->channels > 2 || (raster->maxval != 255 && raster->maxval != 65535)) {
        return r2g_fail(err, R2G_EFORMAT, "PNG output is gray, or gray with alpha, of 8 or 16 bits");
    }
    uint8_t ihdr[13] = {0}; /* section 11.2.1; the last three: deflate, adaptive filters, not interlaced */
    png_put_be32(ihdr, raster->width);
    png_put_be32(ihdr + 4, raster->height);
    ihdr[8] = raster->maxval == 255 ? 8 : 16;
    ihdr[9] = raster->channels == 1 ? 0 : 4;
    r2g_status status = r2g_buffer_append(out, r2g_png_signature, PNG_SIGNATURE_NBYTES, err);
    if (status == R2G_OK) {
        status = append_chunk(out, "IHDR", ihdr, sizeof ihdr, err);
    }
    return status == R2G_OK ? append_metadata(out, metadata, err) : status;
}

static void state_free(struct r2g_encoder_state *state) {
    if (state == NULL) {
        return;
    }
    r2g_buffer_free(&state->big_endian);
    r2g_buffer_free(&state->compressed);
    r2g_buffer_free(&state->filtered);
    r2g_deflater_free(state->deflater);
    free(state);
}

static r2g_status state_new(struct r2g_encoder_state **state, const struct r2g_raster *raster,
                            struct r2g_budget *budget, struct r2g_error *err) {
    struct r2g_encoder_state *s = r2g_new(sizeof *s, err);
    if (s == NULL) {
        return R2G_ENOMEM;
    }
    s->filtered.budget = s->compressed.budget = s->big_endian.budget = budget;
    enum r2g_deflate_level level = raster->compression == R2G_COMPRESSION_FAST    ? R2G_DEFLATE_FAST
                                   : raster->compression == R2G_COMPRESSION_SMALL ? R2G_DEFLATE_SMALL
                                                                                  : R2G_DEFLATE_DEFAULT;
    r2g_status status = r2g_deflater_new(&s->deflater, level, budget, err);
    if (status != R2G_OK) {
        state_free(s);
        return status;
    }
    *state = s;
    return R2G_OK;
}

/* Fills state->filtered with the row block's filter types and filtered rows. */
static r2g_status filter_rows(struct r2g_encoder_state *state, const struct r2g_raster *raster, uint32_t row_count,
                              const uint8_t *rows, struct r2g_error *err) {
    bool wide = raster->maxval > 255;
    size_t pixel_nbytes = raster->channels * (wide ? 2u : 1u);
    size_t row_nbytes = r2g_raster_row_nbytes(raster), filtered_nbytes;
    if (!r2g_size_mul(row_nbytes + 1, row_count, &filtered_nbytes)) {
        return r2g_fail(err, R2G_ELIMIT, "a row block of %u rows of %zu bytes is too large", row_count, row_nbytes);
    }
    state->filtered.nbytes = 0;
    r2g_status status = r2g_buffer_reserve(&state->filtered, filtered_nbytes, "filtered rows", err);
    if (status == R2G_OK && wide) {
        status = r2g_buffer_reserve(&state->big_endian, 2 * row_nbytes, "rows in big-endian order", err);
    }
    if (status != R2G_OK) {
        return status;
    }
    const uint8_t *prior = NULL;
    for (uint32_t r = 0; r < row_count; r++) {
        const uint8_t *row = rows + r * row_nbytes;
        if (wide) {
            uint8_t *swapped = state->big_endian.bytes + (r % 2) * row_nbytes;
            const uint16_t *samples = (const void *)row;
            for (size_t i = 0; i < row_nbytes / 2; i++) {
                swapped[2 * i] = (uint8_t)(samples[i] >> 8);
                swapped[2 * i + 1] = (uint8_t)samples[i];
            }
            row = swapped;
        }
        r2g_png_filter_row(row, prior, row_nbytes, pixel_nbytes, state->filtered.bytes + r * (row_nbytes + 1));
        prior = row;
    }
    state->filtered.nbytes = filtered_nbytes;
    return R2G_OK;
}

static r2g_status segment(struct r2g_encoder_state *state, const struct r2g_raster *raster, uint32_t first_row,
                          uint32_t row_count, const void *rows, struct r2g_buffer *out, struct r2g_checksum *checksum,
                          struct r2g_error *err) {
    r2g_status status = filter_rows(state, raster, row_count, rows, err);
    state->compressed.nbytes = 0;
    if (status == R2G_OK && first_row == 0) {
        status = r2g_buffer_append(&state->compressed, r2g_zlib_header, sizeof r2g_zlib_header, err);
    }
    if (status == R2G_OK) {
        status = r2g_deflate_segment(state->deflater, state->filtered.bytes, state->filtered.nbytes, &state->compressed,
                                     err);
    }
    if (status != R2G_OK) {
        return status;
    }
    checksum->value = (uint32_t)adler32_z(1, state->filtered.bytes, state->filtered.nbytes);
    checksum->nbytes = state->filtered.nbytes;
    for (size_t at = 0; status == R2G_OK && at < state->compressed.nbytes; at += CHUNK_NBYTES_MAX) {
        size_t nbytes = (size_t)r2g_u64_min(state->compressed.nbytes - at, CHUNK_NBYTES_MAX);
        status = append_chunk(out, "IDAT", state->compressed.bytes + at, nbytes, err);
    }
    return status;
}

static void checksum_append(struct r2g_checksum *sum, const struct r2g_checksum *next) {
    if (sum->nbytes == 0) {
        *sum = *next;
        return;
    }
    sum->value = (uint32_t)adler32_combine(sum->value, next->value, (z_off_t)next->nbytes);
    sum->nbytes += next->nbytes;
}

static r2g_status trailer(const struct r2g_raster *raster, const struct r2g_checksum *sum, struct r2g_buffer *out,
                          struct r2g_error *err) {
    (void)raster;
    uint8_t end[sizeof r2g_deflate_end + 4];
    memcpy(end, r2g_deflate_end, sizeof r2g_deflate_end);
    png_put_be32(end + sizeof r2g_deflate_end, sum->value);
    r2g_status status = append_chunk(out, "IDAT", end, sizeof end, err);
    return status == R2G_OK ? append_chunk(out, "IEND", NULL, 0, err) : status;
}

const struct r2g_encoder r2g_png_encoder = {
    .max_width = PNG_SIDE_MAX,
    .max_height = PNG_SIDE_MAX,
    .alpha = true,
    .max_maxval = 65535,
    .any_maxval = false,
    .row_multiple = 1,
    .orientation = true,
    .density = true,
    .aspect = true,
    .icc = true,
    .exif = true,
    .texts = true,
    .gamma = true,
    .state_new = state_new,
    .state_free = state_free,
    .header = header,
    .segment = segment,
    .checksum_append = checksum_append,
    .trailer = trailer,
    .segment_offset = NULL,
};
