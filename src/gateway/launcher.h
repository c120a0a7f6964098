/* Ways to run a job: one table, one file each.
 *
 * A launcher runs one attempt after another, each in the thread of a worker, and says how it ended; what that means for
 * the job is decided by others (outcome.h). It leaves no process behind.
 */
#ifndef R2G_GATEWAY_LAUNCHER_H
#define R2G_GATEWAY_LAUNCHER_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

#include "gateway/job.h"
#include "gateway/settings.h"

struct r2g_jobs;
struct r2g_live;

enum r2g_attempt_end {
    R2G_ATTEMPT_EXITED,       /* the program ended by itself, with exit_code */
    R2G_ATTEMPT_CRASHED,      /* it, or a part of it, was ended by something else: may be tried again */
    R2G_ATTEMPT_STOPPED,      /* through stop_fd */
    R2G_ATTEMPT_TOO_LONG,     /* its wall limit */
    R2G_ATTEMPT_NOT_LAUNCHED, /* it could not be started */
};

/* One run of the program for one job. Of the worker's thread. */
struct r2g_attempt {
    struct r2g_jobs *jobs;
    struct r2g_live *live;
    struct r2g_job job;    /* the owner's copy; changes are published by the functions below */
    char folder[PATH_MAX]; /* the job's; outputs are `result` and `report.json` in it */
    int stop_fd;           /* readable: end the attempt */
    int64_t wall_ms;       /* it may take; 0: no limit */
    bool adopted;          /* look for what an earlier gateway started before starting anything */
    /* out */
    enum r2g_attempt_end end;
    int exit_code;
    char text[400]; /* the program's one line, or why it could not be run; paths of the spool may be in it */
};

struct r2g_launcher {
    const char *name;
    /* Whether an attempt could be made now; *err says what is missing. */
    bool (*ready)(const struct r2g_jobs *jobs, struct r2g_error *err);
    /* Runs the program for attempt->job and waits for its end, stop_fd or wall_ms; fills what goes out. */
    void (*run)(struct r2g_attempt *attempt);
};

extern const struct r2g_launcher r2g_launcher_mpirun, r2g_launcher_pool, r2g_launcher_slurm;

/* By its name, or NULL. */
const struct r2g_launcher *r2g_launcher_by_name(const char *name);

/* Fills how an attempt ended. */
void r2g_attempt_ended(struct r2g_attempt *attempt, enum r2g_attempt_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A line that the program printed: progress is passed on, the line that explains a failure is kept in attempt->text. */
void r2g_attempt_line(struct r2g_attempt *attempt, const char *line);
/* Progress as the program tells it (borrowed). */
void r2g_attempt_progress(struct r2g_attempt *attempt, const json_t *progress);
/* Publishes attempt->job with an event. */
void r2g_attempt_record(struct r2g_attempt *attempt, const char *kind, json_t *data);
/* Whether its job was asked to be cancelled. */
bool r2g_attempt_cancelled(const struct r2g_attempt *attempt);

/* The program's arguments for this job, without its path, NULL-terminated. `with_report`: it writes report.json.part and prints
 * progress. `ranks`: -n and the host file are among them. One block: free() it. NULL: no memory. */
const char **r2g_attempt_arguments(const struct r2g_attempt *attempt, bool with_report, bool ranks,
                                   struct r2g_error *err);

/* ---- the pool ---- */

struct r2g_pool;
/* Starts the thread that keeps a world up; with `now` it is started at once, else for the first job. */
R2G_MUST_CHECK r2g_status r2g_pool_open(struct r2g_pool **pool, const struct r2g_jobs *jobs, bool now,
                                        struct r2g_error *err);
void r2g_pool_close(struct r2g_pool *pool);
/* Ranks of the world that is up, or 0; how often it was started anew; whether a job should be given to it now. */
unsigned r2g_pool_ranks(struct r2g_pool *pool);
uint64_t r2g_pool_restarts(struct r2g_pool *pool);
bool r2g_pool_usable(struct r2g_pool *pool);

/* ---- Slurm ---- */

struct r2g_slurm;
R2G_MUST_CHECK r2g_status r2g_slurm_open(struct r2g_slurm **slurm, const struct r2g_jobs *jobs, struct r2g_error *err);
void r2g_slurm_close(struct r2g_slurm *slurm);
/* scancel, by Slurm's number of the job. */
void r2g_slurm_cancel(struct r2g_slurm *slurm, const char *number);

#endif
