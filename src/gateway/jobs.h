/* The jobs: accepting them, running them, telling about them. What HTTP knows of jobs is in this header.
 *
 * One struct r2g_jobs a process, shared by all threads; every function may be called from any thread. It owns the spool
 * (locked, so that two gateways never share one), the store (SQLite), the queue, the launchers, and the threads that
 * run jobs and sweep expired ones away.
 *
 * A job accepted by r2g_jobs_submit is on disk, input and record, before the call returns (but for one-shot ones); after
 * kill -9 of anything it is queued again, finished, or failed with a reason when the gateway is started again.
 */
#ifndef R2G_GATEWAY_JOBS_H
#define R2G_GATEWAY_JOBS_H

#include <jansson.h>
#include <limits.h>
#include <stddef.h>

#include "gateway/job.h"
#include "gateway/settings.h"

struct r2g_jobs;

/* Opens spool and store, cleans up after a crash, starts the threads. R2G_EUSAGE if another gateway uses the spool,
 * R2G_EOUTPUT if it cannot be used, naming it; `settings` must outlive it. */
R2G_MUST_CHECK r2g_status r2g_jobs_open(struct r2g_jobs **jobs, const struct r2g_settings *settings,
                                        struct r2g_error *err);
/* Refuses what comes from now on (R2G_PROBLEM_STOPPING) and wakes every waiting call below; they return soon. */
void r2g_jobs_stop(struct r2g_jobs *jobs);
/* After r2g_jobs_stop, when no other call is under way: ends what runs (it is queued again), joins, closes. */
void r2g_jobs_close(struct r2g_jobs *jobs);

/* ---- receiving a file ---- */

/* A file on its way in: SPOOL/incoming/RANDOM, counted against the quota as it grows. One owner at a time. */
struct r2g_incoming;
/* Whether a job of this client could be accepted now: QUEUE_FULL, QUOTA_FULL, TOO_LARGE, STOPPING. nbytes: of its body,
 * or -1 where not known. To be asked before a body is read, and answered again by r2g_jobs_submit. */
R2G_MUST_CHECK enum r2g_problem r2g_jobs_admit(struct r2g_jobs *jobs, const char *client, int64_t nbytes,
                                               struct r2g_error *err);
R2G_MUST_CHECK enum r2g_problem r2g_incoming_new(struct r2g_incoming **incoming, struct r2g_jobs *jobs,
                                                 struct r2g_error *err);
/* Appends. TOO_LARGE past the limit of bytes, QUOTA_FULL (also for a full disk), INTERNAL for other write errors. */
R2G_MUST_CHECK enum r2g_problem r2g_incoming_append(struct r2g_incoming *incoming, const void *bytes, size_t nbytes,
                                                    struct r2g_error *err);
uint64_t r2g_incoming_nbytes(const struct r2g_incoming *incoming);
/* Removes the file unless it was submitted. NULL does nothing. */
void r2g_incoming_free(struct r2g_incoming *incoming);

/* Accepts the file as a job. In: client, name, options, one_shot of *job; out: all of it. Its header is looked at first
 * (no pixel is decoded): UNSUPPORTED_IMAGE, TOO_MANY_PIXELS, CORRUPT_IMAGE where that can be told; QUEUE_FULL, QUOTA_FULL,
 * STOPPING, INTERNAL. On success the incoming file has become the job's, and only r2g_incoming_free may follow. */
R2G_MUST_CHECK enum r2g_problem r2g_jobs_submit(struct r2g_jobs *jobs, struct r2g_incoming *incoming,
                                                struct r2g_job *job, struct r2g_error *err);

/* ---- resumable uploads (tus): SPOOL/uploads/ID and a row of the store; they survive a restart ---- */

struct r2g_upload {
    char id[R2G_ID_NBYTES];
    char client[80];
    uint64_t nbytes;     /* in all, as declared */
    uint64_t offset;     /* received and on disk */
    char metadata[2048]; /* Upload-Metadata as it came */
    int64_t expires_ms;
    char job[R2G_ID_NBYTES]; /* the job that it became, or "" */
};
/* In: client, nbytes, metadata. QUOTA_FULL (all of nbytes are set aside), TOO_LARGE, STOPPING. */
R2G_MUST_CHECK enum r2g_problem r2g_upload_create(struct r2g_jobs *jobs, struct r2g_upload *upload,
                                                  struct r2g_error *err);
/* NOT_FOUND (also for another client's), GONE where it has expired. */
R2G_MUST_CHECK enum r2g_problem r2g_upload_get(struct r2g_jobs *jobs, const char *id, const char *client,
                                               struct r2g_upload *upload, struct r2g_error *err);
/* Writing at its end; one writer at a time (CONFLICT), which must begin at the offset (CONFLICT, told in the text). */
struct r2g_upload_writer;
R2G_MUST_CHECK enum r2g_problem r2g_upload_writer_open(struct r2g_upload_writer **writer, struct r2g_jobs *jobs,
                                                       const char *id, const char *client, uint64_t offset,
                                                       struct r2g_error *err);
/* TOO_LARGE past the declared length. */
R2G_MUST_CHECK enum r2g_problem r2g_upload_writer_append(struct r2g_upload_writer *writer, const void *bytes,
                                                         size_t nbytes, struct r2g_error *err);
/* Syncs what came, also after a dropped connection; *upload gets the new offset and expiry. */
R2G_MUST_CHECK enum r2g_problem r2g_upload_writer_close(struct r2g_upload_writer *writer, struct r2g_upload *upload,
                                                        struct r2g_error *err);
R2G_MUST_CHECK enum r2g_problem r2g_upload_remove(struct r2g_jobs *jobs, const char *id, const char *client,
                                                  struct r2g_error *err);
/* Makes a job of a complete upload, once: asked again it returns the same job (so that a lost answer can be repeated), and
 * *created tells. CONFLICT if it is not complete; else as r2g_jobs_submit. */
R2G_MUST_CHECK enum r2g_problem r2g_upload_submit(struct r2g_jobs *jobs, const char *id, struct r2g_job *job,
                                                  bool *created, struct r2g_error *err);

/* ---- asking ---- */

/* `client`: whose jobs may be seen; NULL: all (a caller that knows an ID where no tokens are used). NOT_FOUND, GONE. */
R2G_MUST_CHECK enum r2g_problem r2g_jobs_get(struct r2g_jobs *jobs, const char *id, const char *client,
                                             struct r2g_job *job, struct r2g_error *err);
/* Newest first: up to `most` jobs of `client` with number < before (0: from the newest), only in `state` unless that is
 * R2G_JOB_STATES. Calls `each` for every one until it returns false. One-shot jobs are part of it once ended. */
R2G_MUST_CHECK enum r2g_problem r2g_jobs_list(struct r2g_jobs *jobs, const char *client, enum r2g_job_state state,
                                              int64_t before, unsigned most,
                                              bool (*each)(void *user, const struct r2g_job *job), void *user,
                                              struct r2g_error *err);
/* Jobs that are served before this queued one; 0 when it is next, -1 when it is not queued. */
int64_t r2g_jobs_position(struct r2g_jobs *jobs, const char *id);
/* Waits until the job has ended, or timeout_ms, or r2g_jobs_stop; *job is its state then. */
R2G_MUST_CHECK enum r2g_problem r2g_jobs_wait(struct r2g_jobs *jobs, const char *id, int timeout_ms,
                                              struct r2g_job *job, struct r2g_error *err);
/* Cancels a job that has not ended (it ends as cancelled; returns before its processes are gone); removes one that has,
 * with its files, and forgets it (of a one-shot job first the files, and the record, kept for the figures, when asked again).
 * *removed tells which. */
R2G_MUST_CHECK enum r2g_problem r2g_jobs_delete(struct r2g_jobs *jobs, const char *id, const char *client,
                                                bool *removed, struct r2g_error *err);

/* One of the job's files for reading: "original", "result", "report.json", or one that a preview made. The descriptor
 * stays good when the job is removed. NOT_READY, NOT_FOUND, GONE. */
R2G_MUST_CHECK enum r2g_problem r2g_jobs_open_file(struct r2g_jobs *jobs, const struct r2g_job *job, const char *file,
                                                   int *fd, uint64_t *nbytes, struct r2g_error *err);
/* The path of a file in the job's folder, for a child process. */
void r2g_jobs_path(const struct r2g_jobs *jobs, const char *id, const char *file, char path[PATH_MAX]);
/* Counts bytes that a preview added to the job's folder, or refuses: QUOTA_FULL. Given back when the job is removed. */
R2G_MUST_CHECK enum r2g_problem r2g_jobs_take_space(struct r2g_jobs *jobs, const char *id, uint64_t nbytes,
                                                    struct r2g_error *err);

/* ---- events ---- */

/* What happens to a job, in order: "queued", "running", "progress", "retry", "slurm", and at last "done", "failed" or
 * "cancelled"; then "removed" or "expired". Numbers rise by one a job from 1. Progress is not kept: it has the number 0. */
struct r2g_event {
    int64_t number;
    char kind[16];
    char data[2048]; /* one line of JSON */
};
/* The next event after number `after`, waiting up to timeout_ms. *got is false when none came. *progress_seen (start with
 * 0) keeps progress from being told twice; only the newest is told. NOT_FOUND, GONE. */
R2G_MUST_CHECK enum r2g_problem r2g_jobs_next_event(struct r2g_jobs *jobs, const char *id, int64_t after,
                                                    int64_t *progress_seen, int timeout_ms, struct r2g_event *event,
                                                    bool *got, struct r2g_error *err);

/* ---- figures ---- */

struct r2g_jobs_figures {
    uint64_t in_state[R2G_JOB_STATES]; /* now, of those kept */
    uint64_t spool_nbytes, quota_nbytes;
    uint64_t queue_limit;
    unsigned pool_ranks; /* 0: no pool is up */
    uint64_t pool_restarts;
};
void r2g_jobs_figures(struct r2g_jobs *jobs, struct r2g_jobs_figures *figures);
/* Whether jobs can be taken and run: disk writable, store answering, launcher found. One line in *err if not. */
R2G_MUST_CHECK r2g_status r2g_jobs_ready(struct r2g_jobs *jobs, struct r2g_error *err);

#endif
