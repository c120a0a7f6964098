#include "cli/batch_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void r2g_batch_boot_id(char text[64]) {
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, 63) : 0;
    if (fd >= 0)
        close(fd);
    text[length > 0 ? length : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
}

r2g_status r2g_batch_make_folder(const char *path, struct r2g_error *err) {
    char part[PATH_MAX];
    struct stat info;
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return r2g_fail_errno(err, R2G_EOUTPUT, ENAMETOOLONG, "cannot create the folder %.60s...", path);
    for (char *at = part + 1;; at++) {
        char end = *at;
        if (end != '/' && end != '\0')
            continue;
        *at = '\0';
        /* another rank may be doing the same */
        if (mkdir(part, 0777) != 0 && errno != EEXIST) {
            int error = errno; /* such as EROFS for a mount point that is there */
            if (stat(part, &info) != 0)
                return r2g_fail_errno(err, R2G_EOUTPUT, error, "cannot create the folder %s", part);
        }
        *at = end;
        if (end == '\0')
            break;
    }
    if (stat(part, &info) == 0 && !S_ISDIR(info.st_mode))
        return r2g_fail(err, R2G_EOUTPUT, "%s is no folder", part);
    return R2G_OK;
}

int64_t r2g_batch_mtime_ns(const struct stat *info) {
    return (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
}
