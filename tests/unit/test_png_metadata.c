/* What stands beside the pixels of a PNG is kept, or named as ignored: never an error, never unbounded. */
#include "test_png_support.h"

#include "codec/exif.h"
#include "codec/png_parts.h"

static const uint8_t zeros[20]; /* 4 x 4 gray, 8 bits, with filter types */

static void begin_file(struct r2g_buffer *out) {
    static const uint8_t ihdr[13] = {0, 0, 0, 4, 0, 0, 0, 4, 8};
    struct r2g_error err;
    out->nbytes = 0;
    assert_int_equal(r2g_buffer_append(out, r2g_png_signature, 8, &err), R2G_OK);
    append_chunk(out, "IHDR", ihdr, sizeof ihdr);
}

static void append_pixels(struct r2g_buffer *out) {
    append_compressed(out, "IDAT", "", 0, zeros, sizeof zeros);
}

/* Opens the file, reads its pixels and hands the reader over; *source is to be closed after it. */
static struct r2g_reader *open_whole(const struct r2g_buffer *file, struct r2g_source *source,
                                     struct r2g_budget *budget) {
    struct r2g_read_options options = {.budget = budget};
    struct r2g_reader *reader = NULL;
    struct r2g_error err = {0};
    uint8_t rows[16];
    *source = source_from_bytes(file->bytes, file->nbytes);
    assert_int_equal(r2g_codec_png.open(&reader, source, &options, &err), R2G_OK);
    assert_int_equal(r2g_codec_png.read_rows(reader, 0, 4, rows, 4, &err), R2G_OK);
    assert_memory_equal(rows, zeros, sizeof rows);
    return reader;
}

static void close_whole(struct r2g_reader *reader, struct r2g_source *source, struct r2g_budget *budget) {
    r2g_codec_png.close(reader);
    assert_int_equal(budget->used_nbytes, 0);
    close(source->fd);
}

static void make_icc(uint8_t *icc, size_t nbytes) {
    memset(icc, 7, nbytes);
    png_put_be32(icc, (uint32_t)nbytes);
    memcpy(icc + 16, "GRAY", 4);
    memcpy(icc + 36, "acsp", 4);
}

static void test_everything_is_kept(void **unused) {
    (void)unused;
    struct r2g_buffer file = {0};
    uint8_t icc[500], exif[R2G_EXIF_MINIMAL_NBYTES];
    make_icc(icc, sizeof icc);
    size_t exif_nbytes = r2g_exif_minimal(exif, 6);
    begin_file(&file);
    append_chunk(&file, "gAMA", "\x00\x00\xb1\x8f", 4);
    append_chunk(&file, "sRGB", "\x01", 1);
    append_compressed(&file, "iCCP", "name\0", 6, icc, sizeof icc);
    append_chunk(&file, "pHYs", "\x00\x00\x0b\x13\x00\x00\x0b\x12\x01", 9);
    append_chunk(&file, "tEXt", "Title\0Caf\xe9", 10);
    append_chunk(&file, "tIME", "\x07\xea\x01\x01\x00\x00\x00", 7);
    append_pixels(&file);
    append_compressed(&file, "zTXt", "Comment\0", 9, "packed \xb5m", 9);
    append_chunk(&file, "iTXt", "Author\0\0\0\0\0\xce\xb1\xce\xb2", 15);
    append_compressed(&file, "iTXt", "Software\0\1\0de\0Programm", 23, "gut", 3);
    append_chunk(&file, "iTXt", "XML:com.adobe.xmp\0\0\0\0\0<x/>", 26);
    append_chunk(&file, "eXIf", exif, exif_nbytes);
    append_chunk(&file, "IEND", NULL, 0);
    struct r2g_source source;
    struct r2g_budget budget = {0};
    struct r2g_reader *reader = open_whole(&file, &source, &budget);
    const struct r2g_metadata *m = &reader->metadata;
    assert_int_equal(m->gamma_100000, 45455);
    assert_int_equal(m->srgb_intent, 1);
    assert_int_equal(m->icc.nbytes, sizeof icc);
    assert_memory_equal(m->icc.bytes, icc, sizeof icc);
    assert_int_equal(m->density_unit, R2G_DENSITY_PER_METRE);
    assert_int_equal(m->density_x, 2835);
    assert_int_equal(m->density_y, 2834);
    assert_int_equal(m->orientation, 6);
    assert_int_equal(m->exif.nbytes, exif_nbytes);
    assert_int_equal(m->xmp.nbytes, 4);
    assert_memory_equal(m->xmp.bytes, "<x/>", 4);
    assert_int_equal(m->text_count, 4);
    assert_string_equal(m->texts[0].key, "Title");
    assert_string_equal(m->texts[0].value, "Caf\xc3\xa9");
    assert_string_equal(m->texts[1].key, "Comment");
    assert_string_equal(m->texts[1].value, "packed \xc2\xb5m");
    assert_string_equal(m->texts[2].key, "Author");
    assert_string_equal(m->texts[2].value, "\xce\xb1\xce\xb2");
    assert_string_equal(m->texts[3].key, "Software");
    assert_string_equal(m->texts[3].value, "gut");
    assert_string_equal(m->ignored, "tIME");
    close_whole(reader, &source, &budget);
    r2g_buffer_free(&file);
}

static void test_damaged_metadata_is_named(void **unused) {
    (void)unused;
    static const struct {
        const char *type, *data;
        size_t nbytes;
        const char *ignored;
    } cases[] = {
        {"gAMA", "\0\0\0\0", 4, "gAMA (damaged)"},
        {"gAMA", "\1", 1, "gAMA (damaged)"},
        {"sRGB", "\4", 1, "sRGB (damaged)"},
        {"pHYs", "\0\0\0\1\0\0\0\1\2", 9, "pHYs (damaged)"},
        {"eXIf", "nothing of it", 13, "eXIf (damaged)"},
        {"iCCP", "name\0\0garbage", 13, "iCCP (damaged)"},
        {"iCCP", "name", 4, "iCCP (damaged)"},
        {"tEXt", "", 0, "tEXt (damaged)"},
        {"tEXt", "\0no key", 7, "tEXt (damaged)"},
        {"tEXt", "no end", 6, "tEXt (damaged)"},
        {"tEXt", "two\0ends\0here", 13, "tEXt (damaged)"},
        {"zTXt", "key\0", 4, "zTXt (damaged)"},
        {"zTXt", "key\0\0\x78\x9c", 7, "zTXt (damaged)"},
        {"iTXt", "key\0\2\0\0\0x", 9, "iTXt (damaged)"},
        {"iTXt", "key\0\0\0\0\0\xc0\x80", 10, "iTXt (damaged)"},
        {"iTXt", "key\0\0\0", 6, "iTXt (damaged)"},
        {"acTL", "\0\0\0\2\0\0\0\0", 8, "animation (first frame only)"},
        {"zTXt", "Raw profile type APP1\0\0x", 24, "Raw profile type APP1"},
        {"prVt", "anything", 8, "prVt"},
    };
    struct r2g_buffer file = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin_file(&file);
        append_chunk(&file, cases[i].type, cases[i].data, cases[i].nbytes);
        append_pixels(&file);
        append_chunk(&file, "IEND", NULL, 0);
        struct r2g_source source;
        struct r2g_budget budget = {0};
        struct r2g_reader *reader = open_whole(&file, &source, &budget);
        assert_string_equal(reader->metadata.ignored, cases[i].ignored);
        assert_int_equal(reader->metadata.text_count, 0);
        close_whole(reader, &source, &budget);
    }
    r2g_buffer_free(&file);
}

static void test_wrong_crc_is_noted(void **unused) {
    (void)unused;
    struct r2g_buffer file = {0};
    begin_file(&file);
    append_chunk(&file, "tEXt", "Title\0x", 7);
    file.bytes[file.nbytes - 1] ^= 1;
    append_pixels(&file);
    append_chunk(&file, "IEND", NULL, 0);
    struct r2g_source source;
    struct r2g_budget budget = {0};
    struct r2g_reader *reader = open_whole(&file, &source, &budget);
    assert_string_equal(reader->metadata.ignored, "tEXt (damaged)");
    assert_non_null(strstr(reader->image.note, "tEXt"));
    close_whole(reader, &source, &budget);
    r2g_buffer_free(&file);
}

/* 100 MiB of text in a few kilobytes, and chunks larger than any metadata. */
static void test_bombs_are_limited(void **unused) {
    (void)unused;
    size_t nbytes = (size_t)20 << 20;
    uint8_t *large = calloc(1, nbytes);
    assert_non_null(large);
    memset(large, 'x', nbytes);
    struct r2g_buffer file = {0};
    begin_file(&file);
    append_compressed(&file, "zTXt", "key\0", 5, large, nbytes);
    append_compressed(&file, "iTXt", "key\0\1\0\0\0", 8, large, nbytes);
    make_icc(large, nbytes);
    append_compressed(&file, "iCCP", "name\0", 6, large, nbytes);
    append_chunk(&file, "eXIf", large, nbytes);
    append_chunk(&file, "prVt", large, nbytes);
    append_pixels(&file);
    append_chunk(&file, "IEND", NULL, 0);
    struct r2g_source source;
    struct r2g_budget budget = {.limit_nbytes = (uint64_t)60 << 20};
    struct r2g_reader *reader = open_whole(&file, &source, &budget);
    assert_string_equal(reader->metadata.ignored,
                        "zTXt (too large), iTXt (too large), iCCP (too large), eXIf (too large), prVt");
    assert_int_equal(reader->metadata.text_count, 0);
    close_whole(reader, &source, &budget);
    budget.limit_nbytes = 400000; /* less than one of them inflated: named in the same way */
    reader = open_whole(&file, &source, &budget);
    assert_non_null(strstr(reader->metadata.ignored, "zTXt (too large)"));
    close_whole(reader, &source, &budget);

    begin_file(&file); /* many small ones */
    for (unsigned i = 0; i < 5000; i++) {
        append_chunk(&file, "tEXt", "key\0value", 9);
    }
    append_pixels(&file);
    append_chunk(&file, "IEND", NULL, 0);
    reader = open_whole(&file, &source, &budget);
    assert_true(reader->metadata.text_count <= 1024);
    assert_string_equal(reader->metadata.ignored, "tEXt (too large)");
    close_whole(reader, &source, &budget);
    r2g_buffer_free(&file);
    free(large);
}

/* What the encoder's header says is what the reader finds. */
static void test_metadata_come_back(void **unused) {
    (void)unused;
    struct r2g_text texts[] = {{"Title", "plain"},
                               {"  odd \xce\xb1  key\n", "Caf\xc3\xa9"},
                               {"Author", "\xe6\x96\x87"},
                               {"", "no key"},
                               {"Broken", "\xff"}};
    uint8_t icc[4000];
    make_icc(icc, sizeof icc);
    struct r2g_metadata metadata;
    r2g_metadata_init(&metadata);
    metadata.orientation = 3;
    metadata.density_unit = R2G_DENSITY_PER_INCH;
    metadata.density_x = 72;
    metadata.density_y = 300;
    metadata.icc = (struct r2g_blob){icc, sizeof icc};
    metadata.texts = texts;
    metadata.text_count = 5;
    metadata.gamma_100000 = 45455;
    metadata.srgb_intent = 0;
    struct r2g_raster raster = {.width = 4, .height = 4, .channels = 1, .maxval = 255, .block_rows = 3};
    struct r2g_buffer file = {0};
    encode(&raster, &metadata, zeros, &file);
    struct r2g_source source;
    struct r2g_budget budget = {0};
    struct r2g_reader *reader = open_whole(&file, &source, &budget);
    const struct r2g_metadata *m = &reader->metadata;
    assert_string_equal(m->ignored, "");
    assert_string_equal(reader->image.note, "");
    assert_int_equal(m->orientation, 3);
    assert_int_equal(m->density_unit, R2G_DENSITY_PER_METRE);
    assert_int_equal(m->density_x, 2835);
    assert_int_equal(m->density_y, 11811);
    assert_int_equal(m->icc.nbytes, sizeof icc);
    assert_memory_equal(m->icc.bytes, icc, sizeof icc);
    assert_int_equal(m->gamma_100000, 45455);
    assert_int_equal(m->srgb_intent, 0);
    assert_int_equal(m->text_count, 5);
    static const char *const keys[] = {"Title", "odd ? key", "Author", "Comment", "Broken"};
    static const char *const values[] = {"plain", "Caf\xc3\xa9", "\xe6\x96\x87", "no key", "?"};
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(m->texts[i].key, keys[i]);
        assert_string_equal(m->texts[i].value, values[i]);
    }
    close_whole(reader, &source, &budget);
    r2g_buffer_free(&file);
}

/* The reader's description of a file. */
static void test_description(void **unused) {
    (void)unused;
    struct r2g_buffer file = {0};
    begin_file(&file);
    append_pixels(&file);
    append_chunk(&file, "IEND", NULL, 0);
    struct r2g_source source;
    struct r2g_budget budget = {0};
    struct r2g_reader *reader = open_whole(&file, &source, &budget);
    assert_string_equal(reader->image.format, "PNG");
    assert_string_equal(reader->image.colour, "gray");
    assert_string_equal(reader->image.coding, "");
    assert_string_equal(reader->image.note, "");
    assert_int_equal(reader->image.stored_bits, 8);
    assert_int_equal(reader->image.whole_nbytes, 0);
    assert_false(reader->image.random_access);
    assert_int_equal(reader->metadata.srgb_intent, -1);
    assert_int_equal(reader->metadata.orientation, 0);
    close_whole(reader, &source, &budget);
    r2g_buffer_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_kept), cmocka_unit_test(test_damaged_metadata_is_named),
        cmocka_unit_test(test_wrong_crc_is_noted), cmocka_unit_test(test_bombs_are_limited),
        cmocka_unit_test(test_metadata_come_back), cmocka_unit_test(test_description),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
