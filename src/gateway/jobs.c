/* Opening and closing; asking for jobs and their files; removing them. */
#include "gateway/jobs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "gateway/child.h"
#include "gateway/jobs_inside.h"
#include "gateway/programs.h"

void r2g_jobs_mark(const struct r2g_jobs *jobs, const char *id, char mark[R2G_MARK_NBYTES]) {
    snprintf(mark, R2G_MARK_NBYTES, "%s.%s", r2g_store_id(jobs->store), id);
}

static r2g_status init_locks(struct r2g_jobs *jobs, struct r2g_error *err) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&jobs->swept, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&jobs->work, NULL);
    pthread_cond_init(&jobs->idle, NULL);
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_mutex_init(&jobs->remove_lock, NULL);
    return r2g_queue_new(&jobs->queue, err);
}

static r2g_status open_parts(struct r2g_jobs *jobs, struct r2g_error *err) {
    const struct r2g_settings *settings = jobs->settings;
    char path[PATH_MAX];
    if (!r2g_program_find(settings->program, jobs->program, sizeof jobs->program))
        return r2g_fail(err, R2G_EUSAGE, "the program %s cannot be found, or not be run", settings->program);
    r2g_status status = r2g_spool_open(&jobs->spool, settings->spool, settings->quota_nbytes, err);
    if (status != R2G_OK)
        return status;
    if (snprintf(path, sizeof path, "%s/store.db", r2g_spool_path(jobs->spool)) >= (int)sizeof path)
        return r2g_fail(err, R2G_EUSAGE, "the path of the spool is too long");
    status = r2g_store_open(&jobs->store, path, err);
    bool slurm = strcmp(settings->launcher, "slurm") == 0;
    struct r2g_error none; /* where it is not the launcher, Slurm may be there or not */
    if (status == R2G_OK && r2g_slurm_open(&jobs->slurm, jobs, slurm ? err : &none) != R2G_OK && slurm)
        status = err->status;
    if (status == R2G_OK)
        status = r2g_jobs_recover(jobs, err);
    if (status == R2G_OK && !slurm)
        status = r2g_pool_open(&jobs->pool, jobs, strcmp(settings->launcher, "mpirun") != 0, err);
    return status;
}

static r2g_status start_threads(struct r2g_jobs *jobs, struct r2g_error *err) {
    unsigned wanted = jobs->settings->jobs;
    wanted = wanted < 1 ? 1 : wanted > R2G_WORKERS_MAX ? R2G_WORKERS_MAX : wanted;
    for (; jobs->worker_count < wanted; jobs->worker_count++) {
        int error = pthread_create(&jobs->workers[jobs->worker_count], NULL, r2g_jobs_work, jobs);
        if (error != 0)
            return r2g_fail_errno(err, R2G_ENOMEM, error, "cannot start a thread");
    }
    int error = pthread_create(&jobs->sweeper, NULL, r2g_jobs_sweep, jobs);
    jobs->has_sweeper = error == 0;
    return error == 0 ? R2G_OK : r2g_fail_errno(err, R2G_ENOMEM, error, "cannot start a thread");
}

r2g_status r2g_jobs_open(struct r2g_jobs **jobs, const struct r2g_settings *settings, struct r2g_error *err) {
    struct r2g_jobs *made = r2g_new(sizeof *made, err);
    *jobs = NULL;
    if (!made)
        return R2G_ENOMEM;
    made->settings = settings;
    json_object_seed(0); /* before there are threads: jansson's manual, "Thread safety" */
    r2g_status status = init_locks(made, err);
    if (status == R2G_OK)
        status = open_parts(made, err);
    if (status == R2G_OK)
        status = start_threads(made, err);
    if (status == R2G_OK)
        *jobs = made;
    else
        r2g_jobs_close(made);
    return status;
}

/* With lock held: calls `each` for every live job. */
static void each_live(struct r2g_jobs *jobs, void (*each)(struct r2g_live *live)) {
    for (size_t i = 0; i < R2G_LIVE_BUCKETS; i++) {
        for (struct r2g_live *live = jobs->live[i]; live; live = live->next)
            each(live);
    }
}

static void wake(struct r2g_live *live) {
    pthread_cond_broadcast(&live->changed);
}

static void end_run(struct r2g_live *live) {
    if (live->stop_fd >= 0)
        eventfd_write(live->stop_fd, 1);
}

void r2g_jobs_stop(struct r2g_jobs *jobs) {
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    each_live(jobs, wake);
    pthread_cond_broadcast(&jobs->swept);
    pthread_cond_broadcast(&jobs->idle);
    pthread_mutex_unlock(&jobs->lock);
}

void r2g_jobs_close(struct r2g_jobs *jobs) {
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = jobs->closing = true;
    each_live(jobs, end_run);
    pthread_cond_broadcast(&jobs->work);
    pthread_cond_broadcast(&jobs->swept);
    pthread_mutex_unlock(&jobs->lock);
    for (unsigned i = 0; i < jobs->worker_count; i++)
        pthread_join(jobs->workers[i], NULL);
    if (jobs->has_sweeper)
        pthread_join(jobs->sweeper, NULL);
    r2g_pool_close(jobs->pool);
    r2g_slurm_close(jobs->slurm);
    for (size_t i = 0; i < R2G_LIVE_BUCKETS; i++) {
        for (struct r2g_live *next, *live = jobs->live[i]; live; live = next) {
            next = live->next;
            r2g_live_release(jobs, live);
        }
    }
    r2g_queue_free(jobs->queue);
    r2g_store_close(jobs->store);
    r2g_spool_close(jobs->spool);
    pthread_cond_destroy(&jobs->swept);
    pthread_cond_destroy(&jobs->work);
    pthread_cond_destroy(&jobs->idle);
    pthread_mutex_destroy(&jobs->lock);
    pthread_mutex_destroy(&jobs->remove_lock);
    free(jobs);
}

/* The job as it is now, live or ended. */
static enum r2g_problem find(struct r2g_jobs *jobs, const char *id, const char *client, struct r2g_stored *stored,
                             struct r2g_error *err) {
    struct r2g_error why;
    struct r2g_removed removed;
    bool found = false, gone = false;
    pthread_mutex_lock(&jobs->lock);
    struct r2g_live *live = r2g_live_find(jobs, id);
    if (live) {
        *stored = live->stored;
        r2g_live_release(jobs, live);
    }
    pthread_mutex_unlock(&jobs->lock);
    r2g_status status = live ? R2G_OK : r2g_store_get(jobs->store, id, stored, &found, &why);
    if (status == R2G_OK && !live && !found)
        status = r2g_store_removed(jobs->store, id, client, &removed, &gone, &why);
    if (status != R2G_OK)
        return r2g_problem(err, R2G_PROBLEM_INTERNAL, "%s", why.text);
    if (gone)
        return r2g_problem(err, R2G_PROBLEM_GONE, "the job has been %s", removed.why);
    if ((!live && !found) || (client && strcmp(client, stored->job.client) != 0))
        return r2g_problem(err, R2G_PROBLEM_NOT_FOUND, "there is no such job");
    return R2G_PROBLEM_NONE;
}

enum r2g_problem r2g_jobs_get(struct r2g_jobs *jobs, const char *id, const char *client, struct r2g_job *job,
                              struct r2g_error *err) {
    struct r2g_stored stored;
    enum r2g_problem problem = find(jobs, id, client, &stored, err);
    if (problem == R2G_PROBLEM_NONE)
        *job = stored.job;
    return problem;
}

#define LIST_BATCH 50

enum r2g_problem r2g_jobs_list(struct r2g_jobs *jobs, const char *client, enum r2g_job_state state, int64_t before,
                               unsigned most, bool (*each)(void *user, const struct r2g_job *job), void *user,
                               struct r2g_error *err) {
    struct r2g_error why = {0};
    struct r2g_stored *page = calloc(LIST_BATCH, sizeof *page);
    r2g_status status = page ? R2G_OK : r2g_fail(&why, R2G_ENOMEM, "out of memory");
    bool more = status == R2G_OK;
    while (more && most > 0) {
        unsigned count = 0, wanted = most < LIST_BATCH ? most : LIST_BATCH;
        /* `each` is called without the store's lock: it may be slow */
        status = r2g_store_list(jobs->store, client, state, before, page, wanted, &count, &why);
        more = status == R2G_OK && count == wanted;
        for (unsigned i = 0; i < count; i++) {
            before = page[i].job.number;
            if (!each(user, &page[i].job)) {
                more = false;
                break;
            }
        }
        most -= count;
    }
    free(page);
    return status == R2G_OK ? R2G_PROBLEM_NONE : r2g_problem(err, R2G_PROBLEM_INTERNAL, "%s", why.text);
}

int64_t r2g_jobs_position(struct r2g_jobs *jobs, const char *id) {
    int64_t position = -1;
    pthread_mutex_lock(&jobs->lock);
    struct r2g_live *live = r2g_live_find(jobs, id);
    if (live) {
        position = r2g_queue_position(jobs->queue, &live->queued);
        r2g_live_release(jobs, live);
    }
    pthread_mutex_unlock(&jobs->lock);
    return position;
}

/* Cancels a live job; false if there is none of that id (any more). */
static bool cancel(struct r2g_jobs *jobs, const char *id) {
    pthread_mutex_lock(&jobs->lock);
    struct r2g_live *live = r2g_live_find(jobs, id);
    bool there = live && !live->ended, waited = there && r2g_queue_remove(jobs->queue, &live->queued);
    if (there) {
        live->cancel = true;
        end_run(live);
    }
    struct r2g_job job;
    if (waited)
        job = live->stored.job;
    pthread_mutex_unlock(&jobs->lock);
    if (waited) {            /* it was in nobody's hands but the queue's: now in these */
        if (job.external[0]) /* adopted from Slurm and not yet taken up again */
            r2g_slurm_cancel(jobs->slurm, job.external);
        r2g_live_end(jobs, live, &job, R2G_JOB_CANCELLED);
    }
    pthread_mutex_lock(&jobs->lock);
    if (live)
        r2g_live_release(jobs, live);
    pthread_mutex_unlock(&jobs->lock);
    return there;
}

enum r2g_problem r2g_jobs_delete(struct r2g_jobs *jobs, const char *id, const char *client, bool *removed,
                                 struct r2g_error *err) {
    struct r2g_stored stored;
    *removed = false;
    enum r2g_problem problem = find(jobs, id, client, &stored, err);
    if (problem != R2G_PROBLEM_NONE || cancel(jobs, id))
        return problem;
    *removed = true;
    if (!stored.job.one_shot || !r2g_jobs_drop_files(jobs, id))
        r2g_jobs_remove(jobs, id, "removed");
    return problem;
}

/* Whether it is a name that a file of a job can have, perhaps in folders below the job's (tiles): no way out of it, nothing
 * hidden, nothing unfinished. */
static bool is_file_name(const char *file) {
    size_t length = strlen(file);
    return length > 0 && length < 80 && file[0] != '.' && file[0] != '/' && !strstr(file, "//") &&
           !strstr(file, "/.") &&
           strspn(file, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") == length &&
           (length < 5 || strcmp(file + length - 5, ".part") != 0);
}

/* Opens a file below a folder, which is closed; through no link at any place, and waiting for nobody (a FIFO). */
static int open_below(int folder_fd, const char *file) {
    char name[80];
    while (folder_fd >= 0 && *file) {
        size_t length = strcspn(file, "/");
        bool last = file[length] == '\0';
        snprintf(name, sizeof name, "%.*s", (int)length, file);
        int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (last ? O_NONBLOCK : O_DIRECTORY));
        close(folder_fd);
        folder_fd = fd;
        file += length + !last;
    }
    return folder_fd;
}

enum r2g_problem r2g_jobs_open_file(struct r2g_jobs *jobs, const struct r2g_job *job, const char *file, int *fd,
                                    uint64_t *nbytes, struct r2g_error *err) {
    struct stat is;
    struct r2g_stored now;
    *fd = -1;
    if (!is_file_name(file))
        return r2g_problem(err, R2G_PROBLEM_NOT_FOUND, "there is no such file");
    bool result = strcmp(file, "result") == 0, report = strcmp(file, "report.json") == 0;
    if ((result && job->state != R2G_JOB_DONE) || (report && !r2g_job_state_final(job->state)))
        return r2g_problem(err, R2G_PROBLEM_NOT_READY, "the job is %s", r2g_job_state_name(job->state));
    int folder_fd = r2g_spool_open_job(jobs->spool, job->id);
    *fd = open_below(folder_fd, file);
    if (*fd >= 0 && fstat(*fd, &is) == 0 && S_ISREG(is.st_mode)) {
        *nbytes = (uint64_t)is.st_size;
        return R2G_PROBLEM_NONE;
    }
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    if (folder_fd >= 0)
        return r2g_problem(err, R2G_PROBLEM_NOT_FOUND, "the job has no such file");
    enum r2g_problem problem = find(jobs, job->id, NULL, &now, err);
    return problem != R2G_PROBLEM_NONE ? problem
                                       : r2g_problem(err, R2G_PROBLEM_GONE, "the job's files have been removed");
}

void r2g_jobs_path(const struct r2g_jobs *jobs, const char *id, const char *file, char path[PATH_MAX]) {
    snprintf(path, PATH_MAX, "%s/jobs/%s/%s", r2g_spool_path(jobs->spool), id, file);
}

enum r2g_problem r2g_jobs_take_space(struct r2g_jobs *jobs, const char *id, uint64_t nbytes, struct r2g_error *err) {
    struct r2g_error why;
    bool found = false;
    if (!r2g_spool_take(jobs->spool, nbytes))
        return r2g_problem(err, R2G_PROBLEM_QUOTA_FULL, "the space for jobs is used up");
    pthread_mutex_lock(&jobs->lock);
    struct r2g_live *live = r2g_live_find(jobs, id);
    if (live) {
        live->stored.space_nbytes += nbytes;
        r2g_live_release(jobs, live);
    }
    pthread_mutex_unlock(&jobs->lock);
    if (live)
        return R2G_PROBLEM_NONE;
    pthread_mutex_lock(&jobs->remove_lock); /* a removal gives back what it has read */
    r2g_status status = r2g_store_add_space(jobs->store, id, (int64_t)nbytes, &found, &why);
    pthread_mutex_unlock(&jobs->remove_lock);
    if (status == R2G_OK && found)
        return R2G_PROBLEM_NONE;
    r2g_spool_give(jobs->spool, nbytes);
    if (status != R2G_OK)
        return r2g_problem(err, R2G_PROBLEM_INTERNAL, "%s", why.text);
    return r2g_problem(err, R2G_PROBLEM_GONE, "the job has been removed");
}

void r2g_jobs_figures(struct r2g_jobs *jobs, struct r2g_jobs_figures *figures) {
    struct r2g_error err;
    *figures = (struct r2g_jobs_figures){.spool_nbytes = r2g_spool_used(jobs->spool),
                                         .quota_nbytes = jobs->settings->quota_nbytes,
                                         .queue_limit = jobs->settings->queue};
    if (r2g_store_counts(jobs->store, figures->in_state, &err) != R2G_OK)
        r2g_jobs_log("cannot count jobs: %s", err.text);
    figures->in_state[R2G_JOB_QUEUED] = figures->in_state[R2G_JOB_RUNNING] = 0;
    pthread_mutex_lock(&jobs->lock);
    for (size_t i = 0; i < R2G_LIVE_BUCKETS; i++) {
        for (const struct r2g_live *live = jobs->live[i]; live; live = live->next) {
            if (!live->ended) /* the store knows the others */
                figures->in_state[live->stored.job.state]++;
        }
    }
    pthread_mutex_unlock(&jobs->lock);
    if (jobs->pool) {
        figures->pool_ranks = r2g_pool_ranks(jobs->pool);
        figures->pool_restarts = r2g_pool_restarts(jobs->pool);
    }
}

r2g_status r2g_jobs_ready(struct r2g_jobs *jobs, struct r2g_error *err) {
    uint64_t counts[R2G_JOB_STATES];
    const struct r2g_launcher *launcher = r2g_launcher_by_name(jobs->settings->launcher);
    pthread_mutex_lock(&jobs->lock);
    bool stopping = jobs->stopping;
    pthread_mutex_unlock(&jobs->lock);
    if (stopping)
        return r2g_fail(err, R2G_EOUTPUT, "the server is being stopped");
    int error = r2g_spool_probe(jobs->spool);
    if (error != 0)
        return r2g_fail_errno(err, R2G_EOUTPUT, error, "the spool cannot be written to");
    if (r2g_spool_used(jobs->spool) >= jobs->settings->quota_nbytes)
        return r2g_fail(err, R2G_EOUTPUT, "the spool's quota is used up");
    r2g_status status = r2g_store_counts(jobs->store, counts, err);
    if (status != R2G_OK)
        return status;
    if (access(jobs->program, X_OK) != 0)
        return r2g_fail_errno(err, R2G_EMPI, errno, "the program of the conversion cannot be run");
    /* the pool's jobs can all be run by mpirun as well */
    launcher = launcher == &r2g_launcher_slurm ? launcher : &r2g_launcher_mpirun;
    return launcher->ready(jobs, err) ? R2G_OK : err->status;
}
