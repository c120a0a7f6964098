#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fault.h"

#define BATCH_ROWS 256u /* rows in one system call: two vectors each, half of what Linux takes at once */
#define GAP_NBYTES 16u  /* wider gaps are not worth reading over */

/* Whether the call that left `error` is to be made again. */
static bool again(int fd, short events, int error) {
    if (error == EAGAIN || error == EWOULDBLOCK) {
        struct pollfd wait = {.fd = fd, .events = events};
        return poll(&wait, 1, -1) >= 0 || errno == EINTR;
    }
    return error == EINTR;
}

int r2g_file_read_at(int fd, uint64_t offset, void *bytes, size_t nbytes, size_t *got_nbytes) {
    *got_nbytes = 0;
    while (*got_nbytes < nbytes && offset <= (uint64_t)INT64_MAX - *got_nbytes) {
        if (r2g_fault(R2G_FAULT_READ)) {
            return EIO;
        }
        ssize_t got =
            pread(fd, (char *)bytes + *got_nbytes, nbytes - *got_nbytes, (off_t)(offset + (uint64_t)*got_nbytes));
        if (got == 0) {
            break;
        }
        if (got > 0) {
            *got_nbytes += (size_t)got;
        } else if (!again(fd, POLLIN, errno)) {
            return errno;
        }
    }
    return 0;
}

/* One system call for up to BATCH_ROWS rows; false if that did not bring all of them. */
static bool read_batch(int fd, uint64_t offset, size_t row_nbytes, size_t gap_nbytes, uint8_t *rows, ptrdiff_t stride,
                       size_t row_count) {
    struct iovec vectors[2 * BATCH_ROWS];
    uint8_t unused[GAP_NBYTES];
    int count = 0;
    for (size_t i = 0; i < row_count; i++) {
        if (i > 0 && gap_nbytes > 0) {
            vectors[count++] = (struct iovec){.iov_base = unused, .iov_len = gap_nbytes};
        }
        vectors[count++] = (struct iovec){.iov_base = rows + (ptrdiff_t)i * stride, .iov_len = row_nbytes};
    }
    size_t nbytes = row_count * (row_nbytes + gap_nbytes) - gap_nbytes;
    return preadv(fd, vectors, count, (off_t)offset) == (ssize_t)nbytes;
}

static int read_one_by_one(int fd, uint64_t offset, size_t row_nbytes, size_t gap_nbytes, uint8_t *rows,
                           ptrdiff_t stride, size_t row_count, bool *complete) {
    int error = 0;
    for (size_t i = 0; i < row_count && error == 0 && *complete; i++) {
        size_t got_nbytes;
        error = r2g_file_read_at(fd, offset + i * (row_nbytes + gap_nbytes), rows + (ptrdiff_t)i * stride, row_nbytes,
                                 &got_nbytes);
        *complete = got_nbytes == row_nbytes;
    }
    return error;
}

int r2g_file_read_rows_at(int fd, uint64_t offset, size_t row_nbytes, size_t gap_nbytes, uint8_t *rows,
                          ptrdiff_t stride, size_t row_count, bool *complete) {
    int error = 0;
    *complete = true;
    for (size_t done = 0; done < row_count && error == 0 && *complete;) {
        size_t batch = row_count - done < BATCH_ROWS ? row_count - done : BATCH_ROWS;
        bool at_once = batch > 1 && gap_nbytes <= GAP_NBYTES && offset <= (uint64_t)INT64_MAX;
        if (at_once && r2g_fault(R2G_FAULT_READ)) {
            return EIO;
        }
        /* A call that was cut short or failed is not taken apart: its rows are read again, one by one. */
        if (!at_once || !read_batch(fd, offset, row_nbytes, gap_nbytes, rows, stride, batch)) {
            error = read_one_by_one(fd, offset, row_nbytes, gap_nbytes, rows, stride, batch, complete);
        }
        done += batch;
        offset += batch * (row_nbytes + gap_nbytes);
        rows += (ptrdiff_t)batch * stride;
    }
    return error;
}

int r2g_file_read_next(int fd, void *bytes, size_t nbytes, size_t *got_nbytes) {
    for (;;) {
        if (r2g_fault(R2G_FAULT_READ)) {
            return EIO;
        }
        ssize_t got = read(fd, bytes, nbytes);
        if (got >= 0) {
            *got_nbytes = (size_t)got;
            return 0;
        }
        if (!again(fd, POLLIN, errno)) {
            return errno;
        }
    }
}

int r2g_file_write_at(int fd, uint64_t offset, const void *bytes, size_t nbytes) {
    size_t done_nbytes = 0;
    while (done_nbytes < nbytes) {
        if (r2g_fault(R2G_FAULT_WRITE)) {
            return ENOSPC;
        }
        if (offset > (uint64_t)INT64_MAX - done_nbytes) {
            return EFBIG;
        }
        ssize_t put = pwrite(fd, (const char *)bytes + done_nbytes, nbytes - done_nbytes,
                             (off_t)(offset + (uint64_t)done_nbytes));
        if (put > 0) {
            done_nbytes += (size_t)put;
        } else if (put == 0) {
            return EIO; /* no progress and no reason: do not spin */
        } else if (!again(fd, POLLOUT, errno)) {
            return errno;
        }
    }
    return 0;
}

int r2g_file_write_next(int fd, const void *bytes, size_t nbytes) {
    size_t done_nbytes = 0;
    while (done_nbytes < nbytes) {
        if (r2g_fault(R2G_FAULT_WRITE)) {
            return ENOSPC;
        }
        ssize_t put = write(fd, (const char *)bytes + done_nbytes, nbytes - done_nbytes);
        if (put > 0) {
            done_nbytes += (size_t)put;
        } else if (put == 0) {
            return EIO;
        } else if (!again(fd, POLLOUT, errno)) {
            return errno;
        }
    }
    return 0;
}

const char *r2g_file_temporary_folder(void) {
    const char *folder = getenv("TMPDIR");
    return folder != NULL && folder[0] != '\0' ? folder : "/tmp";
}

int r2g_file_open_temporary(int *fd) {
    if (r2g_fault(R2G_FAULT_WRITE)) {
        return ENOSPC;
    }
    const char *folder = r2g_file_temporary_folder();
    /* O_EXCL: this one can never be given a name. */
    *fd = open(folder, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (*fd >= 0) {
        return 0;
    }
    /* Kernels and file systems without O_TMPFILE say so in several ways; a real obstacle shows again below. */
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/rgb2gray.XXXXXX", folder) >= (int)sizeof path) {
        return ENAMETOOLONG;
    }
    *fd = mkostemp(path, O_CLOEXEC);
    if (*fd < 0) {
        return errno;
    }
    unlink(path);
    return 0;
}
