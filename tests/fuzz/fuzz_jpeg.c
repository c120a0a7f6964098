/* Fuzz target: any bytes as a JPEG file, and as an EXIF blob. Nothing but sanitizer findings and hangs is a failure.
 * With RGB2GRAY_REPLAY it is an ordinary program that runs the files and folders of its command line. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reader_harness.h"
#include "codec/codec.h"
#include "codec/exif.h"

#define PIXELS_MAX 50000000 /* more would only take time: rows stream */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static void read_picture(const struct r2g_source *source, bool own_luma) {
    struct r2g_budget budget = {.limit_nbytes = 32 << 20};
    struct r2g_read_options options = {.budget = &budget, .max_pixels = 1000000, .own_luma = own_luma};
    struct r2g_reader *reader;
    struct r2g_error err;
    if (r2g_codec_jpeg.open(&reader, source, &options, &err) != R2G_OK)
        return;
    size_t row_nbytes = r2g_image_row_nbytes(&reader->image);
    uint8_t *rows = malloc(7 * row_nbytes);
    uint32_t height = reader->image.height;
    uint64_t pixel_count = (uint64_t)reader->image.width * height;
    for (uint32_t y = 0; rows != NULL && pixel_count <= PIXELS_MAX && y < height; y += 7) {
        uint32_t count = height - y < 7 ? height - y : 7;
        if (r2g_codec_jpeg.read_rows(reader, y, count, rows, row_nbytes, &err) != R2G_OK)
            break;
    }
    free(rows);
    r2g_codec_jpeg.close(reader);
    if (budget.used_nbytes != 0)
        abort();
}

/* The EXIF functions on an exact copy, so that a step past the end is seen. */
static void use_exif(const uint8_t *bytes, size_t nbytes) {
    if (nbytes == 0)
        return;
    struct r2g_blob blob = {malloc(nbytes), nbytes};
    if (blob.bytes == NULL)
        return;
    memcpy(blob.bytes, bytes, nbytes);
    unsigned before = r2g_exif_orientation(&blob);
    r2g_exif_set_orientation(&blob, 5);
    if (before != 0 && r2g_exif_orientation(&blob) != 5)
        abort();
    (void)r2g_exif_drop_thumbnail(&blob);
    if (r2g_exif_drop_thumbnail(&blob))
        abort();
    free(blob.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes) {
    static char name[] = "input";
    use_exif(bytes, nbytes < 4096 ? nbytes : 4096);
    struct r2g_source source = {.fd = memfd_create("fuzz", 0), .nbytes = nbytes, .name = name};
    if (source.fd >= 0 && write(source.fd, bytes, nbytes) == (ssize_t)nbytes) {
        read_picture(&source, false);
        read_picture(&source, true);
    }
    close(source.fd);
    return 0;
}

FUZZ_REPLAY_MAIN
