/* One instruction set's luma kernels; the table in isa.c holds one row each, best first.
 *
 * weighted*: gray = (w[0] c0 + w[1] c1 + w[2] c2 + divisor div 2) div divisor for interleaved pixels of `channels` (3 or
 * 4; a fourth is skipped) samples c0, c1, c2 as they lie in memory: for BGR the caller swaps the weights.
 * Exact for every weight whose sum is divisor <= R2G_LUMA_DIVISOR_MAX.
 */
#ifndef R2G_PIXEL_ISA_H
#define R2G_PIXEL_ISA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rgb2gray/luma.h>

struct r2g_isa {
    const char *name;
    bool (*available)(void);
    void (*weighted8)(const uint8_t *in, uint8_t *gray, size_t pixel_count, unsigned channels, const uint32_t weight[3],
                      uint32_t divisor);
    void (*weighted16)(const uint16_t *in, uint16_t *gray, size_t pixel_count, unsigned channels,
                       const uint32_t weight[3], uint32_t divisor);
    /* (max + min + 1) div 2 and max of the first three samples */
    void (*lightness8)(const uint8_t *in, uint8_t *gray, size_t pixel_count, unsigned channels);
    void (*lightness16)(const uint16_t *in, uint16_t *gray, size_t pixel_count, unsigned channels);
    void (*max8)(const uint8_t *in, uint8_t *gray, size_t pixel_count, unsigned channels);
    void (*max16)(const uint16_t *in, uint16_t *gray, size_t pixel_count, unsigned channels);
    /* the sample at `index` of each pixel */
    void (*channel8)(const uint8_t *in, uint8_t *gray, size_t pixel_count, unsigned channels, unsigned index);
    void (*channel16)(const uint16_t *in, uint16_t *gray, size_t pixel_count, unsigned channels, unsigned index);
    /* weighted, lightness and maximum of planes, by the method of `luma`: red, green, blue, each pixel_count samples */
    void (*planar8)(const struct r2g_luma *luma, const uint8_t *const plane[3], uint8_t *gray, size_t pixel_count);
    void (*planar16)(const struct r2g_luma *luma, const uint16_t *const plane[3], uint16_t *gray, size_t pixel_count);
};

/* The kernels in use (RGB2GRAY_ISA or the best available), and the i-th of all compiled in, NULL past the last. */
const struct r2g_isa *r2g_isa_current(void);
const struct r2g_isa *r2g_isa_at(size_t i);

#endif
