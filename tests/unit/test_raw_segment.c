/* Raw formats: rows converted straight into a segment make the bytes that the format's own segment encoder makes, and a
 * segment written to a file lies where it belongs. */
#include "test_rows_support.h"

#include "base/output.h"
#include "pipeline/block.h"

enum { WIDTH_MAX = 70, ROWS_MAX = 9 };

static uint8_t rgb[WIDTH_MAX * ROWS_MAX * 3];

static struct r2g_conversion make_conversion(uint32_t maxval) {
    struct r2g_conversion conversion = {.layout = R2G_LAYOUT_RGB, .maxval = maxval, .out_maxval = maxval};
    assert_int_equal(r2g_luma_from_name(&conversion.luma, "bt601", NULL), R2G_OK);
    return conversion;
}

/* The segment of one block as the encoder makes it from gray rows, appended to *out. */
static void append_expected(const struct r2g_encoder *encoder, const struct r2g_raster *raster, uint32_t block,
                            const struct r2g_conversion *conversion, struct r2g_buffer *out) {
    struct r2g_converter *converter;
    struct r2g_encoder_state *state;
    struct r2g_checksum sum;
    uint32_t row_count = r2g_raster_block_row_count(raster, block);
    uint8_t gray[WIDTH_MAX * ROWS_MAX];
    assert_int_equal(r2g_converter_new(&converter, conversion, NULL), R2G_OK);
    assert_true(r2g_converter_rows(converter, rgb, raster->width * 3, gray, raster->width, raster->width, row_count));
    assert_int_equal(encoder->state_new(&state, raster, NULL, NULL), R2G_OK);
    assert_int_equal(encoder->segment(state, raster, block * raster->block_rows, row_count, gray, out, &sum, NULL),
                     R2G_OK);
    encoder->state_free(state);
    r2g_converter_free(converter);
}

static void check(const struct r2g_codec *codec, uint32_t width, uint32_t block_rows) {
    const struct r2g_conversion conversion = make_conversion(255);
    const struct r2g_raster raster = {.width = width,
                                      .height = ROWS_MAX,
                                      .channels = 1,
                                      .maxval = 255,
                                      .block_rows = block_rows,
                                      .block_count = (ROWS_MAX + block_rows - 1) / block_rows};
    struct r2g_block_worker worker;
    struct r2g_checksum sum = {0};
    struct r2g_buffer made = {0}, expected = {0}, scratch = {0};
    assert_int_equal(r2g_block_worker_start(&worker, codec, &raster, &conversion, NULL, NULL), R2G_OK);
    assert_int_not_equal(worker.row_stride, 0);
    struct r2g_output *output;
    char path[64];
    snprintf(path, sizeof path, "/tmp/r2g-segment-%ld", (long)getpid());
    const struct r2g_output_options options = {0};
    assert_int_equal(r2g_output_create(&output, path, &options, NULL), R2G_OK);
    uint64_t offset = random_below(200);
    for (uint32_t block = 0; block < raster.block_count; block++) {
        for (size_t i = 0; i < sizeof rgb; i++)
            rgb[i] = (uint8_t)random_below(256);
        size_t before = made.nbytes;
        uint64_t placed_nbytes;
        append_expected(codec->encoder, &raster, block, &conversion, &expected);
        assert_int_equal(r2g_block_worker_run(&worker, block, rgb, &made, &sum, NULL), R2G_OK);
        assert_int_equal(made.nbytes, expected.nbytes);
        assert_memory_equal(made.bytes, expected.bytes, made.nbytes);
        assert_int_equal(
            r2g_block_worker_place(&worker, block, rgb, output, offset + before, &scratch, &placed_nbytes, &sum, NULL),
            R2G_OK);
        assert_int_equal(placed_nbytes, made.nbytes - before);
    }
    assert_int_equal(worker.times.row_count, 2 * ROWS_MAX);
    assert_int_equal(r2g_output_nbytes(output), offset + made.nbytes);
    assert_int_equal(r2g_output_commit(output, NULL), R2G_OK);
    r2g_output_close(output);
    FILE *written = fopen(path, "rb");
    assert_non_null(written);
    assert_int_equal(fseek(written, (long)offset, SEEK_SET), 0);
    assert_int_equal(fread(expected.bytes, 1, expected.nbytes, written), made.nbytes);
    assert_memory_equal(expected.bytes, made.bytes, made.nbytes);
    fclose(written);
    unlink(path);
    r2g_block_worker_stop(&worker);
    r2g_buffer_free(&made);
    r2g_buffer_free(&expected);
    r2g_buffer_free(&scratch);
}

static void rows_are_the_segment(void **unused) {
    (void)unused;
    for (uint32_t width = 1; width <= WIDTH_MAX; width++) {
        check(&r2g_codec_pnm, width, 1 + width % ROWS_MAX);
        check(&r2g_codec_bmp, width, 1 + width % ROWS_MAX);
    }
}

/* What has to be turned round cannot be written as it is. */
static void deep_samples_are_not(void **unused) {
    (void)unused;
    const struct r2g_raster deep = {.width = 3, .height = 2, .channels = 1, .maxval = 65535, .block_rows = 2};
    assert_int_equal(r2g_codec_pnm.encoder->row_stride(&deep), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_segment),
        cmocka_unit_test(deep_samples_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
