/* Huffman tables of a JPEG scan, for walking over its blocks without looking at coefficients.
 *
 * Plain values; filled once for a scan and then only read.
 */
#ifndef R2G_CODEC_JPEG_HUFFMAN_H
#define R2G_CODEC_JPEG_HUFFMAN_H

#include <stdbool.h>
#include <stdint.h>

#include <rgb2gray/status.h>

/* A table as a DHT segment holds it (ITU-T T.81, B.2.4.2). */
struct r2g_jpeg_codes {
    uint8_t counts[17];   /* of codes of each length, 1 to 16 bits */
    uint8_t symbols[256]; /* in the order of their codes */
};

/* The standard's own (T.81, K.3): [0] for luma, [1] for chroma. */
extern const struct r2g_jpeg_codes r2g_jpeg_standard_dc[2], r2g_jpeg_standard_ac[2];

enum {
    R2G_JPEG_LOOK_BITS = 12, /* a lookup sees this many bits */
    R2G_JPEG_LOOKS = 1 << R2G_JPEG_LOOK_BITS,
    R2G_JPEG_TAKE_MAX = R2G_JPEG_LOOK_BITS + 15, /* and uses at most so many: a code it sees and the value behind it */
    R2G_JPEG_BLOCK_BITS = 64 * (16 + 15),        /* no block is longer */
    R2G_JPEG_DC_CATEGORIES = 12,                 /* 0 to 11: differences of 8-bit pictures (T.81, F.1.2.1) */

    /* What an entry of `first` or `rest` says in its high byte: coefficients passed; this much more where a block ends by
     * its end-of-block code; or that the next symbol is to be decoded by itself. */
    R2G_JPEG_END = 128,
    R2G_JPEG_ALONE = 200,
};

/* Codes in order of their length (T.81, F.2.2.3). */
struct r2g_jpeg_book {
    int32_t last[17];  /* the largest code of each length, -1 where there is none */
    int32_t index[17]; /* add a code: its symbol's place */
    uint8_t symbols[256];
};

/* Entries of `first` and `rest` have the bits to take in the low byte, what is passed in the high byte. They hold as many
 * whole symbols as the bits show, or one symbol whose code they show. */
struct r2g_jpeg_walk {
    uint16_t first[R2G_JPEG_LOOKS]; /* at a block's start: its DC symbol, and AC symbols behind it */
    uint16_t rest[R2G_JPEG_LOOKS];  /* AC symbols */
    int16_t dc[R2G_JPEG_LOOKS]; /* the DC difference times 16, plus how many bits code and value take; 0: not seen */
    struct r2g_jpeg_book dc_book, ac_book;
};

/* Fills *walk from a block's two tables. R2G_ECORRUPT where they cannot be tables of codes. */
R2G_MUST_CHECK r2g_status r2g_jpeg_walk_fill(struct r2g_jpeg_walk *walk, const struct r2g_jpeg_codes *dc,
                                             const struct r2g_jpeg_codes *ac, struct r2g_error *err);

/* How to write DC differences, by category. */
struct r2g_jpeg_dc_codes {
    uint16_t code[R2G_JPEG_DC_CATEGORIES];
    uint8_t nbits[R2G_JPEG_DC_CATEGORIES];
};

/* Gives *codes (a valid DC table) a code for each category from 0 to 11 that it lacks, longer than all others, so that
 * those stay as they are; and fills *write. False if there is no room for them. */
bool r2g_jpeg_dc_complete(struct r2g_jpeg_codes *codes, struct r2g_jpeg_dc_codes *write);

#endif
