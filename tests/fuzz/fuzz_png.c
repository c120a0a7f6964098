/* Fuzz target: any bytes as a PNG file, and as a text to be written. Nothing but sanitizer findings, hangs and memory
 * that is not given back is a failure. With RGB2GRAY_REPLAY it is an ordinary program that runs the files and folders of
 * its command line. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zlib.h>

#include "reader_harness.h"
#include "codec/codec.h"
#include "codec/png_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static void read_picture(const struct r2g_source *source) {
    struct r2g_budget budget = {.limit_nbytes = 32 << 20};
    struct r2g_read_options options = {.budget = &budget, .max_pixels = 1000000};
    struct r2g_reader *reader;
    struct r2g_error err;
    if (r2g_codec_png.open(&reader, source, &options, &err) == R2G_OK) {
        size_t row_nbytes = r2g_image_row_nbytes(&reader->image);
        uint32_t height = reader->image.height;
        uint8_t *rows = row_nbytes <= (8 << 20) ? malloc(3 * row_nbytes) : NULL;
        for (uint32_t y = 0; rows != NULL && y < height; y += 3) {
            uint32_t count = height - y < 3 ? height - y : 3;
            if (r2g_codec_png.read_rows(reader, y, count, rows, row_nbytes, &err) != R2G_OK) {
                break;
            }
        }
        free(rows);
        r2g_codec_png.close(reader);
    }
    if (budget.used_nbytes != 0) {
        abort();
    }
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
        read_picture(&source);
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
