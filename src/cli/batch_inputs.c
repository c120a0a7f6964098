#include "cli/batch_inputs.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/batch_names.h"

void r2g_batch_inputs_open(struct r2g_batch_inputs *inputs, char *const *arguments, int count,
                           const char *output_folder) {
    struct stat info;
    memset(inputs, 0, sizeof *inputs);
    inputs->arguments = arguments;
    inputs->count = count;
    if (stat(output_folder, &info) == 0) {
        inputs->output_device = info.st_dev;
        inputs->output_inode = info.st_ino;
    }
}

static void close_list(struct r2g_batch_inputs *inputs) {
    if (inputs->list && inputs->list != stdin)
        fclose(inputs->list);
    inputs->list = NULL;
}

void r2g_batch_inputs_close(struct r2g_batch_inputs *inputs) {
    close_list(inputs);
    while (inputs->depth > 0)
        closedir(inputs->folders[--inputs->depth]);
    free(inputs->line);
    inputs->line = NULL;
}

static r2g_status fail(const struct r2g_batch_inputs *inputs, int error, struct r2g_error *err) {
    return r2g_fail_errno(err, R2G_EINPUT, error, "%s: cannot be read", inputs->path);
}

/* Goes into the folder inputs->path. The output folder is passed over. */
static r2g_status enter(struct r2g_batch_inputs *inputs, struct r2g_error *err) {
    struct stat info;
    if (inputs->depth == R2G_BATCH_DEPTH_MAX)
        return r2g_fail(err, R2G_EINPUT, "%s: lies more than %d folders deep", inputs->path, R2G_BATCH_DEPTH_MAX);
    DIR *folder = opendir(inputs->path);
    if (!folder)
        return fail(inputs, errno, err);
    if (fstat(dirfd(folder), &info) == 0 && info.st_dev == inputs->output_device &&
        info.st_ino == inputs->output_inode && inputs->output_inode) {
        closedir(folder);
        return R2G_OK;
    }
    inputs->inodes_told[inputs->depth] = inputs->inodes_tried[inputs->depth] = false;
    inputs->lengths[inputs->depth] = strlen(inputs->path);
    inputs->folders[inputs->depth++] = folder;
    return R2G_OK;
}

/* What the entry is; links count as what they lead to, but not folders, which might lead in circles. */
static unsigned char kind_of(const struct r2g_batch_inputs *inputs, const struct dirent *entry) {
    struct stat info;
    if (entry->d_type == DT_REG || entry->d_type == DT_DIR)
        return entry->d_type;
    if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
        return DT_UNKNOWN;
    if (lstat(inputs->path, &info) == 0 && S_ISDIR(info.st_mode))
        return DT_DIR;
    return stat(inputs->path, &info) == 0 && S_ISREG(info.st_mode) ? DT_REG : DT_UNKNOWN;
}

static int parts(const char *path) {
    int count = 1;
    for (; *path; path++)
        count += *path == '/';
    return count;
}

/* The inode of a file found in the folder at hand. A folder's entries tell it without a look at each file, but where file
 * systems are laid over each other (containers) wrongly: the first file of each folder shows that. */
static uint64_t inode_of(struct r2g_batch_inputs *inputs, const struct dirent *entry) {
    int at = inputs->depth - 1;
    struct stat info;
    if (!inputs->inodes_tried[at]) {
        inputs->inodes_tried[at] = true;
        inputs->inodes_told[at] =
            entry->d_type == DT_REG && stat(inputs->path, &info) == 0 && info.st_ino == entry->d_ino;
    }
    return inputs->inodes_told[at] && entry->d_type == DT_REG ? entry->d_ino : 0;
}

/* The next file of the walk at hand. */
static r2g_status walk(struct r2g_batch_inputs *inputs, bool *found, struct r2g_error *err) {
    while (inputs->depth > 0) {
        size_t length = inputs->lengths[inputs->depth - 1];
        inputs->path[length] = '\0';
        errno = 0;
        const struct dirent *entry = readdir(inputs->folders[inputs->depth - 1]);
        int error = errno;
        if (!entry) {
            closedir(inputs->folders[--inputs->depth]);
            if (error)
                return fail(inputs, error, err);
            continue;
        }
        if (entry->d_name[0] == '.')
            continue;
        const char *slash = length > 0 && inputs->path[length - 1] != '/' ? "/" : "";
        int used = snprintf(inputs->path + length, sizeof inputs->path - length, "%s%s", slash, entry->d_name);
        if ((size_t)used >= sizeof inputs->path - length)
            return fail(inputs, ENAMETOOLONG, err);
        unsigned char kind = kind_of(inputs, entry);
        const char *pattern = inputs->pattern;
        if (kind == DT_DIR && (!pattern || parts(inputs->path) < parts(pattern))) {
            r2g_status status = enter(inputs, err);
            if (status != R2G_OK)
                return status;
        } else if (kind == DT_REG && pattern && fnmatch(pattern, inputs->path, FNM_PATHNAME | FNM_PERIOD) == 0) {
            *found = inputs->fitted = true;
            inputs->inode = inode_of(inputs, entry);
            return R2G_OK;
        } else if (kind == DT_REG && !pattern) {
            *found = r2g_batch_is_image_name(entry->d_name);
            if (*found) {
                inputs->inode = inode_of(inputs, entry);
                return R2G_OK;
            }
            inputs->passed_over_count++;
        }
    }
    return R2G_OK;
}

/* The next line of the list at hand; blank ones are passed over. */
static r2g_status read_list(struct r2g_batch_inputs *inputs, bool *found, struct r2g_error *err) {
    ssize_t length;
    while ((length = getline(&inputs->line, &inputs->line_capacity, inputs->list)) > 0) {
        if (inputs->line[length - 1] == '\n')
            inputs->line[--length] = '\0';
        if (length > 0 && inputs->line[length - 1] == '\r')
            inputs->line[--length] = '\0';
        char *line = inputs->line;
        if (inputs->list_begins && strncmp(line, "\xef\xbb\xbf", 3) == 0) /* a byte order mark, as Windows puts it */
            line += 3;
        inputs->list_begins = false;
        if (!line[0])
            continue;
        snprintf(inputs->path, sizeof inputs->path, "%.4095s", line);
        inputs->root = 0;
        *found = true;
        return R2G_OK;
    }
    int error = ferror(inputs->list) ? errno : 0;
    close_list(inputs);
    if (!error)
        return R2G_OK;
    snprintf(inputs->path, sizeof inputs->path, "%s", inputs->list_name);
    return r2g_fail_errno(err, R2G_EINPUT, error, "the list %s cannot be read to its end", inputs->list_name);
}

/* A folder that a list or an argument names. */
static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Goes into the folder of an argument. */
static r2g_status enter_first(struct r2g_batch_inputs *inputs, const char *argument, struct r2g_error *err) {
    r2g_status status = enter(inputs, err);
    if (status == R2G_OK && inputs->depth == 0) {
        inputs->pattern = NULL;
        status = r2g_fail(err, R2G_EUSAGE, "%s: the output folder is not searched for images", argument);
    }
    return status;
}

static r2g_status take_pattern(struct r2g_batch_inputs *inputs, const char *argument, struct r2g_error *err) {
    /* walked from the last folder before the first special character */
    size_t length = strcspn(argument, "*?[");
    while (length > 0 && argument[length - 1] != '/')
        length--;
    inputs->pattern = argument;
    inputs->fitted = false;
    inputs->root = length;
    snprintf(inputs->path, sizeof inputs->path, "%.*s", (int)length, argument);
    if (length > 0)
        return enter_first(inputs, argument, err);
    /* names without a folder in front: the walk begins at "", which opendir does not know */
    DIR *folder = opendir(".");
    if (!folder)
        return r2g_fail_errno(err, R2G_EINPUT, errno, "%s: cannot be read", argument);
    inputs->inodes_told[0] = inputs->inodes_tried[0] = false;
    inputs->lengths[0] = 0;
    inputs->folders[inputs->depth++] = folder;
    return R2G_OK;
}

/* Begins with the next argument; *found where it is a file itself. */
static r2g_status take(struct r2g_batch_inputs *inputs, const char *argument, bool *found, struct r2g_error *err) {
    struct stat info;
    bool there = stat(argument, &info) == 0;
    inputs->pattern = NULL;
    inputs->root = 0;
    if (strlen(argument) >= sizeof inputs->path)
        return r2g_fail_errno(err, R2G_EINPUT, ENAMETOOLONG, "%.60s...: cannot be read", argument);
    snprintf(inputs->path, sizeof inputs->path, "%s", argument);
    if (strcmp(argument, "-") == 0) {
        inputs->list = stdin;
        inputs->list_begins = true;
        inputs->list_name = "on standard input";
        return R2G_OK;
    }
    if (!there && argument[0] == '@') {
        inputs->list_name = argument + 1;
        inputs->list_begins = true;
        inputs->list = fopen(argument + 1, "re");
        return inputs->list ? R2G_OK : r2g_fail_errno(err, R2G_EINPUT, errno, "%s: cannot be read", argument + 1);
    }
    if (!there && strpbrk(argument, "*?["))
        return take_pattern(inputs, argument, err);
    if (there && S_ISDIR(info.st_mode)) {
        inputs->root = strlen(argument);
        return enter_first(inputs, argument, err);
    }
    const char *slash = strrchr(argument, '/');
    inputs->root = slash ? (size_t)(slash + 1 - argument) : 0;
    *found = true; /* where it cannot be opened, that is said of it as of any other */
    return R2G_OK;
}

static r2g_status next(struct r2g_batch_inputs *inputs, bool *found, struct r2g_error *err) {
    while (!*found) {
        r2g_status status = R2G_OK;
        if (inputs->depth > 0) {
            status = walk(inputs, found, err);
        } else if (inputs->list) {
            status = read_list(inputs, found, err);
            if (*found && is_folder(inputs->path)) {
                *found = false;
                status = enter_first(inputs, inputs->line, err);
            }
        } else if (inputs->pattern && !inputs->fitted) {
            snprintf(inputs->path, sizeof inputs->path, "%.4095s", inputs->pattern);
            inputs->pattern = NULL;
            return r2g_fail(err, R2G_EINPUT, "%s: no image has a name that fits this pattern", inputs->path);
        } else if (inputs->next < inputs->count) {
            status = take(inputs, inputs->arguments[inputs->next++], found, err);
        } else {
            return R2G_OK;
        }
        if (status != R2G_OK)
            return status;
    }
    return R2G_OK;
}

r2g_status r2g_batch_inputs_next(struct r2g_batch_inputs *inputs, bool *found, struct r2g_error *err) {
    *found = false;
    inputs->inode = 0;
    r2g_status status = next(inputs, found, err);
    if (status == R2G_OK && *found) {
        snprintf(inputs->relative, sizeof inputs->relative, "%s", inputs->path + inputs->root);
        r2g_batch_below(inputs->relative);
    }
    return status;
}
