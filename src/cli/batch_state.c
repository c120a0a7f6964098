/* The journal's folder: what only rank 0 does with it, before the work and after it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rgb2gray/rgb2gray.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/output.h"
#include "cli/batch_files.h"
#include "cli/batch_journal.h"
#include "cli/batch_record.h"

#define RUN_MAX_NBYTES ((uint64_t)64 << 20)

void r2g_batch_state_folder(const struct r2g_cli *cli, char folder[PATH_MAX]) {
    if (cli->journal)
        snprintf(folder, PATH_MAX, "%.4000s", cli->journal);
    else if (cli->part_count > 0)
        snprintf(folder, PATH_MAX, "%.4000s/.rgb2gray/part-%d-of-%d", cli->output, cli->part, cli->part_count);
    else
        snprintf(folder, PATH_MAX, "%.4000s/.rgb2gray", cli->output);
}

/* ---- what was asked for ---- */

/* All that decides which outputs there are and what is in them. */
static json_t *identity(const struct r2g_cli *cli) {
    const struct r2g_options *options = &cli->options;
    char part[48];
    snprintf(part, sizeof part, "%d/%d", cli->part_count ? cli->part : 1, cli->part_count ? cli->part_count : 1);
    char formula[160];
    r2g_luma_formula(&options->luma, formula, sizeof formula);
    json_t *inputs = json_array();
    for (int i = 0; i < cli->input_count; i++) {
        if (json_array_append_new(inputs, r2g_json_text(cli->inputs[i])) != 0) {
            json_decref(inputs);
            return NULL;
        }
    }
    return json_pack("{s:s, s:s, s:s, s:b, s:o, s:i, s:b, s:i, s:i, s:i, s:[i, i, i], s:b, s:o, s:s, s:o}", "version",
                     r2g_version(), "method", r2g_luma_name(&options->luma), "formula", formula, "via-rgb",
                     (int)options->via_rgb, "format", options->format ? json_string(options->format) : json_null(),
                     "quality", (int)options->quality, "reencode", (int)options->reencode, "compression",
                     (int)options->compression, "orient", (int)options->orient, "alpha", (int)options->alpha,
                     "background", options->background[0], options->background[1], options->background[2], "keep-exif",
                     (int)options->keep_exif, "name", r2g_json_text(cli->name_template), "part", part, "inputs",
                     inputs);
}

static r2g_status check_identity(const char *folder, const json_t *before, const json_t *now, struct r2g_error *err) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)now, key, value) {
        const json_t *old = json_object_get(before, key);
        if (old && json_equal(old, value))
            continue;
        char *was = old ? json_dumps(old, JSON_ENCODE_ANY) : NULL, *is = json_dumps(value, JSON_ENCODE_ANY);
        r2g_status status = r2g_fail(
            err, R2G_EUSAGE,
            "--resume: %s differs: %.80s in the journal %s, %.80s now; ask for the same, or begin anew with --force",
            key, was ? was : "none", folder, is ? is : "?");
        r2g_budget_free(was);
        r2g_budget_free(is);
        return status;
    }
    return R2G_OK;
}

/* ---- the files of lines ---- */

static bool is_lines_name(const char *name) {
    size_t length = strlen(name);
    return length > 6 && strcmp(name + length - 6, ".jsonl") == 0;
}

static r2g_status fail(const char *path, int error, struct r2g_error *err) {
    return r2g_fail_errno(err, R2G_EOUTPUT, error, "cannot use the journal %s", path);
}

/* Calls `each` for every file of lines in the folder. */
static r2g_status each_file(const char *folder, r2g_status (*each)(void *, const char *, struct r2g_error *),
                            void *user, struct r2g_error *err) {
    DIR *entries = opendir(folder);
    r2g_status status = entries ? R2G_OK : fail(folder, errno, err);
    for (const struct dirent *entry; status == R2G_OK && (entry = readdir(entries)) != NULL;) {
        char path[PATH_MAX + 300];
        if (!is_lines_name(entry->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        status = each(user, path, err);
    }
    if (entries)
        closedir(entries);
    return status;
}

struct reading {
    r2g_status (*image)(void *user, const json_t *line, struct r2g_error *err);
    void *user;
};

static r2g_status read_images(void *user, const char *path, struct r2g_error *err) {
    const struct reading *reading = user;
    FILE *file = fopen(path, "re");
    if (!file)
        return fail(path, errno, err);
    char *text = NULL;
    size_t capacity = 0;
    ssize_t length;
    r2g_status status = R2G_OK;
    while (status == R2G_OK && (length = getline(&text, &capacity, file)) > 0) {
        json_t *line = json_loadb(text, (size_t)length, 0, NULL);
        if (line && json_object_get(line, "output"))
            status = reading->image(reading->user, line, err);
        json_decref(line);
    }
    if (status == R2G_OK && ferror(file))
        status = fail(path, errno, err);
    free(text);
    fclose(file);
    return status;
}

r2g_status r2g_batch_state_each(const char *folder,
                                r2g_status (*image)(void *user, const json_t *line, struct r2g_error *err), void *user,
                                struct r2g_error *err) {
    struct reading reading = {image, user};
    return each_file(folder, read_images, &reading, err);
}

/* ---- to resume ---- */

struct resume {
    const struct r2g_cli *cli;
    struct r2g_batch_state *state;
    struct r2g_batch_set *done;
    struct r2g_output *output;
    uint64_t end;
    char boot[64];
};

static r2g_status put_line(struct resume *resume, const char *text, struct r2g_error *err) {
    size_t nbytes = strlen(text);
    r2g_status status = r2g_output_write_at(resume->output, resume->end, text, nbytes, err);
    resume->end += nbytes;
    return status;
}

/* Whether a line tells of an output that is there, made of an input that is still the same. */
static bool still_true(const struct resume *resume, const json_t *line) {
    char path[2 * PATH_MAX], input_room[R2G_BATCH_NAME_MAX + 1], output_room[R2G_BATCH_NAME_MAX + 1];
    struct stat info;
    const char *outcome = json_string_value(json_object_get(line, "outcome"));
    const char *output = r2g_batch_line_name(line, "output", output_room);
    const char *input = r2g_batch_line_name(line, "input", input_room);
    if (!outcome || strcmp(outcome, "done") != 0 || !output || !input)
        return false;
    snprintf(path, sizeof path, "%.4000s/%.4000s", resume->cli->output, output);
    if (stat(path, &info) != 0 || info.st_size != json_integer_value(json_object_get(line, "out_nbytes")) ||
        r2g_batch_mtime_ns(&info) != json_integer_value(json_object_get(line, "out_mtime_ns")))
        return false;
    return stat(input, &info) == 0 && info.st_size == json_integer_value(json_object_get(line, "in_nbytes")) &&
           r2g_batch_mtime_ns(&info) == json_integer_value(json_object_get(line, "in_mtime_ns"));
}

static r2g_status keep_line(struct resume *resume, const char *text, const json_t *line, bool safe,
                            struct r2g_error *err) {
    const char *key_text = json_string_value(json_object_get(line, "key"));
    uint64_t before = 0, key = key_text ? strtoull(key_text, NULL, 16) : 0;
    if (!key || !safe || !still_true(resume, line)) {
        resume->state->dropped_count++;
        return R2G_OK;
    }
    r2g_status status = r2g_batch_set_mark(resume->done, key, R2G_BATCH_DONE, &before, err);
    if (status != R2G_OK || (before & R2G_BATCH_DONE)) /* this very step was interrupted before */
        return status;
    resume->state->kept_count++;
    return put_line(resume, text, err);
}

/* Where the last line that says "synced" ends. */
static long synced_end(FILE *file) {
    char *text = NULL;
    size_t capacity = 0;
    long end = 0;
    while (getline(&text, &capacity, file) > 0) {
        if (strcmp(text, R2G_BATCH_SYNCED "\n") == 0)
            end = ftell(file);
    }
    free(text);
    rewind(file);
    return end;
}

static r2g_status keep_file(void *user, const char *path, struct r2g_error *err) {
    struct resume *resume = user;
    FILE *file = fopen(path, "re");
    if (!file)
        return fail(path, errno, err);
    char *text = NULL;
    size_t capacity = 0;
    ssize_t length;
    long synced = synced_end(file);
    bool same_boot = false;
    r2g_status status = R2G_OK;
    while (status == R2G_OK && (length = getline(&text, &capacity, file)) > 0) {
        json_t *line = text[length - 1] == '\n' ? json_loadb(text, (size_t)length, 0, NULL) : NULL;
        const char *boot = json_string_value(json_object_get(line, "boot"));
        if (boot)
            same_boot = boot[0] && strcmp(boot, resume->boot) == 0;
        if (line && json_object_get(line, "output"))
            status = keep_line(resume, text, line, same_boot || ftell(file) <= synced, err);
        json_decref(line);
    }
    if (status == R2G_OK && ferror(file))
        status = fail(path, errno, err);
    free(text);
    fclose(file);
    return status;
}

static r2g_status refuse_file(void *user, const char *path, struct r2g_error *err) {
    (void)user;
    return r2g_fail(err, R2G_EEXISTS, "%s is there, but no run.json of a journal beside it; --force replaces it", path);
}

static r2g_status remove_file(void *user, const char *path, struct r2g_error *err) {
    const char *kept = user;
    if ((!kept || strcmp(path, kept) != 0) && unlink(path) != 0)
        return fail(path, errno, err);
    return R2G_OK;
}

/* Makes one file of the lines that count, and removes those it was made of. */
static r2g_status compact(struct r2g_batch_state *state, const struct r2g_cli *cli, struct r2g_batch_set *done,
                          struct r2g_error *err) {
    char path[PATH_MAX + 32];
    struct resume resume = {.cli = cli, .state = state, .done = done};
    struct r2g_output_options options = {.overwrite = true, .sync = true};
    snprintf(path, sizeof path, "%s/done.jsonl", state->folder);
    r2g_batch_boot_id(resume.boot);
    r2g_status status = r2g_output_create(&resume.output, path, &options, err);
    if (status == R2G_OK)
        status = each_file(state->folder, keep_file, &resume, err);
    /* the new file must not count for less than the old ones, which a crash may already have taken: so sync first */
    int fd = status == R2G_OK ? open(cli->output, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (status == R2G_OK && (fd < 0 || syncfs(fd) != 0))
        status = fail(cli->output, errno, err);
    if (fd >= 0)
        close(fd);
    if (status == R2G_OK)
        status = put_line(&resume, R2G_BATCH_SYNCED "\n", err);
    if (status == R2G_OK)
        status = r2g_output_commit(resume.output, err);
    r2g_output_close(resume.output);
    return status == R2G_OK ? each_file(state->folder, remove_file, path, err) : status;
}

/* ---- the folder ---- */

static r2g_status write_run(const struct r2g_batch_state *state, json_t *wanted, struct r2g_error *err) {
    char path[PATH_MAX + 32];
    struct r2g_output_options options = {.overwrite = true, .sync = true};
    struct r2g_output *output = NULL;
    json_t *run =
        json_pack("{s:i, s:I, s:O}", "rgb2gray_batch", 1, "began_ns", (json_int_t)state->began_ns, "asked", wanted);
    char *text = run ? json_dumps(run, JSON_INDENT(1)) : NULL;
    json_decref(run);
    snprintf(path, sizeof path, "%s/run.json", state->folder);
    r2g_status status =
        text ? r2g_output_create(&output, path, &options, err) : r2g_fail(err, R2G_ENOMEM, "no memory for the journal");
    if (status == R2G_OK)
        status = r2g_output_write_at(output, 0, text, strlen(text), err);
    if (status == R2G_OK)
        status = r2g_output_commit(output, err);
    r2g_output_close(output);
    r2g_budget_free(text);
    return status;
}

/* *run receives what an earlier run has asked for, NULL where there was none. Only --force passes over a damaged one. */
static r2g_status read_run(const struct r2g_batch_state *state, bool force, json_t **run, struct r2g_error *err) {
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/run.json", state->folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *run = fd >= 0 ? r2g_json_read(fd, RUN_MAX_NBYTES) : NULL;
    if (fd < 0)
        return errno == ENOENT || force ? R2G_OK : fail(path, errno, err);
    close(fd);
    if (force || json_integer_value(json_object_get(*run, "rgb2gray_batch")) == 1)
        return R2G_OK;
    return r2g_fail(err, R2G_EEXISTS, "%s is no journal's, or damaged; --force replaces it and begins anew", path);
}

static r2g_status begin(struct r2g_batch_state *state, const struct r2g_cli *cli, json_t *wanted, const json_t *before,
                        struct r2g_batch_set *done, struct r2g_error *err) {
    if (before && !cli->resume && !cli->options.overwrite)
        return r2g_fail(err, R2G_EEXISTS,
                        "%s is the journal of an earlier run: --resume goes on with it, --force begins anew",
                        state->folder);
    if (before && cli->resume) {
        r2g_status status = check_identity(state->folder, json_object_get(before, "asked"), wanted, err);
        state->resumed = status == R2G_OK;
        state->began_ns = json_integer_value(json_object_get(before, "began_ns"));
        return status == R2G_OK ? compact(state, cli, done, err) : status;
    }
    r2g_status status = R2G_OK;
    if (!before && !cli->options.overwrite)
        status = each_file(state->folder, refuse_file, NULL, err);
    if (status != R2G_OK)
        return status;
    struct stat info;
    /* the time as the file system tells it, which another host may keep */
    if (futimens(state->lock_fd, NULL) != 0 || fstat(state->lock_fd, &info) != 0)
        return fail(state->folder, errno, err);
    state->began_ns = r2g_batch_mtime_ns(&info);
    status = each_file(state->folder, remove_file, NULL, err);
    return status == R2G_OK ? write_run(state, wanted, err) : status;
}

r2g_status r2g_batch_state_open(struct r2g_batch_state *state, const struct r2g_cli *cli, struct r2g_batch_set *done,
                                struct r2g_error *err) {
    char path[PATH_MAX + 32];
    memset(state, 0, sizeof *state);
    state->lock_fd = -1;
    r2g_batch_state_folder(cli, state->folder);
    r2g_status status = r2g_batch_make_folder(state->folder, err);
    if (status != R2G_OK)
        return status;
    snprintf(path, sizeof path, "%s/lock", state->folder);
    state->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (state->lock_fd < 0)
        return fail(path, errno, err);
    if (flock(state->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK
                   ? r2g_fail(err, R2G_EUSAGE, "another run is at work with the journal %s", state->folder)
                   : fail(path, errno, err);
    json_t *before, *wanted = identity(cli);
    status = read_run(state, cli->options.overwrite, &before, err);
    if (status == R2G_OK)
        status = wanted ? begin(state, cli, wanted, before, done, err)
                        : r2g_fail(err, R2G_ENOMEM, "no memory for the journal");
    json_decref(before);
    json_decref(wanted);
    return status;
}

void r2g_batch_state_close(struct r2g_batch_state *state) {
    if (state->lock_fd >= 0)
        close(state->lock_fd);
    state->lock_fd = -1;
}
