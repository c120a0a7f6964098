/* What becomes of alpha, depth, orientation and metadata, as a table: picture, metadata, output format and options give
 * the fates in the report, and what the output shall carry. Nothing that was there is missing in the report. */
#include "pipeline/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/exif.h"

/* Formats that hold everything, little, and nothing at all. */
static const struct r2g_encoder rich = {.max_maxval = 65535,
                                        .alpha = true,
                                        .orientation = true,
                                        .density = true,
                                        .icc = true,
                                        .exif = true,
                                        .texts = true,
                                        .gamma = true};
static const struct r2g_encoder poor = {.max_maxval = 255};
static const struct r2g_encoder any_range = {.max_maxval = 65535, .any_maxval = true, .texts = true};

/* What a picture has beside its samples. */
enum {
    ORIENT6 = 1,
    ICC_GRAY = 2,
    ICC_RGB = 4,
    ICC_SHORT = 8,
    XMP = 16,
    EXIF = 32,
    THUMBNAIL = 64, /* in the EXIF */
    DENSITY = 128,
    GAMMA = 256,
    SRGB = 512,
    TEXTS = 1024,
    IGNORED = 2048,
    ORIENT1 = 4096,
    PROFILES = ICC_GRAY | ICC_RGB | ICC_SHORT,
    ALL = ORIENT6 | ICC_RGB | XMP | EXIF | THUMBNAIL | DENSITY | GAMMA | SRGB | TEXTS | IGNORED,
};

/* Options. */
enum { APPLY = 1, FLATTEN = 2, KEEP_EXIF = 4 };

struct rule {
    const struct r2g_encoder *encoder;
    enum r2g_layout layout;
    uint32_t maxval;
    bool own_luma;
    unsigned has, options;
    const char *fates; /* "item kind; " in the report's order */
    unsigned carries;  /* of `has` */
    bool keep_alpha;
    uint32_t out_maxval;
    unsigned applied; /* orientation applied to the pixels */
    bool method_text;
};

#define REST_KEPT "density kept; gamma kept; text kept; other dropped; "
#define REST_DROPPED "density dropped; gamma dropped; text dropped; other dropped; "
#define GONE "ICC profile dropped; XMP dropped; EXIF dropped; "

/* clang-format off */
static const struct rule rules[] = {
    /* samples alone */
    {&rich, R2G_LAYOUT_RGB,   255,   false, 0, 0, "", 0, false, 255, 1, true},
    {&rich, R2G_LAYOUT_GRAY,  255,   false, 0, 0, "", 0, false, 255, 1, false},
    {&rich, R2G_LAYOUT_GRAY,  255,   true,  0, 0, "", 0, false, 255, 1, true},
    {&rich, R2G_LAYOUT_BGRA,  255,   false, 0, 0, "alpha kept; ", 0, true, 255, 1, true},
    {&rich, R2G_LAYOUT_GRAYA, 65535, false, 0, 0, "alpha kept; ", 0, true, 65535, 1, false},
    {&rich, R2G_LAYOUT_RGBA,  255,   false, 0, FLATTEN, "alpha applied; ", 0, false, 255, 1, true},
    {&rich, R2G_LAYOUT_RGB,   255,   false, 0, FLATTEN | APPLY | KEEP_EXIF, "", 0, false, 255, 1, true},
    {&poor, R2G_LAYOUT_RGBA,  255,   false, 0, 0, "alpha applied; ", 0, false, 255, 1, false},
    {&poor, R2G_LAYOUT_RGBA,  65535, false, 0, 0, "alpha applied; depth applied; ", 0, false, 255, 1, false},
    {&poor, R2G_LAYOUT_GRAY,  256,   false, 0, 0, "depth applied; ", 0, false, 255, 1, false},
    {&poor, R2G_LAYOUT_GRAY,  1,     false, 0, 0, "range applied; ", 0, false, 255, 1, false},
    {&rich, R2G_LAYOUT_RGB,   100,   false, 0, 0, "range applied; ", 0, false, 255, 1, true},
    {&rich, R2G_LAYOUT_RGB,   1023,  false, 0, 0, "range applied; ", 0, false, 65535, 1, true},
    {&any_range, R2G_LAYOUT_RGB,  1023, false, 0, 0, "", 0, false, 1023, 1, true},
    {&any_range, R2G_LAYOUT_GRAY, 1,    false, 0, 0, "", 0, false, 1, 1, false},
    /* orientation */
    {&rich, R2G_LAYOUT_RGB, 255, false, ORIENT6, 0, "orientation kept; ", ORIENT6, false, 255, 1, true},
    {&rich, R2G_LAYOUT_RGB, 255, false, ORIENT6, APPLY, "orientation applied; ", 0, false, 255, 6, true},
    {&poor, R2G_LAYOUT_RGB, 255, false, ORIENT6, 0, "orientation applied; ", 0, false, 255, 6, false},
    {&rich, R2G_LAYOUT_RGB, 255, false, ORIENT1, APPLY, "", 0, false, 255, 1, true},
    {&poor, R2G_LAYOUT_RGB, 255, false, ORIENT1, 0, "", 0, false, 255, 1, false},
    /* profiles: only a gray one, on gray input, in a format that has them */
    {&rich, R2G_LAYOUT_GRAY,  255, false, ICC_GRAY, 0, "ICC profile kept; ", ICC_GRAY, false, 255, 1, false},
    {&rich, R2G_LAYOUT_GRAYA, 255, false, ICC_GRAY, 0, "alpha kept; ICC profile kept; ", ICC_GRAY, true, 255, 1, false},
    {&rich, R2G_LAYOUT_GRAY,  255, true,  ICC_GRAY, 0, "ICC profile dropped; ", 0, false, 255, 1, true},
    {&rich, R2G_LAYOUT_RGB,   255, false, ICC_GRAY, 0, "ICC profile dropped; ", 0, false, 255, 1, true},
    {&poor, R2G_LAYOUT_GRAY,  255, false, ICC_GRAY, 0, "ICC profile dropped; ", 0, false, 255, 1, false},
    {&rich, R2G_LAYOUT_GRAY,  255, false, ICC_RGB,  0, "ICC profile dropped; ", 0, false, 255, 1, false},
    {&rich, R2G_LAYOUT_RGB,   255, false, ICC_RGB,  0, "ICC profile dropped; ", 0, false, 255, 1, true},
    {&rich, R2G_LAYOUT_GRAY,  255, false, ICC_SHORT, 0, "ICC profile dropped; ", 0, false, 255, 1, false},
    /* EXIF and XMP */
    {&rich, R2G_LAYOUT_RGB, 255, false, XMP, KEEP_EXIF, "XMP dropped; ", 0, false, 255, 1, true},
    {&rich, R2G_LAYOUT_RGB, 255, false, EXIF, 0, "EXIF dropped; ", 0, false, 255, 1, true},
    {&rich, R2G_LAYOUT_RGB, 255, false, EXIF, KEEP_EXIF, "EXIF kept; ", EXIF, false, 255, 1, true},
    {&poor, R2G_LAYOUT_RGB, 255, false, EXIF, KEEP_EXIF, "EXIF dropped; ", 0, false, 255, 1, false},
    {&rich, R2G_LAYOUT_RGB, 255, false, EXIF | THUMBNAIL, KEEP_EXIF,
     "EXIF kept; EXIF thumbnail dropped; ", EXIF, false, 255, 1, true},
    {&rich, R2G_LAYOUT_RGB, 255, false, EXIF | ORIENT6, KEEP_EXIF | APPLY,
     "orientation applied; EXIF kept; ", EXIF, false, 255, 6, true},
    /* the rest, one by one */
    {&rich, R2G_LAYOUT_RGB, 255, false, DENSITY, 0, "density kept; ", DENSITY, false, 255, 1, true},
    {&poor, R2G_LAYOUT_RGB, 255, false, DENSITY, 0, "density dropped; ", 0, false, 255, 1, false},
    {&rich, R2G_LAYOUT_RGB, 255, false, GAMMA, 0, "gamma kept; ", GAMMA, false, 255, 1, true},
    {&rich, R2G_LAYOUT_RGB, 255, false, SRGB, 0, "gamma kept; ", SRGB, false, 255, 1, true},
    {&poor, R2G_LAYOUT_RGB, 255, false, SRGB, 0, "gamma dropped; ", 0, false, 255, 1, false},
    {&rich, R2G_LAYOUT_GRAY, 255, false, TEXTS, 0, "text kept; ", TEXTS, false, 255, 1, false},
    {&any_range, R2G_LAYOUT_RGB, 255, false, TEXTS, 0, "text kept; ", TEXTS, false, 255, 1, true},
    {&poor, R2G_LAYOUT_RGB, 255, false, TEXTS, 0, "text dropped; ", 0, false, 255, 1, false},
    {&rich, R2G_LAYOUT_RGB, 255, false, IGNORED, 0, "other dropped; ", IGNORED, false, 255, 1, true},
    /* everything at once */
    {&rich, R2G_LAYOUT_RGBA, 255, false, ALL, 0, "alpha kept; orientation kept; " GONE REST_KEPT,
     ORIENT6 | DENSITY | GAMMA | SRGB | TEXTS | IGNORED, true, 255, 1, true},
    {&rich, R2G_LAYOUT_RGBA, 255, false, ALL, KEEP_EXIF | APPLY | FLATTEN,
     "alpha applied; orientation applied; ICC profile dropped; XMP dropped; EXIF kept; EXIF thumbnail dropped; " REST_KEPT,
     EXIF | DENSITY | GAMMA | SRGB | TEXTS | IGNORED, false, 255, 6, true},
    {&poor, R2G_LAYOUT_RGBA, 65535, false, ALL, KEEP_EXIF,
     "alpha applied; depth applied; orientation applied; " GONE REST_DROPPED, IGNORED, false, 255, 6, false},
};
/* clang-format on */

static struct r2g_blob blob(const void *bytes, size_t nbytes) {
    struct r2g_blob made = {malloc(nbytes), nbytes};
    assert_non_null(made.bytes);
    memcpy(made.bytes, bytes, nbytes);
    return made;
}

static struct r2g_blob profile(const char *space, size_t nbytes) {
    uint8_t bytes[132] = {0};
    memcpy(bytes + 16, space, 4);
    return blob(bytes, nbytes);
}

/* IFD0 with the orientation and, with a thumbnail, IFD1 with the place of four bytes at the end. */
static struct r2g_blob exif(uint8_t orientation, bool thumbnail) {
    uint8_t bytes[] = {
        'I',  'I', '*',  0, 8,    0,    0,    0,                               /* IFD0 is at 8 */
        1,    0,   0x12, 1, 3,    0,    1,    0,   0, 0, orientation, 0, 0, 0, /* Orientation, SHORT */
        26,   0,   0,    0,                                                    /* IFD1 is at 26 */
        2,    0,   0x01, 2, 4,    0,    1,    0,   0, 0, 56,          0, 0, 0, /* JPEGInterchangeFormat */
        0x02, 2,   4,    0, 1,    0,    0,    0,   4, 0, 0,           0,       /* its length */
        0,    0,   0,    0, 0xFF, 0xD8, 0xFF, 0xD9};
    assert_int_equal(sizeof bytes, 60);
    if (!thumbnail)
        bytes[22] = 0;
    return blob(bytes, thumbnail ? sizeof bytes : 26);
}

static void fill(struct r2g_metadata *metadata, unsigned has) {
    r2g_metadata_init(metadata);
    metadata->orientation = has & ORIENT6 ? 6 : has & ORIENT1 ? 1 : 0;
    if (has & PROFILES)
        metadata->icc = profile(has & ICC_RGB ? "RGB " : "GRAY", has & ICC_SHORT ? 19 : 132);
    if (has & XMP)
        metadata->xmp = blob("<x/>", 4);
    if (has & EXIF)
        metadata->exif = exif(has & ORIENT6 ? 6 : 1, has & THUMBNAIL);
    if (has & DENSITY) {
        metadata->density_unit = R2G_DENSITY_PER_INCH;
        metadata->density_x = 300;
        metadata->density_y = 150;
    }
    metadata->gamma_100000 = has & GAMMA ? 45455 : 0;
    metadata->srgb_intent = has & SRGB ? 2 : -1;
    if (has & TEXTS) {
        metadata->texts = calloc(1, sizeof *metadata->texts);
        assert_non_null(metadata->texts);
        metadata->texts[0] = (struct r2g_text){strdup("Author"), strdup("nobody")};
        metadata->text_count = 1;
    }
    if (has & IGNORED)
        strcpy(metadata->ignored, "tIME, cHRM");
}

static void check_fates(const struct r2g_policy *policy, const char *wanted) {
    static const char *const kinds[] = {"kept", "applied", "dropped"};
    char text[1000] = "";
    for (unsigned i = 0; i < policy->fate_count; i++) {
        size_t used = strlen(text);
        const struct r2g_fate *fate = &policy->fates[i];
        snprintf(text + used, sizeof text - used, "%s %s; ", fate->item, kinds[fate->kind]);
        assert_true(fate->why[0] != '\0');
    }
    assert_string_equal(text, wanted);
}

/* What is left in the metadata is `carries`, and the method's text where there is one. */
static void check_carried(const struct r2g_metadata *metadata, const struct rule *rule) {
    assert_int_equal(metadata->orientation, rule->carries & ORIENT6 ? 6 : rule->has & (ORIENT6 | ORIENT1) ? 1 : 0);
    assert_int_equal(metadata->icc.bytes != NULL, (rule->carries & PROFILES) != 0);
    assert_null(metadata->xmp.bytes);
    assert_int_equal(metadata->exif.bytes != NULL, (rule->carries & EXIF) != 0);
    if (metadata->exif.bytes) {
        assert_int_equal(r2g_exif_orientation(&metadata->exif), rule->carries & ORIENT6 ? 6 : 1);
        assert_null(memmem(metadata->exif.bytes, metadata->exif.nbytes, "\xFF\xD8", 2));
    }
    assert_int_equal(metadata->density_unit, rule->carries & DENSITY ? R2G_DENSITY_PER_INCH : R2G_DENSITY_NONE);
    if (rule->carries & DENSITY) {
        assert_int_equal(metadata->density_x, rule->applied >= 5 ? 150 : 300);
        assert_int_equal(metadata->density_y, rule->applied >= 5 ? 300 : 150);
    }
    assert_int_equal(metadata->gamma_100000, rule->carries & GAMMA ? 45455 : 0);
    assert_int_equal(metadata->srgb_intent, rule->carries & SRGB ? 2 : -1);
    size_t kept_texts = rule->carries & TEXTS ? 1 : 0;
    assert_int_equal(metadata->text_count, kept_texts + rule->method_text);
    if (kept_texts)
        assert_string_equal(metadata->texts[0].value, "nobody");
    if (rule->method_text) {
        assert_string_equal(metadata->texts[kept_texts].key, "Grayscale");
        assert_non_null(strstr(metadata->texts[kept_texts].value, "bt601"));
        assert_int_equal(strstr(metadata->texts[kept_texts].value, "own luma") != NULL, rule->own_luma);
    }
}

static void every_rule(void **unused) {
    (void)unused;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const struct rule *rule = &rules[i];
        struct r2g_image image = {
            .width = 3, .height = 2, .layout = rule->layout, .maxval = rule->maxval, .own_luma = rule->own_luma};
        struct r2g_options options;
        r2g_options_default(&options);
        options.orient = rule->options & APPLY ? R2G_ORIENT_APPLY : R2G_ORIENT_TAG;
        options.alpha = rule->options & FLATTEN ? R2G_ALPHA_FLATTEN : R2G_ALPHA_KEEP;
        options.keep_exif = rule->options & KEEP_EXIF;
        struct r2g_metadata metadata;
        fill(&metadata, rule->has);
        struct r2g_policy policy;
        struct r2g_error err = {0};
        print_message("rule %zu: %s\n", i, rule->fates);
        assert_int_equal(r2g_policy_decide(&policy, &image, &metadata, rule->encoder, &options, &err), R2G_OK);
        check_fates(&policy, rule->fates);
        assert_int_equal(policy.keep_alpha, rule->keep_alpha);
        assert_int_equal(policy.out_maxval, rule->out_maxval);
        assert_int_equal(policy.apply_orientation, rule->applied);
        check_carried(&metadata, rule);
        r2g_metadata_free(&metadata);
    }
}

/* Axes are swapped by the four orientations that turn rows into columns, and by no other. */
static void density_follows_the_axes(void **unused) {
    (void)unused;
    for (unsigned orientation = 1; orientation <= 8; orientation++) {
        struct r2g_image image = {.width = 3, .height = 2, .layout = R2G_LAYOUT_GRAY, .maxval = 255};
        struct r2g_options options;
        r2g_options_default(&options);
        options.orient = R2G_ORIENT_APPLY;
        struct r2g_metadata metadata;
        fill(&metadata, DENSITY);
        metadata.orientation = orientation;
        struct r2g_policy policy;
        assert_int_equal(r2g_policy_decide(&policy, &image, &metadata, &rich, &options, NULL), R2G_OK);
        assert_int_equal(policy.apply_orientation, orientation);
        assert_int_equal(metadata.density_x, orientation >= 5 ? 150 : 300);
        assert_int_equal(metadata.density_y, orientation >= 5 ? 300 : 150);
        r2g_metadata_free(&metadata);
    }
}

/* The report names everything that was ignored, and a profile's colour space only in printable letters. */
static void reasons_are_whole_and_printable(void **unused) {
    (void)unused;
    struct r2g_image image = {.width = 3, .height = 2, .layout = R2G_LAYOUT_RGB, .maxval = 255};
    struct r2g_options options;
    r2g_options_default(&options);
    struct r2g_metadata metadata;
    fill(&metadata, 0);
    metadata.icc = profile("\x1b\n\xff ", 132);
    memset(metadata.ignored, 'x', sizeof metadata.ignored - 1);
    struct r2g_policy policy;
    assert_int_equal(r2g_policy_decide(&policy, &image, &metadata, &rich, &options, NULL), R2G_OK);
    assert_int_equal(policy.fate_count, 2);
    for (const char *c = policy.fates[0].why; *c; c++)
        assert_in_range(*c, 32, 126);
    assert_string_equal(policy.fates[1].why, metadata.ignored);
    r2g_metadata_free(&metadata);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule),
        cmocka_unit_test(density_follows_the_axes),
        cmocka_unit_test(reasons_are_whole_and_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
