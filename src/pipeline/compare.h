/* Sequential and parallel in one run: the same conversion both ways, in turn, timed, and the outputs compared. */
#ifndef R2G_PIPELINE_COMPARE_H
#define R2G_PIPELINE_COMPARE_H

#include "parallel/comm.h"
#include "pipeline/sequential.h"

/* Collective; comm NULL: alone (then the parallel run is a second sequential one). Runs both ways request->run_count
 * times in turn. result->output is the last parallel run's, not committed; the caller closes it in every case. Fills the
 * runs and kernel figures of *report on rank 0. R2G_EDIFFER if outputs are not the same. */
R2G_MUST_CHECK r2g_status r2g_compare(struct r2g_comm *comm, const struct r2g_request *request,
                                      struct r2g_run_result *result, struct r2g_report *report, struct r2g_error *err);

#endif
