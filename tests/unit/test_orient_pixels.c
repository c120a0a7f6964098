/* A picture turned by r2g_orient_open has each pixel where the orientation's definition puts it, in gray, whatever the
 * size, depth and alpha, and however many rows are asked for at once; failures of the reader behind it come through. */
#include "pipeline/orient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"

/* A reader of made-up samples. It demands rows in order, and may fail at one row. */
struct fake {
    struct r2g_reader base;
    uint32_t next_row, fail_row;
    unsigned close_count;
};

/* A sample that tells its place; the maximum bounds it. */
static uint32_t sample(const struct r2g_image *image, uint32_t x, uint32_t y, unsigned channel) {
    return (x * 7919u + y * 104729u + channel * 31u + x * y) % (image->maxval + 1);
}

static r2g_status fake_read(struct r2g_reader *reader, uint32_t first_row, uint32_t row_count, void *rows,
                            size_t stride, struct r2g_error *err) {
    struct fake *fake = (struct fake *)reader;
    const struct r2g_image *image = &reader->image;
    assert_int_equal(first_row, fake->next_row);
    assert_true(row_count >= 1 && row_count <= image->height - first_row);
    fake->next_row += row_count;
    if (fake->fail_row < fake->next_row)
        return r2g_fail(err, R2G_ECORRUPT, "damaged at row %u", fake->fail_row);
    unsigned channels = r2g_layout_channels(image->layout);
    for (uint32_t y = 0; y < row_count; y++) {
        for (uint32_t i = 0; i < image->width * channels; i++) {
            uint32_t value = sample(image, i / channels, first_row + y, i % channels);
            uint8_t *row = (uint8_t *)rows + y * stride;
            if (image->maxval < 256)
                row[i] = (uint8_t)value;
            else
                ((uint16_t *)(void *)row)[i] = (uint16_t)value;
        }
    }
    return R2G_OK;
}

static void fake_close(struct r2g_reader *reader) {
    ((struct fake *)reader)->close_count++;
}

static const struct r2g_codec fake_codec = {.name = "fake", .read_rows = fake_read, .close = fake_close};

static struct fake make_fake(uint32_t width, uint32_t height, enum r2g_layout layout, uint32_t maxval) {
    struct fake fake = {.fail_row = UINT32_MAX};
    fake.base.codec = &fake_codec;
    fake.base.image =
        (struct r2g_image){.width = width, .height = height, .layout = layout, .maxval = maxval, .format = "fake"};
    return fake;
}

static struct r2g_conversion conversion_of(const struct r2g_image *image) {
    struct r2g_conversion conversion = {.layout = image->layout,
                                        .maxval = image->maxval,
                                        .out_maxval = image->maxval,
                                        .keep_alpha = r2g_layout_has_alpha(image->layout)};
    assert_int_equal(r2g_luma_from_name(&conversion.luma, "green", NULL), R2G_OK);
    return conversion;
}

/* Exif 2.32, 4.6.5.1.6, word for word: where "the 0th row" and "the 0th column" of the stored picture are seen. */
static void seen_at(unsigned orientation, const struct r2g_image *stored, uint32_t x, uint32_t y, uint32_t *seen_x,
                    uint32_t *seen_y) {
    uint32_t right = stored->width - 1 - x, down = stored->height - 1 - y;
    switch (orientation) {
    case 1: /* row 0 is the top, column 0 the left side */
        *seen_x = x, *seen_y = y;
        break;
    case 2: /* top, right */
        *seen_x = right, *seen_y = y;
        break;
    case 3: /* bottom, right */
        *seen_x = right, *seen_y = down;
        break;
    case 4: /* bottom, left */
        *seen_x = x, *seen_y = down;
        break;
    case 5: /* row 0 is the left side, column 0 the top */
        *seen_x = y, *seen_y = x;
        break;
    case 6: /* right, top */
        *seen_x = down, *seen_y = x;
        break;
    case 7: /* right, bottom */
        *seen_x = down, *seen_y = right;
        break;
    default: /* 8: left, bottom */
        *seen_x = y, *seen_y = right;
    }
}

/* The upright gray picture, pixel by pixel. */
static uint8_t *expected_rows(const struct r2g_image *stored, unsigned orientation, size_t *nbytes) {
    unsigned channels = r2g_layout_channels(stored->layout),
             out_channels = r2g_layout_has_alpha(stored->layout) ? 2 : 1;
    uint32_t seen_width = orientation >= 5 ? stored->height : stored->width;
    size_t sample_nbytes = stored->maxval < 256 ? 1 : 2;
    *nbytes = (size_t)stored->width * stored->height * out_channels * sample_nbytes;
    uint8_t *rows = malloc(*nbytes);
    assert_non_null(rows);
    for (uint32_t y = 0; y < stored->height; y++) {
        for (uint32_t x = 0; x < stored->width; x++) {
            uint32_t seen_x, seen_y;
            seen_at(orientation, stored, x, y, &seen_x, &seen_y);
            for (unsigned i = 0; i < out_channels; i++) {
                unsigned from = i == 1 ? channels - 1 : channels >= 3 ? 1 : 0; /* alpha, green or gray */
                uint16_t value = (uint16_t)sample(stored, x, y, from);
                size_t at = ((size_t)seen_y * seen_width + seen_x) * out_channels + i;
                if (sample_nbytes == 1)
                    rows[at] = (uint8_t)value;
                else
                    ((uint16_t *)(void *)rows)[at] = value;
            }
        }
    }
    return rows;
}

/* Reads the turned picture `piece` rows at a time, with a gap behind each row, and compares. */
static void check_turned(struct fake fake, unsigned orientation, uint32_t piece) {
    struct r2g_image stored = fake.base.image;
    struct r2g_conversion conversion = conversion_of(&stored);
    struct r2g_budget budget = {0};
    struct r2g_read_options options = {.budget = &budget};
    struct r2g_reader *reader = NULL;
    assert_int_equal(r2g_orient_open(&reader, &fake.base, orientation, &conversion, &options, NULL), R2G_OK);
    assert_int_equal(reader->image.width, orientation >= 5 ? stored.height : stored.width);
    assert_int_equal(reader->image.height, orientation >= 5 ? stored.width : stored.height);
    assert_int_equal(reader->image.layout, conversion.keep_alpha ? R2G_LAYOUT_GRAYA : R2G_LAYOUT_GRAY);
    assert_int_equal(reader->image.maxval, stored.maxval);
    size_t nbytes, row_nbytes = r2g_image_row_nbytes(&reader->image), stride = row_nbytes + 4;
    uint8_t *wanted = expected_rows(&stored, orientation, &nbytes), *rows = malloc(stride * piece);
    assert_non_null(rows);
    for (uint32_t first = 0; first < reader->image.height; first += piece) {
        uint32_t count = reader->image.height - first < piece ? reader->image.height - first : piece;
        memset(rows, 0xA5, stride * piece);
        assert_int_equal(reader->codec->read_rows(reader, first, count, rows, stride, NULL), R2G_OK);
        for (uint32_t y = 0; y < count; y++) {
            assert_memory_equal(rows + y * stride, wanted + (first + y) * row_nbytes, row_nbytes);
            assert_memory_equal(rows + y * stride + row_nbytes, "\xA5\xA5\xA5\xA5", 4);
        }
    }
    assert_true(budget.used_nbytes > 0 && budget.used_nbytes < nbytes + 4096);
    r2g_reader_close(reader);
    assert_int_equal(fake.close_count, 1);
    assert_int_equal(budget.used_nbytes, 0);
    free(rows);
    free(wanted);
}

static void every_orientation(void **unused) {
    (void)unused;
    static const uint32_t sizes[][2] = {{1, 1}, {1, 130}, {130, 1}, {3, 5}, {64, 64}, {65, 130}, {200, 63}};
    static const enum r2g_layout layouts[] = {R2G_LAYOUT_GRAY, R2G_LAYOUT_GRAYA, R2G_LAYOUT_RGB, R2G_LAYOUT_BGRA};
    static const uint32_t maxvals[] = {255, 1000, 65535}, pieces[] = {1, 7, 64, 1000};
    for (unsigned orientation = 1; orientation <= 8; orientation++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (size_t l = 0; l < sizeof layouts / sizeof layouts[0]; l++)
                for (size_t m = 0; m < sizeof maxvals / sizeof maxvals[0]; m++)
                    for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++)
                        check_turned(make_fake(sizes[s][0], sizes[s][1], layouts[l], maxvals[m]), orientation,
                                     pieces[p]);
}

/* A picture that does not fit is refused before anything is read, and stays its caller's. */
static void limits(void **unused) {
    (void)unused;
    static const struct {
        uint32_t width, height;
        uint64_t max_pixels, budget_nbytes;
        r2g_status status;
    } cases[] = {
        {100, 100, 10000, 0, R2G_OK},
        {100, 100, 9999, 0, R2G_ELIMIT},
        {100, 100, 0, 20000, R2G_OK},
        {100, 100, 0, 9999, R2G_ELIMIT},
        {UINT32_MAX, UINT32_MAX, 0, 1u << 30, R2G_ELIMIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fake fake = make_fake(cases[i].width, cases[i].height, R2G_LAYOUT_RGB, 255);
        struct r2g_conversion conversion = conversion_of(&fake.base.image);
        struct r2g_budget budget = {.limit_nbytes = cases[i].budget_nbytes};
        struct r2g_read_options options = {.budget = &budget, .max_pixels = cases[i].max_pixels};
        struct r2g_reader *reader = NULL;
        struct r2g_error err = {0};
        assert_int_equal(r2g_orient_open(&reader, &fake.base, 6, &conversion, &options, &err), cases[i].status);
        assert_int_equal(reader != NULL, cases[i].status == R2G_OK);
        assert_int_equal(err.text[0] != '\0', cases[i].status != R2G_OK);
        assert_int_equal(fake.next_row, 0);
        assert_int_equal(fake.close_count, 0);
        r2g_reader_close(reader);
        assert_int_equal(fake.close_count, cases[i].status == R2G_OK);
        assert_int_equal(budget.used_nbytes, 0);
    }
}

static void failures_come_through(void **unused) {
    (void)unused;
    struct fake fake = make_fake(40, 50, R2G_LAYOUT_GRAY, 255);
    fake.fail_row = 49;
    struct r2g_conversion conversion = conversion_of(&fake.base.image);
    struct r2g_budget budget = {0};
    struct r2g_read_options options = {.budget = &budget};
    struct r2g_reader *reader = NULL;
    assert_int_equal(r2g_orient_open(&reader, &fake.base, 8, &conversion, &options, NULL), R2G_OK);
    uint8_t rows[50];
    struct r2g_error err = {0};
    assert_int_equal(reader->codec->read_rows(reader, 0, 1, rows, sizeof rows, &err), R2G_ECORRUPT);
    assert_string_equal(err.text, "damaged at row 49");
    r2g_reader_close(reader);
    assert_int_equal(fake.close_count, 1);
    assert_int_equal(budget.used_nbytes, 0);
}

/* Samples above the maximum, which only some formats can hold, are damage. */
static void samples_out_of_range(void **unused) {
    (void)unused;
    struct fake fake = make_fake(8, 8, R2G_LAYOUT_GRAY, 255);
    struct r2g_conversion conversion = conversion_of(&fake.base.image);
    conversion.maxval = conversion.out_maxval = 100;
    struct r2g_budget budget = {0};
    struct r2g_read_options options = {.budget = &budget};
    struct r2g_reader *reader = NULL;
    assert_int_equal(r2g_orient_open(&reader, &fake.base, 3, &conversion, &options, NULL), R2G_OK);
    uint8_t rows[8];
    struct r2g_error err = {0};
    assert_int_equal(reader->codec->read_rows(reader, 0, 1, rows, sizeof rows, &err), R2G_ECORRUPT);
    r2g_reader_close(reader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_orientation),
        cmocka_unit_test(limits),
        cmocka_unit_test(failures_come_through),
        cmocka_unit_test(samples_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
