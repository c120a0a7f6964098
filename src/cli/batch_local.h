/* Rank 0's own share of a batch, done by a second thread, one task at a time, while the main thread gives out the rest. */
#ifndef R2G_CLI_BATCH_LOCAL_H
#define R2G_CLI_BATCH_LOCAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "cli/batch_work.h"

/* worker, task and outcome are the second thread's while `given`. */
struct r2g_batch_local {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool given, quit;
    atomic_bool done;
    struct r2g_batch_worker *worker;
    struct r2g_batch_task *task;
    struct r2g_batch_outcome outcome;
};

/* Starts the thread. R2G_ENOMEM; then there is nothing to end. */
R2G_MUST_CHECK r2g_status r2g_batch_local_begin(struct r2g_batch_local *local, struct r2g_batch_worker *worker,
                                                struct r2g_error *err);
/* Waits for the task at hand, if there is one, and ends the thread. */
void r2g_batch_local_end(struct r2g_batch_local *local);

/* Gives it a task, which stays the caller's; the one before must have been taken back. */
void r2g_batch_local_give(struct r2g_batch_local *local, struct r2g_batch_task *task);
/* Whether the task is done: then what came of it is in local->outcome, to be freed by the caller. */
bool r2g_batch_local_is_done(struct r2g_batch_local *local);

#endif
