/* Sizes of samples and rows, and metadata that are freed once and whole. */
#include <rgb2gray/image.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void sizes_and_layouts(void **state) {
    (void)state;
    static const struct {
        enum r2g_layout layout;
        unsigned channels;
        bool alpha;
    } layouts[] = {{R2G_LAYOUT_GRAY, 1, false}, {R2G_LAYOUT_GRAYA, 2, true}, {R2G_LAYOUT_RGB, 3, false},
                   {R2G_LAYOUT_RGBA, 4, true},  {R2G_LAYOUT_BGR, 3, false},  {R2G_LAYOUT_BGRA, 4, true}};
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        assert_int_equal(r2g_layout_channels(layouts[i].layout), layouts[i].channels);
        assert_int_equal(r2g_layout_has_alpha(layouts[i].layout), layouts[i].alpha);
        struct r2g_image image = {.width = UINT32_MAX, .layout = layouts[i].layout, .maxval = 255};
        assert_int_equal(r2g_image_sample_nbytes(&image), 1);
        assert_true(r2g_image_row_nbytes(&image) == UINT64_C(0xffffffff) * layouts[i].channels);
        image.maxval = 256;
        assert_int_equal(r2g_image_sample_nbytes(&image), 2);
        assert_true(r2g_image_row_nbytes(&image) == UINT64_C(0xffffffff) * layouts[i].channels * 2);
    }
}

/* Freed metadata are as new, and may be freed again. */
static void metadata_life(void **state) {
    (void)state;
    struct r2g_metadata metadata;
    r2g_metadata_init(&metadata);
    assert_int_equal(metadata.srgb_intent, -1);
    assert_null(metadata.icc.bytes);
    metadata.icc = (struct r2g_blob){malloc(3), 3};
    metadata.exif = (struct r2g_blob){malloc(4), 4};
    metadata.xmp = (struct r2g_blob){malloc(5), 5};
    metadata.texts = calloc(2, sizeof *metadata.texts);
    metadata.texts[0] = (struct r2g_text){strdup("Comment"), strdup("none")};
    metadata.text_count = 2; /* the second one's memory was refused */
    r2g_metadata_free(&metadata);
    assert_null(metadata.icc.bytes);
    assert_null(metadata.texts);
    assert_int_equal(metadata.text_count, 0);
    assert_int_equal(metadata.srgb_intent, -1);
    r2g_metadata_free(&metadata);
    r2g_metadata_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_layouts),
        cmocka_unit_test(metadata_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
