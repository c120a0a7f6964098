#include "codec/bmp_rle.h"

#include <string.h>

#include "base/size.h"

/* Pairs of bytes: (count, value) is a run of `count` pixels; (0, code) is one of these, or `code` literal pixels. */
enum escape { END_OF_LINE = 0, END_OF_BITMAP = 1, DELTA = 2 };

struct decoder {
    const struct r2g_bmp_header *header;
    uint8_t *indices;
    uint32_t x, y; /* the next pixel; x <= width, y <= height */
    const struct r2g_source *source;
    uint64_t offset; /* of bytes[0] in the source */
    size_t next, nbytes;
    uint8_t bytes[16384];
};

static r2g_status fail_early(struct r2g_error *err) {
    return r2g_fail(err, R2G_ECORRUPT, "file ends early, in the run-length coded pixels");
}

/* Whether nbytes more are at hand, after reading on as needed. nbytes is at most 256. */
static r2g_status fill(struct decoder *decoder, size_t nbytes, bool *there, struct r2g_error *err) {
    size_t left = decoder->nbytes - decoder->next;
    *there = left >= nbytes;
    if (*there)
        return R2G_OK;
    decoder->offset += decoder->next;
    decoder->next = 0;
    r2g_status status = r2g_source_read_at(decoder->source, decoder->offset, decoder->bytes, sizeof decoder->bytes,
                                           &decoder->nbytes, err);
    *there = status == R2G_OK && decoder->nbytes >= nbytes;
    return status;
}

/* Pixel i of a run or of literals: RLE4 packs two in a byte, the high half first. */
static uint8_t pixel(const struct decoder *decoder, const uint8_t *bytes, uint32_t i) {
    if (decoder->header->coding == R2G_BMP_RLE8)
        return bytes[i];
    return i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15;
}

static uint8_t *here(const struct decoder *decoder) {
    return decoder->indices + (uint64_t)decoder->y * decoder->header->width + decoder->x;
}

/* How many of `count` pixels still fit the row. */
static uint32_t clip(const struct decoder *decoder, uint32_t count) {
    return (uint32_t)r2g_u64_min(count, decoder->header->width - decoder->x);
}

static void put_run(struct decoder *decoder, uint32_t count, uint8_t value) {
    count = clip(decoder, count);
    uint8_t *to = here(decoder);
    if (decoder->header->coding == R2G_BMP_RLE8) {
        memset(to, value, count);
    } else {
        for (uint32_t i = 0; i < count; i++)
            to[i] = pixel(decoder, &value, i % 2);
    }
    decoder->x += count;
}

static r2g_status put_literals(struct decoder *decoder, uint32_t count, struct r2g_error *err) {
    size_t nbytes = decoder->header->coding == R2G_BMP_RLE8 ? count : (count + 1) / 2;
    bool there;
    r2g_status status = fill(decoder, nbytes, &there, err);
    if (status != R2G_OK || !there)
        return status != R2G_OK ? status : fail_early(err);
    const uint8_t *bytes = decoder->bytes + decoder->next;
    count = clip(decoder, count);
    uint8_t *to = here(decoder);
    for (uint32_t i = 0; i < count; i++)
        to[i] = pixel(decoder, bytes, i);
    decoder->x += count;
    decoder->next += nbytes;
    if (nbytes % 2 == 0)
        return R2G_OK;
    status = fill(decoder, 1, &there, err); /* literals are padded to an even number of bytes */
    if (there)
        decoder->next++;
    return status;
}

static r2g_status move(struct decoder *decoder, struct r2g_error *err) {
    bool there;
    r2g_status status = fill(decoder, 2, &there, err);
    if (status != R2G_OK || !there)
        return status != R2G_OK ? status : fail_early(err);
    const struct r2g_bmp_header *header = decoder->header;
    decoder->x = (uint32_t)r2g_u64_min((uint64_t)decoder->x + decoder->bytes[decoder->next], header->width);
    decoder->y = (uint32_t)r2g_u64_min((uint64_t)decoder->y + decoder->bytes[decoder->next + 1], header->height);
    decoder->next += 2;
    return R2G_OK;
}

r2g_status r2g_bmp_rle_decode(uint8_t *indices, const struct r2g_bmp_header *header, const struct r2g_source *source,
                              struct r2g_error *err) {
    struct decoder decoder = {.header = header, .indices = indices, .source = source, .offset = header->data_offset};
    while (decoder.y < header->height) {
        bool there;
        r2g_status status = fill(&decoder, 2, &there, err);
        if (status != R2G_OK)
            return status;
        if (!there) {
            bool complete = decoder.y == header->height - 1 && decoder.x == header->width;
            return complete ? R2G_OK : fail_early(err);
        }
        uint8_t count = decoder.bytes[decoder.next], value = decoder.bytes[decoder.next + 1];
        decoder.next += 2;
        if (count > 0) {
            put_run(&decoder, count, value);
        } else if (value == END_OF_LINE) {
            decoder.x = 0;
            decoder.y++;
        } else if (value == END_OF_BITMAP) {
            return R2G_OK;
        } else {
            status = value == DELTA ? move(&decoder, err) : put_literals(&decoder, value, err);
            if (status != R2G_OK)
                return status;
        }
    }
    return R2G_OK;
}
