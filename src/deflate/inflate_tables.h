/* The decoding tables of one deflate block (RFC 1951, 3.2), and how they are made from code lengths.
 *
 * A table is indexed by the next bits of the stream, first bit lowest, and says what stands there. A code longer than
 * the index goes on in a part behind the table (a link) that all codes with the same beginning share. Entries are 32
 * bits wide. For literals and lengths one entry holds as much as the index bits tell: most streams of pictures change
 * between literals and matches at every symbol, and what an entry foresees need not be guessed by the processor.
 *
 *     bits 0-5    how many bits of the stream are used up
 *     bits 29-31  kind
 *   kind 0, 1, 2: so many literals, then a match
 *     bits 6-21   the literals, first one lowest
 *     bits 22-28  length of the match - 3
 *   kind 4 and 5: one or two literals, kind 6 and 7: three
 *     bits 6-29   the literals (bit 29 is the last bit of the third)
 *   kind 3: something else
 *     bits 6-7    enum r2g_inflate_other
 *     bits 8-12   number of extra bits that follow (a length)
 *     bits 13-28  value: of the length without its extra bits, or where the link leads
 *
 * For distances:
 *
 *     bits 0-5    how many bits of the stream are used up, extra bits included
 *     bits 8-13   how many bits the code itself uses
 *     bit  14     R2G_INFLATE_LINK
 *     bit  15     R2G_INFLATE_INVALID: this is no code
 *     bits 16-31  value: of the distance without its extra bits, or where the link leads
 *
 * Pure functions; the tables belong to the caller.
 */
#ifndef R2G_DEFLATE_INFLATE_TABLES_H
#define R2G_DEFLATE_INFLATE_TABLES_H

#include <stdbool.h>
#include <stdint.h>

enum r2g_inflate_kind {
    R2G_INFLATE_MATCH_0 = 0,
    R2G_INFLATE_OTHER = 3,
    R2G_INFLATE_LITERALS_1 = 4,
    R2G_INFLATE_LITERALS_2 = 5,
    R2G_INFLATE_LITERALS_3 = 6,
};
enum r2g_inflate_other {
    R2G_INFLATE_OTHER_LENGTH,
    R2G_INFLATE_OTHER_LINK, /* uses up no bits itself */
    R2G_INFLATE_OTHER_END,
    R2G_INFLATE_OTHER_INVALID,
};

#define R2G_INFLATE_NBITS(entry) ((entry)&63)
#define R2G_INFLATE_KIND(entry) ((entry) >> 29)
#define R2G_INFLATE_LITERALS_SHIFT 6
#define R2G_INFLATE_MATCH_LENGTH(entry) (((entry) >> 22 & 127) + 3)
#define R2G_INFLATE_OTHER_WHICH(entry) ((entry) >> 6 & 3)
#define R2G_INFLATE_OTHER_EXTRA(entry) ((entry) >> 8 & 31)
#define R2G_INFLATE_OTHER_VALUE(entry) ((entry) >> 13 & 0xffff)

#define R2G_INFLATE_CODE_NBITS(entry) ((entry) >> 8 & 63)
#define R2G_INFLATE_LINK (UINT32_C(1) << 14)
#define R2G_INFLATE_INVALID (UINT32_C(1) << 15)
#define R2G_INFLATE_VALUE(entry) ((entry) >> 16)

/* How many literals an entry of each kind holds. */
extern const uint8_t r2g_inflate_literal_count[8];

/* 16 KiB of entries leave half of a usual first-level cache to the data; and the fast loop counts on no more bits. */
#define R2G_INFLATE_LITLEN_BITS 12
#define R2G_INFLATE_DISTANCE_BITS 9
#define R2G_INFLATE_PRECODE_BITS 7 /* the longest */
#define R2G_INFLATE_MAX_BITS 15

#define R2G_INFLATE_LITLEN_COUNT 288
#define R2G_INFLATE_DISTANCE_COUNT 32
#define R2G_INFLATE_PRECODE_COUNT 19

/* A part behind a table is shared by at least two codes and has 2^(15 - index bits) entries at most. */
#define R2G_INFLATE_LITLEN_ENTRIES                                                                                     \
    ((1 << R2G_INFLATE_LITLEN_BITS) +                                                                                  \
     R2G_INFLATE_LITLEN_COUNT / 2 * (1 << (R2G_INFLATE_MAX_BITS - R2G_INFLATE_LITLEN_BITS)))
#define R2G_INFLATE_DISTANCE_ENTRIES                                                                                   \
    ((1 << R2G_INFLATE_DISTANCE_BITS) +                                                                                \
     R2G_INFLATE_DISTANCE_COUNT / 2 * (1 << (R2G_INFLATE_MAX_BITS - R2G_INFLATE_DISTANCE_BITS)))

struct r2g_inflate_tables {
    uint32_t litlen[R2G_INFLATE_LITLEN_ENTRIES];
    uint32_t distance[R2G_INFLATE_DISTANCE_ENTRIES];
    uint32_t litlen_link_mask; /* how many bits behind the index a link looks at, as a mask */
    uint32_t distance_link_mask;
    uint8_t literal_nbits[256]; /* of one literal alone, for who cannot take several */
};

/* Both make a table from the code lengths of `count` symbols. False: they are not a prefix code. A code must be complete,
 * but may be one single code of one bit, or (distances) none at all. */
bool r2g_inflate_build_litlen(struct r2g_inflate_tables *tables, const uint8_t *lengths, unsigned count);
bool r2g_inflate_build_distance(struct r2g_inflate_tables *tables, const uint8_t *lengths, unsigned count);

/* The code of the code lengths (RFC 1951, 3.2.7), as for distances; value is the symbol. It must be complete, or empty: then each bit
 * stands for symbol 0. */
bool r2g_inflate_build_precode(uint32_t table[1 << R2G_INFLATE_PRECODE_BITS],
                               const uint8_t lengths[R2G_INFLATE_PRECODE_COUNT]);

#endif
