#include "codec/jpeg_huffman.h"

#include <string.h>

enum { LOOK_MASK = R2G_JPEG_LOOKS - 1 };

/* The symbol that a pattern of LOOK_BITS bits begins with; nbits 0: its code is longer, or there is none. */
struct single {
    uint8_t nbits, symbol;
};

static r2g_status fill_book(struct r2g_jpeg_book *book, const struct r2g_jpeg_codes *codes, unsigned symbol_max,
                            struct r2g_error *err) {
    int32_t code = 0, place = 0;
    for (int nbits = 1; nbits <= 16; nbits++) {
        int32_t count = codes->counts[nbits];
        /* no code may be all ones (T.81, C.2) */
        if (place + count > 256 || (count > 0 && code + count >= 1 << nbits))
            return r2g_fail(err, R2G_ECORRUPT, "damaged JPEG data: a Huffman table that no codes can have");
        book->index[nbits] = place - code;
        book->last[nbits] = count > 0 ? code + count - 1 : -1;
        place += count;
        code = (code + count) << 1;
    }
    for (int32_t i = 0; i < place; i++)
        if (codes->symbols[i] > symbol_max)
            return r2g_fail(err, R2G_ECORRUPT, "damaged JPEG data: a Huffman table for DC values of %u bits",
                            codes->symbols[i]);
    memcpy(book->symbols, codes->symbols, sizeof book->symbols);
    return R2G_OK;
}

/* Codes stand in ascending order, so they fill the patterns one after the other. */
static void fill_singles(struct single singles[R2G_JPEG_LOOKS], const struct r2g_jpeg_codes *codes) {
    memset(singles, 0, R2G_JPEG_LOOKS * sizeof *singles);
    size_t pattern = 0, place = 0;
    for (int nbits = 1; nbits <= R2G_JPEG_LOOK_BITS; nbits++)
        for (int i = 0; i < codes->counts[nbits]; i++, place++)
            for (size_t end = pattern + ((size_t)1 << (R2G_JPEG_LOOK_BITS - nbits)); pattern < end; pattern++)
                singles[pattern] = (struct single){(uint8_t)nbits, codes->symbols[place]};
}

/* Goes on with AC symbols in `pattern`, of which `nbits` bits are taken and `passed` coefficients passed. */
static uint16_t walk_on(const struct single *ac, unsigned pattern, unsigned nbits, unsigned passed) {
    for (;;) {
        struct single single = ac[(pattern << nbits) & LOOK_MASK];
        unsigned size = single.symbol & 15, run = single.symbol >> 4, after = nbits + single.nbits + size;
        bool end = size == 0 && run < 15; /* as libjpeg: also run lengths that only progressive scans know */
        if (single.nbits == 0 || nbits + single.nbits > R2G_JPEG_LOOK_BITS)
            break;
        if (end)
            return (uint16_t)((passed + R2G_JPEG_END) << 8 | after);
        /* a first symbol is taken although its value is not seen whole */
        if ((after > R2G_JPEG_LOOK_BITS && nbits > 0) || passed + run + 1 > 63)
            break;
        nbits = after;
        passed += run + 1;
        if (nbits >= R2G_JPEG_LOOK_BITS)
            break;
    }
    return (uint16_t)((nbits == 0 ? R2G_JPEG_ALONE : passed) << 8 | nbits);
}

/* The entry for a block's start; *dc as in struct r2g_jpeg_walk. */
static uint16_t walk_first(const struct single *dc_singles, const struct single *ac, unsigned pattern, int16_t *dc) {
    struct single single = dc_singles[pattern];
    unsigned size = single.symbol, nbits = single.nbits + size;
    *dc = 0;
    if (single.nbits == 0)
        return R2G_JPEG_ALONE << 8;
    if (nbits > R2G_JPEG_LOOK_BITS)
        return (uint16_t)(1 << 8 | nbits);
    int value = (int)(pattern >> (R2G_JPEG_LOOK_BITS - nbits) & ((1U << size) - 1));
    if (size > 0 && value < 1 << (size - 1)) /* T.81, F.2.2.1 EXTEND */
        value += 1 - (1 << size);
    *dc = (int16_t)(value * 16 + (int)nbits);
    return walk_on(ac, pattern, nbits, 1);
}

r2g_status r2g_jpeg_walk_fill(struct r2g_jpeg_walk *walk, const struct r2g_jpeg_codes *dc,
                              const struct r2g_jpeg_codes *ac, struct r2g_error *err) {
    struct single dc_singles[R2G_JPEG_LOOKS], ac_singles[R2G_JPEG_LOOKS];
    r2g_status status = fill_book(&walk->dc_book, dc, 15, err);
    if (status == R2G_OK)
        status = fill_book(&walk->ac_book, ac, 255, err);
    if (status != R2G_OK)
        return status;
    fill_singles(dc_singles, dc);
    fill_singles(ac_singles, ac);
    for (unsigned pattern = 0; pattern < R2G_JPEG_LOOKS; pattern++) {
        walk->first[pattern] = walk_first(dc_singles, ac_singles, pattern, &walk->dc[pattern]);
        walk->rest[pattern] = walk_on(ac_singles, pattern, 0, 0);
    }
    return R2G_OK;
}

static void list_dc_codes(const struct r2g_jpeg_codes *codes, struct r2g_jpeg_dc_codes *write) {
    unsigned code = 0, place = 0;
    memset(write, 0, sizeof *write);
    for (unsigned nbits = 1; nbits <= 16; nbits++, code <<= 1) {
        for (int i = 0; i < codes->counts[nbits]; i++, place++, code++) {
            unsigned symbol = codes->symbols[place];
            if (symbol < R2G_JPEG_DC_CATEGORIES && write->nbits[symbol] == 0) {
                write->code[symbol] = (uint16_t)code;
                write->nbits[symbol] = (uint8_t)nbits;
            }
        }
    }
}

bool r2g_jpeg_dc_complete(struct r2g_jpeg_codes *codes, struct r2g_jpeg_dc_codes *write) {
    uint8_t missing[R2G_JPEG_DC_CATEGORIES];
    unsigned missing_count = 0, place = 0, longest = 1, room = 1;
    list_dc_codes(codes, write);
    for (unsigned symbol = 0; symbol < R2G_JPEG_DC_CATEGORIES; symbol++)
        if (write->nbits[symbol] == 0)
            missing[missing_count++] = (uint8_t)symbol;
    if (missing_count == 0)
        return true;
    for (unsigned nbits = 1; nbits <= 16; nbits++) {
        if (codes->counts[nbits] > 0)
            longest = nbits;
        place += codes->counts[nbits];
    }
    for (unsigned nbits = 1; nbits <= longest; nbits++)
        room = room * 2 - codes->counts[nbits]; /* patterns of so many bits that begin no code */
    for (; longest < 16 && room <= missing_count; longest++)
        room *= 2;
    /* one is left over: no code may be all ones (T.81, C.2) */
    if (room <= missing_count || place + missing_count > 256 || codes->counts[longest] + missing_count > UINT8_MAX)
        return false;
    codes->counts[longest] = (uint8_t)(codes->counts[longest] + missing_count);
    memcpy(codes->symbols + place, missing, missing_count);
    list_dc_codes(codes, write);
    return true;
}
