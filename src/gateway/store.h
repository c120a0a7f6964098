/* What is remembered: jobs, their events, uploads, and which ids were removed; in SQLite, SPOOL/store.db.
 *
 * One connection under a mutex of its own, which is never held while another lock is taken; any thread. The journal is a
 * write-ahead log. A durable write has been synced when the call returns; a lazy one survives the death of the process at
 * once, and a power cut only once the log was synced for another write. PRAGMA user_version counts the schema's steps.
 * All values are bound to prepared statements.
 */
#ifndef R2G_GATEWAY_STORE_H
#define R2G_GATEWAY_STORE_H

#include "gateway/job.h"
#include "gateway/jobs.h"

struct r2g_store;

enum r2g_durability { R2G_STORE_LAZY, R2G_STORE_DURABLE };

/* A job as it is kept. */
struct r2g_stored {
    struct r2g_job job;
    uint64_t space_nbytes; /* of its folder, as counted against the quota */
    unsigned deaths;       /* runs that ended because the gateway did */
};

/* Opens or makes the database and brings its schema up to date. R2G_EOUTPUT naming the file; R2G_EUSAGE where it was made
 * by a newer version. */
R2G_MUST_CHECK r2g_status r2g_store_open(struct r2g_store **store, const char *path, struct r2g_error *err);
void r2g_store_close(struct r2g_store *store);
/* A random id that the store was given when it was made. */
const char *r2g_store_id(const struct r2g_store *store);

/* All that follow: R2G_OK; R2G_EOUTPUT (err->sys_errno is ENOSPC for a full disk), R2G_ENOMEM. */

/* Writes the job, new or known, and adds events, in one transaction. `upload`: also notes that it became this job; or NULL. */
R2G_MUST_CHECK r2g_status r2g_store_put(struct r2g_store *store, const struct r2g_stored *stored,
                                        const struct r2g_event *events, size_t event_count, const char *upload,
                                        enum r2g_durability durability, struct r2g_error *err);
R2G_MUST_CHECK r2g_status r2g_store_get(struct r2g_store *store, const char *id, struct r2g_stored *stored, bool *found,
                                        struct r2g_error *err);
/* Fills up to `most` jobs, newest first, as r2g_jobs_list; `client` NULL: of all. */
R2G_MUST_CHECK r2g_status r2g_store_list(struct r2g_store *store, const char *client, enum r2g_job_state state,
                                         int64_t before, struct r2g_stored *stored, unsigned most, unsigned *count,
                                         struct r2g_error *err);
/* Up to `most` ids of ended jobs whose time was over at now_ms. */
R2G_MUST_CHECK r2g_status r2g_store_expired(struct r2g_store *store, int64_t now_ms, char (*ids)[R2G_ID_NBYTES],
                                            unsigned most, unsigned *count, struct r2g_error *err);
/* Adds to the space of a job (or takes away); *found is false where there is none. */
R2G_MUST_CHECK r2g_status r2g_store_add_space(struct r2g_store *store, const char *id, int64_t nbytes, bool *found,
                                              struct r2g_error *err);
/* The event of job `number` that follows number `after`. */
R2G_MUST_CHECK r2g_status r2g_store_event(struct r2g_store *store, int64_t number, int64_t after,
                                          struct r2g_event *event, bool *found, struct r2g_error *err);
R2G_MUST_CHECK r2g_status r2g_store_counts(struct r2g_store *store, uint64_t counts[R2G_JOB_STATES],
                                           struct r2g_error *err);
/* The highest number that a job ever had (of those not yet forgotten). */
R2G_MUST_CHECK r2g_status r2g_store_last_number(struct r2g_store *store, int64_t *number, struct r2g_error *err);

/* What is known of a removed job or upload. */
struct r2g_removed {
    char why[16];         /* "removed", "expired" */
    int64_t event_number; /* that telling of it has */
};
/* Forgets a job with its events and notes why; does nothing where there is none. */
R2G_MUST_CHECK r2g_status r2g_store_remove(struct r2g_store *store, const char *id, const char *why,
                                           struct r2g_error *err);
/* `client` as in r2g_jobs_get. */
R2G_MUST_CHECK r2g_status r2g_store_removed(struct r2g_store *store, const char *id, const char *client,
                                            struct r2g_removed *removed, bool *found, struct r2g_error *err);
/* Forgets removed ids noted before then_ms. */
R2G_MUST_CHECK r2g_status r2g_store_forget(struct r2g_store *store, int64_t then_ms, struct r2g_error *err);

/* Uploads; `offset` is not kept here: the file's size tells. */
R2G_MUST_CHECK r2g_status r2g_store_put_upload(struct r2g_store *store, const struct r2g_upload *upload,
                                               enum r2g_durability durability, struct r2g_error *err);
R2G_MUST_CHECK r2g_status r2g_store_get_upload(struct r2g_store *store, const char *id, struct r2g_upload *upload,
                                               bool *found, struct r2g_error *err);
R2G_MUST_CHECK r2g_status r2g_store_remove_upload(struct r2g_store *store, const char *id, const char *why,
                                                  struct r2g_error *err);
/* Up to `most` uploads that expire before then_ms, with an id behind `after` (""), in order. */
R2G_MUST_CHECK r2g_status r2g_store_uploads(struct r2g_store *store, int64_t then_ms, const char *after,
                                            struct r2g_upload *uploads, unsigned most, unsigned *count,
                                            struct r2g_error *err);
/* How many uploads of a client are no job yet, and the bytes that they announced. */
R2G_MUST_CHECK r2g_status r2g_store_sum_uploads(struct r2g_store *store, const char *client, uint64_t *count,
                                                uint64_t *nbytes, struct r2g_error *err);

#endif
