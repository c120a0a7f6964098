/* What a parse of a segment's bytes finds: stretches of literals, each with a match behind it.
 *
 * Literals are not copied: tokens are read side by side with the bytes that they stand for. A parse counts symbols as it
 * goes, for the codes to come. Lists and counts are plain memory of their owner.
 */
#ifndef R2G_DEFLATE_TOKENS_H
#define R2G_DEFLATE_TOKENS_H

#include <stddef.h>
#include <stdint.h>

#define R2G_MATCH_NBYTES_MIN 3
#define R2G_MATCH_NBYTES_MAX 258
#define R2G_DEFLATE_WINDOW_NBYTES 32768
#define R2G_END_OF_BLOCK 256
#define R2G_LENGTH_SYMBOLS 286 /* literals, end of block and lengths */
#define R2G_DISTANCE_SYMBOLS 30

struct r2g_token {
    uint32_t literal_count;
    uint16_t length;   /* of the match behind the literals; 0: none */
    uint16_t distance; /* 1 to 32768 */
};

struct r2g_symbol_counts {
    uint32_t lengths[R2G_LENGTH_SYMBOLS];
    uint32_t distances[R2G_DISTANCE_SYMBOLS];
};

struct r2g_symbol {
    unsigned symbol, extra_bits, extra;
};

static inline unsigned floor_log2(unsigned value) {
    return 31u - (unsigned)__builtin_clz(value);
}

/* RFC 1951, 3.2.5: four symbols for each power of two of length - 3, from 8 on. */
static inline struct r2g_symbol length_symbol(unsigned length) {
    unsigned n = length - R2G_MATCH_NBYTES_MIN;
    if (n < 8 || length == R2G_MATCH_NBYTES_MAX) {
        return (struct r2g_symbol){length == R2G_MATCH_NBYTES_MAX ? 285 : 257 + n, 0, 0};
    }
    unsigned bits = floor_log2(n) - 2;
    return (struct r2g_symbol){261 + 4 * bits + (n >> bits & 3), bits, n & ((1u << bits) - 1)};
}

/* The same section: two symbols for each power of two of distance - 1, from 4 on. */
static inline struct r2g_symbol distance_symbol(unsigned distance) {
    unsigned n = distance - 1;
    if (n < 4) {
        return (struct r2g_symbol){n, 0, 0};
    }
    unsigned bits = floor_log2(n) - 1;
    return (struct r2g_symbol){2 + 2 * bits + (n >> bits & 1), bits, n & ((1u << bits) - 1)};
}

/* Extra bits that follow a symbol. */
static inline unsigned length_extra_bits(unsigned symbol) {
    return symbol < 265 || symbol == 285 ? 0 : (symbol - 261) / 4;
}

static inline unsigned distance_extra_bits(unsigned symbol) {
    return symbol < 4 ? 0 : (symbol - 2) / 2;
}

#endif
