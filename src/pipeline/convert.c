#include "pipeline/convert.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/compare.h"
#include "pipeline/distributed.h"
#include "pipeline/sequential.h"

/* Where every rank is, and what launch cost. */
static r2g_status fill_world(struct r2g_comm *comm, struct r2g_report *report, struct r2g_error *err) {
    struct r2g_rank_place mine = r2g_own_place();
    int size = comm != NULL ? comm->size : 1;
    bool root = comm == NULL || comm->rank == 0;
    r2g_status status = R2G_OK;
    if (root) {
        report->rank_count = size;
        report->host_count = comm != NULL ? comm->host_count : 1;
        report->mpi_init_ns = comm != NULL ? comm->init_ns : -1;
        report->launch_ns = comm != NULL ? comm->launch_ns : -1;
        report->places = r2g_new((size_t)size * sizeof *report->places, err);
        if (report->places == NULL)
            status = R2G_ENOMEM;
    }
    if (comm == NULL) {
        if (status == R2G_OK)
            report->places[0] = mine;
        return status;
    }
    status = r2g_agree(comm, status, err);
    if (status != R2G_OK)
        return status;
    int nbytes = (int)sizeof mine;
    return r2g_mpi_check(MPI_Gather(&mine, nbytes, MPI_BYTE, report->places, nbytes, MPI_BYTE, 0, comm->mpi),
                         "MPI_Gather", err);
}

static r2g_status fill_run(struct r2g_comm *comm, const struct r2g_run_result *result, struct r2g_report *report,
                           struct r2g_error *err) {
    struct r2g_rank_times *all = NULL;
    r2g_status status = R2G_OK;
    if (comm->rank == 0) {
        all = r2g_new((size_t)comm->size * sizeof *all, err);
        status = all != NULL ? R2G_OK : R2G_ENOMEM;
    }
    status = r2g_agree(comm, status, err);
    if (status == R2G_OK)
        status = r2g_gather_times(comm, &result->times, all, err);
    if (comm->rank != 0)
        return status;
    report->parallel = (struct r2g_run){.wall_ns = result->wall_ns,
                                        .min_ns = result->wall_ns,
                                        .max_ns = result->wall_ns,
                                        .run_count = all != NULL,
                                        .rank_count = comm->size,
                                        .ranks = all};
    return status;
}

static r2g_status convert(struct r2g_comm *comm, const struct r2g_request *request, struct r2g_run_result *result,
                          struct r2g_report *report, struct r2g_error *err) {
    bool root = comm == NULL || comm->rank == 0, compare = request->mode == R2G_MODE_COMPARE;
    r2g_status status = compare ? r2g_compare(comm, request, result, report, err)
                                : r2g_distributed_file(comm, request, result, report, err);
    if (status != R2G_OK)
        return status;
    status = fill_world(comm, report, err);
    if (comm != NULL)
        status = r2g_agree(comm, status, err);
    if (status != R2G_OK || request->mode == R2G_MODE_EXPLAIN)
        return status;
    if (!compare)
        status = fill_run(comm, result, report, err);
    if (comm != NULL)
        status = r2g_agree(comm, status, err);
    /* Last of all, and nothing is agreed on afterwards: what stands under its name is not called a failure. */
    return status == R2G_OK && root ? r2g_convert_commit(result, compare, report, err) : status;
}

r2g_status r2g_convert(struct r2g_comm *comm, const struct r2g_request *request, struct r2g_report *report,
                       struct r2g_error *err) {
    if (comm == NULL && request->mode != R2G_MODE_COMPARE)
        return r2g_convert_alone(request, report, err);
    struct r2g_run_result result = {0};
    memset(report, 0, sizeof *report);
    r2g_status status = convert(comm, request, &result, report, err);
    r2g_output_close(result.output);
    return status;
}
