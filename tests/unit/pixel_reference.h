/* What the pixel tests compare with: the formulas of rgb2gray/luma.h, written down again as plain divisions, and seeded
 * random numbers. Include after cmocka.h. */
#ifndef PIXEL_REFERENCE_H
#define PIXEL_REFERENCE_H

#include <stdint.h>
#include <stdlib.h>

#include <rgb2gray/luma.h>

/* The methods under test: eight by name, the others by weights (small ones, a large divisor, the largest sum). */
struct reference_method {
    const char *name;
    const char *weights; /* NULL: by name */
    uint64_t a, b, c;    /* integer weights expected of `weights` */
};

static const struct reference_method reference_methods[] = {
    {"bt601", NULL, 0, 0, 0},
    {"bt709", NULL, 0, 0, 0},
    {"average", NULL, 0, 0, 0},
    {"lightness", NULL, 0, 0, 0},
    {"max", NULL, 0, 0, 0},
    {"red", NULL, 0, 0, 0},
    {"green", NULL, 0, 0, 0},
    {"blue", NULL, 0, 0, 0},
    {"1,2,1", "0.25,0.5,0.25", 1, 2, 1},
    {"sum 500000", "0.212656,0.715158,0.072186", 106328, 357579, 36093},
    {"sum 2999999", "1000000,999999,1000000", 1000000, 999999, 1000000},
    {"sum 32768", "1,32766,1", 1, 32766, 1},
};

enum { REFERENCE_METHODS = sizeof reference_methods / sizeof reference_methods[0] };

static inline uint64_t reference_weighted(uint64_t a, uint64_t b, uint64_t c, uint64_t r, uint64_t g, uint64_t bl) {
    return (a * r + b * g + c * bl + (a + b + c) / 2) / (a + b + c);
}

static inline uint32_t reference_gray(size_t method, uint32_t r, uint32_t g, uint32_t b) {
    const uint32_t largest = r > g ? (r > b ? r : b) : (g > b ? g : b);
    const uint32_t smallest = r < g ? (r < b ? r : b) : (g < b ? g : b);
    switch (method) {
    case 0:
        return (299 * r + 587 * g + 114 * b + 500) / 1000;
    case 1:
        return (2126 * r + 7152 * g + 722 * b + 5000) / 10000;
    case 2:
        return (r + g + b + 1) / 3;
    case 3:
        return (largest + smallest + 1) / 2;
    case 4:
        return largest;
    case 5:
        return r;
    case 6:
        return g;
    case 7:
        return b;
    default:
        return (uint32_t)reference_weighted(reference_methods[method].a, reference_methods[method].b,
                                            reference_methods[method].c, r, g, b);
    }
}

static inline struct r2g_luma reference_luma(size_t method) {
    const struct reference_method *m = &reference_methods[method];
    struct r2g_luma luma;
    struct r2g_error err = {0};
    const r2g_status status =
        m->weights ? r2g_luma_from_weights(&luma, m->weights, &err) : r2g_luma_from_name(&luma, m->name, &err);
    assert_int_equal(status, R2G_OK);
    return luma;
}

/* xorshift64*: Vigna, An experimental exploration of Marsaglia's xorshift generators, scrambled, 2016. */
static inline uint64_t reference_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Du;
}

#endif
