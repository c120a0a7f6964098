/* A distributed run from file to file. Wall time is rank 0's, from the moment all ranks stand ready. */
#include "base/clock.h"
#include "pipeline/distributed.h"

#include <string.h>

r2g_status r2g_gather_times(struct r2g_comm *comm, const struct r2g_rank_times *mine, struct r2g_rank_times *all,
                            struct r2g_error *err) {
    if (comm == NULL) {
        *all = *mine;
        return R2G_OK;
    }
    return r2g_mpi_check(MPI_Gather(mine, (int)sizeof *mine, MPI_BYTE, all, (int)sizeof *mine, MPI_BYTE, 0, comm->mpi),
                         "MPI_Gather", err);
}

/* Rank 0: what the run found out, in the report. */
static r2g_status fill_report(const struct r2g_distributed *run, struct r2g_report *report, struct r2g_error *err) {
    report->plan = run->plan;
    report->input_shared = run->input_shared;
    report->output_shared = run->output_shared;
    return r2g_job_report(&run->job, run->request->out_path, &run->request->options, report, err);
}

r2g_status r2g_distributed_file(struct r2g_comm *comm, const struct r2g_request *request, struct r2g_run_result *result,
                                struct r2g_report *report, struct r2g_error *err) {
    memset(result, 0, sizeof *result);
    struct r2g_distributed run = {0};
    bool root = comm->rank == 0, explain = request->mode == R2G_MODE_EXPLAIN;
    r2g_status status = r2g_mpi_check(MPI_Barrier(comm->mpi), "MPI_Barrier", err);
    int64_t start = r2g_clock_ns();
    status = r2g_agree(comm, status, err);
    if (status != R2G_OK)
        return status;
    status = r2g_distributed_open(&run, comm, request, err);
    result->output = run.output;
    if (status == R2G_OK) {
        if (root)
            status = fill_report(&run, report, err);
        status = r2g_agree(comm, status, err);
    }
    if (status == R2G_OK && !explain)
        status = r2g_distributed_run(&run, &result->times, err);
    if (root && run.job.decoder != NULL)
        r2g_job_report_notes(&run.job, report);
    r2g_distributed_close(&run);
    result->wall_ns = r2g_clock_ns() - start;
    return status;
}
