/* The bytes of a PNG file in order, chunk by chunk, with libpng's verdicts on lengths, names and checksums.
 *
 * A plain part of its owner; one thread at a time. Messages are those of the reader of the pixels.
 */
#ifndef R2G_CODEC_PNG_CHUNKS_H
#define R2G_CODEC_PNG_CHUNKS_H

#include "codec/codec.h"

struct png_chunks {
    const struct r2g_source *source;
    struct r2g_image *image;  /* whose note tells what was tolerated */
    struct r2g_buffer window; /* file bytes from window_offset on, which is not behind `offset`; not empty */
    uint64_t window_offset;
    uint64_t offset; /* in the file, of the next byte */
    uint64_t idat_nbytes_max, other_nbytes_max;
    bool after_rows; /* all pixels are there: long chunks are tolerated, and the file may lack no more than IEND */
    char type[5];    /* of the present chunk */
    uint32_t left;   /* its bytes still to come */
    uint32_t crc;    /* of its type and what was taken */
};

/* "damaged PNG data: " and the text */
r2g_status r2g_png_damaged(struct r2g_error *err, const char *type, const char *text);

/* Goes to the first byte of the data of an IDAT chunk of `left` bytes. All members before `type` but `offset` are set. */
void r2g_png_chunks_start(struct png_chunks *chunks, uint64_t offset, uint32_t left);
/* Checks the CRC of the present chunk, whose bytes are all taken, and reads the head of the next. */
R2G_MUST_CHECK r2g_status r2g_png_chunks_next(struct png_chunks *chunks, struct r2g_error *err);
/* Takes the next bytes of the present chunk that has some left: *bytes lie in the window until the next call. */
R2G_MUST_CHECK r2g_status r2g_png_chunks_take(struct png_chunks *chunks, const uint8_t **bytes, size_t *nbytes,
                                              struct r2g_error *err);
/* Passes the rest of the present chunk and all others to IEND. */
R2G_MUST_CHECK r2g_status r2g_png_chunks_finish(struct png_chunks *chunks, struct r2g_error *err);

#endif
