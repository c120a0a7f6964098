/* The pool as a launcher: one request, and lines until its answer. A world that dies, or that must be stopped, is started
 * again by its keeper; what was in it has ended, and has left nothing, when this returns. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "gateway/jobs_inside.h"
#include "gateway/pool.h"

static bool ready(const struct r2g_jobs *jobs, struct r2g_error *err) {
    if (jobs->pool)
        return true;
    (void)!r2g_fail(err, R2G_EMPI, "there is no pool");
    return false;
}

static json_t *make_request(const struct r2g_attempt *attempt) {
    struct r2g_error err;
    const char **words = r2g_attempt_arguments(attempt, false, false, &err);
    json_t *arguments = words ? json_array() : NULL;
    for (size_t i = 0; arguments && words[i]; i++) {
        if (json_array_append_new(arguments, json_string(words[i])) != 0) {
            json_decref(arguments);
            arguments = NULL;
        }
    }
    free(words);
    return json_pack("{s:s, s:b, s:o}", "id", attempt->job.id, "progress", !attempt->job.one_shot, "arguments",
                     arguments);
}

/* Puts the report where the program would have written it. */
static void keep_report(const struct r2g_attempt *attempt, const json_t *report) {
    int folder_fd = r2g_spool_open_job(attempt->jobs->spool, attempt->job.id);
    int fd = folder_fd >= 0 ? openat(folder_fd, "report.json.part",
                                     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)
                            : -1;
    /* not json_dumpfd, which makes a call of the system for each word */
    size_t nbytes = json_dumpb(report, NULL, 0, JSON_COMPACT);
    char *text = nbytes > 0 ? r2g_new(nbytes, NULL) : NULL;
    bool good = text && fd >= 0 && json_dumpb(report, text, nbytes, JSON_COMPACT) == nbytes &&
                r2g_file_write_next(fd, text, nbytes) == 0;
    free(text);
    if (fd >= 0 && !good)
        unlinkat(folder_fd, "report.json.part", 0);
    if (fd >= 0)
        close(fd);
    if (folder_fd >= 0)
        close(folder_fd);
}

/* Takes one line; true if it was the answer. */
static bool take(struct r2g_attempt *attempt, const json_t *line) {
    const char *id = json_string_value(json_object_get(line, "id"));
    const json_t *progress = json_object_get(line, "progress"), *code = json_object_get(line, "exit");
    const json_t *report = json_object_get(line, "report");
    const char *error = json_string_value(json_object_get(line, "error"));
    if (!id || strcmp(id, attempt->job.id) != 0)
        return false;
    if (progress)
        r2g_attempt_progress(attempt, progress);
    if (!json_is_integer(code))
        return false;
    attempt->end = R2G_ATTEMPT_EXITED;
    attempt->exit_code = (int)json_integer_value(code);
    if (error)
        r2g_attempt_line(attempt, error);
    if (json_is_object(report))
        keep_report(attempt, report);
    return true;
}

static void converse(struct r2g_attempt *attempt) {
    struct r2g_pool *pool = attempt->jobs->pool;
    int64_t end_ns = attempt->wall_ms > 0 ? r2g_clock_ns() + attempt->wall_ms * 1000000 : 0;
    bool answered = false;
    enum r2g_pool_heard heard = r2g_pool_send(pool, make_request(attempt)) ? R2G_POOL_LINE : R2G_POOL_GONE;
    while (heard == R2G_POOL_LINE && !answered) {
        json_t *line;
        heard = r2g_pool_hear(pool, attempt->stop_fd, end_ns, &line);
        answered = heard == R2G_POOL_LINE && take(attempt, line);
        json_decref(line);
    }
    if (answered)
        return;
    /* whatever it is at, it must not write to this job's folder any more */
    r2g_pool_kill(pool);
    if (heard == R2G_POOL_STOP)
        attempt->end = R2G_ATTEMPT_STOPPED;
    else if (heard == R2G_POOL_TIMEOUT)
        r2g_attempt_ended(attempt, R2G_ATTEMPT_TOO_LONG, "not done within %lld s", (long long)attempt->wall_ms / 1000);
    else
        r2g_attempt_ended(attempt, R2G_ATTEMPT_CRASHED, "the pool of processes ended");
}

static void run(struct r2g_attempt *attempt) {
    struct r2g_pool *pool = attempt->jobs->pool;
    switch (r2g_pool_take(pool, attempt->stop_fd)) {
    case R2G_POOL_TAKEN:
        converse(attempt);
        r2g_pool_give_back(pool);
        break;
    case R2G_POOL_STOPPED:
        attempt->end = R2G_ATTEMPT_STOPPED;
        break;
    default: /* the next attempt is mpirun's */
        r2g_attempt_ended(attempt, R2G_ATTEMPT_CRASHED, "the pool of processes could not be started");
    }
}

const struct r2g_launcher r2g_launcher_pool = {.name = "pool", .ready = ready, .run = run};
