/* For the tests of the BMP and PNM codecs: files in memory, whole pictures, and a writer that runs an encoder over all
 * row blocks. What is returned is malloc'ed and the caller's. */
#ifndef R2G_TEST_ROWS_SUPPORT_H
#define R2G_TEST_ROWS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "codec/codec.h"

static inline uint32_t random_below(uint32_t limit) {
    static uint64_t state = 88172645463325252u;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % limit;
}

/* A growing file. */
struct file {
    uint8_t *bytes;
    size_t nbytes, capacity;
};

static inline void file_add(struct file *file, const void *bytes, size_t nbytes) {
    if (file->nbytes + nbytes > file->capacity) {
        file->capacity = (file->nbytes + nbytes) * 2 + 64;
        file->bytes = realloc(file->bytes, file->capacity);
        assert_non_null(file->bytes);
    }
    if (nbytes > 0)
        memcpy(file->bytes + file->nbytes, bytes, nbytes);
    file->nbytes += nbytes;
}

static inline void file_text(struct file *file, const char *text) {
    file_add(file, text, strlen(text));
}
static inline void file_byte(struct file *file, uint32_t byte) {
    file_add(file, &(uint8_t){(uint8_t)byte}, 1);
}
static inline void file_le(struct file *file, uint32_t value, unsigned nbytes) {
    for (unsigned i = 0; i < nbytes; i++)
        file_byte(file, value >> (8 * i));
}

static inline struct r2g_source source_of(const void *bytes, size_t nbytes) {
    int fd = memfd_create("picture", MFD_CLOEXEC);
    assert_true(fd >= 0);
    if (nbytes > 0)
        assert_int_equal(pwrite(fd, bytes, nbytes, 0), nbytes);
    return (struct r2g_source){.fd = fd, .nbytes = nbytes};
}

/* What a reader made of a file. */
struct picture {
    r2g_status status; /* of opening or, if that went well, of reading */
    struct r2g_error error;
    struct r2g_image image;
    struct r2g_metadata metadata;
    uint8_t *rows; /* without gaps; NULL unless R2G_OK */
    size_t nbytes;
};

static inline void picture_free(struct picture *picture) {
    r2g_metadata_free(&picture->metadata);
    free(picture->rows);
}

/* Opens and reads all rows, block_rows at a time; backwards where the reader allows that and `backwards` is set. Rows
 * are read with a gap behind each, which must stay untouched. The budget must be given back in full. */
static inline struct picture read_with(const void *bytes, size_t nbytes, uint32_t block_rows, bool backwards,
                                       uint64_t budget_nbytes, uint64_t max_pixels) {
    struct picture picture = {0};
    r2g_metadata_init(&picture.metadata);
    struct r2g_source source = source_of(bytes, nbytes);
    struct r2g_budget budget = {.limit_nbytes = budget_nbytes};
    struct r2g_read_options options = {.budget = &budget, .max_pixels = max_pixels};
    struct r2g_reader *reader = NULL;
    picture.status = r2g_reader_open(&reader, &source, &options, &picture.error);
    if (picture.status == R2G_OK) {
        picture.image = reader->image;
        picture.metadata = reader->metadata;
        r2g_metadata_init(&reader->metadata);
        size_t row_nbytes = r2g_image_row_nbytes(&reader->image), stride = row_nbytes + 6;
        uint32_t height = reader->image.height, blocks = (height + block_rows - 1) / block_rows;
        picture.nbytes = row_nbytes * height;
        picture.rows = malloc(picture.nbytes);
        uint8_t *gapped = malloc(stride * block_rows);
        assert_true(picture.rows && gapped);
        for (uint32_t i = 0; i < blocks && picture.status == R2G_OK; i++) {
            uint32_t first = (backwards && reader->image.random_access ? blocks - 1 - i : i) * block_rows;
            uint32_t count = height - first < block_rows ? height - first : block_rows;
            memset(gapped, 0xA5, stride * block_rows);
            picture.status = reader->codec->read_rows(reader, first, count, gapped, stride, &picture.error);
            for (uint32_t y = 0; y < count; y++) {
                memcpy(picture.rows + (first + y) * row_nbytes, gapped + y * stride, row_nbytes);
                assert_memory_equal(gapped + y * stride + row_nbytes, "\xA5\xA5\xA5\xA5\xA5\xA5", 6);
            }
        }
        free(gapped);
    }
    r2g_reader_close(reader);
    close(source.fd);
    assert_int_equal(budget.used_nbytes, 0);
    assert_int_equal(picture.status == R2G_OK, picture.error.status == R2G_OK);
    if (picture.status != R2G_OK) {
        assert_true(picture.error.text[0] != '\0');
        free(picture.rows);
        picture.rows = NULL;
    }
    return picture;
}

static inline struct picture read_picture(const void *bytes, size_t nbytes) {
    return read_with(bytes, nbytes, 3, false, 64u << 20, 1u << 22);
}

/* Reads one way and another, in one go without gaps too, and demands the same rows. */
static inline struct picture read_every_way(const struct file *file) {
    struct picture picture = read_picture(file->bytes, file->nbytes);
    if (picture.status != R2G_OK)
        return picture;
    struct picture again = read_with(file->bytes, file->nbytes, 2, true, 64u << 20, 1u << 22);
    assert_int_equal(again.status, R2G_OK);
    assert_memory_equal(picture.rows, again.rows, picture.nbytes);
    struct r2g_source source = source_of(file->bytes, file->nbytes);
    struct r2g_budget budget = {0};
    struct r2g_read_options options = {.budget = &budget};
    struct r2g_reader *reader;
    assert_int_equal(r2g_reader_open(&reader, &source, &options, NULL), R2G_OK);
    size_t row_nbytes = r2g_image_row_nbytes(&reader->image);
    memset(again.rows, 0, again.nbytes);
    assert_int_equal(reader->codec->read_rows(reader, 0, reader->image.height, again.rows, row_nbytes, NULL), R2G_OK);
    assert_memory_equal(picture.rows, again.rows, picture.nbytes);
    assert_int_equal(reader->codec->read_rows(reader, reader->image.height, 1, again.rows, row_nbytes, NULL),
                     R2G_EINTERNAL);
    r2g_reader_close(reader);
    close(source.fd);
    picture_free(&again);
    return picture;
}

/* Runs an encoder over all row blocks, in reverse order where segments have a fixed place. */
static inline struct file write_picture(const struct r2g_encoder *encoder, struct r2g_raster raster,
                                        const struct r2g_metadata *metadata, const uint8_t *rows) {
    struct file file = {0};
    struct r2g_buffer out = {0};
    struct r2g_checksum sum = {0};
    struct r2g_encoder_state *state = NULL;
    size_t row_nbytes = r2g_raster_row_nbytes(&raster);
    assert_int_equal(encoder->state_new(&state, &raster, NULL, NULL), R2G_OK);
    assert_int_equal(encoder->header(&raster, metadata, &out, NULL), R2G_OK);
    file_add(&file, out.bytes, out.nbytes);
    size_t header_nbytes = file.nbytes;
    for (uint32_t i = raster.block_count; i-- > 0;) {
        uint32_t first = i * raster.block_rows, count = r2g_raster_block_row_count(&raster, i);
        out.nbytes = 0;
        assert_int_equal(encoder->segment(state, &raster, first, count, rows + first * row_nbytes, &out, &sum, NULL),
                         R2G_OK);
        size_t end = header_nbytes + encoder->segment_offset(&raster, first, count) + out.nbytes;
        while (file.nbytes < end)
            file_byte(&file, 0xEE);
        memcpy(file.bytes + end - out.nbytes, out.bytes, out.nbytes);
    }
    out.nbytes = 0;
    assert_int_equal(encoder->trailer(&raster, &sum, &out, NULL), R2G_OK);
    file_add(&file, out.bytes, out.nbytes);
    encoder->state_free(state);
    r2g_buffer_free(&out);
    return file;
}

/* A file of the corpus; false where there is none. */
static inline bool corpus_file(const char *name, struct file *file) {
    const char *corpus = getenv("RGB2GRAY_CORPUS");
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", corpus ? corpus : "../shared/corpus", name);
    *file = (struct file){0};
    FILE *stream = fopen(path, "rb");
    if (!stream) {
        print_message("not in the corpus: %s\n", path);
        return false;
    }
    uint8_t bytes[4096];
    for (size_t got; (got = fread(bytes, 1, sizeof bytes, stream)) > 0;)
        file_add(file, bytes, got);
    fclose(stream);
    return true;
}

#endif
