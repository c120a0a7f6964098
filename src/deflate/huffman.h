/* Prefix codes of limited length from frequencies (RFC 1951, 3.2.2). Pure functions. */
#ifndef R2G_DEFLATE_HUFFMAN_H
#define R2G_DEFLATE_HUFFMAN_H

#include <stdint.h>

#define R2G_HUFFMAN_SYMBOLS_MAX 288
#define R2G_HUFFMAN_FREQUENCY_MAX ((uint32_t)1 << 23) /* all of one code together stay below */

/* Sets lengths[0 .. symbol_count): bits of each symbol's code, at most `limit`, 0 where the frequency is 0. The code is
 * complete. Where fewer than two symbols occur, two get codes of one bit (the first ones that do not occur join in), since
 * some decoders refuse other codes. */
void r2g_huffman_lengths(const uint32_t *frequencies, unsigned symbol_count, unsigned limit, uint8_t *lengths);

/* Sets codes[] to the canonical codes of these lengths, first bit lowest, as they are written. */
void r2g_huffman_codes(const uint8_t *lengths, unsigned symbol_count, uint16_t *codes);

#endif
