/* The two ways to read a PNG's rows, libpng alone and the faster one for plain pictures, agree: the same pixels, the
 * same verdict on damaged files, the same notes. */
#include "test_png_support.h"

#include <dirent.h>

struct outcome {
    r2g_status status;
    uint8_t *samples; /* NULL unless the header was read; zero where nothing was delivered */
    size_t nbytes;
    struct r2g_error err;
    char note[sizeof((struct r2g_image *)0)->note];
};

/* Reads pieces of `piece` rows, or of random counts if it is 0. */
static struct outcome read_file(const struct r2g_source *source, bool by_library, uint32_t piece) {
    struct r2g_budget budget = {.limit_nbytes = UINT64_C(1) << 30};
    struct r2g_read_options options = {.budget = &budget, .by_library = by_library};
    struct outcome outcome = {.status = R2G_OK};
    struct r2g_reader *reader = NULL;
    outcome.status = r2g_codec_png.open(&reader, source, &options, &outcome.err);
    if (outcome.status != R2G_OK) {
        return outcome;
    }
    size_t row_nbytes = r2g_image_row_nbytes(&reader->image);
    uint32_t height = reader->image.height;
    if ((uint64_t)row_nbytes * height < (UINT64_C(1) << 28)) {
        outcome.nbytes = row_nbytes * height;
        outcome.samples = calloc(1, outcome.nbytes);
        assert_non_null(outcome.samples);
    }
    for (uint32_t first = 0; outcome.samples != NULL && outcome.status == R2G_OK && first < height;) {
        uint32_t count = piece > 0 ? piece : random_u32() % 20;
        count = count < height - first ? count : height - first;
        outcome.status = r2g_codec_png.read_rows(reader, first, count, outcome.samples + first * row_nbytes, row_nbytes,
                                                 &outcome.err);
        first += count;
    }
    memcpy(outcome.note, reader->image.note, sizeof outcome.note);
    r2g_codec_png.close(reader);
    assert_int_equal(budget.used_nbytes, 0);
    return outcome;
}

/* tiny_chunks: libpng leaves out what they cut off the Adler-32, so that it may take more for good. */
static r2g_status check_source(const struct r2g_source *source, uint32_t piece, bool tiny_chunks, const char *what) {
    struct outcome plain = read_file(source, false, piece), library = read_file(source, true, 5);
    if (plain.status != library.status && !(library.status == R2G_OK && tiny_chunks)) {
        fail_msg("%s: status %d \"%s\", by libpng %d \"%s\"", what, plain.status, plain.err.text, library.status,
                 library.err.text);
    }
    assert_int_equal(plain.nbytes, library.nbytes);
    if (plain.status == R2G_OK) {
        assert_string_equal(plain.note, library.note);
        if (plain.nbytes > 0) {
            assert_memory_equal(plain.samples, library.samples, plain.nbytes);
        }
    }
    r2g_status status = plain.status;
    free(plain.samples);
    free(library.samples);
    return status;
}

static r2g_status check_bytes(const uint8_t *bytes, size_t nbytes, uint32_t piece, bool tiny_chunks, const char *what) {
    struct r2g_source source = source_from_bytes(bytes, nbytes);
    r2g_status status = check_source(&source, piece, tiny_chunks, what);
    close(source.fd);
    return status;
}

struct kind {
    uint32_t width, height;
    uint8_t color_type, depth;
};

static unsigned pixel_nbytes(const struct kind *kind) {
    static const uint8_t channels[7] = {1, 0, 3, 1, 2, 0, 4};
    return channels[kind->color_type] * (unsigned)kind->depth / 8;
}

static void start_file(const struct kind *kind, struct r2g_buffer *out) {
    struct r2g_error err;
    uint8_t ihdr[13] = {0};
    png_put_be32(ihdr, kind->width);
    png_put_be32(ihdr + 4, kind->height);
    ihdr[8] = kind->depth;
    ihdr[9] = kind->color_type;
    assert_int_equal(r2g_buffer_append(out, r2g_png_signature, 8, &err), R2G_OK);
    append_chunk(out, "IHDR", ihdr, sizeof ihdr);
}

/* The zlib stream of random rows: any filter type with any bytes is a picture. `extra` bytes follow the last row. */
static uint8_t *random_stream(const struct kind *kind, size_t extra, int level, uLongf *nbytes) {
    size_t row_nbytes = 1 + (size_t)kind->width * pixel_nbytes(kind), total = row_nbytes * kind->height + extra;
    uint8_t *rows = malloc(total), *stream = malloc(compressBound(total));
    assert_true(rows != NULL && stream != NULL);
    uint32_t mask = random_u32() % 2 ? 0xff : 0x0f, only = random_u32() % 10;
    for (size_t i = 0; i < total; i++) {
        rows[i] = (uint8_t)(random_u32() & mask);
    }
    for (uint32_t r = 0; r < kind->height; r++) {
        rows[r * row_nbytes] = (uint8_t)(only < 5 ? only : random_u32() % 5);
    }
    *nbytes = compressBound(total);
    assert_int_equal(compress2(stream, nbytes, rows, total, level), Z_OK);
    free(rows);
    return stream;
}

/* As IDAT chunks of 0 to chunk_nbytes_max bytes; the first is not empty, or the file would not be read the fast way. */
static void append_stream(struct r2g_buffer *out, const uint8_t *stream, size_t nbytes, uint32_t chunk_nbytes_max) {
    for (size_t at = 0; at < nbytes;) {
        size_t count = random_u32() % (chunk_nbytes_max + 1);
        count = at == 0 && count == 0 ? 1 : count;
        count = count < nbytes - at ? count : nbytes - at;
        append_chunk(out, "IDAT", stream + at, count);
        at += count;
    }
}

static struct r2g_buffer random_file(const struct kind *kind, uint32_t chunk_nbytes_max, int level) {
    struct r2g_buffer file = {0};
    uLongf nbytes;
    uint8_t *stream = random_stream(kind, 0, level, &nbytes);
    start_file(kind, &file);
    append_stream(&file, stream, nbytes, chunk_nbytes_max);
    append_chunk(&file, "tEXt", "Title\0x", 7);
    append_chunk(&file, "IEND", NULL, 0);
    free(stream);
    return file;
}

static const uint8_t color_types[] = {0, 2, 4, 6};

static struct kind random_kind(uint32_t width_max, uint32_t height_max) {
    return (struct kind){1 + random_u32() % width_max, 1 + random_u32() % height_max, color_types[random_u32() % 4],
                         random_u32() % 2 ? 16 : 8};
}

static void check_random(const struct kind *kind, uint32_t chunk_nbytes_max) {
    struct r2g_buffer file = random_file(kind, chunk_nbytes_max, random_u32() % 3 == 0 ? 0 : 6);
    char what[100];
    (void)snprintf(what, sizeof what, "%u x %u, type %d, depth %d", kind->width, kind->height, kind->color_type,
                   kind->depth);
    if (check_bytes(file.bytes, file.nbytes, 0, false, what) != R2G_OK) {
        fail_msg("%s: refused", what);
    }
    r2g_buffer_free(&file);
}

static void test_same_pixels(void **unused) {
    (void)unused;
    static const uint32_t chunk_nbytes_max[] = {1, 3, 100, 5000, 100000};
    for (uint32_t width = 1; width <= 70; width++) {
        for (unsigned form = 0; form < 8; form++) {
            struct kind kind = {width, 1 + random_u32() % 40, color_types[form / 2], form % 2 ? 16 : 8};
            check_random(&kind, chunk_nbytes_max[random_u32() % 5]);
        }
    }
    for (unsigned form = 0; form < 8; form++) { /* several bands, and rows wider than one */
        struct kind tall = {300 + form, 700, color_types[form / 2], form % 2 ? 16 : 8};
        struct kind wide = {40000 + form, 19, color_types[form / 2], form % 2 ? 16 : 8};
        check_random(&tall, 100000);
        check_random(&wide, 1000000);
    }
}

static void test_same_verdict_on_any_cut(void **unused) {
    (void)unused;
    for (unsigned round = 0; round < 6; round++) {
        struct kind kind = random_kind(9, 12);
        struct r2g_buffer file = random_file(&kind, round % 2 ? 40 : 10000, 6);
        for (size_t nbytes = 8; nbytes < file.nbytes; nbytes++) {
            assert_int_equal(check_bytes(file.bytes, nbytes, 3, false, "cut"), R2G_ECORRUPT);
        }
        r2g_buffer_free(&file);
    }
}

/* Sets all CRCs right, so that what lies below them is looked at. */
static void mend_crcs(struct r2g_buffer *file) {
    for (size_t at = PNG_SIGNATURE_NBYTES; at + 12 <= file->nbytes;) {
        size_t length = png_get_be32(file->bytes + at);
        if (length > file->nbytes - at - 12) {
            return;
        }
        png_put_be32(file->bytes + at + 8 + length, (uint32_t)crc32_z(0, file->bytes + at + 4, length + 4));
        at += length + 12;
    }
}

static void test_same_verdict_on_damage(void **unused) {
    (void)unused;
    unsigned good = 0;
    for (unsigned round = 0; round < 3000; round++) {
        struct kind kind = random_kind(20, 20);
        bool tiny_chunks = random_u32() % 2;
        struct r2g_buffer file = random_file(&kind, tiny_chunks ? 50 : 10000, (int)(random_u32() % 10));
        bool after_header = random_u32() % 4 != 0;
        for (unsigned count = 1 + random_u32() % 3; count > 0; count--) {
            size_t from = after_header ? 33 : 8;
            file.bytes[from + random_u32() % (file.nbytes - from)] = (uint8_t)random_u32();
        }
        if (random_u32() % 4 != 0) {
            mend_crcs(&file);
        }
        good += check_bytes(file.bytes, file.nbytes, 0, tiny_chunks, "damaged") == R2G_OK;
        r2g_buffer_free(&file);
    }
    print_message("%u damaged files are still good\n", good);
}

static void append_crc_error(struct r2g_buffer *out, const char *type, const void *data, size_t nbytes) {
    append_chunk(out, type, data, nbytes);
    out->bytes[out->nbytes - 1] ^= 1;
}

/* What may follow the image data, one case each. */
static bool append_tail(struct r2g_buffer *out, const uint8_t *stream, size_t nbytes, unsigned which) {
    static uint8_t zeros[9 << 20];
    struct r2g_error err;
    if (which < 15) {
        append_stream(out, stream, nbytes, 1000);
    }
    switch (which) {
    case 0:
        append_crc_error(out, "tEXt", "a\0b", 3);
        break;
    case 1:
        append_crc_error(out, "zzZz", "a", 1);
        append_crc_error(out, "yyYy", "a", 1);
        break;
    case 2:
        append_crc_error(out, "ABCD", "a", 1);
        break;
    case 3:
        append_chunk(out, "ABCD", "a", 1);
        break;
    case 4:
        append_chunk(out, "IHDR", zeros, 13);
        break;
    case 5:
        append_chunk(out, "PLTE", zeros, 7);
        break;
    case 6:
        append_chunk(out, "IDAT", NULL, 0);
        append_chunk(out, "IDAT", zeros, 5);
        break;
    case 7:
        append_chunk(out, "zzZz", NULL, 0);
        append_chunk(out, "IDAT", zeros, 5);
        break;
    case 8:
        append_crc_error(out, "IDAT", NULL, 0);
        break;
    case 9:
        append_chunk(out, "zzZz", zeros, sizeof zeros);
        break;
    case 10:
        append_chunk(out, "IDAT", zeros, sizeof zeros);
        break;
    case 11:
        append_chunk(out, "IEND", "abc", 3);
        break;
    case 12:
        append_chunk(out, "z[Zz", NULL, 0);
        break;
    case 13:
        append_crc_error(out, "IEND", NULL, 0);
        break;
    case 14:
        assert_int_equal(r2g_buffer_append(out, "\x80\0\0\0zzZz", 8, &err), R2G_OK);
        break;
    case 15: /* between IDAT chunks */
        append_chunk(out, "IDAT", stream, nbytes / 2);
        append_chunk(out, "zzZz", NULL, 0);
        append_chunk(out, "IDAT", stream + nbytes / 2, nbytes - nbytes / 2);
        break;
    case 16: /* an IDAT chunk that goes on behind the stream */
        assert_int_equal(r2g_buffer_append(out, "\0\0\xff\xffIDAT", 8, &err), R2G_OK);
        assert_int_equal(r2g_buffer_append(out, stream, nbytes, &err), R2G_OK);
        break;
    case 17: /* one that is too long */
        append_chunk(out, "IDAT", stream, nbytes / 2);
        append_chunk(out, "IDAT", zeros, sizeof zeros);
        break;
    case 18: /* no end of the stream */
        append_chunk(out, "IDAT", stream, nbytes - 1);
        break;
    case 19:
        append_chunk(out, "IDAT", stream, nbytes - 1);
        append_crc_error(out, "IDAT", stream + nbytes - 1, 1);
        break;
    default:
        return false;
    }
    append_chunk(out, "IEND", NULL, 0);
    return true;
}

static void test_same_verdict_on_what_follows(void **unused) {
    (void)unused;
    bool more = true;
    for (unsigned which = 0; more; which++) {
        struct kind kind = random_kind(50, 50);
        for (size_t extra = 0; extra < 2; extra++) {
            struct r2g_buffer file = {0};
            uLongf nbytes;
            uint8_t *stream = random_stream(&kind, extra, 6, &nbytes);
            char what[20];
            (void)snprintf(what, sizeof what, "case %u", which);
            start_file(&kind, &file);
            more = append_tail(&file, stream, nbytes, which);
            (void)check_bytes(file.bytes, file.nbytes, 0, false, what);
            r2g_buffer_free(&file);
            free(stream);
        }
    }
}

static void test_wrong_filter_type(void **unused) {
    (void)unused;
    uint8_t rows[4 * 5] = {0};
    for (unsigned r = 0; r < 4; r++) {
        for (unsigned type = 5; type < 256; type += 50) {
            struct r2g_buffer file = {0};
            struct kind kind = {4, 4, 0, 8};
            rows[5 * r] = (uint8_t)type;
            start_file(&kind, &file);
            append_compressed(&file, "IDAT", "", 0, rows, sizeof rows);
            append_chunk(&file, "IEND", NULL, 0);
            assert_int_equal(check_bytes(file.bytes, file.nbytes, 0, false, "filter type"), R2G_ECORRUPT);
            rows[5 * r] = 0;
            r2g_buffer_free(&file);
        }
    }
}

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
    unsigned count = 0;
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
        (void)check_source(source, 0, false, entry->d_name);
        r2g_source_close(source);
        count++;
    }
    closedir(folder);
    print_message("corpus: %u files\n", count);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_pixels),
        cmocka_unit_test(test_same_verdict_on_any_cut),
        cmocka_unit_test(test_same_verdict_on_damage),
        cmocka_unit_test(test_same_verdict_on_what_follows),
        cmocka_unit_test(test_wrong_filter_type),
        cmocka_unit_test(test_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
