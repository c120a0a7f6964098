/* Kernels for x86 with AVX2: 32 bytes at a time. See x86_kernels.h for the arithmetic. */
#include "pixel/kernels.h"

#ifdef R2G_PIXEL_X86

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))
#define VECTOR __m256i
#define OP(name) _mm256_##name
#define OR _mm256_or_si256
#define XOR _mm256_xor_si256
#define STORE(bytes, v) _mm256_storeu_si256((__m256i *)(void *)(bytes), v)
#define REPEAT(bytes) _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(bytes)))
#define LOAD_PLANE(samples) _mm256_loadu_si256((const __m256i *)(const void *)(samples))
#define ISA_ROW r2g_isa_avx2
#define ISA_NAME "avx2"

static bool available(void) {
    return __builtin_cpu_supports("avx2");
}

TARGET static inline __attribute__((always_inline)) __m256i load_lanes(const uint8_t *bytes, size_t stride) {
    const __m128i low = _mm_loadu_si128((const __m128i *)(const void *)bytes);
    const __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(bytes + stride));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

#include "pixel/x86_planes.h"

#include "pixel/x86_kernels.h"

#endif
