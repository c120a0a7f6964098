/* An output file that appears under its name only when it is whole.
 *
 * Two forms until the commit. Without a name (temporary == NULL): the kernel removes it with its last descriptor, so
 * nothing can be left behind. With a name (temporary != NULL): removed by close, or by the signal handler through the
 * cleanup table, where the name stands from before the file is made until after it is gone. A registered name is always
 * a temporary one, never a target's, so that whenever a signal comes, what is committed stays.
 */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/fault.h"
#include "base/file.h"

#define COPY_CHUNK_NBYTES ((size_t)1 << 20)
#define NAME_KEPT_NBYTES 200 /* of the target's name in the temporary's, which must not pass NAME_MAX */
#define NAME_TRIES 100
#define PROC_PREFIX "/proc/"

struct r2g_output {
    int fd;
    char *shown;     /* the path as the caller gave it, for messages */
    char *target;    /* absolute, links resolved; NULL for standard output and attached handles */
    char *temporary; /* the name it has meanwhile, NULL if none */
    int slot;        /* of `temporary` in the cleanup table, -1 if none */
    bool overwrite, sync;
    bool standard_output, attached, committed;
};

static r2g_status fail_exists(const struct r2g_output *output, struct r2g_error *err) {
    return r2g_fail(err, R2G_EEXISTS, "%s exists (use --force to replace it)", output->shown);
}

/* Memory that was refused on the way keeps its own status. */
static r2g_status fail_output(const struct r2g_output *output, int error, const char *what, struct r2g_error *err) {
    return r2g_fail_errno(err, error == ENOMEM ? R2G_ENOMEM : R2G_EOUTPUT, error, "cannot %s %s", what, output->shown);
}

/* Sets output->target: the folder made absolute, so that a later chdir or another process finds the same place. A
 * target that is a symbolic link is replaced where it points to, and the link stays. */
static r2g_status resolve(struct r2g_output *output, const char *path, struct r2g_error *err) {
    char resolved[PATH_MAX];
    struct stat about;
    if (lstat(path, &about) == 0 && S_ISLNK(about.st_mode)) {
        if (realpath(path, resolved) == NULL) {
            return fail_output(output, errno, "follow the link", err);
        }
        output->target = r2g_copy_text(resolved, err);
        return output->target != NULL ? R2G_OK : R2G_ENOMEM;
    }
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    char folder[PATH_MAX];
    int folder_nbytes = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
    if (strlen(path) >= sizeof folder) {
        return fail_output(output, ENAMETOOLONG, "create", err);
    }
    if (name[0] == '\0') {
        return path[0] == '\0' ? r2g_fail(err, R2G_EOUTPUT, "the output's name is empty")
                               : r2g_fail(err, R2G_EOUTPUT, "%s is the name of a folder", output->shown);
    }
    snprintf(folder, sizeof folder, "%.*s", folder_nbytes, slash != NULL ? path : ".");
    if (realpath(folder, resolved) == NULL) {
        return fail_output(output, errno, "create", err);
    }
    size_t room = strlen(resolved) + strlen(name) + 2;
    output->target = r2g_new(room, err);
    if (output->target == NULL) {
        return R2G_ENOMEM;
    }
    snprintf(output->target, room, "%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved, name);
    return R2G_OK;
}

/* Looks at what stands under the target's name: it may be absent, or a regular file if it may be replaced, whose
 * permissions then go to *mode (else -1). */
static r2g_status inspect_target(const struct r2g_output *output, int *mode, struct r2g_error *err) {
    struct stat about;
    *mode = -1;
    if (lstat(output->target, &about) != 0) {
        return errno == ENOENT ? R2G_OK : fail_output(output, errno, "create", err);
    }
    if (S_ISDIR(about.st_mode)) {
        return r2g_fail(err, R2G_EOUTPUT, "%s is a folder", output->shown);
    }
    if (!S_ISREG(about.st_mode)) {
        return r2g_fail(err, R2G_EOUTPUT, "%s is not a regular file (use - for standard output)", output->shown);
    }
    if (!output->overwrite) {
        return fail_exists(output, err);
    }
    *mode = (int)(about.st_mode & 0777); /* not set-user-id and the like: the content is not the old one's */
    return R2G_OK;
}

/* The target's folder in `folder` (PATH_MAX bytes). */
static void folder_of(const char *target, char *folder) {
    const char *slash = strrchr(target, '/');
    snprintf(folder, PATH_MAX, "%.*s", slash == target ? 1 : (int)(slash - target), target);
}

/* Writes ".NAME.XXXXXXXX.part" beside the target to `path` (PATH_MAX bytes); false if it is too long. */
static bool make_temporary_name(const char *target, char *path) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
    unsigned char random[8];
    char tail[sizeof random + 1];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return false;
    }
    for (size_t i = 0; i < sizeof random; i++) {
        tail[i] = letters[random[i] % (sizeof letters - 1)];
    }
    tail[sizeof random] = '\0';
    const char *name = strrchr(target, '/') + 1;
    return snprintf(path, PATH_MAX, "%.*s.%.*s.%s.part", (int)(name - target), target, NAME_KEPT_NBYTES, name, tail) <
           PATH_MAX;
}

static int create_file(const char *path, const struct r2g_output *output) {
    (void)output;
    return open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
}

/* Gives the unnamed output->fd a name. The kernel allows it through /proc without privileges. */
static int link_unnamed(const char *path, const struct r2g_output *output) {
    char from[64];
    snprintf(from, sizeof from, "/proc/self/fd/%d", output->fd);
    return linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

/* Finds a free temporary name and makes a file under it with `make` (>= 0, or -1 and errno). The name is registered
 * before the file is there: registered after, a signal in between would leave it behind. Returns 0 or an errno value;
 * *made is what `make` returned. */
static int take_temporary_name(struct r2g_output *output, int (*make)(const char *, const struct r2g_output *),
                               int *made) {
    for (int i = 0; i < NAME_TRIES; i++) {
        char path[PATH_MAX];
        if (!make_temporary_name(output->target, path)) {
            return ENAMETOOLONG;
        }
        output->temporary = r2g_copy_text(path, NULL);
        if (output->temporary == NULL) {
            return ENOMEM;
        }
        output->slot = r2g_cleanup_add(path); /* a full table costs only the removal on a signal */
        *made = make(path, output);
        int error = *made >= 0 ? 0 : errno;
        if (error == 0) {
            return 0;
        }
        r2g_cleanup_remove(output->slot);
        output->slot = -1;
        free(output->temporary);
        output->temporary = NULL;
        if (error != EEXIST) {
            return error;
        }
    }
    return EEXIST;
}

/* Forgets the temporary name; the file under it is gone, or has another name now. */
static void forget_temporary(struct r2g_output *output) {
    r2g_cleanup_remove(output->slot);
    output->slot = -1;
    free(output->temporary);
    output->temporary = NULL;
}

static void remove_temporary(struct r2g_output *output) {
    if (output->temporary != NULL) {
        (void)unlink(output->temporary); /* before forgetting: a signal in between must still find it registered */
        forget_temporary(output);
    }
}

static r2g_status open_file(struct r2g_output *output, bool named, struct r2g_error *err) {
    if (r2g_fault(R2G_FAULT_WRITE)) {
        return fail_output(output, ENOSPC, "create", err);
    }
    /* Without /proc the file could not be linked at the end. */
    if (!named && access("/proc/self/fd", X_OK) == 0) {
        char folder[PATH_MAX];
        folder_of(output->target, folder);
        output->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
        if (output->fd >= 0) {
            return R2G_OK;
        }
    }
    /* Whatever the reason was, creating under a name either works or gives the reason that matters. */
    int error = take_temporary_name(output, create_file, &output->fd);
    return error == 0 ? R2G_OK : fail_output(output, error, "create", err);
}

static r2g_status open_standard_output(struct r2g_output *output, struct r2g_error *err) {
    int error = r2g_file_open_temporary(&output->fd);
    if (error != 0) {
        return r2g_fail_errno(err, R2G_EOUTPUT, error,
                              "cannot create a file in the temporary folder %s (TMPDIR names another)",
                              r2g_file_temporary_folder());
    }
    return R2G_OK;
}

static struct r2g_output *output_new(const char *shown, struct r2g_error *err) {
    struct r2g_output *output = r2g_new(sizeof *output, err);
    if (output == NULL) {
        return NULL;
    }
    output->fd = -1;
    output->slot = -1;
    output->shown = r2g_copy_text(shown, err);
    if (output->shown == NULL) {
        free(output);
        return NULL;
    }
    return output;
}

r2g_status r2g_output_create(struct r2g_output **output, const char *path, const struct r2g_output_options *options,
                             struct r2g_error *err) {
    *output = NULL;
    bool standard_output = strcmp(path, "-") == 0;
    struct r2g_output *made = output_new(standard_output ? "standard output" : path, err);
    if (made == NULL) {
        return R2G_ENOMEM;
    }
    made->standard_output = standard_output;
    made->overwrite = options->overwrite;
    made->sync = options->sync;
    r2g_status status;
    if (standard_output) {
        status = open_standard_output(made, err);
    } else {
        int mode;
        status = resolve(made, path, err);
        if (status == R2G_OK) {
            status = inspect_target(made, &mode, err);
        }
        if (status == R2G_OK) {
            status = open_file(made, options->named, err);
        }
    }
    if (status != R2G_OK) {
        r2g_output_close(made);
        return status;
    }
    *output = made;
    return R2G_OK;
}

r2g_status r2g_output_write_at(struct r2g_output *output, uint64_t offset, const void *bytes, size_t nbytes,
                               struct r2g_error *err) {
    int error = r2g_file_write_at(output->fd, offset, bytes, nbytes);
    if (error != 0) {
        return fail_output(output, error, "write", err);
    }
    return R2G_OK;
}

static int sync_fd(int fd) {
    return r2g_fault(R2G_FAULT_WRITE) ? EIO : fsync(fd) == 0 ? 0 : errno;
}

static r2g_status copy_to_standard_output(const struct r2g_output *output, struct r2g_error *err) {
    uint8_t *chunk = r2g_new(COPY_CHUNK_NBYTES, err);
    if (chunk == NULL) {
        return R2G_ENOMEM;
    }
    int error = 0;
    size_t got_nbytes = COPY_CHUNK_NBYTES;
    for (uint64_t offset = 0; error == 0 && got_nbytes == COPY_CHUNK_NBYTES; offset += got_nbytes) {
        error = r2g_file_read_at(output->fd, offset, chunk, COPY_CHUNK_NBYTES, &got_nbytes);
        if (error == 0) {
            error = r2g_file_write_next(STDOUT_FILENO, chunk, got_nbytes);
        }
    }
    free(chunk);
    if (error == 0 && output->sync) {
        error = sync_fd(STDOUT_FILENO);
        if (error == EINVAL || error == EROFS || error == ENOTSUP) {
            error = 0; /* a pipe or terminal has nothing to sync */
        }
    }
    return error == 0 ? R2G_OK : fail_output(output, error, "write", err);
}

/* Publishing: each of these returns 0 or an errno value, EEXIST if the target is there and must not be replaced. */

static int rename_over(struct r2g_output *output) {
    if (r2g_fault(R2G_FAULT_WRITE)) {
        return EIO;
    }
    if (rename(output->temporary, output->target) != 0) {
        return errno;
    }
    forget_temporary(output);
    return 0;
}

/* link fails if the target exists, which rename cannot; where hard links are unknown, newer kernels have a rename that
 * can; where both are, looking first is all that is left. */
static int publish_new_from_named(struct r2g_output *output) {
    if (r2g_fault(R2G_FAULT_WRITE)) {
        return EIO;
    }
    if (link(output->temporary, output->target) == 0) {
        remove_temporary(output);
        return 0;
    }
    if (errno == EEXIST) {
        return EEXIST;
    }
    if (renameat2(AT_FDCWD, output->temporary, AT_FDCWD, output->target, RENAME_NOREPLACE) == 0) {
        forget_temporary(output);
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }
    struct stat about;
    return lstat(output->target, &about) == 0 ? EEXIST : rename_over(output);
}

/* Linking cannot replace, so over an existing target the file has a temporary name for the moment between two calls:
 * the only moment in which a SIGKILL can leave something. */
static int publish_unnamed(struct r2g_output *output) {
    if (r2g_fault(R2G_FAULT_WRITE)) {
        return EIO;
    }
    if (link_unnamed(output->target, output) == 0) {
        return 0;
    }
    if (errno != EEXIST || !output->overwrite) {
        return errno;
    }
    int made;
    int error = take_temporary_name(output, link_unnamed, &made);
    return error == 0 ? rename_over(output) : error; /* if that fails, close removes the temporary */
}

static int publish(struct r2g_output *output) {
    if (output->temporary == NULL) {
        return publish_unnamed(output);
    }
    return output->overwrite ? rename_over(output) : publish_new_from_named(output);
}

/* Asks for write errors that come late. Network file systems report them at close, and closing any descriptor of the file
 * asks for them; the fd itself is still needed. Returns 0 or an errno value. */
static int settle(const struct r2g_output *output, bool sync) {
    int error = sync ? sync_fd(output->fd) : 0;
    if (error == 0) {
        int twin = fcntl(output->fd, F_DUPFD_CLOEXEC, 3);
        error = twin < 0 || close(twin) != 0 ? errno : 0;
    }
    return error;
}

/* Makes content and permissions final: what can fail is to fail before the target changes. */
static r2g_status finish_file(struct r2g_output *output, bool *replaces, struct r2g_error *err) {
    int mode;
    r2g_status status = inspect_target(output, &mode, err);
    if (status != R2G_OK) {
        return status;
    }
    *replaces = mode >= 0;
    if (mode >= 0) {
        (void)fchmod(output->fd, (mode_t)mode); /* some file systems have no permissions to keep */
    }
    int error = settle(output, output->sync);
    return error == 0 ? R2G_OK : fail_output(output, error, "write", err);
}

r2g_status r2g_output_commit(struct r2g_output *output, struct r2g_error *err) {
    if (output->attached || output->committed) {
        return r2g_fail(err, R2G_EINTERNAL, "%s cannot be committed %s", output->shown,
                        output->attached ? "from here" : "twice");
    }
    if (output->standard_output) {
        r2g_status status = copy_to_standard_output(output, err);
        output->committed = status == R2G_OK;
        return status;
    }
    bool replaces;
    r2g_status status = finish_file(output, &replaces, err);
    if (status != R2G_OK) {
        return status;
    }
    int folder_fd = -1;
    if (output->sync) {
        char folder[PATH_MAX];
        folder_of(output->target, folder);
        folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder_fd < 0) {
            return fail_output(output, errno, "sync the folder of", err);
        }
    }
    int error = publish(output);
    if (error != 0) {
        status = error == EEXIST && !output->overwrite ? fail_exists(output, err)
                                                       : fail_output(output, error, "create", err);
    } else if (output->sync && (error = sync_fd(folder_fd)) != 0) {
        if (!replaces) {
            (void)unlink(output->target);
        }
        status = fail_output(output, error, replaces ? "sync the folder after replacing" : "sync the folder of", err);
    }
    output->committed = status == R2G_OK;
    if (folder_fd >= 0) {
        close(folder_fd);
    }
    return status;
}

r2g_status r2g_output_settle(const struct r2g_output *output, bool sync, struct r2g_error *err) {
    int error = r2g_fault(R2G_FAULT_WRITE) ? EIO : settle(output, sync);
    return error == 0 ? R2G_OK : fail_output(output, error, "write", err);
}

void r2g_output_close(struct r2g_output *output) {
    if (output == NULL) {
        return;
    }
    if (output->attached) {
        r2g_cleanup_remove(output->slot); /* the file is its creator's to remove */
    } else {
        remove_temporary(output);
    }
    if (output->fd >= 0) {
        close(output->fd); /* late write errors were asked for by settle() */
    }
    free(output->target);
    free(output->shown);
    free(output);
}

uint64_t r2g_output_nbytes(const struct r2g_output *output) {
    struct stat about;
    return fstat(output->fd, &about) == 0 && about.st_size > 0 ? (uint64_t)about.st_size : 0;
}

r2g_status r2g_output_address(const struct r2g_output *output, struct r2g_output_address *address,
                              struct r2g_error *err) {
    struct stat about;
    if (fstat(output->fd, &about) != 0) {
        return fail_output(output, errno, "look at", err);
    }
    address->device = (uint64_t)about.st_dev;
    address->inode = (uint64_t)about.st_ino;
    int nbytes;
    if (output->temporary != NULL) {
        nbytes = snprintf(address->path, sizeof address->path, "%s", output->temporary);
    } else {
        nbytes = snprintf(address->path, sizeof address->path, PROC_PREFIX "%ld/fd/%d", (long)getpid(), output->fd);
    }
    return nbytes < (int)sizeof address->path ? R2G_OK : fail_output(output, ENAMETOOLONG, "share", err);
}

r2g_status r2g_output_attach(struct r2g_output **output, const struct r2g_output_address *address, const char *name,
                             struct r2g_error *err) {
    *output = NULL;
    struct r2g_output *made = output_new(name, err);
    if (made == NULL) {
        return R2G_ENOMEM;
    }
    made->attached = true;
    r2g_status status = R2G_OK;
    struct stat about;
    /* A random name with the right inode is the right file; device numbers of a network file system differ by host. */
    bool named = strncmp(address->path, PROC_PREFIX, sizeof PROC_PREFIX - 1) != 0;
    if (r2g_fault(R2G_FAULT_WRITE)) {
        errno = EIO;
    } else {
        made->fd = open(address->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    }
    if (made->fd < 0 || fstat(made->fd, &about) != 0) {
        status = fail_output(made, errno, "share", err);
    } else if ((uint64_t)about.st_ino != address->inode || (!named && (uint64_t)about.st_dev != address->device)) {
        status = r2g_fail(err, R2G_EOUTPUT, "%s is another file when seen from here", made->shown);
    }
    if (status != R2G_OK) {
        r2g_output_close(made);
        return status;
    }
    if (named) {
        made->slot = r2g_cleanup_add(address->path);
    }
    *output = made;
    return R2G_OK;
}
