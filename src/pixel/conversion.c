/* Rows from a reader to gray rows for an encoder.
 *
 * Where nothing but luma is to be done the kernels write straight into the output. Else a row goes through pieces of
 * PIECE pixels in 16-bit scratch on the stack, so that memory does not depend on the width; pieces without transparent
 * pixels, the common case, still need luma alone.
 */
#include "pixel/conversion.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pixel/isa.h"
#include "pixel/luma_rows.h"
#include "pixel/reciprocal.h"

enum { PIECE = 1024 }; /* pixels; two scratch rows of 16 and two of 8 bits take 6 KiB and stay in the first cache */

struct r2g_converter {
    struct r2g_conversion conversion;
    const struct r2g_isa *isa;
    unsigned channels; /* of the input */
    unsigned out_channels;
    bool bgr;
    bool has_alpha; /* the input has */
    bool checked;   /* samples can exceed maxval */
    size_t in_pixel_nbytes, out_pixel_nbytes;
    uint16_t *range;                  /* output value of each sample 0 to maxval; NULL where maxval stays */
    struct r2g_reciprocal out_maxval; /* division by it */
};

unsigned r2g_conversion_out_channels(const struct r2g_conversion *conversion) {
    return conversion->keep_alpha && r2g_layout_has_alpha(conversion->layout) ? 2 : 1;
}

static size_t sample_nbytes(uint32_t maxval) {
    return maxval <= UINT8_MAX ? 1 : 2;
}

r2g_status r2g_converter_new(struct r2g_converter **converter, const struct r2g_conversion *conversion,
                             struct r2g_error *err) {
    const uint32_t maxval = conversion->maxval, out_maxval = conversion->out_maxval;
    assert(maxval >= 1 && maxval <= UINT16_MAX && out_maxval >= 1 && out_maxval <= UINT16_MAX);
    assert(conversion->background <= out_maxval);
    *converter = NULL;
    struct r2g_converter *fresh = r2g_new(sizeof *fresh, err);
    if (!fresh) {
        return R2G_ENOMEM;
    }
    fresh->conversion = *conversion;
    fresh->isa = r2g_isa_current();
    fresh->channels = r2g_layout_channels(conversion->layout);
    fresh->out_channels = r2g_conversion_out_channels(conversion);
    fresh->bgr = conversion->layout == R2G_LAYOUT_BGR || conversion->layout == R2G_LAYOUT_BGRA;
    fresh->has_alpha = r2g_layout_has_alpha(conversion->layout);
    fresh->checked = maxval != UINT8_MAX && maxval != UINT16_MAX;
    fresh->in_pixel_nbytes = fresh->channels * sample_nbytes(maxval);
    fresh->out_pixel_nbytes = fresh->out_channels * sample_nbytes(out_maxval);
    fresh->out_maxval = r2g_reciprocal_of(out_maxval, 16);
    if (maxval != out_maxval) {
        fresh->range = r2g_new(((size_t)maxval + 1) * sizeof *fresh->range, err);
        if (!fresh->range) {
            free(fresh);
            return R2G_ENOMEM;
        }
        for (uint32_t v = 0; v <= maxval; v++) {
            fresh->range[v] = (uint16_t)((v * out_maxval + maxval / 2) / maxval); /* below 65535 * 65536: 32 bits */
        }
    }
    *converter = fresh;
    return R2G_OK;
}

void r2g_converter_free(struct r2g_converter *converter) {
    if (converter) {
        free(converter->range);
        free(converter);
    }
}

static bool in_range(const struct r2g_converter *converter, const void *in, size_t pixel_count) {
    const size_t sample_count = pixel_count * converter->channels;
    uint32_t largest = 0;
    if (converter->conversion.maxval <= UINT8_MAX) {
        const uint8_t *samples = in;
        for (size_t i = 0; i < sample_count; i++) {
            largest = samples[i] > largest ? samples[i] : largest;
        }
    } else {
        const uint16_t *samples = in;
        for (size_t i = 0; i < sample_count; i++) {
            largest = samples[i] > largest ? samples[i] : largest;
        }
    }
    return largest <= converter->conversion.maxval;
}

/* Luma of a colour layout, in samples of the input's size. */
static void colour_to_gray(const struct r2g_converter *converter, const void *in, void *gray, size_t pixel_count) {
    const struct r2g_luma *luma = &converter->conversion.luma;
    if (converter->conversion.maxval <= UINT8_MAX) {
        r2g_luma_row8(converter->isa, luma, converter->bgr, converter->channels, in, gray, pixel_count);
    } else {
        r2g_luma_row16(converter->isa, luma, converter->bgr, converter->channels, in, gray, pixel_count);
    }
}

/* Gray and alpha (left alone where the input has none) of up to PIECE 8-bit pixels. */
static void split8(const struct r2g_converter *converter, const uint8_t *in, uint16_t *gray, uint16_t *alpha,
                   size_t pixel_count) {
    uint8_t gray8[PIECE], alpha8[PIECE];
    const size_t channels = converter->channels;
    if (channels < 3) {
        for (size_t i = 0; i < pixel_count; i++) {
            gray[i] = in[i * channels];
            alpha[i] = in[i * channels + channels - 1];
        }
        return;
    }
    colour_to_gray(converter, in, gray8, pixel_count);
    for (size_t i = 0; i < pixel_count; i++) {
        gray[i] = gray8[i];
    }
    if (converter->has_alpha) {
        converter->isa->channel8(in, alpha8, pixel_count, converter->channels, 3);
        for (size_t i = 0; i < pixel_count; i++) {
            alpha[i] = alpha8[i];
        }
    }
}

static void split16(const struct r2g_converter *converter, const uint16_t *in, uint16_t *gray, uint16_t *alpha,
                    size_t pixel_count) {
    const size_t channels = converter->channels;
    if (channels < 3) {
        for (size_t i = 0; i < pixel_count; i++) {
            gray[i] = in[i * channels];
            alpha[i] = in[i * channels + channels - 1];
        }
        return;
    }
    colour_to_gray(converter, in, gray, pixel_count);
    if (converter->has_alpha) {
        converter->isa->channel16(in, alpha, pixel_count, converter->channels, 3);
    }
}

/* The sums stay below 65535 * 65536, and quotients below 65536, as r2g_reciprocal_divide() asks. */
static void lay_on_background(const struct r2g_converter *converter, uint16_t *gray, const uint16_t *alpha,
                              size_t pixel_count) {
    const uint32_t m = converter->conversion.out_maxval, background = converter->conversion.background;
    const struct r2g_reciprocal reciprocal = converter->out_maxval;
    for (size_t i = 0; i < pixel_count; i++) {
        const uint32_t sum = (uint32_t)gray[i] * alpha[i] + background * (m - alpha[i]) + m / 2;
        gray[i] = (uint16_t)r2g_reciprocal_divide(sum, reciprocal);
    }
}

static void store(const struct r2g_converter *converter, const uint16_t *gray, const uint16_t *alpha, void *out,
                  size_t pixel_count) {
    const bool narrow = converter->conversion.out_maxval <= UINT8_MAX;
    uint8_t *out8 = out;
    uint16_t *out16 = out;
    if (converter->out_channels == 1 && !narrow) {
        memcpy(out16, gray, pixel_count * sizeof *gray);
    } else if (converter->out_channels == 1) {
        for (size_t i = 0; i < pixel_count; i++) {
            out8[i] = (uint8_t)gray[i];
        }
    } else if (narrow) {
        for (size_t i = 0; i < pixel_count; i++) {
            out8[2 * i] = (uint8_t)gray[i];
            out8[2 * i + 1] = (uint8_t)alpha[i];
        }
    } else {
        for (size_t i = 0; i < pixel_count; i++) {
            out16[2 * i] = gray[i];
            out16[2 * i + 1] = alpha[i];
        }
    }
}

static void convert_piece(const struct r2g_converter *converter, const void *in, void *out, size_t pixel_count) {
    uint16_t gray[PIECE], alpha[PIECE];
    if (converter->conversion.maxval <= UINT8_MAX) {
        split8(converter, in, gray, alpha, pixel_count);
    } else {
        split16(converter, in, gray, alpha, pixel_count);
    }
    const uint16_t *range = converter->range;
    for (size_t i = 0; range && i < pixel_count; i++) {
        gray[i] = range[gray[i]];
    }
    if (converter->has_alpha) {
        for (size_t i = 0; range && i < pixel_count; i++) {
            alpha[i] = range[alpha[i]];
        }
        if (converter->out_channels == 1) {
            lay_on_background(converter, gray, alpha, pixel_count);
        }
    }
    store(converter, gray, alpha, out, pixel_count);
}

/* Whether no pixel of a layout with four channels lets the background through. */
static bool opaque(const struct r2g_converter *converter, const void *in, size_t pixel_count) {
    const uint8_t *in8 = in;
    const uint16_t *in16 = in;
    const uint32_t maxval = converter->conversion.maxval;
    uint32_t differing = 0; /* bits that differ from full alpha anywhere */
    for (size_t i = 0; i < pixel_count; i++) {
        differing |= (maxval <= UINT8_MAX ? in8[4 * i + 3] : in16[4 * i + 3]) ^ maxval;
    }
    return differing == 0;
}

static void convert_row(const struct r2g_converter *converter, const uint8_t *in, uint8_t *out, size_t width) {
    const bool alpha_stays = !converter->has_alpha || converter->out_channels == 2;
    if (!converter->range && alpha_stays && converter->channels < 3) {
        memcpy(out, in, width * converter->in_pixel_nbytes);
        return;
    }
    if (!converter->range && converter->channels == 3) {
        colour_to_gray(converter, in, out, width);
        return;
    }
    const bool luma_if_opaque = !converter->range && converter->channels == 4 && converter->out_channels == 1;
    for (size_t x = 0; x < width; x += PIECE) {
        const size_t pixel_count = width - x < PIECE ? width - x : PIECE;
        const uint8_t *in_piece = in + x * converter->in_pixel_nbytes;
        uint8_t *out_piece = out + x * converter->out_pixel_nbytes;
        if (luma_if_opaque && opaque(converter, in_piece, pixel_count)) {
            colour_to_gray(converter, in_piece, out_piece, pixel_count);
        } else {
            convert_piece(converter, in_piece, out_piece, pixel_count);
        }
    }
}

bool r2g_converter_rows(const struct r2g_converter *converter, const void *in, size_t in_stride, void *out,
                        ptrdiff_t out_stride, uint32_t width, uint32_t row_count) {
    size_t pixel_count = width;
    size_t rows = row_count;
    /* Rows without gaps are as good as one long row, which spares narrow pictures the start of each. */
    if (in_stride == pixel_count * converter->in_pixel_nbytes &&
        out_stride == (ptrdiff_t)(pixel_count * converter->out_pixel_nbytes)) {
        pixel_count *= rows;
        rows = rows > 0;
    }
    for (size_t y = 0; y < rows; y++) {
        const uint8_t *in_row = (const uint8_t *)in + y * in_stride;
        if (converter->checked && !in_range(converter, in_row, pixel_count)) {
            return false;
        }
        convert_row(converter, in_row, (uint8_t *)out + (ptrdiff_t)y * out_stride, pixel_count);
    }
    return true;
}
