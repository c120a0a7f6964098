/* Kernels for x86 with SSSE3 and SSE4.1: 16 bytes at a time. See x86_kernels.h for the arithmetic. */
#include "pixel/kernels.h"

#ifdef R2G_PIXEL_X86

#include <immintrin.h>

#define TARGET __attribute__((target("ssse3,sse4.1")))
#define VECTOR __m128i
#define OP(name) _mm_##name
#define OR _mm_or_si128
#define XOR _mm_xor_si128
#define STORE(bytes, v) _mm_storeu_si128((__m128i *)(void *)(bytes), v)
#define REPEAT(bytes) _mm_loadu_si128((const __m128i *)(const void *)(bytes))
#define LOAD_PLANE(samples) _mm_loadu_si128((const __m128i *)(const void *)(samples))
#define ISA_ROW r2g_isa_sse4
#define ISA_NAME "sse4"

static bool available(void) {
    return __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1");
}

TARGET static inline __attribute__((always_inline)) __m128i load_lanes(const uint8_t *bytes, size_t stride) {
    (void)stride;
    return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

#include "pixel/x86_planes.h"

#include "pixel/x86_kernels.h"

#endif
