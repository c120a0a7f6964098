/* PNG filters undone with AVX2: 8 rows, or 4 of wide pixels, at once. See png_unfilter_x86.h. */
#include "codec/png_unfilter.h"

#ifdef R2G_PNG_X86

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))
#define VECTOR __m256i
#define OP(name) _mm256_##name
#define AND _mm256_and_si256
#define XOR _mm256_xor_si256
#define BLEND _mm256_blendv_epi8
#define HALVES 2
#define both(first, second) _mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1)
#define low _mm256_castsi256_si128
#define high(v) _mm256_extracti128_si256(v, 1)
#define ISA_ROW r2g_png_unfilter_avx2
#define ISA_NAME "avx2"

static bool available(void) {
    return __builtin_cpu_supports("avx2");
}

#include "codec/png_unfilter_x86.h"

#endif
