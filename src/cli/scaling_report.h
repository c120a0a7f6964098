/* What a run's own report (report.schema.json) says, as a row of scaling.csv. */
#ifndef R2G_CLI_SCALING_REPORT_H
#define R2G_CLI_SCALING_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/scaling_runs.h"

/* Fills all of *run but its kind, repeat, setting, input and machine. Its texts are the report's: it must stay until they
 * have been copied. False where this is no report of a conversion that was done. */
bool r2g_scaling_from_report(const json_t *report, struct r2g_scaling_run *run);

/* Whether all ranks ran on the host of this name. */
bool r2g_scaling_ran_on(const json_t *report, const char *host);

#endif
