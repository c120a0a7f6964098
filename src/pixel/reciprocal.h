/* Exact division by an invariant divisor as one multiplication and one shift. Plain values, pure functions.
 *
 * For a numerator n < 2^q * d, whose quotient fits q bits, let d <= 2^b, k = q + 2b and m = floor(2^k / d) + 1. Then
 * m d = 2^k + e with 1 <= e <= d, so n m / 2^k = n / d + (n e / 2^k) / d. Because n e < 2^q d d <= 2^k, the excess is
 * less than 1 / d, and n / d is at least 1 / d below the next integer: floor(n m / 2^k) = floor(n / d), exactly.
 * The rounded sums here meet the premise: n = sum + d div 2 <= (2^q - 1) d + d / 2 < 2^q d.
 */
#ifndef R2G_PIXEL_RECIPROCAL_H
#define R2G_PIXEL_RECIPROCAL_H

#include <stdint.h>

struct r2g_reciprocal {
    uint64_t multiplier; /* m <= 2^(q + b + 1) */
    unsigned shift;      /* k */
};

/* For quotients of `quotient_bits` (8 or 16) and 1 <= divisor <= 2^22. */
static inline struct r2g_reciprocal r2g_reciprocal_of(uint32_t divisor, unsigned quotient_bits) {
    unsigned divisor_bits = 0;
    while (((uint32_t)1 << divisor_bits) < divisor) {
        divisor_bits++;
    }
    const unsigned shift = quotient_bits + 2 * divisor_bits; /* at most 16 + 44 = 60 */
    return (struct r2g_reciprocal){.multiplier = ((uint64_t)1 << shift) / divisor + 1, .shift = shift};
}

/* n div d where n m fits 64 bits: with q = 8 always (n m <= 2^8 d (2^k / d + 1), about 2^(8 + 52)); with q = 16 for
 * d <= 2^16, since n <= (2^16 - 1/2) d gives n m <= (2^16 - 1/2) (2^48 + d) < 2^64. */
static inline uint32_t r2g_reciprocal_divide(uint64_t numerator, struct r2g_reciprocal reciprocal) {
    return (uint32_t)(numerator * reciprocal.multiplier >> reciprocal.shift);
}

/* The same for every divisor: n m < 2^(16 + 60) + 2^38 needs 128 bits. */
static inline uint32_t r2g_reciprocal_divide_wide(uint64_t numerator, struct r2g_reciprocal reciprocal) {
    return (uint32_t)((unsigned __int128)numerator * reciprocal.multiplier >> reciprocal.shift);
}

#endif
