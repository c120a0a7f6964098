/* Sizes are counted in whole bits before anything is written, so that the smallest form is known. */
#include "deflate/block.h"

#include <stdbool.h>
#include <string.h>

#include "base/size.h"
#include "deflate/huffman.h"

/* Codes of literals and lengths: one bit below the format's limit, so that four literals fit between two flushes. */
#define LENGTH_CODE_BITS_MAX 14
#define DISTANCE_CODE_BITS_MAX 15
#define CODE_LENGTH_SYMBOLS 19
#define CODE_LENGTH_BITS_MAX 7
#define STORED_NBYTES_MAX 65535

enum { STORED, FIXED, DYNAMIC }; /* BTYPE */

struct codes {
    uint8_t length_bits[R2G_HUFFMAN_SYMBOLS_MAX], distance_bits[32];
    uint16_t length_codes[R2G_HUFFMAN_SYMBOLS_MAX], distance_codes[32];
};

/* The two codes described as section 3.2.7 says. */
struct description {
    unsigned length_count, distance_count, order_count; /* HLIT + 257, HDIST + 1, HCLEN + 4 */
    unsigned item_count;
    struct {
        uint8_t symbol, extra;
    } items[R2G_LENGTH_SYMBOLS + R2G_DISTANCE_SYMBOLS];
    uint8_t bits[CODE_LENGTH_SYMBOLS];
    uint16_t codes[CODE_LENGTH_SYMBOLS];
};

/* log2(n) in 1/256, n > 0: below 1/64 wrong. Between powers of two, log2(1 + x) is about x + 0.344 x (1 - x). */
static uint32_t log2_256(uint32_t n) {
    unsigned whole = floor_log2(n);
    uint32_t x = (uint32_t)(((uint64_t)n << 16 >> whole) - 65536);
    uint32_t curve = (uint32_t)((uint64_t)x * (65536 - x) >> 16) * 88 >> 8;
    return whole * 256 + ((x + curve) >> 8);
}

static uint64_t estimate(const uint32_t *counts, unsigned symbol_count) {
    uint32_t total = 0;
    for (unsigned i = 0; i < symbol_count; i++) {
        total += counts[i];
    }
    if (total == 0) {
        return 0;
    }
    uint32_t all = log2_256(total);
    uint64_t sum = 0;
    for (unsigned i = 0; i < symbol_count; i++) {
        if (counts[i] != 0) {
            uint32_t cost = all - log2_256(counts[i]);
            sum += (uint64_t)counts[i] * (cost > 256 ? cost : 256);
        }
    }
    return sum;
}

static uint64_t extra_bits(const struct r2g_symbol_counts *counts) {
    uint64_t sum = 0;
    for (unsigned i = R2G_END_OF_BLOCK + 1; i < R2G_LENGTH_SYMBOLS; i++) {
        sum += (uint64_t)counts->lengths[i] * length_extra_bits(i);
    }
    for (unsigned i = 0; i < R2G_DISTANCE_SYMBOLS; i++) {
        sum += (uint64_t)counts->distances[i] * distance_extra_bits(i);
    }
    return sum;
}

uint64_t r2g_block_estimate(const struct r2g_symbol_counts *counts) {
    return estimate(counts->lengths, R2G_LENGTH_SYMBOLS) + estimate(counts->distances, R2G_DISTANCE_SYMBOLS) +
           extra_bits(counts) * 256;
}

uint64_t r2g_block_estimate_codes(const struct r2g_symbol_counts *counts) {
    unsigned used = 0;
    for (unsigned i = 0; i < R2G_LENGTH_SYMBOLS; i++) {
        used += counts->lengths[i] != 0;
    }
    for (unsigned i = 0; i < R2G_DISTANCE_SYMBOLS; i++) {
        used += counts->distances[i] != 0;
    }
    return (60 + 7 * (uint64_t)used / 2) * 256; /* measured: 3 to 4 bits a symbol */
}

/* The lengths of both codes as one sequence, repeats shortened. */
static void describe(const struct codes *codes, struct description *d) {
    uint8_t all[R2G_LENGTH_SYMBOLS + R2G_DISTANCE_SYMBOLS];
    d->length_count = R2G_LENGTH_SYMBOLS;
    while (d->length_count > 257 && codes->length_bits[d->length_count - 1] == 0) {
        d->length_count--;
    }
    d->distance_count = R2G_DISTANCE_SYMBOLS;
    while (d->distance_count > 1 && codes->distance_bits[d->distance_count - 1] == 0) {
        d->distance_count--;
    }
    unsigned count = d->length_count + d->distance_count;
    memcpy(all, codes->length_bits, d->length_count);
    memcpy(all + d->length_count, codes->distance_bits, d->distance_count);
    uint32_t frequencies[CODE_LENGTH_SYMBOLS] = {0};
    d->item_count = 0;
    for (unsigned i = 0; i < count;) {
        unsigned run = 1;
        while (i + run < count && all[i + run] == all[i]) {
            run++;
        }
        /* 16: the one before 3 to 6 times again; 17 and 18: zero 3 to 10 and 11 to 138 times */
        unsigned symbol = all[i], extra = 0, taken = 1;
        bool repeats = i > 0 && all[i - 1] == all[i];
        if (all[i] == 0 && run >= 3) {
            taken = run < 138 ? run : 138;
            symbol = taken < 11 ? 17 : 18;
            extra = taken - (taken < 11 ? 3 : 11);
        } else if (repeats && run >= 3) {
            taken = run < 6 ? run : 6;
            symbol = 16;
            extra = taken - 3;
        }
        d->items[d->item_count].symbol = (uint8_t)symbol;
        d->items[d->item_count++].extra = (uint8_t)extra;
        frequencies[symbol]++;
        i += taken;
    }
    r2g_huffman_lengths(frequencies, CODE_LENGTH_SYMBOLS, CODE_LENGTH_BITS_MAX, d->bits);
    r2g_huffman_codes(d->bits, CODE_LENGTH_SYMBOLS, d->codes);
}

static const uint8_t code_length_order[CODE_LENGTH_SYMBOLS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                               11, 4,  12, 3, 13, 2, 14, 1, 15};

static unsigned item_extra_bits(unsigned symbol) {
    return symbol == 16 ? 2 : symbol == 17 ? 3 : symbol == 18 ? 7 : 0;
}

static uint64_t description_bits(struct description *d) {
    d->order_count = CODE_LENGTH_SYMBOLS;
    while (d->order_count > 4 && d->bits[code_length_order[d->order_count - 1]] == 0) {
        d->order_count--;
    }
    uint64_t sum = 14 + 3 * d->order_count;
    for (unsigned i = 0; i < d->item_count; i++) {
        sum += d->bits[d->items[i].symbol] + item_extra_bits(d->items[i].symbol);
    }
    return sum;
}

static void write_description(struct bit_writer *writer, const struct description *d) {
    bits_put(writer, d->length_count - 257, 5);
    bits_put(writer, d->distance_count - 1, 5);
    bits_put(writer, d->order_count - 4, 4);
    bits_flush(writer);
    for (unsigned i = 0; i < d->order_count; i++) {
        bits_put(writer, d->bits[code_length_order[i]], 3);
        bits_flush(writer);
    }
    for (unsigned i = 0; i < d->item_count; i++) {
        unsigned symbol = d->items[i].symbol;
        bits_put(writer, d->codes[symbol], d->bits[symbol]);
        bits_put(writer, d->items[i].extra, item_extra_bits(symbol));
        bits_flush(writer);
    }
}

/* Section 3.2.6. */
static void fixed_lengths(struct codes *codes) {
    memset(codes->length_bits, 8, 144);
    memset(codes->length_bits + 144, 9, 256 - 144);
    memset(codes->length_bits + 256, 7, 280 - 256);
    memset(codes->length_bits + 280, 8, 288 - 280);
    memset(codes->distance_bits, 5, 32);
}

static uint64_t coded_bits(const struct codes *codes, const struct r2g_symbol_counts *counts) {
    uint64_t sum = extra_bits(counts);
    for (unsigned i = 0; i < R2G_LENGTH_SYMBOLS; i++) {
        sum += (uint64_t)counts->lengths[i] * codes->length_bits[i];
    }
    for (unsigned i = 0; i < R2G_DISTANCE_SYMBOLS; i++) {
        sum += (uint64_t)counts->distances[i] * codes->distance_bits[i];
    }
    return sum;
}

static void make_lengths(struct codes *codes, const struct r2g_symbol_counts *counts) {
    memset(codes, 0, sizeof *codes);
    r2g_huffman_lengths(counts->lengths, R2G_LENGTH_SYMBOLS, LENGTH_CODE_BITS_MAX, codes->length_bits);
    r2g_huffman_lengths(counts->distances, R2G_DISTANCE_SYMBOLS, DISTANCE_CODE_BITS_MAX, codes->distance_bits);
}

uint64_t r2g_block_bits(const struct r2g_symbol_counts *counts) {
    struct codes codes;
    make_lengths(&codes, counts);
    return coded_bits(&codes, counts);
}

/* ---- Symbols
 * Literals are gathered with their newest bit at the top of a register: an entry holds a literal's code there and its
 * bits in its lowest byte, where what they disturb is shifted out in the end. Up to 56 bits of code meet no lowest byte. */
struct literal_table {
    uint64_t entries[256];
};

static inline uint64_t four_literals(const struct literal_table *table, uint32_t bytes, unsigned *count) {
    uint64_t e0 = table->entries[bytes & 255], e1 = table->entries[bytes >> 8 & 255];
    uint64_t e2 = table->entries[bytes >> 16 & 255], e3 = table->entries[bytes >> 24];
    unsigned bits01 = (unsigned)(e0 + e1) & 255, bits23 = (unsigned)(e2 + e3) & 255;
    uint64_t first = e0 >> (e1 & 63) | e1, second = e2 >> (e3 & 63) | e3;
    *count = bits01 + bits23;
    return (first >> bits23 | second) >> (64 - *count);
}

static inline void write_literals(struct bit_writer *writer, const struct literal_table *table, const uint8_t *bytes,
                                  size_t nbytes) {
    unsigned count;
    size_t i = 0;
    for (; i + 8 <= nbytes; i += 8) {
        uint64_t eight = bits_load64(bytes + i);
        uint64_t value = four_literals(table, (uint32_t)eight, &count);
        bits_put(writer, value, count);
        bits_flush(writer);
        value = four_literals(table, (uint32_t)(eight >> 32), &count);
        bits_put(writer, value, count);
        bits_flush(writer);
    }
    for (; i < nbytes; i++) {
        uint64_t entry = table->entries[bytes[i]];
        count = (unsigned)entry & 255;
        bits_put(writer, entry >> (64 - count), count);
        bits_flush(writer);
    }
}

static void write_tokens(struct bit_writer *to, const uint8_t *bytes, const struct r2g_token_list *list,
                         const struct codes *codes) {
    struct literal_table table;
    struct bit_writer writer = *to; /* stays in registers */
    for (int i = 0; i < 256; i++) {
        unsigned bits = codes->length_bits[i];
        table.entries[i] = bits == 0 ? 0 : (uint64_t)codes->length_codes[i] << (64 - bits) | bits;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct r2g_token token = list->tokens[i];
        write_literals(&writer, &table, bytes, token.literal_count);
        bytes += token.literal_count + token.length;
        if (token.length != 0) {
            struct r2g_symbol length = length_symbol(token.length), distance = distance_symbol(token.distance);
            bits_put(&writer, codes->length_codes[length.symbol], codes->length_bits[length.symbol]);
            bits_put(&writer, length.extra, length.extra_bits);
            bits_put(&writer, codes->distance_codes[distance.symbol], codes->distance_bits[distance.symbol]);
            bits_put(&writer, distance.extra, distance.extra_bits);
            bits_flush(&writer);
        }
    }
    bits_put(&writer, codes->length_codes[R2G_END_OF_BLOCK], codes->length_bits[R2G_END_OF_BLOCK]);
    bits_flush(&writer);
    *to = writer;
}

static void write_stored_piece(struct bit_writer *writer, const uint8_t *bytes, size_t nbytes) {
    bits_put(writer, STORED << 1, 3);
    bits_align(writer);
    bits_put(writer, nbytes | (~nbytes & 0xffff) << 16, 32);
    bits_flush(writer);
    if (nbytes > 0) {
        memcpy(writer->to, bytes, nbytes);
        writer->to += nbytes;
    }
}

void r2g_block_write_empty(struct bit_writer *writer) {
    write_stored_piece(writer, NULL, 0);
}

static void write_stored(struct bit_writer *writer, const uint8_t *bytes, size_t nbytes) {
    while (nbytes > 0) {
        size_t piece = nbytes < STORED_NBYTES_MAX ? nbytes : STORED_NBYTES_MAX;
        write_stored_piece(writer, bytes, piece);
        bytes += piece;
        nbytes -= piece;
    }
}

void r2g_block_write(struct bit_writer *writer, const uint8_t *bytes, size_t nbytes, struct r2g_token_list *list) {
    struct codes codes = {.length_bits = {0}};
    struct description description;
    list->counts.lengths[R2G_END_OF_BLOCK] = 1;
    fixed_lengths(&codes);
    uint64_t fixed_bits = coded_bits(&codes, &list->counts);
    make_lengths(&codes, &list->counts);
    describe(&codes, &description);
    uint64_t dynamic_bits = description_bits(&description) + coded_bits(&codes, &list->counts);
    /* header, padding and lengths: at most 42 bits a piece (RFC 1951, 3.2.4) */
    uint64_t stored_bits = 8 * (uint64_t)nbytes + 42 * (nbytes / STORED_NBYTES_MAX + 1);
    if (stored_bits <= r2g_u64_min(fixed_bits, dynamic_bits)) {
        write_stored(writer, bytes, nbytes);
        return;
    }
    bool fixed = fixed_bits <= dynamic_bits;
    bits_put(writer, (fixed ? FIXED : DYNAMIC) << 1, 3);
    if (fixed) {
        fixed_lengths(&codes);
    } else {
        write_description(writer, &description);
    }
    r2g_huffman_codes(codes.length_bits, R2G_HUFFMAN_SYMBOLS_MAX, codes.length_codes);
    r2g_huffman_codes(codes.distance_bits, 32, codes.distance_codes);
    write_tokens(writer, bytes, list, &codes);
}
