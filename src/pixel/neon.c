/* Kernels for 64-bit ARM: 16 bytes of each channel at a time. Loads and stores need no alignment beyond the sample's
 * and never leave the caller's arrays. */
#include "pixel/kernels.h"

#ifdef R2G_PIXEL_NEON

#include <arm_neon.h>
#include <string.h>

#include "pixel/reciprocal.h"

#define INLINE static inline __attribute__((always_inline))

static bool available(void) {
    return true; /* part of the architecture */
}

enum operation { BT601, WEIGHTED, LIGHTNESS, MAX, CHANNEL_0, CHANNEL_1, CHANNEL_2, CHANNEL_3 };

struct weights {
    uint16_t w[3];
    uint32_t half, multiplier; /* divisor div 2, and the reciprocal */
    int64x2_t shift;           /* negative: to the right */
};

/* BT.601 of bytes: x = (37 R + 73 G + 14 B) + (3 R + 3 G + 2 B + 500) div 8 is (299 R + 587 G + 114 B + 500) div 8, at
 * most 31937, and S div 1000 = x div 125 = 33555 x div 2^22, since 33555 * 125 = 2^22 + 71 and 71 x < 2^22. For BGR
 * the weights of c0 and c2 change places. */
struct bt601_weights {
    uint8x8_t eighths[3], rest[3];
};

INLINE struct bt601_weights bt601_weights_of(bool bgr) {
    const unsigned red = bgr ? 2 : 0, blue = bgr ? 0 : 2;
    struct bt601_weights weights;
    weights.eighths[red] = vdup_n_u8(37);
    weights.eighths[1] = vdup_n_u8(73);
    weights.eighths[blue] = vdup_n_u8(14);
    weights.rest[red] = vdup_n_u8(3);
    weights.rest[1] = vdup_n_u8(3);
    weights.rest[blue] = vdup_n_u8(2);
    return weights;
}

INLINE uint8x8_t bt601_half(uint8x8_t c0, uint8x8_t c1, uint8x8_t c2, struct bt601_weights k) {
    const uint16x8_t eighths = vmlal_u8(vmlal_u8(vmull_u8(c0, k.eighths[0]), c1, k.eighths[1]), c2, k.eighths[2]);
    const uint16x8_t rest = vmlal_u8(vmlal_u8(vmlal_u8(vdupq_n_u16(500), c0, k.rest[0]), c1, k.rest[1]), c2, k.rest[2]);
    const uint16x8_t x = vsraq_n_u16(eighths, rest, 3);
    const uint16x4_t low = vshrn_n_u32(vmull_n_u16(vget_low_u16(x), 33555), 16);
    const uint16x4_t high = vshrn_n_u32(vmull_n_u16(vget_high_u16(x), 33555), 16);
    return vshrn_n_u16(vcombine_u16(low, high), 22 - 16);
}

/* Any weights with a divisor up to 2^15: sums below 2^31, and a reciprocal (q = 16, b <= 15) below 2^32. */
enum { VECTOR_DIVISOR_MAX = 32768 };

INLINE uint16x4_t weighted_quarter(uint16x4_t c0, uint16x4_t c1, uint16x4_t c2, struct weights k) {
    uint32x4_t n = vmlal_n_u16(vdupq_n_u32(k.half), c0, k.w[0]);
    n = vmlal_n_u16(vmlal_n_u16(n, c1, k.w[1]), c2, k.w[2]);
    const uint64x2_t low = vshlq_u64(vmull_n_u32(vget_low_u32(n), k.multiplier), k.shift);
    const uint64x2_t high = vshlq_u64(vmull_n_u32(vget_high_u32(n), k.multiplier), k.shift);
    return vmovn_u32(vcombine_u32(vmovn_u64(low), vmovn_u64(high)));
}

INLINE uint16x8_t weighted_words(uint16x8_t c0, uint16x8_t c1, uint16x8_t c2, struct weights k) {
    return vcombine_u16(weighted_quarter(vget_low_u16(c0), vget_low_u16(c1), vget_low_u16(c2), k),
                        weighted_quarter(vget_high_u16(c0), vget_high_u16(c1), vget_high_u16(c2), k));
}

INLINE struct weights weights_of(const uint32_t weight[3], uint32_t divisor) {
    const struct r2g_reciprocal reciprocal = r2g_reciprocal_of(divisor, 16);
    return (struct weights){.w = {(uint16_t)weight[0], (uint16_t)weight[1], (uint16_t)weight[2]},
                            .half = divisor / 2,
                            .multiplier = (uint32_t)reciprocal.multiplier,
                            .shift = vdupq_n_s64(-(int64_t)reciprocal.shift)};
}

INLINE uint8x16_t gray8_of(uint8x16x4_t p, enum operation operation, struct weights k, struct bt601_weights bt601) {
    const uint8x16_t c0 = p.val[0], c1 = p.val[1], c2 = p.val[2];
    switch (operation) {
    case BT601:
        return vcombine_u8(bt601_half(vget_low_u8(c0), vget_low_u8(c1), vget_low_u8(c2), bt601),
                           bt601_half(vget_high_u8(c0), vget_high_u8(c1), vget_high_u8(c2), bt601));
    case WEIGHTED:
        return vcombine_u8(vmovn_u16(weighted_words(vmovl_u8(vget_low_u8(c0)), vmovl_u8(vget_low_u8(c1)),
                                                    vmovl_u8(vget_low_u8(c2)), k)),
                           vmovn_u16(weighted_words(vmovl_u8(vget_high_u8(c0)), vmovl_u8(vget_high_u8(c1)),
                                                    vmovl_u8(vget_high_u8(c2)), k)));
    case LIGHTNESS: /* the halving addition rounds up */
        return vrhaddq_u8(vmaxq_u8(vmaxq_u8(c0, c1), c2), vminq_u8(vminq_u8(c0, c1), c2));
    case MAX:
        return vmaxq_u8(vmaxq_u8(c0, c1), c2);
    default:
        return p.val[operation - CHANNEL_0];
    }
}

INLINE uint16x8_t gray16_of(uint16x8x4_t p, enum operation operation, struct weights k, struct bt601_weights bt601) {
    (void)bt601;
    const uint16x8_t c0 = p.val[0], c1 = p.val[1], c2 = p.val[2];
    switch (operation) {
    case BT601:
    case WEIGHTED:
        return weighted_words(c0, c1, c2, k);
    case LIGHTNESS:
        return vrhaddq_u16(vmaxq_u16(vmaxq_u16(c0, c1), c2), vminq_u16(vminq_u16(c0, c1), c2));
    case MAX:
        return vmaxq_u16(vmaxq_u16(c0, c1), c2);
    default:
        return p.val[operation - CHANNEL_0];
    }
}

INLINE uint8x16x4_t load8(const uint8_t *in, unsigned channels) {
    if (channels == 4) {
        return vld4q_u8(in);
    }
    const uint8x16x3_t p = vld3q_u8(in);
    return (uint8x16x4_t){{p.val[0], p.val[1], p.val[2], vdupq_n_u8(0)}};
}

INLINE uint16x8x4_t load16(const uint16_t *in, unsigned channels) {
    if (channels == 4) {
        return vld4q_u16(in);
    }
    const uint16x8x3_t p = vld3q_u16(in);
    return (uint16x8x4_t){{p.val[0], p.val[1], p.val[2], vdupq_n_u16(0)}};
}

/* The last pixels are done as a full step that ends with the row and repeats some before it; a shorter row goes through
 * a copy. Inlined with constant channels and operation, one loop each. */
#define DEFINE_RUN(bits)                                                                                               \
    INLINE void run##bits(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count, unsigned channels,       \
                          enum operation operation, struct weights k, struct bt601_weights bt601) {                    \
        enum { STEP = 16 / sizeof *gray };                                                                             \
        if (pixel_count < STEP) {                                                                                      \
            uint##bits##_t in_copy[4 * STEP] = {0}, gray_copy[STEP];                                                   \
            memcpy(in_copy, in, (channels * sizeof *in) * pixel_count);                                                \
            vst1q_u##bits(gray_copy, gray##bits##_of(load##bits(in_copy, channels), operation, k, bt601));             \
            memcpy(gray, gray_copy, pixel_count * sizeof *gray);                                                       \
            return;                                                                                                    \
        }                                                                                                              \
        const size_t last = pixel_count - STEP;                                                                        \
        for (size_t i = 0; i < last; i += STEP) {                                                                      \
            vst1q_u##bits(gray + i, gray##bits##_of(load##bits(in + i * channels, channels), operation, k, bt601));    \
        }                                                                                                              \
        vst1q_u##bits(gray + last, gray##bits##_of(load##bits(in + last * channels, channels), operation, k, bt601));  \
    }                                                                                                                  \
    INLINE void run##bits##_either(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count,                 \
                                   unsigned channels, enum operation operation, struct weights k,                      \
                                   struct bt601_weights bt601) {                                                       \
        if (pixel_count == 0) {                                                                                        \
            return;                                                                                                    \
        }                                                                                                              \
        if (channels == 3) {                                                                                           \
            run##bits(in, gray, pixel_count, 3, operation, k, bt601);                                                  \
        } else {                                                                                                       \
            run##bits(in, gray, pixel_count, 4, operation, k, bt601);                                                  \
        }                                                                                                              \
    }                                                                                                                  \
    static void select##bits(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count, unsigned channels,    \
                             enum operation operation) {                                                               \
        const uint32_t weight[3] = {1, 0, 0}; /* not used by these */                                                  \
        const struct weights k = weights_of(weight, 1);                                                                \
        const struct bt601_weights bt601 = bt601_weights_of(false);                                                    \
        switch (operation) {                                                                                           \
        case LIGHTNESS:                                                                                                \
            run##bits##_either(in, gray, pixel_count, channels, LIGHTNESS, k, bt601);                                  \
            break;                                                                                                     \
        case MAX:                                                                                                      \
            run##bits##_either(in, gray, pixel_count, channels, MAX, k, bt601);                                        \
            break;                                                                                                     \
        case CHANNEL_0:                                                                                                \
            run##bits##_either(in, gray, pixel_count, channels, CHANNEL_0, k, bt601);                                  \
            break;                                                                                                     \
        case CHANNEL_1:                                                                                                \
            run##bits##_either(in, gray, pixel_count, channels, CHANNEL_1, k, bt601);                                  \
            break;                                                                                                     \
        case CHANNEL_2:                                                                                                \
            run##bits##_either(in, gray, pixel_count, channels, CHANNEL_2, k, bt601);                                  \
            break;                                                                                                     \
        default:                                                                                                       \
            run##bits##_either(in, gray, pixel_count, channels, CHANNEL_3, k, bt601);                                  \
            break;                                                                                                     \
        }                                                                                                              \
    }                                                                                                                  \
    static void lightness##bits(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count,                    \
                                unsigned channels) {                                                                   \
        select##bits(in, gray, pixel_count, channels, LIGHTNESS);                                                      \
    }                                                                                                                  \
    static void max##bits(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count, unsigned channels) {     \
        select##bits(in, gray, pixel_count, channels, MAX);                                                            \
    }                                                                                                                  \
    static void channel##bits(const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count, unsigned channels,   \
                              unsigned index) {                                                                        \
        select##bits(in, gray, pixel_count, channels, (enum operation)(CHANNEL_0 + index));                            \
    }

DEFINE_RUN(8)
DEFINE_RUN(16)

static void weighted8(const uint8_t *in, uint8_t *gray, size_t pixel_count, unsigned channels, const uint32_t weight[3],
                      uint32_t divisor) {
    if (divisor > VECTOR_DIVISOR_MAX) {
        r2g_isa_scalar.weighted8(in, gray, pixel_count, channels, weight, divisor);
        return;
    }
    const struct weights k = weights_of(weight, divisor);
    const struct bt601_weights bt601 = bt601_weights_of(weight[0] == 114);
    if (r2g_is_bt601(weight, divisor)) {
        run8_either(in, gray, pixel_count, channels, BT601, k, bt601);
    } else {
        run8_either(in, gray, pixel_count, channels, WEIGHTED, k, bt601);
    }
}

static void weighted16(const uint16_t *in, uint16_t *gray, size_t pixel_count, unsigned channels,
                       const uint32_t weight[3], uint32_t divisor) {
    if (divisor > VECTOR_DIVISOR_MAX) {
        r2g_isa_scalar.weighted16(in, gray, pixel_count, channels, weight, divisor);
        return;
    }
    run16_either(in, gray, pixel_count, channels, WEIGHTED, weights_of(weight, divisor), bt601_weights_of(false));
}

INLINE uint8x16x4_t load_planes8(const uint8_t *const plane[3], size_t i) {
    return (uint8x16x4_t){{vld1q_u8(plane[0] + i), vld1q_u8(plane[1] + i), vld1q_u8(plane[2] + i), vdupq_n_u8(0)}};
}

INLINE uint16x8x4_t load_planes16(const uint16_t *const plane[3], size_t i) {
    return (uint16x8x4_t){{vld1q_u16(plane[0] + i), vld1q_u16(plane[1] + i), vld1q_u16(plane[2] + i), vdupq_n_u16(0)}};
}

#define DEFINE_PLANAR(bits)                                                                                            \
    INLINE void planar_run##bits(const uint##bits##_t *const plane[3], uint##bits##_t *gray, size_t pixel_count,       \
                                 enum operation operation, struct weights k) {                                         \
        enum { STEP = 16 / sizeof *gray };                                                                             \
        const struct bt601_weights bt601 = bt601_weights_of(false);                                                    \
        if (pixel_count < STEP) {                                                                                      \
            uint##bits##_t copies[3][STEP] = {{0}}, gray_copy[STEP];                                                   \
            const uint##bits##_t *const copy[3] = {copies[0], copies[1], copies[2]};                                   \
            for (int c = 0; c < 3; c++) {                                                                              \
                memcpy(copies[c], plane[c], pixel_count * sizeof *gray);                                               \
            }                                                                                                          \
            vst1q_u##bits(gray_copy, gray##bits##_of(load_planes##bits(copy, 0), operation, k, bt601));                \
            memcpy(gray, gray_copy, pixel_count * sizeof *gray);                                                       \
            return;                                                                                                    \
        }                                                                                                              \
        const size_t last = pixel_count - STEP;                                                                        \
        for (size_t i = 0; i < last; i += STEP) {                                                                      \
            vst1q_u##bits(gray + i, gray##bits##_of(load_planes##bits(plane, i), operation, k, bt601));                \
        }                                                                                                              \
        vst1q_u##bits(gray + last, gray##bits##_of(load_planes##bits(plane, last), operation, k, bt601));              \
    }                                                                                                                  \
    static void planar##bits(const struct r2g_luma *luma, const uint##bits##_t *const plane[3], uint##bits##_t *gray,  \
                             size_t pixel_count) {                                                                     \
        const uint32_t unused[3] = {1, 0, 0};                                                                          \
        if (pixel_count == 0) {                                                                                        \
            return;                                                                                                    \
        }                                                                                                              \
        if (luma->method == R2G_METHOD_LIGHTNESS) {                                                                    \
            planar_run##bits(plane, gray, pixel_count, LIGHTNESS, weights_of(unused, 1));                              \
        } else if (luma->method == R2G_METHOD_MAX) {                                                                   \
            planar_run##bits(plane, gray, pixel_count, MAX, weights_of(unused, 1));                                    \
        } else if (luma->divisor > VECTOR_DIVISOR_MAX) {                                                               \
            r2g_isa_scalar.planar##bits(luma, plane, gray, pixel_count);                                               \
        } else if (bits == 8 && r2g_is_bt601(luma->weight, luma->divisor) && luma->weight[0] == 299) {                 \
            planar_run##bits(plane, gray, pixel_count, BT601, weights_of(luma->weight, luma->divisor));                \
        } else {                                                                                                       \
            planar_run##bits(plane, gray, pixel_count, WEIGHTED, weights_of(luma->weight, luma->divisor));             \
        }                                                                                                              \
    }

DEFINE_PLANAR(8)
DEFINE_PLANAR(16)

const struct r2g_isa r2g_isa_neon = {
    .name = "neon",
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

#endif
