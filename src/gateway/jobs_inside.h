/* What the files behind jobs.h share; nobody else includes it.
 *
 * A job that has not ended is "live": it has a struct r2g_live in a table by id, which is what is true of it. Only one thread
 * at a time changes a live job, its owner: who submits it, then the queue's lock passes it to the worker that takes it (or
 * to who cancels it while it waits). The owner writes a change down in the store first and publishes it then, so that
 * nobody is told what a restart would not know. An ended job is in the store alone.
 *
 * Locks, in the order in which they may be taken: remove_lock, lock, and last the store's own. `lock` is never held over
 * work on files or the store.
 */
#ifndef R2G_GATEWAY_JOBS_INSIDE_H
#define R2G_GATEWAY_JOBS_INSIDE_H

#include <pthread.h>

#include "gateway/declared.h"
#include "gateway/jobs.h"
#include "gateway/launcher.h"
#include "gateway/queue.h"
#include "gateway/spool.h"
#include "gateway/store.h"

#define R2G_LIVE_BUCKETS 4096
#define R2G_WORKERS_MAX 256
#define R2G_MARK_NBYTES (2 * R2G_ID_NBYTES) /* of the processes of a job: the store's id, '.', the job's */

struct r2g_live {
    struct r2g_queued queued; /* while it waits; first, so that one pointer is the other */
    struct r2g_stored stored;
    struct r2g_event *events; /* all that are kept of it, from 1 on */
    size_t event_count;
    json_t *progress; /* the newest, or NULL */
    int64_t progress_serial;
    struct r2g_live *next; /* in its bucket */
    unsigned references;
    pthread_cond_t changed;
    bool cancel;       /* was asked for */
    bool ended;        /* stored.job is final */
    bool unrecorded;   /* but the store could not be told yet */
    bool adopted;      /* was under way outside when the gateway was started */
    int stop_fd;       /* an eventfd that ends its run, while it runs; else -1 */
    int64_t queued_ns; /* when it was put in the queue */
};

struct r2g_pool;
struct r2g_slurm;

struct r2g_jobs {
    const struct r2g_settings *settings;
    char program[PATH_MAX]; /* of the conversion */
    struct r2g_spool *spool;
    struct r2g_store *store;
    struct r2g_pool *pool;   /* NULL: not used */
    struct r2g_slurm *slurm; /* NULL: not used */

    pthread_mutex_t remove_lock; /* one removal at a time */
    pthread_mutex_t lock;        /* all that follows */
    pthread_cond_t work;         /* a job was queued, or closing */
    pthread_cond_t swept;        /* a job was removed, or stopping: for who waits for events of ended ones */
    pthread_cond_t idle;         /* an upload is not busy any more */
    struct r2g_queue *queue;
    struct r2g_live *live[R2G_LIVE_BUCKETS];
    int64_t next_number;
    bool stopping, closing;
    struct r2g_busy *busy; /* uploads in use, see uploads.c */

    pthread_t workers[R2G_WORKERS_MAX], sweeper;
    unsigned worker_count;
    bool has_sweeper;
};

/* ---- live.c ---- */

/* A new one with one reference, in no table yet. NULL: no memory. */
struct r2g_live *r2g_live_new(const struct r2g_stored *stored);
/* With lock held: into the table, which has a reference; finds and adds a reference, or NULL. */
void r2g_live_insert(struct r2g_jobs *jobs, struct r2g_live *live);
struct r2g_live *r2g_live_find(struct r2g_jobs *jobs, const char *id);
/* Gives a reference back. With lock held. */
void r2g_live_release(struct r2g_jobs *jobs, struct r2g_live *live);
/* By the owner, without lock: the job becomes `job`, with an event of that kind (NULL: none) and data (stolen; NULL is {}), in
 * the store and then for everybody. One-shot jobs are written down at their end only. A job that has ended leaves the
 * table. R2G_EOUTPUT, R2G_ENOMEM: nothing has changed, except that a job ends even if that cannot be written down; the
 * sweeper then tries again. */
R2G_MUST_CHECK r2g_status r2g_live_change(struct r2g_jobs *jobs, struct r2g_live *live, const struct r2g_job *job,
                                          const char *kind, json_t *data, enum r2g_durability durability,
                                          struct r2g_error *err);
/* The same for its first event, "queued", and to be used before anyone else knows it. */
R2G_MUST_CHECK r2g_status r2g_live_begin(struct r2g_jobs *jobs, struct r2g_live *live, const char *upload,
                                         struct r2g_error *err);
/* By the owner: progress, stolen; told but not kept. */
void r2g_live_progress(struct r2g_jobs *jobs, struct r2g_live *live, json_t *progress);
/* By the sweeper: writes down the ends that could not be. */
void r2g_live_record(struct r2g_jobs *jobs);
/* By the owner: the job ends as `state`. Sets times and counts; removes the files of a one-shot job nobody waits for. */
void r2g_live_end(struct r2g_jobs *jobs, struct r2g_live *live, struct r2g_job *job, enum r2g_job_state state);

/* ---- runner.c ---- */

/* One after the other takes jobs and runs them, until closing. The argument is the struct r2g_jobs. */
void *r2g_jobs_work(void *jobs);
/* Whether the launcher that a job asks for can be had. BAD_OPTION. */
R2G_MUST_CHECK enum r2g_problem r2g_jobs_check_launcher(const struct r2g_jobs *jobs,
                                                        const struct r2g_job_options *options, struct r2g_error *err);

/* ---- recover.c ---- */

/* At start, before any thread: ends what an earlier gateway left running, and makes memory, store and spool agree. */
R2G_MUST_CHECK r2g_status r2g_jobs_recover(struct r2g_jobs *jobs, struct r2g_error *err);

/* ---- sweeper.c ---- */

void *r2g_jobs_sweep(void *jobs);
/* Removes an ended job: its files, its record. Nothing where there is none. */
void r2g_jobs_remove(struct r2g_jobs *jobs, const char *id, const char *why);

/* Removes the files of an ended job and keeps its record; false if there were none any more. */
bool r2g_jobs_drop_files(struct r2g_jobs *jobs, const char *id);

/* ---- submit.c ---- */

/* A file that is to become a job. */
struct r2g_candidate {
    enum r2g_spool_place place;
    const char *file_id, *upload; /* upload: its id, or NULL */
    int fd;
    uint64_t nbytes;
};
/* See r2g_jobs_submit. The file's bytes are counted already, and the job's from then on. */
R2G_MUST_CHECK enum r2g_problem r2g_jobs_accept(struct r2g_jobs *jobs, const struct r2g_candidate *file,
                                                struct r2g_job *job, struct r2g_error *err);

/* ---- uploads.c ---- */

/* Whether a writer or submitter has it; with lock held. */
bool r2g_upload_is_busy(const struct r2g_jobs *jobs, const char *id);
/* Forgets and removes it, unless it is busy. */
void r2g_upload_expire(struct r2g_jobs *jobs, const struct r2g_upload *upload);

/* The mark of a job's processes. */
void r2g_jobs_mark(const struct r2g_jobs *jobs, const char *id, char mark[R2G_MARK_NBYTES]);
/* A line of the gateway's log. */
void r2g_jobs_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
