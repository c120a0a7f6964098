/* A conversion in this process alone, with its report: nothing here knows of MPI. */
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/convert.h"
#include "pipeline/sequential.h"

struct r2g_rank_place r2g_own_place(void) {
    struct r2g_rank_place place = {.cpu = sched_getcpu(), .pid = getpid()};
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        place.allowed_cpus = CPU_COUNT(&allowed);
    if (gethostname(place.host, sizeof place.host - 1) != 0)
        strcpy(place.host, "?");
    return place;
}

/* Gives the output its name. A comparison leaves this out of both sides' times. */
r2g_status r2g_convert_commit(struct r2g_run_result *result, bool compare, struct r2g_report *report,
                              struct r2g_error *err) {
    int64_t before_ns = result->wall_ns;
    r2g_status status = r2g_result_commit(result, report, err);
    int64_t commit_ns = result->wall_ns - before_ns;
    if (!compare) {
        report->parallel.wall_ns += commit_ns;
        report->parallel.min_ns = report->parallel.max_ns = report->parallel.wall_ns;
        report->parallel.ranks[0].phase_ns[R2G_PHASE_WRITE] += commit_ns;
    }
    return status;
}

/* The world of one process, and the one run in it. */
static r2g_status fill_report(const struct r2g_run_result *result, bool ran, struct r2g_report *report,
                              struct r2g_error *err) {
    report->rank_count = report->host_count = 1;
    report->mpi_init_ns = report->launch_ns = -1;
    struct r2g_rank_place place = r2g_own_place();
    report->places = (struct r2g_rank_place *)r2g_copy_bytes(&place, sizeof place, err);
    if (report->places == NULL)
        return R2G_ENOMEM;
    if (!ran)
        return R2G_OK;
    report->parallel =
        (struct r2g_run){.wall_ns = result->wall_ns,
                         .min_ns = result->wall_ns,
                         .max_ns = result->wall_ns,
                         .run_count = 1,
                         .rank_count = 1,
                         .ranks = (struct r2g_rank_times *)r2g_copy_bytes(&result->times, sizeof result->times, err)};
    return report->parallel.ranks != NULL ? R2G_OK : R2G_ENOMEM;
}

r2g_status r2g_convert_alone(const struct r2g_request *request, struct r2g_report *report, struct r2g_error *err) {
    struct r2g_run_result result = {0};
    bool explain = request->mode == R2G_MODE_EXPLAIN;
    memset(report, 0, sizeof *report);
    r2g_status status = r2g_sequential_file(request, &result, report, err);
    if (status == R2G_OK)
        status = fill_report(&result, !explain, report, err);
    if (status == R2G_OK && !explain)
        status = r2g_convert_commit(&result, false, report, err);
    r2g_output_close(result.output);
    return status;
}
