/* Every instruction set undoes every mix of row filters as section 9 of the specification defines them, and writes
 * nothing but the rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/png_unfilter.h"

static uint32_t random_state = 1;
static uint32_t random_u32(void) {
    random_state = random_state * 1664525u + 1013904223u; /* the generator of Numerical Recipes */
    return random_state >> 8;
}

/* Section 9.2, word for word. */
static uint8_t predictor(uint8_t filter, int a, int b, int c) {
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    switch (filter) {
    case 0:
        return 0;
    case 1:
        return (uint8_t)a;
    case 2:
        return (uint8_t)b;
    case 3:
        return (uint8_t)((a + b) / 2);
    default:
        return (uint8_t)(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
    }
}

/* Filters rows of raw pixels; filtered[] of each row holds its filter type already. */
static void filter_rows(const uint8_t *raw, uint32_t row_count, size_t nbytes, unsigned pixel_nbytes,
                        uint8_t *filtered) {
    for (uint32_t r = 0; r < row_count; r++) {
        const uint8_t *row = raw + r * nbytes, *prior = row - nbytes;
        uint8_t *to = filtered + r * (nbytes + 1);
        for (size_t i = 0; i < nbytes; i++) {
            uint8_t a = i >= pixel_nbytes ? row[i - pixel_nbytes] : 0;
            uint8_t b = r > 0 ? prior[i] : 0;
            uint8_t c = r > 0 && i >= pixel_nbytes ? prior[i - pixel_nbytes] : 0;
            to[i + 1] = (uint8_t)(row[i] - predictor(to[0], a, b, c));
        }
    }
}

static void *exactly(size_t nbytes) {
    void *bytes = malloc(nbytes);
    assert_non_null(bytes);
    return bytes;
}

/* Undoes the filters in bands of `piece` rows and compares. */
static void check(const struct png_unfilter *unfilter, const uint8_t *raw, const uint8_t *filtered, uint32_t row_count,
                  size_t nbytes, unsigned pixel_nbytes, bool swapped, uint32_t piece) {
    enum { GAP = 5, FILL = 0xa5 };
    size_t stride = nbytes + GAP, total = (row_count - 1) * stride + nbytes;
    uint8_t *rows = exactly(total), *zeros = calloc(1, nbytes);
    assert_non_null(zeros);
    memset(rows, FILL, total);
    for (uint32_t first = 0; first < row_count; first += piece) {
        struct png_band band = {.filtered = filtered + first * (nbytes + 1),
                                .rows = rows + first * stride,
                                .stride = stride,
                                .prior = first == 0 ? zeros : rows + (first - 1) * stride,
                                .row_count = row_count - first < piece ? row_count - first : piece,
                                .nbytes = nbytes,
                                .pixel_nbytes = pixel_nbytes,
                                .swapped = swapped};
        r2g_png_unfilter(unfilter, &band);
    }
    for (uint32_t r = 0; r < row_count; r++) {
        for (size_t i = 0; i < stride && r * stride + i < total; i++) {
            uint8_t wanted = i < nbytes ? raw[r * nbytes + (i ^ swapped)] : FILL;
            if (rows[r * stride + i] != wanted) {
                fail_msg("%s: byte %zu of row %u (%zu bytes, pixels of %u): %u, not %u", unfilter->name, i, r, nbytes,
                         pixel_nbytes, rows[r * stride + i], wanted);
            }
        }
    }
    free(zeros);
    free(rows);
}

static void check_everywhere(const uint8_t *raw, const uint8_t *filtered, uint32_t row_count, size_t nbytes,
                             unsigned pixel_nbytes, bool swapped, uint32_t piece) {
    for (size_t i = 0; r2g_png_unfilter_at(i) != NULL; i++) {
        if (r2g_png_unfilter_at(i)->available()) {
            check(r2g_png_unfilter_at(i), raw, filtered, row_count, nbytes, pixel_nbytes, swapped, piece);
        }
    }
}

/* style 0 to 4: all rows this filter; 5: any; 6: few that need their left neighbour */
static void check_size(uint32_t width, uint32_t row_count, unsigned pixel_nbytes, unsigned style) {
    size_t nbytes = (size_t)width * pixel_nbytes;
    uint8_t *raw = exactly(nbytes * row_count), *filtered = exactly((nbytes + 1) * row_count);
    bool smooth = random_u32() % 2;
    for (size_t i = 0; i < nbytes * row_count; i++) {
        raw[i] = (uint8_t)(smooth ? i / 7 + random_u32() % 4 : random_u32());
    }
    for (uint32_t r = 0; r < row_count; r++) {
        uint32_t filter = style < 5 ? style : random_u32() % 5;
        filtered[r * (nbytes + 1)] = (uint8_t)(style == 6 && random_u32() % 4 != 0 ? filter % 3 : filter);
    }
    filter_rows(raw, row_count, nbytes, pixel_nbytes, filtered);
    check_everywhere(raw, filtered, row_count, nbytes, pixel_nbytes, false, 1 + random_u32() % row_count);
    if (pixel_nbytes % 2 == 0) {
        check_everywhere(raw, filtered, row_count, nbytes, pixel_nbytes, true, 1 + random_u32() % row_count);
    }
    free(raw);
    free(filtered);
}

static void test_every_width_height_and_filter(void **unused) {
    (void)unused;
    static const unsigned pixel_nbytes[] = {1, 2, 3, 4, 6, 8};
    for (unsigned k = 0; k < 6; k++) {
        for (uint32_t width = 1; width <= 70; width++) {
            for (unsigned style = 0; style < 7; style++) {
                check_size(width, 1 + random_u32() % 40, pixel_nbytes[k], style);
            }
        }
        for (uint32_t height = 1; height <= 40; height++) {
            check_size(1 + random_u32() % 70, height, pixel_nbytes[k], 5);
        }
        check_size(1000, 11, pixel_nbytes[k], 5);
    }
}

/* All 2^24 neighbours: odd bytes of the row below lie right of a, below b, and below right of c. */
static void test_paeth_of_all_neighbours(void **unused) {
    (void)unused;
    enum { NBYTES = 512 * 256 };
    static uint8_t raw[2 * NBYTES], filtered[2 * (NBYTES + 1)];
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned i = 0; i < 65536; i++) {
            uint8_t b = (uint8_t)i, c = (uint8_t)(i >> 8);
            raw[2 * i] = c;
            raw[2 * i + 1] = b;
            raw[NBYTES + 2 * i] = (uint8_t)a;
            raw[NBYTES + 2 * i + 1] = predictor(PNG_PAETH, (int)a, b, c);
        }
        filtered[0] = PNG_NONE;
        filtered[NBYTES + 1] = PNG_PAETH;
        filter_rows(raw, 2, NBYTES, 1, filtered);
        check_everywhere(raw, filtered, 2, NBYTES, 1, false, 2);
    }
}

static void test_choice_is_available(void **unused) {
    (void)unused;
    assert_true(r2g_png_unfilter_current()->available());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_width_height_and_filter),
        cmocka_unit_test(test_paeth_of_all_neighbours),
        cmocka_unit_test(test_choice_is_available),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
