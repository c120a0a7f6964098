#include "gateway/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/json.h"
#include "gateway/job_json.h"

#define REPORT_MAX_NBYTES ((uint64_t)4 << 20)

static enum r2g_problem not_done(const struct r2g_job *job, struct r2g_error *err) {
    return r2g_problem(err, R2G_PROBLEM_NOT_READY, "the job is %s%s%s", r2g_job_state_name(job->state),
                       job->detail[0] ? ": " : "", job->detail);
}

void r2g_api_result(struct r2g_http *http) {
    struct r2g_error err = {0};
    struct r2g_job job;
    struct r2g_http_file file = {.fd = -1, .attachment = true, .cache = "private, max-age=3600"};
    char name[300];
    if (!r2g_api_find_job(http, &job))
        return;
    enum r2g_problem problem = job.state == R2G_JOB_DONE ? R2G_PROBLEM_NONE : not_done(&job, &err);
    if (problem == R2G_PROBLEM_NONE)
        problem = r2g_jobs_open_file(http->jobs, &job, "result", &file.fd, &file.nbytes, &err);
    if (problem != R2G_PROBLEM_NONE) {
        r2g_http_problem(http, problem, &err);
        return;
    }
    r2g_job_file_name(&job, true, name, sizeof name);
    file.type = r2g_job_media_type(job.out_format);
    file.etag = job.out_sha256;
    file.download_name = name;
    r2g_http_send_file(http, &file);
    close(file.fd);
}

void r2g_api_original(struct r2g_http *http) {
    struct r2g_error err = {0};
    struct r2g_job job;
    struct r2g_http_file file = {.fd = -1, .attachment = true, .cache = "private, max-age=3600"};
    char name[300], tag[R2G_ID_NBYTES + 24];
    if (!r2g_api_find_job(http, &job))
        return;
    enum r2g_problem problem = r2g_jobs_open_file(http->jobs, &job, "original", &file.fd, &file.nbytes, &err);
    if (problem != R2G_PROBLEM_NONE) {
        r2g_http_problem(http, problem, &err);
        return;
    }
    r2g_job_file_name(&job, false, name, sizeof name);
    snprintf(tag, sizeof tag, "%s-%llx", job.id, (unsigned long long)file.nbytes);
    file.type = r2g_job_media_type(job.in_format);
    file.etag = tag;
    file.download_name = name;
    r2g_http_send_file(http, &file);
    close(file.fd);
}

/* ---- the report, with clients' names in place of paths ---- */

struct renaming {
    char original[PATH_MAX], result[PATH_MAX], folder[PATH_MAX];
    char original_name[300], result_name[300];
};

/* Replaces every `from` in a text that is at most *text_nbytes long; the rest is cut. */
static void replace(char *text, size_t text_nbytes, const char *from, const char *to) {
    size_t from_nbytes = strlen(from), to_nbytes = strlen(to), length = strlen(text);
    for (char *at = strstr(text, from); at; at = strstr(at + to_nbytes, from)) {
        if (length - from_nbytes + to_nbytes >= text_nbytes)
            return;
        memmove(at + to_nbytes, at + from_nbytes, length - (size_t)(at - text) - from_nbytes + 1);
        memcpy(at, to, to_nbytes);
        length = length - from_nbytes + to_nbytes;
    }
}

static json_t *renamed_text(const json_t *value, const struct renaming *renaming) {
    const char *text = json_string_value(value);
    if (!strstr(text, renaming->folder))
        return NULL;
    size_t nbytes = strlen(text) + 2 * sizeof renaming->result_name;
    char *copy = r2g_new(nbytes, NULL);
    if (!copy)
        return json_null();
    snprintf(copy, nbytes, "%s", text);
    replace(copy, nbytes, renaming->original, renaming->original_name);
    replace(copy, nbytes, renaming->result, renaming->result_name);
    replace(copy, nbytes, renaming->folder, "");
    json_t *renamed = r2g_json_text(copy);
    free(copy);
    return renamed ? renamed : json_null();
}

/* The report is at most as deep as the program makes it, and it is the program's own. */
static void rename_paths(json_t *value, const struct renaming *renaming) {
    const char *key;
    void *next;
    size_t i;
    json_t *item, *renamed;
    json_object_foreach_safe(value, next, key, item) {
        renamed = json_is_string(item) ? renamed_text(item, renaming) : NULL;
        if (renamed)
            (void)json_object_set_new(value, key, renamed);
        else
            rename_paths(item, renaming);
    }
    json_array_foreach(value, i, item) {
        renamed = json_is_string(item) ? renamed_text(item, renaming) : NULL;
        if (renamed)
            (void)json_array_set_new(value, i, renamed);
        else
            rename_paths(item, renaming);
    }
}

static json_t *read_report(const struct r2g_http *http, const struct r2g_job *job, int fd) {
    struct renaming *renaming = r2g_new(sizeof *renaming, NULL);
    json_t *report = renaming ? r2g_json_read(fd, REPORT_MAX_NBYTES) : NULL;
    if (report) {
        r2g_jobs_path(http->jobs, job->id, "original", renaming->original);
        r2g_jobs_path(http->jobs, job->id, "result", renaming->result);
        r2g_jobs_path(http->jobs, job->id, "", renaming->folder);
        r2g_job_file_name(job, false, renaming->original_name, sizeof renaming->original_name);
        r2g_job_file_name(job, true, renaming->result_name, sizeof renaming->result_name);
        if (job->name[0])
            snprintf(renaming->original_name, sizeof renaming->original_name, "%s", job->name);
        rename_paths(report, renaming);
    }
    free(renaming);
    return report;
}

void r2g_api_report(struct r2g_http *http) {
    struct r2g_error err = {0};
    struct r2g_job job;
    int fd = -1;
    uint64_t nbytes = 0;
    if (!r2g_api_find_job(http, &job))
        return;
    enum r2g_problem problem = r2g_job_state_final(job.state) ? R2G_PROBLEM_NONE : not_done(&job, &err);
    if (problem == R2G_PROBLEM_NONE)
        problem = r2g_jobs_open_file(http->jobs, &job, "report.json", &fd, &nbytes, &err);
    json_t *report = NULL;
    if (problem == R2G_PROBLEM_NONE) {
        report = nbytes <= REPORT_MAX_NBYTES ? read_report(http, &job, fd) : NULL;
        close(fd);
        if (!report)
            problem = r2g_problem(&err, R2G_PROBLEM_INTERNAL, "the report cannot be read");
    }
    if (problem == R2G_PROBLEM_NONE)
        r2g_api_answer_json(http, 200, report);
    else
        r2g_http_problem(http, problem, &err);
}
