/* What remains of a batch for others: statistics and a manifest, made from the journal when the work is over. Rank 0. */
#ifndef R2G_CLI_BATCH_STATS_H
#define R2G_CLI_BATCH_STATS_H

#include "base/output.h"
#include "cli/options.h"

enum { R2G_BATCH_CSV, R2G_BATCH_JSONL, R2G_BATCH_MANIFEST, R2G_BATCH_STATS_COUNT };

struct r2g_batch_stats {
    struct r2g_output *outputs[R2G_BATCH_STATS_COUNT]; /* NULL: not wanted */
};

/* Opens what the command line asks for, so that a place that cannot be written is known before any work is done.
 * `resumed`: those of an earlier run are replaced. R2G_EOUTPUT, R2G_EEXISTS. Call r2g_batch_stats_close in every case. */
R2G_MUST_CHECK r2g_status r2g_batch_stats_open(struct r2g_batch_stats *stats, const struct r2g_cli *cli, bool resumed,
                                               struct r2g_error *err);
/* Fills them from the journal in `folder`, and gives them their names. A row or line for each image, in the order of the
 * ranks' work; the manifest's names are relative to the output folder. */
R2G_MUST_CHECK r2g_status r2g_batch_stats_write(struct r2g_batch_stats *stats, const struct r2g_cli *cli,
                                                const char *folder, struct r2g_error *err);
void r2g_batch_stats_close(struct r2g_batch_stats *stats);

/* The SHA-256 of a file in hexadecimal. R2G_EOUTPUT naming it. */
R2G_MUST_CHECK r2g_status r2g_batch_digest(const char *path, char text[65], struct r2g_error *err);

#endif
