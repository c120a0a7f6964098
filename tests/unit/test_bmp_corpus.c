/* The bmpsuite pictures: the good ones show what they should (many are the same picture in other codings), the
 * questionable ones as others show them, and the bad ones fail cleanly or decode. */
#include "test_rows_support.h"

static bool open_corpus(const char *name, struct picture *picture) {
    char path[200];
    struct file file;
    snprintf(path, sizeof path, "bmp/%s.bmp", name);
    if (!corpus_file(path, &file))
        return false;
    *picture = read_every_way(&file);
    free(file.bytes);
    return true;
}

/* Gray or colour, as blue, green, red: alpha aside. */
static uint8_t *colours(const struct picture *picture) {
    unsigned channels = r2g_layout_channels(picture->image.layout);
    size_t count = (size_t)picture->image.width * picture->image.height;
    uint8_t *bgr = malloc(count * 3);
    assert_non_null(bgr);
    for (size_t i = 0; i < count; i++)
        for (unsigned c = 0; c < 3; c++)
            bgr[3 * i + c] = picture->rows[i * channels + (channels < 3 ? 0 : c)];
    return bgr;
}

/* All of them show the same as the first. */
static void check_same(const char *const *names) {
    struct picture first, other;
    if (!open_corpus(names[0], &first))
        return;
    assert_int_equal(first.status, R2G_OK);
    uint8_t *want = colours(&first);
    for (names++; *names; names++) {
        if (!open_corpus(*names, &other))
            continue;
        if (other.status != R2G_OK)
            fail_msg("%s: %s", *names, other.error.text);
        assert_int_equal(other.image.width, first.image.width);
        assert_int_equal(other.image.height, first.image.height);
        uint8_t *got = colours(&other);
        if (memcmp(got, want, (size_t)first.image.width * first.image.height * 3) != 0)
            fail_msg("%s differs from what it should show", *names);
        free(got);
        picture_free(&other);
    }
    free(want);
    picture_free(&first);
}

static void same_pictures_in_other_codings_agree(void **unused) {
    (void)unused;
    static const char *const palette8[] = {"bmpsuite__g__pal8",
                                           "bmpsuite__g__pal8-0",
                                           "bmpsuite__g__pal8os2",
                                           "bmpsuite__g__pal8rle",
                                           "bmpsuite__g__pal8topdown",
                                           "bmpsuite__g__pal8v5",
                                           "bmpsuite__q__pal8offs",
                                           "bmpsuite__q__pal8os2sp",
                                           "bmpsuite__q__pal8os2v2",
                                           "bmpsuite__q__pal8os2v2-16",
                                           "bmpsuite__q__pal8oversizepal",
                                           "bmpsuite__b__rletopdown",
                                           "imgrs__images__bmp__images__pal8os2-sz",
                                           "zune__bmp__pal8os2v2-40sz",
                                           NULL};
    static const char *const palette4[] = {"bmpsuite__g__pal4", "bmpsuite__g__pal4rle", NULL};
    static const char *const palette1[] = {"bmpsuite__g__pal1",
                                           "bmpsuite__b__badbitssize",
                                           "bmpsuite__b__baddens1",
                                           "bmpsuite__b__baddens2",
                                           "bmpsuite__b__badfilesize",
                                           "bmpsuite__b__badplanes",
                                           NULL};
    static const char *const rgb16[] = {"bmpsuite__g__rgb16", "zune__bmp__rgb16bfdef", NULL};
    static const char *const rgb24[] = {
        "bmpsuite__g__rgb24",    "bmpsuite__g__rgb24pal",       "bmpsuite__q__rgb24largepal", "bmpsuite__q__rgb24lprof",
        "bmpsuite__q__rgb32h52", "bmpsuite__q__rgb32fakealpha", "zune__bmp__rgb32bfdef",      NULL};
    const char *const *const groups[] = {palette8, palette4, palette1, rgb16, rgb24};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        check_same(groups[i]);
}

static void good_pictures_all_decode(void **unused) {
    (void)unused;
    static const char *const names[] = {
        "pal1",        "pal1bg", "pal4",     "pal4rle",  "pal8-0",       "pal8",  "pal8nonsquare", "pal8os2", "pal8rle",
        "pal8topdown", "pal8v5", "pal8w125", "pal8w126", "rgb16-565pal", "rgb16", "rgb24",         "rgb24pal"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[100];
        struct picture picture;
        snprintf(name, sizeof name, "bmpsuite__g__%s", names[i]);
        if (!open_corpus(name, &picture))
            continue;
        assert_int_equal(picture.status, R2G_OK);
        picture_free(&picture);
    }
}

static void what_is_not_supported_is_said(void **unused) {
    (void)unused;
    static const struct {
        const char *name;
        r2g_status status;
        const char *word;
    } cases[] = {
        {"bmpsuite__b__badbitcount", R2G_ECORRUPT, "30000 bits"},
        {"bmpsuite__b__badheadersize", R2G_EFORMAT, "66 bytes"},
        {"bmpsuite__b__reallybig", R2G_ECORRUPT, "ends early"},
        {"bmpsuite__b__shortfile", R2G_ECORRUPT, "ends early"},
        {"bmpsuite__q__rgb24jpeg", R2G_EFORMAT, "JPEG"},
        {"bmpsuite__q__rgb24png", R2G_EFORMAT, "PNG"},
        {"imgrs__images__bmp__images__rgb24rle24", R2G_EFORMAT, "RLE24"},
        {"zune__bmp__pal1huffmsb", R2G_EFORMAT, "Huffman"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct picture picture;
        if (!open_corpus(cases[i].name, &picture))
            continue;
        assert_int_equal(picture.status, cases[i].status);
        assert_non_null(strstr(picture.error.text, cases[i].word));
        picture_free(&picture);
    }
}

static void alpha_is_found_where_a_mask_gives_it(void **unused) {
    (void)unused;
    static const struct {
        const char *name;
        enum r2g_layout layout;
    } cases[] = {
        {"bmpsuite__q__rgba16-4444", R2G_LAYOUT_BGRA}, {"bmpsuite__q__rgba32abf", R2G_LAYOUT_BGRA},
        {"bmpsuite__q__rgba32h56", R2G_LAYOUT_BGRA},   {"bmpsuite__q__rgb32fakealpha", R2G_LAYOUT_BGR},
        {"bmpsuite__g__rgb24", R2G_LAYOUT_BGR},        {"zune__bmp__pal8gs", R2G_LAYOUT_GRAY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct picture picture;
        if (!open_corpus(cases[i].name, &picture))
            continue;
        assert_int_equal(picture.status, R2G_OK);
        assert_int_equal(picture.image.layout, cases[i].layout);
        picture_free(&picture);
    }
}

/* Pixels that a run-length coded picture leaves out have the colour of palette entry 0. */
static void left_out_pixels_have_index_0(void **unused) {
    (void)unused;
    struct picture picture;
    if (!open_corpus("bmpsuite__q__pal8rletrns", &picture))
        return;
    assert_int_equal(picture.status, R2G_OK);
    size_t count = (size_t)picture.image.width * picture.image.height, left_out = 0;
    for (size_t i = 0; i < count; i++)
        left_out += memcmp(picture.rows + 3 * i, "\xFF\x00\x80", 3) == 0; /* entry 0, blue first */
    assert_int_equal(left_out, 416);
    picture_free(&picture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_pictures_in_other_codings_agree), cmocka_unit_test(good_pictures_all_decode),
        cmocka_unit_test(what_is_not_supported_is_said),        cmocka_unit_test(alpha_is_found_where_a_mask_gives_it),
        cmocka_unit_test(left_out_pixels_have_index_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
