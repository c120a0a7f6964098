/* How long images take, and which of them are worth splitting. Pure. */
#ifndef R2G_CLI_BATCH_COST_H
#define R2G_CLI_BATCH_COST_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/job.h"

/* About how long one process takes for a conversion, nanoseconds, from its header: measured per pixel and format on one
 * machine, so that only the ratios between images mean anything. */
int64_t r2g_batch_cost(const struct r2g_job *job);

/* Whether ranks can share the conversion's work at all. */
bool r2g_batch_can_split(const struct r2g_job *job);

/* What is known when a rank asks for work and the largest image left can be split. All in the same unit. */
struct r2g_batch_load {
    int rank_count;
    int64_t largest;      /* the image at hand */
    int64_t rest;         /* all other images that nobody has yet */
    int64_t busy_sum;     /* what the ranks at work have still to do */
    int64_t busy_longest; /* the most that one of them has */
};

/* True where the run ends sooner if the image is kept to the end and then split over all ranks: that is where the others
 * have not enough to do while one rank converts it alone. */
bool r2g_batch_split(const struct r2g_batch_load *load);

#endif
