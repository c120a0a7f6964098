/* The rows of the table in isa.c, one a file. Constant data. */
#ifndef R2G_PIXEL_KERNELS_H
#define R2G_PIXEL_KERNELS_H

#include "pixel/isa.h"

#if defined(__x86_64__)
#define R2G_PIXEL_X86
#elif defined(__aarch64__)
#define R2G_PIXEL_NEON
#endif

/* Whether the weights, red or blue first, are those of BT.601, for whose bytes there is a shorter way. */
static inline bool r2g_is_bt601(const uint32_t weight[3], uint32_t divisor) {
    const uint32_t red = weight[0], blue = weight[2];
    return divisor == 1000 && weight[1] == 587 && ((red == 299 && blue == 114) || (red == 114 && blue == 299));
}

extern const struct r2g_isa r2g_isa_scalar;
#ifdef R2G_PIXEL_X86
extern const struct r2g_isa r2g_isa_sse4;
extern const struct r2g_isa r2g_isa_avx2;
extern const struct r2g_isa r2g_isa_avx512;
#endif
#ifdef R2G_PIXEL_NEON
extern const struct r2g_isa r2g_isa_neon;
#endif

#endif
