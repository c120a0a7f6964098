#include "pipeline/preview_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { TRIES = 16, OPEN_FOLDERS = 8 };

static r2g_status fail_exists(const struct r2g_folder *folder, struct r2g_error *err) {
    return r2g_fail(err, R2G_EEXISTS, "%s exists", folder->target);
}

/* A name beside the target that nobody can foresee: .NAME.XXXXXXXX.part */
static bool name_temporary(struct r2g_folder *folder) {
    uint32_t word = 0;
    if (getrandom(&word, sizeof word, 0) != (ssize_t)sizeof word)
        return false;
    const char *slash = strrchr(folder->target, '/'), *name = slash ? slash + 1 : folder->target;
    int length = snprintf(folder->temporary, sizeof folder->temporary, "%.*s.%s.%08" PRIx32 ".part",
                          (int)(name - folder->target), folder->target, name, word);
    return length < (int)sizeof folder->temporary;
}

r2g_status r2g_folder_create(struct r2g_folder *folder, const char *path, struct r2g_error *err) {
    struct stat about;
    size_t nbytes = strlen(path);
    folder->fd = -1;
    folder->temporary[0] = '\0';
    while (nbytes > 1 && path[nbytes - 1] == '/')
        nbytes--;
    if (nbytes >= sizeof folder->target)
        return r2g_fail_errno(err, R2G_EOUTPUT, ENAMETOOLONG, "the folder cannot be made");
    memcpy(folder->target, path, nbytes);
    folder->target[nbytes] = '\0';
    if (lstat(folder->target, &about) == 0)
        return fail_exists(folder, err);
    for (int i = 0; i < TRIES; i++) {
        if (!name_temporary(folder)) {
            folder->temporary[0] = '\0';
            return r2g_fail_errno(err, R2G_EOUTPUT, ENAMETOOLONG, "%s cannot be made", folder->target);
        }
        if (mkdir(folder->temporary, 0777) == 0) {
            folder->fd = open(folder->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
            return folder->fd >= 0 ? R2G_OK
                                   : r2g_fail_errno(err, R2G_EOUTPUT, errno, "%s cannot be opened", folder->temporary);
        }
        if (errno != EEXIST)
            break;
    }
    folder->temporary[0] = '\0';
    return r2g_fail_errno(err, R2G_EOUTPUT, errno, "%s cannot be made", folder->target);
}

r2g_status r2g_folder_add(struct r2g_folder *folder, const char *name, struct r2g_error *err) {
    if (mkdirat(folder->fd, name, 0777) != 0)
        return r2g_fail_errno(err, R2G_EOUTPUT, errno, "%s/%s cannot be made", folder->target, name);
    return R2G_OK;
}

r2g_status r2g_folder_write(struct r2g_folder *folder, const char *name, const void *bytes, size_t nbytes,
                            struct r2g_error *err) {
    int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    int error = fd < 0 ? errno : r2g_file_write_next(fd, bytes, nbytes);
    if (fd >= 0 && close(fd) != 0 && error == 0)
        error = errno; /* network file systems report write errors late */
    return error == 0 ? R2G_OK
                      : r2g_fail_errno(err, R2G_EOUTPUT, error, "%s/%s cannot be written", folder->target, name);
}

r2g_status r2g_folder_commit(struct r2g_folder *folder, struct r2g_error *err) {
    int result = renameat2(AT_FDCWD, folder->temporary, AT_FDCWD, folder->target, RENAME_NOREPLACE);
    /* where the file system knows no such rename, a plain one still refuses all but an empty folder */
    if (result != 0 && (errno == EINVAL || errno == ENOSYS))
        result = rename(folder->temporary, folder->target);
    if (result != 0 && (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR))
        return fail_exists(folder, err);
    if (result != 0)
        return r2g_fail_errno(err, R2G_EOUTPUT, errno, "%s cannot be made", folder->target);
    folder->temporary[0] = '\0';
    return R2G_OK;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place) {
    (void)about;
    (void)kind;
    (void)place;
    (void)remove(path); /* what cannot be removed stays: there is nobody to tell */
    return 0;
}

void r2g_folder_close(struct r2g_folder *folder) {
    if (folder->fd >= 0)
        close(folder->fd);
    folder->fd = -1;
    if (folder->temporary[0] != '\0')
        (void)nftw(folder->temporary, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    folder->temporary[0] = '\0';
}
