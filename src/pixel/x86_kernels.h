/* The arithmetic of all x86 kernels, written once: included by sse4.c, avx2.c and avx512.c, each of which first defines
 *   TARGET              the function attribute that lets the compiler use the instruction set
 *   VECTOR, OP(name)    the register type and the prefix of its intrinsics
 *   OR, XOR, STORE
 *   struct planes       VECTOR c[4]: samples of a run of pixels, one channel a register
 *   load8, load16       planes of the next sizeof(VECTOR), or half as many, pixels of 3 or 4 channels
 *   struct pairs        VECTOR rg[2], b[2]: bytes red and green, or blue and anything, of the same pixels in two halves
 *   load_pairs          pairs of the next sizeof(VECTOR) pixels, by the indices of pair_indices(channels, bgr)
 *   join_halves         the 16-bit results of both halves as bytes in the order of the pixels
 *   LOAD_PLANE(samples) a register from any address; without it planar8 and planar16 are the including file's own
 *   ISA_ROW, ISA_NAME, available
 * Beside these, only unpack and pack reorder samples, both within 128-bit lanes, so that each undoes the other.
 * Loads and stores need no alignment and never leave the caller's arrays.
 */
#include <immintrin.h>
#include <string.h>

#include "pixel/kernels.h"
#include "pixel/reciprocal.h"

#define INLINE TARGET static inline __attribute__((always_inline))

enum operation { BT601, WEIGHTED, LIGHTNESS, MAX, CHANNEL_0, CHANNEL_1, CHANNEL_2, CHANNEL_3 };

struct constants {
    struct pair_indices indices;                  /* BT601 */
    VECTOR weight01, weight2, offset, multiplier; /* WEIGHTED: 16-bit weights in pairs, 32-bit others */
    __m128i shift;
};

/* ---- BT.601 of bytes
 * S = 299 R + 587 G + 114 B + 500 = 8 (37 R + 73 G) + (3 R + 3 G + 114 B + 500), so that
 * x = S div 8 = (37 R + 73 G) + (3 R + 3 G + 114 B + 500) div 8: the weights fit signed bytes, and the sums, at most
 * 110 * 255 = 28050, 120 * 255 + 500 = 31100 and 31937, fit signed 16-bit words, as the multiply-add of bytes needs.
 * gray = S div 1000 = x div 125 = 33555 x div 2^22: 33555 * 125 = 2^22 + 71, and 71 x < 2^22 for x < 59074 makes the
 * excess of x / 125 less than 1 / 125. The product's upper word gives div 2^16, a shift the other 2^6. */
#define BT601_MULTIPLIER ((short)33555)

INLINE VECTOR byte_pairs(int first, int second) {
    return OP(set1_epi16)((short)(first | second << 8));
}

INLINE VECTOR bt601_words(VECTOR rg, VECTOR b) {
    const VECTOR eighths = OP(maddubs_epi16)(rg, byte_pairs(37, 73));
    const VECTOR rest = OP(add_epi16)(OP(maddubs_epi16)(rg, byte_pairs(3, 3)),
                                      OP(add_epi16)(OP(maddubs_epi16)(b, byte_pairs(114, 0)), OP(set1_epi16)(500)));
    const VECTOR x = OP(add_epi16)(eighths, OP(srli_epi16)(rest, 3));
    return OP(srli_epi16)(OP(mulhi_epu16)(x, OP(set1_epi16)(BT601_MULTIPLIER)), 6);
}

INLINE VECTOR bt601_bytes(struct pairs p) {
    return join_halves(bt601_words(p.rg[0], p.b[0]), bt601_words(p.rg[1], p.b[1]));
}

INLINE struct constants bt601_constants(unsigned channels, bool bgr) {
    return (struct constants){.indices = pair_indices(channels, bgr), .shift = _mm_setzero_si128()};
}

/* ---- Any weights with a divisor below 2^15: signed 16-bit multiply-adds, 32-bit sums
 * 16-bit samples are first lessened by 2^15 to be signed words; the sum then lacks 2^15 * divisor, which `offset` adds
 * back beside divisor div 2. Sums are right modulo 2^32, and the true one is below 2^16 * 2^15. The division is that of
 * reciprocal.h with q = 16 and b <= 15: m <= 2^32, and less because d > 2^(b - 1) (for b = 0, m = 2^16 + 1). */
enum { VECTOR_DIVISOR_MAX = 32767 };

INLINE VECTOR divide(VECTOR n, struct constants k) {
    const VECTOR even = OP(srl_epi64)(OP(mul_epu32)(n, k.multiplier), k.shift);
    const VECTOR odd = OP(srl_epi64)(OP(mul_epu32)(OP(srli_epi64)(n, 32), k.multiplier), k.shift);
    return OR(even, OP(slli_epi64)(odd, 32));
}

INLINE VECTOR weighted_sums(VECTOR c01, VECTOR c2, struct constants k) {
    return OP(add_epi32)(OP(add_epi32)(OP(madd_epi16)(c01, k.weight01), OP(madd_epi16)(c2, k.weight2)), k.offset);
}

INLINE VECTOR weighted_words(VECTOR c0, VECTOR c1, VECTOR c2, struct constants k) {
    const VECTOR zero = OP(set1_epi8)(0);
    const VECTOR low = weighted_sums(OP(unpacklo_epi16)(c0, c1), OP(unpacklo_epi16)(c2, zero), k);
    const VECTOR high = weighted_sums(OP(unpackhi_epi16)(c0, c1), OP(unpackhi_epi16)(c2, zero), k);
    return OP(packus_epi32)(divide(low, k), divide(high, k));
}

INLINE VECTOR weighted_bytes(struct planes p, struct constants k) {
    const VECTOR zero = OP(set1_epi8)(0);
    const VECTOR low = weighted_words(OP(unpacklo_epi8)(p.c[0], zero), OP(unpacklo_epi8)(p.c[1], zero),
                                      OP(unpacklo_epi8)(p.c[2], zero), k);
    const VECTOR high = weighted_words(OP(unpackhi_epi8)(p.c[0], zero), OP(unpackhi_epi8)(p.c[1], zero),
                                       OP(unpackhi_epi8)(p.c[2], zero), k);
    return OP(packus_epi16)(low, high);
}

INLINE struct constants weighted_constants(const uint32_t weight[3], uint32_t divisor, uint32_t bias) {
    const struct r2g_reciprocal reciprocal = r2g_reciprocal_of(divisor, 16);
    struct constants k = {.shift = _mm_cvtsi32_si128((int)reciprocal.shift)};
    k.weight01 = OP(set1_epi32)((int)(weight[0] | weight[1] << 16));
    k.weight2 = OP(set1_epi32)((int)weight[2]);
    k.offset = OP(set1_epi32)((int)(divisor / 2 + bias * divisor));
    k.multiplier = OP(set1_epi32)((int)(uint32_t)reciprocal.multiplier);
    return k;
}

/* ---- One register of gray samples */
INLINE VECTOR gray8_of(struct planes p, enum operation operation, struct constants k) {
    switch (operation) {
    case WEIGHTED:
        return weighted_bytes(p, k);
    case LIGHTNESS: /* the average instruction rounds halves up */
        return OP(avg_epu8)(OP(max_epu8)(OP(max_epu8)(p.c[0], p.c[1]), p.c[2]),
                            OP(min_epu8)(OP(min_epu8)(p.c[0], p.c[1]), p.c[2]));
    case MAX:
        return OP(max_epu8)(OP(max_epu8)(p.c[0], p.c[1]), p.c[2]);
    default:
        return p.c[operation - CHANNEL_0];
    }
}

INLINE VECTOR gray8_at(const uint8_t *in, unsigned channels, enum operation operation, struct constants k) {
    if (operation == BT601) {
        return bt601_bytes(load_pairs(in, channels, k.indices));
    }
    return gray8_of(load8(in, channels), operation, k);
}

INLINE VECTOR gray16_of(struct planes p, enum operation operation, struct constants k) {
    const VECTOR bias = OP(set1_epi16)((short)0x8000);
    switch (operation) {
    case WEIGHTED:
        return weighted_words(XOR(p.c[0], bias), XOR(p.c[1], bias), XOR(p.c[2], bias), k);
    case LIGHTNESS:
        return OP(avg_epu16)(OP(max_epu16)(OP(max_epu16)(p.c[0], p.c[1]), p.c[2]),
                             OP(min_epu16)(OP(min_epu16)(p.c[0], p.c[1]), p.c[2]));
    case MAX:
        return OP(max_epu16)(OP(max_epu16)(p.c[0], p.c[1]), p.c[2]);
    default:
        return p.c[operation - CHANNEL_0];
    }
}

INLINE VECTOR gray16_at(const uint16_t *in, unsigned channels, enum operation operation, struct constants k) {
    return gray16_of(load16(in, channels), operation, k);
}

/* ---- Rows
 * The last pixels are done as a full register that ends with the row and repeats some before it; a row shorter than a
 * register goes through a copy. Inlined with constant channels and operation, one loop each. */
#define DEFINE_RUN(bits)                                                                                               \
    INLINE void run##bits(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count, unsigned channels,       \
                          enum operation operation, struct constants k) {                                              \
        enum { STEP = sizeof(VECTOR) / sizeof *gray };                                                                 \
        if (pixel_count < STEP) {                                                                                      \
            uint##bits##_t in_copy[4 * STEP] = {0}, gray_copy[STEP];                                                   \
            memcpy(in_copy, in, (channels * sizeof *in) * pixel_count);                                                \
            STORE(gray_copy, gray##bits##_at(in_copy, channels, operation, k));                                        \
            memcpy(gray, gray_copy, pixel_count * sizeof *gray);                                                       \
            return;                                                                                                    \
        }                                                                                                              \
        const size_t last = pixel_count - STEP;                                                                        \
        for (size_t i = 0; i < last; i += STEP) {                                                                      \
            STORE(gray + i, gray##bits##_at(in + i * channels, channels, operation, k));                               \
        }                                                                                                              \
        STORE(gray + last, gray##bits##_at(in + last * channels, channels, operation, k));                             \
    }                                                                                                                  \
    INLINE void run##bits##_either(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count,                 \
                                   unsigned channels, enum operation operation, struct constants k) {                  \
        if (pixel_count == 0) {                                                                                        \
            return;                                                                                                    \
        }                                                                                                              \
        if (channels == 3) {                                                                                           \
            run##bits(in, gray, pixel_count, 3, operation, k);                                                         \
        } else {                                                                                                       \
            run##bits(in, gray, pixel_count, 4, operation, k);                                                         \
        }                                                                                                              \
    }                                                                                                                  \
    TARGET static void lightness##bits(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count,             \
                                       unsigned channels) {                                                            \
        const struct constants none = {.shift = _mm_setzero_si128()};                                                  \
        run##bits##_either(in, gray, pixel_count, channels, LIGHTNESS, none);                                          \
    }                                                                                                                  \
    TARGET static void max##bits(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count,                   \
                                 unsigned channels) {                                                                  \
        const struct constants none = {.shift = _mm_setzero_si128()};                                                  \
        run##bits##_either(in, gray, pixel_count, channels, MAX, none);                                                \
    }                                                                                                                  \
    TARGET static void channel##bits(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count,               \
                                     unsigned channels, unsigned index) {                                              \
        const struct constants none = {.shift = _mm_setzero_si128()};                                                  \
        switch (index) {                                                                                               \
        case 0:                                                                                                        \
            run##bits##_either(in, gray, pixel_count, channels, CHANNEL_0, none);                                      \
            break;                                                                                                     \
        case 1:                                                                                                        \
            run##bits##_either(in, gray, pixel_count, channels, CHANNEL_1, none);                                      \
            break;                                                                                                     \
        case 2:                                                                                                        \
            run##bits##_either(in, gray, pixel_count, channels, CHANNEL_2, none);                                      \
            break;                                                                                                     \
        default:                                                                                                       \
            run##bits(in, gray, pixel_count, 4, CHANNEL_3, none);                                                      \
            break;                                                                                                     \
        }                                                                                                              \
    }

DEFINE_RUN(8)
DEFINE_RUN(16)

TARGET static void weighted8(const uint8_t *in, uint8_t *gray, size_t pixel_count, unsigned channels,
                             const uint32_t weight[3], uint32_t divisor) {
    if (r2g_is_bt601(weight, divisor)) {
        run8_either(in, gray, pixel_count, channels, BT601, bt601_constants(channels, weight[0] == 114));
    } else if (divisor <= VECTOR_DIVISOR_MAX) {
        run8_either(in, gray, pixel_count, channels, WEIGHTED, weighted_constants(weight, divisor, 0));
    } else {
        r2g_isa_scalar.weighted8(in, gray, pixel_count, channels, weight, divisor);
    }
}

TARGET static void weighted16(const uint16_t *in, uint16_t *gray, size_t pixel_count, unsigned channels,
                              const uint32_t weight[3], uint32_t divisor) {
    if (divisor <= VECTOR_DIVISOR_MAX) {
        run16_either(in, gray, pixel_count, channels, WEIGHTED, weighted_constants(weight, divisor, 0x8000));
    } else {
        r2g_isa_scalar.weighted16(in, gray, pixel_count, channels, weight, divisor);
    }
}

#ifdef LOAD_PLANE
/* ---- Planes: no samples to be taken apart */
INLINE VECTOR planar8_at(const uint8_t *const plane[3], size_t i, enum operation operation, struct constants k) {
    const VECTOR zero = OP(set1_epi8)(0);
    const struct planes p = {{LOAD_PLANE(plane[0] + i), LOAD_PLANE(plane[1] + i), LOAD_PLANE(plane[2] + i), zero}};
    if (operation == BT601) {
        return OP(packus_epi16)(bt601_words(OP(unpacklo_epi8)(p.c[0], p.c[1]), OP(unpacklo_epi8)(p.c[2], zero)),
                                bt601_words(OP(unpackhi_epi8)(p.c[0], p.c[1]), OP(unpackhi_epi8)(p.c[2], zero)));
    }
    return gray8_of(p, operation, k);
}

INLINE VECTOR planar16_at(const uint16_t *const plane[3], size_t i, enum operation operation, struct constants k) {
    const struct planes p = {
        {LOAD_PLANE(plane[0] + i), LOAD_PLANE(plane[1] + i), LOAD_PLANE(plane[2] + i), OP(set1_epi8)(0)}};
    return gray16_of(p, operation, k);
}

/* The ends of rows as above. */
#define DEFINE_PLANAR(bits, bias)                                                                                      \
    INLINE void planar_run##bits(const uint##bits##_t *const plane[3], uint##bits##_t *gray, size_t pixel_count,       \
                                 enum operation operation, struct constants k) {                                       \
        enum { STEP = sizeof(VECTOR) / sizeof *gray };                                                                 \
        if (pixel_count < STEP) {                                                                                      \
            uint##bits##_t copies[3][STEP] = {{0}}, gray_copy[STEP];                                                   \
            const uint##bits##_t *const copy[3] = {copies[0], copies[1], copies[2]};                                   \
            for (int c = 0; c < 3 && pixel_count > 0; c++) {                                                           \
                memcpy(copies[c], plane[c], pixel_count * sizeof *gray);                                               \
            }                                                                                                          \
            STORE(gray_copy, planar##bits##_at(copy, 0, operation, k));                                                \
            memcpy(gray, gray_copy, pixel_count * sizeof *gray);                                                       \
            return;                                                                                                    \
        }                                                                                                              \
        const size_t last = pixel_count - STEP;                                                                        \
        for (size_t i = 0; i < last; i += STEP) {                                                                      \
            STORE(gray + i, planar##bits##_at(plane, i, operation, k));                                                \
        }                                                                                                              \
        STORE(gray + last, planar##bits##_at(plane, last, operation, k));                                              \
    }                                                                                                                  \
    TARGET static void planar##bits(const struct r2g_luma *luma, const uint##bits##_t *const plane[3],                 \
                                    uint##bits##_t *gray, size_t pixel_count) {                                        \
        const struct constants none = {.shift = _mm_setzero_si128()};                                                  \
        if (pixel_count == 0) {                                                                                        \
            return;                                                                                                    \
        }                                                                                                              \
        if (luma->method == R2G_METHOD_LIGHTNESS) {                                                                    \
            planar_run##bits(plane, gray, pixel_count, LIGHTNESS, none);                                               \
        } else if (luma->method == R2G_METHOD_MAX) {                                                                   \
            planar_run##bits(plane, gray, pixel_count, MAX, none);                                                     \
        } else if (bits == 8 && r2g_is_bt601(luma->weight, luma->divisor) && luma->weight[0] == 299) {                 \
            planar_run##bits(plane, gray, pixel_count, bits == 8 ? BT601 : WEIGHTED, none);                            \
        } else if (luma->divisor <= VECTOR_DIVISOR_MAX) {                                                              \
            planar_run##bits(plane, gray, pixel_count, WEIGHTED,                                                       \
                             weighted_constants(luma->weight, luma->divisor, bias));                                   \
        } else {                                                                                                       \
            r2g_isa_scalar.planar##bits(luma, plane, gray, pixel_count);                                               \
        }                                                                                                              \
    }

DEFINE_PLANAR(8, 0)
DEFINE_PLANAR(16, 0x8000)
#endif

const struct r2g_isa ISA_ROW = {
    .name = ISA_NAME,
    .available = available,
    .weighted8 = weighted8,
    .weighted16 = weighted16,
    .lightness8 = lightness8,
    .lightness16 = lightness16,
    .max8 = max8,
    .max16 = max16,
    .channel8 = channel8,
    .channel16 = channel16,
    .planar8 = planar8,
    .planar16 = planar16,
};
