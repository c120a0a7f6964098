/* Luma kernels in plain C: exact for every weight, and the reference the vector kernels fall back on. */
#include "pixel/kernels.h"

#include "pixel/reciprocal.h"

#define INLINE static inline __attribute__((always_inline))

INLINE uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

INLINE uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static bool available(void) {
    return true;
}

/* Each loop below is written once for any pixel size and inlined with the constant 3 and with the constant 4. */
#define FOR_EITHER_CHANNELS(loop, ...)                                                                                 \
    do {                                                                                                               \
        if (channels == 3) {                                                                                           \
            loop(in, gray, pixel_count, 3, __VA_ARGS__);                                                               \
        } else {                                                                                                       \
            loop(in, gray, pixel_count, 4, __VA_ARGS__);                                                               \
        }                                                                                                              \
    } while (0)

/* The upper half of (c0 + 2^32 c2) * (w2 + 2^32 w0) modulo 2^64 is w0 c0 + w2 c2: two products for one multiplication,
 * as these loops wait for multipliers above all. The lower half, w2 c0, and the whole sum must stay below 2^32: they
 * are at most 255 * 3000000 + 1500000 < 2^30 from bytes, and 65535 * 65536 + 32768 < 2^32 from 16-bit samples while
 * the divisor is at most 65536. The bounds are also those of r2g_reciprocal_divide(). */
#define PAIRED_DIVISOR_MAX 65536

INLINE uint64_t pair(uint32_t low, uint32_t high) {
    return low | (uint64_t)high << 32;
}

#define DEFINE_PAIRED(bits)                                                                                            \
    INLINE void paired##bits(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count, unsigned channels,    \
                             const uint32_t weight[3], uint32_t divisor) {                                             \
        const struct r2g_reciprocal reciprocal = r2g_reciprocal_of(divisor, bits);                                     \
        const uint64_t w20 = pair(weight[2], weight[0]), w1 = weight[1], half = divisor / 2;                           \
        for (size_t i = 0; i < pixel_count; i++, in += channels) {                                                     \
            const uint64_t sum = (pair(in[0], in[2]) * w20 >> 32) + w1 * in[1] + half;                                 \
            gray[i] = (uint##bits##_t)r2g_reciprocal_divide(sum, reciprocal);                                          \
        }                                                                                                              \
    }

DEFINE_PAIRED(8)
DEFINE_PAIRED(16)

/* BT.601 of bytes with constants that the compiler sees, so that it picks cheaper steps than multiplications by unknown
 * weights and an unknown reciprocal. */
INLINE uint8_t bt601(uint32_t red, uint32_t green, uint32_t blue) {
    return (uint8_t)((299 * red + 587 * green + 114 * blue + 500) / 1000);
}

INLINE void bt601_row(const uint8_t *in, uint8_t *gray, size_t pixel_count, unsigned channels, unsigned red) {
    for (size_t i = 0; i < pixel_count; i++, in += channels) {
        gray[i] = bt601(in[red], in[1], in[2 - red]);
    }
}

static void weighted8(const uint8_t *in, uint8_t *gray, size_t pixel_count, unsigned channels, const uint32_t weight[3],
                      uint32_t divisor) {
    if (r2g_is_bt601(weight, divisor) && weight[0] == 299) {
        FOR_EITHER_CHANNELS(bt601_row, 0);
    } else if (r2g_is_bt601(weight, divisor)) {
        FOR_EITHER_CHANNELS(bt601_row, 2);
    } else {
        FOR_EITHER_CHANNELS(paired8, weight, divisor);
    }
}

INLINE void wide16(const uint16_t *in, uint16_t *gray, size_t pixel_count, unsigned channels, const uint32_t weight[3],
                   uint32_t divisor) {
    const struct r2g_reciprocal reciprocal = r2g_reciprocal_of(divisor, 16);
    const uint64_t w0 = weight[0], w1 = weight[1], w2 = weight[2], half = divisor / 2;
    for (size_t i = 0; i < pixel_count; i++, in += channels) {
        gray[i] = (uint16_t)r2g_reciprocal_divide_wide(w0 * in[0] + w1 * in[1] + w2 * in[2] + half, reciprocal);
    }
}

static void weighted16(const uint16_t *in, uint16_t *gray, size_t pixel_count, unsigned channels,
                       const uint32_t weight[3], uint32_t divisor) {
    if (divisor <= PAIRED_DIVISOR_MAX) {
        FOR_EITHER_CHANNELS(paired16, weight, divisor);
    } else {
        FOR_EITHER_CHANNELS(wide16, weight, divisor);
    }
}

/* Lightness, maximum and channel differ between the depths in nothing but the sample's type. */
#define DEFINE_SELECTIONS(bits)                                                                                        \
    static void lightness##bits(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count,                    \
                                unsigned channels) {                                                                   \
        for (size_t i = 0; i < pixel_count; i++, in += channels) {                                                     \
            const uint32_t top = larger(larger(in[0], in[1]), in[2]);                                                  \
            const uint32_t bottom = smaller(smaller(in[0], in[1]), in[2]);                                             \
            gray[i] = (uint##bits##_t)((top + bottom + 1) / 2);                                                        \
        }                                                                                                              \
    }                                                                                                                  \
    static void max##bits(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count, unsigned channels) {     \
        for (size_t i = 0; i < pixel_count; i++, in += channels) {                                                     \
            gray[i] = (uint##bits##_t)larger(larger(in[0], in[1]), in[2]);                                             \
        }                                                                                                              \
    }                                                                                                                  \
    static void channel##bits(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count, unsigned channels,   \
                              unsigned index) {                                                                        \
        in += index;                                                                                                   \
        for (size_t i = 0; i < pixel_count; i++) {                                                                     \
            gray[i] = in[i * channels];                                                                                \
        }                                                                                                              \
    }

DEFINE_SELECTIONS(8)
DEFINE_SELECTIONS(16)

/* Planes differ from interleaved samples in where a pixel's samples lie; 64 bits hold the sum of any weights. */
#define DEFINE_PLANAR(bits)                                                                                            \
    INLINE void planar_sums##bits(const struct r2g_luma *luma, const uint##bits##_t *const plane[3],                   \
                                  uint##bits##_t *gray, size_t pixel_count) {                                          \
        const struct r2g_reciprocal reciprocal = r2g_reciprocal_of(luma->divisor, bits);                               \
        const uint64_t w0 = luma->weight[0], w1 = luma->weight[1], w2 = luma->weight[2], half = luma->divisor / 2;     \
        for (size_t i = 0; i < pixel_count; i++) {                                                                     \
            const uint64_t sum = w0 * plane[0][i] + w1 * plane[1][i] + w2 * plane[2][i] + half;                        \
            gray[i] = (uint##bits##_t)(bits == 8 ? r2g_reciprocal_divide(sum, reciprocal)                              \
                                                 : r2g_reciprocal_divide_wide(sum, reciprocal));                       \
        }                                                                                                              \
    }                                                                                                                  \
    static void planar##bits(const struct r2g_luma *luma, const uint##bits##_t *const plane[3], uint##bits##_t *gray,  \
                             size_t pixel_count) {                                                                     \
        if (bits == 8 && luma->method == R2G_METHOD_BT601) {                                                           \
            for (size_t i = 0; i < pixel_count; i++) {                                                                 \
                gray[i] = bt601(plane[0][i], plane[1][i], plane[2][i]);                                                \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        if (luma->method != R2G_METHOD_LIGHTNESS && luma->method != R2G_METHOD_MAX) {                                  \
            planar_sums##bits(luma, plane, gray, pixel_count);                                                         \
            return;                                                                                                    \
        }                                                                                                              \
        for (size_t i = 0; i < pixel_count; i++) {                                                                     \
            const uint32_t top = larger(larger(plane[0][i], plane[1][i]), plane[2][i]);                                \
            const uint32_t bottom = smaller(smaller(plane[0][i], plane[1][i]), plane[2][i]);                           \
            gray[i] = (uint##bits##_t)(luma->method == R2G_METHOD_MAX ? top : (top + bottom + 1) / 2);                 \
        }                                                                                                              \
    }

DEFINE_PLANAR(8)
DEFINE_PLANAR(16)

const struct r2g_isa r2g_isa_scalar = {
    .name = "scalar",
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
