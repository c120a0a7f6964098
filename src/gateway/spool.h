/* The folder in which everything lies, and the bytes that it may hold.
 *
 *     lock          held by the one gateway that uses the spool
 *     store.db      see store.h
 *     incoming/     files on their way in; gone after a restart
 *     uploads/ID    resumable uploads
 *     jobs/ID/      a job's files
 *     trash/ID      what is being removed
 *     pool/         the pool's socket
 *     pool-tmp/     its temporary files
 *
 * All folders are 0700, all files 0600. Names are ids made here, or fixed words: nothing that a client sends is part of a
 * path. Any thread; what works on one job's folder is called by one thread at a time.
 */
#ifndef R2G_GATEWAY_SPOOL_H
#define R2G_GATEWAY_SPOOL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/job.h"

struct r2g_spool;

/* Makes what is missing, takes the lock, empties incoming and trash. R2G_EUSAGE if another gateway has it; R2G_EOUTPUT. */
R2G_MUST_CHECK r2g_status r2g_spool_open(struct r2g_spool **spool, const char *path, uint64_t quota_nbytes,
                                         struct r2g_error *err);
void r2g_spool_close(struct r2g_spool *spool);
/* Absolute. */
const char *r2g_spool_path(const struct r2g_spool *spool);

/* The quota: takes bytes, or none and false; gives them back. */
bool r2g_spool_take(struct r2g_spool *spool, uint64_t nbytes);
/* Counts what is there already, even beyond the quota. */
void r2g_spool_count(struct r2g_spool *spool, uint64_t nbytes);
void r2g_spool_give(struct r2g_spool *spool, uint64_t nbytes);
uint64_t r2g_spool_used(const struct r2g_spool *spool);

/* QUOTA_FULL for a full disk, else INTERNAL, with a text that names no path. */
enum r2g_problem r2g_spool_problem(struct r2g_error *err, int sys_errno, const char *what);

/* The folders that hold files of one kind. */
enum r2g_spool_place {
    R2G_SPOOL_INCOMING,
    R2G_SPOOL_UPLOADS,
    R2G_SPOOL_JOBS,
    R2G_SPOOL_TRASH,
    R2G_SPOOL_POOL,
    R2G_SPOOL_POOL_TMP,
    R2G_SPOOL_PLACES
};

/* Opens the file `id` of incoming or uploads, or makes it (`create`). Returns a descriptor, or -1 and errno. */
int r2g_spool_open_file(const struct r2g_spool *spool, enum r2g_spool_place place, const char *id, bool create);
/* Removes it; nothing happens where there is none. */
void r2g_spool_remove_file(const struct r2g_spool *spool, enum r2g_spool_place place, const char *id);
/* Syncs a place's folder, so that names made in it last. Returns 0 or errno. */
int r2g_spool_sync(const struct r2g_spool *spool, enum r2g_spool_place place);

/* Makes the folder of job `id` with the file as its `original`. An incoming file is moved there, an upload linked, so that
 * it is still an upload until r2g_spool_remove_file. `fd` is the file: with `durable` all of it is on disk before the
 * return. On failure (0 is success, else errno) there is no folder. */
int r2g_spool_make_job(const struct r2g_spool *spool, enum r2g_spool_place place, const char *file_id, int fd,
                       const char *id, bool durable);
/* The job's folder as a descriptor, or -1 and errno. */
int r2g_spool_open_job(const struct r2g_spool *spool, const char *id);
/* Bytes of the files in the job's folder; but for those that a run makes, with `run_under_way`: its end counts them. */
uint64_t r2g_spool_measure_job(const struct r2g_spool *spool, const char *id, bool run_under_way);
/* Moves the folder to the trash, so that no half of it is left at any time, and removes it there. */
void r2g_spool_remove_job(const struct r2g_spool *spool, const char *id);
/* Removes what a run left beside the files that belong to a job: its temporary folder, outputs not finished. */
void r2g_spool_tidy_job(const struct r2g_spool *spool, const char *id);
/* Removes also the outputs that are finished: of a run whose end was not written down, or that is not wanted. */
void r2g_spool_remove_outputs(const struct r2g_spool *spool, const char *id, bool report_too);

/* Removes all that is in a place. */
void r2g_spool_empty(const struct r2g_spool *spool, enum r2g_spool_place place);
/* A place's folder, as a descriptor that is the spool's. */
int r2g_spool_place_fd(const struct r2g_spool *spool, enum r2g_spool_place place);

/* Calls `each` for every name in a place. */
void r2g_spool_each(const struct r2g_spool *spool, enum r2g_spool_place place,
                    void (*each)(void *user, const char *name), void *user);

/* Whether a file can be made and written: 0 or errno. */
int r2g_spool_probe(const struct r2g_spool *spool);

#endif
