/* What goes by itself: results and uploads whose time is over, ids that were removed long ago. */
#include <stdlib.h>
#include <unistd.h>

#include "gateway/jobs_inside.h"
#include "gateway/times.h"

#define PERIOD_MS 1000
#define BATCH 64
#define REMEMBER_MS (INT64_C(7) * 24 * 3600 * 1000) /* how long GONE is told from NOT_FOUND */

void r2g_jobs_remove(struct r2g_jobs *jobs, const char *id, const char *why) {
    struct r2g_stored stored;
    struct r2g_error err;
    bool found = false;
    pthread_mutex_lock(&jobs->remove_lock);
    if (r2g_store_get(jobs->store, id, &stored, &found, &err) != R2G_OK)
        r2g_jobs_log("job %s cannot be removed: %s", id, err.text);
    if (found && r2g_job_state_final(stored.job.state)) {
        r2g_spool_remove_job(jobs->spool, id);
        if (r2g_store_remove(jobs->store, id, why, &err) == R2G_OK)
            r2g_spool_give(jobs->spool, stored.space_nbytes);
        else
            r2g_jobs_log("job %s cannot be forgotten: %s", id, err.text);
    }
    pthread_mutex_unlock(&jobs->remove_lock);
    pthread_mutex_lock(&jobs->lock);
    pthread_cond_broadcast(&jobs->swept);
    pthread_mutex_unlock(&jobs->lock);
}

bool r2g_jobs_drop_files(struct r2g_jobs *jobs, const char *id) {
    struct r2g_stored stored;
    struct r2g_error err;
    bool found = false;
    pthread_mutex_lock(&jobs->remove_lock);
    int fd = r2g_spool_open_job(jobs->spool, id);
    bool there = fd >= 0 && r2g_store_get(jobs->store, id, &stored, &found, &err) == R2G_OK && found;
    if (there) {
        r2g_spool_remove_job(jobs->spool, id);
        if (r2g_store_add_space(jobs->store, id, -(int64_t)stored.space_nbytes, &found, &err) == R2G_OK)
            r2g_spool_give(jobs->spool, stored.space_nbytes);
    }
    if (fd >= 0)
        close(fd);
    pthread_mutex_unlock(&jobs->remove_lock);
    return there;
}

static void expire_jobs(struct r2g_jobs *jobs) {
    char ids[BATCH][R2G_ID_NBYTES];
    struct r2g_error err;
    unsigned count = BATCH;
    for (int rounds = 0; rounds < 64 && count == BATCH; rounds++) {
        count = 0;
        if (r2g_store_expired(jobs->store, r2g_now_ms(), ids, BATCH, &count, &err) != R2G_OK)
            r2g_jobs_log("cannot look for expired jobs: %s", err.text);
        for (unsigned i = 0; i < count; i++)
            r2g_jobs_remove(jobs, ids[i], "expired");
    }
}

static void expire_uploads(struct r2g_jobs *jobs) {
    struct r2g_upload *uploads = calloc(BATCH, sizeof *uploads);
    struct r2g_error err;
    unsigned count = 0;
    if (uploads && r2g_store_uploads(jobs->store, r2g_now_ms(), "", uploads, BATCH, &count, &err) != R2G_OK)
        r2g_jobs_log("cannot look for expired uploads: %s", err.text);
    for (unsigned i = 0; i < count; i++)
        r2g_upload_expire(jobs, &uploads[i]);
    free(uploads);
}

void *r2g_jobs_sweep(void *user) {
    struct r2g_jobs *jobs = user;
    struct r2g_error err;
    int64_t forgot_ms = 0;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->closing) {
        const struct timespec until = r2g_in_ms(PERIOD_MS);
        /* only closing matters here; to be woken by a job is to look a little early */
        pthread_cond_timedwait(&jobs->swept, &jobs->lock, &until);
        bool closing = jobs->closing;
        pthread_mutex_unlock(&jobs->lock);
        if (!closing) {
            r2g_live_record(jobs);
            expire_jobs(jobs);
            expire_uploads(jobs);
        }
        int64_t now_ms = r2g_now_ms();
        if (now_ms - forgot_ms > 3600 * 1000) {
            forgot_ms = now_ms;
            if (r2g_store_forget(jobs->store, now_ms - REMEMBER_MS, &err) != R2G_OK)
                r2g_jobs_log("cannot forget removed jobs: %s", err.text);
        }
        pthread_mutex_lock(&jobs->lock);
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}
