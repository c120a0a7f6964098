/* Methods that turn a colour sample triple into one gray sample, in exact integer arithmetic.
 *
 * Plain values and pure functions, usable from any thread. Samples are unsigned integers from 0 to a maximum that is
 * the same for all channels (255, 65535, or any other maximum up to 65535: the arithmetic does not depend on it).
 * Every method gives back exactly R where R = G = B, and never a value above the largest of the three.
 */
#ifndef RGB2GRAY_LUMA_H
#define RGB2GRAY_LUMA_H

#include <stddef.h>
#include <stdint.h>

#include <rgb2gray/export.h>
#include <rgb2gray/image.h>
#include <rgb2gray/status.h>

/* "div" is division rounded down. */
enum r2g_method {
    R2G_METHOD_BT601,     /* (299 R + 587 G + 114 B + 500) div 1000; Rec. ITU-R BT.601-7, 2.5.1 */
    R2G_METHOD_BT709,     /* (2126 R + 7152 G + 722 B + 5000) div 10000; Rec. ITU-R BT.709-6, 3.2 */
    R2G_METHOD_AVERAGE,   /* (R + G + B + 1) div 3: the mean, rounded to nearest */
    R2G_METHOD_LIGHTNESS, /* (max + min + 1) div 2: L of HSL, halves rounded up */
    R2G_METHOD_MAX,       /* max(R, G, B): V of HSV */
    R2G_METHOD_RED,       /* R */
    R2G_METHOD_GREEN,     /* G */
    R2G_METHOD_BLUE,      /* B */
    R2G_METHOD_WEIGHTS,   /* (a R + b G + c B + (a + b + c) div 2) div (a + b + c) */
};

/* A method with its integer weights. For the weighted ones (bt601, bt709, average, weights) gray is
 * (weight[0] R + weight[1] G + weight[2] B + divisor div 2) div divisor, and divisor is the weights' sum,
 * 1 <= divisor <= R2G_LUMA_DIVISOR_MAX. For the others weight and divisor are 0. A plain value without pointers. */
struct r2g_luma {
    enum r2g_method method;
    uint32_t weight[3];
    uint32_t divisor;
};

#define R2G_LUMA_DIVISOR_MAX 3000000u

/* Sets *luma to a method by its name: bt601, bt709, average, lightness, max, red, green or blue.
 * R2G_EUSAGE if there is no such method; the text lists them. */
R2G_PUBLIC R2G_MUST_CHECK r2g_status r2g_luma_from_name(struct r2g_luma *luma, const char *name,
                                                        struct r2g_error *err);

/* Sets *luma to custom weights from text such as "0.25,0.5,0.25" or "1,2,1": three non-negative decimal numbers up to
 * 1000000 and with at most six places, read exactly, scaled to the smallest integers in the same proportion, and
 * divided by their sum. R2G_EUSAGE if the text is anything else, if all are zero, or if the integers' sum exceeds
 * R2G_LUMA_DIVISOR_MAX. */
R2G_PUBLIC R2G_MUST_CHECK r2g_status r2g_luma_from_weights(struct r2g_luma *luma, const char *text,
                                                           struct r2g_error *err);

/* The method's name ("bt601", …, "weights"). Never NULL. */
R2G_PUBLIC const char *r2g_luma_name(const struct r2g_luma *luma);

/* Writes the formula as text, such as "(299 R + 587 G + 114 B + 500) div 1000", NUL-terminated, cut to text_nbytes. */
R2G_PUBLIC void r2g_luma_formula(const struct r2g_luma *luma, char *text, size_t text_nbytes);

/* Name, formula and source (standard and section) of the i-th method, for listings; false when i is past the last. */
struct r2g_method_entry {
    enum r2g_method method;
    const char *name;
    const char *formula;
    const char *source;
};
R2G_PUBLIC const struct r2g_method_entry *r2g_method_list(size_t *count);

/* Gray of `pixel_count` interleaved RGB pixels of 8-bit samples: rgb holds 3 * pixel_count bytes, gray receives
 * pixel_count bytes. The two do not overlap. */
R2G_PUBLIC void r2g_luma_rgb8(const struct r2g_luma *luma, const uint8_t *rgb, uint8_t *gray, size_t pixel_count);

/* The same for 16-bit samples in the machine's byte order. */
R2G_PUBLIC void r2g_luma_rgb16(const struct r2g_luma *luma, const uint16_t *rgb, uint16_t *gray, size_t pixel_count);

/* Gray of a rectangle of interleaved 8-bit pixels in any layout: RGB, RGBA, BGR, BGRA (alpha is skipped), or gray, which
 * is copied. Each row has `width` pixels; the next one begins in_stride and gray_stride samples on (negative: back).
 * What lies between rows is neither read nor written. Input and output do not overlap; nothing need be aligned beyond
 * its type. */
R2G_PUBLIC void r2g_luma_rectangle8(const struct r2g_luma *luma, enum r2g_layout layout, const uint8_t *in,
                                    ptrdiff_t in_stride, uint8_t *gray, ptrdiff_t gray_stride, size_t width,
                                    size_t height);

/* The same for 16-bit samples in the machine's byte order. Strides count samples as well, not bytes. */
R2G_PUBLIC void r2g_luma_rectangle16(const struct r2g_luma *luma, enum r2g_layout layout, const uint16_t *in,
                                     ptrdiff_t in_stride, uint16_t *gray, ptrdiff_t gray_stride, size_t width,
                                     size_t height);

/* The same where red, green and blue lie in planes of their own, all with rows in_stride samples apart. */
R2G_PUBLIC void r2g_luma_planes8(const struct r2g_luma *luma, const uint8_t *red, const uint8_t *green,
                                 const uint8_t *blue, ptrdiff_t in_stride, uint8_t *gray, ptrdiff_t gray_stride,
                                 size_t width, size_t height);
R2G_PUBLIC void r2g_luma_planes16(const struct r2g_luma *luma, const uint16_t *red, const uint16_t *green,
                                  const uint16_t *blue, ptrdiff_t in_stride, uint16_t *gray, ptrdiff_t gray_stride,
                                  size_t width, size_t height);

/* The instruction set the kernels use, picked once at first use: "scalar", "sse4", "avx2", "avx512" or "neon".
 * The environment variable RGB2GRAY_ISA forces one; an unknown or unavailable name falls back to the best there is,
 * and r2g_luma_isa_note() then says so in one line (else NULL). */
R2G_PUBLIC const char *r2g_luma_isa(void);
R2G_PUBLIC const char *r2g_luma_isa_note(void);

#endif
