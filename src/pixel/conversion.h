/* From the samples a reader delivers to the gray samples an encoder takes: luma, alpha, sample range.
 *
 * A conversion is a plain value without pointers (it is sent to other ranks as bytes); applying it needs a prepared
 * r2g_converter, which may be shared by threads. Rows are converted one by one, without state between them.
 */
#ifndef R2G_PIXEL_CONVERSION_H
#define R2G_PIXEL_CONVERSION_H

#include <stdbool.h>
#include <stdint.h>

#include <rgb2gray/image.h>
#include <rgb2gray/luma.h>

#include "base/buffer.h"

struct r2g_conversion {
    struct r2g_luma luma;
    enum r2g_layout layout;      /* of the input */
    uint32_t maxval;             /* of the input, 1 to 65535 */
    uint32_t out_maxval;         /* of the output, 1 to 65535 */
    bool keep_alpha;             /* the output has gray, alpha; false: gray alone */
    uint16_t background;         /* gray the picture is laid on where alpha is dropped, 0 to out_maxval */
};

/* Samples of an output pixel: 2 where alpha is kept and the input has one, else 1. */
unsigned r2g_conversion_out_channels(const struct r2g_conversion *conversion);

struct r2g_converter;
R2G_MUST_CHECK r2g_status r2g_converter_new(struct r2g_converter **converter, const struct r2g_conversion *conversion,
                                            struct r2g_error *err);
void r2g_converter_free(struct r2g_converter *converter);

/* Converts row_count rows of `width` pixels; rows lie in_stride and out_stride bytes apart (the latter is negative
 * where the first row is the last in memory). Samples take 1 byte up to a maxval of 255, else 2 (machine order, 2-byte
 * aligned); input and output do not overlap. Steps, in this order:
 *   gray  = luma(R, G, B); gray input passes untouched
 *   range = (v * out_maxval + maxval div 2) div maxval, where the two differ; alpha likewise
 *   laid on the background, where alpha is dropped: (gray * a + background * (m - a) + m div 2) div m, m = out_maxval;
 *           exact gray where a = m, exact background where a = 0
 * Returns false if a gray or colour sample exceeds maxval (possible only where maxval is neither 255 nor 65535). */
R2G_MUST_CHECK bool r2g_converter_rows(const struct r2g_converter *converter, const void *in, size_t in_stride,
                                       void *out, ptrdiff_t out_stride, uint32_t width, uint32_t row_count);

#endif
