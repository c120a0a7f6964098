/* POST /convert: a job that is answered with its result. What it adds to the job itself is one wait on a condition and
 * one file sent: no polling, and nothing is synced. */
#include "gateway/api.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "gateway/job_json.h"

#define SLICE_MS 10000

static enum r2g_problem wait_for(struct r2g_http *http, struct r2g_job *job, struct r2g_error *err) {
    for (;;) {
        int64_t before_ns = r2g_clock_ns();
        enum r2g_problem problem = r2g_jobs_wait(http->jobs, job->id, SLICE_MS, job, err);
        if (problem != R2G_PROBLEM_NONE || r2g_job_state_final(job->state))
            return problem;
        /* a wait that ended early though the job did not was woken by r2g_jobs_stop */
        if (r2g_clock_ns() - before_ns < (int64_t)SLICE_MS * 1000000 / 2)
            return r2g_problem(err, R2G_PROBLEM_STOPPING, "the server is being stopped");
    }
}

static void add_time(char *text, size_t text_nbytes, const char *name, int64_t ns) {
    size_t used = strlen(text);
    if (ns >= 0)
        snprintf(text + used, text_nbytes - used, "%s%s;dur=%.3f", used ? ", " : "", name, (double)ns / 1e6);
}

/* Server-Timing: https://www.w3.org/TR/server-timing/ */
static void add_timing(struct r2g_http *http, const struct r2g_job *job) {
    char text[200] = "";
    add_time(text, sizeof text, "queue", (job->started_ms - job->created_ms) * 1000000);
    add_time(text, sizeof text, "launch", job->launch_ns);
    add_time(text, sizeof text, "parallel", job->parallel_ns);
    add_time(text, sizeof text, "sequential", job->sequential_ns);
    r2g_http_add_header(http, "Server-Timing", "%s", text);
    r2g_http_add_header(http, "Rgb2gray-Method", "%s", r2g_job_method(job));
    r2g_http_add_header(http, "Rgb2gray-Ranks", "%u", job->ranks);
    r2g_http_add_header(http, "Rgb2gray-Launcher", "%s", job->launched_by);
}

static enum r2g_problem answer_result(struct r2g_http *http, const struct r2g_job *job, struct r2g_error *err) {
    char name[300];
    struct r2g_http_file file = {
        .fd = -1, .type = r2g_job_media_type(job->out_format), .download_name = name, .attachment = true};
    enum r2g_problem problem = r2g_jobs_open_file(http->jobs, job, "result", &file.fd, &file.nbytes, err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    r2g_job_file_name(job, true, name, sizeof name);
    add_timing(http, job);
    r2g_http_send_file(http, &file);
    close(file.fd);
    return R2G_PROBLEM_NONE;
}

void r2g_api_convert(struct r2g_http *http) {
    struct r2g_error err = {0}, ignored;
    struct r2g_job job = {.one_shot = true};
    struct r2g_incoming *incoming = NULL;
    snprintf(job.client, sizeof job.client, "%s", http->client);
    enum r2g_problem problem = r2g_api_receive(http, &job, &incoming, &err);
    if (problem == R2G_PROBLEM_NONE)
        problem = r2g_jobs_submit(http->jobs, incoming, &job, &err);
    r2g_incoming_free(incoming);
    if (problem != R2G_PROBLEM_NONE) {
        r2g_http_problem(http, problem, &err);
        return;
    }
    problem = wait_for(http, &job, &err);
    if (problem == R2G_PROBLEM_NONE && job.state != R2G_JOB_DONE)
        problem = r2g_problem(&err, job.problem ? job.problem : R2G_PROBLEM_INTERNAL, "%s", job.detail);
    if (problem == R2G_PROBLEM_NONE)
        problem = answer_result(http, &job, &err);
    if (problem != R2G_PROBLEM_NONE)
        r2g_http_problem(http, problem, &err);
    /* Its files go now; one that still runs, because the server is being stopped, is cancelled. */
    bool removed;
    (void)!r2g_jobs_delete(http->jobs, job.id, NULL, &removed, &ignored);
}
