/* The five row filters of PNG (section 9.2) and the choice among them.
 *
 * Every loop is over single bytes without carried state, so that the compiler turns it into vector code; what it
 * computes are integers, the same on every machine. A row is looked at in pieces that stay in the first-level cache.
 */
#include "codec/png_parts.h"

#include <string.h>

#include "base/size.h"

enum filter { FILTER_NONE, FILTER_SUB, FILTER_UP, FILTER_AVERAGE, FILTER_PAETH, FILTERS };

#define PIECE_NBYTES 4096

/* Neighbours of byte i: a is left, b above, c above left (section 9.2). */
static inline uint8_t average(uint8_t a, uint8_t b) {
    return (uint8_t)((a & b) + ((a ^ b) >> 1));
}

/* Section 9.4 in bytes. With pa = |b - c| and pb = |a - c|, the section's pc = |(b - c) + (a - c)| is |pa - pb| where b
 * and a lie on different sides of c; elsewhere it is pa + pb, never below pa and pb, and 255 picks the same. */
static inline uint8_t paeth(uint8_t a, uint8_t b, uint8_t c) {
    uint8_t pa = (uint8_t)(b > c ? b - c : c - b);
    uint8_t pb = (uint8_t)(a > c ? a - c : c - a);
    uint8_t gap = (uint8_t)(pa > pb ? pa - pb : pb - pa);
    uint8_t pc = (uint8_t)((b < c) == (a < c) ? 255 : gap);
    uint8_t b_or_c = pb <= pc ? b : c;
    uint8_t smaller = pb < pc ? pb : pc;
    return pa <= smaller ? a : b_or_c;
}

/* The absolute value of a difference kept as a byte. */
static inline uint8_t magnitude(uint8_t difference) {
    uint8_t negated = (uint8_t)-difference;
    return difference < negated ? difference : negated;
}

/* Adds to sums[] those of bytes first to last - 1, first >= pixel_nbytes; last - first is at most PIECE_NBYTES. */
static void add_sums(const uint8_t *row, const uint8_t *prior, size_t first, size_t last, size_t pixel_nbytes,
                     uint64_t sums[FILTERS]) {
    uint32_t none = 0, sub = 0;
    for (size_t i = first; i < last; i++) {
        none += magnitude(row[i]);
    }
    for (size_t i = first; i < last; i++) {
        sub += magnitude((uint8_t)(row[i] - row[i - pixel_nbytes]));
    }
    sums[FILTER_NONE] += none;
    sums[FILTER_SUB] += sub;
    if (prior == NULL) {
        return;
    }
    uint32_t up = 0, averaged = 0, predicted = 0;
    for (size_t i = first; i < last; i++) {
        up += magnitude((uint8_t)(row[i] - prior[i]));
    }
    for (size_t i = first; i < last; i++) {
        averaged += magnitude((uint8_t)(row[i] - average(row[i - pixel_nbytes], prior[i])));
    }
    for (size_t i = first; i < last; i++) {
        predicted += magnitude((uint8_t)(row[i] - paeth(row[i - pixel_nbytes], prior[i], prior[i - pixel_nbytes])));
    }
    sums[FILTER_UP] += up;
    sums[FILTER_AVERAGE] += averaged;
    sums[FILTER_PAETH] += predicted;
}

/* The first pixel has nothing to its left: a = c = 0, and Paeth's predictor is then b. */
static uint8_t filter_first_pixel(enum filter filter, uint8_t x, uint8_t b) {
    switch (filter) {
    case FILTER_UP:
    case FILTER_PAETH:
        return (uint8_t)(x - b);
    case FILTER_AVERAGE:
        return (uint8_t)(x - b / 2);
    default:
        return x;
    }
}

static enum filter choose(const uint8_t *row, const uint8_t *prior, size_t nbytes, size_t pixel_nbytes) {
    uint64_t sums[FILTERS] = {0};
    int count = prior == NULL ? FILTER_UP : FILTERS;
    for (int filter = 0; filter < count; filter++) {
        for (size_t i = 0; i < pixel_nbytes; i++) {
            sums[filter] += magnitude(filter_first_pixel(filter, row[i], prior == NULL ? 0 : prior[i]));
        }
    }
    for (size_t i = pixel_nbytes; i < nbytes; i += PIECE_NBYTES) {
        add_sums(row, prior, i, (size_t)r2g_u64_min(i + PIECE_NBYTES, nbytes), pixel_nbytes, sums);
    }
    enum filter best = FILTER_NONE;
    for (int filter = 1; filter < count; filter++) {
        if (sums[filter] < sums[best]) {
            best = filter;
        }
    }
    return best;
}

void r2g_png_filter_row(const uint8_t *row, const uint8_t *prior, size_t nbytes, size_t pixel_nbytes, uint8_t *out) {
    enum filter filter = choose(row, prior, nbytes, pixel_nbytes);
    uint8_t *restrict to = out + 1;
    out[0] = (uint8_t)filter;
    for (size_t i = 0; i < pixel_nbytes; i++) {
        to[i] = filter_first_pixel(filter, row[i], prior == NULL ? 0 : prior[i]);
    }
    switch (filter) {
    case FILTER_SUB:
        for (size_t i = pixel_nbytes; i < nbytes; i++) {
            to[i] = (uint8_t)(row[i] - row[i - pixel_nbytes]);
        }
        break;
    case FILTER_UP:
        for (size_t i = pixel_nbytes; i < nbytes; i++) {
            to[i] = (uint8_t)(row[i] - prior[i]);
        }
        break;
    case FILTER_AVERAGE:
        for (size_t i = pixel_nbytes; i < nbytes; i++) {
            to[i] = (uint8_t)(row[i] - average(row[i - pixel_nbytes], prior[i]));
        }
        break;
    case FILTER_PAETH:
        for (size_t i = pixel_nbytes; i < nbytes; i++) {
            to[i] = (uint8_t)(row[i] - paeth(row[i - pixel_nbytes], prior[i], prior[i - pixel_nbytes]));
        }
        break;
    default:
        memcpy(to, row, nbytes);
        break;
    }
}
