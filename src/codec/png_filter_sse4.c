/* The row filters with SSSE3 and SSE4.1: 16 bytes at a time. */
#include "codec/png_filter.h"

#ifdef __x86_64__

#include <immintrin.h>

#define TARGET __attribute__((target("ssse3,sse4.1")))
#define VECTOR __m128i
#define OP(name) _mm_##name
#define BITS(name) _mm_##name##_si128
#define LOAD(bytes) _mm_loadu_si128((const __m128i *)(const void *)(bytes))
#define STORE(bytes, v) _mm_storeu_si128((__m128i *)(void *)(bytes), v)
#define KERNEL r2g_png_filter_sse4

#include "codec/png_filter_x86.h"

#endif
