/* By AVX2 where there is, otherwise by ISA-L, which has kernels for other processors. */
#include "deflate/adler32.h"

#include <isa-l/igzip_lib.h>

#if defined(__x86_64__)
#include <immintrin.h>

#define MODULUS 65521
#define LANE_NBYTES ((size_t)32)
/* Short enough for all lanes: the fullest sum is that of old_sums, 32 * 255 * (0 + 1 + ... + 255) < 2^28. */
#define RUN_NBYTES ((size_t)8192)

__attribute__((target("avx2"))) static uint32_t sum_lanes(__m256i lanes) {
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(sum);
}

/* nbytes is a multiple of LANE_NBYTES. A step of 32 bytes adds their sum to a, and to b 32 times the old a and each byte
 * as often as it is from the end of the step. */
__attribute__((target("avx2"))) static void add_run(uint32_t *a, uint32_t *b, const uint8_t *bytes, size_t nbytes) {
    const __m256i weights = _mm256_setr_epi8(32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14,
                                             13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1);
    __m256i sums = _mm256_setzero_si256(), old_sums = sums, weighted = sums;
    for (size_t i = 0; i < nbytes; i += LANE_NBYTES) {
        __m256i step = _mm256_loadu_si256((const __m256i *)(bytes + i));
        old_sums = _mm256_add_epi32(old_sums, sums);
        sums = _mm256_add_epi32(sums, _mm256_sad_epu8(step, _mm256_setzero_si256()));
        /* pairs: at most 255 * (32 + 31) */
        weighted =
            _mm256_add_epi32(weighted, _mm256_madd_epi16(_mm256_maddubs_epi16(step, weights), _mm256_set1_epi16(1)));
    }
    *b = (uint32_t)((*b + (uint64_t)*a * nbytes + (uint64_t)sum_lanes(old_sums) * LANE_NBYTES + sum_lanes(weighted)) %
                    MODULUS);
    *a = (*a + sum_lanes(sums)) % MODULUS;
}
#endif

uint32_t r2g_adler32(uint32_t adler, const uint8_t *bytes, size_t nbytes) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        uint32_t a = adler & 0xffff, b = adler >> 16;
        while (nbytes >= LANE_NBYTES) {
            size_t run = nbytes < RUN_NBYTES ? nbytes - nbytes % LANE_NBYTES : RUN_NBYTES;
            add_run(&a, &b, bytes, run);
            bytes += run;
            nbytes -= run;
        }
        for (; nbytes > 0; nbytes--) {
            a += *bytes++;
            b += a;
        }
        return b % MODULUS << 16 | a % MODULUS;
    }
#endif
    return nbytes > 0 ? isal_adler32(adler, bytes, nbytes) : adler;
}
