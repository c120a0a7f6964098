/* Slurm: the job is submitted with sbatch and looked after by polling its queue. Within the allocation the program starts
 * mpirun itself, which finds the allocation's nodes.
 *
 * The batch script leaves the program's exit code in a file of the job's folder, so that the end is known without Slurm's
 * accounting, also by a gateway that was started later. Slurm may start a job again (a node failed): the program replaces
 * its outputs, and an exit code is there only after it has ended. The gateway may die at any moment: a job whose number was
 * not yet written down is found again by its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "gateway/jobs_inside.h"
#include "gateway/slurm.h"

#define SETTLE_MS 5000 /* a shared file system may show the exit code a little later than the queue shows the end */
#define CANCEL_MS 60000

static bool ready(const struct r2g_jobs *jobs, struct r2g_error *err) {
    struct r2g_slurm_queued queued;
    if (jobs->slurm)
        return r2g_slurm_look(jobs->slurm, "0", 0, &queued, err) == R2G_OK;
    (void)!r2g_fail(err, R2G_EMPI, "sbatch is not on PATH");
    return false;
}

static int open_file(const struct r2g_attempt *attempt, const char *name) {
    int folder_fd = r2g_spool_open_job(attempt->jobs->spool, attempt->job.id);
    int fd = folder_fd >= 0 ? openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    if (folder_fd >= 0)
        close(folder_fd);
    return fd;
}

/* The exit code that the script has left; false where there is none. */
static bool read_exit(const struct r2g_attempt *attempt, int *code) {
    char text[16] = "";
    int fd = open_file(attempt, "exit");
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    return got > 0 && sscanf(text, "%d", code) == 1;
}

/* Passes on the lines that the program has printed since *offset. */
static void read_lines(struct r2g_attempt *attempt, off_t *offset) {
    char text[8192];
    struct stat is;
    int fd = open_file(attempt, "slurm.err");
    if (fd < 0)
        return;
    if (fstat(fd, &is) == 0 && is.st_size < *offset) /* started again */
        *offset = 0;
    ssize_t got;
    while ((got = pread(fd, text, sizeof text - 1, *offset)) > 0) {
        text[got] = '\0';
        char *line = text, *end;
        for (; (end = strchr(line, '\n')); line = end + 1) {
            *end = '\0';
            r2g_attempt_line(attempt, line);
        }
        /* what is no whole line is read again, unless it is longer than any that matters */
        *offset += line > text ? line - text : got == (ssize_t)sizeof text - 1 ? got : 0;
        if (line == text && got < (ssize_t)sizeof text - 1)
            break;
    }
    close(fd);
}

static bool wait_ms(const struct r2g_attempt *attempt, int ms) {
    struct pollfd stop = {.fd = attempt->stop_fd, .events = POLLIN};
    return poll(&stop, 1, ms) > 0;
}

/* Publishes a new state, with Slurm's number of the job. */
static void tell_state(struct r2g_attempt *attempt, const char *state, enum r2g_durability durability) {
    struct r2g_job *job = &attempt->job;
    struct r2g_error err;
    if (strcmp(job->slurm_state, state) == 0)
        return;
    snprintf(job->slurm_state, sizeof job->slurm_state, "%s", state);
    json_t *data = json_pack("{s:s, s:s}", "slurm_state", state, "number", job->external);
    if (r2g_live_change(attempt->jobs, attempt->live, job, "slurm", data, durability, &err) != R2G_OK)
        r2g_jobs_log("job %s: %s", job->id, err.text);
}

/* Finds or submits; false where attempt says why not. */
static bool submit(struct r2g_attempt *attempt) {
    struct r2g_jobs *jobs = attempt->jobs;
    struct r2g_error err = {0};
    char number[R2G_SLURM_NUMBER_NBYTES] = "";
    int code;
    r2g_status status = R2G_OK;
    if (attempt->job.external[0] || (attempt->adopted && read_exit(attempt, &code)))
        return true;
    if (attempt->adopted)
        status = r2g_slurm_find(jobs->slurm, attempt, number, &err);
    if (status == R2G_OK && !number[0]) {
        r2g_spool_tidy_job(jobs->spool, attempt->job.id);
        status = r2g_slurm_submit(jobs->slurm, attempt, number, &err);
    }
    if (status != R2G_OK) {
        r2g_attempt_ended(attempt, R2G_ATTEMPT_NOT_LAUNCHED, "%s", err.text);
        return false;
    }
    snprintf(attempt->job.external, sizeof attempt->job.external, "%s", number);
    tell_state(attempt, "SUBMITTED", R2G_STORE_DURABLE);
    return true;
}

/* Ends it in Slurm, and waits until it has left the queue. */
static void cancel(struct r2g_attempt *attempt) {
    struct r2g_slurm *slurm = attempt->jobs->slurm;
    struct r2g_slurm_queued queued;
    struct r2g_error err;
    int64_t since_ns = r2g_clock_ns(), end_ns = since_ns + INT64_C(1000000) * CANCEL_MS;
    r2g_slurm_cancel(slurm, attempt->job.external);
    while (r2g_clock_ns() < end_ns &&
           (r2g_slurm_look(slurm, attempt->job.external, since_ns, &queued, &err) != R2G_OK || queued.state[0]))
        usleep(200000);
}

/* It has left the queue: how? */
static void judge(struct r2g_attempt *attempt, off_t *offset) {
    char state[R2G_SLURM_STATE_NBYTES];
    int code = -1;
    int64_t end_ns = r2g_clock_ns() + INT64_C(1000000) * SETTLE_MS;
    r2g_slurm_end_state(attempt->jobs->slurm, attempt->job.external, state);
    bool completed = strcmp(state, "COMPLETED") == 0 || strcmp(state, "FAILED") == 0;
    bool known = read_exit(attempt, &code);
    while (!known && (completed || !state[0]) && r2g_clock_ns() < end_ns) {
        usleep(100000);
        known = read_exit(attempt, &code);
    }
    read_lines(attempt, offset);
    tell_state(attempt, state[0] ? state : "ENDED", R2G_STORE_LAZY);
    attempt->exit_code = code;
    if (known && code <= 128) {
        attempt->end =
            code == R2G_EMPI && strstr(attempt->text, "ended by signal") ? R2G_ATTEMPT_CRASHED : R2G_ATTEMPT_EXITED;
    } else if (strcmp(state, "TIMEOUT") == 0 || strcmp(state, "DEADLINE") == 0) {
        r2g_attempt_ended(attempt, R2G_ATTEMPT_TOO_LONG, "Slurm ended it at its time limit");
    } else if (strcmp(state, "OUT_OF_MEMORY") == 0) {
        r2g_attempt_ended(attempt, R2G_ATTEMPT_EXITED, "Slurm ended it at its memory limit");
        attempt->exit_code = R2G_ENOMEM;
    } else if (strncmp(state, "CANCELLED", 9) == 0) {
        r2g_attempt_ended(attempt, R2G_ATTEMPT_NOT_LAUNCHED, "it was cancelled in Slurm");
    } else { /* a node was lost, or a signal ended it */
        r2g_attempt_ended(attempt, R2G_ATTEMPT_CRASHED, "Slurm's job %s ended as %s", attempt->job.external,
                          state[0] ? state : "unknown");
    }
}

/* Looks after the job until it has left the queue: true. False where it must be ended, and attempt says why. */
static bool watch(struct r2g_attempt *attempt, off_t *offset) {
    const int period_ms = (int)attempt->jobs->settings->slurm_poll_s * 1000;
    const int64_t since_ns = r2g_clock_ns();
    unsigned hopeless = 0;
    struct r2g_slurm_queued queued;
    struct r2g_error err;
    do {
        /* a Slurm that does not answer is asked again: the job may well go on */
        bool answered = r2g_slurm_look(attempt->jobs->slurm, attempt->job.external, since_ns, &queued, &err) == R2G_OK;
        if (answered && queued.state[0])
            tell_state(attempt, queued.state, R2G_STORE_LAZY);
        read_lines(attempt, offset);
        if (answered && !queued.state[0])
            return true;
        /* Slurm's own limit is of minutes, and is looked at now and then */
        if (answered && strcmp(queued.state, "RUNNING") == 0 && attempt->wall_ms > 0 &&
            queued.run_s > attempt->wall_ms / 1000) {
            r2g_attempt_ended(attempt, R2G_ATTEMPT_TOO_LONG, "not done within %lld s",
                              (long long)attempt->wall_ms / 1000);
            return false;
        }
        /* twice, since a reason may be one of a moment ago */
        bool waits = answered && strcmp(queued.state, "PENDING") == 0 && r2g_slurm_hopeless(queued.reason);
        hopeless = waits ? hopeless + 1 : 0;
        if (hopeless > 1) {
            r2g_attempt_ended(attempt, R2G_ATTEMPT_NOT_LAUNCHED, "Slurm will never start it: %s", queued.reason);
            return false;
        }
    } while (!wait_ms(attempt, period_ms));
    attempt->end = R2G_ATTEMPT_STOPPED;
    return false;
}

static void run(struct r2g_attempt *attempt) {
    off_t offset = 0;
    if (!submit(attempt))
        return;
    if (watch(attempt, &offset))
        judge(attempt, &offset);
    else if (attempt->end != R2G_ATTEMPT_STOPPED || r2g_attempt_cancelled(attempt))
        cancel(attempt);
    /* else the gateway ends, and the job is looked for at the next start */
}

const struct r2g_launcher r2g_launcher_slurm = {.name = "slurm", .ready = ready, .run = run};
