/* The NEON kernels against plain divisions, as a program of its own that needs nothing but the C library, so that a cross
 * compiler and an emulator can run it: all methods, both depths, 3 and 4 channels, either order, planes, any length up to
 * LENGTH_MAX, and all 2^24 colours by BT.601. Ends with 0 if all is exact. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pixel/kernels.h"
#include "pixel/luma_rows.h"

enum { LENGTH_MAX = 200, MARGIN = 64, CANARY = 0xC7, COLOURS = 256 * 256 };

static const char *const names[] = {"bt601", "bt709", "average", "lightness", "max", "red", "green", "blue"};
static const char *const weights[] = {"0.25,0.5,0.25", "0.212656,0.715158,0.072186", "1,32766,1", "1,32765,1", "0,0,1"};
enum { NAMES = sizeof names / sizeof names[0], METHODS = NAMES + sizeof weights / sizeof weights[0] };

static struct r2g_luma luma_of(size_t method) {
    struct r2g_luma luma;
    struct r2g_error err;
    r2g_status status = method < NAMES ? r2g_luma_from_name(&luma, names[method], &err)
                                       : r2g_luma_from_weights(&luma, weights[method - NAMES], &err);
    if (status != R2G_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return luma;
}

static uint32_t expected_of(const struct r2g_luma *luma, uint64_t r, uint64_t g, uint64_t b) {
    const uint64_t largest = r > g ? (r > b ? r : b) : (g > b ? g : b);
    const uint64_t smallest = r < g ? (r < b ? r : b) : (g < b ? g : b);
    switch (luma->method) {
    case R2G_METHOD_LIGHTNESS:
        return (uint32_t)((largest + smallest + 1) / 2);
    case R2G_METHOD_MAX:
        return (uint32_t)largest;
    case R2G_METHOD_RED:
        return (uint32_t)r;
    case R2G_METHOD_GREEN:
        return (uint32_t)g;
    case R2G_METHOD_BLUE:
        return (uint32_t)b;
    default:
        return (uint32_t)((luma->weight[0] * r + luma->weight[1] * g + luma->weight[2] * b + luma->divisor / 2) /
                          luma->divisor);
    }
}

static uint32_t random_bits(void) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 24);
}

static void fail(const char *what, const struct r2g_luma *luma, unsigned channels, size_t count, size_t at) {
    fprintf(stderr, "%s, method %s, %u channels, %zu pixels: pixel %zu is wrong\n", what, r2g_luma_name(luma), channels,
            count, at);
    exit(1);
}

/* One row of `count` pixels; what lies around the gray samples must stay. */
#define DEFINE_ROW_CHECK(bits)                                                                                         \
    static void check_row##bits(const struct r2g_luma *luma, unsigned channels, bool bgr, size_t count) {              \
        uint##bits##_t *in = malloc(count * channels * sizeof *in + 1);                                                \
        uint##bits##_t gray[LENGTH_MAX + 2 * MARGIN];                                                                  \
        for (size_t i = 0; i < count * channels; i++) {                                                                \
            in[i] = (uint##bits##_t)(random_bits() % 8 ? random_bits() : UINT##bits##_MAX);                            \
        }                                                                                                              \
        memset(gray, CANARY, sizeof gray);                                                                             \
        r2g_luma_row##bits(&r2g_isa_neon, luma, bgr, channels, in, gray + MARGIN, count);                              \
        for (size_t i = 0; i < count; i++) {                                                                           \
            const uint##bits##_t *p = in + i * channels;                                                               \
            if (gray[MARGIN + i] != expected_of(luma, p[bgr ? 2 : 0], p[1], p[bgr ? 0 : 2])) {                         \
                fail("row of " #bits " bits", luma, channels, count, i);                                               \
            }                                                                                                          \
        }                                                                                                              \
        memset(gray + MARGIN, CANARY, count * sizeof *gray);                                                           \
        for (size_t i = 0; i < sizeof gray; i++) {                                                                     \
            if (((const uint8_t *)gray)[i] != CANARY) {                                                                \
                fail("outside a row of " #bits " bits", luma, channels, count, i);                                     \
            }                                                                                                          \
        }                                                                                                              \
        free(in);                                                                                                      \
    }                                                                                                                  \
    static void check_planes##bits(const struct r2g_luma *luma, size_t count) {                                        \
        uint##bits##_t plane[3][LENGTH_MAX], gray[LENGTH_MAX + MARGIN];                                                \
        for (size_t i = 0; i < 3 * LENGTH_MAX; i++) {                                                                  \
            plane[i / LENGTH_MAX][i % LENGTH_MAX] = (uint##bits##_t)random_bits();                                     \
        }                                                                                                              \
        memset(gray, CANARY, sizeof gray);                                                                             \
        const uint##bits##_t *const from[3] = {plane[0], plane[1], plane[2]};                                          \
        r2g_luma_planar_row##bits(&r2g_isa_neon, luma, from, gray, count);                                             \
        for (size_t i = 0; i < count; i++) {                                                                           \
            if (gray[i] != expected_of(luma, plane[0][i], plane[1][i], plane[2][i])) {                                 \
                fail("planes of " #bits " bits", luma, 1, count, i);                                                   \
            }                                                                                                          \
        }                                                                                                              \
        for (size_t i = count * sizeof *gray; i < sizeof gray; i++) {                                                  \
            if (((const uint8_t *)gray)[i] != CANARY) {                                                                \
                fail("outside planes of " #bits " bits", luma, 1, count, i);                                           \
            }                                                                                                          \
        }                                                                                                              \
    }

DEFINE_ROW_CHECK(8)
DEFINE_ROW_CHECK(16)

static void check_lengths(const struct r2g_luma *luma) {
    for (size_t count = 0; count <= LENGTH_MAX; count++) {
        for (unsigned channels = 3; channels <= 4; channels++) {
            for (int bgr = 0; bgr < 2; bgr++) {
                check_row8(luma, channels, bgr, count);
                check_row16(luma, channels, bgr, count);
            }
        }
        check_planes8(luma, count);
        check_planes16(luma, count);
    }
}

/* All colours of one red at a time, interleaved and as planes. */
static void check_all_colours(const struct r2g_luma *luma) {
    static uint8_t rgb[3 * COLOURS], red[COLOURS], green[COLOURS], blue[COLOURS], gray[2][COLOURS];
    const uint8_t *const plane[3] = {red, green, blue};
    for (size_t i = 0; i < COLOURS; i++) {
        rgb[3 * i + 1] = green[i] = (uint8_t)(i / 256);
        rgb[3 * i + 2] = blue[i] = (uint8_t)i;
    }
    for (uint32_t r = 0; r < 256; r++) {
        memset(red, (int)r, sizeof red);
        for (size_t i = 0; i < COLOURS; i++) {
            rgb[3 * i] = (uint8_t)r;
        }
        r2g_luma_row8(&r2g_isa_neon, luma, false, 3, rgb, gray[0], COLOURS);
        r2g_luma_planar_row8(&r2g_isa_neon, luma, plane, gray[1], COLOURS);
        for (size_t i = 0; i < COLOURS; i++) {
            const uint32_t expected = expected_of(luma, r, green[i], blue[i]);
            if (gray[0][i] != expected || gray[1][i] != expected) {
                fail("all colours", luma, 3, COLOURS, i);
            }
        }
    }
}

int main(void) {
    if (strcmp(r2g_luma_isa(), "neon") != 0) {
        fprintf(stderr, "%s is in use, not neon\n", r2g_luma_isa());
        return 1;
    }
    for (size_t method = 0; method < METHODS; method++) {
        const struct r2g_luma luma = luma_of(method);
        check_lengths(&luma);
    }
    const struct r2g_luma bt601 = luma_of(0);
    check_all_colours(&bt601);
    puts("NEON kernels: exact by all methods");
    return 0;
}
