#include "gateway/api.h"

#include <string.h>

#include "base/buffer.h"
#include "base/values.h"
#include "gateway/job_json.h"

/* clang-format off */
const struct r2g_route r2g_api_routes[] = {
    {"POST", "/api/v1/convert", r2g_api_convert},
    {"POST", "/api/v1/jobs", r2g_api_jobs_post},
    {"GET", "/api/v1/jobs", r2g_api_jobs_list},
    {"GET", "/api/v1/jobs/{}", r2g_api_job_get},
    {"DELETE", "/api/v1/jobs/{}", r2g_api_job_delete},
    {"GET", "/api/v1/jobs/{}/events", r2g_api_events},
    {"GET", "/api/v1/jobs/{}/result", r2g_api_result},
    {"GET", "/api/v1/jobs/{}/original", r2g_api_original},
    {"GET", "/api/v1/jobs/{}/report", r2g_api_report},
    {"GET", "/api/v1/jobs/{}/preview", r2g_api_preview},
    {"GET", "/api/v1/jobs/{}/tiles/{}", r2g_api_tiles},
    {"GET", "/api/v1/jobs/{}/tiles/{}/{}/{}", r2g_api_tile},
    {"OPTIONS", "/api/v1/uploads", r2g_api_upload_options},
    {"POST", "/api/v1/uploads", r2g_api_upload_post},
    {"OPTIONS", "/api/v1/uploads/{}", r2g_api_upload_options},
    {"HEAD", "/api/v1/uploads/{}", r2g_api_upload_head},
    {"PATCH", "/api/v1/uploads/{}", r2g_api_upload_patch},
    {"DELETE", "/api/v1/uploads/{}", r2g_api_upload_delete},
    {"GET", "/api/v1/stats.csv", r2g_api_stats_csv},
    {"GET", "/api/v1/stats.json", r2g_api_stats_json},
    {"GET", "/api/v1/server", r2g_api_server},
    {"GET", "/api/v1/openapi.json", r2g_api_openapi},
    {"GET", "/healthz", r2g_api_healthz},
    {"GET", "/readyz", r2g_api_readyz},
    {"GET", "/metrics", r2g_api_metrics},
    {NULL, NULL, NULL},
};
/* clang-format on */

void r2g_api_answer_json(struct r2g_http *http, int status, json_t *value) {
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(value);
    if (text) {
        r2g_http_answer(http, status, "application/json", text, strlen(text));
    } else {
        struct r2g_error err = {0};
        r2g_http_problem(http, r2g_problem(&err, R2G_PROBLEM_INTERNAL, "out of memory"), &err);
    }
    r2g_budget_free(text);
}

void r2g_api_answer_job(struct r2g_http *http, int status, const struct r2g_job *job) {
    int64_t position = job->state == R2G_JOB_QUEUED ? r2g_jobs_position(http->jobs, job->id) : -1;
    r2g_api_answer_json(http, status, r2g_job_json(job, position));
}

bool r2g_api_find_job(struct r2g_http *http, struct r2g_job *job) {
    struct r2g_error err = {0};
    const char *id = http->parameters[0];
    enum r2g_problem problem = r2g_id_valid(id)
                                   ? r2g_jobs_get(http->jobs, id, http->visible_to, job, &err)
                                   : r2g_problem(&err, R2G_PROBLEM_NOT_FOUND, "there is no job of that name");
    if (problem != R2G_PROBLEM_NONE)
        r2g_http_problem(http, problem, &err);
    return problem == R2G_PROBLEM_NONE;
}

bool r2g_api_is_head(const struct r2g_http *http) {
    return strcmp(http->method, "HEAD") == 0;
}

enum r2g_problem r2g_api_number(const struct r2g_http *http, const char *name, uint64_t least, uint64_t most,
                                uint64_t otherwise, uint64_t *value, struct r2g_error *err) {
    char text[24];
    *value = otherwise;
    if (!r2g_http_query(http, name, text, sizeof text) || !text[0])
        return R2G_PROBLEM_NONE;
    struct r2g_error why = {0};
    if (r2g_value_number(name, text, least, most, value, &why) == R2G_OK)
        return R2G_PROBLEM_NONE;
    return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "%s", why.text);
}

enum r2g_problem r2g_api_page(const struct r2g_http *http, uint64_t most, uint64_t usual, struct r2g_page *page,
                              struct r2g_error *err) {
    uint64_t before;
    enum r2g_problem problem = r2g_api_number(http, "limit", 1, most, usual, &page->limit, err);
    if (problem == R2G_PROBLEM_NONE)
        problem = r2g_api_number(http, "before", 1, INT64_MAX, 0, &before, err);
    if (problem == R2G_PROBLEM_NONE)
        page->before = (int64_t)before;
    return problem;
}
