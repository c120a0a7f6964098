/* The methods by name and by weights, and the public kernels. */
#include <rgb2gray/luma.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "pixel/luma_rows.h"

static const struct r2g_method_entry methods[] = {
    {R2G_METHOD_BT601, "bt601", "(299 R + 587 G + 114 B + 500) div 1000", "Rec. ITU-R BT.601-7, 2.5.1"},
    {R2G_METHOD_BT709, "bt709", "(2126 R + 7152 G + 722 B + 5000) div 10000", "Rec. ITU-R BT.709-6, 3.2"},
    {R2G_METHOD_AVERAGE, "average", "(R + G + B + 1) div 3", "arithmetic mean, rounded to nearest"},
    {R2G_METHOD_LIGHTNESS, "lightness", "(max(R, G, B) + min(R, G, B) + 1) div 2",
     "L of HSL, W3C CSS Color Module Level 3, 4.2.4"},
    {R2G_METHOD_MAX, "max", "max(R, G, B)", "V of HSV, A. R. Smith, Color Gamut Transform Pairs, SIGGRAPH 1978"},
    {R2G_METHOD_RED, "red", "R", "the red channel alone"},
    {R2G_METHOD_GREEN, "green", "G", "the green channel alone"},
    {R2G_METHOD_BLUE, "blue", "B", "the blue channel alone"},
};

#define METHOD_COUNT (sizeof methods / sizeof methods[0])

static struct r2g_luma luma_of(enum r2g_method method) {
    switch (method) {
    case R2G_METHOD_BT601:
        return (struct r2g_luma){method, {299, 587, 114}, 1000};
    case R2G_METHOD_BT709:
        return (struct r2g_luma){method, {2126, 7152, 722}, 10000};
    case R2G_METHOD_AVERAGE:
        return (struct r2g_luma){method, {1, 1, 1}, 3};
    default:
        return (struct r2g_luma){.method = method};
    }
}

r2g_status r2g_luma_from_name(struct r2g_luma *luma, const char *name, struct r2g_error *err) {
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        if (strcmp(name, methods[i].name) == 0) {
            *luma = luma_of(methods[i].method);
            return R2G_OK;
        }
    }
    char names[120] = "";
    for (size_t i = 0, used = 0; i < METHOD_COUNT && used < sizeof names; i++) {
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", methods[i].name);
    }
    return r2g_fail(err, R2G_EUSAGE, "there is no method \"%.40s\"; the methods are %s", name, names);
}

#define MILLIONTHS 1000000u /* a weight is read in units of 10^-6 */
#define WEIGHT_MAX 1000000u

/* Reads one decimal number in millionths and moves *text past it; false if there is none, if it has more than six
 * places, or if it exceeds WEIGHT_MAX. */
static bool parse_weight(const char **text, uint64_t *millionths) {
    const char *p = *text;
    uint64_t value = 0;
    bool digits = false;
    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (uint64_t)(*p - '0');
        digits = true;
        if (value > WEIGHT_MAX) {
            return false;
        }
    }
    value *= MILLIONTHS;
    if (*p == '.') {
        uint64_t unit = MILLIONTHS;
        digits = false;
        for (p++; *p >= '0' && *p <= '9'; p++) {
            unit /= 10;
            if (unit == 0) {
                return false;
            }
            value += unit * (uint64_t)(*p - '0');
            digits = true;
        }
    }
    *text = p;
    *millionths = value;
    return digits && value <= (uint64_t)WEIGHT_MAX * MILLIONTHS;
}

static uint64_t gcd(uint64_t a, uint64_t b) {
    while (b) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

r2g_status r2g_luma_from_weights(struct r2g_luma *luma, const char *text, struct r2g_error *err) {
    uint64_t weight[3];
    const char *p = text;
    for (unsigned i = 0; i < 3; i++) {
        if (!parse_weight(&p, &weight[i]) || *p != (i < 2 ? ',' : '\0')) {
            return r2g_fail(err, R2G_EUSAGE,
                            "weights are three numbers from 0 to %u with at most six decimal places, such as "
                            "\"0.25,0.5,0.25\", not \"%.60s\"",
                            WEIGHT_MAX, text);
        }
        p++;
    }
    const uint64_t factor = gcd(gcd(weight[0], weight[1]), weight[2]);
    if (factor == 0) {
        return r2g_fail(err, R2G_EUSAGE, "the weights are all zero");
    }
    const uint64_t sum = (weight[0] + weight[1] + weight[2]) / factor;
    if (sum > R2G_LUMA_DIVISOR_MAX) {
        return r2g_fail(err, R2G_EUSAGE,
                        "the weights \"%.60s\" need integers whose sum is %" PRIu64 ", above %u: use fewer digits",
                        text, sum, R2G_LUMA_DIVISOR_MAX);
    }
    *luma = (struct r2g_luma){
        R2G_METHOD_WEIGHTS,
        {(uint32_t)(weight[0] / factor), (uint32_t)(weight[1] / factor), (uint32_t)(weight[2] / factor)},
        (uint32_t)sum,
    };
    return R2G_OK;
}

static const struct r2g_method_entry *entry_of(enum r2g_method method) {
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        if (methods[i].method == method) {
            return &methods[i];
        }
    }
    return NULL;
}

const char *r2g_luma_name(const struct r2g_luma *luma) {
    const struct r2g_method_entry *entry = entry_of(luma->method);
    return entry ? entry->name : "weights";
}

void r2g_luma_formula(const struct r2g_luma *luma, char *text, size_t text_nbytes) {
    const struct r2g_method_entry *entry = entry_of(luma->method);
    if (entry) {
        snprintf(text, text_nbytes, "%s", entry->formula);
    } else {
        snprintf(text, text_nbytes, "(%" PRIu32 " R + %" PRIu32 " G + %" PRIu32 " B + %" PRIu32 ") div %" PRIu32,
                 luma->weight[0], luma->weight[1], luma->weight[2], luma->divisor / 2, luma->divisor);
    }
}

const struct r2g_method_entry *r2g_method_list(size_t *count) {
    *count = METHOD_COUNT;
    return methods;
}

/* The row functions take samples as they lie in memory: BGR has the first and the last weight or channel swapped. */
struct order {
    uint32_t weight[3];
    unsigned red, blue;
};

static struct order order_of(const struct r2g_luma *luma, bool bgr) {
    const unsigned red = bgr ? 2 : 0, blue = bgr ? 0 : 2;
    return (struct order){{luma->weight[red], luma->weight[1], luma->weight[blue]}, red, blue};
}

#define DEFINE_ROW(bits)                                                                                               \
    void r2g_luma_row##bits(const struct r2g_isa *isa, const struct r2g_luma *luma, bool bgr, unsigned channels,       \
                            const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count) {                      \
        const struct order order = order_of(luma, bgr);                                                                \
        switch (luma->method) {                                                                                        \
        case R2G_METHOD_LIGHTNESS:                                                                                     \
            isa->lightness##bits(in, gray, pixel_count, channels);                                                     \
            break;                                                                                                     \
        case R2G_METHOD_MAX:                                                                                           \
            isa->max##bits(in, gray, pixel_count, channels);                                                           \
            break;                                                                                                     \
        case R2G_METHOD_RED:                                                                                           \
            isa->channel##bits(in, gray, pixel_count, channels, order.red);                                            \
            break;                                                                                                     \
        case R2G_METHOD_GREEN:                                                                                         \
            isa->channel##bits(in, gray, pixel_count, channels, 1);                                                    \
            break;                                                                                                     \
        case R2G_METHOD_BLUE:                                                                                          \
            isa->channel##bits(in, gray, pixel_count, channels, order.blue);                                           \
            break;                                                                                                     \
        default:                                                                                                       \
            isa->weighted##bits(in, gray, pixel_count, channels, order.weight, luma->divisor);                         \
            break;                                                                                                     \
        }                                                                                                              \
    }

DEFINE_ROW(8)
DEFINE_ROW(16)

#define DEFINE_PLANAR_ROW(bits)                                                                                        \
    void r2g_luma_planar_row##bits(const struct r2g_isa *isa, const struct r2g_luma *luma,                             \
                                   const uint##bits##_t *const plane[3], uint##bits##_t *gray, size_t pixel_count) {   \
        switch (luma->method) {                                                                                        \
        case R2G_METHOD_RED:                                                                                           \
        case R2G_METHOD_GREEN:                                                                                         \
        case R2G_METHOD_BLUE:                                                                                          \
            memcpy(gray, plane[luma->method - R2G_METHOD_RED], pixel_count * sizeof *gray);                            \
            break;                                                                                                     \
        default:                                                                                                       \
            isa->planar##bits(luma, plane, gray, pixel_count);                                                         \
            break;                                                                                                     \
        }                                                                                                              \
    }

DEFINE_PLANAR_ROW(8)
DEFINE_PLANAR_ROW(16)

void r2g_luma_rgb8(const struct r2g_luma *luma, const uint8_t *rgb, uint8_t *gray, size_t pixel_count) {
    r2g_luma_row8(r2g_isa_current(), luma, false, 3, rgb, gray, pixel_count);
}

void r2g_luma_rgb16(const struct r2g_luma *luma, const uint16_t *rgb, uint16_t *gray, size_t pixel_count) {
    r2g_luma_row16(r2g_isa_current(), luma, false, 3, rgb, gray, pixel_count);
}

/* Rectangles, row by row; rows without gaps are as good as one long row. */
#define DEFINE_RECTANGLE(bits)                                                                                         \
    static void layout_row##bits(const struct r2g_isa *isa, const struct r2g_luma *luma, enum r2g_layout layout,       \
                                 const uint##bits##_t *in, uint##bits##_t *gray, size_t pixel_count) {                 \
        const unsigned channels = r2g_layout_channels(layout);                                                         \
        const bool bgr = layout == R2G_LAYOUT_BGR || layout == R2G_LAYOUT_BGRA;                                        \
        if (channels >= 3) {                                                                                           \
            r2g_luma_row##bits(isa, luma, bgr, channels, in, gray, pixel_count);                                       \
            return;                                                                                                    \
        }                                                                                                              \
        for (size_t i = 0; i < pixel_count; i++) {                                                                     \
            gray[i] = in[i * channels];                                                                                \
        }                                                                                                              \
    }                                                                                                                  \
    void r2g_luma_rectangle##bits(const struct r2g_luma *luma, enum r2g_layout layout, const uint##bits##_t *in,       \
                                  ptrdiff_t in_stride, uint##bits##_t *gray, ptrdiff_t gray_stride, size_t width,      \
                                  size_t height) {                                                                     \
        const struct r2g_isa *isa = r2g_isa_current();                                                                 \
        const ptrdiff_t row = (ptrdiff_t)(width * r2g_layout_channels(layout));                                        \
        if (height > 1 && in_stride == row && gray_stride == (ptrdiff_t)width) {                                       \
            width *= height;                                                                                           \
            height = 1;                                                                                                \
        }                                                                                                              \
        for (size_t y = 0; y < height; y++) {                                                                          \
            layout_row##bits(isa, luma, layout, in + (ptrdiff_t)y * in_stride, gray + (ptrdiff_t)y * gray_stride,      \
                             width);                                                                                   \
        }                                                                                                              \
    }                                                                                                                  \
    void r2g_luma_planes##bits(const struct r2g_luma *luma, const uint##bits##_t *red, const uint##bits##_t *green,    \
                               const uint##bits##_t *blue, ptrdiff_t in_stride, uint##bits##_t *gray,                  \
                               ptrdiff_t gray_stride, size_t width, size_t height) {                                   \
        const struct r2g_isa *isa = r2g_isa_current();                                                                 \
        if (height > 1 && in_stride == (ptrdiff_t)width && gray_stride == (ptrdiff_t)width) {                          \
            width *= height;                                                                                           \
            height = 1;                                                                                                \
        }                                                                                                              \
        for (size_t y = 0; y < height; y++) {                                                                          \
            const ptrdiff_t at = (ptrdiff_t)y * in_stride;                                                             \
            const uint##bits##_t *const plane[3] = {red + at, green + at, blue + at};                                  \
            r2g_luma_planar_row##bits(isa, luma, plane, gray + (ptrdiff_t)y * gray_stride, width);                     \
        }                                                                                                              \
    }

DEFINE_RECTANGLE(8)
DEFINE_RECTANGLE(16)
