/* A batch's plan, printed image by image: --explain. What is held is a figure a rank. Rank 0's main thread. */
#ifndef R2G_CLI_BATCH_PLAN_H
#define R2G_CLI_BATCH_PLAN_H

#include "cli/batch_coordinator.h"

struct r2g_batch_plan {
    const struct r2g_cli *cli;
    int rank_count;
    struct planned_rank {
        uint64_t count;
        int64_t cost_ns;
    } * ranks; /* owned */
    uint64_t count, split_count;
    int64_t split_ns;
    bool begun;
};

/* R2G_ENOMEM. Close it in every case. */
R2G_MUST_CHECK r2g_status r2g_batch_plan_open(struct r2g_batch_plan *plan, const struct r2g_cli *cli, int rank_count,
                                              struct r2g_error *err);
void r2g_batch_plan_close(struct r2g_batch_plan *plan);

/* Plans what waits in `ready`, the longest first, each for the rank that would be free first: where nothing is known of the
 * ranks' speeds that is the one that takes it. `last`: no more will come, so that splitting is decided as at the end of a
 * run. Empties the queue, and prints. R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_batch_plan_queue(struct r2g_batch_plan *plan, struct r2g_batch_queue *ready, bool last,
                                               struct r2g_error *err);

/* Prints what it amounts to. R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_batch_plan_end(const struct r2g_batch_plan *plan, const struct r2g_batch_totals *totals,
                                             struct r2g_error *err);

#endif
