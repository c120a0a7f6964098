/* Fuzz target: any bytes as a PNG file, and as a text to be written. Failures are sanitizer findings, hangs, memory that
 * is not given back, and rows or verdicts that libpng alone does not share. With RGB2GRAY_REPLAY it is an ordinary
 * program that runs the files and folders of its command line. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zlib.h>

#include "reader_harness.h"
#include "codec/codec.h"
#include "codec/png_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

struct outcome {
    r2g_status status;
    uint8_t *rows; /* NULL if the header is damaged, or the picture too large */
    size_t nbytes;
};

/* Reads the rows three at a time. */
static struct outcome read_picture(const struct r2g_source *source, bool by_library) {
    struct r2g_budget budget = {.limit_nbytes = 32 << 20};
    struct r2g_read_options options = {.budget = &budget, .max_pixels = 1000000, .by_library = by_library};
    struct outcome outcome = {.status = R2G_OK};
    struct r2g_reader *reader;
    struct r2g_error err;
    outcome.status = r2g_codec_png.open(&reader, source, &options, &err);
    if (outcome.status == R2G_OK) {
        size_t row_nbytes = r2g_image_row_nbytes(&reader->image);
        uint32_t height = reader->image.height;
        if (row_nbytes <= (8 << 20) / height) {
            outcome.nbytes = row_nbytes * height;
            outcome.rows = calloc(1, outcome.nbytes);
        }
        for (uint32_t y = 0; outcome.rows != NULL && outcome.status == R2G_OK && y < height; y += 3) {
            uint32_t count = height - y < 3 ? height - y : 3;
            outcome.status = r2g_codec_png.read_rows(reader, y, count, outcome.rows + y * row_nbytes, row_nbytes, &err);
        }
        r2g_codec_png.close(reader);
    }
    if (budget.used_nbytes != 0) {
        abort();
    }
    return outcome;
}

/* Both ways must agree, but that libpng may take a stream for good whose end tiny IDAT chunks cut, and that where
 * memory is refused depends on the way. */
static void compare_ways(const struct r2g_source *source) {
    struct outcome plain = read_picture(source, false), library = read_picture(source, true);
    bool refused = plain.status == R2G_ELIMIT || library.status == R2G_ELIMIT;
    bool stricter = plain.status == R2G_ECORRUPT && library.status == R2G_OK;
    if (!refused && !stricter && plain.status != library.status) {
        abort();
    }
    if (plain.status == R2G_OK && library.status == R2G_OK && plain.rows != NULL && library.rows != NULL &&
        memcmp(plain.rows, library.rows, plain.nbytes) != 0) {
        abort();
    }
    free(plain.rows);
    free(library.rows);
}

/* The encoder's header with the bytes as a text's key and value: what comes from a file reaches it. */
static void write_text(const uint8_t *bytes, size_t nbytes) {
    struct r2g_budget budget = {0};
    struct r2g_raster raster = {.width = 1, .height = 1, .channels = 1, .maxval = 255, .block_rows = 1};
    struct r2g_error err;
    struct r2g_buffer out = {.budget = &budget};
    char *copy = malloc(nbytes + 1);
    if (copy == NULL) {
        return;
    }
    memcpy(copy, bytes, nbytes);
    copy[nbytes] = '\0';
    struct r2g_text text = {copy, copy};
    struct r2g_metadata metadata;
    r2g_metadata_init(&metadata);
    metadata.texts = &text;
    metadata.text_count = 1;
    if (r2g_codec_png.encoder->header(&raster, &metadata, &out, &err) != R2G_OK) {
        abort();
    }
    r2g_buffer_free(&out);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes) {
    static char name[] = "input";
    write_text(bytes, nbytes < 4096 ? nbytes : 4096);
    struct r2g_source source = {.fd = memfd_create("fuzz", 0), .nbytes = nbytes, .name = name};
    if (source.fd >= 0 && write(source.fd, bytes, nbytes) == (ssize_t)nbytes) {
        compare_ways(&source);
    }
    close(source.fd);
    return 0;
}

#ifndef RGB2GRAY_REPLAY
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t nbytes, size_t nbytes_max);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t nbytes, size_t nbytes_max, unsigned seed);

/* Most mutations would end at a wrong CRC: seven in eight get theirs set right. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t nbytes, size_t nbytes_max, unsigned seed) {
    nbytes = LLVMFuzzerMutate(bytes, nbytes, nbytes_max);
    for (size_t at = PNG_SIGNATURE_NBYTES; seed % 8 != 0 && nbytes >= 12 && at <= nbytes - 12;) {
        size_t length = png_get_be32(bytes + at);
        if (length > nbytes - 12 - at) {
            break;
        }
        png_put_be32(bytes + at + 8 + length, (uint32_t)crc32_z(0, bytes + at + 4, length + 4));
        at += 12 + length;
    }
    return nbytes;
}
#endif

FUZZ_REPLAY_MAIN
