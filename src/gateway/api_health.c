/* How the server is: for load balancers, for Prometheus, and the description of the API. */
#include "gateway/api.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/metrics.h"

void r2g_api_healthz(struct r2g_http *http) {
    r2g_http_answer(http, 200, "text/plain; charset=utf-8", "ok\n", 3);
}

void r2g_api_readyz(struct r2g_http *http) {
    struct r2g_error why = {0}, err = {0};
    if (r2g_jobs_ready(http->jobs, &why) == R2G_OK)
        r2g_http_answer(http, 200, "text/plain; charset=utf-8", "ready\n", 6);
    else
        r2g_http_problem(http, r2g_problem(&err, R2G_PROBLEM_NOT_SERVING, "%s", why.text), &err);
}

static void gauge(FILE *file, const char *name, const char *help, double value) {
    fprintf(file, "# HELP %s %s\n# TYPE %s gauge\n%s %.17g\n", name, help, name, name, value);
}

/* Pages of memory, and clock ticks after boot, of this process: proc(5). Zero where they cannot be had. */
static void print_process(FILE *file) {
    unsigned long long rss_pages = 0, start_ticks = 0, boot_s = 0;
    char line[1024];
    FILE *stat = fopen("/proc/self/stat", "re");
    if (stat && fgets(line, sizeof line, stat)) {
        /* fields are counted behind the name, which may hold anything but ends at the last bracket */
        const char *p = strrchr(line, ')');
        if (p &&
            sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu %*u %llu",
                   &start_ticks, &rss_pages) != 2)
            rss_pages = start_ticks = 0;
    }
    if (stat)
        fclose(stat);
    FILE *machine = fopen("/proc/stat", "re");
    while (machine && fgets(line, sizeof line, machine) && sscanf(line, "btime %llu", &boot_s) != 1)
        ;
    if (machine)
        fclose(machine);
    gauge(file, "process_resident_memory_bytes", "Resident memory.", (double)rss_pages * (double)sysconf(_SC_PAGESIZE));
    gauge(file, "process_start_time_seconds", "Start of the process, Unix time.",
          (double)boot_s + (double)start_ticks / (double)sysconf(_SC_CLK_TCK));
    unsigned open_fds = 0;
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        open_fds += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    gauge(file, "process_open_fds", "Open file descriptors.", open_fds > 0 ? open_fds - 1 : 0);
}

static void print_jobs(FILE *file, struct r2g_jobs *jobs) {
    struct r2g_jobs_figures figures;
    r2g_jobs_figures(jobs, &figures);
    fputs("# HELP rgb2gray_jobs Jobs kept, by state.\n# TYPE rgb2gray_jobs gauge\n", file);
    for (unsigned i = 0; i < R2G_JOB_STATES; i++)
        fprintf(file, "rgb2gray_jobs{state=\"%s\"} %" PRIu64 "\n", r2g_job_state_name((enum r2g_job_state)i),
                figures.in_state[i]);
    gauge(file, "rgb2gray_queue_length", "Jobs that wait.", (double)figures.in_state[R2G_JOB_QUEUED]);
    gauge(file, "rgb2gray_queue_limit", "Jobs that may wait.", (double)figures.queue_limit);
    gauge(file, "rgb2gray_spool_bytes", "Bytes in the spool.", (double)figures.spool_nbytes);
    gauge(file, "rgb2gray_spool_quota_bytes", "Bytes that the spool may hold.", (double)figures.quota_nbytes);
    gauge(file, "rgb2gray_pool_ranks", "Ranks of the pool; 0 where none is up.", figures.pool_ranks);
    fprintf(file,
            "# HELP rgb2gray_pool_restarts_total Pools that were replaced.\n"
            "# TYPE rgb2gray_pool_restarts_total counter\nrgb2gray_pool_restarts_total %" PRIu64 "\n",
            figures.pool_restarts);
}

void r2g_api_metrics(struct r2g_http *http) {
    char *text = NULL;
    size_t nbytes = 0;
    FILE *file = open_memstream(&text, &nbytes);
    if (file) {
        r2g_metrics_print(file);
        print_jobs(file, http->jobs);
        print_process(file);
    }
    if (file && fclose(file) == 0) {
        r2g_http_answer(http, 200, "text/plain; version=0.0.4; charset=utf-8", text, nbytes);
    } else {
        struct r2g_error err = {0};
        r2g_http_problem(http, r2g_problem(&err, R2G_PROBLEM_INTERNAL, "out of memory"), &err);
    }
    free(text);
}

void r2g_api_openapi(struct r2g_http *http) {
    r2g_http_answer(http, 200, "application/vnd.oai.openapi+json;version=3.1", r2g_openapi, r2g_openapi_nbytes);
}
