/* Rank 0's part of a batch: finds the images, gives them out, and counts what came of them.
 *
 * The main thread does this and nothing else: it makes the MPI calls, while rank 0's own share is done by a second thread.
 * It never waits for a rank, and each message is about several images, so that it has time for many ranks. What is held
 * at once is a window of images, whatever their number. */
#ifndef R2G_CLI_BATCH_COORDINATOR_H
#define R2G_CLI_BATCH_COORDINATOR_H

#include "cli/batch_inputs.h"
#include "cli/batch_set.h"
#include "cli/batch_work.h"
#include "parallel/comm.h"

/* What one rank has done. */
struct r2g_batch_rank {
    char host[64];
    int first_on_host; /* the lowest rank there */
    uint64_t done_count, in_nbytes;
    int64_t busy_ns;
    bool gets_inputs;     /* they are sent to it: it was found not to see them */
    bool returns_outputs; /* it does not see the output folder */
};

struct r2g_batch_totals {
    uint64_t found_count, done_count, failed_count, skipped_count; /* skipped: an earlier run had done them */
    uint64_t in_nbytes, out_nbytes, passed_over_count;
    int64_t wall_ns;
    bool all_found;
    bool stopped;           /* by a signal */
    struct r2g_error fatal; /* what ended the run early */
    int rank_count;
    struct r2g_batch_rank *ranks; /* rank_count of them */
};

struct r2g_batch_plan;

struct r2g_batch_coordinator {
    const struct r2g_cli *cli;
    struct r2g_comm *comm; /* NULL: alone */
    struct r2g_batch_worker *worker;
    const char *folder; /* the journal's */
    struct r2g_batch_set *seen;
    struct r2g_batch_totals *totals;
    struct r2g_batch_plan *plan;   /* NULL: convert. Else images are planned instead of converted; see batch_plan.h */
    struct r2g_batch_queue *split; /* receives the pictures to be split over all ranks */
    void (*tell)(void *user, bool last);                       /* progress, from time to time */
    void (*line)(void *user, const char *text, size_t nbytes); /* a failure, for people */
    void *user;
};

/* Runs until every other rank has been told that this is over. R2G_EMPI, R2G_ENOMEM; else how it went is in *totals. */
R2G_MUST_CHECK r2g_status r2g_batch_coordinate(struct r2g_batch_coordinator *coordinator, struct r2g_error *err);

/* The other ranks' part: asks for tasks and does them until there are none. */
R2G_MUST_CHECK r2g_status r2g_batch_serve(struct r2g_comm *comm, struct r2g_batch_worker *worker,
                                          struct r2g_error *err);

#endif
