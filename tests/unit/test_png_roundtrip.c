/* A PNG made in row blocks holds exactly the rows it was made of, and a block's bytes depend on its rows alone. */
#include "test_png_support.h"

#include "codec/png_parts.h"

/* Smooth, noisy and flat parts, so that every filter is chosen somewhere. */
static uint8_t *make_samples(const struct r2g_raster *raster, size_t *nbytes) {
    size_t row_samples = (size_t)raster->width * raster->channels;
    size_t count = row_samples * raster->height;
    *nbytes = count * (raster->maxval > 255 ? 2 : 1);
    uint8_t *samples = malloc(*nbytes);
    assert_non_null(samples);
    for (size_t i = 0; i < count; i++) {
        uint32_t x = (uint32_t)(i % row_samples), y = (uint32_t)(i / row_samples);
        uint32_t value = y % 4 == 0 ? random_u32() : y % 4 == 1 ? 77 * x + random_u32() % 3 : 50 * y + 33 * x;
        if (y % 7 == 6) {
            value = 42;
        }
        value &= raster->maxval;
        if (raster->maxval > 255) {
            uint16_t wide = (uint16_t)value;
            memcpy(samples + 2 * i, &wide, 2);
        } else {
            samples[i] = (uint8_t)value;
        }
    }
    return samples;
}

static void check_roundtrip(struct r2g_raster raster) {
    size_t nbytes;
    uint8_t *samples = make_samples(&raster, &nbytes);
    struct r2g_buffer file = {0};
    encode(&raster, NULL, samples, &file);
    struct stored stored;
    assert_true(read_stored(file.bytes, file.nbytes, &stored));
    assert_int_equal(stored.color_type, raster.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_GRAY_ALPHA);
    assert_int_equal(stored.depth, raster.maxval > 255 ? 16 : 8);
    struct picture picture = expand(&stored);
    struct picture wanted = {raster.width,  raster.height, raster.channels == 1 ? R2G_LAYOUT_GRAY : R2G_LAYOUT_GRAYA,
                             raster.maxval, samples,       nbytes};
    assert_same_picture(&picture, &wanted);
    free(picture.samples);
    struct r2g_source source = source_from_bytes(file.bytes, file.nbytes);
    struct r2g_budget budget = {0};
    struct r2g_error err = {0};
    assert_int_equal(decode(&source, &budget, 0, 5, &picture, &err), R2G_OK);
    assert_same_picture(&picture, &wanted);
    assert_int_equal(budget.used_nbytes, 0);
    close(source.fd);
    free(picture.samples);
    free(stored.samples);
    free(samples);
    r2g_buffer_free(&file);
}

static void test_rows_come_back(void **state) {
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {1, 70}, {70, 1}, {20000, 3}, {3, 20000}, {257, 300}, {200000, 2}};
    static const uint32_t blocks[] = {1, 7, 64, UINT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (unsigned b = 0; b < 4; b++) {
            for (unsigned form = 0; form < 4; form++) {
                struct r2g_raster raster = {.width = sizes[i][0], .height = sizes[i][1], .channels = 1 + form % 2};
                raster.maxval = form < 2 ? 255 : 65535;
                raster.block_rows = blocks[b] < raster.height ? blocks[b] : raster.height;
                raster.compression = (uint32_t)(i + form) % 3;
                if (raster.height > 1000 && b == 0) {
                    raster.block_rows = 97; /* blocks of one row are covered by the small pictures */
                }
                check_roundtrip(raster);
            }
        }
    }
}

static void make_segment(struct r2g_encoder_state *state, const struct r2g_raster *raster, const uint8_t *samples,
                         uint32_t block, struct r2g_buffer *out, struct r2g_checksum *checksum) {
    struct r2g_error err = {0};
    size_t row_nbytes = (size_t)raster->width * (raster->maxval > 255 ? 2 : 1);
    uint32_t first_row = block * raster->block_rows;
    uint32_t left = raster->height - first_row;
    assert_int_equal(r2g_codec_png.encoder->segment(state, raster, first_row,
                                                    left < raster->block_rows ? left : raster->block_rows,
                                                    samples + first_row * row_nbytes, out, checksum, &err),
                     R2G_OK);
}

/* The same state in reverse order, after other work, and a fresh state for each block give the same bytes. */
static void test_segments_are_pure(void **unused) {
    (void)unused;
    for (unsigned form = 0; form < 6; form++) {
        struct r2g_raster raster = {.width = 333,
                                    .height = 100,
                                    .channels = 1,
                                    .maxval = form % 2 ? 65535 : 255,
                                    .block_rows = 9,
                                    .block_count = 12,
                                    .compression = form / 2};
        size_t nbytes;
        uint8_t *samples = make_samples(&raster, &nbytes);
        const struct r2g_encoder *encoder = r2g_codec_png.encoder;
        struct r2g_error err = {0};
        struct r2g_encoder_state *reused = NULL;
        assert_int_equal(encoder->state_new(&reused, &raster, NULL, &err), R2G_OK);
        for (uint32_t b = raster.block_count; b-- > 0;) {
            struct r2g_encoder_state *fresh = NULL;
            assert_int_equal(encoder->state_new(&fresh, &raster, NULL, &err), R2G_OK);
            struct r2g_buffer one = {0}, other = {0};
            struct r2g_checksum one_sum, other_sum;
            assert_int_equal(r2g_buffer_reserve(&other, 3000000, "a larger buffer", &err), R2G_OK);
            make_segment(reused, &raster, samples, b, &one, &one_sum);
            make_segment(fresh, &raster, samples, b, &other, &other_sum);
            assert_int_equal(one.nbytes, other.nbytes);
            assert_memory_equal(one.bytes, other.bytes, one.nbytes);
            assert_int_equal(one_sum.value, other_sum.value);
            assert_int_equal(one_sum.nbytes, other_sum.nbytes);
            r2g_buffer_free(&one);
            r2g_buffer_free(&other);
            encoder->state_free(fresh);
        }
        encoder->state_free(reused);
        free(samples);
    }
}

/* Section 9.2 and 9.4, written down plainly. */
static uint8_t plain_filter(unsigned filter, int x, int a, int b, int c) {
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    int predictor = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    int predicted[5] = {0, a, b, (a + b) / 2, predictor};
    return (uint8_t)(x - predicted[filter]);
}

/* The chosen filter has the least sum, the lowest number among equals, and its bytes are the specification's. */
static void test_filters_follow_the_specification(void **unused) {
    (void)unused;
    unsigned chosen[5] = {0};
    for (unsigned turn = 0; turn < 400; turn++) {
        uint8_t rows[2][300], out[301];
        size_t nbytes = 8 + random_u32() % 292, pixel_nbytes = (size_t)1 << random_u32() % 4;
        uint32_t noise = 1u << random_u32() % 9, slope = random_u32() % 9, down = random_u32() % 30;
        for (size_t i = 0; i < nbytes; i++) {
            rows[0][i] = (uint8_t)(slope * i + random_u32() % noise);
            rows[1][i] = (uint8_t)(turn % 3 == 0 ? random_u32() % noise : rows[0][i] + down + random_u32() % noise);
        }
        bool alone = turn % 5 == 0;
        r2g_png_filter_row(rows[1], alone ? NULL : rows[0], nbytes, pixel_nbytes, out);
        uint8_t wanted[5][300];
        uint64_t sums[5] = {0};
        unsigned best = 0;
        for (unsigned f = 0; f < (alone ? 2 : 5); f++) {
            for (size_t i = 0; i < nbytes; i++) {
                int a = i >= pixel_nbytes ? rows[1][i - pixel_nbytes] : 0;
                int c = i >= pixel_nbytes ? rows[0][i - pixel_nbytes] : 0;
                wanted[f][i] = plain_filter(f, rows[1][i], a, rows[0][i], c);
                sums[f] += (uint64_t)abs((int8_t)wanted[f][i]);
            }
            best = sums[f] < sums[best] ? f : best;
        }
        assert_int_equal(out[0], best);
        assert_memory_equal(out + 1, wanted[best], nbytes);
        chosen[best]++;
    }
    for (unsigned f = 0; f < 5; f++) {
        assert_true(chosen[f] > 0);
    }
}

/* Rows that are what Paeth predicts, but for a little noise: the filter must leave just the noise. */
static void test_paeth_predicts(void **unused) {
    (void)unused;
    static uint8_t prior[5000], row[5000], noise[5000], out[5001];
    for (unsigned turn = 0; turn < 200; turn++) {
        for (size_t i = 0; i < sizeof row; i++) {
            noise[i] = (uint8_t)(random_u32() % 5 - 2);
            prior[i] = (uint8_t)random_u32();
            int a = i > 0 ? row[i - 1] : 0, c = i > 0 ? prior[i - 1] : 0;
            row[i] = (uint8_t)(noise[i] - plain_filter(4, 0, a, prior[i], c));
        }
        r2g_png_filter_row(row, prior, sizeof row, 1, out);
        assert_int_equal(out[0], 4);
        assert_memory_equal(out + 1, noise, sizeof noise);
    }
}

static void test_limits_of_the_format(void **unused) {
    (void)unused;
    struct r2g_raster raster = {.width = 0x80000000u, .height = 1, .channels = 1, .maxval = 255, .block_rows = 1};
    struct r2g_metadata metadata;
    r2g_metadata_init(&metadata);
    struct r2g_buffer out = {0};
    struct r2g_error err = {0};
    const struct r2g_encoder *encoder = r2g_codec_png.encoder;
    assert_int_equal(encoder->header(&raster, &metadata, &out, &err), R2G_ELIMIT);
    raster.width = 1;
    raster.maxval = 4095;
    assert_int_equal(encoder->header(&raster, &metadata, &out, &err), R2G_EFORMAT);
    raster.maxval = 255;
    struct r2g_budget budget = {.limit_nbytes = 10000};
    struct r2g_encoder_state *state = NULL;
    assert_int_equal(encoder->state_new(&state, &raster, &budget, &err), R2G_ELIMIT);
    assert_int_equal(budget.used_nbytes, 0);
    r2g_buffer_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_back),
        cmocka_unit_test(test_segments_are_pure),
        cmocka_unit_test(test_filters_follow_the_specification),
        cmocka_unit_test(test_paeth_predicts),
        cmocka_unit_test(test_limits_of_the_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
