/* Fuzz target: any bytes as a JPEG whose luma is carried over. Where that succeeds, the file must be readable, the reader
 * must decode the output without complaint, and to the same pixels.
 * With RGB2GRAY_REPLAY it is an ordinary program that runs the files and folders of its command line. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reader_harness.h"
#include "codec/codec.h"

#define PIXELS_MAX 4000000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static struct r2g_source memory_source(const void *bytes, size_t nbytes) {
    static char name[] = "input";
    struct r2g_source source = {.fd = memfd_create("fuzz", MFD_CLOEXEC), .nbytes = nbytes, .name = name};
    if (source.fd < 0 || (nbytes > 0 && pwrite(source.fd, bytes, nbytes, 0) != (ssize_t)nbytes))
        abort();
    return source;
}

static r2g_status keep(void *user, const void *bytes, size_t nbytes, struct r2g_error *err) {
    return r2g_buffer_append(user, bytes, nbytes, err);
}

static r2g_status watch_rows(void *user, uint32_t done_rows, struct r2g_error *err) {
    (void)user;
    (void)done_rows;
    (void)err;
    return R2G_OK;
}

/* *filled: fill bytes stand within the picture. libjpeg's fast decoder then begins an MCU anew on top of what a first try
 * left there, so that its pixels are not those of the file. */
static r2g_status transcode(const struct r2g_source *source, struct r2g_buffer *out, bool *filled) {
    struct r2g_budget budget = {.limit_nbytes = 64 << 20};
    struct r2g_read_options options = {.budget = &budget, .max_pixels = PIXELS_MAX, .own_luma = true};
    struct r2g_transcode_io io = {.user = out, .write = keep, .rows_done = watch_rows};
    struct r2g_reader *reader;
    *filled = false;
    r2g_status status = r2g_codec_jpeg.open(&reader, source, &options, NULL);
    if (status != R2G_OK)
        return status;
    status = R2G_EFORMAT;
    if (r2g_codec_jpeg.transcode_way(reader) != R2G_TRANSCODE_NONE &&
        (uint64_t)reader->image.width * reader->image.height <= PIXELS_MAX)
        status = r2g_codec_jpeg.transcode(reader, &reader->metadata, &io, NULL);
    *filled = strstr(reader->image.note, "fill bytes") != NULL;
    r2g_codec_jpeg.close(reader);
    if (budget.used_nbytes != 0)
        abort();
    return status;
}

/* The gray pixels, or NULL. *smoothed: libjpeg may have smoothed what is not there. */
static uint8_t *decode(const struct r2g_source *source, size_t *nbytes, bool *smoothed) {
    struct r2g_budget budget = {0};
    struct r2g_read_options options = {.budget = &budget, .own_luma = true};
    struct r2g_reader *reader;
    if (r2g_codec_jpeg.open(&reader, source, &options, NULL) != R2G_OK)
        return NULL;
    size_t row_nbytes = r2g_image_row_nbytes(&reader->image);
    *nbytes = row_nbytes * reader->image.height;
    uint8_t *rows = malloc(*nbytes);
    if (rows == NULL)
        abort();
    if (r2g_codec_jpeg.read_rows(reader, 0, reader->image.height, rows, row_nbytes, NULL) != R2G_OK) {
        free(rows);
        rows = NULL;
    }
    *smoothed = strstr(reader->image.note, "fine detail") != NULL;
    r2g_codec_jpeg.close(reader);
    return rows;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes) {
    struct r2g_source source = memory_source(bytes, nbytes), made = {.fd = -1};
    struct r2g_buffer out = {0};
    bool filled;
    if (transcode(&source, &out, &filled) == R2G_OK) {
        size_t wanted_nbytes = 0, got_nbytes = 0;
        bool smoothed = false, ignored;
        made = memory_source(out.bytes, out.nbytes);
        uint8_t *wanted = decode(&source, &wanted_nbytes, &smoothed), *got = decode(&made, &got_nbytes, &ignored);
        if (wanted == NULL || got == NULL || wanted_nbytes != got_nbytes)
            abort();
        if (!smoothed && !filled && memcmp(wanted, got, got_nbytes) != 0)
            abort();
        free(wanted);
        free(got);
    }
    if (made.fd >= 0)
        close(made.fd);
    close(source.fd);
    r2g_buffer_free(&out);
    return 0;
}

FUZZ_REPLAY_MAIN
