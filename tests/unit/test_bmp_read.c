/* BMP files of every header, depth and coding, written here pixel by pixel, give exactly those pixels in any order of
 * reading; damaged and hostile ones fail cleanly. */
#include "test_rows_support.h"

/* A file to make. Zero means the usual. */
struct recipe {
    uint32_t info_nbytes, bits, compression, colours_used;
    int32_t width, height; /* negative height: top-down */
    uint32_t masks[4];     /* red, green, blue, alpha */
    uint32_t gap_nbytes;   /* between palette and pixels */
    bool no_offset;        /* bfOffBits is 0 */
    bool gray;             /* palette */
};

static uint32_t rows_of(const struct recipe *recipe) {
    return (uint32_t)abs(recipe->height);
}

/* Headers, masks and a random palette, which is left in palette[][3] as blue, green, red. */
static struct file make_headers(const struct recipe *recipe, uint8_t palette[256][3]) {
    struct file file = {0};
    uint32_t count = recipe->bits > 8 ? recipe->colours_used : 1u << recipe->bits;
    if (recipe->colours_used && recipe->colours_used < count)
        count = recipe->colours_used;
    file_text(&file, "BM");
    file_le(&file, 0, 4);
    file_le(&file, 0, 4);
    file_le(&file, 0, 4); /* bfOffBits, later */
    file_le(&file, recipe->info_nbytes, 4);
    bool core = recipe->info_nbytes == 12;
    file_le(&file, (uint32_t)recipe->width, core ? 2 : 4);
    file_le(&file, (uint32_t)recipe->height, core ? 2 : 4);
    file_le(&file, 1, 2);
    file_le(&file, recipe->bits, 2);
    uint32_t more[6] = {recipe->compression, 0, 1000, 2000, recipe->colours_used, 0};
    for (size_t i = 0; i < 6 && file.nbytes < 14 + recipe->info_nbytes; i++)
        file_le(&file, more[i], 4);
    for (size_t i = 0; i < 4 && (recipe->compression == 3 || recipe->compression == 6); i++)
        if (i < 3 || recipe->compression == 6 || recipe->info_nbytes >= 56)
            file_le(&file, recipe->masks[i], 4);
    while (file.nbytes < 14 + recipe->info_nbytes)
        file_byte(&file, 0);
    memset(palette, 0, 256 * 3);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t entry[4] = {0};
        for (int c = 0; c < 3; c++)
            entry[c] = (uint8_t)(recipe->gray && c > 0 ? entry[0] : random_below(256));
        if (i < 256)
            memcpy(palette[i], entry, 3);
        file_add(&file, entry, core ? 3 : 4);
    }
    for (uint32_t i = 0; i < recipe->gap_nbytes; i++)
        file_byte(&file, 0xEE);
    for (size_t i = 0; i < 4 && !recipe->no_offset; i++)
        file.bytes[10 + i] = (uint8_t)(file.nbytes >> (8 * i));
    return file;
}

/* Adds random pixels; values[] receives them from the top left, pixel by pixel. */
static void add_pixels(struct file *file, const struct recipe *recipe, uint32_t *values) {
    uint32_t height = rows_of(recipe);
    for (uint32_t i = 0; i < height; i++) {
        uint32_t y = recipe->height < 0 ? i : height - 1 - i, bit = 0;
        size_t start = file->nbytes;
        for (uint32_t x = 0; x < (uint32_t)recipe->width; x++, bit += recipe->bits) {
            uint32_t value = random_below(1u << 16) << 16 | random_below(1u << 16);
            if (recipe->bits < 32)
                value &= (1u << recipe->bits) - 1;
            values[y * (uint32_t)recipe->width + x] = value;
            if (recipe->bits >= 8) {
                file_le(file, value, recipe->bits / 8);
            } else {
                if (bit % 8 == 0)
                    file_byte(file, 0);
                file->bytes[file->nbytes - 1] |= (uint8_t)(value << (8 - recipe->bits - bit % 8));
            }
        }
        while ((file->nbytes - start) % 4)
            file_byte(file, random_below(256));
    }
}

static uint8_t scaled(uint32_t pixel, uint32_t mask) {
    if (mask == 0)
        return 0;
    double unit = (double)(mask & -mask);
    return (uint8_t)((pixel & mask) / unit * 255.0 / (mask / unit) + 0.5);
}

/* What pixel `value` should become: blue, green, red, alpha. */
static void expect(const struct recipe *recipe, const uint8_t palette[256][3], uint32_t value, uint8_t want[4]) {
    static const uint32_t masks16[4] = {0x7C00, 0x3E0, 0x1F, 0}, masks[4] = {0xFF0000, 0xFF00, 0xFF, 0};
    const uint32_t *use = recipe->compression == 3 || recipe->compression == 6 ? recipe->masks
                          : recipe->bits == 16                                 ? masks16
                                                                               : masks;
    if (recipe->bits <= 8) {
        memcpy(want, palette[value], 3);
        return;
    }
    for (int c = 0; c < 3; c++)
        want[c] = scaled(value, use[2 - c]);
    want[3] = scaled(value, use[3]);
}

static void check_pixels(const struct picture *picture, const struct recipe *recipe, const uint8_t palette[256][3],
                         const uint32_t *values) {
    unsigned channels = r2g_layout_channels(picture->image.layout);
    assert_int_equal(picture->image.width, recipe->width);
    assert_int_equal(picture->image.height, rows_of(recipe));
    assert_int_equal(picture->image.maxval, 255);
    for (size_t i = 0; i < (size_t)recipe->width * rows_of(recipe); i++) {
        uint8_t want[4] = {0};
        expect(recipe, palette, values[i], want);
        assert_memory_equal(picture->rows + i * channels, want, channels);
    }
}

static void check_recipe(const struct recipe *recipe, enum r2g_layout layout) {
    uint8_t palette[256][3];
    uint32_t *values = malloc((size_t)recipe->width * rows_of(recipe) * sizeof *values);
    struct file file = make_headers(recipe, palette);
    add_pixels(&file, recipe, values);
    struct picture picture = read_every_way(&file);
    if (picture.status != R2G_OK)
        fail_msg("header %u, %u bits, compression %u: %s", recipe->info_nbytes, recipe->bits, recipe->compression,
                 picture.error.text);
    assert_int_equal(picture.image.layout, layout);
    assert_true(picture.image.random_access);
    check_pixels(&picture, recipe, palette, values);
    picture_free(&picture);
    free(file.bytes);
    free(values);
}

static void every_header_and_depth_is_exact(void **unused) {
    (void)unused;
    static const uint32_t sizes[] = {12, 16, 24, 40, 52, 56, 64, 108, 124}, depths[] = {1, 2, 4, 8, 16, 24, 32};
    static const int32_t widths[] = {1, 2, 3, 5, 8, 9, 33};
    for (size_t s = 0; s < 9; s++) {
        for (size_t d = 0; d < 7; d++) {
            for (size_t w = 0; w < 7; w++) {
                struct recipe recipe = {.info_nbytes = sizes[s], .bits = depths[d], .width = widths[w], .height = 5};
                check_recipe(&recipe, R2G_LAYOUT_BGR);
                recipe.gap_nbytes = 7 * (uint32_t)w;
                recipe.gray = true;
                check_recipe(&recipe, depths[d] <= 8 ? R2G_LAYOUT_GRAY : R2G_LAYOUT_BGR);
                recipe.no_offset = recipe.gap_nbytes == 0;
                recipe.height = sizes[s] > 12 ? -4 : 4;
                check_recipe(&recipe, depths[d] <= 8 ? R2G_LAYOUT_GRAY : R2G_LAYOUT_BGR);
            }
        }
    }
}

/* Large enough for several groups of rows, and for rows that are read each by itself. */
static void large_pictures_are_exact(void **unused) {
    (void)unused;
    static const uint32_t depths[] = {4, 8, 16, 24, 32};
    for (size_t d = 0; d < 5; d++) {
        struct recipe recipe = {.info_nbytes = 40, .bits = depths[d], .width = 1501, .height = 9};
        check_recipe(&recipe, R2G_LAYOUT_BGR);
        recipe.width = 701;
        recipe.height = depths[d] % 3 ? 801 : -801;
        check_recipe(&recipe, R2G_LAYOUT_BGR);
    }
}

static void palettes_of_odd_size_are_exact(void **unused) {
    (void)unused;
    static const uint32_t counts[] = {1, 2, 3, 5, 15, 16, 17, 200, 256, 300};
    for (size_t i = 0; i < 10; i++) {
        struct recipe recipe = {.info_nbytes = 40, .bits = 24, .width = 9, .height = 3, .colours_used = counts[i]};
        check_recipe(&recipe, R2G_LAYOUT_BGR); /* a palette nobody needs */
        recipe.bits = 8;
        check_recipe(&recipe, R2G_LAYOUT_BGR); /* indices past the end are black */
        recipe.bits = 4;
        check_recipe(&recipe, R2G_LAYOUT_BGR);
    }
}

static void bit_fields_are_exact(void **unused) {
    (void)unused;
    static const uint32_t masks16[][4] = {{0xF800, 0x7E0, 0x1F, 0},   {0x7C00, 0x3E0, 0x1F, 0x8000},
                                          {0xF00, 0xF0, 0xF, 0xF000}, {0x30, 0xE, 0x1, 0},
                                          {0x1F, 0, 0xFC00, 0},       {0x38, 0xFFC0, 7, 0}},
                          masks32[][4] = {{0xFF0000, 0xFF00, 0xFF, 0xFF000000},
                                          {0xFF, 0xFF00, 0xFF0000, 0},
                                          {0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000},
                                          {0xFE000000, 0x1FFFF80, 0x7F, 0},
                                          {0xFFFFFFFF, 0, 0, 0},
                                          {0xFF000000, 0xFF00, 0xFF, 0xFF0000}};
    static const uint32_t sizes[] = {40, 52, 56, 108, 124};
    for (size_t s = 0; s < 5; s++) {
        for (uint32_t compression = 3; compression <= 6; compression += 3) {
            for (size_t i = 0; i < 12; i++) {
                struct recipe recipe = {.info_nbytes = sizes[s],
                                        .bits = i < 6 ? 16 : 32,
                                        .compression = compression,
                                        .width = 33,
                                        .height = 5};
                memcpy(recipe.masks, i < 6 ? masks16[i] : masks32[i - 6], sizeof recipe.masks);
                bool can_alpha = sizes[s] >= 56 || (sizes[s] == 40 && compression == 6);
                if (!can_alpha)
                    recipe.masks[3] = 0;
                if (sizes[s] == 52 && compression == 6)
                    continue; /* would have a fourth mask nowhere */
                check_recipe(&recipe, recipe.masks[3] ? R2G_LAYOUT_BGRA : R2G_LAYOUT_BGR);
            }
        }
    }
}

/* Adds random run-length codes of every sort while keeping the picture that they paint. */
static void add_run_length(struct file *file, const struct recipe *recipe, uint32_t *values) {
    uint32_t width = (uint32_t)recipe->width, height = rows_of(recipe), x = 0, y = 0;
    bool four = recipe->bits == 4;
    memset(values, 0, width * height * sizeof *values);
    while (y < height) {
        uint32_t row = recipe->height < 0 ? y : height - 1 - y;
        uint32_t action = random_below(8), count = 3 + random_below(14); /* may run past the end of the row */
        if (action == 0 || x >= width) {
            file_le(file, 0, 2);
            x = 0;
            y++;
        } else if (action == 1) {
            uint32_t dx = random_below(width - x), dy = random_below(2);
            file_le(file, 0x0200, 2);
            file_le(file, dx | dy << 8, 2);
            x += dx;
            y += dy;
        } else {
            bool literal = action < 5;
            uint8_t codes[20];
            for (size_t i = 0; i < sizeof codes; i++)
                codes[i] = (uint8_t)random_below(256);
            file_byte(file, literal ? 0 : count);
            if (literal) {
                size_t nbytes = four ? (count + 1) / 2 : count;
                file_byte(file, count);
                file_add(file, codes, nbytes);
                if (nbytes % 2)
                    file_byte(file, 0xEE);
            } else {
                file_byte(file, codes[0]);
            }
            for (uint32_t i = 0; i < count && x < width; i++, x++) {
                uint8_t code = literal ? codes[four ? i / 2 : i] : codes[0];
                values[row * width + x] = !four ? code : i % 2 ? code & 15 : code >> 4;
            }
        }
    }
    file_le(file, 0x0100, 2);
}

static void run_lengths_are_exact(void **unused) {
    (void)unused;
    for (int round = 0; round < 200; round++) {
        struct recipe recipe = {.info_nbytes = 40,
                                .bits = round % 2 ? 4 : 8,
                                .compression = round % 2 ? 2 : 1,
                                .width = 1 + (int32_t)random_below(40),
                                .height = round % 3 ? 8 : -8,
                                .gray = round % 5 == 0};
        uint8_t palette[256][3];
        uint32_t values[40 * 8];
        struct file file = make_headers(&recipe, palette);
        add_run_length(&file, &recipe, values);
        struct picture picture = read_every_way(&file);
        assert_int_equal(picture.status, R2G_OK);
        assert_false(picture.image.random_access);
        assert_int_equal(picture.image.whole_nbytes, recipe.width * 8);
        assert_string_equal(picture.image.coding, round % 2 ? "RLE4" : "RLE8");
        check_pixels(&picture, &recipe, palette, values);
        picture_free(&picture);
        free(file.bytes);
    }
}

static void long_run_length_files_cross_the_read_buffer(void **unused) {
    (void)unused;
    struct recipe recipe = {.info_nbytes = 40, .bits = 8, .compression = 1, .width = 255, .height = 300};
    uint8_t palette[256][3];
    struct file file = make_headers(&recipe, palette);
    uint32_t *values = malloc(255 * 300 * sizeof *values);
    for (uint32_t y = 0; y < 300; y++) {
        file_le(&file, 0xFF00, 2);
        for (uint32_t x = 0; x < 255; x++) {
            values[(299 - y) * 255 + x] = random_below(256);
            file_byte(&file, values[(299 - y) * 255 + x]);
        }
        file_byte(&file, 0);
        file_le(&file, 0, 2);
    }
    file_le(&file, 0x0100, 2);
    struct picture picture = read_every_way(&file);
    assert_int_equal(picture.status, R2G_OK);
    check_pixels(&picture, &recipe, palette, values);
    picture_free(&picture);
    free(file.bytes);
    free(values);
}

/* Of raw pixels only the padding of the last row may lack, of run-length coded ones the end mark of a full picture. */
static void cut_anywhere_is_an_error(void **unused) {
    (void)unused;
    static const struct recipe recipes[] = {
        {.info_nbytes = 12, .bits = 1, .width = 9, .height = 3},
        {.info_nbytes = 40, .bits = 8, .width = 9, .height = -3},
        {.info_nbytes = 40, .bits = 16, .compression = 6, .masks = {0xF00, 0xF0, 0xF, 0xF000}, .width = 3, .height = 3},
        {.info_nbytes = 124, .bits = 24, .width = 3, .height = 3},
        {.info_nbytes = 64, .bits = 4, .width = 3, .height = 3},
    };
    static const uint8_t runs[] = {9, 5, 0, 0, 0, 3, 1, 2, 3, 0, 0, 2, 1, 0, 5, 9, 0, 1};
    uint8_t palette[256][3];
    uint32_t values[9 * 3];
    for (size_t i = 0; i <= 5; i++) {
        struct recipe recipe =
            i < 5 ? recipes[i]
                  : (struct recipe){.info_nbytes = 40, .bits = 8, .compression = 1, .width = 9, .height = 2};
        struct file file = make_headers(&recipe, palette);
        size_t need;
        if (i < 5) {
            add_pixels(&file, &recipe, values);
            size_t used = ((size_t)recipe.width * recipe.bits + 7) / 8;
            need = file.nbytes - ((used + 3) / 4 * 4 - used);
        } else {
            file_add(&file, runs, sizeof runs);
            need = file.nbytes - 2;
        }
        for (size_t nbytes = 0; nbytes <= file.nbytes; nbytes++) {
            struct picture picture = read_picture(file.bytes, nbytes);
            if (nbytes < need)
                assert_int_equal(picture.status, nbytes < 2 ? R2G_EFORMAT : R2G_ECORRUPT);
            else
                assert_int_equal(picture.status, R2G_OK);
            picture_free(&picture);
        }
        free(file.bytes);
    }
}

static void set32(struct file *file, size_t at, uint32_t value) {
    for (size_t i = 0; i < 4; i++)
        file->bytes[at + i] = (uint8_t)(value >> (8 * i));
}

/* One number of a good 40-byte header (or a mask behind it) changed. */
static void hostile_numbers_fail_cleanly(void **unused) {
    (void)unused;
    static const struct {
        uint32_t bits, compression;
        size_t at;
        uint32_t value;
        r2g_status status;
    } cases[] = {
        {24, 0, 14, 66, R2G_EFORMAT},
        {24, 0, 14, 11, R2G_EFORMAT},
        {24, 0, 14, 0x10028, R2G_EFORMAT},
        {24, 0, 10, 53, R2G_ECORRUPT},
        {24, 0, 10, 0xFFFFFFFF, R2G_ECORRUPT},
        {24, 0, 18, 0, R2G_ECORRUPT},
        {24, 0, 18, 0xFFFFFFFF, R2G_ECORRUPT},
        {24, 0, 18, 0x80000000, R2G_ECORRUPT},
        {24, 0, 18, 0x7FFFFFFF, R2G_ECORRUPT},
        {24, 0, 22, 0, R2G_ECORRUPT},
        {24, 0, 22, 0x80000000, R2G_ECORRUPT},
        {24, 0, 22, 0x7FFFFFFF, R2G_ECORRUPT},
        {24, 0, 26, 1 | 3 << 16, R2G_ECORRUPT},
        {24, 0, 26, 1, R2G_ECORRUPT},
        {24, 0, 26, 1 | 64 << 16, R2G_ECORRUPT},
        {24, 0, 26, 7 | 24 << 16, R2G_OK},
        {24, 0, 30, 4, R2G_EFORMAT},
        {24, 0, 30, 5, R2G_EFORMAT},
        {24, 0, 30, 1, R2G_ECORRUPT},
        {24, 0, 30, 3, R2G_ECORRUPT},
        {24, 0, 30, 7, R2G_EFORMAT},
        {24, 0, 30, 0xFFFFFFFF, R2G_EFORMAT},
        {1, 0, 30, 3, R2G_EFORMAT},
        {8, 0, 46, 0xFFFFFFFF, R2G_OK},
        {8, 0, 46, 257, R2G_OK},
        {24, 0, 46, 0xFFFFFFFF, R2G_OK},
        {16, 3, 54, 0xF0F, R2G_EFORMAT},
        {16, 3, 54, 0x10000, R2G_ECORRUPT},
        {8, 1, 22, 0x7FFFFFFF, R2G_ELIMIT},
        {8, 1, 18, 0x7FFFFFFF, R2G_ELIMIT},
        {8, 1, 10, 0xFFFFFF00, R2G_ECORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct recipe recipe = {.info_nbytes = 40,
                                .bits = cases[i].bits,
                                .compression = cases[i].compression,
                                .masks = {0x7C00, 0x3E0, 0x1F},
                                .width = 3,
                                .height = 3};
        uint8_t palette[256][3];
        uint32_t values[9];
        struct file file = make_headers(&recipe, palette);
        if (cases[i].compression == 1)
            file_le(&file, 0x0100, 2);
        else
            add_pixels(&file, &recipe, values);
        set32(&file, cases[i].at, cases[i].value);
        struct picture picture = read_picture(file.bytes, file.nbytes);
        if (picture.status != cases[i].status)
            fail_msg("case %zu: status %d (%s)", i, picture.status, picture.error.text);
        picture_free(&picture);
        free(file.bytes);
    }
}

static void masks_may_not_all_be_zero(void **unused) {
    (void)unused;
    struct recipe recipe = {.info_nbytes = 40, .bits = 16, .compression = 3, .width = 3, .height = 1};
    uint8_t palette[256][3];
    uint32_t values[3];
    struct file file = make_headers(&recipe, palette);
    add_pixels(&file, &recipe, values);
    struct picture picture = read_picture(file.bytes, file.nbytes);
    assert_int_equal(picture.status, R2G_ECORRUPT);
    free(file.bytes);
}

static void limits_hold_for_whole_pictures(void **unused) {
    (void)unused;
    struct recipe recipe = {.info_nbytes = 40, .bits = 8, .compression = 1, .width = 1000, .height = 1000};
    uint8_t palette[256][3];
    struct file file = make_headers(&recipe, palette);
    file_le(&file, 0x0100, 2);
    struct picture picture = read_with(file.bytes, file.nbytes, 1000, false, 999999, 0);
    assert_int_equal(picture.status, R2G_ELIMIT);
    assert_non_null(strstr(picture.error.text, "--mem-limit"));
    picture = read_with(file.bytes, file.nbytes, 1000, false, 0, 999999);
    assert_int_equal(picture.status, R2G_ELIMIT);
    assert_non_null(strstr(picture.error.text, "--max-pixels"));
    picture = read_with(file.bytes, file.nbytes, 1000, false, 1000000, 1000000);
    assert_int_equal(picture.status, R2G_OK);
    picture_free(&picture);
    free(file.bytes);
}

static void density_and_profile_are_read(void **unused) {
    (void)unused;
    struct recipe recipe = {.info_nbytes = 124, .bits = 24, .width = 2, .height = 1};
    uint8_t palette[256][3];
    uint32_t values[2];
    struct file file = make_headers(&recipe, palette);
    add_pixels(&file, &recipe, values);
    size_t profile_offset = file.nbytes;
    file_text(&file, "an ICC profile");
    set32(&file, 14 + 56, 0x4D424544);
    set32(&file, 14 + 112, (uint32_t)profile_offset - 14);
    set32(&file, 14 + 116, 14);
    struct picture picture = read_picture(file.bytes, file.nbytes);
    assert_int_equal(picture.status, R2G_OK);
    assert_int_equal(picture.metadata.icc.nbytes, 14);
    assert_memory_equal(picture.metadata.icc.bytes, "an ICC profile", 14);
    assert_int_equal(picture.metadata.density_unit, R2G_DENSITY_PER_METRE);
    assert_int_equal(picture.metadata.density_x, 1000);
    assert_int_equal(picture.metadata.density_y, 2000);
    picture_free(&picture);
    set32(&file, 14 + 116, 15); /* one byte more than there is */
    set32(&file, 14 + 24, 0);
    picture = read_picture(file.bytes, file.nbytes);
    assert_int_equal(picture.status, R2G_OK);
    assert_null(picture.metadata.icc.bytes);
    assert_string_equal(picture.metadata.ignored, "broken or huge ICC profile");
    assert_int_equal(picture.metadata.density_unit, R2G_DENSITY_NONE);
    picture_free(&picture);
    set32(&file, 14 + 56, 0x4C494E4B);
    picture = read_picture(file.bytes, file.nbytes);
    assert_string_equal(picture.metadata.ignored, "link to an ICC profile");
    picture_free(&picture);
    free(file.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_header_and_depth_is_exact),
        cmocka_unit_test(large_pictures_are_exact),
        cmocka_unit_test(palettes_of_odd_size_are_exact),
        cmocka_unit_test(bit_fields_are_exact),
        cmocka_unit_test(run_lengths_are_exact),
        cmocka_unit_test(long_run_length_files_cross_the_read_buffer),
        cmocka_unit_test(cut_anywhere_is_an_error),
        cmocka_unit_test(hostile_numbers_fail_cleanly),
        cmocka_unit_test(masks_may_not_all_be_zero),
        cmocka_unit_test(limits_hold_for_whole_pictures),
        cmocka_unit_test(density_and_profile_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
