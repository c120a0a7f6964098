/* From a file to a job. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/size.h"
#include "gateway/jobs_inside.h"
#include "gateway/metrics.h"
#include "gateway/times.h"

struct r2g_incoming {
    struct r2g_jobs *jobs;
    int fd;
    uint64_t nbytes;  /* written */
    uint64_t counted; /* taken of the quota, ahead of what is written */
    bool submitted;
    char id[R2G_ID_NBYTES];
};

/* The budget of samples is that of as many pixels of R, G and B. */
#define SAMPLES_A_PIXEL 3u

/* So much of the quota is taken at once, so that many small pieces need not each. */
#define SPACE_STEP ((uint64_t)1 << 20)

static enum r2g_problem quota_full(struct r2g_error *err) {
    return r2g_problem(err, R2G_PROBLEM_QUOTA_FULL, "the space for jobs is used up; older ones expire by and by");
}

/* With lock held. */
static enum r2g_problem check_room(const struct r2g_jobs *jobs, const char *client, struct r2g_error *err) {
    const struct r2g_settings *settings = jobs->settings;
    unsigned all = r2g_queue_count(jobs->queue);
    if (jobs->stopping)
        return r2g_problem(err, R2G_PROBLEM_STOPPING, "the server is being stopped");
    if (all >= settings->queue)
        return r2g_problem(err, R2G_PROBLEM_QUEUE_FULL, "%u jobs are waiting, which is all that may", all);
    if (r2g_queue_client_count(jobs->queue, client) >= settings->client_queue)
        return r2g_problem(err, R2G_PROBLEM_QUEUE_FULL, "%u jobs of yours are waiting, which is all that may",
                           settings->client_queue);
    return R2G_PROBLEM_NONE;
}

enum r2g_problem r2g_jobs_admit(struct r2g_jobs *jobs, const char *client, int64_t nbytes, struct r2g_error *err) {
    uint64_t most = jobs->settings->max_body_nbytes, used = r2g_spool_used(jobs->spool);
    if (nbytes > 0 && (uint64_t)nbytes > most)
        return r2g_problem(err, R2G_PROBLEM_TOO_LARGE, "%" PRId64 " bytes are more than the %" PRIu64 " that are taken",
                           nbytes, most);
    pthread_mutex_lock(&jobs->lock);
    enum r2g_problem problem = check_room(jobs, client, err);
    pthread_mutex_unlock(&jobs->lock);
    uint64_t quota = jobs->settings->quota_nbytes;
    uint64_t wanted = nbytes > 0 ? (uint64_t)nbytes : 1;
    if (problem == R2G_PROBLEM_NONE && (used >= quota || wanted > quota - used))
        return quota_full(err);
    return problem;
}

enum r2g_problem r2g_incoming_new(struct r2g_incoming **incoming, struct r2g_jobs *jobs, struct r2g_error *err) {
    struct r2g_incoming *made = r2g_new(sizeof *made, err);
    *incoming = NULL;
    if (!made)
        return r2g_problem(err, R2G_PROBLEM_INTERNAL, "out of memory");
    made->jobs = jobs;
    struct r2g_error why;
    enum r2g_problem problem = R2G_PROBLEM_NONE;
    if (r2g_id_new(made->id, &why) != R2G_OK)
        problem = r2g_problem(err, R2G_PROBLEM_INTERNAL, "%s", why.text);
    if (problem == R2G_PROBLEM_NONE) {
        made->fd = r2g_spool_open_file(jobs->spool, R2G_SPOOL_INCOMING, made->id, true);
        if (made->fd < 0)
            problem = r2g_spool_problem(err, errno, "the file cannot be kept");
    }
    if (problem != R2G_PROBLEM_NONE)
        free(made);
    else
        *incoming = made;
    return problem;
}

enum r2g_problem r2g_incoming_append(struct r2g_incoming *incoming, const void *bytes, size_t nbytes,
                                     struct r2g_error *err) {
    struct r2g_jobs *jobs = incoming->jobs;
    uint64_t most = jobs->settings->max_body_nbytes;
    if (nbytes > most || incoming->nbytes > most - nbytes)
        return r2g_problem(err, R2G_PROBLEM_TOO_LARGE, "the file has more than the %" PRIu64 " bytes that are taken",
                           most);
    uint64_t after = incoming->nbytes + nbytes;
    if (after > incoming->counted) {
        uint64_t step = after - incoming->counted > SPACE_STEP ? after - incoming->counted : SPACE_STEP;
        if (!r2g_spool_take(jobs->spool, step)) { /* perhaps the bare bytes fit */
            step = after - incoming->counted;
            if (!r2g_spool_take(jobs->spool, step))
                return quota_full(err);
        }
        incoming->counted += step;
    }
    int error = r2g_file_write_at(incoming->fd, incoming->nbytes, bytes, nbytes);
    if (error != 0)
        return r2g_spool_problem(err, error, "the file cannot be kept");
    incoming->nbytes = after;
    return R2G_PROBLEM_NONE;
}

uint64_t r2g_incoming_nbytes(const struct r2g_incoming *incoming) {
    return incoming->nbytes;
}

void r2g_incoming_free(struct r2g_incoming *incoming) {
    if (!incoming)
        return;
    if (!incoming->submitted)
        r2g_spool_remove_file(incoming->jobs->spool, R2G_SPOOL_INCOMING, incoming->id);
    r2g_spool_give(incoming->jobs->spool, incoming->counted);
    close(incoming->fd);
    free(incoming);
}

/* What the header says, put into the job; refused where it breaks a limit. */
static enum r2g_problem look(const struct r2g_jobs *jobs, const struct r2g_candidate *file, struct r2g_job *job,
                             struct r2g_error *err) {
    struct r2g_declared declared;
    enum r2g_problem problem = r2g_declared_read(file->fd, file->nbytes, &declared, err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    uint64_t pixels = r2g_declared_pixels(&declared), most = jobs->settings->max_pixels;
    if (most && pixels > most)
        return r2g_problem(err, R2G_PROBLEM_TOO_MANY_PIXELS,
                           "%" PRIu64 " x %" PRIu64 " pixels are more than the %" PRIu64 " that are taken",
                           declared.width, declared.height, most);
    uint64_t samples;
    if (most && (!r2g_u64_mul(pixels, declared.samples, &samples) || samples / SAMPLES_A_PIXEL > most))
        return r2g_problem(err, R2G_PROBLEM_TOO_MANY_PIXELS,
                           "%" PRIu64 " x %" PRIu64 " pixels of %u samples are more than %" PRIu64
                           " of %u, which are taken",
                           declared.width, declared.height, declared.samples, most, SAMPLES_A_PIXEL);
    snprintf(job->in_format, sizeof job->in_format, "%s", declared.format);
    job->width = declared.width;
    job->height = declared.height;
    return R2G_PROBLEM_NONE;
}

/* A place in the queue and a number. */
static enum r2g_problem reserve(struct r2g_jobs *jobs, struct r2g_job *job, struct r2g_error *err) {
    pthread_mutex_lock(&jobs->lock);
    enum r2g_problem problem = check_room(jobs, job->client, err);
    if (problem == R2G_PROBLEM_NONE && r2g_queue_reserve(jobs->queue, job->client, err) != R2G_OK)
        problem = r2g_problem(err, R2G_PROBLEM_INTERNAL, "out of memory");
    if (problem == R2G_PROBLEM_NONE)
        job->number = jobs->next_number++;
    pthread_mutex_unlock(&jobs->lock);
    return problem;
}

static void begin(struct r2g_job *job) {
    job->state = R2G_JOB_QUEUED;
    job->out_format[0] = job->out_sha256[0] = job->launched_by[0] = job->external[0] = job->slurm_state[0] = '\0';
    job->detail[0] = '\0';
    job->out_nbytes = 0;
    job->attempts = job->ranks = 0;
    job->created_ms = r2g_now_ms();
    job->started_ms = job->ended_ms = job->expires_ms = 0;
    job->parallel_ns = job->sequential_ns = job->launch_ns = -1;
    job->problem = R2G_PROBLEM_NONE;
    job->exit_code = -1;
}

/* Folder and record, in this order: a folder without a record is swept away at the next start, so that a crash in between
 * leaves nothing, and nothing was promised by then. */
static enum r2g_problem write_down(struct r2g_jobs *jobs, const struct r2g_candidate *file, struct r2g_live *live,
                                   struct r2g_error *err) {
    const struct r2g_job *job = &live->stored.job;
    int error = r2g_spool_make_job(jobs->spool, file->place, file->file_id, file->fd, job->id, !job->one_shot);
    if (error != 0)
        return r2g_spool_problem(err, error, "the job cannot be kept");
    struct r2g_error why = {0};
    if (r2g_live_begin(jobs, live, file->upload, &why) == R2G_OK)
        return R2G_PROBLEM_NONE;
    r2g_spool_remove_job(jobs->spool, job->id);
    if (why.sys_errno == ENOSPC)
        return r2g_spool_problem(err, ENOSPC, "the job cannot be kept");
    return r2g_problem(err, R2G_PROBLEM_INTERNAL, "%s", why.text);
}

enum r2g_problem r2g_jobs_accept(struct r2g_jobs *jobs, const struct r2g_candidate *file, struct r2g_job *job,
                                 struct r2g_error *err) {
    struct r2g_error why;
    begin(job);
    job->in_nbytes = file->nbytes;
    enum r2g_problem problem = r2g_job_options_check(&job->options, err);
    if (problem == R2G_PROBLEM_NONE)
        problem = r2g_jobs_check_launcher(jobs, &job->options, err);
    if (problem == R2G_PROBLEM_NONE)
        problem = look(jobs, file, job, err);
    if (problem == R2G_PROBLEM_NONE && r2g_id_new(job->id, &why) != R2G_OK)
        problem = r2g_problem(err, R2G_PROBLEM_INTERNAL, "%s", why.text);
    if (problem == R2G_PROBLEM_NONE)
        problem = reserve(jobs, job, err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    struct r2g_stored stored = {.job = *job, .space_nbytes = file->nbytes};
    struct r2g_live *live = r2g_live_new(&stored);
    problem = live ? write_down(jobs, file, live, err) : r2g_problem(err, R2G_PROBLEM_INTERNAL, "out of memory");
    pthread_mutex_lock(&jobs->lock);
    if (problem == R2G_PROBLEM_NONE) {
        live->queued_ns = r2g_clock_ns();
        r2g_live_insert(jobs, live);
        r2g_queue_put(jobs->queue, job->client, &live->queued);
        pthread_cond_signal(&jobs->work);
    } else {
        r2g_queue_release(jobs->queue, job->client);
    }
    if (live)
        r2g_live_release(jobs, live);
    pthread_mutex_unlock(&jobs->lock);
    if (problem == R2G_PROBLEM_NONE)
        r2g_metrics_add(R2G_COUNT_JOBS_ACCEPTED, 1);
    return problem;
}

enum r2g_problem r2g_jobs_submit(struct r2g_jobs *jobs, struct r2g_incoming *incoming, struct r2g_job *job,
                                 struct r2g_error *err) {
    const struct r2g_candidate file = {
        .place = R2G_SPOOL_INCOMING, .file_id = incoming->id, .fd = incoming->fd, .nbytes = incoming->nbytes};
    enum r2g_problem problem = r2g_jobs_accept(jobs, &file, job, err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    /* the file's own bytes are the job's now */
    incoming->submitted = true;
    incoming->counted -= incoming->nbytes;
    return R2G_PROBLEM_NONE;
}
