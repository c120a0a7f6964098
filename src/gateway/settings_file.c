/* The configuration file, and what is found out on this computer. */
#include "gateway/settings_parts.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_NBYTES 4096

/* Cuts blanks off at both ends. */
static char *trim(char *text) {
    while (isspace((unsigned char)*text))
        text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text;
}

static r2g_status read_entry(struct r2g_settings *settings, char *text, struct r2g_error *err) {
    char *equals = strchr(text, '=');
    if (!equals)
        return r2g_fail(err, R2G_EUSAGE, "\"%.40s\" is not name = value", text);
    *equals = '\0';
    const char *name = trim(text), *value = trim(equals + 1);
    const struct r2g_setting *setting = r2g_setting_by_name(name);
    if (!setting || setting->kind == R2G_SETTING_CONFIG || setting->kind == R2G_SETTING_COMMAND) {
        const char *nearest = setting ? NULL : r2g_setting_nearest(name);
        if (nearest)
            return r2g_fail(err, R2G_EUSAGE, "there is no setting %.40s; did you mean %s?", name, nearest);
        return r2g_fail(err, R2G_EUSAGE, "there is no setting %.40s", name);
    }
    return r2g_setting_apply(settings, setting, setting->name, value, err);
}

r2g_status r2g_settings_read_file(struct r2g_settings *settings, const char *path, struct r2g_error *err) {
    FILE *file = fopen(path, "re");
    if (!file)
        return r2g_fail_errno(err, R2G_EINPUT, errno, "%s", path);
    r2g_status status = R2G_OK;
    char line[LINE_NBYTES];
    for (int number = 1; status == R2G_OK && fgets(line, sizeof line, file); number++) {
        struct r2g_error inner = {0};
        bool cut = strlen(line) == sizeof line - 1;
        char *text = trim(line);
        if (cut)
            status = r2g_fail(&inner, R2G_EUSAGE, "the line is longer than %d bytes", LINE_NBYTES - 2);
        else if (*text && *text != '#')
            status = read_entry(settings, text, &inner);
        if (status != R2G_OK)
            (void)!r2g_fail(err, status, "%s:%d: %s", path, number, inner.text);
    }
    if (status == R2G_OK && ferror(file))
        status = r2g_fail(err, R2G_EINPUT, "%s cannot be read", path);
    struct stat about;
    if (status == R2G_OK && settings->token_count > 0 && fstat(fileno(file), &about) == 0 &&
        (about.st_mode & (S_IRGRP | S_IROTH)))
        fprintf(stderr, "rgb2gray-gateway: %s holds tokens' hashes and can be read by others: chmod 600 keeps them\n",
                path);
    fclose(file);
    return status;
}

/* ---- found out ---- */

/* The folder that this program lies in, without links; false if it cannot be told. */
static bool own_folder(char folder[PATH_MAX]) {
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (length <= 0)
        return false;
    folder[length] = '\0';
    char *slash = strrchr(folder, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

static bool is_page(const char *folder) {
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s/index.html", folder) < (int)sizeof path && access(path, R_OK) == 0;
}

/* Where this program lies in a build tree, CMake has noted the source tree two folders up, beside its cache. */
static bool source_folder(const char *own, char folder[PATH_MAX]) {
    static const char key[] = "CMAKE_HOME_DIRECTORY:INTERNAL=";
    char path[PATH_MAX], line[PATH_MAX];
    bool found = false;
    if (snprintf(path, sizeof path, "%s/../CMakeCache.txt", own) >= (int)sizeof path)
        return false;
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        found = strncmp(line, key, sizeof key - 1) == 0;
        if (found)
            snprintf(folder, PATH_MAX, "%s", trim(line + sizeof key - 1));
    }
    if (file)
        fclose(file);
    return found;
}

static r2g_status find_web(struct r2g_settings *settings, const char *own, struct r2g_error *err) {
    char folder[PATH_MAX], source[PATH_MAX];
    int length = snprintf(folder, sizeof folder, "%s/../share/rgb2gray/web", own);
    if ((length >= (int)sizeof folder || !is_page(folder)) && source_folder(own, source))
        length = snprintf(folder, sizeof folder, "%s/web", source);
    if (length >= (int)sizeof folder || !is_page(folder))
        return R2G_OK; /* then there is the API only */
    settings->web = r2g_settings_keep(settings, folder, err);
    return settings->web ? R2G_OK : R2G_ENOMEM;
}

/* The program beside this one, else the first in PATH, else its name alone: then no job can be run, and /readyz says
 * so. */
static r2g_status find_program(struct r2g_settings *settings, const char *own, struct r2g_error *err) {
    static const char name[] = "rgb2gray";
    char path[PATH_MAX];
    bool found = snprintf(path, sizeof path, "%s/%s", own, name) < (int)sizeof path && access(path, X_OK) == 0;
    const char *folders = getenv("PATH");
    while (!found && folders && *folders) {
        size_t length = strcspn(folders, ":");
        found = length > 0 && folders[0] == '/' &&
                snprintf(path, sizeof path, "%.*s/%s", (int)length, folders, name) < (int)sizeof path &&
                access(path, X_OK) == 0;
        folders += length + (folders[length] == ':');
    }
    settings->program = r2g_settings_keep(settings, found ? path : name, err);
    return settings->program ? R2G_OK : R2G_ENOMEM;
}

static r2g_status find_spool(struct r2g_settings *settings, struct r2g_error *err) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char path[PATH_MAX] = "/var/lib/rgb2gray";
    int length = 0;
    if (state && state[0] == '/')
        length = snprintf(path, sizeof path, "%s/rgb2gray", state);
    else if (geteuid() != 0 && home && home[0] == '/')
        length = snprintf(path, sizeof path, "%s/.local/state/rgb2gray", home);
    else if (geteuid() != 0)
        return r2g_fail(err, R2G_EUSAGE, "there is no home folder for the spool: give --spool");
    if (length >= (int)sizeof path)
        return r2g_fail(err, R2G_EUSAGE, "the path of the spool is too long: give --spool");
    settings->spool = r2g_settings_keep(settings, path, err);
    return settings->spool ? R2G_OK : R2G_ENOMEM;
}

static unsigned usable_cpus(void) {
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count > 0 ? (unsigned)count : 1;
}

/* A relative path would mean another file to a child in another folder. A program's bare name is looked for in PATH. */
static r2g_status make_absolute(struct r2g_settings *settings, const char **path, struct r2g_error *err) {
    char here[PATH_MAX], whole[2 * PATH_MAX];
    bool bare_program = path == &settings->program && *path && !strchr(*path, '/');
    if (!*path || (*path)[0] == '/' || bare_program)
        return R2G_OK;
    if (!getcwd(here, sizeof here))
        return r2g_fail_errno(err, R2G_EUSAGE, errno, "the current folder cannot be told");
    snprintf(whole, sizeof whole, "%s/%s", here, *path);
    *path = r2g_settings_keep(settings, whole, err);
    return *path ? R2G_OK : R2G_ENOMEM;
}

static r2g_status check_together(const struct r2g_settings *settings, struct r2g_error *err) {
    if (settings->max_ranks < settings->ranks)
        return r2g_fail(err, R2G_EUSAGE, "--max-ranks %u is less than --ranks %u", settings->max_ranks,
                        settings->ranks);
    if (settings->client_queue > settings->queue)
        return r2g_fail(err, R2G_EUSAGE, "--client-queue %u is more than --queue %u", settings->client_queue,
                        settings->queue);
    if (settings->client_connections > settings->connections)
        return r2g_fail(err, R2G_EUSAGE, "--client-connections %u is more than --connections %u",
                        settings->client_connections, settings->connections);
    return R2G_OK;
}

r2g_status r2g_settings_complete(struct r2g_settings *settings, struct r2g_error *err) {
    char own[PATH_MAX];
    r2g_status status = R2G_OK;
    bool own_known = own_folder(own);
    if (!settings->ranks)
        settings->ranks =
            settings->max_ranks && settings->max_ranks < usable_cpus() ? settings->max_ranks : usable_cpus();
    if (!settings->max_ranks)
        settings->max_ranks = settings->ranks;
    if (!settings->jobs)
        settings->jobs = strcmp(settings->launcher, "slurm") == 0 ? 16 : 1;
    if (!settings->client_queue)
        settings->client_queue = settings->queue;
    if (!settings->client_uploads_nbytes)
        settings->client_uploads_nbytes = settings->quota_nbytes / 4;
    if (settings->client_connections > settings->connections && settings->client_connections == 256)
        settings->client_connections = settings->connections; /* the default, beside fewer connections */
    if (!settings->web && own_known)
        status = find_web(settings, own, err);
    if (status == R2G_OK && !settings->program)
        status = find_program(settings, own_known ? own : "", err);
    if (status == R2G_OK && !settings->spool)
        status = find_spool(settings, err);
    if (status == R2G_OK)
        status = make_absolute(settings, &settings->spool, err);
    if (status == R2G_OK)
        status = make_absolute(settings, &settings->program, err);
    if (status == R2G_OK)
        status = make_absolute(settings, &settings->hostfile, err);
    return status == R2G_OK ? check_together(settings, err) : status;
}
