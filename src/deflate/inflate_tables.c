/* Tables are made by doubling: the table for n bits is the table for n - 1 bits twice, and then what has exactly n bits
 * is put in its places. Each code is so written once, and copies do the rest. Literals that follow each other and have n
 * bits together are such a thing too. */
#include "deflate/inflate_tables.h"

#include <string.h>

#define MAX_BITS R2G_INFLATE_MAX_BITS
#define INDEX_BITS R2G_INFLATE_LITLEN_BITS

#define KIND(kind) ((uint32_t)(kind) << 29)
#define OTHER(which, value, extra)                                                                                     \
    (KIND(R2G_INFLATE_OTHER) | (uint32_t)(value) << 13 | (uint32_t)(extra) << 8 | (uint32_t)(which) << 6)
#define LENGTH(value, extra) OTHER(R2G_INFLATE_OTHER_LENGTH, value, extra)
#define INVALID OTHER(R2G_INFLATE_OTHER_INVALID, 0, 0)

const uint8_t r2g_inflate_literal_count[8] = {0, 1, 2, 0, 1, 2, 3, 3};

/* RFC 1951, 3.2.5; symbols 256 to 287. The last two never stand for anything. */
static const uint32_t length_entries[R2G_INFLATE_LITLEN_COUNT - 256] = {
    OTHER(R2G_INFLATE_OTHER_END, 0, 0),
    LENGTH(3, 0),
    LENGTH(4, 0),
    LENGTH(5, 0),
    LENGTH(6, 0),
    LENGTH(7, 0),
    LENGTH(8, 0),
    LENGTH(9, 0),
    LENGTH(10, 0),
    LENGTH(11, 1),
    LENGTH(13, 1),
    LENGTH(15, 1),
    LENGTH(17, 1),
    LENGTH(19, 2),
    LENGTH(23, 2),
    LENGTH(27, 2),
    LENGTH(31, 2),
    LENGTH(35, 3),
    LENGTH(43, 3),
    LENGTH(51, 3),
    LENGTH(59, 3),
    LENGTH(67, 4),
    LENGTH(83, 4),
    LENGTH(99, 4),
    LENGTH(115, 4),
    LENGTH(131, 5),
    LENGTH(163, 5),
    LENGTH(195, 5),
    LENGTH(227, 5),
    LENGTH(258, 0),
    INVALID,
    INVALID,
};

/* Of lengths that entries for several symbols can name, the number of extra bits; no code is as short as others need. */
static const uint8_t short_length_extra[R2G_INFLATE_LITLEN_COUNT - 256] = {
    99, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 99, 99, 99, 99, 99, 99, 99,
};

/* The value, and the number of extra bits at once where the bits used are counted. */
#define BASE(value, extra) ((uint32_t)(value) << 16 | (extra))

static const uint32_t distance_entries[R2G_INFLATE_DISTANCE_COUNT] = {
    BASE(1, 0),          BASE(2, 0),          BASE(3, 0),     BASE(4, 0),      BASE(5, 1),      BASE(7, 1),
    BASE(9, 2),          BASE(13, 2),         BASE(17, 3),    BASE(25, 3),     BASE(33, 4),     BASE(49, 4),
    BASE(65, 5),         BASE(97, 5),         BASE(129, 6),   BASE(193, 6),    BASE(257, 7),    BASE(385, 7),
    BASE(513, 8),        BASE(769, 8),        BASE(1025, 9),  BASE(1537, 9),   BASE(2049, 10),  BASE(3073, 10),
    BASE(4097, 11),      BASE(6145, 11),      BASE(8193, 12), BASE(12289, 12), BASE(16385, 13), BASE(24577, 13),
    R2G_INFLATE_INVALID, R2G_INFLATE_INVALID,
};

/* Symbols in the order of their codes: those of n bits are at [first[n], first[n + 1]), by value. */
struct sorted {
    uint16_t first[MAX_BITS + 2];
    uint16_t literals_end[MAX_BITS + 1]; /* the literals of n bits are at [first[n], literals_end[n]) */
    uint16_t symbol[R2G_INFLATE_LITLEN_COUNT];
    uint16_t code[R2G_INFLATE_LITLEN_COUNT]; /* first bit lowest */
    unsigned max_nbits;
    bool complete;
};

/* False: there are more codes than bits can tell apart. */
static bool count_lengths(struct sorted *sorted, const uint8_t *lengths, unsigned count) {
    uint16_t counts[4][MAX_BITS + 1] = {{0}}; /* four, as neighbours are often equal and would wait for each other */
    for (unsigned i = 0; i < count; i++)
        counts[i % 4][lengths[i]]++;
    unsigned free_codes = 1, start = 0;
    sorted->max_nbits = 0;
    for (unsigned nbits = 1; nbits <= MAX_BITS; nbits++) {
        unsigned n = (unsigned)counts[0][nbits] + counts[1][nbits] + counts[2][nbits] + counts[3][nbits];
        sorted->first[nbits] = (uint16_t)start;
        start += n;
        if (n > 0)
            sorted->max_nbits = nbits;
        if (n > free_codes * 2)
            return false;
        free_codes = free_codes * 2 - n;
    }
    sorted->first[MAX_BITS + 1] = (uint16_t)start;
    sorted->first[0] = (uint16_t)start; /* symbols without a code go behind all others */
    sorted->complete = free_codes == 0;
    return true;
}

#define REVERSE_2(n) (n), (n) + 2 * 64, (n) + 1 * 64, (n) + 3 * 64
#define REVERSE_4(n) REVERSE_2(n), REVERSE_2((n) + 2 * 16), REVERSE_2((n) + 1 * 16), REVERSE_2((n) + 3 * 16)
#define REVERSE_6(n) REVERSE_4(n), REVERSE_4((n) + 2 * 4), REVERSE_4((n) + 1 * 4), REVERSE_4((n) + 3 * 4)
static const uint8_t reversed[256] = {REVERSE_6(0), REVERSE_6(2), REVERSE_6(1), REVERSE_6(3)};

/* RFC 1951, 3.2.2, where codes are numbers with the first bit highest. */
static void assign_codes(struct sorted *sorted) {
    unsigned code = 0;
    for (unsigned nbits = 1; nbits <= sorted->max_nbits; nbits++) {
        code <<= 1;
        for (unsigned i = sorted->first[nbits]; i < sorted->first[nbits + 1]; i++, code++)
            sorted->code[i] = (uint16_t)(((unsigned)reversed[code & 255] << 8 | reversed[code >> 8]) >> (16 - nbits));
    }
}

static bool sort_symbols(struct sorted *sorted, const uint8_t *lengths, unsigned count) {
    if (!count_lengths(sorted, lengths, count))
        return false;
    uint16_t next[MAX_BITS + 1];
    memcpy(next, sorted->first, sizeof next);
    unsigned literal_count = count < 256 ? count : 256;
    for (unsigned symbol = 0; symbol < literal_count; symbol++)
        sorted->symbol[next[lengths[symbol]]++] = (uint16_t)symbol;
    memcpy(sorted->literals_end, next, sizeof next);
    for (unsigned symbol = literal_count; symbol < count; symbol++)
        sorted->symbol[next[lengths[symbol]]++] = (uint16_t)symbol;
    assign_codes(sorted);
    return true;
}

static void double_table(uint32_t *table, unsigned nbits) {
    size_t half = (size_t)1 << (nbits - 1);
    memcpy(table + half, table, half * sizeof *table);
}

static uint32_t literal_entry(unsigned literal, unsigned nbits) {
    return KIND(R2G_INFLATE_LITERALS_1) | (uint32_t)literal << R2G_INFLATE_LITERALS_SHIFT | nbits;
}

/* The end of an entry behind `count` literals. */
static uint32_t end_entry(unsigned what, unsigned count) {
    if (what < 256)
        return KIND(R2G_INFLATE_LITERALS_1 + count) + ((uint32_t)what << (R2G_INFLATE_LITERALS_SHIFT + 8 * count));
    return KIND(R2G_INFLATE_MATCH_0 + count) + ((uint32_t)(what - 256) << 22);
}

static uint32_t litlen_entry(unsigned symbol, unsigned nbits) {
    return symbol < 256 ? literal_entry(symbol, nbits) : length_entries[symbol - 256] + nbits;
}

/* Bits and what they stand for, by the number of bits: those of n bits are at [first[n], first[n + 1]). */
#define ITEMS_MAX (256 + 128)
struct items {
    uint16_t first[INDEX_BITS + 2];
    uint16_t code[ITEMS_MAX];
    uint16_t what[ITEMS_MAX]; /* a literal, or 256 + length - 3 */
    unsigned shortest;        /* more than INDEX_BITS: there is nothing */
};

/* What can end an entry: literals, and lengths that fit with their extra bits. */
static void make_ends(struct items *ends, const struct sorted *sorted) {
    uint16_t next[INDEX_BITS + 2] = {0};
    for (unsigned nbits = 1; nbits <= INDEX_BITS; nbits++) {
        next[nbits + 1] = (uint16_t)(next[nbits + 1] + sorted->literals_end[nbits] - sorted->first[nbits]);
        for (unsigned i = sorted->literals_end[nbits]; i < sorted->first[nbits + 1]; i++) {
            unsigned extra = short_length_extra[sorted->symbol[i] - 256];
            if (nbits + extra <= INDEX_BITS)
                next[nbits + extra + 1] = (uint16_t)(next[nbits + extra + 1] + (1U << extra));
        }
    }
    ends->shortest = INDEX_BITS + 1;
    for (unsigned nbits = 1; nbits <= INDEX_BITS; nbits++) {
        if (next[nbits + 1] > 0 && ends->shortest > nbits)
            ends->shortest = nbits;
        next[nbits + 1] = (uint16_t)(next[nbits + 1] + next[nbits]);
    }
    memcpy(ends->first, next, sizeof next);
    for (unsigned nbits = 1; nbits <= INDEX_BITS; nbits++) {
        for (unsigned i = sorted->first[nbits]; i < sorted->literals_end[nbits]; i++) {
            ends->code[next[nbits]] = sorted->code[i];
            ends->what[next[nbits]++] = sorted->symbol[i];
        }
        for (unsigned i = sorted->literals_end[nbits]; i < sorted->first[nbits + 1]; i++) {
            unsigned extra = short_length_extra[sorted->symbol[i] - 256];
            unsigned what = 256 + R2G_INFLATE_OTHER_VALUE(length_entries[sorted->symbol[i] - 256]) - 3;
            for (unsigned j = 0; nbits + extra <= INDEX_BITS && j < 1U << extra; j++) {
                ends->code[next[nbits + extra]] = (uint16_t)(sorted->code[i] | j << nbits);
                ends->what[next[nbits + extra]++] = (uint16_t)(what + j);
            }
        }
    }
}

/* One literal, or two, at the beginning of an entry: those of n bits are at [first[n], end[n]). */
#define PAIRS_MAX (1 << INDEX_BITS)
struct beginnings {
    const uint16_t *first, *end;
    const uint16_t *code;
    const uint16_t *literals; /* first one lowest */
};

/* Pairs of literals that leave room for something behind them. Each has an index of its own that begins with it, so
 * there cannot be more than PAIRS_MAX. */
struct pairs {
    uint16_t first[INDEX_BITS + 1], end[INDEX_BITS + 1];
    uint16_t code[PAIRS_MAX];
    uint16_t literals[PAIRS_MAX];
};

static void make_pairs(struct pairs *pairs, const struct sorted *sorted, unsigned max_nbits) {
    unsigned count = 0;
    for (unsigned nbits = 2; nbits <= max_nbits; nbits++) {
        pairs->first[nbits] = (uint16_t)count;
        for (unsigned a = 1; a < nbits; a++) {
            for (unsigned j = sorted->first[nbits - a]; j < sorted->literals_end[nbits - a]; j++) {
                for (unsigned i = sorted->first[a]; i < sorted->literals_end[a]; i++) {
                    pairs->code[count] = (uint16_t)(sorted->code[i] | (unsigned)sorted->code[j] << a);
                    pairs->literals[count++] = (uint16_t)(sorted->symbol[i] | sorted->symbol[j] << 8);
                }
            }
        }
        pairs->end[nbits] = (uint16_t)count;
    }
}

/* Puts the entries of `nbits` that begin with one of `beginnings`, of `count` literals, and end with one of `ends`. */
static void put_sequences(uint32_t *table, const struct beginnings *beginnings, unsigned count,
                          const struct items *ends, unsigned nbits) {
    for (unsigned a = count; a + ends->shortest <= nbits; a++) {
        if (beginnings->first[a] == beginnings->end[a])
            continue;
        for (unsigned j = ends->first[nbits - a]; j < ends->first[nbits - a + 1]; j++) {
            uint32_t entry = end_entry(ends->what[j], count) + nbits;
            unsigned code = (unsigned)ends->code[j] << a;
            for (unsigned i = beginnings->first[a]; i < beginnings->end[a]; i++)
                table[beginnings->code[i] | code] =
                    entry + ((uint32_t)beginnings->literals[i] << R2G_INFLATE_LITERALS_SHIFT);
        }
    }
}

/* The codes of more than `index_nbits`. Returns the mask for what a link looks at. */
static uint32_t put_long_codes(uint32_t *table, unsigned index_nbits, const struct sorted *sorted,
                               uint32_t (*entry_of)(unsigned symbol, unsigned nbits),
                               uint32_t (*link_to)(uint32_t at)) {
    if (sorted->max_nbits <= index_nbits)
        return 0;
    uint32_t size = UINT32_C(1) << (sorted->max_nbits - index_nbits);
    uint32_t end = UINT32_C(1) << index_nbits;
    uint32_t prefix = end; /* of the part in work: none yet */
    for (unsigned nbits = index_nbits + 1; nbits <= sorted->max_nbits; nbits++) {
        for (unsigned i = sorted->first[nbits]; i < sorted->first[nbits + 1]; i++) {
            uint32_t code = sorted->code[i];
            if ((code & ((UINT32_C(1) << index_nbits) - 1)) != prefix) {
                prefix = code & ((UINT32_C(1) << index_nbits) - 1);
                table[prefix] = link_to(end);
                end += size;
            }
            for (uint32_t at = code >> index_nbits; at < size; at += UINT32_C(1) << (nbits - index_nbits))
                table[end - size + at] = entry_of(sorted->symbol[i], nbits);
        }
    }
    return size - 1;
}

/* A code with free places is one code of one bit, or none: the other place, or both, hold what is put here first. */
static bool may_be_incomplete(const struct sorted *sorted) {
    return sorted->complete || sorted->max_nbits <= 1;
}

static uint32_t litlen_link(uint32_t at) {
    return OTHER(R2G_INFLATE_OTHER_LINK, at, 0);
}

static void fill_litlen(uint32_t *table, const struct sorted *sorted) {
    struct items ends;
    struct pairs pairs;
    memset(pairs.first, 0, sizeof pairs.first);
    memset(pairs.end, 0, sizeof pairs.end);
    make_ends(&ends, sorted);
    make_pairs(&pairs, sorted, ends.shortest < INDEX_BITS ? INDEX_BITS - ends.shortest : 0);
    struct beginnings one = {sorted->first, sorted->literals_end, sorted->code, sorted->symbol};
    struct beginnings two = {pairs.first, pairs.end, pairs.code, pairs.literals};
    table[0] = INVALID + 1;
    for (unsigned nbits = 1; nbits <= INDEX_BITS; nbits++) {
        double_table(table, nbits);
        for (unsigned i = sorted->literals_end[nbits]; i < sorted->first[nbits + 1]; i++)
            table[sorted->code[i]] = litlen_entry(sorted->symbol[i], nbits);
        for (unsigned j = ends.first[nbits]; j < ends.first[nbits + 1]; j++)
            table[ends.code[j]] = end_entry(ends.what[j], 0) + nbits;
        put_sequences(table, &one, 1, &ends, nbits);
        put_sequences(table, &two, 2, &ends, nbits);
    }
}

bool r2g_inflate_build_litlen(struct r2g_inflate_tables *tables, const uint8_t *lengths, unsigned count) {
    struct sorted sorted;
    if (!sort_symbols(&sorted, lengths, count) || !may_be_incomplete(&sorted))
        return false;
    memcpy(tables->literal_nbits, lengths, sizeof tables->literal_nbits);
    fill_litlen(tables->litlen, &sorted);
    tables->litlen_link_mask = put_long_codes(tables->litlen, INDEX_BITS, &sorted, litlen_entry, litlen_link);
    return true;
}

/* The entry of a symbol with a code of nbits. */
static uint32_t other_entry(uint32_t base, unsigned nbits) {
    return base + nbits + (nbits << 8);
}

static uint32_t distance_entry(unsigned symbol, unsigned nbits) {
    return other_entry(distance_entries[symbol], nbits);
}

static uint32_t distance_link(uint32_t at) {
    return R2G_INFLATE_LINK | at << 16;
}

bool r2g_inflate_build_distance(struct r2g_inflate_tables *tables, const uint8_t *lengths, unsigned count) {
    struct sorted sorted;
    if (!sort_symbols(&sorted, lengths, count) || !may_be_incomplete(&sorted))
        return false;
    tables->distance[0] = R2G_INFLATE_INVALID | other_entry(0, 1);
    for (unsigned nbits = 1; nbits <= R2G_INFLATE_DISTANCE_BITS; nbits++) {
        double_table(tables->distance, nbits);
        for (unsigned i = sorted.first[nbits]; i < sorted.first[nbits + 1]; i++)
            tables->distance[sorted.code[i]] = distance_entry(sorted.symbol[i], nbits);
    }
    tables->distance_link_mask =
        put_long_codes(tables->distance, R2G_INFLATE_DISTANCE_BITS, &sorted, distance_entry, distance_link);
    return true;
}

bool r2g_inflate_build_precode(uint32_t table[1 << R2G_INFLATE_PRECODE_BITS],
                               const uint8_t lengths[R2G_INFLATE_PRECODE_COUNT]) {
    struct sorted sorted;
    if (!sort_symbols(&sorted, lengths, R2G_INFLATE_PRECODE_COUNT) || (!sorted.complete && sorted.max_nbits > 0))
        return false;
    table[0] = other_entry(0, 1);
    for (unsigned nbits = 1; nbits <= R2G_INFLATE_PRECODE_BITS; nbits++) {
        double_table(table, nbits);
        for (unsigned i = sorted.first[nbits]; i < sorted.first[nbits + 1]; i++)
            table[sorted.code[i]] = other_entry((uint32_t)sorted.symbol[i] << 16, nbits);
    }
    return true;
}
