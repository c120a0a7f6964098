#include "gateway/jobs_inside.h"

static bool ready(const struct r2g_jobs *jobs, struct r2g_error *err) {
    (void)jobs;
    (void)!r2g_fail(err, R2G_EMPI, "no slurm");
    return false;
}
static void run(struct r2g_attempt *attempt) {
    r2g_attempt_ended(attempt, R2G_ATTEMPT_NOT_LAUNCHED, "no slurm");
}
r2g_status r2g_slurm_open(struct r2g_slurm **slurm, const struct r2g_jobs *jobs, struct r2g_error *err) {
    (void)jobs;
    (void)err;
    *slurm = NULL;
    return R2G_OK;
}
void r2g_slurm_close(struct r2g_slurm *slurm) {
    (void)slurm;
}
void r2g_slurm_cancel(struct r2g_slurm *slurm, const char *number) {
    (void)slurm;
    (void)number;
}
const struct r2g_launcher r2g_launcher_slurm = {.name = "slurm", .ready = ready, .run = run};
