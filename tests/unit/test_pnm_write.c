/* A PGM that was written is read back sample by sample, whatever the maxval and the texts. */
#include "test_rows_support.h"

static struct r2g_raster make_raster(uint32_t width, uint32_t height, uint32_t maxval, uint32_t block_rows) {
    return (struct r2g_raster){.width = width,
                               .height = height,
                               .channels = 1,
                               .maxval = maxval,
                               .block_rows = block_rows,
                               .block_count = (height + block_rows - 1) / block_rows};
}

static void what_was_written_is_read(void **unused) {
    (void)unused;
    static const uint32_t maxvals[] = {1, 100, 255, 256, 4095, 65535};
    for (size_t m = 0; m < 6; m++) {
        for (uint32_t width = 1; width < 10; width++) {
            struct r2g_raster raster = make_raster(width, 7, maxvals[m], 2);
            uint16_t wide[9 * 7];
            uint8_t narrow[9 * 7];
            for (size_t i = 0; i < 9 * 7; i++) {
                wide[i] = (uint16_t)random_below(maxvals[m] + 1);
                narrow[i] = (uint8_t)wide[i];
            }
            const uint8_t *rows = maxvals[m] > 255 ? (const uint8_t *)wide : narrow;
            struct r2g_metadata metadata;
            r2g_metadata_init(&metadata);
            struct file file = write_picture(r2g_codec_pnm.encoder, raster, &metadata, rows);
            struct picture picture = read_every_way(&file);
            assert_int_equal(picture.status, R2G_OK);
            assert_int_equal(picture.image.maxval, maxvals[m]);
            assert_string_equal(picture.image.format, "PGM");
            assert_int_equal(picture.nbytes, r2g_raster_row_nbytes(&raster) * 7);
            assert_memory_equal(picture.rows, rows, picture.nbytes);
            assert_string_equal(picture.image.note, "");
            picture_free(&picture);
            free(file.bytes);
        }
    }
}

static void texts_cannot_break_the_header(void **unused) {
    (void)unused;
    char huge[70000];
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    struct r2g_text texts[] = {
        {"Comment", "two\n9 9\r255"}, {"Title\n9 9", "caf\xC3\xA9"}, {"Huge", huge}, {"Comment", "last"}};
    struct r2g_metadata metadata;
    r2g_metadata_init(&metadata);
    metadata.texts = texts;
    metadata.text_count = 4;
    struct file file = write_picture(r2g_codec_pnm.encoder, make_raster(1, 1, 255, 1), &metadata, (uint8_t[]){77});
    assert_memory_equal(file.bytes, "P5\n# two 9 9 255\n# Title 9 9: caf\xC3\xA9\n# last\n1 1\n255\n\x4D", file.nbytes);
    struct picture picture = read_every_way(&file);
    assert_int_equal(picture.status, R2G_OK);
    assert_int_equal(picture.rows[0], 77);
    assert_int_equal(picture.metadata.text_count, 3);
    assert_string_equal(picture.metadata.texts[0].value, "two 9 9 255");
    assert_string_equal(picture.metadata.texts[1].value, "Title 9 9: caf\xC3\xA9");
    picture_free(&picture);
    free(file.bytes);
}

static void samples_are_big_endian(void **unused) {
    (void)unused;
    struct r2g_metadata metadata;
    r2g_metadata_init(&metadata);
    struct r2g_raster raster = make_raster(2, 1, 1023, 1);
    struct file file = write_picture(r2g_codec_pnm.encoder, raster, &metadata, (void *)(uint16_t[]){0x0102, 0x03FF});
    assert_int_equal(file.nbytes, 16);
    assert_memory_equal(file.bytes, "P5\n2 1\n1023\n\x01\x02\x03\xFF", 16);
    free(file.bytes);
}

static void alpha_is_refused(void **unused) {
    (void)unused;
    struct r2g_raster raster = make_raster(2, 1, 255, 1);
    struct r2g_encoder_state *state;
    raster.channels = 2;
    assert_int_equal(r2g_codec_pnm.encoder->state_new(&state, &raster, NULL, NULL), R2G_EINTERNAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(texts_cannot_break_the_header),
        cmocka_unit_test(samples_are_big_endian),
        cmocka_unit_test(alpha_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
