/* The rows of plain PNGs, fast: those that need nothing but inflating and unfiltering (bytes or 16-bit samples, no
 * palette, no tRNS, not interlaced).
 *
 * What is damage and what is tolerated is as libpng has it (with benign errors on behind the last row only), in its
 * words. Only where a stream ends is this path stricter: libpng does not look at the whole Adler-32 where tiny IDAT
 * chunks cut it. One thread at a time.
 */
#ifndef R2G_CODEC_PNG_ROWS_H
#define R2G_CODEC_PNG_ROWS_H

#include "codec/codec.h"

struct png_rows_kind {
    const struct r2g_source *source; /* outlives the rows, as do budget and image */
    struct r2g_budget *budget;
    struct r2g_image *image; /* of the reader: its size and format are set; its note may be set here */
    uint64_t idat_offset;    /* in the file: the first byte of the data of the first IDAT chunk */
    /* What the file is read through, its bytes from window_offset on; taken over unless *rows is NULL. */
    struct r2g_buffer *window;
    uint64_t window_offset;
};

struct r2g_png_rows;

/* *rows is NULL, with R2G_OK, where this path does not suit: the first IDAT chunk is empty, or the zlib stream asks for a
 * decoder that keeps to a smaller window. Else takes the memory for at least two rows: R2G_ELIMIT, R2G_ENOMEM.
 * R2G_EINPUT, R2G_ECORRUPT. */
R2G_MUST_CHECK r2g_status r2g_png_rows_new(struct r2g_png_rows **rows, const struct png_rows_kind *kind,
                                           struct r2g_error *err);
void r2g_png_rows_free(struct r2g_png_rows *rows);

/* Delivers the next row_count rows, no more than are left. With the last row, the rest of the file is looked at too. Not
 * to be called again after a failure: R2G_ECORRUPT, R2G_EINPUT. */
R2G_MUST_CHECK r2g_status r2g_png_rows_read(struct r2g_png_rows *rows, uint32_t row_count, uint8_t *to, size_t stride,
                                            struct r2g_error *err);

#endif
