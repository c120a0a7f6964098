/* The row filters with AVX2: 32 bytes at a time. */
#include "codec/png_filter.h"

#ifdef __x86_64__

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))
#define VECTOR __m256i
#define OP(name) _mm256_##name
#define BITS(name) _mm256_##name##_si256
#define LOAD(bytes) _mm256_loadu_si256((const __m256i *)(const void *)(bytes))
#define STORE(bytes, v) _mm256_storeu_si256((__m256i *)(void *)(bytes), v)
#define KERNEL r2g_png_filter_avx2

#include "codec/png_filter_x86.h"

#endif
