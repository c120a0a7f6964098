/* Row blocks follow from the geometry alone, cover every row once and hold about 1 MiB; and the table of formats finds
 * the codec for a word, a file name and a file's content. */
#include "test_rows_support.h"

static struct r2g_raster cut(uint32_t width, uint32_t height, uint32_t channels, uint32_t maxval, uint32_t multiple) {
    struct r2g_encoder encoder = {.row_multiple = multiple};
    struct r2g_raster raster = {.width = width, .height = height, .channels = channels, .maxval = maxval};
    r2g_raster_cut(&raster, &encoder);
    return raster;
}

static void known_cuts(void **unused) {
    (void)unused;
    static const struct {
        uint32_t width, height, channels, maxval, multiple, block_rows, block_count;
    } cases[] = {
        {1024, 10000, 1, 255, 1, 1024, 10},
        {1024, 10000, 1, 256, 1, 512, 20},
        {1024, 10000, 2, 65535, 1, 256, 40},
        {1000, 10000, 1, 255, 8, 1048, 10}, /* 1048.576 rows */
        {1000, 10000, 1, 255, 16, 1040, 10},
        {1000, 100, 1, 255, 1, 100, 1}, /* never more than there are */
        {1000, 100, 1, 255, 8, 104, 1},
        {1048576, 5, 1, 255, 1, 1, 5},
        {1048577, 5, 1, 255, 1, 1, 5},
        {4294967295, 20, 2, 65535, 8, 8, 3},
        {1, 4294967295, 1, 255, 1, 1048576, 4096},
        {1, 4294967295, 1, 255, 8, 1048576, 4096},
        {1, 1, 1, 1, 1, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct r2g_raster raster =
            cut(cases[i].width, cases[i].height, cases[i].channels, cases[i].maxval, cases[i].multiple);
        assert_int_equal(raster.block_rows, cases[i].block_rows);
        assert_int_equal(raster.block_count, cases[i].block_count);
    }
}

static void an_encoder_may_ask_for_other_blocks(void **unused) {
    (void)unused;
    const struct r2g_encoder encoder = {.row_multiple = 1, .block_nbytes = 1u << 18};
    struct r2g_raster raster = {.width = 1000, .height = 10000, .channels = 1, .maxval = 255};
    r2g_raster_cut(&raster, &encoder);
    assert_int_equal(raster.block_rows, 262); /* 262.144 rows */
    assert_int_equal(raster.block_count, 39);
}

static void blocks_cover_every_row_once(void **unused) {
    (void)unused;
    for (int round = 0; round < 2000; round++) {
        uint32_t multiple = 1u << random_below(5), height = 1 + random_below(round % 2 ? 100 : 5000000);
        struct r2g_raster raster = cut(1 + random_below(5000), height, 1 + random_below(2), 255, multiple);
        uint64_t sum = 0;
        assert_int_equal(raster.block_rows % multiple, 0);
        for (uint32_t i = 0; i < raster.block_count; i++) {
            uint32_t count = r2g_raster_block_row_count(&raster, i);
            assert_true(count > 0 && count <= raster.block_rows);
            assert_true(i + 1 == raster.block_count || count == raster.block_rows);
            sum += count;
        }
        assert_int_equal(sum, height);
        assert_int_equal(r2g_raster_block_row_count(&raster, raster.block_count), 0);
        assert_true(raster.block_rows == multiple || raster.block_rows * r2g_raster_row_nbytes(&raster) <= 1u << 20);
    }
}

static void words_and_names_find_the_codec(void **unused) {
    (void)unused;
    static const char *const words[] = {"png", "jpeg", "jpg", "bmp", "pgm", "pnm", "BMP"}, *const names[] = {
                                                                                               "png", "jpeg", "jpeg",
                                                                                               "bmp", "pgm",  "pgm",
                                                                                               "bmp"};
    for (size_t i = 0; i < 7; i++) {
        char path[100];
        snprintf(path, sizeof path, "/some.where/a.b.%s", words[i]);
        assert_string_equal(r2g_codec_by_name(words[i])->name, names[i]);
        assert_string_equal(r2g_codec_by_file_name(path)->name, names[i]);
    }
    static const char *const none[] = {"", "tiff", "ppm", "pgm2"};
    for (size_t i = 0; i < 4; i++)
        assert_null(r2g_codec_by_name(none[i]));
    static const char *const no_names[] = {"", "pgm", "a.png/b", "a.pgm.gz", "a.", "-"};
    for (size_t i = 0; i < 6; i++)
        assert_null(r2g_codec_by_file_name(no_names[i]));
}

static void foreign_files_are_named(void **unused) {
    (void)unused;
    char dicom[200] = {0};
    memcpy(dicom + 128, "DICM", 4);
    const struct {
        const char *bytes;
        size_t nbytes;
        const char *text;
    } cases[] = {
        {"II*\0abcd", 8, "a TIFF file, which this program does not read"},
        {"MM\0*abcd", 8, "a TIFF file, which this program does not read"},
        {"GIF89a", 6, "a GIF file, which this program does not read"},
        {"RIFFabcdWEBP", 12, "a WebP file, which this program does not read"},
        {"\0\0\0\x0CjP  \r\n\x87\n", 12, "a JPEG 2000 file, which this program does not read"},
        {"\xFF\x4F\xFF\x51", 4, "a JPEG 2000 file, which this program does not read"},
        {"\x1F\x8B\x08", 3, "a gzip file, which this program does not read"},
        {"%PDF-1.7", 8, "a PDF file, which this program does not read"},
        {dicom, sizeof dicom, "a DICOM file, which this program does not read"},
        {"hello", 5, "not a format this program reads (PNG, JPEG, BMP, PNM)"},
        {"BMxxxxxxxxxxxxxxxxxxxx", 22, "not a format this program reads (PNG, JPEG, BMP, PNM)"},
        {"", 0, "not a format this program reads (PNG, JPEG, BMP, PNM)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct picture picture = read_picture(cases[i].bytes, cases[i].nbytes);
        assert_int_equal(picture.status, R2G_EFORMAT);
        assert_string_equal(picture.error.text, cases[i].text);
    }
}

static void whole_pictures_are_checked(void **unused) {
    (void)unused;
    struct r2g_budget budget = {.limit_nbytes = 1000, .used_nbytes = 400};
    struct r2g_read_options options = {.budget = &budget, .max_pixels = 50};
    struct r2g_error err = {0};
    assert_int_equal(r2g_check_whole(&options, 10, 5, 600, &err), R2G_OK);
    assert_int_equal(r2g_check_whole(&options, 10, 5, 601, &err), R2G_ELIMIT);
    assert_non_null(strstr(err.text, "601"));
    assert_non_null(strstr(err.text, "1000"));
    assert_int_equal(r2g_check_whole(&options, 17, 3, 1, &err), R2G_ELIMIT);
    assert_non_null(strstr(err.text, "51"));
    assert_non_null(strstr(err.text, "50"));
    assert_int_equal(r2g_check_whole(&options, UINT32_MAX, UINT32_MAX, UINT64_MAX, &err), R2G_ELIMIT);
    options.max_pixels = 0;
    assert_int_equal(r2g_check_whole(&options, UINT32_MAX, UINT32_MAX, UINT64_MAX, &err), R2G_ELIMIT);
    budget.limit_nbytes = 0;
    assert_int_equal(r2g_check_whole(&options, 1000, 1000, UINT64_C(1) << 40, &err), R2G_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_cuts),
        cmocka_unit_test(an_encoder_may_ask_for_other_blocks),
        cmocka_unit_test(blocks_cover_every_row_once),
        cmocka_unit_test(words_and_names_find_the_codec),
        cmocka_unit_test(foreign_files_are_named),
        cmocka_unit_test(whole_pictures_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
