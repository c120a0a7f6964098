/* Every layout, alpha policy, depth and range gives what conversion.h says, sample for sample, against a naive
 * reference; opaque pixels are exact gray, transparent ones exact background, and samples out of range are reported. */
#include "pixel/conversion.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pixel_reference.h"

enum { WIDTH_MAX = 2100, ROWS = 2, PAD = 6, CANARY = 0x5B }; /* over two pieces wide; PAD bytes end each row */

static const uint32_t maxvals[] = {1, 100, 255, 256, 1023, 4095, 65535};
enum { MAXVALS = sizeof maxvals / sizeof maxvals[0] };

static _Alignas(2) uint8_t in[ROWS * (WIDTH_MAX * 8 + PAD)], out[ROWS * (WIDTH_MAX * 4 + PAD)];

static uint32_t get(const uint8_t *row, uint32_t maxval, size_t i) {
    return maxval < 256 ? row[i] : ((const uint16_t *)(const void *)row)[i];
}

static void put(uint8_t *row, uint32_t maxval, size_t i, uint32_t value) {
    if (maxval < 256) {
        row[i] = (uint8_t)value;
    } else {
        ((uint16_t *)(void *)row)[i] = (uint16_t)value;
    }
}

static size_t stride_of(uint32_t maxval, unsigned channels, uint32_t width) {
    return (size_t)width * channels * (maxval < 256 ? 1 : 2) + PAD;
}

static uint32_t to_range(uint32_t v, uint32_t maxval, uint32_t out_maxval) {
    return maxval == out_maxval ? v : (uint32_t)(((uint64_t)v * out_maxval + maxval / 2) / maxval);
}

/* The steps of conversion.h for one pixel of samples p. */
static void reference_pixel(const struct r2g_conversion *c, size_t method, const uint32_t p[4], uint32_t result[2]) {
    const bool colour = c->layout != R2G_LAYOUT_GRAY && c->layout != R2G_LAYOUT_GRAYA;
    const bool bgr = c->layout == R2G_LAYOUT_BGR || c->layout == R2G_LAYOUT_BGRA;
    const bool has_alpha =
        c->layout == R2G_LAYOUT_GRAYA || c->layout == R2G_LAYOUT_RGBA || c->layout == R2G_LAYOUT_BGRA;
    const uint64_t m = c->out_maxval;
    uint32_t gray = colour ? reference_gray(method, bgr ? p[2] : p[0], p[1], bgr ? p[0] : p[2]) : p[0];
    gray = to_range(gray, c->maxval, c->out_maxval);
    if (has_alpha) {
        const uint32_t alpha = to_range(p[colour ? 3 : 1], c->maxval, c->out_maxval);
        result[1] = alpha;
        if (!c->keep_alpha) {
            gray = (uint32_t)((gray * (uint64_t)alpha + c->background * (m - alpha) + m / 2) / m);
        }
    }
    result[0] = gray;
}

/* Random samples, many of them 0 or the maximum; in the second row the first 1500 pixels are opaque. */
static void fill(const struct r2g_conversion *c, uint32_t width, uint64_t *random) {
    const unsigned channels = r2g_layout_channels(c->layout);
    const size_t stride = stride_of(c->maxval, channels, width);
    for (size_t y = 0; y < ROWS; y++) {
        for (size_t i = 0; i < (size_t)width * channels; i++) {
            const uint64_t bits = reference_random(random);
            const bool solid = y == 1 && channels % 2 == 0 && i % channels == channels - 1 && i < 1500 * channels;
            const uint32_t any = (uint32_t)(bits >> 32) % (c->maxval + 1);
            put(in + y * stride, c->maxval, i, solid || bits % 5 == 1 ? c->maxval : bits % 5 == 0 ? 0 : any);
        }
    }
}

static void check(const struct r2g_conversion *c, size_t method, uint32_t width) {
    struct r2g_error err = {0};
    struct r2g_converter *converter;
    assert_int_equal(r2g_converter_new(&converter, c, &err), R2G_OK);
    const unsigned channels = r2g_layout_channels(c->layout), out_channels = r2g_conversion_out_channels(c);
    assert_int_equal(out_channels, c->keep_alpha && channels % 2 == 0 ? 2 : 1);
    const size_t in_stride = stride_of(c->maxval, channels, width);
    const size_t out_stride = stride_of(c->out_maxval, out_channels, width);
    memset(out, CANARY, sizeof out);
    assert_true(r2g_converter_rows(converter, in, in_stride, out, out_stride, width, ROWS));
    for (size_t y = 0; y < ROWS; y++) {
        const uint8_t *in_row = in + y * in_stride, *out_row = out + y * out_stride;
        for (size_t x = 0; x < width; x++) {
            uint32_t p[4], expected[2];
            for (size_t i = 0; i < channels; i++) {
                p[i] = get(in_row, c->maxval, x * channels + i);
            }
            reference_pixel(c, method, p, expected);
            for (size_t i = 0; i < out_channels; i++) {
                const uint32_t found = get(out_row, c->out_maxval, x * out_channels + i);
                if (found != expected[i]) {
                    fail_msg("layout %d, %u to %u, alpha %d, method %zu, pixel %zu: %u, not %u", (int)c->layout,
                             c->maxval, c->out_maxval, c->keep_alpha, method, x, found, expected[i]);
                }
            }
        }
        for (size_t i = out_stride - PAD; i < out_stride; i++) {
            assert_int_equal(out_row[i], CANARY);
        }
    }
    r2g_converter_free(converter);
}

static void all_layouts_ranges_and_policies(void **state) {
    (void)state;
    static const uint32_t widths[] = {1, 37, 1024, 1025, WIDTH_MAX};
    uint64_t random = 99;
    size_t turn = 0;
    for (int layout = R2G_LAYOUT_GRAY; layout <= R2G_LAYOUT_BGRA; layout++) {
        for (size_t pair = 0; pair < MAXVALS * MAXVALS; pair++) {
            for (size_t policy = 0; policy < 4; policy++, turn++) {
                const size_t method = (size_t[]){0, 1, 4, 9, 7}[turn % 5];
                struct r2g_conversion c = {.layout = (enum r2g_layout)layout,
                                           .luma = reference_luma(method),
                                           .maxval = maxvals[pair / MAXVALS],
                                           .out_maxval = maxvals[pair % MAXVALS],
                                           .keep_alpha = policy == 0};
                c.background = (uint16_t)(policy == 1 ? 0 : policy == 2 ? c.out_maxval : c.out_maxval / 3);
                const uint32_t width = widths[turn % 3 == 0 ? 4 : turn % 4];
                fill(&c, width, &random);
                check(&c, method, width);
            }
        }
    }
}

/* Stated apart from the formula: alpha 0 shows the background alone, full alpha the gray alone. */
static void opaque_and_transparent(void **state) {
    (void)state;
    for (size_t pair = 0; pair < MAXVALS * MAXVALS; pair++) {
        const uint32_t maxval = maxvals[pair / MAXVALS], out_maxval = maxvals[pair % MAXVALS];
        const struct r2g_conversion c = {.layout = R2G_LAYOUT_RGBA,
                                         .luma = reference_luma(0),
                                         .maxval = maxval,
                                         .out_maxval = out_maxval,
                                         .background = (uint16_t)(out_maxval - out_maxval / 4)};
        struct r2g_error err = {0};
        struct r2g_converter *converter;
        assert_int_equal(r2g_converter_new(&converter, &c, &err), R2G_OK);
        const uint32_t width = maxval + 1 < WIDTH_MAX ? maxval + 1 : WIDTH_MAX;
        for (uint32_t alpha = 0; alpha <= maxval; alpha += maxval) {
            for (uint32_t x = 0; x < width; x++) {
                for (size_t i = 0; i < 4; i++) {
                    put(in, maxval, 4 * x + i, i < 3 ? maxval - x : alpha);
                }
            }
            assert_true(r2g_converter_rows(converter, in, 0, out, 0, width, 1));
            for (uint32_t x = 0; x < width; x++) {
                assert_int_equal(get(out, out_maxval, x),
                                 alpha == 0 ? c.background : to_range(maxval - x, maxval, out_maxval));
            }
        }
        r2g_converter_free(converter);
    }
}

/* One sample too large anywhere, alpha included, is found; the largest allowed one is not. */
static void samples_out_of_range(void **state) {
    (void)state;
    static const uint32_t limits[] = {1, 100, 254, 256, 1023, 4095, 65534};
    uint64_t random = 7;
    for (int layout = R2G_LAYOUT_GRAY; layout <= R2G_LAYOUT_BGRA; layout++) {
        for (size_t k = 0; k < 2 * sizeof limits / sizeof limits[0]; k++) {
            const struct r2g_conversion c = {.layout = (enum r2g_layout)layout,
                                             .luma = reference_luma(0),
                                             .maxval = limits[k / 2],
                                             .out_maxval = k % 2 ? limits[k / 2] : 255};
            const unsigned channels = r2g_layout_channels(c.layout);
            const uint32_t width = 1500;
            const size_t stride = stride_of(c.maxval, channels, width);
            struct r2g_error err = {0};
            struct r2g_converter *converter;
            assert_int_equal(r2g_converter_new(&converter, &c, &err), R2G_OK);
            fill(&c, width, &random);
            for (size_t i = 0; i < (size_t)width * channels; i += 1 + 7 * channels) {
                uint8_t *row = in + i % ROWS * stride;
                const uint32_t before = get(row, c.maxval, i);
                put(row, c.maxval, i, c.maxval + 1);
                assert_false(r2g_converter_rows(converter, in, stride, out, WIDTH_MAX * 2, width, ROWS));
                put(row, c.maxval, i, c.maxval);
                assert_true(r2g_converter_rows(converter, in, stride, out, WIDTH_MAX * 2, width, ROWS));
                put(row, c.maxval, i, before);
            }
            r2g_converter_free(converter);
        }
    }
}

static void no_rows_and_no_converter(void **state) {
    (void)state;
    const struct r2g_conversion c = {
        .layout = R2G_LAYOUT_RGBA, .luma = reference_luma(0), .maxval = 255, .out_maxval = 255};
    struct r2g_error err = {0};
    struct r2g_converter *converter;
    assert_int_equal(r2g_converter_new(&converter, &c, &err), R2G_OK);
    assert_true(r2g_converter_rows(converter, NULL, 0, NULL, 0, 10, 0));
    r2g_converter_free(converter);
    r2g_converter_free(NULL);
}

/* Refused memory, at either of the two places that take some, is R2G_ENOMEM. Runs first, in processes of its own: which
 * site fails is read from the environment once. */
static void refused_memory(void **state) {
    (void)state;
#ifdef RGB2GRAY_FAULTS
    const struct r2g_conversion c = {
        .layout = R2G_LAYOUT_RGBA, .luma = reference_luma(0), .maxval = 255, .out_maxval = 65535};
    for (int site = 1; site <= 3; site++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            setenv("RGB2GRAY_FAULT", (const char *[]){"alloc:1", "alloc:2", "alloc:3"}[site - 1], 1);
            struct r2g_error err = {0};
            struct r2g_converter *converter;
            const r2g_status status = r2g_converter_new(&converter, &c, &err);
            const bool refused = status == R2G_ENOMEM && err.status == R2G_ENOMEM && !converter;
            const bool made = status == R2G_OK;
            r2g_converter_free(converter);
            _exit(site <= 2 ? !refused : !made);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
#else
    skip();
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_memory),           cmocka_unit_test(all_layouts_ranges_and_policies),
        cmocka_unit_test(opaque_and_transparent),   cmocka_unit_test(samples_out_of_range),
        cmocka_unit_test(no_rows_and_no_converter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
