/* PNG filters undone with SSSE3 and SSE4.1: 4 rows, or 2 of wide pixels, at once. See png_unfilter_x86.h. */
#include "codec/png_unfilter.h"

#ifdef R2G_PNG_X86

#include <immintrin.h>

#define TARGET __attribute__((target("ssse3,sse4.1")))
#define VECTOR __m128i
#define OP(name) _mm_##name
#define AND _mm_and_si128
#define XOR _mm_xor_si128
#define BLEND _mm_blendv_epi8
#define HALVES 1
#define both(first, second) (first)
#define low(v) (v)
#define high(v) (v)
#define ISA_ROW r2g_png_unfilter_sse4
#define ISA_NAME "sse4"

static bool available(void) {
    return __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1");
}

#include "codec/png_unfilter_x86.h"

#endif
