/* A conversion from file to file: alone or over the ranks of a communicator.
 *
 * r2g_comm is of parallel/comm.h; programs that never start MPI pass NULL.
 */
#ifndef R2G_PIPELINE_CONVERT_H
#define R2G_PIPELINE_CONVERT_H

#include <rgb2gray/convert.h>

#include "pipeline/report.h"

struct r2g_comm;

enum r2g_mode {
    R2G_MODE_CONVERT,
    R2G_MODE_EXPLAIN, /* fill the report as far as it is known without running; no output is made */
    R2G_MODE_COMPARE, /* sequential and parallel in turn, several times; outputs compared */
};

struct r2g_request {
    const char *in_path, *out_path; /* "-": standard input or output */
    struct r2g_options options;
    enum r2g_mode mode;
    int run_count; /* of each kind, when comparing; at least 1 */
};

/* Collective over comm (every rank passes the same request); comm NULL: alone, no MPI call. *report is filled on rank 0
 * (zeroed elsewhere) as far as the work came, also on failure. All ranks return the same status and text, but for a
 * failure to give the output its name, which is the last step and rank 0's alone. R2G_EDIFFER when compared outputs
 * differ (the parallel output is not kept then). */
R2G_MUST_CHECK r2g_status r2g_convert(struct r2g_comm *comm, const struct r2g_request *request,
                                      struct r2g_report *report, struct r2g_error *err);

/* The same with comm NULL, but not R2G_MODE_COMPARE: what a program without MPI calls. */
R2G_MUST_CHECK r2g_status r2g_convert_alone(const struct r2g_request *request, struct r2g_report *report,
                                            struct r2g_error *err);

#endif
