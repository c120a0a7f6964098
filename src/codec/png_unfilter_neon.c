/* PNG filters undone with NEON: 4 rows, or 2 of wide pixels, at once. See png_unfilter_wave.h. */
#include "codec/png_unfilter.h"

#ifdef R2G_PNG_NEON

#include <arm_neon.h>

#define TARGET
#define INLINE static inline __attribute__((always_inline))
#define PART_VECTOR uint8x16_t
#define PART_ADD vaddq_u8
#define PART_SHUFFLE vqtbl1q_u8
#define PART_SHIFT(v, n) vextq_u8(vdupq_n_u8(0), v, 16 - (n))
#define VECTOR uint8x16_t
#define HALVES 1
#define both(first, second) (first)
#define low(v) (v)
#define high(v) (v)

#define AND vandq_u8
#define SPLAT vdupq_n_u8
#define ADD vaddq_u8
#define MIN vminq_u8
#define MAX vmaxq_u8
#define EQUAL vceqq_u8
#define SELECT vbslq_u8
#define ADD_SATURATED vqaddq_u8
#define SUB_SATURATED vqsubq_u8
#define HALF_SUM vhaddq_u8
#define SHUFFLE vqtbl1q_u8
#define BEHIND(v, from, n) vextq_u8(from, v, 16 - (n))
#define ZIP(name, type, a, b)                                                                                          \
    vreinterpretq_u8_##type(name##_##type(vreinterpretq_##type##_u8(a), vreinterpretq_##type##_u8(b)))
#define ZIP_LOW_32(a, b) ZIP(vzip1q, u32, a, b)
#define ZIP_HIGH_32(a, b) ZIP(vzip2q, u32, a, b)
#define ZIP_LOW_64(a, b) ZIP(vzip1q, u64, a, b)
#define ZIP_HIGH_64(a, b) ZIP(vzip2q, u64, a, b)
#define ISA_ROW r2g_png_unfilter_neon
#define ISA_NAME "neon"

/* Part of every 64-bit Arm processor. */
static bool available(void) {
    return true;
}

INLINE uint8x16_t load(const uint8_t *bytes) {
    return vld1q_u8(bytes);
}

INLINE void store(uint8_t *bytes, uint8x16_t v) {
    vst1q_u8(bytes, v);
}

#include "codec/png_unfilter_wave.h"

#endif
