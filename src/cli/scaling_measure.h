/* Running the program over and over for `rgb2gray bench scaling`. Main thread only. */
#ifndef R2G_CLI_SCALING_MEASURE_H
#define R2G_CLI_SCALING_MEASURE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/scaling_options.h"
#include "cli/scaling_runs.h"

struct r2g_scaling_plan {
    const char *in_path;    /* the user's picture, or NULL: one is made */
    uint32_t width, height; /* of the made one */
    struct r2g_scaling_counts counts;
    const char *hostfile; /* or NULL */
    const char *format;   /* of the outputs: a codec's name */
    const char *ending;   /* of their names, without the dot */
    int run_count;        /* of each kind at each number of ranks */
    const char *folder;   /* for pictures and outputs: theirs alone, emptied by the caller */
    bool tell;            /* how far it is, on standard error */
    const volatile sig_atomic_t *stop;
};

/* Measures strong and weak scaling and adds a row for each run that counts. A failed run's status, with the number of ranks
 * and the reason in the text; R2G_EOUTPUT, R2G_ENOMEM; R2G_ECANCELED once *stop is set. */
R2G_MUST_CHECK r2g_status r2g_scaling_measure(const struct r2g_scaling_plan *plan, struct r2g_scaling_runs *runs,
                                              struct r2g_error *err);

#endif
