/* Jobs that have not ended: the table, their changes, their end. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "gateway/jobs_inside.h"
#include "gateway/metrics.h"
#include "gateway/times.h"

#define EVENTS_MAX 1000 /* of one job: a job that Slurm starts again and again must not fill the memory */

void r2g_jobs_log(const char *format, ...) {
    struct r2g_error line = {0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line.text, sizeof line.text, format, arguments);
    va_end(arguments);
    (void)!r2g_fail(&line, R2G_OK, "%s", line.text); /* takes control characters out */
    fprintf(stderr, "rgb2gray-gateway: %s\n", line.text);
}

static struct r2g_live **bucket(struct r2g_jobs *jobs, const char *id) {
    /* ids are random, so that their first digits spread */
    unsigned index = 0;
    for (int i = 0; i < 3 && id[i]; i++)
        index = index << 4 | (unsigned)(id[i] <= '9' ? id[i] - '0' : id[i] - 'a' + 10);
    return &jobs->live[index % R2G_LIVE_BUCKETS];
}

struct r2g_live *r2g_live_new(const struct r2g_stored *stored) {
    struct r2g_live *live = r2g_new(sizeof *live, NULL);
    pthread_condattr_t monotonic;
    if (!live)
        return NULL;
    live->stored = *stored;
    live->references = 1;
    live->stop_fd = -1;
    live->queued.number = stored->job.number;
    live->queued_ns = r2g_clock_ns();
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&live->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return live;
}

void r2g_live_insert(struct r2g_jobs *jobs, struct r2g_live *live) {
    struct r2g_live **place = bucket(jobs, live->stored.job.id);
    live->next = *place;
    *place = live;
    live->references++;
}

struct r2g_live *r2g_live_find(struct r2g_jobs *jobs, const char *id) {
    for (struct r2g_live *live = *bucket(jobs, id); live; live = live->next) {
        if (strcmp(live->stored.job.id, id) == 0) {
            live->references++;
            return live;
        }
    }
    return NULL;
}

void r2g_live_release(struct r2g_jobs *jobs, struct r2g_live *live) {
    (void)jobs;
    if (--live->references > 0)
        return;
    pthread_cond_destroy(&live->changed);
    json_decref(live->progress);
    free(live->events);
    free(live);
}

/* The caller has a reference of its own. */
static void take_out(struct r2g_jobs *jobs, struct r2g_live *live) {
    struct r2g_live **place = bucket(jobs, live->stored.job.id);
    while (*place && *place != live)
        place = &(*place)->next;
    if (*place) {
        *place = live->next;
        live->references--;
    }
}

/* Makes room for one more event and fills it; NULL where it is not to be had. Of the owner; the events that others see are
 * those up to event_count. */
static struct r2g_event *make_event(struct r2g_jobs *jobs, struct r2g_live *live, const char *kind, json_t *data) {
    struct r2g_event *grown = r2g_new((live->event_count + 1) * sizeof *grown, NULL);
    if (!grown)
        return NULL;
    if (live->event_count > 0)
        memcpy(grown, live->events, live->event_count * sizeof *grown);
    struct r2g_event *event = &grown[live->event_count];
    event->number = (int64_t)live->event_count + 1;
    snprintf(event->kind, sizeof event->kind, "%s", kind);
    size_t nbytes = data ? json_dumpb(data, event->data, sizeof event->data - 1, JSON_COMPACT) : 0;
    if (nbytes == 0 || nbytes >= sizeof event->data)
        snprintf(event->data, sizeof event->data, "{}");
    else
        event->data[nbytes] = '\0';
    pthread_mutex_lock(&jobs->lock);
    free(live->events);
    live->events = grown;
    pthread_mutex_unlock(&jobs->lock);
    return event;
}

/* Writes down the job, with the event that is not yet counted, or with all events where none was written before.
 * *space_nbytes is the space that was written. */
static r2g_status write_down(struct r2g_jobs *jobs, struct r2g_live *live, const struct r2g_job *job,
                             const struct r2g_event *event, enum r2g_durability durability, uint64_t *space_nbytes,
                             struct r2g_error *err) {
    pthread_mutex_lock(&jobs->lock);
    struct r2g_stored stored = live->stored;
    pthread_mutex_unlock(&jobs->lock);
    *space_nbytes = stored.space_nbytes;
    stored.job = *job;
    bool all = job->one_shot;
    return r2g_store_put(jobs->store, &stored, all ? live->events : event,
                         all ? live->event_count + (event != NULL) : event != NULL, NULL, durability, err);
}

/* With lock held, of a job that is written down with this space: takes it out of the table. Returns what a preview has
 * taken since, for add_late_space. */
static uint64_t leave_table(struct r2g_jobs *jobs, struct r2g_live *live, uint64_t space_nbytes) {
    take_out(jobs, live);
    return live->stored.space_nbytes - space_nbytes;
}

static void add_late_space(struct r2g_jobs *jobs, const char *id, uint64_t nbytes) {
    struct r2g_error err;
    bool found = true;
    if (nbytes == 0)
        return;
    pthread_mutex_lock(&jobs->remove_lock);
    if (r2g_store_add_space(jobs->store, id, (int64_t)nbytes, &found, &err) != R2G_OK)
        r2g_jobs_log("job %s: %s", id, err.text);
    pthread_mutex_unlock(&jobs->remove_lock);
    if (!found) /* removed already, with less to give back */
        r2g_spool_give(jobs->spool, nbytes);
}

r2g_status r2g_live_change(struct r2g_jobs *jobs, struct r2g_live *live, const struct r2g_job *job, const char *kind,
                           json_t *data, enum r2g_durability durability, struct r2g_error *err) {
    bool ended = r2g_job_state_final(job->state);
    /* the last one is always told: it ends the streams */
    bool room = ended || live->event_count < EVENTS_MAX;
    const struct r2g_event *event = kind && room ? make_event(jobs, live, kind, data) : NULL;
    json_decref(data);
    r2g_status status = R2G_OK;
    uint64_t space_nbytes = 0, late_nbytes = 0;
    if (ended || !job->one_shot)
        status = write_down(jobs, live, job, event, durability, &space_nbytes, err);
    if (status != R2G_OK && !ended)
        return status;
    pthread_mutex_lock(&jobs->lock);
    live->stored.job = *job;
    live->event_count += event != NULL;
    live->ended = ended;
    live->unrecorded = status != R2G_OK;
    pthread_cond_broadcast(&live->changed);
    if (ended && status == R2G_OK)
        late_nbytes = leave_table(jobs, live, space_nbytes);
    pthread_mutex_unlock(&jobs->lock);
    add_late_space(jobs, job->id, late_nbytes);
    return status;
}

r2g_status r2g_live_begin(struct r2g_jobs *jobs, struct r2g_live *live, const char *upload, struct r2g_error *err) {
    json_t *data = json_pack("{s:s}", "state", "queued");
    const struct r2g_event *event = make_event(jobs, live, "queued", data);
    json_decref(data);
    if (!event)
        return r2g_fail(err, R2G_ENOMEM, "out of memory");
    live->event_count++;
    if (live->stored.job.one_shot)
        return R2G_OK;
    return r2g_store_put(jobs->store, &live->stored, event, 1, upload, R2G_STORE_DURABLE, err);
}

void r2g_live_progress(struct r2g_jobs *jobs, struct r2g_live *live, json_t *progress) {
    if (!progress)
        return;
    pthread_mutex_lock(&jobs->lock);
    json_decref(live->progress);
    live->progress = progress;
    live->progress_serial++;
    pthread_cond_broadcast(&live->changed);
    pthread_mutex_unlock(&jobs->lock);
}

void r2g_live_record(struct r2g_jobs *jobs) {
    for (size_t i = 0; i < R2G_LIVE_BUCKETS; i++) {
        pthread_mutex_lock(&jobs->lock);
        struct r2g_live *live = jobs->live[i];
        while (live && !live->unrecorded)
            live = live->next;
        struct r2g_stored stored;
        if (live) {
            live->references++;
            stored = live->stored;
        }
        pthread_mutex_unlock(&jobs->lock);
        if (!live)
            continue;
        struct r2g_error err;
        uint64_t late_nbytes = 0;
        /* nobody changes it any more, so that it can be read; all events are written, since the last were not */
        r2g_status status =
            r2g_store_put(jobs->store, &stored, live->events, live->event_count, NULL, R2G_STORE_DURABLE, &err);
        pthread_mutex_lock(&jobs->lock);
        live->unrecorded = status != R2G_OK;
        if (status == R2G_OK)
            late_nbytes = leave_table(jobs, live, stored.space_nbytes);
        r2g_live_release(jobs, live);
        pthread_mutex_unlock(&jobs->lock);
        add_late_space(jobs, stored.job.id, late_nbytes);
    }
}

static void count_end(const struct r2g_job *job, int64_t started_ms) {
    static const enum r2g_counter counters[R2G_JOB_STATES] = {[R2G_JOB_DONE] = R2G_COUNT_JOBS_DONE,
                                                              [R2G_JOB_FAILED] = R2G_COUNT_JOBS_FAILED,
                                                              [R2G_JOB_CANCELLED] = R2G_COUNT_JOBS_CANCELLED};
    r2g_metrics_add(counters[job->state], 1);
    if (job->state == R2G_JOB_FAILED)
        r2g_metrics_refused(job->problem);
    if (started_ms > 0)
        r2g_metrics_observe(R2G_HISTOGRAM_RUN, (job->ended_ms - started_ms) * 1000000);
    if (job->state == R2G_JOB_DONE && job->parallel_ns >= 0)
        r2g_metrics_observe(R2G_HISTOGRAM_CONVERT, job->parallel_ns);
}

void r2g_live_end(struct r2g_jobs *jobs, struct r2g_live *live, struct r2g_job *job, enum r2g_job_state state) {
    struct r2g_error err;
    job->state = state;
    job->ended_ms = r2g_now_ms();
    job->expires_ms = job->ended_ms + (int64_t)jobs->settings->expire_s * 1000;
    if (state == R2G_JOB_CANCELLED)
        job->problem = R2G_PROBLEM_CANCELLED;
    pthread_mutex_lock(&jobs->lock);
    uint64_t space_nbytes = live->stored.space_nbytes;
    bool unwanted = job->one_shot && state == R2G_JOB_CANCELLED;
    if (unwanted)
        live->stored.space_nbytes = 0;
    pthread_mutex_unlock(&jobs->lock);
    if (unwanted) {
        r2g_spool_remove_job(jobs->spool, job->id);
        r2g_spool_give(jobs->spool, space_nbytes);
    }
    count_end(job, job->started_ms);
    json_t *data = json_pack("{s:s}", "state", r2g_job_state_name(state));
    if (data && job->problem != R2G_PROBLEM_NONE)
        (void)json_object_set_new(data, "problem", json_string(r2g_problem_text(job->problem)->type));
    if (data && job->detail[0])
        (void)json_object_set_new(data, "detail", json_string(job->detail));
    enum r2g_durability durability = job->one_shot ? R2G_STORE_LAZY : R2G_STORE_DURABLE;
    if (r2g_live_change(jobs, live, job, r2g_job_state_name(state), data, durability, &err) != R2G_OK)
        r2g_jobs_log("job %s has ended, which could not be written down yet: %s", job->id, err.text);
}
