/* mpirun: the program is started for this job alone, and starts mpirun itself where it needs more than one process (see
 * cli/launch.c). With one rank and no host file there is no MPI in it at all. A crash takes nothing else with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/size.h"
#include "gateway/child.h"
#include "gateway/jobs_inside.h"
#include "gateway/programs.h"

#define KILL_MS 10000

static bool ready(const struct r2g_jobs *jobs, struct r2g_error *err) {
    char path[PATH_MAX];
    if (jobs->settings->ranks <= 1 && !jobs->settings->hostfile)
        return true;
    if (r2g_program_find("mpirun", path, sizeof path))
        return true;
    (void)!r2g_fail(err, R2G_EMPI, "mpirun is not on PATH; on Debian: apt-get install openmpi-bin");
    return false;
}

static void hear(void *user, bool is_error, const char *line) {
    if (is_error)
        r2g_attempt_line(user, line);
}

/* Runs; what the program's end means. Its own code 10 also tells of a rank, or mpirun, that was killed. */
static void judge(struct r2g_attempt *attempt, const struct r2g_child_result *result) {
    attempt->exit_code = result->exit_code;
    switch (result->end) {
    case R2G_CHILD_STOPPED:
        attempt->end = R2G_ATTEMPT_STOPPED;
        return;
    case R2G_CHILD_TOO_LONG:
        r2g_attempt_ended(attempt, R2G_ATTEMPT_TOO_LONG, "not done within %lld s", (long long)attempt->wall_ms / 1000);
        return;
    case R2G_CHILD_SIGNALLED:
        r2g_attempt_ended(attempt, R2G_ATTEMPT_CRASHED, "the conversion was ended by signal %d (%s)", result->signal,
                          sigdescr_np(result->signal));
        return;
    default:
        attempt->end = result->exit_code == R2G_EMPI && strstr(attempt->text, "ended by signal") ? R2G_ATTEMPT_CRASHED
                                                                                                 : R2G_ATTEMPT_EXITED;
        if (result->exit_code > 128) {
            r2g_attempt_ended(attempt, R2G_ATTEMPT_CRASHED, "the conversion was ended by signal %d (%s)",
                              result->exit_code - 128, sigdescr_np(result->exit_code - 128));
        }
    }
}

/* Room for the picture as it was declared, with alpha at 16 bits, and for what is carried over from the input. */
static uint64_t file_limit(const struct r2g_jobs *jobs, const struct r2g_job *job) {
    uint64_t nbytes = job->width * job->height; /* both fit 32 bits */
    if (nbytes == 0 || !r2g_u64_mul(nbytes, 5, &nbytes) || !r2g_u64_add(nbytes, job->in_nbytes, &nbytes))
        return jobs->settings->quota_nbytes;
    return nbytes + (UINT64_C(256) << 20); /* and for the shared memory of Open MPI's processes */
}

static void run(struct r2g_attempt *attempt) {
    struct r2g_jobs *jobs = attempt->jobs;
    struct r2g_error err = {0};
    struct r2g_child_result result = {0};
    char mark[R2G_MARK_NBYTES], tmp[PATH_MAX + 8];
    bool processes = attempt->job.ranks > 1 || jobs->settings->hostfile;
    r2g_jobs_mark(jobs, attempt->job.id, mark);
    snprintf(tmp, sizeof tmp, "%s/tmp", attempt->folder);
    (void)mkdir(tmp, 0700);
    const char **words = r2g_attempt_arguments(attempt, true, processes, &err);
    const char **environment = words ? r2g_child_environment(jobs->settings, tmp, mark, &err) : NULL;
    /* the program's path goes in front */
    const char *all[64] = {jobs->program};
    for (size_t i = 0; words && words[i] && i + 2 < sizeof all / sizeof all[0]; i++)
        all[i + 1] = words[i];
    const struct r2g_child_request request = {
        .arguments = all,
        .environment = environment,
        .folder = attempt->folder,
        .memory_nbytes = jobs->settings->job_mem_nbytes ? jobs->settings->job_mem_nbytes + (UINT64_C(4) << 30) : 0,
        .file_nbytes = file_limit(jobs, &attempt->job),
        .cpu_s = attempt->wall_ms > 0 ? (uint64_t)attempt->wall_ms / 1000 * 16 + 60 : 0,
        .wall_ms = attempt->wall_ms,
        .stop_fd = attempt->stop_fd,
        .line = hear,
        .user = attempt,
    };
    r2g_status status = environment ? r2g_child_run(&request, &result, &err) : R2G_ENOMEM;
    if (status != R2G_OK)
        r2g_attempt_ended(attempt, R2G_ATTEMPT_NOT_LAUNCHED, "%s", err.text);
    else
        judge(attempt, &result);
    /* mpirun's ranks are in groups of their own; after an end by itself it has waited for them */
    bool by_itself = status == R2G_OK && attempt->end == R2G_ATTEMPT_EXITED && attempt->exit_code != R2G_EMPI;
    if (!by_itself && !r2g_child_kill_marked(mark, KILL_MS))
        r2g_jobs_log("job %s: some of its processes do not end", attempt->job.id);
    free(environment);
    free(words);
}

const struct r2g_launcher r2g_launcher_mpirun = {.name = "mpirun", .ready = ready, .run = run};
