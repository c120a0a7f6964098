/* The PNG reader delivers exactly what the file holds, for every kind of PNG, and nothing from a damaged one. */
#include "test_png_support.h"

#include <dirent.h>

#include <zlib.h>

#include "codec/png_parts.h"

static void memory_write(png_structp png, png_bytep bytes, size_t nbytes) {
    struct r2g_error err;
    assert_int_equal(r2g_buffer_append(png_get_io_ptr(png), bytes, nbytes, &err), R2G_OK);
}

/* Writes the samples with libpng. */
static void write_stored(const struct stored *stored, struct r2g_buffer *out) {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    assert_int_equal(setjmp(png_jmpbuf(png)), 0);
    png_set_write_fn(png, out, memory_write, NULL);
    png_set_IHDR(png, info, stored->width, stored->height, stored->depth, stored->color_type,
                 stored->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (stored->palette_count > 0) {
        png_set_PLTE(png, info, stored->palette, stored->palette_count);
    }
    if (stored->transparent) {
        png_set_tRNS(png, info, stored->palette_alpha, stored->palette_count > 0 ? stored->palette_count : 1,
                     &stored->key);
    }
    png_write_info(png, info);
    png_set_packing(png);
    size_t row_samples = (size_t)stored->width * stored->channels;
    uint8_t *rows = malloc(row_samples * stored->height * 2);
    png_bytep *pointers = malloc(stored->height * sizeof *pointers);
    assert_true(rows != NULL && pointers != NULL);
    size_t sample_nbytes = stored->depth == 16 ? 2 : 1;
    for (size_t i = 0; i < row_samples * stored->height; i++) {
        rows[sample_nbytes * i] = (uint8_t)(stored->samples[i] >> (stored->depth == 16 ? 8 : 0));
        rows[sample_nbytes * i + sample_nbytes - 1] = (uint8_t)stored->samples[i];
    }
    for (uint32_t y = 0; y < stored->height; y++) {
        pointers[y] = rows + y * row_samples * sample_nbytes;
    }
    png_write_image(png, pointers);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(rows);
    free(pointers);
}

static struct stored make_stored(uint32_t width, uint32_t height, int color_type, int depth, bool interlaced,
                                 bool transparent) {
    static const unsigned channels[7] = {1, 0, 3, 1, 2, 0, 4};
    struct stored stored = {.width = width, .height = height, .color_type = color_type, .depth = depth};
    stored.interlaced = interlaced;
    stored.transparent = transparent;
    stored.channels = channels[color_type];
    size_t count = (size_t)width * height * stored.channels;
    stored.samples = malloc(count * 2);
    assert_non_null(stored.samples);
    for (size_t i = 0; i < count; i++) {
        stored.samples[i] = (uint16_t)(random_u32() & ((1u << depth) - 1));
    }
    if (color_type == PNG_COLOR_TYPE_PALETTE) {
        stored.palette_count = 1 << depth;
        for (int i = 0; i < stored.palette_count; i++) {
            stored.palette[i] = (png_color){(uint8_t)random_u32(), (uint8_t)random_u32(), (uint8_t)random_u32()};
            stored.palette_alpha[i] = transparent ? (uint8_t)random_u32() : 255;
        }
    } else if (transparent) { /* the first pixel's colour */
        stored.key.gray = stored.key.red = stored.samples[0];
        stored.key.green = stored.samples[stored.channels > 1 ? 1 : 0];
        stored.key.blue = stored.samples[stored.channels > 1 ? 2 : 0];
    }
    return stored;
}

static void check_kind(int color_type, int depth, bool interlaced, bool transparent) {
    static const uint32_t sizes[][2] = {{1, 1}, {3, 2}, {7, 9}, {33, 17}, {1, 40}, {300, 5}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct stored stored = make_stored(sizes[i][0], sizes[i][1], color_type, depth, interlaced, transparent);
        struct r2g_buffer file = {0};
        write_stored(&stored, &file);
        struct r2g_source source = source_from_bytes(file.bytes, file.nbytes);
        struct r2g_budget budget = {0};
        struct r2g_error err = {0};
        struct picture picture, wanted = expand(&stored);
        assert_int_equal(decode(&source, &budget, 0, (uint32_t)(1 + i), &picture, &err), R2G_OK);
        assert_same_picture(&picture, &wanted);
        assert_int_equal(budget.used_nbytes, 0);
        close(source.fd);
        free(picture.samples);
        free(wanted.samples);
        free(stored.samples);
        r2g_buffer_free(&file);
    }
}

static void test_every_kind(void **unused) {
    (void)unused;
    static const struct {
        int color_type;
        unsigned depths; /* one bit for each depth */
        bool may_be_transparent;
    } kinds[] = {{0, 1 | 2 | 4 | 8 | 16, true},
                 {2, 8 | 16, true},
                 {3, 1 | 2 | 4 | 8, true},
                 {4, 8 | 16, false},
                 {6, 8 | 16, false}};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        for (unsigned depth = 1; depth <= 16; depth *= 2) {
            for (unsigned form = 0; (kinds[k].depths & depth) && form < (kinds[k].may_be_transparent ? 4 : 2); form++) {
                check_kind(kinds[k].color_type, (int)depth, form % 2, form / 2);
            }
        }
    }
}

static void append_header(struct r2g_buffer *out, uint32_t width, uint32_t height, uint8_t depth, uint8_t color_type,
                          uint8_t interlace) {
    struct r2g_error err;
    uint8_t ihdr[13] = {0};
    png_put_be32(ihdr, width);
    png_put_be32(ihdr + 4, height);
    ihdr[8] = depth;
    ihdr[9] = color_type;
    ihdr[12] = interlace;
    assert_int_equal(r2g_buffer_append(out, r2g_png_signature, 8, &err), R2G_OK);
    append_chunk(out, "IHDR", ihdr, sizeof ihdr);
}

/* An all-zero gray picture of 4 x 4 with `nbytes` bytes of image data; 20 are right. */
static void append_pixels(struct r2g_buffer *out, size_t nbytes) {
    static const uint8_t zeros[64];
    append_compressed(out, "IDAT", "", 0, zeros, nbytes);
}

static r2g_status decode_buffer(const struct r2g_buffer *file, uint64_t limit_nbytes, uint64_t max_pixels,
                                struct r2g_error *err) {
    struct r2g_source source = source_from_bytes(file->bytes, file->nbytes);
    struct r2g_budget budget = {.limit_nbytes = limit_nbytes};
    struct picture picture = {0};
    *err = (struct r2g_error){0};
    r2g_status status = decode(&source, &budget, max_pixels, 1, &picture, err);
    assert_int_equal(budget.used_nbytes, 0);
    assert_int_equal(err->status, status);
    free(picture.samples);
    close(source.fd);
    return status;
}

static void test_every_truncation_is_found(void **unused) {
    (void)unused;
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        struct stored stored = make_stored(9, 8, PNG_COLOR_TYPE_RGB, 8, interlaced, true);
        struct r2g_buffer file = {0};
        struct r2g_error err;
        write_stored(&stored, &file);
        size_t nbytes = file.nbytes;
        assert_int_equal(decode_buffer(&file, 0, 0, &err), R2G_OK);
        for (file.nbytes = 1; file.nbytes < nbytes; file.nbytes++) {
            assert_int_equal(decode_buffer(&file, 0, 0, &err), R2G_ECORRUPT);
        }
        r2g_buffer_free(&file);
        free(stored.samples);
    }
}

/* All bytes of a PNG without ancillary chunks are under a CRC, or lead to a wrong one. */
static void test_every_damaged_byte_is_found(void **unused) {
    (void)unused;
    struct stored stored = make_stored(9, 8, PNG_COLOR_TYPE_RGB, 8, false, false);
    struct r2g_buffer file = {0};
    struct r2g_error err;
    write_stored(&stored, &file);
    for (size_t i = 0; i < file.nbytes; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            file.bytes[i] ^= (uint8_t)(1u << bit);
            r2g_status status = decode_buffer(&file, 0, 0, &err);
            assert_true(status == R2G_ECORRUPT || (status == R2G_EFORMAT && i < 8));
            file.bytes[i] ^= (uint8_t)(1u << bit);
        }
    }
    assert_int_equal(decode_buffer(&file, 0, 0, &err), R2G_OK);
    r2g_buffer_free(&file);
    free(stored.samples);
}

static void test_amount_of_image_data(void **unused) {
    (void)unused;
    static const struct {
        size_t nbytes;
        r2g_status status;
    } cases[] = {{20, R2G_OK},      {19, R2G_ECORRUPT}, {15, R2G_ECORRUPT},
                 {0, R2G_ECORRUPT}, {21, R2G_ECORRUPT}, {40, R2G_ECORRUPT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct r2g_buffer file = {0};
        struct r2g_error err;
        append_header(&file, 4, 4, 8, 0, 0);
        append_pixels(&file, cases[i].nbytes);
        append_chunk(&file, "IEND", NULL, 0);
        assert_int_equal(decode_buffer(&file, 0, 0, &err), cases[i].status);
        r2g_buffer_free(&file);
    }
}

static void test_wrong_adler_and_missing_end(void **unused) {
    (void)unused;
    static const uint8_t zeros[20];
    uint8_t packed[100];
    uLongf nbytes = sizeof packed;
    assert_int_equal(compress2(packed, &nbytes, zeros, sizeof zeros, 6), Z_OK);
    struct r2g_buffer file = {0};
    struct r2g_error err;
    append_header(&file, 4, 4, 8, 0, 0);
    size_t start = file.nbytes;
    append_chunk(&file, "IDAT", packed, nbytes);
    assert_int_equal(decode_buffer(&file, 0, 0, &err), R2G_ECORRUPT);
    assert_string_equal(err.text, "file ends early (no IEND)");
    append_chunk(&file, "IEND", NULL, 0);
    assert_int_equal(decode_buffer(&file, 0, 0, &err), R2G_OK);
    packed[nbytes - 1] ^= 1;
    file.nbytes = start;
    append_chunk(&file, "IDAT", packed, nbytes);
    append_chunk(&file, "IEND", NULL, 0);
    assert_int_equal(decode_buffer(&file, 0, 0, &err), R2G_ECORRUPT);
    file.nbytes = start; /* no Adler-32 at all */
    append_chunk(&file, "IDAT", packed, nbytes - 4);
    append_chunk(&file, "IEND", NULL, 0);
    assert_int_equal(decode_buffer(&file, 0, 0, &err), R2G_ECORRUPT);
    r2g_buffer_free(&file);
}

static void test_apple_variant_is_named(void **unused) {
    (void)unused;
    struct r2g_buffer file = {0};
    struct r2g_error err;
    assert_int_equal(r2g_buffer_append(&file, r2g_png_signature, 8, &err), R2G_OK);
    append_chunk(&file, "CgBI", "\x50\x00\x20\x02", 4);
    assert_int_equal(decode_buffer(&file, 0, 0, &err), R2G_EFORMAT);
    assert_non_null(strstr(err.text, "CgBI"));
    r2g_buffer_free(&file);
}

/* Huge sizes that the file declares cost nothing. */
static void test_declared_sizes_are_limited(void **unused) {
    (void)unused;
    for (uint8_t interlaced = 0; interlaced < 2; interlaced++) {
        struct r2g_buffer file = {0};
        struct r2g_error err;
        append_header(&file, 0x7fffffff, 0x7fffffff, 16, 6, interlaced);
        append_pixels(&file, 20);
        append_chunk(&file, "IEND", NULL, 0);
        assert_int_equal(decode_buffer(&file, 1u << 20, 0, &err), R2G_ELIMIT);
        file.nbytes = 0;
        append_header(&file, 5000, 5000, 8, 2, interlaced);
        append_pixels(&file, 20);
        append_chunk(&file, "IEND", NULL, 0);
        assert_int_equal(decode_buffer(&file, 10u << 20, 1000, &err), interlaced ? R2G_ELIMIT : R2G_ECORRUPT);
        assert_int_equal(decode_buffer(&file, 10u << 20, 0, &err), interlaced ? R2G_ELIMIT : R2G_ECORRUPT);
        r2g_buffer_free(&file);
    }
}

/* Whatever is refused is called the limit, not damage, and everything is given back. */
static void test_every_budget(void **unused) {
    (void)unused;
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        struct stored stored = make_stored(200, 100, PNG_COLOR_TYPE_RGB, 16, interlaced, false);
        struct r2g_buffer file = {0};
        struct r2g_error err;
        write_stored(&stored, &file);
        unsigned refused = 0, done = 0;
        for (uint64_t limit = 1; limit < 600000; limit += 997) {
            r2g_status status = decode_buffer(&file, limit, 0, &err);
            assert_true(status == R2G_OK || status == R2G_ELIMIT);
            assert_true(status == R2G_ELIMIT || limit > file.nbytes);
            refused += status == R2G_ELIMIT;
            done += status == R2G_OK;
        }
        assert_true(refused > 100 && done > 100);
        r2g_buffer_free(&file);
        free(stored.samples);
    }
}

/* Compares every PNG of the corpus with the decoder of this test. Files that libpng tolerates by default though their
 * image data is wrong (a bad Adler-32, too much data) must be refused. */
static void test_corpus(void **unused) {
    (void)unused;
    const char *root = getenv("RGB2GRAY_CORPUS");
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/png", root != NULL ? root : "../shared/corpus");
    DIR *folder = opendir(path);
    if (folder == NULL) {
        print_message("no corpus at %s: only pictures made here were tested\n", path);
        return;
    }
    unsigned same = 0, both_fail = 0, stricter = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".png") != 0) {
            continue;
        }
        char file_name[8192];
        (void)snprintf(file_name, sizeof file_name, "%s/%s", path, entry->d_name);
        struct r2g_source *source = NULL;
        struct r2g_error err = {0};
        assert_int_equal(r2g_source_open(&source, file_name, &err), R2G_OK);
        uint8_t *bytes = malloc(source->nbytes);
        assert_non_null(bytes);
        assert_int_equal(r2g_source_read_exact(source, 0, bytes, source->nbytes, &err), R2G_OK);
        struct stored stored;
        struct picture picture = {0};
        struct r2g_budget budget = {0};
        bool good = read_stored(bytes, source->nbytes, &stored);
        r2g_status status = decode(source, &budget, 0, 7, &picture, &err);
        if (status == R2G_OK) {
            assert_true(good);
            struct picture wanted = expand(&stored);
            assert_same_picture(&picture, &wanted);
            free(wanted.samples);
            same++;
        } else {
            assert_true(status == R2G_ECORRUPT || status == R2G_EFORMAT);
            if (good) {
                print_message("stricter than libpng: %s: %s\n", entry->d_name, err.text);
            }
            stricter += good;
            both_fail += !good;
        }
        assert_int_equal(budget.used_nbytes, 0);
        free(picture.samples);
        free(stored.samples);
        free(bytes);
        r2g_source_close(source);
    }
    closedir(folder);
    print_message("corpus: %u the same, %u refused by both, %u refused here only\n", same, both_fail, stricter);
    assert_true(same > 10 * stricter);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_every_truncation_is_found),
        cmocka_unit_test(test_every_damaged_byte_is_found),
        cmocka_unit_test(test_amount_of_image_data),
        cmocka_unit_test(test_wrong_adler_and_missing_end),
        cmocka_unit_test(test_apple_variant_is_named),
        cmocka_unit_test(test_declared_sizes_are_limited),
        cmocka_unit_test(test_every_budget),
        cmocka_unit_test(test_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
