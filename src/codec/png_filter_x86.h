/* The row filters for x86, written once: included by png_filter_sse4.c and png_filter_avx2.c, which first define
 *   TARGET             the function attribute that lets the compiler use the instruction set
 *   VECTOR, OP(name)   the register type and the prefix of its intrinsics
 *   LOAD, STORE        a whole register at a byte address, of any alignment
 *   BITS(name)         the prefix and suffix of bitwise operations
 *   KERNEL             the name of the kernel
 * The arithmetic is that of png_filter.c, in bytes.
 */
#include <string.h>

#define INLINE TARGET static inline __attribute__((always_inline))
#define STEP sizeof(VECTOR)

struct neighbours {
    VECTOR x, a, b, c;
};

INLINE struct neighbours load(const uint8_t *row, const uint8_t *prior, size_t i, size_t pixel_nbytes) {
    return (struct neighbours){LOAD(row + i), LOAD(row + i - pixel_nbytes), LOAD(prior + i),
                               LOAD(prior + i - pixel_nbytes)};
}

/* (a + b) div 2: the rounded-up mean, less one where the sum is odd. */
INLINE VECTOR average(VECTOR a, VECTOR b) {
    const VECTOR odd = BITS(and)(BITS(xor)(a, b), OP(set1_epi8)(1));
    return OP(sub_epi8)(OP(avg_epu8)(a, b), odd);
}

INLINE VECTOR distance(VECTOR a, VECTOR b) {
    return BITS(or)(OP(subs_epu8)(a, b), OP(subs_epu8)(b, a));
}

INLINE VECTOR at_most(VECTOR a, VECTOR b) {
    return OP(cmpeq_epi8)(OP(min_epu8)(a, b), a);
}

INLINE VECTOR paeth(VECTOR a, VECTOR b, VECTOR c) {
    const VECTOR pa = distance(b, c), pb = distance(a, c);
    const VECTOR apart = BITS(xor)(at_most(c, b), at_most(c, a)); /* c lies between a and b */
    const VECTOR pc = BITS(or)(distance(pa, pb), BITS(xor)(apart, OP(set1_epi8)(-1)));
    const VECTOR b_or_c = OP(blendv_epi8)(c, b, at_most(pb, pc));
    return OP(blendv_epi8)(b_or_c, a, at_most(pa, OP(min_epu8)(pb, pc)));
}

INLINE VECTOR add_magnitudes(VECTOR sum, VECTOR differences) {
    const VECTOR zero = OP(set1_epi8)(0);
    return OP(add_epi64)(sum, OP(sad_epu8)(OP(abs_epi8)(differences), zero));
}

INLINE uint64_t total(VECTOR sums) {
    uint64_t parts[STEP / 8], sum = 0;
    memcpy(parts, &sums, STEP);
    for (size_t i = 0; i < STEP / 8; i++) {
        sum += parts[i];
    }
    return sum;
}

TARGET static size_t add_sums(const uint8_t *row, const uint8_t *prior, size_t first, size_t last, size_t pixel_nbytes,
                              uint64_t sums[R2G_PNG_FILTERS]) {
    VECTOR none = OP(set1_epi8)(0), sub = none, up = none, averaged = none, predicted = none;
    size_t i = first;
    if (prior == NULL) {
        for (; i + STEP <= last; i += STEP) {
            const VECTOR x = LOAD(row + i);
            none = add_magnitudes(none, x);
            sub = add_magnitudes(sub, OP(sub_epi8)(x, LOAD(row + i - pixel_nbytes)));
        }
    } else {
        for (; i + STEP <= last; i += STEP) {
            const struct neighbours n = load(row, prior, i, pixel_nbytes);
            none = add_magnitudes(none, n.x);
            sub = add_magnitudes(sub, OP(sub_epi8)(n.x, n.a));
            up = add_magnitudes(up, OP(sub_epi8)(n.x, n.b));
            averaged = add_magnitudes(averaged, OP(sub_epi8)(n.x, average(n.a, n.b)));
            predicted = add_magnitudes(predicted, OP(sub_epi8)(n.x, paeth(n.a, n.b, n.c)));
        }
    }
    sums[R2G_PNG_NONE] += total(none);
    sums[R2G_PNG_SUB] += total(sub);
    sums[R2G_PNG_UP] += total(up);
    sums[R2G_PNG_AVERAGE] += total(averaged);
    sums[R2G_PNG_PAETH] += total(predicted);
    return i;
}

TARGET static size_t apply(enum r2g_png_filter filter, const uint8_t *row, const uint8_t *prior, size_t first,
                           size_t last, size_t pixel_nbytes, uint8_t *out) {
    size_t i = first;
    switch (filter) {
    case R2G_PNG_SUB:
        for (; i + STEP <= last; i += STEP) {
            STORE(out + i, OP(sub_epi8)(LOAD(row + i), LOAD(row + i - pixel_nbytes)));
        }
        break;
    case R2G_PNG_UP:
        for (; i + STEP <= last; i += STEP) {
            STORE(out + i, OP(sub_epi8)(LOAD(row + i), LOAD(prior + i)));
        }
        break;
    case R2G_PNG_AVERAGE:
        for (; i + STEP <= last; i += STEP) {
            const VECTOR predicted = average(LOAD(row + i - pixel_nbytes), LOAD(prior + i));
            STORE(out + i, OP(sub_epi8)(LOAD(row + i), predicted));
        }
        break;
    case R2G_PNG_PAETH:
        for (; i + STEP <= last; i += STEP) {
            const struct neighbours n = load(row, prior, i, pixel_nbytes);
            STORE(out + i, OP(sub_epi8)(n.x, paeth(n.a, n.b, n.c)));
        }
        break;
    default:
        break;
    }
    return i;
}

const struct r2g_png_filter_kernel KERNEL = {.add_sums = add_sums, .apply = apply};
