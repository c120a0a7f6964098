/* PNM and PAM files of every kind give exactly the samples that were put into them, in any order of reading; damaged
 * ones fail, at every length. */
#include "test_rows_support.h"

struct kind {
    char digit;
    const char *tuple_type; /* PAM; "" to leave it out */
    uint32_t channels;
    enum r2g_layout layout;
};

static const struct kind kinds[] = {
    {'1', NULL, 1, R2G_LAYOUT_GRAY},
    {'2', NULL, 1, R2G_LAYOUT_GRAY},
    {'3', NULL, 3, R2G_LAYOUT_RGB},
    {'4', NULL, 1, R2G_LAYOUT_GRAY},
    {'5', NULL, 1, R2G_LAYOUT_GRAY},
    {'6', NULL, 3, R2G_LAYOUT_RGB},
    {'7', "BLACKANDWHITE", 1, R2G_LAYOUT_GRAY},
    {'7', "GRAYSCALE", 1, R2G_LAYOUT_GRAY},
    {'7', "RGB", 3, R2G_LAYOUT_RGB},
    {'7', "BLACKANDWHITE_ALPHA", 2, R2G_LAYOUT_GRAYA},
    {'7', "GRAYSCALE_ALPHA", 2, R2G_LAYOUT_GRAYA},
    {'7', "RGB_ALPHA", 4, R2G_LAYOUT_RGBA},
    {'7', "", 1, R2G_LAYOUT_GRAY},
    {'7', "", 2, R2G_LAYOUT_GRAYA},
    {'7', "", 3, R2G_LAYOUT_RGB},
    {'7', "", 4, R2G_LAYOUT_RGBA},
};

#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

static bool is_bitmap(const struct kind *kind) {
    return kind->digit == '1' || kind->digit == '4';
}

static struct file make_header(const struct kind *kind, uint32_t width, uint32_t height, uint32_t maxval) {
    struct file file = {0};
    char text[200];
    if (kind->digit == '7')
        snprintf(text, sizeof text, "P7\nWIDTH %u\nHEIGHT %u\nDEPTH %u\nMAXVAL %u\n%s%s%sENDHDR\n", width, height,
                 kind->channels, maxval, *kind->tuple_type ? "TUPLTYPE " : "", kind->tuple_type,
                 *kind->tuple_type ? "\n" : "");
    else if (is_bitmap(kind))
        snprintf(text, sizeof text, "P%c\n%u %u\n", kind->digit, width, height);
    else
        snprintf(text, sizeof text, "P%c %u\t%u\r%u\n", kind->digit, width, height, maxval);
    file_text(&file, text);
    return file;
}

/* Writes samples the slow and plain way; bitmaps take 0 (white) and 1 (black). The very last plain one is a digit. */
static struct file make_file(const struct kind *kind, uint32_t width, uint32_t height, uint32_t maxval,
                             uint16_t *samples) {
    struct file file = make_header(kind, width, height, maxval);
    size_t row_count = (size_t)width * kind->channels, count = row_count * height;
    char text[20];
    for (size_t i = 0; i < count; i++)
        samples[i] = (uint16_t)random_below(maxval + 1);
    if (kind->digit <= '3')
        samples[count - 1] = (uint16_t)(samples[count - 1] % 2);
    for (size_t i = 0; i < count; i++) {
        if (kind->digit == '1') {
            snprintf(text, sizeof text, "%u%s", samples[i], random_below(3) || i + 1 == count ? "" : " \n");
            file_text(&file, text);
        } else if (kind->digit <= '3') {
            snprintf(text, sizeof text, "%s%u", i == 0 ? "" : i % 17 ? " " : "\n", samples[i]);
            file_text(&file, text);
        } else if (kind->digit == '4') {
            if (i % width % 8 == 0)
                file_byte(&file, 0);
            file.bytes[file.nbytes - 1] |= (uint8_t)(samples[i] << (7 - i % width % 8));
        } else {
            if (maxval > 255)
                file_byte(&file, samples[i] >> 8);
            file_byte(&file, samples[i]);
        }
    }
    return file;
}

static void check_samples(const struct picture *picture, const struct kind *kind, const uint16_t *samples) {
    size_t count = (size_t)picture->image.width * picture->image.height * kind->channels;
    for (size_t i = 0; i < count; i++) {
        uint32_t want = is_bitmap(kind) ? (samples[i] ? 0 : 255) : samples[i];
        uint16_t wide = 0;
        if (picture->image.maxval > 255)
            memcpy(&wide, picture->rows + 2 * i, 2);
        assert_int_equal(picture->image.maxval > 255 ? wide : picture->rows[i], want);
    }
}

static void every_kind_is_exact(void **unused) {
    (void)unused;
    static const uint32_t maxvals[] = {1, 7, 200, 255, 256, 1023, 4095, 65535}, widths[] = {1, 7, 8, 9, 33};
    for (size_t k = 0; k < KIND_COUNT; k++) {
        for (size_t m = 0; m < (is_bitmap(&kinds[k]) ? 1 : 8); m++) {
            for (size_t w = 0; w < 5; w++) {
                uint32_t width = widths[w], height = 1 + random_below(9);
                uint16_t samples[33 * 9 * 4];
                struct file file = make_file(&kinds[k], width, height, maxvals[m], samples);
                struct picture picture = read_every_way(&file);
                assert_int_equal(picture.status, R2G_OK);
                assert_int_equal(picture.image.width, width);
                assert_int_equal(picture.image.height, height);
                assert_int_equal(picture.image.layout, kinds[k].layout);
                assert_int_equal(picture.image.maxval, is_bitmap(&kinds[k]) ? 255 : maxvals[m]);
                assert_int_equal(picture.image.random_access, kinds[k].digit > '3');
                check_samples(&picture, &kinds[k], samples);
                picture_free(&picture);
                free(file.bytes);
            }
        }
    }
}

static void cut_anywhere_is_an_error(void **unused) {
    (void)unused;
    uint16_t samples[5 * 3 * 4];
    for (size_t k = 0; k < KIND_COUNT; k++) {
        struct file file = make_file(&kinds[k], 5, 3, is_bitmap(&kinds[k]) ? 1 : 300, samples);
        for (size_t nbytes = 0; nbytes < file.nbytes; nbytes++) {
            struct picture picture = read_picture(file.bytes, nbytes);
            assert_int_equal(picture.status, nbytes < 3 ? R2G_EFORMAT : R2G_ECORRUPT);
            picture_free(&picture);
        }
        struct picture whole = read_picture(file.bytes, file.nbytes);
        assert_int_equal(whole.status, R2G_OK);
        picture_free(&whole);
        free(file.bytes);
    }
}

static void headers_are_read_as_netpbm_does(void **unused) {
    (void)unused;
    static const struct {
        const char *text;
        r2g_status status;
        uint32_t width, height, maxval;
    } cases[] = {
        {"P5 2 1 255 ab", R2G_OK, 2, 1, 255},
        {"P5\n#c\n2#c\n1\r\n255\nab", R2G_OK, 2, 1, 255},
        {"P5#c\n2 1 255#c\nab", R2G_OK, 2, 1, 255}, /* a comment ends the last number, its line's end the header */
        {"P5\t\r\n 0002 0001 00255\tab", R2G_OK, 2, 1, 255},
        {"P5 12#3\n 1 255 abcdefghijkl", R2G_OK, 12, 1, 255}, /* a comment is white space, also inside a number */
        {"P2 2 1 9 #c\n 1#c\n9", R2G_OK, 2, 1, 9},
        {"P2 2 1 9 1 9 and more", R2G_OK, 2, 1, 9},
        {"P2 2 1 9 1 9x", R2G_ECORRUPT, 0, 0, 0},
        {"P2 2 1 9 1 10", R2G_ECORRUPT, 0, 0, 0},
        {"P2 2 1 9 1 99999999999999999999999999", R2G_ECORRUPT, 0, 0, 0},
        {"P2 2 1 9 1 000000000000000000000000009", R2G_OK, 2, 1, 9},
        {"P2 2 1 9 1 -1", R2G_ECORRUPT, 0, 0, 0},
        {"P2 2 1 9 x 1", R2G_ECORRUPT, 0, 0, 0},
        {"P1 3 1 1#0\n0 1", R2G_OK, 3, 1, 255},
        {"P1 3 1 012", R2G_ECORRUPT, 0, 0, 0},
        {"P5 0 1 255 a", R2G_ECORRUPT, 0, 0, 0},
        {"P5 1 0 255 a", R2G_ECORRUPT, 0, 0, 0},
        {"P5 1 1 0 a", R2G_ECORRUPT, 0, 0, 0},
        {"P5 1 1 65536 aa", R2G_ECORRUPT, 0, 0, 0},
        {"P5 -1 1 255 a", R2G_ECORRUPT, 0, 0, 0},
        {"P5 1 1 255a", R2G_ECORRUPT, 0, 0, 0},
        {"P5 1.0 1 255 a", R2G_ECORRUPT, 0, 0, 0},
        {"P5 4294967296 1 255 a", R2G_ELIMIT, 0, 0, 0},
        {"P5 1 99999999999999999999999999999999999999 255 a", R2G_ELIMIT, 0, 0, 0},
        {"P6 4294967295 4294967295 65535 a", R2G_ECORRUPT, 0, 0, 0},
        {"P4 4294967295 4294967295 a", R2G_ECORRUPT, 0, 0, 0},
        {"P1 4294967295 4294967295 1", R2G_ECORRUPT, 0, 0, 0},
        {"P3 4294967295 4294967295 1 1", R2G_ECORRUPT, 0, 0, 0},
        {"P5", R2G_EFORMAT, 0, 0, 0},
        {"P5x1 1 255 a", R2G_EFORMAT, 0, 0, 0},
        {"P8 1 1 255 a", R2G_EFORMAT, 0, 0, 0},
        {"Pf\n1 1\n-1.0\nabcd", R2G_EFORMAT, 0, 0, 0},
        {"PF\n1 1\n-1.0\nabcdabcdabcd", R2G_EFORMAT, 0, 0, 0},
        {"P7 332\n#IMGINFO:1x1\n#END_OF_COMMENTS\n1 1 255\na", R2G_EFORMAT, 0, 0, 0},
        {"P7\n\n# c\n  WIDTH\t 2 \r\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR\nab", R2G_OK, 2, 1, 255},
        {"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nENDHDR\nab", R2G_ECORRUPT, 0, 0, 0},
        {"P7\nWIDTH 2\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR\nab", R2G_ECORRUPT, 0, 0, 0},
        {"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nCOLOUR\nENDHDR\nab", R2G_ECORRUPT, 0, 0, 0},
        {"P7\nWIDTH 2x\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR\nab", R2G_ECORRUPT, 0, 0, 0},
        {"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 5\nMAXVAL 255\nENDHDR\nabcde", R2G_EFORMAT, 0, 0, 0},
        {"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE CMYK\nENDHDR\nabcd", R2G_EFORMAT, 0, 0, 0},
        {"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nTUPLTYPE X\nENDHDR\nabc", R2G_EFORMAT, 0, 0, 0},
        {"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\nabc", R2G_ECORRUPT, 0, 0, 0},
        {"P7\nWIDTH 4294967296\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR\na", R2G_ELIMIT, 0, 0, 0},
        {"P7 \nWIDTH 1\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR \na", R2G_OK, 1, 1, 255},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct picture picture = read_picture(cases[i].text, strlen(cases[i].text));
        if (picture.status != cases[i].status)
            fail_msg("\"%s\": status %d (%s)", cases[i].text, picture.status, picture.error.text);
        if (picture.status == R2G_OK) {
            assert_int_equal(picture.image.width, cases[i].width);
            assert_int_equal(picture.image.height, cases[i].height);
            assert_int_equal(picture.image.maxval, cases[i].maxval);
        }
        picture_free(&picture);
    }
}

static void messages_name_the_format(void **unused) {
    (void)unused;
    struct picture pfm = read_picture("Pf\n1 1\n-1.0\nabcd", 16);
    assert_non_null(strstr(pfm.error.text, "PFM"));
    struct picture xv = read_picture("P7 332\n1 1 255\na", 16);
    assert_non_null(strstr(xv.error.text, "XV thumbnail"));
    struct picture cut = read_picture("P5 9 9 255 abcd", 15);
    assert_string_equal(cut.error.text, "file ends early: 15 bytes of 92");
    struct picture one_short = read_picture("P6 2 1 255 abcde", 16);
    assert_string_equal(one_short.error.text, "file ends early: 16 bytes of 17");
}

static void comments_become_texts(void **unused) {
    (void)unused;
    const char *text = "P5\n#  one \n2 # \xC3\xA9t\xC3\xA9\n1\n# \xE9t\xE9 \x01\n#\n255\nab";
    struct picture picture = read_picture(text, strlen(text));
    assert_int_equal(picture.status, R2G_OK);
    assert_int_equal(picture.metadata.text_count, 3);
    assert_string_equal(picture.metadata.texts[0].key, "Comment");
    assert_string_equal(picture.metadata.texts[0].value, "one");
    assert_string_equal(picture.metadata.texts[1].value, "\xC3\xA9t\xC3\xA9");
    assert_string_equal(picture.metadata.texts[2].value, "\xC3\xA9t\xC3\xA9  ");
    picture_free(&picture);
}

static void headers_are_bounded(void **unused) {
    (void)unused;
    struct file file = {0}, endless = {0};
    file_text(&file, "P5\n");
    for (int i = 0; i < 1000; i++)
        file_text(&file,
                  "# 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567\n");
    file_text(&file, "1 1 255\na");
    struct picture picture = read_picture(file.bytes, file.nbytes);
    assert_int_equal(picture.status, R2G_OK);
    assert_int_equal(picture.metadata.text_count, 256);
    assert_true(strstr(picture.metadata.ignored, "comments"));
    picture_free(&picture);
    file_text(&endless, "P5 ");
    while (endless.nbytes < (2u << 20))
        file_text(&endless, "                                                                ");
    picture = read_picture(endless.bytes, endless.nbytes);
    assert_int_equal(picture.status, R2G_ECORRUPT);
    assert_non_null(strstr(picture.error.text, "1 MiB"));
    endless.bytes[2] = '#'; /* one long comment, of which no more than a share is kept */
    picture = read_picture(endless.bytes, endless.nbytes);
    assert_int_equal(picture.status, R2G_ECORRUPT);
    free(file.bytes);
    free(endless.bytes);
}

static void what_follows_is_noted(void **unused) {
    (void)unused;
    struct picture picture = read_picture("P5 1 1 255 aP5 1 1 255 b", 24);
    assert_int_equal(picture.status, R2G_OK);
    assert_string_equal(picture.image.note, "more than one picture in the file: the first is taken");
    picture_free(&picture);
    picture = read_picture("P5 1 1 255 abc", 14);
    assert_string_equal(picture.image.note, "2 more bytes after the picture");
    picture_free(&picture);
}

static void plain_files_are_read_in_order(void **unused) {
    (void)unused;
    struct r2g_source source = source_of("P2 1 2 9 1 2", 12);
    struct r2g_budget budget = {0};
    struct r2g_read_options options = {.budget = &budget};
    struct r2g_reader *reader;
    assert_int_equal(r2g_reader_open(&reader, &source, &options, NULL), R2G_OK);
    uint8_t row;
    assert_int_equal(reader->codec->read_rows(reader, 1, 1, &row, 1, NULL), R2G_EINTERNAL);
    assert_int_equal(reader->codec->read_rows(reader, 0, 1, &row, 1, NULL), R2G_OK);
    assert_int_equal(row, 1);
    r2g_reader_close(reader);
    close(source.fd);
}

/* The corpus holds the same pictures in several codings, made by others. */
static void corpus_twins_agree(void **unused) {
    (void)unused;
    static const char *const twins[][2] = {
        {"pnm/pillow__images__hopper_8bit.pgm", "pnm/pillow__images__hopper_8bit_plain.pgm"},
        {"pnm/pillow__images__hopper_8bit.ppm", "pnm/pillow__images__hopper_8bit_plain.ppm"},
        {"pnm/pillow__images__hopper_1bit.pbm", "pnm/pillow__images__hopper_1bit_plain.pbm"},
        {"pnm/pillow__images__hopper_16bit.pgm", "pnm/pillow__images__hopper_16bit_plain.pgm"},
    };
    for (size_t i = 0; i < sizeof twins / sizeof twins[0]; i++) {
        struct file files[2];
        if (!corpus_file(twins[i][0], &files[0]) || !corpus_file(twins[i][1], &files[1]))
            return;
        struct picture one = read_every_way(&files[0]), other = read_every_way(&files[1]);
        assert_int_equal(one.status, R2G_OK);
        assert_int_equal(other.status, R2G_OK);
        assert_int_equal(one.nbytes, other.nbytes);
        assert_memory_equal(one.rows, other.rows, one.nbytes);
        for (int j = 0; j < 2; j++)
            free(files[j].bytes);
        picture_free(&one);
        picture_free(&other);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_exact),
        cmocka_unit_test(cut_anywhere_is_an_error),
        cmocka_unit_test(headers_are_read_as_netpbm_does),
        cmocka_unit_test(messages_name_the_format),
        cmocka_unit_test(comments_become_texts),
        cmocka_unit_test(headers_are_bounded),
        cmocka_unit_test(what_follows_is_noted),
        cmocka_unit_test(plain_files_are_read_in_order),
        cmocka_unit_test(corpus_twins_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
