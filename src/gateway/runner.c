/* Workers: each takes one job after another, has it run by a launcher, and writes down how that ended. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "gateway/jobs_inside.h"
#include "gateway/metrics.h"
#include "gateway/outcome.h"
#include "gateway/times.h"

#define TRIES_MAX 2

enum r2g_problem r2g_jobs_check_launcher(const struct r2g_jobs *jobs, const struct r2g_job_options *options,
                                         struct r2g_error *err) {
    const char *server = jobs->settings->launcher, *wanted = options->launcher;
    bool outside = strcmp(server, "slurm") == 0;
    if (!wanted[0] || strcmp(wanted, "auto") == 0)
        return R2G_PROBLEM_NONE;
    if (outside && strcmp(wanted, "slurm") != 0)
        return r2g_problem(err, R2G_PROBLEM_BAD_OPTION, "launcher: this server runs jobs through slurm only");
    if (strcmp(wanted, "slurm") == 0 && !jobs->slurm)
        return r2g_problem(err, R2G_PROBLEM_BAD_OPTION, "launcher: this server has no slurm");
    if (strcmp(wanted, "pool") == 0 && options->ranks && options->ranks != jobs->settings->ranks)
        return r2g_problem(err, R2G_PROBLEM_BAD_OPTION, "launcher: the pool has %u ranks, not %u",
                           jobs->settings->ranks, options->ranks);
    return R2G_PROBLEM_NONE;
}

/* Small pictures, of which the launch would be most of the time, go to the pool; what it lost once does not go there again. */
static const struct r2g_launcher *choose(struct r2g_jobs *jobs, const struct r2g_job *job, unsigned tries) {
    const char *name = job->options.launcher;
    if (!name[0] || strcmp(name, "auto") == 0)
        name = jobs->settings->launcher;
    if (strcmp(name, "slurm") == 0 && jobs->slurm)
        return &r2g_launcher_slurm;
    if (strcmp(name, "mpirun") == 0 || tries > 0 || !jobs->pool || job->ranks != jobs->settings->ranks)
        return &r2g_launcher_mpirun;
    uint64_t pixels = job->width * job->height;
    bool small = pixels > 0 && pixels <= jobs->settings->pool_max_pixels;
    if (strcmp(name, "pool") != 0 && !small)
        return &r2g_launcher_mpirun;
    return r2g_pool_usable(jobs->pool) ? &r2g_launcher_pool : &r2g_launcher_mpirun;
}

static bool is_closing(struct r2g_jobs *jobs) {
    pthread_mutex_lock(&jobs->lock);
    bool closing = jobs->closing;
    pthread_mutex_unlock(&jobs->lock);
    return closing;
}

/* One attempt, told of before it begins. */
static void try_once(struct r2g_attempt *attempt, unsigned tries) {
    struct r2g_job *job = &attempt->job;
    job->ranks = job->options.ranks ? job->options.ranks : attempt->jobs->settings->ranks;
    const struct r2g_launcher *launcher = attempt->adopted ? &r2g_launcher_slurm : choose(attempt->jobs, job, tries);
    attempt->text[0] = '\0';
    attempt->exit_code = -1;
    if (!attempt->adopted) {
        job->attempts++;
        job->state = R2G_JOB_RUNNING;
        job->external[0] = job->slurm_state[0] = '\0';
        if (job->started_ms == 0)
            job->started_ms = r2g_now_ms();
        snprintf(job->launched_by, sizeof job->launched_by, "%s", launcher->name);
        r2g_attempt_record(attempt, "running",
                           json_pack("{s:s, s:s, s:i, s:i}", "state", "running", "launcher", launcher->name, "ranks",
                                     (int)job->ranks, "attempt", (int)job->attempts));
    }
    launcher->run(attempt);
    attempt->adopted = false;
}

/* The job ends; what its runs left beside its files goes first. The pool leaves nothing behind a good end. */
static void end(struct r2g_attempt *attempt, enum r2g_job_state state) {
    if (state != R2G_JOB_DONE || strcmp(attempt->job.launched_by, "pool") != 0)
        r2g_spool_tidy_job(attempt->jobs->spool, attempt->job.id);
    if (state != R2G_JOB_DONE) /* stopped a moment too late, or not to be used */
        r2g_spool_remove_outputs(attempt->jobs->spool, attempt->job.id, false);
    r2g_live_end(attempt->jobs, attempt->live, &attempt->job, state);
}

/* Leaves a job for the next start. One that Slurm has goes on there, and is looked for then. */
static void leave(struct r2g_attempt *attempt) {
    struct r2g_job *job = &attempt->job;
    if (strcmp(job->launched_by, "slurm") == 0 && job->external[0])
        return;
    job->state = R2G_JOB_QUEUED;
    r2g_attempt_record(attempt, "queued", json_pack("{s:s, s:b}", "state", "queued", "again", 1));
}

static void run_attempts(struct r2g_attempt *attempt) {
    struct r2g_jobs *jobs = attempt->jobs;
    struct r2g_job *job = &attempt->job;
    for (unsigned tries = 0;; tries++) {
        if (r2g_attempt_cancelled(attempt)) {
            end(attempt, R2G_JOB_CANCELLED);
            return;
        }
        try_once(attempt, tries);
        if (attempt->end == R2G_ATTEMPT_EXITED && attempt->exit_code == 0) {
            end(attempt, r2g_outcome_take(attempt, job) ? R2G_JOB_DONE : R2G_JOB_FAILED);
            return;
        }
        if (attempt->end == R2G_ATTEMPT_STOPPED && !r2g_attempt_cancelled(attempt) && is_closing(jobs)) {
            leave(attempt);
            return;
        }
        if (r2g_attempt_cancelled(attempt))
            continue;
        r2g_outcome_fill(job, attempt);
        if (!r2g_outcome_retry(attempt) || tries + 1 == TRIES_MAX)
            break;
        r2g_metrics_add(R2G_COUNT_JOBS_RETRIED, 1);
        r2g_attempt_record(attempt, "retry", json_pack("{s:s}", "reason", job->detail));
        job->problem = R2G_PROBLEM_NONE;
        job->detail[0] = '\0';
    }
    r2g_outcome_report(attempt, job);
    end(attempt, R2G_JOB_FAILED);
}

static void run_job(struct r2g_jobs *jobs, struct r2g_live *live) {
    struct r2g_attempt attempt = {.jobs = jobs, .live = live, .wall_ms = (int64_t)jobs->settings->job_wall_s * 1000};
    attempt.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_lock(&jobs->lock);
    attempt.job = live->stored.job;
    attempt.adopted = live->adopted;
    live->stop_fd = attempt.stop_fd;
    if (jobs->closing)
        eventfd_write(attempt.stop_fd, 1);
    pthread_mutex_unlock(&jobs->lock);
    r2g_jobs_path(jobs, attempt.job.id, "", attempt.folder);
    attempt.folder[strlen(attempt.folder) - 1] = '\0'; /* the '/' at its end */
    if (!attempt.adopted)
        r2g_metrics_observe(R2G_HISTOGRAM_QUEUED, r2g_clock_ns() - live->queued_ns);
    if (attempt.stop_fd >= 0) {
        run_attempts(&attempt);
    } else {
        attempt.job.problem = R2G_PROBLEM_LAUNCH_FAILED;
        snprintf(attempt.job.detail, sizeof attempt.job.detail, "no descriptor: %s", strerrordesc_np(errno));
        r2g_live_end(jobs, live, &attempt.job, R2G_JOB_FAILED);
    }
    pthread_mutex_lock(&jobs->lock);
    live->stop_fd = -1;
    pthread_mutex_unlock(&jobs->lock);
    if (attempt.stop_fd >= 0)
        close(attempt.stop_fd);
}

void *r2g_jobs_work(void *user) {
    struct r2g_jobs *jobs = user;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->closing) {
        struct r2g_live *live = (struct r2g_live *)r2g_queue_take(jobs->queue);
        if (!live) {
            pthread_cond_wait(&jobs->work, &jobs->lock);
            continue;
        }
        live->references++;
        pthread_mutex_unlock(&jobs->lock);
        run_job(jobs, live);
        pthread_mutex_lock(&jobs->lock);
        r2g_live_release(jobs, live);
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}
