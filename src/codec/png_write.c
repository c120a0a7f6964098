/* The PNG encoder: gray or gray with alpha, 8 or 16 bits, not interlaced; and RGB, for previews.
 *
 * A segment is the IDAT chunk of one row block (several only where a chunk would grow too long): its rows filtered
 * without a look at other blocks, then compressed without a look at other segments. The first one begins with the zlib
 * header; the trailer ends the zlib stream. Scratch memory is one filtered block, its compressed form and two rows.
 */
#include "codec/png_parts.h"

#include <stdlib.h>
#include <string.h>

#include <isa-l/crc.h>
#include <zlib.h>

#include "base/size.h"
#include "codec/exif.h"
#include "codec/png_filter.h"
#include "deflate/adler32.h"
#include "deflate/segment.h"

#define CHUNK_NBYTES_MAX ((size_t)1 << 30) /* of IDAT data: well below section 5.3's 2^31 - 1 */

#define CHUNK_HEAD_NBYTES 8 /* length and type */
#define CHUNK_EXTRA_NBYTES (CHUNK_HEAD_NBYTES + 4)

struct r2g_encoder_state {
    struct r2g_deflater *deflater;
    const struct r2g_isa *isa;
    struct r2g_buffer filtered;
    struct r2g_buffer other;      /* R2G_COMPRESSION_SMALL: a segment to compare with */
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
    uint32_t crc = crc32_gzip_refl(0, head + 4, 4);
    if (nbytes > 0) {
        crc = crc32_gzip_refl(crc, data, nbytes);
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
    png_put_be32(adler, r2g_adler32(1, icc->bytes, icc->nbytes));
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
    if (raster->channels < 1 || raster->channels > 3 || (raster->maxval != 255 && raster->maxval != 65535)) {
        return r2g_fail(err, R2G_EFORMAT, "PNG output is gray, gray with alpha, or RGB, of 8 or 16 bits");
    }
    uint8_t ihdr[13] = {0}; /* section 11.2.1; the last three: deflate, adaptive filters, not interlaced */
    png_put_be32(ihdr, raster->width);
    png_put_be32(ihdr + 4, raster->height);
    ihdr[8] = raster->maxval == 255 ? 8 : 16;
    static const uint8_t colour_types[] = {0, 0, 4, 2}; /* by channels */
    ihdr[9] = colour_types[raster->channels];
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
    r2g_buffer_free(&state->other);
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
    s->filtered.budget = s->other.budget = s->big_endian.budget = budget;
    s->isa = r2g_isa_current();
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

/* A row block to be made a segment. */
struct block {
    struct r2g_encoder_state *state;
    const uint8_t *rows;
    size_t row_nbytes, pixel_nbytes;
    uint32_t row_count;
    bool wide;
};

/* How the rows of a block are filtered: each with the filter that suits it, or all with the same. */
enum strategy { BY_SUMS, ALL_NONE, ALL_SUB, ALL_UP, ALL_AVERAGE, ALL_PAETH, STRATEGIES };

/* The bytes of row r as the file holds them: valid until the row after the next is asked for. */
static const uint8_t *row_bytes(const struct block *block, uint32_t r) {
    const uint8_t *row = block->rows + r * block->row_nbytes;
    if (!block->wide) {
        return row;
    }
    uint8_t *swapped = block->state->big_endian.bytes + (r % 2) * block->row_nbytes;
    const uint16_t *samples = (const void *)row;
    for (size_t i = 0; i < block->row_nbytes / 2; i++) {
        swapped[2 * i] = (uint8_t)(samples[i] >> 8);
        swapped[2 * i + 1] = (uint8_t)samples[i];
    }
    return swapped;
}

/* Writes rows [first, first + count), filtered, to out. */
static void filter_rows(const struct block *block, uint32_t first, uint32_t count, enum strategy strategy,
                        uint8_t *out) {
    const uint8_t *prior = first > 0 ? row_bytes(block, first - 1) : NULL;
    for (uint32_t r = first; r < first + count; r++) {
        const uint8_t *row = row_bytes(block, r);
        if (strategy == BY_SUMS) {
            r2g_png_filter_row_by(block->state->isa, row, prior, block->row_nbytes, block->pixel_nbytes, out);
        } else {
            r2g_png_filter_row_with(block->state->isa, (enum r2g_png_filter)(strategy - ALL_NONE), row, prior,
                                    block->row_nbytes, block->pixel_nbytes, out);
        }
        out += block->row_nbytes + 1;
        prior = row;
    }
}

/* Samples of a block: rows of about nbytes at each of `spots` places, with those of about history_nbytes before them. */
struct samples {
    uint32_t spots;
    size_t nbytes, history_nbytes;
    bool thorough;
};

static const struct samples quick = {.spots = 2, .nbytes = 8 * 1024};
static const struct samples thorough = {4, 32 * 1024, 32 * 1024, true};

static struct r2g_deflate_estimate estimate(const struct block *block, enum strategy strategy,
                                            const struct samples *samples) {
    struct r2g_deflate_estimate sum = {0};
    size_t row_nbytes = block->row_nbytes + 1;
    uint32_t count = (uint32_t)r2g_u64_min(samples->nbytes / row_nbytes + 1, block->row_count);
    uint32_t history_count = (uint32_t)r2g_u64_min(samples->history_nbytes / row_nbytes + 1, block->row_count);
    for (uint32_t i = 0; i < samples->spots; i++) {
        uint32_t first = (uint32_t)((uint64_t)(block->row_count - count) * (2 * i + 1) / (2 * samples->spots));
        uint32_t before = samples->thorough ? (uint32_t)r2g_u64_min(history_count, first) : 0;
        filter_rows(block, first - before, before + count, strategy, block->state->filtered.bytes);
        size_t sample_nbytes = (size_t)r2g_u64_min(count * row_nbytes, R2G_DEFLATE_SAMPLE_NBYTES_MAX);
        struct r2g_deflate_estimate one =
            r2g_deflate_estimate(block->state->deflater, block->state->filtered.bytes,
                                 before * row_nbytes + sample_nbytes, before * row_nbytes, samples->thorough);
        sum.cost += one.cost;
        sum.repeats = sum.repeats || one.repeats;
    }
    return sum;
}

/* Rows of photographs and scans are smallest by sums; drawings, screenshots and patterns often not filtered at all, since
 * filters hide what repeats. Small samples tell which kind it is, and only for the second kind larger ones are tried. */
static enum strategy choose_strategy(const struct block *block) {
    struct r2g_deflate_estimate none = estimate(block, ALL_NONE, &quick);
    struct r2g_deflate_estimate sums = estimate(block, BY_SUMS, &quick);
    if (none.repeats || sums.repeats) {
        none = estimate(block, ALL_NONE, &thorough);
        sums = estimate(block, BY_SUMS, &thorough);
    }
    return none.cost < sums.cost ? ALL_NONE : BY_SUMS;
}

static r2g_status deflate_rows(const struct block *block, enum strategy strategy, struct r2g_buffer *out,
                               struct r2g_checksum *checksum, struct r2g_error *err) {
    struct r2g_buffer *filtered = &block->state->filtered;
    filter_rows(block, 0, block->row_count, strategy, filtered->bytes);
    checksum->value = r2g_adler32(1, filtered->bytes, filtered->nbytes);
    checksum->nbytes = filtered->nbytes;
    return r2g_deflate_segment(block->state->deflater, filtered->bytes, filtered->nbytes, out, err);
}

/* Appends the smallest of all strategies' segments. */
static r2g_status deflate_smallest(const struct block *block, struct r2g_buffer *out, struct r2g_checksum *checksum,
                                   struct r2g_error *err) {
    struct r2g_buffer *other = &block->state->other;
    size_t start = out->nbytes;
    r2g_status status = deflate_rows(block, BY_SUMS, out, checksum, err);
    for (int strategy = ALL_NONE; strategy < STRATEGIES && status == R2G_OK; strategy++) {
        struct r2g_checksum other_checksum;
        other->nbytes = 0;
        status = deflate_rows(block, strategy, other, &other_checksum, err);
        if (status == R2G_OK && other->nbytes < out->nbytes - start) {
            memcpy(out->bytes + start, other->bytes, other->nbytes);
            out->nbytes = start + other->nbytes;
            *checksum = other_checksum;
        }
    }
    return status;
}

/* Sets up *block and the state's buffers for it. */
static r2g_status block_begin(struct block *block, struct r2g_encoder_state *state, const struct r2g_raster *raster,
                              uint32_t row_count, const uint8_t *rows, struct r2g_error *err) {
    *block = (struct block){.state = state, .rows = rows, .row_count = row_count, .wide = raster->maxval > 255};
    block->row_nbytes = r2g_raster_row_nbytes(raster);
    block->pixel_nbytes = raster->channels * (block->wide ? 2u : 1u);
    size_t nbytes;
    if (!r2g_size_mul(block->row_nbytes + 1, row_count, &nbytes)) {
        return r2g_fail(err, R2G_ELIMIT, "a row block of %u rows of %zu bytes is too large", row_count,
                        block->row_nbytes);
    }
    r2g_status status = r2g_buffer_reserve(&state->filtered, nbytes, "filtered rows", err);
    state->filtered.nbytes = nbytes;
    if (status == R2G_OK && block->wide) {
        status = r2g_buffer_reserve(&state->big_endian, 2 * block->row_nbytes, "rows in big-endian order", err);
    }
    return status;
}

/* Makes IDAT chunks of the data in *out from `start` + CHUNK_HEAD_NBYTES on; one, unless it would be too long. */
static r2g_status wrap_chunks(struct r2g_buffer *out, size_t start, struct r2g_error *err) {
    size_t nbytes = out->nbytes - start - CHUNK_HEAD_NBYTES;
    size_t count = (nbytes + CHUNK_NBYTES_MAX - 1) / CHUNK_NBYTES_MAX;
    r2g_status status =
        r2g_buffer_reserve(out, out->nbytes + count * CHUNK_EXTRA_NBYTES, "a block of compressed rows", err);
    if (status != R2G_OK) {
        return status;
    }
    out->nbytes = start + nbytes + count * CHUNK_EXTRA_NBYTES;
    for (size_t i = count; i-- > 0;) {
        size_t chunk_nbytes = (size_t)r2g_u64_min(nbytes - i * CHUNK_NBYTES_MAX, CHUNK_NBYTES_MAX);
        uint8_t *chunk = out->bytes + start + i * (CHUNK_NBYTES_MAX + CHUNK_EXTRA_NBYTES);
        if (i > 0) {
            memmove(chunk + CHUNK_HEAD_NBYTES, chunk + CHUNK_HEAD_NBYTES - i * CHUNK_EXTRA_NBYTES, chunk_nbytes);
        }
        png_put_be32(chunk, (uint32_t)chunk_nbytes);
        memcpy(chunk + 4, "IDAT", 4);
        png_put_be32(chunk + CHUNK_HEAD_NBYTES + chunk_nbytes, crc32_gzip_refl(0, chunk + 4, 4 + chunk_nbytes));
    }
    return R2G_OK;
}

static r2g_status segment(struct r2g_encoder_state *state, const struct r2g_raster *raster, uint32_t first_row,
                          uint32_t row_count, const void *rows, struct r2g_buffer *out, struct r2g_checksum *checksum,
                          struct r2g_error *err) {
    static const uint8_t room[CHUNK_HEAD_NBYTES] = {0};
    struct block block;
    size_t start = out->nbytes;
    r2g_status status = block_begin(&block, state, raster, row_count, rows, err);
    if (status == R2G_OK) {
        status = r2g_buffer_append(out, room, sizeof room, err);
    }
    if (status == R2G_OK && first_row == 0) {
        status = r2g_buffer_append(out, r2g_zlib_header, sizeof r2g_zlib_header, err);
    }
    if (status == R2G_OK && raster->compression == R2G_COMPRESSION_SMALL) {
        status = deflate_smallest(&block, out, checksum, err);
    } else if (status == R2G_OK) {
        bool fast = raster->compression == R2G_COMPRESSION_FAST;
        status = deflate_rows(&block, fast ? BY_SUMS : choose_strategy(&block), out, checksum, err);
    }
    return status == R2G_OK ? wrap_chunks(out, start, err) : status;
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
