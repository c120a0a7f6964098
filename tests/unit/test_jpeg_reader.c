/* The JPEG reader delivers exactly libjpeg's pixels, as gray or as colour; damage never passes for a picture; kinds of
 * JPEG it does not know are refused in words; metadata is read; memory limits hold. */
#include "test_jpeg_support.h"

#include <dirent.h>
#include <strings.h>

struct outcome {
    r2g_status status;
    struct r2g_error err;
    struct r2g_image image;
    uint8_t *samples;
    uint64_t peak_nbytes; /* counted in the budget while open */
    bool opened;
};

/* Opens and reads everything, `rows_a_call` at a time. */
static struct outcome read_all(const uint8_t *bytes, size_t nbytes, bool own_luma, uint32_t rows_a_call,
                               uint64_t limit_nbytes) {
    struct outcome outcome = {0};
    struct r2g_source source = memory_source(bytes, nbytes);
    struct r2g_budget budget = {.limit_nbytes = limit_nbytes};
    struct r2g_read_options options = {.budget = &budget, .own_luma = own_luma, .max_pixels = 40000000};
    struct r2g_reader *reader = NULL;
    outcome.status = r2g_codec_jpeg.open(&reader, &source, &options, &outcome.err);
    if (outcome.status == R2G_OK) {
        outcome.opened = true;
        outcome.peak_nbytes = budget.used_nbytes;
        size_t stride = r2g_image_row_nbytes(&reader->image);
        outcome.samples = calloc(reader->image.height, stride);
        for (uint32_t y = 0; y < reader->image.height && outcome.status == R2G_OK; y += rows_a_call) {
            uint32_t count = reader->image.height - y < rows_a_call ? reader->image.height - y : rows_a_call;
            outcome.status =
                r2g_codec_jpeg.read_rows(reader, y, count, outcome.samples + y * stride, stride, &outcome.err);
        }
        outcome.image = reader->image;
        r2g_codec_jpeg.close(reader);
    } else {
        assert_null(reader);
    }
    assert_int_equal(budget.used_nbytes, 0);
    assert_int_equal(outcome.status, outcome.err.status);
    if (outcome.status != R2G_OK)
        assert_true(outcome.err.text[0] != '\0');
    memory_source_close(&source);
    return outcome;
}

/* CMYK as the reader's documentation says. */
static void to_rgb(struct direct_picture *picture) {
    size_t pixel_count = (size_t)picture->width * picture->height;
    for (size_t i = 0; i < pixel_count; i++) {
        const uint8_t *p = picture->samples + 4 * i;
        double k = picture->adobe ? p[3] : 255 - p[3];
        uint8_t rgb[3];
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)((picture->adobe ? p[c] : 255 - p[c]) * k / 255 + 0.5);
        memcpy(picture->samples + 3 * i, rgb, 3);
    }
    picture->channels = 3;
}

/* Compares with libjpeg; 1 if the pixels were compared, 0 if both sides refused. */
static int check_same(const uint8_t *bytes, size_t nbytes, bool own_luma, uint32_t rows_a_call) {
    struct outcome got = read_all(bytes, nbytes, own_luma, rows_a_call, 0);
    struct direct_picture want = direct_decode(bytes, nbytes, false);
    if (own_luma && want.samples != NULL && want.space == JCS_YCbCr) {
        free(want.samples);
        want = direct_decode(bytes, nbytes, true);
    }
    if (want.samples != NULL && want.channels == 4)
        to_rgb(&want);
    if (got.status == R2G_OK) {
        assert_non_null(want.samples);
        assert_int_equal(got.image.width, want.width);
        assert_int_equal(got.image.height, want.height);
        assert_int_equal(r2g_layout_channels(got.image.layout), want.channels);
        assert_int_equal(got.image.own_luma, own_luma && want.space == JCS_YCbCr);
        assert_memory_equal(got.samples, want.samples, (size_t)want.width * want.height * want.channels);
    }
    free(got.samples);
    free(want.samples);
    return got.status == R2G_OK;
}

static void every_kind_equals_libjpeg(void **state) {
    (void)state;
    static const struct {
        struct direct_settings settings;
        const char *colour, *coding;
    } kinds[] = {
        {{JCS_GRAYSCALE, JCS_GRAYSCALE, 90, {0}, {0}, 0, 0, 0, 0}, "gray", "baseline"},
        {{JCS_GRAYSCALE, JCS_GRAYSCALE, 90, {0}, {0}, 1, 0, 0, 0}, "gray", "progressive"},
        {{JCS_RGB, JCS_YCbCr, 90, {1, 1, 1}, {1, 1, 1}, 0, 0, 0, 0}, "YCbCr 4:4:4", "baseline"},
        {{JCS_RGB, JCS_YCbCr, 90, {2, 1, 1}, {1, 1, 1}, 0, 0, 0, 3}, "YCbCr 4:2:2", "baseline, restart interval 3"},
        {{JCS_RGB, JCS_YCbCr, 90, {2, 1, 1}, {2, 1, 1}, 0, 0, 0, 0}, "YCbCr 4:2:0", "baseline"},
        {{JCS_RGB, JCS_YCbCr, 90, {4, 1, 1}, {1, 1, 1}, 0, 0, 0, 0}, "YCbCr 4:1:1", "baseline"},
        {{JCS_RGB, JCS_YCbCr, 90, {1, 1, 1}, {2, 1, 1}, 0, 0, 0, 0}, "YCbCr 4:4:0", "baseline"},
        {{JCS_RGB, JCS_YCbCr, 90, {4, 1, 1}, {2, 1, 1}, 0, 0, 0, 0}, "YCbCr 4:1:0", "baseline"},
        {{JCS_RGB, JCS_YCbCr, 90, {2, 2, 1}, {2, 1, 2}, 0, 0, 0, 0}, "YCbCr 2x2,2x1,1x2", "baseline"},
        {{JCS_RGB, JCS_YCbCr, 90, {1, 2, 2}, {1, 2, 2}, 0, 0, 0, 0}, "YCbCr 1x1,2x2,2x2", "baseline"},
        {{JCS_RGB, JCS_YCbCr, 90, {2, 1, 1}, {2, 1, 1}, 1, 0, 0, 0}, "YCbCr 4:2:0", "progressive"},
        {{JCS_RGB, JCS_YCbCr, 90, {2, 1, 1}, {2, 1, 1}, 0, 0, 1, 0}, "YCbCr 4:2:0", "baseline"},
        {{JCS_RGB, JCS_YCbCr, 90, {2, 1, 1}, {2, 1, 1}, 0, 1, 0, 0}, "YCbCr 4:2:0", "arithmetic"},
        {{JCS_RGB, JCS_YCbCr, 90, {2, 1, 1}, {2, 1, 1}, 1, 1, 0, 0}, "YCbCr 4:2:0", "arithmetic, progressive"},
        {{JCS_RGB, JCS_RGB, 90, {0}, {0}, 0, 0, 0, 0}, "RGB", "baseline"},
        {{JCS_CMYK, JCS_CMYK, 90, {0}, {0}, 0, 0, 0, 0}, "CMYK (Adobe, inverted)", "baseline"},
        {{JCS_CMYK, JCS_YCCK, 90, {0}, {0}, 0, 0, 0, 0}, "YCCK (Adobe, inverted)", "baseline"},
        {{JCS_CMYK, JCS_YCCK, 90, {0}, {0}, 1, 0, 0, 0}, "YCCK (Adobe, inverted)", "progressive"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct direct_settings *settings = &kinds[i].settings;
        uint32_t channels = settings->samples == JCS_GRAYSCALE ? 1 : settings->samples == JCS_RGB ? 3 : 4;
        uint8_t *samples = make_samples(213, 101, channels);
        struct bytes file = direct_encode(samples, 213, 101, settings);
        assert_true(check_same(file.bytes, file.nbytes, false, 1));
        assert_true(check_same(file.bytes, file.nbytes, true, 37));
        assert_true(check_same(file.bytes, file.nbytes, false, 101));
        struct outcome outcome = read_all(file.bytes, file.nbytes, false, 101, 0);
        assert_string_equal(outcome.image.colour, kinds[i].colour);
        assert_string_equal(outcome.image.coding, kinds[i].coding);
        assert_string_equal(outcome.image.note, "");
        assert_int_equal(outcome.image.whole_nbytes > 0, settings->progressive || settings->non_interleaved);
        free(outcome.samples);
        free(file.bytes);
        free(samples);
    }
}

static struct bytes load(const char *path) {
    struct bytes file = {0};
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    fseek(stream, 0, SEEK_END);
    file.nbytes = (size_t)ftell(stream);
    rewind(stream);
    file.bytes = malloc(file.nbytes + 1);
    assert_int_equal(fread(file.bytes, 1, file.nbytes, stream), file.nbytes);
    fclose(stream);
    return file;
}

/* Sanitized code is several times slower; the plain build reads every file, and fuzz.jpeg does under the sanitizers. */
#ifdef __SANITIZE_ADDRESS__
#define SLOWNESS 4
#else
#define SLOWNESS 1
#endif

/* Every file of a corpus folder: libjpeg's pixels, or refused; and refused only where libjpeg finds fault too or the
 * kind is a known one. */
static void check_folder(const char *corpus, const char *folder) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", corpus, folder);
    DIR *listing = opendir(path);
    if (listing == NULL) {
        print_message("corpus folder %s is absent: only pictures made here were tested\n", path);
        return;
    }
    int same_count = 0, refused_count = 0;
    unsigned number = 0;
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || (strcasecmp(dot, ".jpg") != 0 && strcasecmp(dot, ".jpeg") != 0))
            continue;
        if (number++ % SLOWNESS != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s/%s", corpus, folder, entry->d_name);
        struct bytes file = load(path);
        int same = check_same(file.bytes, file.nbytes, false, 64);
        assert_int_equal(check_same(file.bytes, file.nbytes, true, 64), same);
        struct direct_picture direct = {0};
        if (!same)
            direct = direct_decode(file.bytes, file.nbytes, false);
        if (direct.samples != NULL && direct.warning_count == 0) {
            struct outcome outcome = read_all(file.bytes, file.nbytes, false, 64, 0);
            print_message("refused though libjpeg is content: %s: %s\n", entry->d_name, outcome.err.text);
            assert_true(outcome.status == R2G_EFORMAT || outcome.status == R2G_ECORRUPT);
            free(outcome.samples);
        }
        free(direct.samples);
        free(file.bytes);
        same_count += same;
        refused_count += !same;
    }
    closedir(listing);
    print_message("%s: %d files equal to libjpeg, %d refused\n", folder, same_count, refused_count);
    assert_true(same_count > 0);
}

static void corpus_equals_libjpeg(void **state) {
    (void)state;
    const char *corpus = getenv("RGB2GRAY_CORPUS");
    if (corpus == NULL)
        corpus = "../shared/corpus";
    check_folder(corpus, "jpeg");
    check_folder(corpus, "medical");
}

static void truncation_is_damage(void **state) {
    (void)state;
    static const struct direct_settings kinds[] = {
        {JCS_RGB, JCS_YCbCr, 75, {2, 1, 1}, {2, 1, 1}, 0, 0, 0, 0},
        {JCS_RGB, JCS_YCbCr, 75, {2, 1, 1}, {2, 1, 1}, 0, 0, 0, 2},
        {JCS_RGB, JCS_YCbCr, 75, {2, 1, 1}, {2, 1, 1}, 1, 0, 0, 0},
        {JCS_RGB, JCS_YCbCr, 75, {2, 1, 1}, {2, 1, 1}, 0, 0, 1, 0},
        {JCS_RGB, JCS_YCbCr, 75, {2, 1, 1}, {2, 1, 1}, 0, 1, 0, 0},
        {JCS_RGB, JCS_YCbCr, 75, {2, 1, 1}, {2, 1, 1}, 1, 1, 0, 0},
        {JCS_GRAYSCALE, JCS_GRAYSCALE, 75, {0}, {0}, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        uint8_t *samples = make_samples(50, 35, 3);
        struct bytes file = direct_encode(samples, 50, 35, &kinds[i]);
        for (int own_luma = 0; own_luma < 2; own_luma++) {
            struct outcome full = read_all(file.bytes, file.nbytes, own_luma, 35, 0);
            assert_int_equal(full.status, R2G_OK);
            int tolerated_count = 0;
            for (size_t nbytes = 2; nbytes < file.nbytes; nbytes++) {
                struct outcome cut = read_all(file.bytes, nbytes, own_luma, 35, 0);
                assert_true(cut.status == R2G_OK || cut.status == R2G_ECORRUPT);
                if (cut.status == R2G_OK) {
                    assert_memory_equal(cut.samples, full.samples, 35 * r2g_image_row_nbytes(&full.image));
                    assert_non_null(strstr(cut.image.note, "end marker is missing"));
                    tolerated_count++;
                }
                free(cut.samples);
            }
            assert_true(tolerated_count <= 4);
            free(full.samples);
        }
        free(file.bytes);
        free(samples);
    }
}

/* Files that differ in a byte or two from a good one. */
static void expect(const struct bytes *file, size_t offset, const char *put, size_t put_nbytes, r2g_status status,
                   const char *words) {
    struct bytes changed = {malloc(file->nbytes), file->nbytes};
    memcpy(changed.bytes, file->bytes, file->nbytes);
    memcpy(changed.bytes + offset, put, put_nbytes);
    struct outcome outcome = read_all(changed.bytes, changed.nbytes, false, 64, 0);
    assert_int_equal(outcome.status, status);
    if (strstr(outcome.err.text, words) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", outcome.err.text, words);
    free(outcome.samples);
    free(changed.bytes);
}

static size_t find_marker(const struct bytes *file, uint8_t marker) {
    for (size_t i = 2; i + 4 < file->nbytes; i += 2 + (size_t)(file->bytes[i + 2] << 8 | file->bytes[i + 3]))
        if (file->bytes[i + 1] == marker)
            return i;
    fail_msg("no marker %x", marker);
    return 0;
}

static void unknown_kinds_are_refused(void **state) {
    (void)state;
    uint8_t *samples = make_samples(64, 64, 3);
    struct bytes file =
        direct_encode(samples, 64, 64, &(struct direct_settings){JCS_RGB, JCS_YCbCr, 90, {0}, {0}, 0, 0, 0, 0});
    size_t sof = find_marker(&file, 0xC0);
    expect(&file, sof + 1, "\xC3", 1, R2G_EFORMAT, "lossless");
    expect(&file, sof + 1, "\xCB", 1, R2G_EFORMAT, "lossless");
    expect(&file, sof + 1, "\xC5", 1, R2G_EFORMAT, "hierarchical");
    expect(&file, sof + 1, "\xF7", 1, R2G_EFORMAT, "JPEG-LS");
    expect(&file, sof + 4, "\x0C", 1, R2G_EFORMAT, "12-bit JPEG is not supported by this build's libjpeg");
    expect(&file, sof + 5, "\0\0", 2, R2G_EFORMAT, "DNL");
    expect(&file, sof + 9, "\2", 1, R2G_ECORRUPT, "frame header");
    expect(&file, sof + 2, "\0\x0E\10\0\x40\0\x40\2", 8, R2G_EFORMAT, "2 components");
    expect(&file, sof + 1, "\xFE", 1, R2G_ECORRUPT, "without a frame header");
    expect(&file, sof + 5, "\0\x80", 2, R2G_ECORRUPT, "premature end of data segment");
    expect(&file, file.nbytes - 2, "\xFF\xD0", 2, R2G_OK, "");
    expect(&file, 0, "PK", 2, R2G_EFORMAT, "not a JPEG");
    free(file.bytes);
    free(samples);
}

static void damaged_bytes_are_found(void **state) {
    (void)state;
    uint8_t *samples = make_samples(64, 64, 1);
    struct bytes file = direct_encode(
        samples, 64, 64, &(struct direct_settings){JCS_GRAYSCALE, JCS_GRAYSCALE, 90, {0}, {0}, 0, 0, 0, 4});
    size_t restart = 0;
    for (size_t i = find_marker(&file, 0xDA); i + 1 < file.nbytes && restart == 0; i++)
        if (file.bytes[i] == 0xFF && file.bytes[i + 1] == 0xD2)
            restart = i;
    assert_true(restart > 0);
    expect(&file, restart + 1, "\xD3", 1, R2G_ECORRUPT, "damaged JPEG data: ");
    expect(&file, restart + 1, "\xD9", 1, R2G_ECORRUPT, "damaged JPEG data: ");
    free(file.bytes);
    free(samples);
}

/* A file with `more` put behind SOI. */
static struct bytes with_segments(const struct bytes *file, const void *more, size_t more_nbytes) {
    struct bytes longer = {malloc(file->nbytes + more_nbytes), file->nbytes + more_nbytes};
    memcpy(longer.bytes, file->bytes, 2);
    memcpy(longer.bytes + 2, more, more_nbytes);
    memcpy(longer.bytes + 2 + more_nbytes, file->bytes + 2, file->nbytes - 2);
    return longer;
}

static void metadata_is_read(void **state) {
    (void)state;
    static const char more[] = "\xFF\xFE\0\7abc\xE9\0"
                               "\xFF\xFE\0\5\xC3\xA9!"
                               "\xFF\xFE\0\2"
                               "\xFF\xE1\0\x22"
                               "Exif\0\0MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
                               "\xFF\xE1\0\x22http://ns.adobe.com/xap/1.0/\0<x>"
                               "\xFF\xE2\0\x12ICC_PROFILE\0\2\2zz"
                               "\xFF\xE2\0\x13ICC_PROFILE\0\1\2aaa"
                               "\xFF\xE2\0\6MPF\0"
                               "\xFF\xED\0\x10Photoshop 3.0\0"
                               "\xFF\xEB\0\3x\xFF\xE1\0\3x\xFF\xEB\0\3x";
    uint8_t *samples = make_samples(16, 16, 1);
    struct bytes plain = direct_encode(
        samples, 16, 16, &(struct direct_settings){JCS_GRAYSCALE, JCS_GRAYSCALE, 90, {0}, {0}, 0, 0, 0, 0});
    struct bytes file = with_segments(&plain, more, sizeof more - 1);
    struct r2g_source source = memory_source(file.bytes, file.nbytes);
    struct r2g_budget budget = {0};
    struct r2g_read_options options = {.budget = &budget};
    struct r2g_reader *reader;
    struct r2g_error err = {0};
    if (r2g_codec_jpeg.open(&reader, &source, &options, &err) != R2G_OK)
        fail_msg("%s", err.text);
    const struct r2g_metadata *got = &reader->metadata;
    assert_int_equal(got->text_count, 2);
    assert_string_equal(got->texts[0].key, "Comment");
    assert_string_equal(got->texts[0].value, "abc\xC3\xA9");
    assert_string_equal(got->texts[1].value, "\xC3\xA9!");
    assert_int_equal(got->orientation, 6);
    assert_int_equal(got->exif.nbytes, 26);
    assert_int_equal(got->xmp.nbytes, 3);
    assert_memory_equal(got->xmp.bytes, "<x>", 3);
    assert_int_equal(got->icc.nbytes, 5);
    assert_memory_equal(got->icc.bytes, "aaazz", 5);
    assert_int_equal(got->density_unit, R2G_DENSITY_ASPECT);
    assert_string_equal(got->ignored, "MPF, Photoshop (IPTC), APP11, APP1");
    r2g_codec_jpeg.close(reader);
    memory_source_close(&source);
    free(file.bytes);
    free(plain.bytes);
    free(samples);
}

static void metadata_has_a_limit(void **state) {
    (void)state;
    uint8_t *samples = make_samples(16, 16, 1);
    struct bytes plain = direct_encode(
        samples, 16, 16, &(struct direct_settings){JCS_GRAYSCALE, JCS_GRAYSCALE, 90, {0}, {0}, 0, 0, 0, 0});
    size_t count = 300, each = 2 + 65535;
    uint8_t *more = malloc(count * each);
    memset(more, 'x', count * each);
    for (size_t i = 0; i < count; i++)
        memcpy(more + i * each, "\xFF\xFE\xFF\xFF", 4);
    struct bytes file = with_segments(&plain, more, count * each);
    struct outcome outcome = read_all(file.bytes, file.nbytes, false, 16, 0);
    assert_int_equal(outcome.status, R2G_ELIMIT);
    assert_string_equal(outcome.err.text, "more than 32 MiB of metadata");
    free(file.bytes);
    free(more);
    free(plain.bytes);
    free(samples);
}

/* What is counted in the budget is enough for libjpeg, at any width, and what does not fit is refused at once. */
static void memory_is_bounded(void **state) {
    (void)state;
    static const uint32_t widths[] = {1, 100, 5000, 65500};
    static const struct direct_settings kinds[] = {
        {JCS_RGB, JCS_YCbCr, 75, {1, 1, 1}, {1, 1, 1}, 1, 0, 0, 0},
        {JCS_RGB, JCS_YCbCr, 75, {4, 1, 1}, {2, 1, 1}, 1, 0, 0, 0},
        {JCS_RGB, JCS_YCbCr, 75, {1, 1, 1}, {4, 1, 1}, 1, 0, 0, 0},
        {JCS_CMYK, JCS_YCCK, 75, {2, 1, 1, 2}, {2, 1, 1, 2}, 1, 0, 0, 0},
        {JCS_RGB, JCS_YCbCr, 75, {2, 1, 1}, {2, 1, 1}, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
            uint8_t *samples = make_samples(widths[k], 40, 4);
            struct bytes file = direct_encode(samples, widths[k], 40, &kinds[i]);
            struct outcome outcome = read_all(file.bytes, file.nbytes, false, 40, 0);
            assert_int_equal(outcome.status, R2G_OK);
            free(outcome.samples);
            uint64_t needed = outcome.peak_nbytes;
            outcome = read_all(file.bytes, file.nbytes, false, 40, needed);
            assert_int_equal(outcome.status, R2G_OK);
            free(outcome.samples);
            outcome = read_all(file.bytes, file.nbytes, false, 40, needed - 1);
            assert_int_equal(outcome.status, R2G_ELIMIT);
            assert_false(outcome.opened);
            free(file.bytes);
            free(samples);
        }
}

/* A file of several scans whose last scan is repeated: each repeat costs few bytes and a walk over all blocks. */
static void scan_bombs_are_refused(void **state) {
    (void)state;
    uint8_t *samples = calloc(64 * 64, 3);
    struct bytes file =
        direct_encode(samples, 64, 64, &(struct direct_settings){JCS_RGB, JCS_YCbCr, 90, {0}, {0}, 0, 0, 1, 0});
    size_t last = 0;
    for (size_t i = 0; i + 1 < file.nbytes; i++)
        if (file.bytes[i] == 0xFF && file.bytes[i + 1] == 0xDA)
            last = i;
    size_t scan_nbytes = file.nbytes - 2 - last;
    struct bytes bomb = {malloc(file.nbytes + 600 * scan_nbytes), file.nbytes + 600 * scan_nbytes};
    memcpy(bomb.bytes, file.bytes, file.nbytes - 2);
    for (size_t i = 0; i < 600; i++)
        memcpy(bomb.bytes + file.nbytes - 2 + i * scan_nbytes, file.bytes + last, scan_nbytes);
    memcpy(bomb.bytes + bomb.nbytes - 2, "\xFF\xD9", 2);
    struct outcome outcome = read_all(bomb.bytes, bomb.nbytes, false, 64, 0);
    assert_int_equal(outcome.status, R2G_ELIMIT);
    assert_string_equal(outcome.err.text, "more than 500 scans");
    free(outcome.samples);
    free(bomb.bytes);
    free(file.bytes);
    free(samples);
}

/* A file without Huffman tables, as frames of motion JPEG are stored, is read with the standard ones. */
static void standard_tables_stand_in(void **state) {
    (void)state;
    uint8_t *samples = make_samples(64, 64, 3);
    struct bytes file =
        direct_encode(samples, 64, 64, &(struct direct_settings){JCS_RGB, JCS_YCbCr, 90, {0}, {0}, 0, 0, 0, 0});
    struct direct_picture want = direct_decode(file.bytes, file.nbytes, false);
    size_t first = find_marker(&file, 0xC4), scan = find_marker(&file, 0xDA);
    memmove(file.bytes + first, file.bytes + scan, file.nbytes - scan);
    struct outcome outcome = read_all(file.bytes, file.nbytes - (scan - first), false, 64, 0);
    assert_int_equal(outcome.status, R2G_OK);
    assert_non_null(strstr(outcome.image.note, "no Huffman tables"));
    assert_memory_equal(outcome.samples, want.samples, 64 * 64 * 3);
    free(outcome.samples);
    free(want.samples);
    free(file.bytes);
    free(samples);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_equals_libjpeg), cmocka_unit_test(corpus_equals_libjpeg),
        cmocka_unit_test(truncation_is_damage),      cmocka_unit_test(unknown_kinds_are_refused),
        cmocka_unit_test(damaged_bytes_are_found),   cmocka_unit_test(metadata_is_read),
        cmocka_unit_test(metadata_has_a_limit),      cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(scan_bombs_are_refused),    cmocka_unit_test(standard_tables_stand_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
