#include "gateway/slurm.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "gateway/child.h"
#include "gateway/jobs_inside.h"
#include "gateway/programs.h"

#define ASK_MS 20000
#define QUEUE_MAX 100000 /* jobs of ours that are looked at in a listing */

/* The batch script: the file that the exit code goes to, then the command. Constant: all that differs are its arguments. The
 * exit code appears whole or not at all, and only after the command has ended; a start anew takes an old one away. */
static const char script[] = "#!/bin/bash\n"
                             "file=$1\n"
                             "shift\n"
                             "rm -f -- \"$file\"\n"
                             "\"$@\"\n"
                             "code=$?\n"
                             "printf '%d\\n' \"$code\" > \"$file.part\" && mv -f -- \"$file.part\" \"$file\"\n"
                             "exit \"$code\"\n";

struct r2g_slurm {
    const struct r2g_jobs *jobs;
    char sbatch[PATH_MAX], squeue[PATH_MAX], scancel[PATH_MAX];
    const char **environment;
    char user[16];

    pthread_mutex_t lock; /* what follows; held over a poll, for which the others wait */
    struct r2g_slurm_queued *queue;
    size_t count, capacity;
    int64_t polled_ns; /* 0: never */
    bool known;        /* whether the last poll was answered */
    struct r2g_error why;
};

r2g_status r2g_slurm_open(struct r2g_slurm **slurm, const struct r2g_jobs *jobs, struct r2g_error *err) {
    struct r2g_slurm *made = r2g_new(sizeof *made, err);
    *slurm = NULL;
    if (!made)
        return R2G_ENOMEM;
    made->jobs = jobs;
    pthread_mutex_init(&made->lock, NULL);
    snprintf(made->user, sizeof made->user, "%u", (unsigned)geteuid());
    bool found = r2g_program_find("sbatch", made->sbatch, PATH_MAX) &&
                 r2g_program_find("squeue", made->squeue, PATH_MAX) &&
                 r2g_program_find("scancel", made->scancel, PATH_MAX);
    r2g_status status = found ? R2G_OK
                              : r2g_fail(err, R2G_EUSAGE,
                                         "the launcher slurm needs sbatch, squeue and scancel "
                                         "on PATH; on Debian: apt-get install slurm-client");
    if (status == R2G_OK) {
        /* no mark: these outlive the gateway. Temporary files belong on the nodes' own disks */
        made->environment = r2g_child_environment(jobs->settings, "/tmp", NULL, err);
        status = made->environment ? R2G_OK : R2G_ENOMEM;
    }
    if (status == R2G_OK)
        *slurm = made;
    else
        r2g_slurm_close(made);
    return status;
}

void r2g_slurm_close(struct r2g_slurm *slurm) {
    if (!slurm)
        return;
    free(slurm->environment);
    free(slurm->queue);
    pthread_mutex_destroy(&slurm->lock);
    free(slurm);
}

/* What a command said: its first line of output, its last of complaint. */
struct said {
    char out[256], error[300];
    void (*line)(void *user, const char *line);
    void *user;
};

static void hear(void *user, bool is_error, const char *line) {
    struct said *said = user;
    if (is_error)
        snprintf(said->error, sizeof said->error, "%s", line);
    else if (said->line)
        said->line(said->user, line);
    else if (!said->out[0])
        snprintf(said->out, sizeof said->out, "%s", line);
}

static r2g_status ask(const struct r2g_slurm *slurm, const char *const *words, const char *input, struct said *said,
                      struct r2g_error *err) {
    struct r2g_child_result result;
    const struct r2g_child_request request = {.arguments = words,
                                              .environment = slurm->environment,
                                              .folder = r2g_spool_path(slurm->jobs->spool),
                                              .input = input,
                                              .wall_ms = ASK_MS,
                                              .stop_fd = -1,
                                              .line = hear,
                                              .user = said};
    r2g_status status = r2g_child_run(&request, &result, err);
    if (status != R2G_OK)
        return status;
    const char *slash = strrchr(words[0], '/');
    if (result.end != R2G_CHILD_EXITED)
        return r2g_fail(err, R2G_EMPI, "%s did not answer in time", slash + 1);
    if (result.exit_code != 0)
        return r2g_fail(err, R2G_EMPI, "%s ended with status %d: %s", slash + 1, result.exit_code, said->error);
    return R2G_OK;
}

/* Takes the number at the beginning of a line. */
static bool take_number(const char *line, char number[R2G_SLURM_NUMBER_NBYTES]) {
    size_t length = strspn(line, "0123456789");
    snprintf(number, R2G_SLURM_NUMBER_NBYTES, "%.*s", (int)length, line);
    return length > 0 && length < R2G_SLURM_NUMBER_NBYTES;
}

#define WORDS_MAX 128
#define NAME_NBYTES 80

/* An option with the name of an attempt, so that one of another attempt of this job is not taken for it. */
static void job_name(const struct r2g_attempt *attempt, const char *option, char name[NAME_NBYTES]) {
    snprintf(name, NAME_NBYTES, "%sr2g-%s.%u", option, attempt->job.id, attempt->job.attempts);
}

r2g_status r2g_slurm_submit(struct r2g_slurm *slurm, const struct r2g_attempt *attempt,
                            char number[R2G_SLURM_NUMBER_NBYTES], struct r2g_error *err) {
    const struct r2g_settings *settings = slurm->jobs->settings;
    char name[NAME_NBYTES], tasks[32], out[PATH_MAX + 32], errors[PATH_MAX + 32], folder[PATH_MAX + 32], minutes[32];
    char exit_file[PATH_MAX + 8];
    const char **program = r2g_attempt_arguments(attempt, true, true, err);
    if (!program)
        return R2G_ENOMEM;
    job_name(attempt, "--job-name=", name);
    snprintf(tasks, sizeof tasks, "--ntasks=%u", attempt->job.ranks);
    snprintf(out, sizeof out, "--output=%s/slurm.out", attempt->folder);
    snprintf(errors, sizeof errors, "--error=%s/slurm.err", attempt->folder);
    snprintf(folder, sizeof folder, "--chdir=%s", attempt->folder);
    snprintf(minutes, sizeof minutes, "--time=%u", (settings->job_wall_s + 59) / 60);
    snprintf(exit_file, sizeof exit_file, "%s/exit", attempt->folder);
    const char *words[WORDS_MAX] = {slurm->sbatch, "--parsable", "--requeue", name, tasks, out, errors, folder};
    size_t count = 8;
    if (settings->job_wall_s > 0)
        words[count++] = minutes;
    for (const char *const *option = settings->sbatch_options; option && *option && count < WORDS_MAX / 2; option++)
        words[count++] = *option;
    words[count++] = "/dev/stdin";
    words[count++] = exit_file;
    words[count++] = slurm->jobs->program;
    for (size_t i = 0; program[i] && count + 1 < WORDS_MAX; i++)
        words[count++] = program[i];
    struct said said = {0};
    r2g_status status = ask(slurm, words, script, &said, err);
    free(program);
    if (status == R2G_OK && !take_number(said.out, number)) /* "NUMBER" or "NUMBER;CLUSTER" */
        status = r2g_fail(err, R2G_EMPI, "sbatch answered \"%s\"", said.out);
    return status;
}

r2g_status r2g_slurm_find(struct r2g_slurm *slurm, const struct r2g_attempt *attempt,
                          char number[R2G_SLURM_NUMBER_NBYTES], struct r2g_error *err) {
    char name[NAME_NBYTES];
    struct said said = {0};
    job_name(attempt, "--name=", name);
    const char *words[] = {slurm->squeue, "--noheader", "--states=all", "--format=%A", name, NULL};
    r2g_status status = ask(slurm, words, NULL, &said, err);
    number[0] = '\0';
    if (status == R2G_OK && said.out[0] && !take_number(said.out, number))
        number[0] = '\0';
    return status;
}

/* A time as squeue shows it, [[DAYS-]HOURS:]MINUTES:SECONDS, in seconds; 0 for what is none. */
static int64_t read_time(const char *text) {
    const char *dash = strchr(text, '-');
    uint64_t days = dash ? strtoul(text, NULL, 10) : 0, seconds = 0;
    for (const char *p = dash ? dash + 1 : text; p; p = strchr(p, ':')) {
        p += *p == ':';
        seconds = seconds * 60 + strtoul(p, NULL, 10);
    }
    return days <= 100000 && seconds <= 100000000 ? (int64_t)(days * 86400 + seconds) : 0;
}

/* A line of the listing: number, state, time, name, reason. */
static void take_queued(void *user, const char *line) {
    struct r2g_slurm *slurm = user;
    struct r2g_slurm_queued queued = {0};
    char name[16], time[24];
    if (sscanf(line, "%23[0-9] %23[A-Z_] %23s %15s%*s %63[^\n]", queued.number, queued.state, time, name,
               queued.reason) < 4 ||
        strncmp(name, "r2g-", 4) != 0 || slurm->count >= QUEUE_MAX)
        return;
    queued.run_s = read_time(time);
    if (slurm->count == slurm->capacity) {
        size_t capacity = 2 * slurm->capacity + 64;
        struct r2g_slurm_queued *grown = realloc(slurm->queue, capacity * sizeof *grown);
        if (!grown)
            return;
        slurm->queue = grown;
        slurm->capacity = capacity;
    }
    slurm->queue[slurm->count++] = queued;
}

/* With lock held. */
static void poll_queue(struct r2g_slurm *slurm) {
    const char *words[] = {slurm->squeue, "--noheader", "--format=%A %T %M %j %r", "--user", slurm->user, NULL};
    struct said said = {.line = take_queued, .user = slurm};
    slurm->count = 0;
    slurm->polled_ns = r2g_clock_ns(); /* when it was asked, not when it answered */
    slurm->known = ask(slurm, words, NULL, &said, &slurm->why) == R2G_OK;
}

r2g_status r2g_slurm_look(struct r2g_slurm *slurm, const char *number, int64_t since_ns,
                          struct r2g_slurm_queued *queued, struct r2g_error *err) {
    int64_t period_ns = (int64_t)slurm->jobs->settings->slurm_poll_s * 1000000000;
    *queued = (struct r2g_slurm_queued){0};
    pthread_mutex_lock(&slurm->lock);
    if (slurm->polled_ns == 0 || slurm->polled_ns < since_ns || r2g_clock_ns() - slurm->polled_ns >= period_ns)
        poll_queue(slurm);
    for (size_t i = 0; i < slurm->count; i++) {
        if (strcmp(slurm->queue[i].number, number) == 0)
            *queued = slurm->queue[i];
    }
    r2g_status status = slurm->known ? R2G_OK : r2g_fail(err, R2G_EMPI, "%s", slurm->why.text);
    pthread_mutex_unlock(&slurm->lock);
    return status;
}

/* squeue(1), "JOB REASON CODES". Left out are those that others' jobs (AssocGrp…, …PerUser…), nodes that come back
 * (PartitionNodeLimit, ReqNodeNotAvail), time (BeginTime), or a person who holds it on purpose (JobHeld…) may change. */
bool r2g_slurm_hopeless(const char *reason) {
    static const char *const reasons[] = {
        "PartitionTimeLimit",
        "BadConstraints",
        "DependencyNeverSatisfied",
        "InvalidAccount",
        "InvalidQOS",
        "AccountNotAllowed",
        "QOSNotAllowed",
        "JobHoldMaxRequeue",
        "DeadLine",
        "launch_failed_requeued_held",
        "launch failed requeued held",
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strcmp(reason, reasons[i]) == 0)
            return true;
    }
    /* what one job asks for is more than one may */
    bool limit = strncmp(reason, "AssocMax", 8) == 0 || strncmp(reason, "QOSMax", 6) == 0;
    return (limit && strstr(reason, "PerJob")) || strncmp(reason, "QOSMin", 6) == 0;
}

void r2g_slurm_end_state(struct r2g_slurm *slurm, const char *number, char state[R2G_SLURM_STATE_NBYTES]) {
    struct r2g_error err;
    struct said said = {0};
    const char *words[] = {slurm->squeue, "--noheader", "--states=all", "--format=%T", "--jobs", number, NULL};
    state[0] = '\0';
    if (ask(slurm, words, NULL, &said, &err) == R2G_OK)
        snprintf(state, R2G_SLURM_STATE_NBYTES, "%.*s", (int)strspn(said.out, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), said.out);
}

void r2g_slurm_cancel(struct r2g_slurm *slurm, const char *number) {
    struct r2g_error err;
    struct said said = {0};
    const char *words[] = {slurm ? slurm->scancel : "", number, NULL};
    if (slurm && ask(slurm, words, NULL, &said, &err) != R2G_OK)
        r2g_jobs_log("slurm job %s: %s", number, err.text);
}
