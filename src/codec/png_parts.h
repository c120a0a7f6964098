/* What the files of the PNG codec share. "Section" in their comments means a section of PNG, 3rd edition (W3C, 2025).
 *
 * png.c is the table row; png_read.c the reader, by libpng but for plain rows: those are png_rows.c's, which stands on
 * png_chunks.c and png_unfilter*.c. png_metadata.c walks over the chunks and keeps what stands beside the pixels;
 * png_text.c is the character sets; png_write.c the encoder; png_filter.c the row filters.
 * Pure functions but for the reader, which belongs to one thread at a time.
 */
#ifndef R2G_CODEC_PNG_PARTS_H
#define R2G_CODEC_PNG_PARTS_H

#include "codec/codec.h"

#define PNG_SIDE_MAX                                                                                                   \
    0x7fffffffu /* section 11.2.1: width and height are 1 to 2^31 - 1; section 5.3: chunk lengths too */
#define PNG_SIGNATURE_NBYTES 8
#define PNG_KEY_NBYTES_MAX 79 /* section 11.3.3.1: keywords */

extern const uint8_t r2g_png_signature[PNG_SIGNATURE_NBYTES];
extern const struct r2g_encoder r2g_png_encoder;

r2g_status r2g_png_open(struct r2g_reader **reader, const struct r2g_source *source,
                        const struct r2g_read_options *options, struct r2g_error *err);
r2g_status r2g_png_read_rows(struct r2g_reader *reader, uint32_t first_row, uint32_t row_count, void *rows,
                             size_t stride, struct r2g_error *err);
void r2g_png_close(struct r2g_reader *reader);

/* Fills *metadata (initialised) from all chunks of the file, also from those after the pixels. Damaged chunks and those
 * that are too large are named in metadata->ignored. R2G_EINPUT and R2G_ENOMEM only; what was taken is *metadata's. */
R2G_MUST_CHECK r2g_status r2g_png_read_metadata(const struct r2g_source *source, struct r2g_budget *budget,
                                                struct r2g_metadata *metadata, struct r2g_error *err);

/* UTF-8 of nbytes of Latin-1, NUL-terminated; free with free(). NULL when the system refuses memory. */
char *r2g_png_latin1_to_utf8(const uint8_t *latin1, size_t nbytes, struct r2g_error *err);
/* Whether the bytes are well-formed UTF-8 (Unicode 15, table 3-7) without U+0000. */
bool r2g_png_is_utf8(const uint8_t *bytes, size_t nbytes);
/* Latin-1 of `utf8` (NUL-terminated) into latin1[0 .. strlen(utf8)), which may be the same memory; returns its bytes.
 * *exact tells whether all characters exist there; those that do not become '?'. */
size_t r2g_png_utf8_to_latin1(const char *utf8, uint8_t *latin1, bool *exact);
/* A keyword that PNG allows, made from any text: Latin-1 without control characters, without leading, trailing and
 * consecutive spaces, 1 to 79 bytes. Returns its bytes; key is not terminated. */
R2G_MUST_CHECK r2g_status r2g_png_clean_key(const char *utf8, uint8_t key[PNG_KEY_NBYTES_MAX], size_t *key_nbytes,
                                            struct r2g_error *err);

/* Writes the row's filter type and its filtered bytes to out[0 .. nbytes], nbytes + 1 bytes: the filter with the least
 * sum of absolute differences (section 12.7). `prior` is the row above, NULL where only None and Sub may be used (the
 * first row of a row block: no row of another block is looked at). pixel_nbytes is 1 to 8. */
void r2g_png_filter_row(const uint8_t *row, const uint8_t *prior, size_t nbytes, size_t pixel_nbytes, uint8_t *out);

static inline uint32_t png_get_be32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline void png_put_be32(uint8_t *bytes, uint32_t value) {
    bytes[0] = (uint8_t)(value >> 24);
    bytes[1] = (uint8_t)(value >> 16);
    bytes[2] = (uint8_t)(value >> 8);
    bytes[3] = (uint8_t)value;
}

#endif
