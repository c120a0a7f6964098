/* All instruction sets choose the same filter and write the same bytes, those of the specification. */
#include "test_png_support.h"

#include "codec/png_filter.h"
#include "pixel/isa.h"

enum { WIDTH_MAX = 100, PIXEL_MAX = 8 };

/* Section 9.2 and 9.4, written down plainly. */
static uint8_t plain_filter(unsigned filter, int x, int a, int b, int c) {
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    int predictor = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    int predicted[R2G_PNG_FILTERS] = {0, a, b, (a + b) / 2, predictor};
    return (uint8_t)(x - predicted[filter]);
}

/* Filters a row plainly with each filter; returns the one with the least sum. */
static unsigned plain_rows(const uint8_t *row, const uint8_t *prior, size_t nbytes, size_t pixel_nbytes,
                           uint8_t wanted[R2G_PNG_FILTERS][WIDTH_MAX * PIXEL_MAX]) {
    uint64_t sums[R2G_PNG_FILTERS] = {0};
    unsigned best = 0;
    for (unsigned f = 0; f < (prior == NULL ? 2u : R2G_PNG_FILTERS); f++) {
        for (size_t i = 0; i < nbytes; i++) {
            int a = i >= pixel_nbytes ? row[i - pixel_nbytes] : 0, b = prior == NULL ? 0 : prior[i];
            int c = i >= pixel_nbytes && prior != NULL ? prior[i - pixel_nbytes] : 0;
            wanted[f][i] = plain_filter(f, row[i], a, b, c);
            sums[f] += (uint64_t)abs((int8_t)wanted[f][i]);
        }
        best = sums[f] < sums[best] ? f : best;
    }
    return best;
}

static void fill_rows(uint8_t *row, uint8_t *prior, size_t nbytes, unsigned kind) {
    uint32_t slope = random_u32() % 9, noise = 1u << random_u32() % 5;
    for (size_t i = 0; i < nbytes; i++) {
        switch (kind) {
        case 0: /* random */
            prior[i] = (uint8_t)random_u32();
            row[i] = (uint8_t)random_u32();
            break;
        case 1: /* smooth */
            prior[i] = (uint8_t)(slope * i + random_u32() % noise);
            row[i] = (uint8_t)(prior[i] + 3 + random_u32() % noise);
            break;
        case 2: /* extreme */
            prior[i] = random_u32() % 2 ? 255 : 0;
            row[i] = random_u32() % 2 ? 255 : (uint8_t)(random_u32() % 2 ? 128 : 0);
            break;
        default: /* flat */
            prior[i] = 127;
            row[i] = (uint8_t)(127 + (random_u32() % 50 == 0));
            break;
        }
    }
}

static void check_row(const struct r2g_isa *isa, const uint8_t *row, const uint8_t *prior, size_t nbytes,
                      size_t pixel_nbytes) {
    static uint8_t wanted[R2G_PNG_FILTERS][WIDTH_MAX * PIXEL_MAX];
    unsigned best = plain_rows(row, prior, nbytes, pixel_nbytes, wanted);
    uint8_t *out = malloc(nbytes + 1); /* an overrun would be seen */
    assert_non_null(out);
    r2g_png_filter_row_by(isa, row, prior, nbytes, pixel_nbytes, out);
    assert_int_equal(out[0], best);
    assert_memory_equal(out + 1, wanted[best], nbytes);
    for (unsigned f = 0; f < R2G_PNG_FILTERS; f++) {
        r2g_png_filter_row_with(isa, f, row, prior, nbytes, pixel_nbytes, out);
        assert_true(prior == NULL ? out[0] <= R2G_PNG_SUB : out[0] == f);
        assert_memory_equal(out + 1, wanted[out[0]], nbytes);
    }
    free(out);
}

static void test_variants_agree_with_the_specification(void **unused) {
    (void)unused;
    for (size_t k = 0; r2g_isa_at(k) != NULL; k++) {
        if (!r2g_isa_at(k)->available()) {
            continue;
        }
        for (size_t width = 1; width <= WIDTH_MAX; width++) {
            for (size_t pixel_nbytes = 1; pixel_nbytes <= PIXEL_MAX; pixel_nbytes *= 2) {
                for (unsigned kind = 0; kind < 4; kind++) {
                    size_t nbytes = width * pixel_nbytes;
                    uint8_t *row = malloc(nbytes), *prior = malloc(nbytes);
                    assert_non_null(row);
                    assert_non_null(prior);
                    fill_rows(row, prior, nbytes, kind);
                    check_row(r2g_isa_at(k), row, prior, nbytes, pixel_nbytes);
                    check_row(r2g_isa_at(k), row, NULL, nbytes, pixel_nbytes);
                    free(row);
                    free(prior);
                }
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_variants_agree_with_the_specification)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
