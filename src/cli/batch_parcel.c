#include "cli/batch_parcel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/batch_files.h"

bool r2g_batch_identify(struct r2g_batch_item *item) {
    struct stat info;
    if (stat(item->path, &info) != 0 || !S_ISREG(info.st_mode))
        return false;
    item->inode = info.st_ino;
    item->nbytes = (uint64_t)info.st_size;
    item->mtime_ns = r2g_batch_mtime_ns(&info);
    return true;
}

bool r2g_batch_same_file(struct r2g_batch_item *item) {
    struct r2g_batch_item here = *item;
    if (!r2g_batch_identify(&here) || here.inode != item->inode ||
        (item->mtime_ns != 0 && (here.nbytes != item->nbytes || here.mtime_ns != item->mtime_ns)))
        return false;
    *item = here;
    return true;
}

/* Appends the whole file, at most max_nbytes. */
static r2g_status append_file(const char *path, uint64_t max_nbytes, struct r2g_buffer *bytes, struct r2g_error *err) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int error = fd < 0 || fstat(fd, &info) != 0 ? errno : 0;
    r2g_status status = R2G_OK;
    if (error == 0 && (uint64_t)info.st_size > max_nbytes)
        error = EFBIG;
    if (error == 0)
        status = r2g_buffer_reserve(bytes, bytes->nbytes + (size_t)info.st_size, "a file to be sent", err);
    if (error == 0 && status == R2G_OK) {
        size_t got_nbytes;
        error = r2g_file_read_at(fd, 0, bytes->bytes + bytes->nbytes, (size_t)info.st_size, &got_nbytes);
        if (error == 0 && got_nbytes != (size_t)info.st_size)
            error = EIO; /* it became shorter */
        if (error == 0)
            bytes->nbytes += got_nbytes;
    }
    if (fd >= 0)
        close(fd);
    return error ? r2g_fail_errno(err, R2G_EINPUT, error, "%s: cannot be read", path) : status;
}

r2g_status r2g_batch_load(const struct r2g_batch_item *item, struct r2g_buffer *content, struct r2g_error *err) {
    content->nbytes = 0;
    return append_file(item->path, R2G_BATCH_SEND_MAX_NBYTES, content, err);
}

r2g_status r2g_batch_unload(const struct r2g_buffer *content, int *fd, char path[64], struct r2g_error *err) {
    int error = r2g_file_open_temporary(fd);
    if (error == 0)
        error = r2g_file_write_at(*fd, 0, content->bytes, content->nbytes);
    snprintf(path, 64, "/proc/self/fd/%d", *fd);
    return error ? r2g_fail_errno(err, R2G_EOUTPUT, error,
                                  "cannot copy the input to the temporary folder %s (TMPDIR names another)",
                                  r2g_file_temporary_folder())
                 : R2G_OK;
}

/* A return as it travels; the line with its NUL and the output follow. */
struct packed_return {
    uint64_t in_nbytes, output_nbytes;
    uint32_t index, line_nbytes, has_output, unused;
};

r2g_status r2g_batch_add_return(struct r2g_buffer *returns, unsigned index, const char *line, uint64_t in_nbytes,
                                const char *output_path, struct r2g_error *err) {
    struct packed_return packed = {.in_nbytes = in_nbytes,
                                   .index = index,
                                   .line_nbytes = (uint32_t)strlen(line) + 1,
                                   .has_output = output_path != NULL};
    size_t at = returns->nbytes;
    r2g_status status = r2g_buffer_append(returns, &packed, sizeof packed, err);
    if (status == R2G_OK)
        status = r2g_buffer_append(returns, line, packed.line_nbytes, err);
    size_t output_at = returns->nbytes;
    if (status == R2G_OK && output_path)
        status = append_file(output_path, R2G_BATCH_SEND_MAX_NBYTES, returns, err);
    if (status != R2G_OK) {
        returns->nbytes = at;
        return status;
    }
    packed.output_nbytes = returns->nbytes - output_at;
    memcpy(returns->bytes + at, &packed, sizeof packed);
    return R2G_OK;
}

bool r2g_batch_next_return(const struct r2g_buffer *returns, size_t *at, struct r2g_batch_return *next) {
    struct packed_return packed;
    if (returns->nbytes - *at < sizeof packed)
        return false;
    memcpy(&packed, returns->bytes + *at, sizeof packed);
    size_t left = returns->nbytes - *at - sizeof packed;
    const uint8_t *line = returns->bytes + *at + sizeof packed;
    if (packed.line_nbytes == 0 || packed.line_nbytes > left || line[packed.line_nbytes - 1] != '\0' ||
        packed.output_nbytes > left - packed.line_nbytes)
        return false;
    *next = (struct r2g_batch_return){.index = packed.index,
                                      .line = (const char *)line,
                                      .in_nbytes = packed.in_nbytes,
                                      .output = packed.has_output ? line + packed.line_nbytes : NULL,
                                      .output_nbytes = (size_t)packed.output_nbytes};
    *at += sizeof packed + packed.line_nbytes + (size_t)packed.output_nbytes;
    return true;
}
