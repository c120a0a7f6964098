/* Reports for people and for programs. Rank 0's main thread. */
#ifndef R2G_CLI_REPORT_PRINT_H
#define R2G_CLI_REPORT_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "pipeline/convert.h"

/* What is reported: a request, what became of it, and how it ended. */
struct r2g_cli_outcome {
    const struct r2g_request *request;
    const struct r2g_report *report;
    r2g_status status;
    const struct r2g_error *err; /* of a failure */
};

/* A page of text for 80 columns. */
void r2g_cli_report_text(FILE *file, const struct r2g_cli_outcome *outcome);

/* The object described by report.schema.json; NULL when out of memory. Free with json_decref. */
json_t *r2g_cli_report_json(const struct r2g_cli_outcome *outcome);

/* How many times as fast as one process the ranks were, and that divided by their number; 0 where not compared. */
double r2g_cli_speed_up(const struct r2g_report *report);

#endif
