/* The filters of several rows undone at once, written once for all instruction sets: included by png_unfilter_neon.c
 * and, through png_unfilter_x86.h, by png_unfilter_sse4.c and png_unfilter_avx2.c, each of which first defines
 *   TARGET, INLINE     what lets the compiler use the instruction set, and the same for what must be inlined
 *   PART_VECTOR        16 bytes; load, store; PART_ADD by bytes; PART_SHUFFLE(v, indices), where an index of 128 and more
 *                      gives 0; PART_SHIFT(v, n) by n bytes to higher places, zeros come in
 *   VECTOR, HALVES     a register of 1 or 2 parts; low(v), high(v) its parts; both(first, second) makes it of two, of the
 *                      first alone where it has one
 *   AND, SPLAT(byte), ADD, MIN, MAX, EQUAL (all ones or zeros), SELECT(mask, yes, no); ADD_SATURATED, SUB_SATURATED and
 *   HALF_SUM (rounded down) of unsigned bytes
 *                      and, each within parts:
 *   SHUFFLE            as above, of all parts by the same indices
 *   BEHIND(v, from, n) the last n bytes of `from`, and behind them the first of v
 *   ZIP_LOW_32, ZIP_HIGH_32, ZIP_LOW_64, ZIP_HIGH_64   lanes of two registers by turns, from the lower or upper halves
 *   ISA_ROW, ISA_NAME, available
 *
 * Undoing Paeth or Average is one chain of dependent steps along a row: each pixel needs the one to its left. So the
 * vector goes across rows: a lane holds a pixel, and lane r, row r, is r pixels behind lane 0. At each step a lane finds
 *   a (left)        in its own last result,
 *   b (above)       in the last result of the lane before it, and lane 0 in the row above the group,
 *   c (above left)  in its own last b.
 * Lanes have 4 or 8 bytes, whatever the pixels have (1 to 4, or 6 and 8), so that a 128-bit part holds 4 or 2 rows. The
 * rows of a second part lag by a whole block of as many steps more: what its first row needs from the part before it is
 * then a block old, and no step waits for a shift across parts.
 * Before a row's first pixel all is zero, which gives zero again with any filter; what is computed behind its last pixel
 * reaches no other pixel of the picture. So the blocks at both ends differ in loads and stores only.
 */
#include <string.h>

#include "codec/png_unfilter.h"

#define PART 16 /* bytes */

/* ---- Bytes of a row into lanes and back */

struct layout {
    PART_VECTOR expand, expand_prior; /* pixels as they lie in the file, or as delivered, into lanes */
    PART_VECTOR pack;                 /* lanes into pixels as delivered */
};

TARGET static struct layout make_layout(const struct png_band *band, unsigned lane_nbytes) {
    uint8_t expand[PART], expand_prior[PART], pack[PART];
    const unsigned flip = band->swapped ? 1 : 0, pixel_nbytes = band->pixel_nbytes;
    memset(pack, 0x80, PART); /* 0x80 gives zero */
    memset(expand, 0x80, PART);
    memset(expand_prior, 0x80, PART);
    for (unsigned lane = 0; lane < PART / lane_nbytes; lane++) {
        for (unsigned i = 0; i < pixel_nbytes && i < lane_nbytes; i++) {
            const unsigned in_lane = lane * lane_nbytes + i, in_row = lane * pixel_nbytes;
            expand[in_lane] = (uint8_t)(in_row + i);
            expand_prior[in_lane] = (uint8_t)(in_row + (i ^ flip));
            pack[in_row + (i ^ flip)] = (uint8_t)in_lane;
        }
    }
    struct layout layout;
    memcpy(&layout.expand, expand, PART);
    memcpy(&layout.expand_prior, expand_prior, PART);
    memcpy(&layout.pack, pack, PART);
    return layout;
}

/* Bytes `at` to at + 15 of a row of nbytes; what lies outside of it is zero. */
TARGET static PART_VECTOR load_clipped(const uint8_t *row, ptrdiff_t at, ptrdiff_t nbytes) {
    uint8_t bytes[PART] = {0};
    if (at >= 0 && at + PART <= nbytes) {
        return load(row + at);
    }
    for (ptrdiff_t i = at < 0 ? -at : 0; i < PART && at + i < nbytes; i++) {
        bytes[i] = row[at + i];
    }
    return load(bytes);
}

/* Stores those of `count` bytes that lie in the row. Bytes of the row behind them may be written too: their turn comes. */
TARGET static void store_clipped(uint8_t *row, ptrdiff_t at, ptrdiff_t nbytes, ptrdiff_t count, PART_VECTOR v) {
    uint8_t bytes[PART];
    if (at >= 0 && at + PART <= nbytes) {
        store(row + at, v);
        return;
    }
    store(bytes, v);
    for (ptrdiff_t i = at < 0 ? -at : 0; i < count && at + i < nbytes; i++) {
        row[at + i] = bytes[i];
    }
}

/* Turns rows of pixels into steps of rows, and back. */
INLINE void transpose(VECTOR v[4], const unsigned lanes) {
    if (lanes == 2) {
        const VECTOR first = ZIP_LOW_64(v[0], v[1]);
        v[1] = ZIP_HIGH_64(v[0], v[1]);
        v[0] = first;
        return;
    }
    const VECTOR t0 = ZIP_LOW_32(v[0], v[1]), t1 = ZIP_LOW_32(v[2], v[3]);
    const VECTOR t2 = ZIP_HIGH_32(v[0], v[1]), t3 = ZIP_HIGH_32(v[2], v[3]);
    v[0] = ZIP_LOW_64(t0, t1);
    v[1] = ZIP_HIGH_64(t0, t1);
    v[2] = ZIP_LOW_64(t2, t3);
    v[3] = ZIP_HIGH_64(t2, t3);
}

/* ---- One step */

/* All ones in the lanes of the rows whose filter looks left, above, above left, or is Average. */
struct masks {
    VECTOR left, above, corner, average;
};

/* x plus the predictor of section 9.4, in unsigned bytes. Let u be how far the larger of a and b lies above c, and l how
 * far the smaller lies below it, neither less than 0. If a and b lie on different sides of c, then |p - c|, |p - larger|
 * and |p - smaller| are |u - l|, l and u, so that the larger is nearest to p if 2 l <= u, the smaller if 2 u <= l, and
 * else c. On the same side, u or l is 0, and the same conditions pick the one farther from c, which is the nearest to p.
 * No tie of the section's order is left but between equal values. Doubling saturates: 2 u > 255 means u > 127, and then
 * l < 128. */
INLINE VECTOR add_paeth(VECTOR x, VECTOR a, VECTOR b, VECTOR c) {
    const VECTOR zero = SPLAT(0);
    const VECTOR smaller = MIN(a, b), larger = MAX(a, b);
    const VECTOR u = SUB_SATURATED(larger, c), l = SUB_SATURATED(c, smaller);
    const VECTOR is_larger = EQUAL(SUB_SATURATED(ADD_SATURATED(l, l), u), zero);
    const VECTOR is_smaller = EQUAL(SUB_SATURATED(ADD_SATURATED(u, u), l), zero);
    const VECTOR other = SELECT(is_larger, ADD(x, larger), ADD(x, c));
    return SELECT(is_smaller, ADD(x, smaller), other);
}

/* Any filters: with b = c = 0 the predictor of Paeth is a (Sub), with a = c = 0 it is b (Up), with all 0 it is 0. */
INLINE VECTOR add_any(VECTOR x, VECTOR a, VECTOR b, VECTOR c, const struct masks *masks) {
    a = AND(a, masks->left);
    b = AND(b, masks->above);
    const VECTOR average = ADD(x, HALF_SUM(a, b));
    return SELECT(masks->average, average, add_paeth(x, a, b, AND(c, masks->corner)));
}

/* ---- Blocks of steps */

struct wave {
    const struct png_band *band;
    struct layout layout;
    struct masks masks;
    VECTOR left, above; /* the last results, and what lay above them */
    VECTOR behind[4];   /* the results of the last block's steps */
    ptrdiff_t nbytes, block_nbytes;
    unsigned row_count;
    const uint8_t *in[4 * HALVES];
    uint8_t *out[4 * HALVES];
    ptrdiff_t lag[4 * HALVES]; /* bytes that a row is behind the first */
};

/* v[r]: from rows to steps with their results, and back to rows. p: the row above the group, in lanes. */
INLINE void run_steps(struct wave *wave, VECTOR v[4], PART_VECTOR p, const unsigned lanes, const bool mixed) {
    transpose(v, lanes);
    for (unsigned s = 0; s < lanes; s++) {
        /* Lane 0 is to get lane s of p: first make that the last lane. */
        PART_VECTOR entering;
        if (lanes == 2) {
            entering = s == 0 ? PART_SHIFT(p, 8) : p;
        } else {
            entering = s == 0 ? PART_SHIFT(p, 12) : s == 1 ? PART_SHIFT(p, 8) : s == 2 ? PART_SHIFT(p, 4) : p;
        }
        const VECTOR from = both(entering, low(wave->behind[s]));
        const VECTOR above = lanes == 2 ? BEHIND(wave->left, from, 8) : BEHIND(wave->left, from, 4);
        wave->left = mixed ? add_any(v[s], wave->left, above, wave->above, &wave->masks)
                           : add_paeth(v[s], wave->left, above, wave->above);
        wave->above = above;
        wave->behind[s] = v[s] = wave->left;
    }
    transpose(v, lanes);
}

/* The block whose first row begins at byte `at`, anywhere. */
INLINE void edge_block(struct wave *wave, ptrdiff_t at, const unsigned lanes, const bool mixed) {
    VECTOR v[4];
    const ptrdiff_t nbytes = wave->nbytes;
    for (unsigned r = 0; r < lanes; r++) {
        const PART_VECTOR first = load_clipped(wave->in[r], at - wave->lag[r], nbytes);
#if HALVES == 2
        const PART_VECTOR second = load_clipped(wave->in[r + lanes], at - wave->lag[r + lanes], nbytes);
#endif
        v[r] = SHUFFLE(both(first, second), wave->layout.expand);
    }
    const PART_VECTOR p = load_clipped(wave->band->prior, at, nbytes);
    run_steps(wave, v, PART_SHUFFLE(p, wave->layout.expand_prior), lanes, mixed);
    for (unsigned r = 0; r < lanes; r++) {
        v[r] = SHUFFLE(v[r], wave->layout.pack);
        for (unsigned half = 0; half < HALVES; half++) {
            const unsigned row = r + lanes * half;
            if (row < wave->row_count) {
                store_clipped(wave->out[row], at - wave->lag[row], nbytes, wave->block_nbytes,
                              half == 0 ? low(v[r]) : high(v[r]));
            }
        }
    }
}

/* Blocks from byte `at` to `end`, all whose loads and stores of 16 bytes lie within the rows. */
INLINE void inner_blocks(struct wave *wave, ptrdiff_t at, ptrdiff_t end, const unsigned lanes, const bool mixed) {
    struct wave w = *wave; /* whose state the compiler keeps in registers */
    const uint8_t *in[4 * HALVES];
    uint8_t *out[4 * HALVES];
    for (unsigned r = 0; r < lanes * HALVES; r++) {
        in[r] = w.in[r] + (at - w.lag[r]);
        out[r] = w.out[r] + (at - w.lag[r]);
    }
    const uint8_t *prior = w.band->prior + at;
    for (ptrdiff_t i = 0; at + i < end; i += w.block_nbytes) {
        VECTOR v[4];
        for (unsigned r = 0; r < lanes; r++) {
            v[r] = both(load(in[r] + i), load(in[r + lanes * (HALVES - 1)] + i));
            v[r] = SHUFFLE(v[r], w.layout.expand);
        }
        run_steps(&w, v, PART_SHUFFLE(load(prior + i), w.layout.expand_prior), lanes, mixed);
        for (unsigned r = 0; r < lanes; r++) {
            v[r] = SHUFFLE(v[r], w.layout.pack);
            if (r < w.row_count) {
                store(out[r] + i, low(v[r]));
            }
            if (HALVES == 2 && r + lanes < w.row_count) {
                store(out[r + lanes] + i, high(v[r]));
            }
        }
    }
    wave->left = w.left;
    wave->above = w.above;
    for (unsigned s = 0; s < lanes; s++) {
        wave->behind[s] = w.behind[s];
    }
}

INLINE void run_wave(struct wave *wave, const unsigned lanes, const bool mixed) {
    const ptrdiff_t block_nbytes = wave->block_nbytes, last_lag = wave->lag[lanes * HALVES - 1];
    ptrdiff_t at = 0;
    for (; at < last_lag; at += block_nbytes) {
        edge_block(wave, at, lanes, mixed);
    }
    /* The first row is ahead of the others, so that only its end counts. */
    if (at + PART <= wave->nbytes) {
        const ptrdiff_t end = at + ((wave->nbytes - PART - at) / block_nbytes + 1) * block_nbytes;
        inner_blocks(wave, at, end, lanes, mixed);
        at = end;
    }
    for (; at - last_lag < wave->nbytes; at += block_nbytes) {
        edge_block(wave, at, lanes, mixed);
    }
}

/* ---- A group of rows */

static bool looks_left(uint8_t filter) {
    return filter == PNG_SUB || filter == PNG_AVERAGE || filter == PNG_PAETH;
}

static bool looks_above(uint8_t filter) {
    return filter == PNG_UP || filter == PNG_AVERAGE || filter == PNG_PAETH;
}

TARGET static VECTOR row_mask(const bool rows[4 * HALVES], unsigned lane_nbytes) {
    uint8_t bytes[PART * HALVES];
    for (unsigned i = 0; i < sizeof bytes; i++) {
        bytes[i] = rows[i / lane_nbytes] ? 0xff : 0;
    }
    VECTOR mask;
    memcpy(&mask, bytes, sizeof mask);
    return mask;
}

/* Lanes without a row repeat the last one and store nothing. */
INLINE uint32_t unfilter_lanes(const struct png_band *band, const unsigned lanes) {
    struct wave wave;
    memset(&wave, 0, sizeof wave);
    const unsigned rows = lanes * HALVES, lane_nbytes = PART / lanes;
    bool left[4 * HALVES], above[4 * HALVES], paeth[4 * HALVES], average[4 * HALVES], all_paeth = true;
    wave.band = band;
    wave.layout = make_layout(band, lane_nbytes);
    wave.nbytes = (ptrdiff_t)band->nbytes;
    wave.block_nbytes = (ptrdiff_t)(lanes * band->pixel_nbytes);
    wave.row_count = band->row_count < rows ? band->row_count : rows;
    for (unsigned r = 0; r < rows; r++) {
        const unsigned row = r < wave.row_count ? r : wave.row_count - 1;
        const uint8_t *in = band->filtered + row * (band->nbytes + 1);
        wave.in[r] = in + 1;
        wave.out[r] = band->rows + row * band->stride;
        wave.lag[r] = (ptrdiff_t)((r < lanes ? r : r + lanes - 1) * band->pixel_nbytes);
        left[r] = looks_left(in[0]);
        above[r] = looks_above(in[0]);
        paeth[r] = in[0] == PNG_PAETH;
        average[r] = in[0] == PNG_AVERAGE;
        all_paeth = all_paeth && paeth[r];
    }
    if (all_paeth) {
        run_wave(&wave, lanes, false);
    } else {
        wave.masks.left = row_mask(left, lane_nbytes);
        wave.masks.above = row_mask(above, lane_nbytes);
        wave.masks.corner = row_mask(paeth, lane_nbytes);
        wave.masks.average = row_mask(average, lane_nbytes);
        run_wave(&wave, lanes, true);
    }
    return wave.row_count;
}

TARGET static uint32_t unfilter_group(const struct png_band *band) {
    return band->pixel_nbytes <= 4 ? unfilter_lanes(band, 4) : unfilter_lanes(band, 2);
}

/* ---- Sub: sums of pixels, a part at a time */

/* Byte i from byte i - distance, and zero where there is none. */
TARGET static PART_VECTOR shift_by(unsigned distance) {
    uint8_t bytes[PART];
    for (unsigned i = 0; i < PART; i++) {
        bytes[i] = i < distance ? 0x80 : (uint8_t)(i - distance);
    }
    return load(bytes);
}

TARGET static void unfilter_sub(const struct png_band *band) {
    const size_t nbytes = band->nbytes, pixel_nbytes = band->pixel_nbytes, step = PART - PART % pixel_nbytes;
    uint8_t last_pixel[PART], order[PART];
    PART_VECTOR shift[4];
    for (unsigned i = 0; i < PART; i++) {
        last_pixel[i] = (uint8_t)(step - pixel_nbytes + i % pixel_nbytes);
        order[i] = (uint8_t)(band->swapped ? i ^ 1 : i);
    }
    for (unsigned i = 0; i < 4; i++) { /* sums of 2, 4, 8 and 16 pixels */
        shift[i] = shift_by((unsigned)pixel_nbytes << i);
    }
    const PART_VECTOR carried = load(last_pixel), ordered = load(order);
    PART_VECTOR sum = low(SPLAT(0));
    size_t at = 0;
    for (; at + PART <= nbytes; at += step) {
        PART_VECTOR x = load(band->filtered + 1 + at);
        for (unsigned i = 0; i < 4; i++) {
            x = PART_ADD(x, PART_SHUFFLE(x, shift[i]));
        }
        sum = PART_ADD(x, PART_SHUFFLE(sum, carried));
        store(band->rows + at, PART_SHUFFLE(sum, ordered));
    }
    r2g_png_sub_from(band, at);
}

const struct png_unfilter ISA_ROW = {ISA_NAME, available, unfilter_sub, unfilter_group};
