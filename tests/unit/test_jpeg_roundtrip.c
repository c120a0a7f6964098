/* A JPEG written in row blocks holds the very pixels that libjpeg writes for the whole picture at once, however it is
 * cut; and its header carries the metadata. */
#include "test_jpeg_support.h"

#include "codec/exif.h"

static struct r2g_raster raster_of(uint32_t width, uint32_t height, uint32_t block_rows, uint32_t quality) {
    struct r2g_raster raster = {.width = width, .height = height, .channels = 1, .maxval = 255, .quality = quality};
    r2g_raster_cut(&raster, r2g_codec_jpeg.encoder);
    if (block_rows > 0) {
        raster.block_rows = block_rows;
        raster.block_count = (height + block_rows - 1) / block_rows;
    }
    return raster;
}

static struct r2g_buffer encode(const struct r2g_raster *raster, const uint8_t *gray,
                                const struct r2g_metadata *metadata) {
    const struct r2g_encoder *encoder = r2g_codec_jpeg.encoder;
    struct r2g_budget budget = {0};
    struct r2g_encoder_state *state;
    struct r2g_buffer out = {0};
    struct r2g_checksum sum = {0};
    struct r2g_error err = {0};
    assert_int_equal(encoder->state_new(&state, raster, &budget, &err), R2G_OK);
    assert_int_equal(encoder->header(raster, metadata, &out, &err), R2G_OK);
    for (uint32_t block = 0; block < raster->block_count; block++) {
        uint32_t first_row = block * raster->block_rows;
        assert_int_equal(encoder->segment(state, raster, first_row, r2g_raster_block_row_count(raster, block),
                                          gray + (size_t)first_row * raster->width, &out, &sum, &err),
                         R2G_OK);
    }
    assert_int_equal(encoder->trailer(raster, &sum, &out, &err), R2G_OK);
    encoder->state_free(state);
    return out;
}

static void check(uint32_t width, uint32_t height, uint32_t block_rows, uint32_t quality) {
    struct r2g_metadata metadata;
    r2g_metadata_init(&metadata);
    uint8_t *gray = make_samples(width, height, 1);
    struct r2g_raster raster = raster_of(width, height, block_rows, quality);
    struct r2g_buffer ours = encode(&raster, gray, &metadata);
    struct bytes whole = direct_encode(
        gray, width, height,
        &(struct direct_settings){.samples = JCS_GRAYSCALE, .file = JCS_GRAYSCALE, .quality = (int)quality});
    struct direct_picture got = direct_decode(ours.bytes, ours.nbytes, false);
    struct direct_picture want = direct_decode(whole.bytes, whole.nbytes, false);
    assert_non_null(got.samples);
    assert_int_equal(got.warning_count, 0);
    assert_int_equal(got.width, width);
    assert_int_equal(got.height, height);
    assert_int_equal(got.channels, 1);
    assert_memory_equal(got.samples, want.samples, (size_t)width * height);
    free(got.samples);
    free(want.samples);
    free(whole.bytes);
    r2g_buffer_free(&ours);
    free(gray);
}

static void blocks_join_to_the_whole_picture(void **state) {
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {17, 1000}, {3000, 700}, {65500, 9}, {9, 65500}};
    static const uint32_t rows[] = {0, 8, 16, 24, 344};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
            check(sizes[i][0], sizes[i][1], rows[k], 90);
}

static void every_quality(void **state) {
    (void)state;
    for (uint32_t quality = 1; quality <= 100; quality++)
        check(100, 77, 8, quality);
}

/* The restart interval of any geometry fits its 16-bit field. */
static void cut_fits_the_restart_interval(void **state) {
    (void)state;
    struct r2g_metadata metadata;
    r2g_metadata_init(&metadata);
    for (uint32_t width = 1; width <= 65500; width += width < 300 ? 1 : 997) {
        struct r2g_raster raster = raster_of(width, 65500, 0, 90);
        struct r2g_buffer out = {0};
        assert_int_equal(r2g_codec_jpeg.encoder->header(&raster, &metadata, &out, NULL), R2G_OK);
        r2g_buffer_free(&out);
    }
}

static void impossible_rasters_are_refused(void **state) {
    (void)state;
    struct r2g_metadata metadata;
    r2g_metadata_init(&metadata);
    struct r2g_buffer out = {0};
    struct r2g_raster raster = raster_of(65501, 8, 0, 90);
    assert_int_equal(r2g_codec_jpeg.encoder->header(&raster, &metadata, &out, NULL), R2G_ELIMIT);
    raster = raster_of(65500, 65500, 512, 90);
    assert_int_equal(r2g_codec_jpeg.encoder->header(&raster, &metadata, &out, NULL), R2G_EINTERNAL);
    raster = raster_of(8, 8, 0, 101);
    assert_int_equal(r2g_codec_jpeg.encoder->header(&raster, &metadata, &out, NULL), R2G_EINTERNAL);
    raster = raster_of(8, 8, 0, 90);
    metadata.exif = (struct r2g_blob){malloc(65528), 65528};
    memset(metadata.exif.bytes, 0, metadata.exif.nbytes);
    assert_int_equal(r2g_codec_jpeg.encoder->header(&raster, &metadata, &out, NULL), R2G_ELIMIT);
    assert_int_equal(out.nbytes, 0);
    r2g_buffer_free(&out);
    r2g_metadata_free(&metadata);
}

/* What a file of a picture with `metadata` is read back as. */
static struct r2g_reader *read_back(const struct r2g_metadata *metadata, struct r2g_source *source,
                                    struct r2g_budget *budget) {
    struct r2g_raster raster = raster_of(20, 30, 8, 90);
    uint8_t *gray = make_samples(20, 30, 1);
    struct r2g_buffer out = encode(&raster, gray, metadata);
    *source = memory_source(out.bytes, out.nbytes);
    struct r2g_reader *reader = NULL;
    struct r2g_error err = {0};
    struct r2g_read_options options = {.budget = budget};
    assert_int_equal(r2g_codec_jpeg.open(&reader, source, &options, &err), R2G_OK);
    r2g_buffer_free(&out);
    free(gray);
    return reader;
}

static void metadata_is_carried(void **state) {
    (void)state;
    struct r2g_budget budget = {0};
    struct r2g_source source;
    struct r2g_metadata metadata;
    r2g_metadata_init(&metadata);
    metadata.density_unit = R2G_DENSITY_PER_METRE;
    metadata.density_x = 11811;
    metadata.density_y = 5906;
    uint8_t *icc = make_samples(100000, 1, 1);
    metadata.icc = (struct r2g_blob){icc, 100000};
    uint8_t exif[R2G_EXIF_MINIMAL_NBYTES];
    metadata.exif = (struct r2g_blob){exif, r2g_exif_minimal(exif, 3)};
    char *longest = malloc(70001);
    memset(longest, 'x', 70000);
    longest[70000] = '\0';
    memcpy(longest + 65532, "\xC3\xA4", 2); /* a letter of two bytes across the cut */
    struct r2g_text texts[] = {{(char[]){"Comment"}, (char[]){"Gr\xC3\xBC\xC3\x9F"
                                                              "e"}},
                               {(char[]){"Author"}, (char[]){"Somebody"}},
                               {(char[]){"Comment"}, longest}};
    metadata.texts = texts;
    metadata.text_count = 3;
    struct r2g_reader *reader = read_back(&metadata, &source, &budget);
    const struct r2g_metadata *got = &reader->metadata;
    assert_int_equal(got->density_unit, R2G_DENSITY_PER_INCH);
    assert_int_equal(got->density_x, 300);
    assert_int_equal(got->density_y, 150);
    assert_int_equal(got->icc.nbytes, 100000);
    assert_memory_equal(got->icc.bytes, icc, 100000);
    assert_int_equal(got->exif.nbytes, sizeof exif);
    assert_memory_equal(got->exif.bytes, exif, sizeof exif);
    assert_int_equal(got->orientation, 3);
    assert_int_equal(got->text_count, 3);
    assert_string_equal(got->texts[0].value, texts[0].value);
    assert_string_equal(got->texts[1].key, "Comment");
    assert_string_equal(got->texts[1].value, "Author: Somebody");
    assert_int_equal(strlen(got->texts[2].value), 65532);
    assert_string_equal(got->ignored, "");
    r2g_reader_close(reader);
    memory_source_close(&source);
    free(longest);
    free(icc);
}

static void orientation_without_exif(void **state) {
    (void)state;
    struct r2g_budget budget = {0};
    for (unsigned orientation = 0; orientation <= 8; orientation++) {
        struct r2g_source source;
        struct r2g_metadata metadata;
        r2g_metadata_init(&metadata);
        metadata.orientation = orientation;
        struct r2g_reader *reader = read_back(&metadata, &source, &budget);
        assert_int_equal(reader->metadata.orientation, orientation >= 2 ? orientation : 0);
        r2g_reader_close(reader);
        memory_source_close(&source);
    }
}

/* Memory that runs out in mid-file leaves the buffer as it was, and says so; the state is still usable. */
static void budget_too_small_for_a_segment(void **state) {
    (void)state;
    const struct r2g_encoder *encoder = r2g_codec_jpeg.encoder;
    struct r2g_raster raster = raster_of(1000, 1000, 0, 100);
    uint8_t *gray = make_samples(1000, 1000, 1);
    struct r2g_budget budget = {.limit_nbytes = 300000};
    struct r2g_buffer out = {.budget = &budget};
    struct r2g_encoder_state *encoder_state;
    struct r2g_checksum sum = {0};
    struct r2g_error err = {0};
    assert_int_equal(encoder->state_new(&encoder_state, &raster, &budget, &err), R2G_OK);
    assert_int_equal(r2g_buffer_append(&out, "abc", 3, &err), R2G_OK);
    assert_int_equal(encoder->segment(encoder_state, &raster, 0, 1000, gray, &out, &sum, &err), R2G_ELIMIT);
    assert_int_equal(out.nbytes, 3);
    budget.limit_nbytes = 0;
    assert_int_equal(encoder->segment(encoder_state, &raster, 0, 1000, gray, &out, &sum, &err), R2G_OK);
    assert_memory_equal(out.bytes, "abc", 3);
    r2g_buffer_free(&out);
    encoder->state_free(encoder_state);
    free(gray);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_join_to_the_whole_picture),
        cmocka_unit_test(every_quality),
        cmocka_unit_test(cut_fits_the_restart_interval),
        cmocka_unit_test(impossible_rasters_are_refused),
        cmocka_unit_test(metadata_is_carried),
        cmocka_unit_test(orientation_without_exif),
        cmocka_unit_test(budget_too_small_for_a_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
