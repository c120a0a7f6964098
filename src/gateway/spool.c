#include "gateway/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"

struct r2g_spool {
    char path[PATH_MAX];
    uint64_t quota_nbytes;
    _Atomic uint64_t used_nbytes;
    int lock_fd;
    int fds[R2G_SPOOL_PLACES];
};

static const char *const place_names[R2G_SPOOL_PLACES] = {
    [R2G_SPOOL_INCOMING] = "incoming", [R2G_SPOOL_UPLOADS] = "uploads", [R2G_SPOOL_JOBS] = "jobs",
    [R2G_SPOOL_TRASH] = "trash",       [R2G_SPOOL_POOL] = "pool",       [R2G_SPOOL_POOL_TMP] = "pool-tmp",
};

/* Folders that a run makes may nest; deeper than this nothing of ours does. */
#define DEPTH_MAX 16

#define LOCK_MS 2000

/* Removes a file or a folder with what is in it, never through a link. */
static void remove_tree(int folder_fd, const char *name, int depth) {
    if (unlinkat(folder_fd, name, 0) == 0 || (errno != EISDIR && errno != EPERM))
        return;
    int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir && fd >= 0)
        close(fd);
    struct dirent *entry;
    while (dir && depth < DEPTH_MAX && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_tree(dirfd(dir), entry->d_name, depth + 1);
    }
    if (dir)
        closedir(dir);
    unlinkat(folder_fd, name, AT_REMOVEDIR);
}

static void each_name(int folder_fd, void (*each)(void *user, const char *name), void *user) {
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir && fd >= 0)
        close(fd);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            each(user, entry->d_name);
    }
    if (dir)
        closedir(dir);
}

static void remove_named(void *user, const char *name) {
    remove_tree(*(const int *)user, name, 0);
}

/* mkdir -p, each with 0700. */
static int make_folders(const char *path) {
    char part[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part)
        return ENAMETOOLONG;
    memcpy(part, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char kept = part[i];
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return errno;
        part[i] = kept;
    }
    return 0;
}

static r2g_status open_places(struct r2g_spool *spool, int fd, struct r2g_error *err) {
    for (int i = 0; i < R2G_SPOOL_PLACES; i++) {
        if (mkdirat(fd, place_names[i], 0700) != 0 && errno != EEXIST)
            return r2g_fail_errno(err, R2G_EOUTPUT, errno, "cannot make %s/%s", spool->path, place_names[i]);
        spool->fds[i] = openat(fd, place_names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (spool->fds[i] < 0)
            return r2g_fail_errno(err, R2G_EOUTPUT, errno, "cannot open %s/%s", spool->path, place_names[i]);
    }
    if (fsync(fd) != 0)
        return r2g_fail_errno(err, R2G_EOUTPUT, errno, "cannot write to %s", spool->path);
    r2g_spool_empty(spool, R2G_SPOOL_INCOMING);
    r2g_spool_empty(spool, R2G_SPOOL_TRASH);
    return R2G_OK;
}

static r2g_status take_lock(struct r2g_spool *spool, int fd, struct r2g_error *err) {
    spool->lock_fd = openat(fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (spool->lock_fd < 0)
        return r2g_fail_errno(err, R2G_EOUTPUT, errno, "cannot make %s/lock", spool->path);
    /* a gateway that was killed while it started a process: until its exec, or its end, that process has the lock, too */
    int error = 0;
    for (int64_t end_ns = r2g_clock_ns() + INT64_C(1000000) * LOCK_MS;;) {
        error = flock(spool->lock_fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
        if (error != EWOULDBLOCK || r2g_clock_ns() >= end_ns)
            break;
        usleep(10000);
    }
    if (error == 0)
        return R2G_OK;
    if (error == EWOULDBLOCK)
        return r2g_fail(err, R2G_EUSAGE, "the spool %s is in use by another gateway", spool->path);
    return r2g_fail_errno(err, R2G_EOUTPUT, error, "cannot lock %s/lock", spool->path);
}

static r2g_status open_base(struct r2g_spool *spool, const char *path, int *fd, struct r2g_error *err) {
    struct stat is;
    int error = make_folders(path);
    if (error != 0)
        return r2g_fail_errno(err, R2G_EOUTPUT, error, "cannot make the spool %s", path);
    if (!realpath(path, spool->path))
        return r2g_fail_errno(err, R2G_EOUTPUT, errno, "cannot use the spool %s", path);
    *fd = open(spool->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &is) != 0)
        return r2g_fail_errno(err, R2G_EOUTPUT, errno, "cannot use the spool %s", spool->path);
    if (is.st_uid != geteuid())
        return r2g_fail(err, R2G_EOUTPUT, "the spool %s belongs to another user", spool->path);
    if (fchmod(*fd, 0700) != 0)
        return r2g_fail_errno(err, R2G_EOUTPUT, errno, "cannot keep others out of the spool %s", spool->path);
    return R2G_OK;
}

r2g_status r2g_spool_open(struct r2g_spool **spool, const char *path, uint64_t quota_nbytes, struct r2g_error *err) {
    struct r2g_spool *made = r2g_new(sizeof *made, err);
    *spool = NULL;
    if (!made)
        return R2G_ENOMEM;
    int fd = -1;
    made->quota_nbytes = quota_nbytes;
    made->lock_fd = -1;
    for (int i = 0; i < R2G_SPOOL_PLACES; i++)
        made->fds[i] = -1;
    r2g_status status = open_base(made, path, &fd, err);
    if (status == R2G_OK)
        status = take_lock(made, fd, err);
    if (status == R2G_OK)
        status = open_places(made, fd, err);
    if (fd >= 0)
        close(fd);
    if (status == R2G_OK)
        *spool = made;
    else
        r2g_spool_close(made);
    return status;
}

void r2g_spool_close(struct r2g_spool *spool) {
    if (!spool)
        return;
    for (int i = 0; i < R2G_SPOOL_PLACES; i++) {
        if (spool->fds[i] >= 0)
            close(spool->fds[i]);
    }
    if (spool->lock_fd >= 0)
        close(spool->lock_fd);
    free(spool);
}

const char *r2g_spool_path(const struct r2g_spool *spool) {
    return spool->path;
}

bool r2g_spool_take(struct r2g_spool *spool, uint64_t nbytes) {
    uint64_t used = atomic_load(&spool->used_nbytes);
    do {
        if (used > spool->quota_nbytes || nbytes > spool->quota_nbytes - used)
            return false;
    } while (!atomic_compare_exchange_weak(&spool->used_nbytes, &used, used + nbytes));
    return true;
}

void r2g_spool_count(struct r2g_spool *spool, uint64_t nbytes) {
    atomic_fetch_add(&spool->used_nbytes, nbytes);
}

void r2g_spool_give(struct r2g_spool *spool, uint64_t nbytes) {
    uint64_t used = atomic_load(&spool->used_nbytes);
    /* not below nothing: a mistake in the count must not fill the quota for good */
    while (!atomic_compare_exchange_weak(&spool->used_nbytes, &used, used > nbytes ? used - nbytes : 0))
        ;
}

uint64_t r2g_spool_used(const struct r2g_spool *spool) {
    return atomic_load(&spool->used_nbytes);
}

enum r2g_problem r2g_spool_problem(struct r2g_error *err, int sys_errno, const char *what) {
    if (sys_errno == ENOSPC || sys_errno == EDQUOT || sys_errno == EFBIG)
        return r2g_problem(err, R2G_PROBLEM_QUOTA_FULL, "%s: the disk is full", what);
    return r2g_problem(err, R2G_PROBLEM_INTERNAL, "%s: %s", what, strerrordesc_np(sys_errno));
}

int r2g_spool_open_file(const struct r2g_spool *spool, enum r2g_spool_place place, const char *id, bool create) {
    return openat(spool->fds[place], id, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0), 0600);
}

void r2g_spool_remove_file(const struct r2g_spool *spool, enum r2g_spool_place place, const char *id) {
    unlinkat(spool->fds[place], id, 0);
}

int r2g_spool_sync(const struct r2g_spool *spool, enum r2g_spool_place place) {
    return fsync(spool->fds[place]) == 0 ? 0 : errno;
}

int r2g_spool_make_job(const struct r2g_spool *spool, enum r2g_spool_place place, const char *file_id, int fd,
                       const char *id, bool durable) {
    if (durable && fsync(fd) != 0)
        return errno;
    if (mkdirat(spool->fds[R2G_SPOOL_JOBS], id, 0700) != 0)
        return errno;
    int folder_fd = r2g_spool_open_job(spool, id);
    int error = folder_fd < 0 ? errno : 0;
    if (error == 0 && place == R2G_SPOOL_UPLOADS && linkat(spool->fds[place], file_id, folder_fd, "original", 0) != 0)
        error = errno;
    if (error == 0 && place != R2G_SPOOL_UPLOADS && renameat(spool->fds[place], file_id, folder_fd, "original") != 0)
        error = errno;
    if (error == 0 && durable && fsync(folder_fd) != 0)
        error = errno;
    if (error == 0 && durable)
        error = r2g_spool_sync(spool, R2G_SPOOL_JOBS);
    if (folder_fd >= 0)
        close(folder_fd);
    if (error != 0)
        r2g_spool_remove_job(spool, id);
    return error;
}

int r2g_spool_open_job(const struct r2g_spool *spool, const char *id) {
    return openat(spool->fds[R2G_SPOOL_JOBS], id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Whether a run leaves a file of that name, which goes with its end. */
static bool is_temporary(const char *name) {
    static const char *const names[] = {"tmp", "exit", "slurm.out", "slurm.err"};
    size_t length = strlen(name);
    bool temporary = length > 5 && strcmp(name + length - 5, ".part") == 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        temporary = temporary || strcmp(name, names[i]) == 0;
    return temporary;
}

struct measuring {
    int fd, depth;
    bool run_under_way;
    uint64_t nbytes;
};

static void measure(void *user, const char *name) {
    struct measuring *measuring = user;
    struct stat is;
    if (measuring->run_under_way && measuring->depth == 0 &&
        (is_temporary(name) || strcmp(name, "result") == 0 || strcmp(name, "report.json") == 0))
        return;
    if (fstatat(measuring->fd, name, &is, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (S_ISREG(is.st_mode))
        measuring->nbytes += (uint64_t)is.st_size;
    if (!S_ISDIR(is.st_mode) || measuring->depth >= DEPTH_MAX)
        return;
    struct measuring below = {.fd = openat(measuring->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                              .depth = measuring->depth + 1};
    if (below.fd < 0)
        return;
    each_name(below.fd, measure, &below);
    close(below.fd);
    measuring->nbytes += below.nbytes;
}

uint64_t r2g_spool_measure_job(const struct r2g_spool *spool, const char *id, bool run_under_way) {
    struct measuring measuring = {.fd = r2g_spool_open_job(spool, id), .run_under_way = run_under_way};
    if (measuring.fd < 0)
        return 0;
    each_name(measuring.fd, measure, &measuring);
    close(measuring.fd);
    return measuring.nbytes;
}

void r2g_spool_remove_job(const struct r2g_spool *spool, const char *id) {
    if (renameat(spool->fds[R2G_SPOOL_JOBS], id, spool->fds[R2G_SPOOL_TRASH], id) == 0)
        remove_tree(spool->fds[R2G_SPOOL_TRASH], id, 0);
    else if (errno != ENOENT) /* a full disk may refuse the name, not the removal */
        remove_tree(spool->fds[R2G_SPOOL_JOBS], id, 0);
}

static void tidy(void *user, const char *name) {
    if (is_temporary(name))
        remove_tree(*(const int *)user, name, 0);
}

void r2g_spool_tidy_job(const struct r2g_spool *spool, const char *id) {
    int fd = r2g_spool_open_job(spool, id);
    if (fd < 0)
        return;
    each_name(fd, tidy, &fd);
    close(fd);
}

void r2g_spool_remove_outputs(const struct r2g_spool *spool, const char *id, bool report_too) {
    int fd = r2g_spool_open_job(spool, id);
    if (fd < 0)
        return;
    unlinkat(fd, "result", 0);
    if (report_too)
        unlinkat(fd, "report.json", 0);
    close(fd);
}

void r2g_spool_empty(const struct r2g_spool *spool, enum r2g_spool_place place) {
    int fd = spool->fds[place];
    each_name(fd, remove_named, &fd);
}

int r2g_spool_place_fd(const struct r2g_spool *spool, enum r2g_spool_place place) {
    return spool->fds[place];
}

void r2g_spool_each(const struct r2g_spool *spool, enum r2g_spool_place place,
                    void (*each)(void *user, const char *name), void *user) {
    each_name(spool->fds[place], each, user);
}

int r2g_spool_probe(const struct r2g_spool *spool) {
    int fd = openat(spool->fds[R2G_SPOOL_INCOMING], ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EOPNOTSUPP || errno == EISDIR ? 0 : errno; /* file systems without nameless files: not told */
    int error = write(fd, "", 1) == 1 ? 0 : errno;
    close(fd);
    return error;
}
