/* A block is passed by looking up 12 bits at a time: an entry covers as many whole symbols as these show, about ten bits
 * on average, so that a block takes five or six lookups. An entry does not know where its block stands; if it passes
 * coefficient 63 without an end-of-block code, part of it belongs to the next block. Then, and where a code is longer
 * than a lookup, the entry is undone and one symbol decoded by itself.
 *
 * Each lookup takes at most R2G_JPEG_TAKE_MAX (27) bits and a refill gives 56, so that two lookups go with a refill.
 */
#include "codec/jpeg_walk.h"

#include <stdbool.h>

#include <rgb2gray/luma.h>

enum { BAD = 1000 }; /* instead of a number of coefficients */

/* Decodes the symbol at the top of `bits`: -1 if it is none. */
static int decode(const struct r2g_jpeg_book *book, uint64_t bits, unsigned *nbits) {
    for (unsigned length = 1; length <= 16; length++) {
        int32_t code = (int32_t)(bits >> (64 - length));
        if (code <= book->last[length]) {
            *nbits = length;
            return book->symbols[book->index[length] + code];
        }
    }
    return -1;
}

/* Undoes a lookup that took `undo` bits and decodes one symbol, with `passed` coefficients before it. Returns how many
 * are passed then (64 at the block's end), or BAD. A run beyond coefficient 63 ends the block, as in libjpeg. */
static __attribute__((noinline)) unsigned walk_alone(struct r2g_jpeg_reading *r, const uint8_t *base,
                                                     const struct r2g_jpeg_walk *walk, unsigned passed, unsigned undo) {
    unsigned nbits = 0;
    *r = r2g_jpeg_reading_at(base, r2g_jpeg_place(r, base) - undo);
    r2g_jpeg_refill(r);
    int symbol = decode(passed == 0 ? &walk->dc_book : &walk->ac_book, r->bits, &nbits);
    if (symbol < 0)
        return BAD;
    unsigned size = (unsigned)symbol & 15, run = (unsigned)symbol >> 4;
    r2g_jpeg_take(r, nbits + size);
    r2g_jpeg_refill(r);
    if (passed == 0)
        return 1;
    if (size == 0 && run < 15)
        return 64;
    return passed + run + 1 < 64 ? passed + run + 1 : 64;
}

/* Goes on in a block: `passed` and `undo` are what the last lookup came to and took, or 1 and 0 behind the DC symbol. At
 * least R2G_JPEG_TAKE_MAX bits are valid. */
R2G_JPEG_INLINE bool walk_block(struct r2g_jpeg_reading *r, const uint8_t *base, const struct r2g_jpeg_walk *walk,
                                unsigned passed, unsigned entry) {
    for (;;) {
        while (passed < 64) {
            entry = walk->rest[r->bits >> (64 - R2G_JPEG_LOOK_BITS)];
            r2g_jpeg_take(r, entry & 255);
            passed += entry >> 8;
            if (passed >= 64)
                break;
            r2g_jpeg_refill(r);
            entry = walk->rest[r->bits >> (64 - R2G_JPEG_LOOK_BITS)];
            r2g_jpeg_take(r, entry & 255);
            passed += entry >> 8;
        }
        /* just 64, or an end-of-block code with at most 63 before it */
        if (R2G_JPEG_LIKELY(passed == 64 || passed - (R2G_JPEG_END + 1) < 63))
            return true;
        struct r2g_jpeg_reading copy = *r; /* *r itself stays in registers */
        passed = walk_alone(&copy, base, walk, passed - (entry >> 8), entry & 255);
        *r = copy;
        if (passed >= 64)
            return passed == 64;
    }
}

/* Passes a whole block. */
R2G_JPEG_INLINE bool skip_block(struct r2g_jpeg_reading *r, const uint8_t *base, const struct r2g_jpeg_walk *walk) {
    r2g_jpeg_refill(r);
    unsigned entry = walk->first[r->bits >> (64 - R2G_JPEG_LOOK_BITS)];
    r2g_jpeg_take(r, entry & 255);
    return walk_block(r, base, walk, entry >> 8, entry);
}

R2G_JPEG_INLINE enum r2g_jpeg_walk_end walk_same(struct r2g_jpeg_run *run, uint32_t mcu_count, uint32_t *done,
                                                 unsigned luma, unsigned cb, unsigned cr) {
    const uint8_t *base = run->base, *limit = run->limit;
    const struct r2g_jpeg_walk *luma_walk = run->shape->luma_walk;
    const struct r2g_jpeg_walk *cb_walk = run->shape->chroma_walk[0], *cr_walk = run->shape->chroma_walk[1];
    struct r2g_jpeg_reading r = r2g_jpeg_reading_at(base, run->place);
    struct r2g_jpeg_writing w = run->out[0];
    uint32_t i = 0;
    bool good = true;
    do {
        uint64_t start = r2g_jpeg_place(&r, base);
        for (unsigned b = 0; b < luma; b++)
            good = good && skip_block(&r, base, luma_walk);
        r2g_jpeg_copy(&w, base, start, r2g_jpeg_place(&r, base) - start);
        for (unsigned b = 0; b < cb; b++)
            good = good && skip_block(&r, base, cb_walk);
        for (unsigned b = 0; b < cr; b++)
            good = good && skip_block(&r, base, cr_walk);
        i++;
    } while (good && i < mcu_count && r.next < limit);
    run->out[0] = w;
    run->place = r2g_jpeg_place(&r, base);
    *done = i;
    return good ? R2G_JPEG_WALK_ON : R2G_JPEG_WALK_BAD_CODE;
}

/* Appends the DC difference; false if it has no code. */
R2G_JPEG_INLINE bool put_dc(struct r2g_jpeg_writing *w, const struct r2g_jpeg_dc_codes *codes, int32_t diff) {
    uint32_t sign = (uint32_t)(diff >> 31), size = ((uint32_t)diff ^ sign) - sign;
    unsigned category = size == 0 ? 0 : 32 - (unsigned)__builtin_clz(size);
    if (category >= R2G_JPEG_DC_CATEGORIES)
        return false;
    uint32_t value = ((uint32_t)diff + sign) & ((1U << category) - 1); /* T.81, F.1.2.1.1 */
    unsigned nbits = codes->nbits[category] + category;
    r2g_jpeg_put(w, ((uint64_t)codes->code[category] << category | value) << (64 - nbits), nbits);
    return true;
}

bool r2g_jpeg_put_dc(struct r2g_jpeg_writing *w, const struct r2g_jpeg_dc_codes *codes, int32_t diff) {
    return put_dc(w, codes, diff);
}

/* Decodes a DC symbol that a lookup does not show whole. False: it is none. */
static __attribute__((noinline)) bool decode_dc(struct r2g_jpeg_reading *r, const struct r2g_jpeg_walk *walk,
                                                int32_t *diff) {
    unsigned nbits = 0;
    int size = decode(&walk->dc_book, r->bits, &nbits);
    if (size < 0)
        return false;
    r2g_jpeg_take(r, nbits);
    int32_t value = size == 0 ? 0 : (int32_t)(r->bits >> (64 - size));
    if (size > 0 && value < 1 << (size - 1))
        value += 1 - (1 << size);
    r2g_jpeg_take(r, (unsigned)size);
    r2g_jpeg_refill(r);
    *diff = value;
    return true;
}

/* Passes a luma block; *dc goes on by its difference, *ac becomes the place of its AC bits. */
R2G_JPEG_INLINE bool walk_luma(struct r2g_jpeg_reading *r, const uint8_t *base, const struct r2g_jpeg_walk *walk,
                               int32_t *dc, uint64_t *ac) {
    r2g_jpeg_refill(r);
    size_t look = r->bits >> (64 - R2G_JPEG_LOOK_BITS);
    unsigned entry = walk->first[look];
    int seen = walk->dc[look];
    if (R2G_JPEG_LIKELY(seen != 0)) {
        *dc = (int32_t)((uint32_t)*dc + (uint32_t)(seen >> 4));
        *ac = r2g_jpeg_place(r, base) + ((unsigned)seen & 15);
        r2g_jpeg_take(r, entry & 255);
        return walk_block(r, base, walk, entry >> 8, entry);
    }
    struct r2g_jpeg_reading copy = *r;
    int32_t diff = 0;
    bool good = decode_dc(&copy, walk, &diff);
    *r = copy;
    *dc = (int32_t)((uint32_t)*dc + (uint32_t)diff);
    *ac = r2g_jpeg_place(r, base);
    return good && walk_block(r, base, walk, 1, 0);
}

/* What changes with every MCU, out of *run for the time of a loop: there each stored byte would make it be read again. */
struct apart {
    struct r2g_jpeg_writing out[R2G_JPEG_ROWS_MAX];
    int32_t row_dc[R2G_JPEG_ROWS_MAX], dc;
    uint32_t mcu;
};

/* One block row of an MCU. All but its first DC symbol is one run of bits, which is copied as it is. */
R2G_JPEG_INLINE enum r2g_jpeg_walk_end walk_row(struct r2g_jpeg_run *run, struct r2g_jpeg_reading *r,
                                                struct apart *apart, unsigned row, unsigned across, unsigned kept) {
    const uint8_t *base = run->base;
    const struct r2g_jpeg_shape *shape = run->shape;
    struct r2g_jpeg_writing *w = &apart->out[row];
    uint64_t start = 0, end = 0, ac;
    int32_t first = 0, last = 0;
    for (unsigned b = 0; b < across; b++) {
        if (!walk_luma(r, base, shape->luma_walk, &apart->dc, &ac))
            return R2G_JPEG_WALK_BAD_CODE;
        if (b == 0) {
            first = apart->dc;
            start = ac;
        }
        if (b + 1 == kept) {
            last = apart->dc;
            end = r2g_jpeg_place(r, base);
        }
    }
    if (row >= run->kept_down)
        return R2G_JPEG_WALK_ON;
    if (row > 0 && apart->mcu == 0)
        run->first_dc[row] = first;
    else if (!put_dc(w, &shape->dc_codes, (int32_t)((uint32_t)first - (uint32_t)apart->row_dc[row])))
        return R2G_JPEG_WALK_BAD_DC;
    apart->row_dc[row] = last;
    r2g_jpeg_copy(w, base, start, end - start);
    return R2G_JPEG_WALK_ON;
}

R2G_JPEG_INLINE enum r2g_jpeg_walk_end walk_apart(struct r2g_jpeg_run *run, uint32_t mcu_count, uint32_t *done,
                                                  unsigned across, unsigned down, unsigned kept, unsigned cb,
                                                  unsigned cr) {
    const uint8_t *base = run->base, *limit = run->limit;
    const struct r2g_jpeg_walk *cb_walk = run->shape->chroma_walk[0], *cr_walk = run->shape->chroma_walk[1];
    struct r2g_jpeg_reading r = r2g_jpeg_reading_at(base, run->place);
    struct apart apart = {.dc = run->dc, .mcu = run->mcu};
    for (unsigned row = 0; row < down; row++) {
        apart.out[row] = run->out[row];
        apart.row_dc[row] = run->row_dc[row];
    }
    enum r2g_jpeg_walk_end end = R2G_JPEG_WALK_ON;
    uint32_t i = 0;
    bool room;
    do {
        room = true;
        bool good = true;
        for (unsigned row = 0; row < down && end == R2G_JPEG_WALK_ON; row++) {
            end = walk_row(run, &r, &apart, row, across, kept);
            room = room && apart.out[row].next < run->out_limit[row];
        }
        for (unsigned b = 0; b < cb; b++)
            good = good && skip_block(&r, base, cb_walk);
        for (unsigned b = 0; b < cr; b++)
            good = good && skip_block(&r, base, cr_walk);
        if (!good && end == R2G_JPEG_WALK_ON)
            end = R2G_JPEG_WALK_BAD_CODE;
        apart.mcu++;
        i++;
    } while (end == R2G_JPEG_WALK_ON && i < mcu_count && r.next < limit && room);
    for (unsigned row = 0; row < down; row++) {
        run->out[row] = apart.out[row];
        run->row_dc[row] = apart.row_dc[row];
    }
    run->dc = apart.dc;
    run->mcu = apart.mcu;
    run->place = r2g_jpeg_place(&r, base);
    *done = i;
    return end;
}

/* The usual samplings get loops with constants. */
R2G_JPEG_INLINE enum r2g_jpeg_walk_end any_same(struct r2g_jpeg_run *run, uint32_t mcu_count, uint32_t *done) {
    const struct r2g_jpeg_shape *shape = run->shape;
    if (shape->chroma[0] == 1 && shape->chroma[1] == 1 && shape->across == 1)
        return walk_same(run, mcu_count, done, 1, 1, 1);
    if (shape->chroma[0] == 1 && shape->chroma[1] == 1 && shape->across == 2)
        return walk_same(run, mcu_count, done, 2, 1, 1);
    return walk_same(run, mcu_count, done, shape->across, shape->chroma[0], shape->chroma[1]);
}

R2G_JPEG_INLINE enum r2g_jpeg_walk_end any_apart(struct r2g_jpeg_run *run, uint32_t mcu_count, uint32_t *done) {
    const struct r2g_jpeg_shape *shape = run->shape;
    unsigned across = shape->across, down = shape->down, kept = run->kept_across;
    if (shape->chroma[0] == 1 && shape->chroma[1] == 1 && kept == across && down == 2) {
        if (across == 2)
            return walk_apart(run, mcu_count, done, 2, 2, 2, 1, 1);
        if (across == 1)
            return walk_apart(run, mcu_count, done, 1, 2, 1, 1, 1);
    }
    return walk_apart(run, mcu_count, done, across, down, kept, shape->chroma[0], shape->chroma[1]);
}

#if defined(__x86_64__)
/* BMI2 shifts by any register without touching flags, in one step. */
__attribute__((target("bmi2"))) static enum r2g_jpeg_walk_end same_bmi2(struct r2g_jpeg_run *run, uint32_t mcu_count,
                                                                        uint32_t *done) {
    return any_same(run, mcu_count, done);
}

__attribute__((target("bmi2"))) static enum r2g_jpeg_walk_end apart_bmi2(struct r2g_jpeg_run *run, uint32_t mcu_count,
                                                                         uint32_t *done) {
    return any_apart(run, mcu_count, done);
}

/* Where the scalar kernels are asked for (RGB2GRAY_ISA), these loops are the plain ones, too. */
static bool has_bmi2(void) {
    return __builtin_cpu_supports("bmi2") && strcmp(r2g_luma_isa(), "scalar") != 0;
}
#endif

enum r2g_jpeg_walk_end r2g_jpeg_walk_same(struct r2g_jpeg_run *run, uint32_t mcu_count, uint32_t *done) {
#if defined(__x86_64__)
    if (has_bmi2())
        return same_bmi2(run, mcu_count, done);
#endif
    return any_same(run, mcu_count, done);
}

enum r2g_jpeg_walk_end r2g_jpeg_walk_apart(struct r2g_jpeg_run *run, uint32_t mcu_count, uint32_t *done) {
#if defined(__x86_64__)
    if (has_bmi2())
        return apart_bmi2(run, mcu_count, done);
#endif
    return any_apart(run, mcu_count, done);
}
