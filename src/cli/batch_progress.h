/* What is said of a batch while it runs and when it has ended. Rank 0's main thread. */
#ifndef R2G_CLI_BATCH_PROGRESS_H
#define R2G_CLI_BATCH_PROGRESS_H

#include "cli/batch_coordinator.h"

struct r2g_batch_progress {
    const struct r2g_cli *cli;
    const struct r2g_batch_totals *totals;
    bool bar, json, shown;
    int64_t begin_ns, last_ns;
};

void r2g_batch_progress_begin(struct r2g_batch_progress *progress, const struct r2g_cli *cli,
                              const struct r2g_batch_totals *totals);
/* For struct r2g_batch_coordinator. */
void r2g_batch_progress_tell(void *user, bool last);
void r2g_batch_progress_line(void *user, const char *text, size_t nbytes);

/* The summary as --report asks for it, on standard output or in --report-file. R2G_EOUTPUT, R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_batch_summary(const struct r2g_cli *cli, const struct r2g_batch_totals *totals,
                                            uint64_t split_count, struct r2g_error *err);

#endif
