/* The five row filters of PNG (section 9.2) and the choice among them.
 *
 * A kernel, where this machine has one, does the most of a row, and the loops here the rest. These are over single bytes
 * without carried state, so that the compiler turns them into vector code; what they compute are integers, the same on
 * every machine. A row is looked at in pieces that stay in the first-level cache.
 */
#include "codec/png_filter.h"

#include <string.h>

#include "base/size.h"
#include "codec/png_parts.h"

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
                     uint64_t sums[R2G_PNG_FILTERS]) {
    uint32_t none = 0, sub = 0;
    for (size_t i = first; i < last; i++) {
        none += magnitude(row[i]);
    }
    for (size_t i = first; i < last; i++) {
        sub += magnitude((uint8_t)(row[i] - row[i - pixel_nbytes]));
    }
    sums[R2G_PNG_NONE] += none;
    sums[R2G_PNG_SUB] += sub;
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
    sums[R2G_PNG_UP] += up;
    sums[R2G_PNG_AVERAGE] += averaged;
    sums[R2G_PNG_PAETH] += predicted;
}

/* The first pixel has nothing to its left: a = c = 0, and Paeth's predictor is then b. */
static uint8_t filter_first_pixel(enum r2g_png_filter filter, uint8_t x, uint8_t b) {
    switch (filter) {
    case R2G_PNG_UP:
    case R2G_PNG_PAETH:
        return (uint8_t)(x - b);
    case R2G_PNG_AVERAGE:
        return (uint8_t)(x - b / 2);
    default:
        return x;
    }
}

static const struct r2g_png_filter_kernel *kernel_of(const struct r2g_isa *isa) {
#ifdef __x86_64__
    if (strcmp(isa->name, "avx512") == 0 || strcmp(isa->name, "avx2") == 0) {
        return &r2g_png_filter_avx2;
    }
    if (strcmp(isa->name, "sse4") == 0) {
        return &r2g_png_filter_sse4;
    }
#endif
    (void)isa;
    return NULL;
}

static enum r2g_png_filter choose(const struct r2g_png_filter_kernel *kernel, const uint8_t *row, const uint8_t *prior,
                                  size_t nbytes, size_t pixel_nbytes) {
    uint64_t sums[R2G_PNG_FILTERS] = {0};
    int count = prior == NULL ? R2G_PNG_UP : R2G_PNG_FILTERS;
    for (int filter = 0; filter < count; filter++) {
        for (size_t i = 0; i < pixel_nbytes; i++) {
            sums[filter] += magnitude(filter_first_pixel(filter, row[i], prior == NULL ? 0 : prior[i]));
        }
    }
    size_t first = pixel_nbytes;
    if (kernel != NULL) {
        first = kernel->add_sums(row, prior, pixel_nbytes, nbytes, pixel_nbytes, sums);
    }
    for (size_t i = first; i < nbytes; i += PIECE_NBYTES) {
        add_sums(row, prior, i, (size_t)r2g_u64_min(i + PIECE_NBYTES, nbytes), pixel_nbytes, sums);
    }
    enum r2g_png_filter best = R2G_PNG_NONE;
    for (int filter = 1; filter < count; filter++) {
        if (sums[filter] < sums[best]) {
            best = filter;
        }
    }
    return best;
}

static void apply(const struct r2g_png_filter_kernel *kernel, enum r2g_png_filter filter, const uint8_t *row,
                  const uint8_t *prior, size_t nbytes, size_t pixel_nbytes, uint8_t *out) {
    uint8_t *restrict to = out + 1;
    out[0] = (uint8_t)filter;
    for (size_t i = 0; i < pixel_nbytes; i++) {
        to[i] = filter_first_pixel(filter, row[i], prior == NULL ? 0 : prior[i]);
    }
    size_t first = pixel_nbytes;
    if (kernel != NULL && filter != R2G_PNG_NONE) {
        first = kernel->apply(filter, row, prior, pixel_nbytes, nbytes, pixel_nbytes, to);
    }
    switch (filter) {
    case R2G_PNG_SUB:
        for (size_t i = first; i < nbytes; i++) {
            to[i] = (uint8_t)(row[i] - row[i - pixel_nbytes]);
        }
        break;
    case R2G_PNG_UP:
        for (size_t i = first; i < nbytes; i++) {
            to[i] = (uint8_t)(row[i] - prior[i]);
        }
        break;
    case R2G_PNG_AVERAGE:
        for (size_t i = first; i < nbytes; i++) {
            to[i] = (uint8_t)(row[i] - average(row[i - pixel_nbytes], prior[i]));
        }
        break;
    case R2G_PNG_PAETH:
        for (size_t i = first; i < nbytes; i++) {
            to[i] = (uint8_t)(row[i] - paeth(row[i - pixel_nbytes], prior[i], prior[i - pixel_nbytes]));
        }
        break;
    default:
        memcpy(to + first, row + first, nbytes - first);
        break;
    }
}

void r2g_png_filter_row(const uint8_t *row, const uint8_t *prior, size_t nbytes, size_t pixel_nbytes, uint8_t *out) {
    r2g_png_filter_row_by(r2g_isa_current(), row, prior, nbytes, pixel_nbytes, out);
}

void r2g_png_filter_row_by(const struct r2g_isa *isa, const uint8_t *row, const uint8_t *prior, size_t nbytes,
                           size_t pixel_nbytes, uint8_t *out) {
    const struct r2g_png_filter_kernel *kernel = kernel_of(isa);
    apply(kernel, choose(kernel, row, prior, nbytes, pixel_nbytes), row, prior, nbytes, pixel_nbytes, out);
}

void r2g_png_filter_row_with(const struct r2g_isa *isa, enum r2g_png_filter filter, const uint8_t *row,
                             const uint8_t *prior, size_t nbytes, size_t pixel_nbytes, uint8_t *out) {
    static const enum r2g_png_filter alone[R2G_PNG_FILTERS] = {R2G_PNG_NONE, R2G_PNG_SUB, R2G_PNG_NONE, R2G_PNG_SUB,
                                                               R2G_PNG_SUB};
    apply(kernel_of(isa), prior == NULL ? alone[filter] : filter, row, prior, nbytes, pixel_nbytes, out);
}
