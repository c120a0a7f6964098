/* Waiting for what happens to a job. Who waits holds a reference and its condition; for jobs that have ended, all that can
 * still happen is their removal, for which all wait together. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "gateway/jobs_inside.h"
#include "gateway/times.h"

static enum r2g_problem failed(const struct r2g_error *why, struct r2g_error *err) {
    return r2g_problem(err, R2G_PROBLEM_INTERNAL, "%s", why->text);
}

/* Says NOT_FOUND or GONE for an id that is neither live nor in the store. */
static enum r2g_problem not_there(struct r2g_jobs *jobs, const char *id, struct r2g_error *err) {
    struct r2g_removed removed;
    struct r2g_error why;
    bool found;
    if (r2g_store_removed(jobs->store, id, NULL, &removed, &found, &why) != R2G_OK)
        return failed(&why, err);
    if (found)
        return r2g_problem(err, R2G_PROBLEM_GONE, "the job has been %s", removed.why);
    return r2g_problem(err, R2G_PROBLEM_NOT_FOUND, "there is no such job");
}

/* With lock held: waits on `condition` until `until`; false when that is over or all waits are to end. */
static bool wait_for(struct r2g_jobs *jobs, pthread_cond_t *condition, const struct timespec *until) {
    return !jobs->stopping && pthread_cond_timedwait(condition, &jobs->lock, until) == 0;
}

enum r2g_problem r2g_jobs_wait(struct r2g_jobs *jobs, const char *id, int timeout_ms, struct r2g_job *job,
                               struct r2g_error *err) {
    const struct timespec until = r2g_in_ms(timeout_ms);
    pthread_mutex_lock(&jobs->lock);
    struct r2g_live *live = r2g_live_find(jobs, id);
    while (live && !live->ended && wait_for(jobs, &live->changed, &until))
        ;
    if (live) {
        *job = live->stored.job;
        r2g_live_release(jobs, live);
    }
    pthread_mutex_unlock(&jobs->lock);
    if (live)
        return R2G_PROBLEM_NONE;
    struct r2g_stored stored;
    struct r2g_error why;
    bool found;
    if (r2g_store_get(jobs->store, id, &stored, &found, &why) != R2G_OK)
        return failed(&why, err);
    if (!found)
        return not_there(jobs, id, err);
    *job = stored.job;
    return R2G_PROBLEM_NONE;
}

/* With lock held: an event of a live job that was not told, or false. */
static bool take_live(const struct r2g_live *live, int64_t after, int64_t *progress_seen, struct r2g_event *event) {
    if (after >= 0 && (size_t)after < live->event_count) {
        *event = live->events[after];
        return true;
    }
    if (live->ended || live->progress_serial <= *progress_seen)
        return false;
    *progress_seen = live->progress_serial;
    *event = (struct r2g_event){.kind = "progress"};
    size_t nbytes = json_dumpb(live->progress, event->data, sizeof event->data - 1, JSON_COMPACT);
    if (nbytes == 0 || nbytes >= sizeof event->data)
        snprintf(event->data, sizeof event->data, "{}");
    return true;
}

/* An event of a job that has ended; *over tells that none can follow. */
static enum r2g_problem take_ended(struct r2g_jobs *jobs, const char *id, int64_t after, struct r2g_event *event,
                                   bool *got, struct r2g_error *err) {
    struct r2g_stored stored;
    struct r2g_removed removed;
    struct r2g_error why;
    bool found;
    *got = false;
    if (r2g_store_get(jobs->store, id, &stored, &found, &why) != R2G_OK)
        return failed(&why, err);
    if (found && r2g_store_event(jobs->store, stored.job.number, after, event, got, &why) != R2G_OK)
        return failed(&why, err);
    if (found)
        return R2G_PROBLEM_NONE;
    if (r2g_store_removed(jobs->store, id, NULL, &removed, &found, &why) != R2G_OK)
        return failed(&why, err);
    if (!found || after >= removed.event_number)
        return not_there(jobs, id, err);
    *event = (struct r2g_event){.number = removed.event_number};
    snprintf(event->kind, sizeof event->kind, "%s", removed.why);
    snprintf(event->data, sizeof event->data, "{\"state\":\"%s\"}", removed.why);
    *got = true;
    return R2G_PROBLEM_NONE;
}

/* Waits for an event of a live job. False in *live_there if it is none (any more). */
static bool wait_live(struct r2g_jobs *jobs, const char *id, int64_t after, int64_t *progress_seen,
                      const struct timespec *until, struct r2g_event *event, bool *got) {
    pthread_mutex_lock(&jobs->lock);
    struct r2g_live *live = r2g_live_find(jobs, id);
    bool there = live != NULL;
    while (live && !(*got = take_live(live, after, progress_seen, event)) && !live->ended &&
           wait_for(jobs, &live->changed, until))
        ;
    /* one that has ended with all told has its removal yet to come */
    if (live && !*got && live->ended)
        there = live->unrecorded;
    if (live)
        r2g_live_release(jobs, live);
    pthread_mutex_unlock(&jobs->lock);
    return there;
}

enum r2g_problem r2g_jobs_next_event(struct r2g_jobs *jobs, const char *id, int64_t after, int64_t *progress_seen,
                                     int timeout_ms, struct r2g_event *event, bool *got, struct r2g_error *err) {
    const struct timespec until = r2g_in_ms(timeout_ms);
    *got = false;
    if (wait_live(jobs, id, after, progress_seen, &until, event, got))
        return R2G_PROBLEM_NONE;
    for (;;) {
        enum r2g_problem problem = take_ended(jobs, id, after, event, got, err);
        if (problem != R2G_PROBLEM_NONE || *got)
            return problem;
        pthread_mutex_lock(&jobs->lock);
        bool more = wait_for(jobs, &jobs->swept, &until);
        pthread_mutex_unlock(&jobs->lock);
        if (!more)
            return R2G_PROBLEM_NONE;
    }
}
