#include "base/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"

#define SPOOL_CHUNK_NBYTES ((size_t)1 << 20)

static int open_path(const char *path) {
    int fd;
    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static r2g_status fail_spool(int error, struct r2g_error *err) {
    return r2g_fail_errno(err, R2G_EOUTPUT, error,
                          "cannot copy the input to the temporary folder %s (TMPDIR names another)",
                          r2g_file_temporary_folder());
}

/* Copies what is left of source->fd to an unlinked file and puts that in its place. */
static r2g_status spool(struct r2g_source *source, struct r2g_error *err) {
    r2g_status status;
    int copy_fd = -1;
    uint64_t copied_nbytes = 0;
    uint8_t *chunk = r2g_new(SPOOL_CHUNK_NBYTES, err);
    if (chunk == NULL) {
        return R2G_ENOMEM;
    }
    int error = r2g_file_open_temporary(&copy_fd);
    if (error != 0) {
        status = fail_spool(error, err);
        goto free_chunk;
    }
    for (;;) {
        size_t got_nbytes;
        error = r2g_file_read_next(source->fd, chunk, SPOOL_CHUNK_NBYTES, &got_nbytes);
        if (error != 0) {
            status = r2g_fail_errno(err, R2G_EINPUT, error, "cannot be read");
            goto close_copy;
        }
        if (got_nbytes == 0) {
            break;
        }
        error = r2g_file_write_at(copy_fd, copied_nbytes, chunk, got_nbytes);
        if (error != 0) {
            status = fail_spool(error, err);
            goto close_copy;
        }
        copied_nbytes += got_nbytes;
    }
    close(source->fd);
    source->fd = copy_fd;
    source->nbytes = copied_nbytes;
    status = R2G_OK;
    goto free_chunk;

close_copy:
    close(copy_fd);
free_chunk:
    free(chunk);
    return status;
}

/* Sets fd, nbytes and spooled. On failure an open source->fd is left to the caller. */
static r2g_status open_file(struct r2g_source *source, const char *path, bool standard_input, struct r2g_error *err) {
    source->fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open_path(path);
    if (source->fd < 0) {
        return r2g_fail_errno(err, R2G_EINPUT, errno, "cannot be opened");
    }
    struct stat about;
    if (fstat(source->fd, &about) != 0) {
        return r2g_fail_errno(err, R2G_EINPUT, errno, "cannot be opened");
    }
    if (S_ISDIR(about.st_mode)) {
        return r2g_fail(err, R2G_EINPUT, "is a folder");
    }
    /* Also a redirected file is nobody else's to read: other processes have another standard input. */
    source->spooled = standard_input || !S_ISREG(about.st_mode);
    bool in_place = S_ISREG(about.st_mode) && (!standard_input || lseek(source->fd, 0, SEEK_CUR) == 0);
    if (!in_place) {
        r2g_status status = spool(source, err);
        if (status != R2G_OK) {
            return status;
        }
    } else {
        source->nbytes = (uint64_t)about.st_size;
        (void)posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    return source->nbytes > 0 ? R2G_OK : r2g_fail(err, R2G_ECORRUPT, "file is empty");
}

r2g_status r2g_source_open(struct r2g_source **source, const char *path, struct r2g_error *err) {
    *source = NULL;
    struct r2g_source *made = r2g_new(sizeof *made, err);
    if (made == NULL) {
        return R2G_ENOMEM;
    }
    made->fd = -1;
    bool standard_input = strcmp(path, "-") == 0;
    made->name = r2g_copy_text(standard_input ? "standard input" : path, err);
    r2g_status status = made->name != NULL ? open_file(made, path, standard_input, err) : R2G_ENOMEM;
    if (status != R2G_OK) {
        r2g_source_close(made);
        return status;
    }
    *source = made;
    return R2G_OK;
}

void r2g_source_close(struct r2g_source *source) {
    if (source != NULL) {
        if (source->fd >= 0) {
            close(source->fd);
        }
        free(source->name);
        free(source);
    }
}

r2g_status r2g_source_read_at(const struct r2g_source *source, uint64_t offset, void *bytes, size_t nbytes,
                              size_t *got_nbytes, struct r2g_error *err) {
    int error = r2g_file_read_at(source->fd, offset, bytes, nbytes, got_nbytes);
    return error == 0 ? R2G_OK : r2g_fail_errno(err, R2G_EINPUT, error, "cannot be read");
}

r2g_status r2g_source_read_exact(const struct r2g_source *source, uint64_t offset, void *bytes, size_t nbytes,
                                 struct r2g_error *err) {
    size_t got_nbytes;
    r2g_status status = r2g_source_read_at(source, offset, bytes, nbytes, &got_nbytes, err);
    if (status != R2G_OK) {
        return status;
    }
    if (got_nbytes < nbytes) {
        return r2g_fail(err, R2G_ECORRUPT, "file ends early: %zu bytes at %" PRIu64 " are wanted, %zu are there",
                        nbytes, offset, got_nbytes);
    }
    return R2G_OK;
}

r2g_status r2g_source_read_rows(const struct r2g_source *source, uint64_t offset, size_t row_nbytes, size_t gap_nbytes,
                                void *rows, ptrdiff_t stride, size_t row_count, struct r2g_error *err) {
    bool complete;
    int error = r2g_file_read_rows_at(source->fd, offset, row_nbytes, gap_nbytes, rows, stride, row_count, &complete);
    if (error != 0) {
        return r2g_fail_errno(err, R2G_EINPUT, error, "cannot be read");
    }
    if (!complete) {
        return r2g_fail(err, R2G_ECORRUPT, "file ends early: %zu rows of %zu bytes at %" PRIu64 " are wanted",
                        row_count, row_nbytes, offset);
    }
    return R2G_OK;
}
