/* What a start does with what an earlier gateway left, however that ended. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/child.h"
#include "gateway/jobs_inside.h"
#include "gateway/times.h"

#define KILL_MS 20000
#define DEATHS_MAX 3 /* a job in whose runs the gateway died so often is not tried again */
#define BATCH 64

/* Puts a job into table and queue again. */
static r2g_status put_back(struct r2g_jobs *jobs, const struct r2g_stored *stored, struct r2g_error *err) {
    struct r2g_live *live = r2g_live_new(stored);
    if (!live)
        return r2g_fail(err, R2G_ENOMEM, "out of memory");
    struct r2g_event event;
    bool found = true;
    r2g_status status = R2G_OK;
    size_t capacity = 0;
    while (status == R2G_OK) {
        status = r2g_store_event(jobs->store, stored->job.number, (int64_t)live->event_count, &event, &found, err);
        if (status != R2G_OK || !found)
            break;
        if (live->event_count == capacity) {
            capacity = 2 * capacity + 4;
            struct r2g_event *grown = realloc(live->events, capacity * sizeof *grown);
            if (!grown) {
                status = r2g_fail(err, R2G_ENOMEM, "out of memory");
                break;
            }
            live->events = grown;
        }
        live->events[live->event_count++] = event;
    }
    pthread_mutex_lock(&jobs->lock);
    if (status == R2G_OK)
        r2g_live_insert(jobs, live);
    r2g_live_release(jobs, live);
    pthread_mutex_unlock(&jobs->lock);
    return status;
}

/* Decides what becomes of one that had not ended. */
static r2g_status resume(struct r2g_jobs *jobs, const struct r2g_stored *stored, struct r2g_error *err) {
    struct r2g_stored now = *stored;
    struct r2g_job *job = &now.job;
    bool was_running = job->state == R2G_JOB_RUNNING, outside = strcmp(job->launched_by, "slurm") == 0 && was_running;
    int folder_fd = r2g_spool_open_job(jobs->spool, job->id);
    struct stat is;
    bool has_file = folder_fd >= 0 && fstatat(folder_fd, "original", &is, AT_SYMLINK_NOFOLLOW) == 0;
    if (folder_fd >= 0)
        close(folder_fd);
    if (was_running && !outside)
        now.deaths++;
    r2g_status status = put_back(jobs, &now, err);
    if (status != R2G_OK)
        return status;
    pthread_mutex_lock(&jobs->lock);
    struct r2g_live *live = r2g_live_find(jobs, job->id);
    pthread_mutex_unlock(&jobs->lock);
    if (!has_file) {
        job->problem = R2G_PROBLEM_INTERNAL;
        snprintf(job->detail, sizeof job->detail, "the file has been lost");
        r2g_live_end(jobs, live, job, R2G_JOB_FAILED);
    } else if (outside && !jobs->slurm) {
        job->problem = R2G_PROBLEM_LAUNCH_FAILED;
        snprintf(job->detail, sizeof job->detail, "it was given to Slurm, which is not here any more");
        r2g_live_end(jobs, live, job, R2G_JOB_FAILED);
    } else if (now.deaths >= DEATHS_MAX) {
        job->problem = R2G_PROBLEM_CRASHED;
        snprintf(job->detail, sizeof job->detail, "the server ended %u times while it was converted", now.deaths);
        r2g_live_end(jobs, live, job, R2G_JOB_FAILED);
    } else {
        if (was_running && !outside) {
            job->state = R2G_JOB_QUEUED;
            status = r2g_live_change(jobs, live, job, "queued", json_pack("{s:s, s:b}", "state", "queued", "again", 1),
                                     R2G_STORE_LAZY, err);
        }
        pthread_mutex_lock(&jobs->lock);
        live->adopted = outside;
        if (status == R2G_OK)
            status = r2g_queue_reserve(jobs->queue, job->client, err);
        if (status == R2G_OK)
            r2g_queue_put(jobs->queue, job->client, &live->queued);
        pthread_mutex_unlock(&jobs->lock);
    }
    pthread_mutex_lock(&jobs->lock);
    r2g_live_release(jobs, live);
    pthread_mutex_unlock(&jobs->lock);
    return status;
}

/* All jobs of one state. They are read newest first, in batches, and a change of state does not disturb that. */
static r2g_status resume_all(struct r2g_jobs *jobs, enum r2g_job_state state, struct r2g_error *err) {
    struct r2g_stored *page = calloc(BATCH, sizeof *page);
    r2g_status status = page ? R2G_OK : r2g_fail(err, R2G_ENOMEM, "out of memory");
    int64_t before = 0;
    unsigned count = BATCH;
    while (status == R2G_OK && count == BATCH) {
        status = r2g_store_list(jobs->store, NULL, state, before, page, BATCH, &count, err);
        for (unsigned i = 0; i < count && status == R2G_OK; i++) {
            before = page[i].job.number;
            status = resume(jobs, &page[i], err);
        }
    }
    free(page);
    return status;
}

/* Counts a job's folder, or removes what no record knows, and the files of answered one-shot jobs. */
static void check_folder(void *user, const char *name) {
    struct r2g_jobs *jobs = user;
    struct r2g_stored stored;
    struct r2g_error err;
    bool found = false;
    if (r2g_id_valid(name) && r2g_store_get(jobs->store, name, &stored, &found, &err) != R2G_OK)
        return;
    if (!found || stored.job.one_shot) {
        r2g_spool_remove_job(jobs->spool, name);
        if (found && stored.space_nbytes > 0)
            (void)!r2g_store_add_space(jobs->store, name, -(int64_t)stored.space_nbytes, &found, &err);
        return;
    }
    bool ended = r2g_job_state_final(stored.job.state);
    bool outside = stored.job.state == R2G_JOB_RUNNING && strcmp(stored.job.launched_by, "slurm") == 0;
    if (!outside) /* one that Slurm runs goes on writing there */
        r2g_spool_tidy_job(jobs->spool, name);
    if (!outside && !ended) /* it runs again, and what that makes is counted then */
        r2g_spool_remove_outputs(jobs->spool, name, true);
    uint64_t nbytes = r2g_spool_measure_job(jobs->spool, name, !ended);
    int64_t more = (int64_t)(nbytes - stored.space_nbytes);
    if (more != 0)
        (void)!r2g_store_add_space(jobs->store, name, more, &found, &err);
    r2g_spool_count(jobs->spool, nbytes);
}

/* A record whose folder is gone, since the gateway ended while it removed the job, takes no space any more. */
static r2g_status check_records(struct r2g_jobs *jobs, struct r2g_error *err) {
    struct r2g_stored *page = calloc(BATCH, sizeof *page);
    r2g_status status = page ? R2G_OK : r2g_fail(err, R2G_ENOMEM, "out of memory");
    int64_t before = 0;
    unsigned count = BATCH;
    while (status == R2G_OK && count == BATCH) {
        status = r2g_store_list(jobs->store, NULL, R2G_JOB_STATES, before, page, BATCH, &count, err);
        for (unsigned i = 0; i < count && status == R2G_OK; i++) {
            const struct r2g_stored *stored = &page[i];
            bool found;
            before = stored->job.number;
            int fd = stored->space_nbytes > 0 ? r2g_spool_open_job(jobs->spool, stored->job.id) : -1;
            if (fd < 0 && stored->space_nbytes > 0)
                status = r2g_store_add_space(jobs->store, stored->job.id, -(int64_t)stored->space_nbytes, &found, err);
            if (fd >= 0)
                close(fd);
        }
    }
    free(page);
    return status;
}

static void check_upload_file(void *user, const char *name) {
    struct r2g_jobs *jobs = user;
    struct r2g_upload upload;
    struct r2g_error err;
    bool found = false;
    if (r2g_id_valid(name) && r2g_store_get_upload(jobs->store, name, &upload, &found, &err) != R2G_OK)
        return;
    if (!found || upload.job[0]) /* never answered for, or a job by now */
        r2g_spool_remove_file(jobs->spool, R2G_SPOOL_UPLOADS, name);
}

/* Sets aside what unfinished uploads were promised. */
static r2g_status count_uploads(struct r2g_jobs *jobs, struct r2g_error *err) {
    struct r2g_upload *uploads = calloc(BATCH, sizeof *uploads);
    r2g_status status = uploads ? R2G_OK : r2g_fail(err, R2G_ENOMEM, "out of memory");
    char after[R2G_ID_NBYTES] = "";
    unsigned count = BATCH;
    while (status == R2G_OK && count == BATCH) {
        status = r2g_store_uploads(jobs->store, INT64_MAX, after, uploads, BATCH, &count, err);
        for (unsigned i = 0; i < count && status == R2G_OK; i++) {
            snprintf(after, sizeof after, "%s", uploads[i].id);
            if (!uploads[i].job[0])
                r2g_spool_count(jobs->spool, uploads[i].nbytes);
        }
    }
    free(uploads);
    return status;
}

r2g_status r2g_jobs_recover(struct r2g_jobs *jobs, struct r2g_error *err) {
    char mark[R2G_MARK_NBYTES];
    int64_t last = 0;
    r2g_jobs_mark(jobs, "", mark);
    /* the spool's lock is held, so that all processes of this mark are of a gateway that is no more */
    if (!r2g_child_kill_marked(mark, KILL_MS))
        return r2g_fail(err, R2G_EOUTPUT, "processes of an earlier gateway on %s do not end",
                        r2g_spool_path(jobs->spool));
    r2g_status status = r2g_store_last_number(jobs->store, &last, err);
    jobs->next_number = last + 1;
    if (status != R2G_OK)
        return status;
    r2g_spool_each(jobs->spool, R2G_SPOOL_JOBS, check_folder, jobs);
    r2g_spool_each(jobs->spool, R2G_SPOOL_UPLOADS, check_upload_file, jobs);
    status = check_records(jobs, err);
    if (status == R2G_OK)
        status = count_uploads(jobs, err);
    if (status == R2G_OK)
        status = resume_all(jobs, R2G_JOB_QUEUED, err);
    if (status == R2G_OK) /* last, since these become queued */
        status = resume_all(jobs, R2G_JOB_RUNNING, err);
    return status;
}
