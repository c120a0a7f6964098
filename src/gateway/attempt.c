/* What launchers share: the table of them, the program's arguments, and what the lines that it prints mean. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "gateway/jobs_inside.h"
#include "gateway/outcome.h"

/* Above this --compare runs each way once, not three times. */
#define COMPARE_ONCE_PIXELS (UINT64_C(16) << 20)

static const struct r2g_launcher *const launchers[] = {&r2g_launcher_mpirun, &r2g_launcher_pool, &r2g_launcher_slurm};

const struct r2g_launcher *r2g_launcher_by_name(const char *name) {
    for (size_t i = 0; i < sizeof launchers / sizeof launchers[0]; i++) {
        if (strcmp(launchers[i]->name, name) == 0)
            return launchers[i];
    }
    return NULL;
}

void r2g_attempt_ended(struct r2g_attempt *attempt, enum r2g_attempt_end end, const char *format, ...) {
    va_list arguments;
    attempt->end = end;
    va_start(arguments, format);
    vsnprintf(attempt->text, sizeof attempt->text, format, arguments);
    va_end(arguments);
}

void r2g_attempt_progress(struct r2g_attempt *attempt, const json_t *progress) {
    static const char *const names[] = {"done_rows", "total_rows", "pixels_per_second", "seconds_left"};
    json_t *told = json_object();
    for (size_t i = 0; told && i < sizeof names / sizeof names[0]; i++) {
        json_t *value = json_object_get(progress, names[i]);
        if (json_is_number(value))
            (void)json_object_set(told, names[i], value);
    }
    r2g_live_progress(attempt->jobs, attempt->live, told);
}

void r2g_attempt_line(struct r2g_attempt *attempt, const char *line) {
    static const char own[] = "rgb2gray: ", note[] = "rgb2gray: note: ";
    if (line[0] == '{') {
        json_error_t why;
        json_t *event = json_loads(line, 0, &why);
        const char *kind = json_string_value(json_object_get(event, "event"));
        if (kind && strcmp(kind, "progress") == 0)
            r2g_attempt_progress(attempt, event);
        json_decref(event);
    } else if (strncmp(line, own, sizeof own - 1) == 0 && strncmp(line, note, sizeof note - 1) != 0) {
        struct r2g_error plain; /* control characters go */
        (void)!r2g_fail(&plain, R2G_EINTERNAL, "%s", line + sizeof own - 1);
        snprintf(attempt->text, sizeof attempt->text, "%s", plain.text);
    }
}

void r2g_attempt_record(struct r2g_attempt *attempt, const char *kind, json_t *data) {
    struct r2g_error err;
    /* the run goes on without: a restart then knows a little less */
    if (r2g_live_change(attempt->jobs, attempt->live, &attempt->job, kind, data, R2G_STORE_LAZY, &err) != R2G_OK)
        r2g_jobs_log("job %s: %s", attempt->job.id, err.text);
}

/* Words of a command in one block: pointers in front, texts behind. */
struct words {
    const char **words;
    size_t count;
    char *text;
    size_t room;
};

#define WORDS_MAX 48
#define TEXTS_NBYTES (4 * PATH_MAX)

static void add(struct words *words, const char *name, const char *value) {
    int nbytes = snprintf(words->text, words->room, "%s%s%s", name, value ? "=" : "", value ? value : "");
    if (nbytes < 0 || (size_t)nbytes >= words->room || words->count + 1 >= WORDS_MAX)
        return;
    words->words[words->count++] = words->text;
    words->text += nbytes + 1;
    words->room -= (size_t)nbytes + 1;
}

static void add_number(struct words *words, const char *name, uint64_t number) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    add(words, name, text);
}

static void add_options(struct words *words, const struct r2g_job *job) {
    const struct r2g_job_options *options = &job->options;
    const struct {
        const char *name, *value;
    } texts[] = {{"--method", options->method},         {"--weights", options->weights},
                 {"--alpha", options->alpha},           {"--orient", options->orient},
                 {"--background", options->background}, {"--compression", options->compression}};
    const struct {
        const char *name;
        bool given;
    } flags[] = {
        {"--reencode", options->reencode}, {"--via-rgb", options->via_rgb}, {"--keep-exif", options->keep_exif}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].value[0])
            add(words, texts[i].name, texts[i].value);
    }
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i].given)
            add(words, flags[i].name, NULL);
    }
    add(words, "--format", r2g_outcome_format(job));
    if (options->quality)
        add_number(words, "--quality", options->quality);
}

const char **r2g_attempt_arguments(const struct r2g_attempt *attempt, bool with_report, bool ranks,
                                   struct r2g_error *err) {
    const struct r2g_job *job = &attempt->job;
    const struct r2g_settings *settings = attempt->jobs->settings;
    char path[PATH_MAX + 32];
    struct words words = {.words = r2g_new(WORDS_MAX * sizeof(char *) + TEXTS_NBYTES, err), .room = TEXTS_NBYTES};
    if (!words.words)
        return NULL;
    words.text = (char *)(words.words + WORDS_MAX);
    if (ranks) {
        add_number(&words, "--ranks", job->ranks);
        if (settings->hostfile)
            add(&words, "--hostfile", settings->hostfile);
    }
    add(&words, "--force", NULL);
    if (!job->one_shot)
        add(&words, "--sync", NULL);
    add_number(&words, "--max-pixels", settings->max_pixels);
    add_number(&words, "--mem-limit", settings->job_mem_nbytes);
    add_options(&words, job);
    if (job->options.compare) {
        add(&words, "--compare", NULL);
        add_number(&words, "--repeat", job->width * job->height > COMPARE_ONCE_PIXELS ? 1 : 3);
    }
    if (with_report) {
        snprintf(path, sizeof path, "%s/report.json.part", attempt->folder);
        add(&words, "--report", "json");
        add(&words, "--report-file", path);
        add(&words, "--progress", "json");
    }
    snprintf(path, sizeof path, "%s/result", attempt->folder);
    add(&words, "--output", path);
    add(&words, "--", NULL);
    snprintf(path, sizeof path, "%s/original", attempt->folder);
    add(&words, path, NULL);
    words.words[words.count] = NULL;
    return words.words;
}

bool r2g_attempt_cancelled(const struct r2g_attempt *attempt) {
    pthread_mutex_lock(&attempt->jobs->lock);
    bool cancelled = attempt->live->cancel;
    pthread_mutex_unlock(&attempt->jobs->lock);
    return cancelled;
}
