/* Rectangles in every layout, and planes: exact by every method on every instruction set, with strides either way, and
 * nothing touched between rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "pixel/isa.h"
#include "pixel/luma_rows.h"

#include "pixel_reference.h"

enum { WIDTH_MAX = 200, HEIGHT = 3, GAP = 7, CANARY = 0xC7, COLOURS = 256 * 256 };

static uint64_t random_state = 5;

static uint32_t random_below(uint32_t end) {
    return (uint32_t)(reference_random(&random_state) % end);
}

static const struct {
    enum r2g_layout layout;
    unsigned channels, red, blue; /* red == blue: gray */
} layouts[] = {
    {R2G_LAYOUT_GRAY, 1, 0, 0}, {R2G_LAYOUT_GRAYA, 2, 0, 0}, {R2G_LAYOUT_RGB, 3, 0, 2},
    {R2G_LAYOUT_RGBA, 4, 0, 2}, {R2G_LAYOUT_BGR, 3, 2, 0},   {R2G_LAYOUT_BGRA, 4, 2, 0},
};

/* Both depths are written once. `at` moves input and output off any alignment. */
#define DEFINE_CHECKS(bits)                                                                                            \
    static void rectangle##bits(size_t method, size_t form, size_t width, bool gaps, bool upwards) {                   \
        static uint##bits##_t in[4 * WIDTH_MAX * HEIGHT + HEIGHT * GAP + 64];                                          \
        static uint##bits##_t gray[WIDTH_MAX * HEIGHT + HEIGHT * GAP + 64];                                            \
        const struct r2g_luma luma = reference_luma(method);                                                           \
        const size_t channels = layouts[form].channels, at = random_below(33);                                         \
        const size_t in_stride = width * channels + (gaps ? GAP : 0), gray_stride = width + (gaps ? GAP : 0);          \
        for (size_t i = 0; i < sizeof in / sizeof in[0]; i++) {                                                        \
            in[i] = (uint##bits##_t)reference_random(&random_state);                                                   \
        }                                                                                                              \
        memset(gray, CANARY, sizeof gray);                                                                             \
        const size_t last = upwards ? HEIGHT - 1 : 0;                                                                  \
        r2g_luma_rectangle##bits(&luma, layouts[form].layout, in + at, (ptrdiff_t)in_stride,                           \
                                 gray + at + last * gray_stride,                                                       \
                                 upwards ? -(ptrdiff_t)gray_stride : (ptrdiff_t)gray_stride, width, HEIGHT);           \
        for (size_t y = 0; y < HEIGHT; y++) {                                                                          \
            for (size_t x = 0; x < width; x++) {                                                                       \
                const uint##bits##_t *p = in + at + y * in_stride + x * channels;                                      \
                uint##bits##_t *got = gray + at + (upwards ? HEIGHT - 1 - y : y) * gray_stride + x;                    \
                const uint32_t expected =                                                                              \
                    channels < 3 ? p[0] : reference_gray(method, p[layouts[form].red], p[1], p[layouts[form].blue]);   \
                assert_int_equal(*got, expected);                                                                      \
                memset(got, CANARY, sizeof *got);                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        for (size_t i = 0; i < sizeof gray; i++) {                                                                     \
            assert_int_equal(((const uint8_t *)gray)[i], CANARY);                                                      \
        }                                                                                                              \
    }                                                                                                                  \
    static void planes##bits(const struct r2g_isa *isa, size_t method, size_t count) {                                 \
        static uint##bits##_t plane[3][WIDTH_MAX + 64], gray[WIDTH_MAX + 128];                                         \
        const struct r2g_luma luma = reference_luma(method);                                                           \
        const size_t at = random_below(33);                                                                            \
        for (size_t i = 0; i < WIDTH_MAX + 64; i++) {                                                                  \
            for (size_t c = 0; c < 3; c++) {                                                                           \
                plane[c][i] = (uint##bits##_t)(random_below(8) ? reference_random(&random_state) : UINT##bits##_MAX);  \
            }                                                                                                          \
        }                                                                                                              \
        memset(gray, CANARY, sizeof gray);                                                                             \
        const uint##bits##_t *const from[3] = {plane[0] + at, plane[1] + at / 2, plane[2] + 5};                        \
        r2g_luma_planar_row##bits(isa, &luma, from, gray + 64, count);                                                 \
        for (size_t i = 0; i < count; i++) {                                                                           \
            assert_int_equal(gray[64 + i], reference_gray(method, from[0][i], from[1][i], from[2][i]));                \
        }                                                                                                              \
        memset(gray + 64, CANARY, count * sizeof gray[0]);                                                             \
        for (size_t i = 0; i < sizeof gray; i++) {                                                                     \
            assert_int_equal(((const uint8_t *)gray)[i], CANARY);                                                      \
        }                                                                                                              \
    }

DEFINE_CHECKS(8)
DEFINE_CHECKS(16)

static void rectangles_in_every_layout(void **unused) {
    (void)unused;
    for (size_t method = 0; method < REFERENCE_METHODS; method++) {
        for (size_t form = 0; form < sizeof layouts / sizeof layouts[0]; form++) {
            for (size_t width = 0; width <= WIDTH_MAX; width += 1 + width / 17) {
                rectangle8(method, form, width, width % 2, width % 3 == 0);
                rectangle16(method, form, width, width % 2, width % 3 == 0);
            }
        }
    }
}

static void planes_of_every_length(void **unused) {
    (void)unused;
    for (size_t k = 0; r2g_isa_at(k); k++) {
        for (size_t method = 0; r2g_isa_at(k)->available() && method < REFERENCE_METHODS; method++) {
            for (size_t count = 0; count <= WIDTH_MAX; count++) {
                planes8(r2g_isa_at(k), method, count);
                planes16(r2g_isa_at(k), method, count);
            }
        }
    }
}

/* Planes of one red each, all greens and blues, by the methods that have arithmetic of their own. */
static void planes_of_all_colours(void **unused) {
    (void)unused;
    static uint8_t red[COLOURS], green[COLOURS], blue[COLOURS], gray[COLOURS];
    static const size_t methods[] = {0, 1, 3};
    for (size_t i = 0; i < COLOURS; i++) {
        green[i] = (uint8_t)(i / 256);
        blue[i] = (uint8_t)i;
    }
    const uint8_t *const plane[3] = {red, green, blue};
    for (size_t m = 0; m < sizeof methods / sizeof methods[0]; m++) {
        const struct r2g_luma luma = reference_luma(methods[m]);
        for (uint32_t r = 0; r < 256; r++) {
            static uint8_t expected[COLOURS];
            memset(red, (int)r, sizeof red);
            for (size_t i = 0; i < COLOURS; i++) {
                expected[i] = (uint8_t)reference_gray(methods[m], r, green[i], blue[i]);
            }
            for (size_t k = 0; r2g_isa_at(k); k++) {
                if (r2g_isa_at(k)->available()) {
                    r2g_luma_planar_row8(r2g_isa_at(k), &luma, plane, gray, COLOURS);
                    assert_memory_equal(gray, expected, COLOURS);
                }
            }
        }
    }
}

static void planes_with_strides(void **unused) {
    (void)unused;
    const struct r2g_luma luma = reference_luma(0);
    const uint8_t red[] = {1, 2, 99, 3, 4, 99}, green[] = {5, 6, 99, 7, 8, 99}, blue[] = {9, 10, 99, 11, 12, 99};
    uint8_t gray[] = {CANARY, CANARY, CANARY, CANARY, CANARY, CANARY};
    r2g_luma_planes8(&luma, red, green, blue, 3, gray + 3, -3, 2, 2);
    assert_int_equal(gray[3], reference_gray(0, 1, 5, 9));
    assert_int_equal(gray[4], reference_gray(0, 2, 6, 10));
    assert_int_equal(gray[0], reference_gray(0, 3, 7, 11));
    assert_int_equal(gray[1], reference_gray(0, 4, 8, 12));
    assert_int_equal(gray[2], CANARY);
    assert_int_equal(gray[5], CANARY);
    const uint16_t deep[] = {1000, 65535, 0, 40000};
    uint16_t deep_gray[4];
    r2g_luma_planes16(&luma, deep, deep, deep, 2, deep_gray, 2, 2, 2);
    assert_memory_equal(deep_gray, deep, sizeof deep);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rectangles_in_every_layout),
        cmocka_unit_test(planes_of_every_length),
        cmocka_unit_test(planes_of_all_colours),
        cmocka_unit_test(planes_with_strides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
