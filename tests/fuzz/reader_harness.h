/* Fuzzing a reader: the bytes become a file, which is opened and read to its last row under a small budget. With
 * RGB2GRAY_REPLAY it is an ordinary program that does the same with the files, and the files of the folders, it is given.
 * Include it in a file of its own and define the entry point with R2G_FUZZ_READER(codec). */
#ifndef R2G_FUZZ_READER_HARNESS_H
#define R2G_FUZZ_READER_HARNESS_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "codec/codec.h"

#define FUZZ_BUDGET_NBYTES (UINT64_C(32) << 20)
#define FUZZ_MAX_PIXELS (UINT64_C(1) << 22)
#define FUZZ_BLOCK_ROWS 7

static inline void fuzz_read_rows(struct r2g_reader *reader) {
    const struct r2g_image *image = &reader->image;
    size_t row_nbytes = r2g_image_row_nbytes(image);
    if ((uint64_t)image->width * image->height > FUZZ_MAX_PIXELS)
        return;
    uint8_t *rows = malloc(row_nbytes * FUZZ_BLOCK_ROWS); /* exactly, so that the sanitizer sees a byte too many */
    if (!rows)
        abort();
    for (uint32_t first = 0; first < image->height;) {
        uint32_t count = image->height - first < FUZZ_BLOCK_ROWS ? image->height - first : FUZZ_BLOCK_ROWS;
        if (reader->codec->read_rows(reader, first, count, rows, row_nbytes, NULL) != R2G_OK)
            break;
        first += count;
    }
    free(rows);
}

static inline int fuzz_reader(const struct r2g_codec *codec, const uint8_t *bytes, size_t nbytes) {
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || (nbytes > 0 && pwrite(fd, bytes, nbytes, 0) != (ssize_t)nbytes))
        abort();
    struct r2g_source source = {.fd = fd, .nbytes = nbytes};
    struct r2g_budget budget = {.limit_nbytes = FUZZ_BUDGET_NBYTES};
    struct r2g_read_options options = {.budget = &budget, .max_pixels = FUZZ_MAX_PIXELS};
    struct r2g_reader *reader = NULL;
    codec->probe(bytes, nbytes < R2G_PROBE_NBYTES ? nbytes : R2G_PROBE_NBYTES);
    if (codec->open(&reader, &source, &options, NULL) == R2G_OK) {
        fuzz_read_rows(reader);
        r2g_reader_close(reader);
    }
    if (budget.used_nbytes != 0)
        abort();
    close(fd);
    return 0;
}

#define R2G_FUZZ_READER(codec)                                                                                         \
    int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);                                                   \
    int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes) {                                                  \
        return fuzz_reader(&(codec), bytes, nbytes);                                                                   \
    }                                                                                                                  \
    FUZZ_REPLAY_MAIN

#ifndef RGB2GRAY_REPLAY
#define FUZZ_REPLAY_MAIN
#else
#define FUZZ_REPLAY_MAIN                                                                                               \
    int main(int argc, char **argv) {                                                                                  \
        int count = 0;                                                                                                 \
        for (int i = 1; i < argc; i++)                                                                                 \
            count += fuzz_replay(argv[i], LLVMFuzzerTestOneInput);                                                     \
        printf("%d inputs\n", count);                                                                                  \
        return 0;                                                                                                      \
    }

/* Runs one file, or each file of a folder. Returns how many. */
static inline int fuzz_replay(const char *path, int (*run)(const uint8_t *bytes, size_t nbytes)) {
    DIR *folder = opendir(path);
    int count = 0;
    if (folder) {
        for (struct dirent *entry; (entry = readdir(folder));) {
            char inner[4096];
            if (entry->d_name[0] != '.' && snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) < 4096)
                count += fuzz_replay(inner, run);
        }
        closedir(folder);
        return count;
    }
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return 0;
    size_t capacity = (size_t)64 << 20;
    uint8_t *bytes = malloc(capacity);
    if (!bytes)
        abort();
    size_t nbytes = fread(bytes, 1, capacity, stream);
    fclose(stream);
    uint8_t *exact = malloc(nbytes ? nbytes : 1);
    if (!exact)
        abort();
    memcpy(exact, bytes, nbytes);
    free(bytes);
    run(exact, nbytes);
    free(exact);
    return 1;
}
#endif

#endif
