/* The kernels of the inner loop: plain C, and one for x86 processors since 2013 with three-operand shifts and a byte
 * shuffle. */
#include "deflate/inflate_fast.h"

#include <endian.h>
#include <string.h>

#if defined(__x86_64__)
#define HAVE_AVX2 1
#include <immintrin.h>
#endif

static inline uint64_t load_u64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return le64toh(value);
}

static inline void store_u32(uint8_t *bytes, uint32_t value) {
    value = htole32(value);
    memcpy(bytes, &value, sizeof value);
}

static inline uint64_t low_bits(uint32_t nbits) {
    return (UINT64_C(1) << nbits) - 1;
}

/* Up to how many bytes a match that reaches back less than 8 bytes moves on with each store of 8: whole periods. */
static const uint8_t near_step[8] = {0, 8, 8, 6, 8, 5, 6, 7};
/* The factors that repeat a period of so many bytes. */
static const uint64_t near_repeat[8] = {
    0,
    UINT64_C(0x0101010101010101),
    UINT64_C(0x0001000100010001),
    UINT64_C(0x0001000001000001),
    UINT64_C(0x0000000100000001),
    UINT64_C(0x0000010000000001),
    UINT64_C(0x0001000000000001),
    UINT64_C(0x0100000000000001),
};

/* Writes `length` bytes (3 to 258), and up to 32 behind them, as if byte by byte from `distance` bytes before. */
static inline void copy_portable(uint8_t *out, uint32_t distance, uint32_t length) {
    const uint8_t *from = out - distance;
    const uint8_t *end = out + length;
    if (distance >= 8) {
        do {
            memcpy(out, from, 8);
            out += 8;
            from += 8;
        } while (out < end);
        return;
    }
    uint64_t period = (load_u64(from) & low_bits(8 * distance)) * near_repeat[distance];
    period = htole64(period);
    do {
        memcpy(out, &period, 8);
        out += near_step[distance];
    } while (out < end);
}

#define LOOP_NAME loop_portable
#define LOOP_TARGET
#define COPY_MATCH copy_portable
#include "deflate/inflate_loop.h"

#ifdef HAVE_AVX2
#define AVX2 __attribute__((target("avx2,bmi,bmi2")))

/* Row d: the 16 bytes that repeat the first d; from 16 on, all as they are. */
static const uint8_t near_shuffle[17][16] = {
    {0},
    {0},
    {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1},
    {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0},
    {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3},
    {0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0},
    {0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3},
    {0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0, 1},
    {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1, 2, 3, 4},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 1, 2},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0, 1},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
};
static const uint8_t near_step16[17] = {0, 16, 16, 15, 16, 15, 12, 14, 16, 9, 10, 11, 12, 13, 14, 15, 16};

/* As copy_portable. Most matches are short, and for these nothing depends on the distance but a shuffle. */
AVX2 static inline void copy_avx2(uint8_t *out, uint32_t distance, uint32_t length) {
    const uint8_t *from = out - distance;
    const uint8_t *end = out + length;
    uint32_t near = distance < 16 ? distance : 16;
    __m128i shuffle = _mm_loadu_si128((const __m128i *)near_shuffle[near]);
    __m128i bytes = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)from), shuffle);
    _mm_storeu_si128((__m128i *)out, bytes);
    if (length <= 16)
        return;
    if (distance < 16) {
        uint32_t step = near_step16[distance];
        do {
            out += step;
            _mm_storeu_si128((__m128i *)out, bytes);
        } while (out + step < end);
        return;
    }
    do {
        out += 16;
        from += 16;
        _mm_storeu_si128((__m128i *)out, _mm_loadu_si128((const __m128i *)from));
    } while (out + 16 < end);
}

#define LOOP_NAME loop_avx2
#define LOOP_TARGET AVX2
#define COPY_MATCH copy_avx2
#include "deflate/inflate_loop.h"
#endif

r2g_inflate_loop *r2g_inflate_loop_at(size_t i) {
#ifdef HAVE_AVX2
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) {
        if (i == 0)
            return loop_avx2;
        i--;
    }
#endif
    return i == 0 ? loop_portable : NULL;
}
