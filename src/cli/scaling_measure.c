/* Each run is this program itself, started as a user would: so that nothing of one run is left for the next. What is
 * measured is what the run reports of itself.
 *
 * First each picture is converted once on each number of ranks, uncounted: caches are warm afterwards, and what cannot work
 * is known early. Then, over and over, the numbers of ranks go up and down in turn.
 */
#include "cli/scaling_measure.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rgb2gray/rgb2gray.h>

#include "base/json.h"
#include "cli/child.h"
#include "cli/scaling_copy.h"
#include "cli/scaling_picture.h"
#include "cli/scaling_report.h"

/* A run that takes a day hangs. */
#define RUN_LIMIT_MS 86400000
#define REPORT_NBYTES_MAX ((uint64_t)64 << 20)

enum { KINDS = 2 };

struct measuring {
    const struct r2g_scaling_plan *plan;
    struct r2g_scaling_runs *runs;
    char program[PATH_MAX], in_path[PATH_MAX], out_path[PATH_MAX], report_path[PATH_MAX];
    char host[64], machine[400], version[48], when[32];
    bool local[R2G_SCALING_POINTS_MAX]; /* all ranks were on this host, where a memory copy can be measured */
    uint32_t width, rows_a_rank;        /* of the made picture */
    struct r2g_error *err;
};

/* One kind of run. */
struct task {
    enum r2g_scaling_kind kind;
    int at;     /* in the numbers of ranks */
    int repeat; /* from 1; 0: does not count */
};

static int ranks_of(const struct measuring *self, const struct task *task) {
    return self->plan->counts.ranks[task->at];
}

static int most_ranks(const struct r2g_scaling_plan *plan) {
    return plan->counts.ranks[plan->counts.count - 1];
}

static void made_path(const struct measuring *self, int ranks, char *path, size_t path_nbytes) {
    snprintf(path, path_nbytes, "%.3900s/made-%d.ppm", self->plan->folder, ranks);
}

/* Strong scaling on a made picture takes that of the most ranks. */
static void input_of(const struct measuring *self, const struct task *task, char *path, size_t path_nbytes) {
    if (task->kind == R2G_SCALING_STRONG && self->plan->in_path)
        snprintf(path, path_nbytes, "%s", self->in_path);
    else
        made_path(self, task->kind == R2G_SCALING_STRONG ? most_ranks(self->plan) : ranks_of(self, task), path,
                  path_nbytes);
}

/* The reason in what a run has printed: its last line of its own, less the program's name; else its first line, or what
 * ended it. */
static void reason_of(int code, char *text, char *reason, size_t reason_nbytes) {
    const char *found = NULL;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n\r"));) {
        if (strncmp(line, "rgb2gray: ", strlen("rgb2gray: ")) == 0 && !strstr(line, "rgb2gray: note: "))
            found = line + strlen("rgb2gray: ");
        else if (!found && line[0])
            found = line;
    }
    if (found)
        snprintf(reason, reason_nbytes, "%s", found);
    else
        snprintf(reason, reason_nbytes, "a run ended with status %d%s", code,
                 code == 128 + SIGKILL ? ", as of a kill: is there enough memory?" : "");
}

static r2g_status run_failed(const struct measuring *self, const struct task *task, int code, char *text) {
    int ranks = ranks_of(self, task);
    char reason[300];
    if (*self->plan->stop || code == R2G_CHILD_STOPPED)
        return r2g_fail(self->err, R2G_ECANCELED, "interrupted");
    if (code == R2G_CHILD_NOT_STARTED)
        return r2g_fail(self->err, R2G_EMPI, "with %d ranks: the program cannot be started", ranks);
    if (code == R2G_CHILD_TIMED_OUT)
        return r2g_fail(self->err, R2G_EMPI, "with %d ranks: a run takes more than a day", ranks);
    reason_of(code, text, reason, sizeof reason);
    return r2g_fail(self->err, code > R2G_OK && code < R2G_ECANCELED ? (r2g_status)code : R2G_EMPI,
                    "with %d rank%s: %s", ranks, ranks == 1 ? "" : "s", reason);
}

/* Runs once and leaves the report, which the caller releases. */
static r2g_status run_once(struct measuring *self, const struct task *task, json_t **report) {
    const struct r2g_scaling_plan *plan = self->plan;
    char ranks[16], path[PATH_MAX], text[4096];
    const char *words[20];
    int count = 0;
    int64_t wall_ns;
    *report = NULL;
    snprintf(ranks, sizeof ranks, "%d", ranks_of(self, task));
    input_of(self, task, path, sizeof path);
    words[count++] = self->program;
    if (ranks_of(self, task) > 1 || plan->hostfile) {
        words[count++] = "-n";
        words[count++] = ranks;
    }
    if (plan->hostfile) {
        words[count++] = "--hostfile";
        words[count++] = plan->hostfile;
    }
    const char *const rest[] = {"--quiet",
                                "--progress=none",
                                "--report=json",
                                "--report-file",
                                self->report_path,
                                "--format",
                                plan->format,
                                "-o",
                                self->out_path,
                                "--",
                                path,
                                NULL};
    memcpy(words + count, rest, sizeof rest);
    unlink(self->out_path); /* so that no run pays for the freeing of another's output */
    unlink(self->report_path);
    int code = r2g_cli_child_run_until(words, RUN_LIMIT_MS, plan->stop, text, sizeof text, &wall_ns);
    if (code != R2G_OK || *plan->stop)
        return run_failed(self, task, code, text);
    int fd = open(self->report_path, O_RDONLY | O_CLOEXEC);
    *report = fd >= 0 ? r2g_json_read(fd, REPORT_NBYTES_MAX) : NULL;
    if (fd >= 0)
        close(fd);
    return *report
               ? R2G_OK
               : r2g_fail(self->err, R2G_EINTERNAL, "with %s ranks: the run left no report that can be read", ranks);
}

static void tell(const struct measuring *self, const struct task *task) {
    if (!self->plan->tell)
        return;
    fprintf(stderr, "\r\033[K%s scaling, %d rank%s: ", r2g_scaling_kind_name(task->kind), ranks_of(self, task),
            ranks_of(self, task) == 1 ? "" : "s");
    if (task->repeat == 0)
        fputs("warming up", stderr);
    else
        fprintf(stderr, "run %d of %d", task->repeat, self->plan->run_count);
    fflush(stderr);
}

static const char *input_name(const struct measuring *self, enum r2g_scaling_kind kind) {
    if (kind == R2G_SCALING_WEAK || !self->plan->in_path)
        return R2G_SCALING_PICTURE_NAME;
    const char *slash = strrchr(self->in_path, '/');
    return slash ? slash + 1 : self->in_path;
}

/* One run; if it counts, a row of it. */
static r2g_status do_task(struct measuring *self, const struct task *task, double copy_gbs) {
    json_t *report;
    struct r2g_scaling_run run = {.kind = task->kind, .repeat = task->repeat};
    tell(self, task);
    r2g_status status = run_once(self, task, &report);
    if (status == R2G_OK && (!r2g_scaling_from_report(report, &run) || run.ranks != ranks_of(self, task)))
        status =
            r2g_fail(self->err, R2G_EINTERNAL, "with %d ranks: the run's report makes no sense", ranks_of(self, task));
    if (status == R2G_OK && task->repeat == 0 && task->kind == R2G_SCALING_STRONG) {
        self->local[task->at] = r2g_scaling_ran_on(report, self->host);
        if (self->plan->in_path) {
            self->width = (uint32_t)run.width;
            self->rows_a_rank = r2g_scaling_rows_a_rank((uint32_t)run.height, most_ranks(self->plan));
        }
    }
    if (status == R2G_OK && task->repeat > 0) {
        run.text[R2G_SCALING_SETTING] = "measured";
        run.text[R2G_SCALING_INPUT] = input_name(self, task->kind);
        run.text[R2G_SCALING_MACHINE] = self->machine;
        run.text[R2G_SCALING_PROGRAM] = self->version;
        run.text[R2G_SCALING_WHEN] = self->when;
        run.number[R2G_SCALING_COPY_GBS] = copy_gbs;
        status = r2g_scaling_add(self->runs, &run, self->err);
    }
    json_decref(report);
    return status;
}

/* The made picture for this many ranks, unless it is there. */
static r2g_status make(const struct measuring *self, int ranks) {
    char path[PATH_MAX];
    made_path(self, ranks, path, sizeof path);
    if (access(path, F_OK) == 0)
        return R2G_OK;
    if (self->plan->tell)
        fprintf(stderr, "\r\033[Kmaking a picture for %d rank%s", ranks, ranks == 1 ? "" : "s");
    return r2g_scaling_picture(path, self->width, self->rows_a_rank * (uint32_t)ranks, self->plan->stop, self->err);
}

static r2g_status warm_up(struct measuring *self) {
    const struct r2g_scaling_counts *counts = &self->plan->counts;
    r2g_status status = self->plan->in_path ? R2G_OK : make(self, most_ranks(self->plan));
    for (int i = 0; i < counts->count && status == R2G_OK; i++)
        status = do_task(self, &(struct task){R2G_SCALING_STRONG, i, 0}, NAN);
    /* A picture of the user's may be far larger than is worth making again. */
    uint64_t pixels = (uint64_t)self->width * self->rows_a_rank * (uint64_t)most_ranks(self->plan);
    if (status == R2G_OK && self->plan->in_path && pixels > R2G_SCALING_PIXELS_MOST)
        self->rows_a_rank =
            r2g_scaling_rows_a_rank((uint32_t)(R2G_SCALING_PIXELS_MOST / self->width), most_ranks(self->plan));
    for (int i = 0; i < counts->count && status == R2G_OK; i++) {
        status = make(self, counts->ranks[i]);
        if (status == R2G_OK)
            status = do_task(self, &(struct task){R2G_SCALING_WEAK, i, 0}, NAN);
    }
    return status;
}

static r2g_status all_rounds(struct measuring *self) {
    int count = self->plan->counts.count;
    r2g_status status = R2G_OK;
    for (int repeat = 1; repeat <= self->plan->run_count; repeat++) {
        for (int i = 0; i < count && status == R2G_OK; i++) {
            int at = repeat % 2 ? i : count - 1 - i;
            double copy_gbs = self->local[at] ? r2g_scaling_copy_gbs(self->plan->counts.ranks[at]) : NAN;
            for (int kind = 0; kind < KINDS && status == R2G_OK; kind++)
                status = do_task(self, &(struct task){(enum r2g_scaling_kind)kind, at, repeat}, copy_gbs);
        }
    }
    return status;
}

r2g_status r2g_scaling_measure(const struct r2g_scaling_plan *plan, struct r2g_scaling_runs *runs,
                               struct r2g_error *err) {
    struct measuring self = {.plan = plan, .runs = runs, .err = err};
    self.width = plan->width;
    self.rows_a_rank = r2g_scaling_rows_a_rank(plan->height, most_ranks(plan));
    ssize_t length = readlink("/proc/self/exe", self.program, sizeof self.program - 1);
    if (length < 0)
        return r2g_fail_errno(err, R2G_EMPI, errno, "cannot tell where this program lies");
    if (plan->in_path && !realpath(plan->in_path, self.in_path))
        return r2g_fail_errno(err, R2G_EINPUT, errno, "%s: cannot be opened", plan->in_path);
    snprintf(self.out_path, sizeof self.out_path, "%.3900s/out.%.20s", plan->folder, plan->ending);
    snprintf(self.report_path, sizeof self.report_path, "%.3900s/report.json", plan->folder);
    snprintf(self.version, sizeof self.version, "rgb2gray %s", r2g_version());
    if (gethostname(self.host, sizeof self.host - 1) != 0)
        self.host[0] = '\0';
    r2g_scaling_machine(self.machine, sizeof self.machine);
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc))
        strftime(self.when, sizeof self.when, "%Y-%m-%d %H:%M UTC", &utc);
    r2g_status status = warm_up(&self);
    if (status == R2G_OK)
        status = all_rounds(&self);
    if (plan->tell)
        fputs("\r\033[K", stderr);
    return status;
}
