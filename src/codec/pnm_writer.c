/* A PGM file is its header and then the samples, from top to bottom, 16-bit ones big-endian: a segment is its rows, and
 * its place follows from the row alone. Texts become comment lines of the header, "# key: value". */
#include "codec/pnm_writer.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#define COMMENTS_MAX_NBYTES 65536 /* of comment lines in a header; texts that would pass this are left out */

static r2g_status state_new(struct r2g_encoder_state **state, const struct r2g_raster *raster,
                            struct r2g_budget *budget, struct r2g_error *err) {
    (void)budget;
    if (raster->channels != 1 || raster->maxval < 1 || raster->maxval > 65535)
        return r2g_fail(err, R2G_EINTERNAL, "a PGM file holds gray alone, of maxval 1 to 65535");
    *state = NULL; /* nothing to keep */
    return R2G_OK;
}

static void state_free(struct r2g_encoder_state *state) {
    (void)state;
}

/* Appends text as one line: a line break would end the comment, so control characters become spaces. */
static r2g_status append_line(struct r2g_buffer *out, const char *text, struct r2g_error *err) {
    size_t start = out->nbytes;
    r2g_status status = r2g_buffer_append(out, text, strlen(text), err);
    if (status != R2G_OK)
        return status;
    for (size_t i = start; i < out->nbytes; i++) {
        if (out->bytes[i] < ' ' && out->bytes[i] != '\t')
            out->bytes[i] = ' ';
    }
    return R2G_OK;
}

static r2g_status append_comment(struct r2g_buffer *out, const struct r2g_text *text, struct r2g_error *err) {
    bool bare = strcmp(text->key, "Comment") == 0;
    r2g_status status = r2g_buffer_append(out, "# ", 2, err);
    if (status == R2G_OK && !bare)
        status = append_line(out, text->key, err);
    if (status == R2G_OK && !bare)
        status = r2g_buffer_append(out, ": ", 2, err);
    if (status == R2G_OK)
        status = append_line(out, text->value, err);
    if (status == R2G_OK)
        status = r2g_buffer_append(out, "\n", 1, err);
    return status;
}

static r2g_status header(const struct r2g_raster *raster, const struct r2g_metadata *metadata, struct r2g_buffer *out,
                         struct r2g_error *err) {
    r2g_status status = r2g_buffer_append(out, "P5\n", 3, err);
    size_t room = COMMENTS_MAX_NBYTES;
    for (size_t i = 0; i < metadata->text_count && status == R2G_OK; i++) {
        const struct r2g_text *text = &metadata->texts[i];
        size_t nbytes = strlen(text->key) + strlen(text->value) + 5; /* "# ", ": " and the line's end */
        if (nbytes > room)
            continue;
        room -= nbytes;
        status = append_comment(out, text, err);
    }
    if (status != R2G_OK)
        return status;
    char line[64];
    int length = snprintf(line, sizeof line, "%u %u\n%u\n", raster->width, raster->height, raster->maxval);
    return r2g_buffer_append(out, line, (size_t)length, err);
}

static r2g_status segment(struct r2g_encoder_state *state, const struct r2g_raster *raster, uint32_t first_row,
                          uint32_t row_count, const void *rows, struct r2g_buffer *out, struct r2g_checksum *checksum,
                          struct r2g_error *err) {
    (void)state;
    (void)first_row;
    *checksum = (struct r2g_checksum){0};
    size_t nbytes = r2g_raster_row_nbytes(raster) * row_count;
    if (raster->maxval <= 255)
        return r2g_buffer_append(out, rows, nbytes, err);
    r2g_status status = r2g_buffer_reserve(out, out->nbytes + nbytes, "output", err);
    if (status != R2G_OK)
        return status;
    const uint16_t *samples = rows;
    uint8_t *to = out->bytes + out->nbytes;
    for (size_t i = 0; i < nbytes / 2; i++) {
        uint16_t sample = htobe16(samples[i]);
        memcpy(to + 2 * i, &sample, sizeof sample);
    }
    out->nbytes += nbytes;
    return R2G_OK;
}

/* 16-bit samples have to be turned round. */
static ptrdiff_t row_stride(const struct r2g_raster *raster) {
    return raster->maxval <= 255 ? (ptrdiff_t)r2g_raster_row_nbytes(raster) : 0;
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
    (void)row_count;
    return (uint64_t)first_row * r2g_raster_row_nbytes(raster);
}

const struct r2g_encoder r2g_pnm_encoder = {
    .max_width = UINT32_MAX,
    .max_height = UINT32_MAX,
    .max_maxval = 65535,
    .any_maxval = true,
    .row_multiple = 1,
    .block_nbytes = R2G_RAW_BLOCK_NBYTES,
    .texts = true,
    .state_new = state_new,
    .state_free = state_free,
    .header = header,
    .segment = segment,
    .row_stride = row_stride,
    .trailer = trailer,
    .segment_offset = segment_offset,
};
