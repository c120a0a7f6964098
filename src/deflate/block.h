/* Blocks of RFC 1951, 3.2.3: tokens written with the codes that suit them best. Pure functions. */
#ifndef R2G_DEFLATE_BLOCK_H
#define R2G_DEFLATE_BLOCK_H

#include "deflate/bits.h"
#include "deflate/parse.h"

/* About how many 1/256 bits these symbols will take, the description of the codes not included. */
uint64_t r2g_block_estimate(const struct r2g_symbol_counts *counts);
/* The exact number of bits, with Huffman's codes; slower. */
uint64_t r2g_block_bits(const struct r2g_symbol_counts *counts);
/* An estimate for the description of the codes, in 1/256 bit. */
uint64_t r2g_block_estimate_codes(const struct r2g_symbol_counts *counts);

/* At most so many bytes are written for a block, the last 8 of them only as room for stores. */
static inline size_t r2g_block_nbytes_max(size_t nbytes) {
    return nbytes + (nbytes / 65535 + 1) * 5 + 16;
}

/* Writes bytes[0 .. nbytes), which list->tokens stand for, as one block that is not the last: the smallest of dynamic
 * codes, fixed codes, stored. list->counts is used up. */
void r2g_block_write(struct bit_writer *writer, const uint8_t *bytes, size_t nbytes, struct r2g_token_list *list);

/* An empty stored block, which ends at a byte boundary. */
void r2g_block_write_empty(struct bit_writer *writer);

#endif
