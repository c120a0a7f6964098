/* Where reports go: standard output, or a file that appears when all is done. Rank 0's main thread. */
#ifndef R2G_CLI_SINK_H
#define R2G_CLI_SINK_H

#include <stdio.h>

#include "cli/options.h"
#include "cli/report_print.h"

struct r2g_cli_sink {
    FILE *file;                /* NULL: no report is wanted */
    struct r2g_output *output; /* the report file, or NULL */
    char *bytes;               /* what is collected for it */
    size_t nbytes;
    unsigned report_count; /* so far */
};

/* Opens what cli->report and cli->report_file ask for, early, so that a place that cannot be written is known before
 * any work is done. R2G_EOUTPUT naming the file, R2G_ENOMEM. Close it in every case. */
R2G_MUST_CHECK r2g_status r2g_cli_sink_open(struct r2g_cli_sink *sink, const struct r2g_cli *cli,
                                            struct r2g_error *err);
/* Writes the report file, if `keep`, and closes. R2G_EOUTPUT naming it. */
R2G_MUST_CHECK r2g_status r2g_cli_sink_close(struct r2g_cli_sink *sink, bool keep, struct r2g_error *err);

/* Prints one report of the kind wanted, if any is. R2G_ENOMEM, R2G_EOUTPUT. */
R2G_MUST_CHECK r2g_status r2g_cli_report(struct r2g_cli_sink *sink, enum r2g_cli_report kind,
                                         const struct r2g_cli_outcome *outcome, struct r2g_error *err);

#endif
