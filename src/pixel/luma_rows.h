/* Any method on any order of channels by a given instruction set. Pure functions, usable from any thread. */
#ifndef R2G_PIXEL_LUMA_ROWS_H
#define R2G_PIXEL_LUMA_ROWS_H

#include <rgb2gray/luma.h>

#include "pixel/isa.h"

/* Gray of pixel_count interleaved pixels of `channels` (3 or 4; the fourth is skipped) samples, red first or, with
 * bgr, blue first. `in` has channels * pixel_count samples, `gray` receives pixel_count; they do not overlap. */
void r2g_luma_row8(const struct r2g_isa *isa, const struct r2g_luma *luma, bool bgr, unsigned channels,
                   const uint8_t *in, uint8_t *gray, size_t pixel_count);
void r2g_luma_row16(const struct r2g_isa *isa, const struct r2g_luma *luma, bool bgr, unsigned channels,
                    const uint16_t *in, uint16_t *gray, size_t pixel_count);

/* The same from planes: red, green, blue, each of pixel_count samples. */
void r2g_luma_planar_row8(const struct r2g_isa *isa, const struct r2g_luma *luma, const uint8_t *const plane[3],
                          uint8_t *gray, size_t pixel_count);
void r2g_luma_planar_row16(const struct r2g_isa *isa, const struct r2g_luma *luma, const uint16_t *const plane[3],
                           uint16_t *gray, size_t pixel_count);

#endif
