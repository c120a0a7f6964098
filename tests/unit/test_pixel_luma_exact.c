/* Every method is exact on every instruction set this machine has: for 8 bits over all 2^24 colours, in both channel
 * orders, with and without a fourth channel; for 16 bits along all axes, at extremes and at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "pixel/isa.h"
#include "pixel/luma_rows.h"

#include "pixel_reference.h"

/* Sanitized code is several times slower; the plain build goes through all. */
#ifdef __SANITIZE_ADDRESS__
#define SLOWNESS 5 /* 0 and 255 are multiples of it */
#else
#define SLOWNESS 1
#endif

enum { RUN = 65536, VARIANTS = 4 };

/* One run of pixels in the four memory layouts, and what the method makes of them. */
static uint8_t in8[VARIANTS][4 * RUN], gray8[RUN], expected8[RUN];
static uint16_t in16[VARIANTS][4 * RUN], gray16[RUN], expected16[RUN];

static const struct variant {
    const char *name;
    unsigned channels;
    bool bgr;
} variants[VARIANTS] = {{"RGB", 3, false}, {"BGR", 3, true}, {"RGBA", 4, false}, {"BGRA", 4, true}};

#define DEFINE_PUT(bits)                                                                                               \
    static void put##bits(size_t i, uint32_t r, uint32_t g, uint32_t b) {                                              \
        for (size_t v = 0; v < VARIANTS; v++) {                                                                        \
            uint##bits##_t *pixel = in##bits[v] + i * variants[v].channels;                                            \
            pixel[0] = (uint##bits##_t)(variants[v].bgr ? b : r);                                                      \
            pixel[1] = (uint##bits##_t)g;                                                                              \
            pixel[2] = (uint##bits##_t)(variants[v].bgr ? r : b);                                                      \
            if (variants[v].channels == 4) {                                                                           \
                pixel[3] = (uint##bits##_t)(i * 40503 >> 4);                                                           \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    /* All instruction sets and layouts on the run that lies in `in`, against `expected`. */                           \
    static void check##bits(size_t method, const struct r2g_luma *luma, size_t pixel_count) {                          \
        for (size_t k = 0; r2g_isa_at(k); k++) {                                                                       \
            const struct r2g_isa *isa = r2g_isa_at(k);                                                                 \
            for (size_t v = 0; isa->available() && v < VARIANTS; v++) {                                                \
                memset(gray##bits, 0xA5, sizeof gray##bits);                                                           \
                r2g_luma_row##bits(isa, luma, variants[v].bgr, variants[v].channels, in##bits[v], gray##bits,          \
                                   pixel_count);                                                                       \
                for (size_t i = 0; memcmp(gray##bits, expected##bits, pixel_count * sizeof gray##bits[0]) != 0; i++) { \
                    if (gray##bits[i] != expected##bits[i]) {                                                          \
                        fail_msg("%s, %s, %s, %d bits: (%u, %u, %u) gives %u, not %u", isa->name, variants[v].name,    \
                                 reference_methods[method].name, bits, in##bits[0][3 * i], in##bits[0][3 * i + 1],     \
                                 in##bits[0][3 * i + 2], gray##bits[i], expected##bits[i]);                            \
                    }                                                                                                  \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void check_methods##bits(size_t first, size_t end, size_t pixel_count) {                                    \
        for (size_t method = first; method < end; method++) {                                                          \
            const struct r2g_luma luma = reference_luma(method);                                                       \
            for (size_t i = 0; i < pixel_count; i++) {                                                                 \
                const uint##bits##_t *rgb = in##bits[0] + 3 * i;                                                       \
                expected##bits[i] = (uint##bits##_t)reference_gray(method, rgb[0], rgb[1], rgb[2]);                    \
            }                                                                                                          \
            check##bits(method, &luma, pixel_count);                                                                   \
        }                                                                                                              \
    }

DEFINE_PUT(8)
DEFINE_PUT(16)

static void all_colours_8(void **state) {
    (void)state;
    for (uint32_t r = 0; r < 256; r += SLOWNESS) {
        for (uint32_t i = 0; i < RUN; i++) {
            put8(i, r, i >> 8, i & 255);
        }
        check_methods8(0, REFERENCE_METHODS, RUN);
    }
}

static void axes_16(void **state) {
    (void)state;
    static const uint32_t fixed[] = {0, 1, 255, 32767, 32768, 65535};
    enum { COUNT = sizeof fixed / sizeof fixed[0] };
    for (size_t axis = 0; axis < 3; axis++) {
        for (size_t pair = 0; pair < COUNT * COUNT; pair++) {
            const uint32_t u = fixed[pair / COUNT], v = fixed[pair % COUNT];
            for (uint32_t i = 0; i < RUN; i++) {
                put16(i, axis == 0 ? i : u, axis == 1 ? i : axis == 0 ? u : v, axis == 2 ? i : v);
            }
            check_methods16(0, REFERENCE_METHODS, RUN);
        }
    }
}

static void extremes_16(void **state) {
    (void)state;
    static const uint16_t values[] = {0,     1,     2,     127,   128,   255,   256,   257,   999,   1000,
                                      32766, 32767, 32768, 32769, 65279, 65280, 65281, 65533, 65534, 65535};
    enum { COUNT = sizeof values / sizeof values[0] };
    for (size_t i = 0; i < COUNT * COUNT * COUNT; i++) {
        put16(i, values[i / COUNT / COUNT], values[i / COUNT % COUNT], values[i % COUNT]);
    }
    check_methods16(0, REFERENCE_METHODS, COUNT * COUNT * COUNT);
}

static void put_random16(size_t pixel_count, uint64_t *random) {
    for (size_t i = 0; i < pixel_count; i++) {
        const uint64_t bits = reference_random(random);
        put16(i, bits & 65535, bits >> 16 & 65535, bits >> 32 & 65535);
    }
}

static void random_16_bt601(void **state) {
    (void)state;
    uint64_t random = 20240601;
    for (size_t run = 0; run < 100000000 / SLOWNESS / RUN + 1; run++) {
        put_random16(RUN, &random);
        check_methods16(0, 1, RUN);
    }
}

static void random_16_others(void **state) {
    (void)state;
    uint64_t random = 20240709;
    for (size_t run = 0; run < 10000000 / SLOWNESS / RUN + 1; run++) {
        put_random16(RUN, &random);
        check_methods16(1, REFERENCE_METHODS, RUN);
    }
}

/* Gray pictures stay what they are, by every method and by weights no table lists. */
static void gray_stays_gray(void **state) {
    (void)state;
    for (uint32_t i = 0; i < RUN; i++) {
        put16(i, i, i, i);
        put8(i, i & 255, i & 255, i & 255);
        expected16[i] = (uint16_t)i;
        expected8[i] = (uint8_t)i;
    }
    for (size_t method = 0; method < REFERENCE_METHODS; method++) {
        const struct r2g_luma luma = reference_luma(method);
        check8(method, &luma, RUN);
        check16(method, &luma, RUN);
    }
    uint64_t random = 3;
    for (unsigned trial = 0; trial < 200; trial++) {
        const uint64_t bits = reference_random(&random);
        const unsigned width = 1 + trial % 20; /* divisors of all sizes */
        const uint32_t mask = (UINT32_C(1) << width) - 1;
        struct r2g_luma luma = {.method = R2G_METHOD_WEIGHTS};
        luma.weight[0] = (uint32_t)(bits & mask) % 1000000;
        luma.weight[1] = (uint32_t)(bits >> 20 & mask) % 1000000;
        luma.weight[2] = (uint32_t)(bits >> 40 & mask) % 1000000 + 1;
        luma.divisor = luma.weight[0] + luma.weight[1] + luma.weight[2];
        check8(8, &luma, 257); /* an odd count as well */
        check16(8, &luma, RUN);
    }
}

/* Divisors around the powers of two where the kernels change their ways. */
static void divisors_at_the_borders(void **state) {
    (void)state;
    static const uint32_t divisors[] = {1,      2,       3,           4,       5,       999,     1000,   1001,
                                        16384,  16385,   32767,       32768,   32769,   65535,   65536,  65537,
                                        131072, 1048576, 1 << 20 | 1, 2097152, 2097153, 2999999, 3000000};
    uint64_t random = 11;
    for (size_t d = 0; d < sizeof divisors / sizeof divisors[0]; d++) {
        struct r2g_luma luma = {.method = R2G_METHOD_WEIGHTS, .divisor = divisors[d]};
        for (unsigned split = 0; split < 4; split++) {
            luma.weight[0] = split == 0 ? luma.divisor : split == 1 ? 0 : luma.divisor / 3;
            luma.weight[1] = split == 1 ? luma.divisor : split == 2 ? luma.divisor - luma.divisor / 3 : 0;
            luma.weight[2] = luma.divisor - luma.weight[0] - luma.weight[1];
            put_random16(RUN, &random);
            put16(0, 65535, 65535, 65535);
            for (size_t i = 0; i < RUN; i++) {
                const uint16_t *p = in16[0] + 3 * i;
                put8(i, p[0] & 255, p[1] & 255, p[2] & 255);
                expected16[i] =
                    (uint16_t)reference_weighted(luma.weight[0], luma.weight[1], luma.weight[2], p[0], p[1], p[2]);
                expected8[i] = (uint8_t)reference_weighted(luma.weight[0], luma.weight[1], luma.weight[2], p[0] & 255,
                                                           p[1] & 255, p[2] & 255);
            }
            check8(8, &luma, RUN);
            check16(8, &luma, RUN);
        }
    }
}

static void public_functions(void **state) {
    (void)state;
    uint64_t random = 5;
    put_random16(RUN, &random);
    for (size_t i = 0; i < RUN; i++) {
        const uint16_t *p = in16[0] + 3 * i;
        put8(i, p[0] >> 8, p[1] >> 8, p[2] >> 8);
    }
    for (size_t method = 0; method < REFERENCE_METHODS; method++) {
        const struct r2g_luma luma = reference_luma(method);
        r2g_luma_rgb8(&luma, in8[0], gray8, RUN);
        r2g_luma_rgb16(&luma, in16[0], gray16, RUN);
        for (size_t i = 0; i < RUN; i++) {
            const uint8_t *p8 = in8[0] + 3 * i;
            const uint16_t *p16 = in16[0] + 3 * i;
            assert_int_equal(gray8[i], reference_gray(method, p8[0], p8[1], p8[2]));
            assert_int_equal(gray16[i], reference_gray(method, p16[0], p16[1], p16[2]));
        }
    }
}

int main(void) {
    for (size_t k = 0; r2g_isa_at(k); k++) {
        printf("%s: %s\n", r2g_isa_at(k)->name, r2g_isa_at(k)->available() ? "tested" : "not available here");
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_colours_8),
        cmocka_unit_test(axes_16),
        cmocka_unit_test(extremes_16),
        cmocka_unit_test(random_16_bt601),
        cmocka_unit_test(random_16_others),
        cmocka_unit_test(gray_stays_gray),
        cmocka_unit_test(divisors_at_the_borders),
        cmocka_unit_test(public_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
