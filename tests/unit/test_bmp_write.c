/* A gray BMP that was written is read back pixel by pixel, and what BMP cannot hold is refused beforehand. */
#include "test_rows_support.h"

static struct r2g_raster make_raster(uint32_t width, uint32_t height, uint32_t block_rows) {
    return (struct r2g_raster){.width = width,
                               .height = height,
                               .channels = 1,
                               .maxval = 255,
                               .block_rows = block_rows,
                               .block_count = (uint32_t)(((uint64_t)height + block_rows - 1) / block_rows)};
}

static void what_was_written_is_read(void **unused) {
    (void)unused;
    for (uint32_t width = 1; width < 10; width++) {
        for (uint32_t block_rows = 1; block_rows < 9; block_rows++) {
            uint8_t rows[9 * 7];
            for (size_t i = 0; i < sizeof rows; i++)
                rows[i] = (uint8_t)random_below(256);
            struct r2g_metadata metadata;
            r2g_metadata_init(&metadata);
            struct file file = write_picture(r2g_codec_bmp.encoder, make_raster(width, 7, block_rows), &metadata, rows);
            assert_int_equal(file.bytes[2] | file.bytes[3] << 8, file.nbytes);
            struct picture picture = read_every_way(&file);
            assert_int_equal(picture.status, R2G_OK);
            assert_int_equal(picture.image.layout, R2G_LAYOUT_GRAY);
            assert_int_equal(picture.nbytes, width * 7);
            assert_memory_equal(picture.rows, rows, picture.nbytes);
            assert_int_equal(picture.metadata.density_unit, R2G_DENSITY_NONE);
            picture_free(&picture);
            free(file.bytes);
        }
    }
}

/* Rows of any length: long ones are read another way, as they are. */
static void long_rows_are_read(void **unused) {
    (void)unused;
    static const uint32_t widths[] = {4093, 4095, 4096, 4097, 9999};
    for (size_t i = 0; i < 5; i++) {
        uint8_t *rows = malloc(widths[i] * 5);
        for (size_t j = 0; j < widths[i] * 5; j++)
            rows[j] = (uint8_t)random_below(256);
        struct r2g_metadata metadata;
        r2g_metadata_init(&metadata);
        struct file file = write_picture(r2g_codec_bmp.encoder, make_raster(widths[i], 5, 2), &metadata, rows);
        struct picture picture = read_every_way(&file);
        assert_int_equal(picture.status, R2G_OK);
        assert_memory_equal(picture.rows, rows, picture.nbytes);
        picture_free(&picture);
        free(file.bytes);
        free(rows);
    }
}

static void density_becomes_pixels_per_metre(void **unused) {
    (void)unused;
    static const struct {
        enum r2g_density_unit unit;
        uint32_t x, y, want_x, want_y;
    } cases[] = {
        {R2G_DENSITY_PER_METRE, 1234, 7, 1234, 7},    {R2G_DENSITY_PER_CM, 100, 50, 10000, 5000},
        {R2G_DENSITY_PER_INCH, 72, 300, 2835, 11811}, {R2G_DENSITY_ASPECT, 2, 1, 0, 0},
        {R2G_DENSITY_PER_CM, 4294967295, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct r2g_metadata metadata;
        r2g_metadata_init(&metadata);
        metadata.density_unit = cases[i].unit;
        metadata.density_x = cases[i].x;
        metadata.density_y = cases[i].y;
        struct file file = write_picture(r2g_codec_bmp.encoder, make_raster(1, 1, 1), &metadata, (uint8_t[]){9});
        struct picture picture = read_picture(file.bytes, file.nbytes);
        assert_int_equal(picture.status, R2G_OK);
        assert_int_equal(picture.metadata.density_x, cases[i].want_x);
        assert_int_equal(picture.metadata.density_y, cases[i].want_y);
        picture_free(&picture);
        free(file.bytes);
    }
}

static r2g_status header_status(uint32_t width, uint32_t height) {
    struct r2g_raster raster = make_raster(width, height, 1);
    struct r2g_metadata metadata;
    struct r2g_buffer out = {0};
    r2g_metadata_init(&metadata);
    r2g_status status = r2g_codec_bmp.encoder->header(&raster, &metadata, &out, NULL);
    r2g_buffer_free(&out);
    return status;
}

static void files_of_4_gib_are_refused(void **unused) {
    (void)unused;
    assert_int_equal(header_status(65536, 65535), R2G_OK); /* 1078 bytes and 4 GiB less one row */
    assert_int_equal(header_status(65536, 65536), R2G_ELIMIT);
    assert_int_equal(header_status(1, INT32_MAX), R2G_ELIMIT); /* rows are padded to 4 bytes */
    assert_int_equal(header_status(INT32_MAX, 1), R2G_OK);
    assert_int_equal(header_status(UINT32_C(1) << 31, 1), R2G_ELIMIT);
    assert_int_equal(header_status(UINT32_MAX, UINT32_MAX), R2G_ELIMIT);
}

static void what_is_not_8_bit_gray_is_refused(void **unused) {
    (void)unused;
    struct r2g_raster raster = make_raster(2, 1, 1);
    struct r2g_encoder_state *state;
    raster.maxval = 65535;
    assert_int_equal(r2g_codec_bmp.encoder->state_new(&state, &raster, NULL, NULL), R2G_EINTERNAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),          cmocka_unit_test(long_rows_are_read),
        cmocka_unit_test(density_becomes_pixels_per_metre),  cmocka_unit_test(files_of_4_gib_are_refused),
        cmocka_unit_test(what_is_not_8_bit_gray_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
