/* What png_unfilter_wave.h asks for, on x86: included by png_unfilter_sse4.c and png_unfilter_avx2.c, each of which
 * first defines TARGET, VECTOR, HALVES, both, low, high, ISA_ROW, ISA_NAME, available,
 *   OP(name)           an intrinsic for VECTOR
 *   AND, XOR, BLEND    those whose names have another form
 */
#include "codec/png_unfilter.h"

#define INLINE TARGET static inline __attribute__((always_inline))
#define PART_VECTOR __m128i
#define PART_ADD _mm_add_epi8
#define PART_SHUFFLE _mm_shuffle_epi8
#define PART_SHIFT _mm_slli_si128

#define SPLAT OP(set1_epi8)
#define ADD OP(add_epi8)
#define MIN OP(min_epu8)
#define MAX OP(max_epu8)
#define EQUAL OP(cmpeq_epi8)
#define SELECT(mask, yes, no) BLEND(no, yes, mask)
#define ADD_SATURATED OP(adds_epu8)
#define SUB_SATURATED OP(subs_epu8)
#define HALF_SUM half_sum
#define SHUFFLE(v, indices) OP(shuffle_epi8)(v, both(indices, indices))
#define BEHIND(v, from, n) OP(alignr_epi8)(v, from, 16 - (n))
#define ZIP_LOW_32 OP(unpacklo_epi32)
#define ZIP_HIGH_32 OP(unpackhi_epi32)
#define ZIP_LOW_64 OP(unpacklo_epi64)
#define ZIP_HIGH_64 OP(unpackhi_epi64)

INLINE __m128i load(const uint8_t *bytes) {
    return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

INLINE void store(uint8_t *bytes, __m128i v) {
    _mm_storeu_si128((__m128i *)(void *)bytes, v);
}

/* The instruction's average rounds up. */
INLINE VECTOR half_sum(VECTOR a, VECTOR b) {
    return OP(sub_epi8)(OP(avg_epu8)(a, b), AND(XOR(a, b), SPLAT(1)));
}

#include "codec/png_unfilter_wave.h"
