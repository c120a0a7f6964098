#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"

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
