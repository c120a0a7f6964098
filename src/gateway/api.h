/* What the handlers of the API share. Each handler runs in the thread of its request and answers exactly once. */
#ifndef R2G_GATEWAY_API_H
#define R2G_GATEWAY_API_H

#include <jansson.h>

#include "gateway/http.h"
#include "gateway/job.h"
#include "gateway/jobs.h"

r2g_http_handler r2g_api_jobs_post, r2g_api_jobs_list, r2g_api_job_get, r2g_api_job_delete; /* api_jobs.c */
r2g_http_handler r2g_api_result, r2g_api_original, r2g_api_report;                          /* api_results.c */
r2g_http_handler r2g_api_preview, r2g_api_tiles, r2g_api_tile;                              /* api_previews.c */
r2g_http_handler r2g_api_events, r2g_api_convert, r2g_api_server;
r2g_http_handler r2g_api_upload_options, r2g_api_upload_post, r2g_api_upload_head, r2g_api_upload_patch,
    r2g_api_upload_delete;                                                          /* api_uploads.c */
r2g_http_handler r2g_api_stats_csv, r2g_api_stats_json;                             /* api_stats.c */
r2g_http_handler r2g_api_healthz, r2g_api_readyz, r2g_api_metrics, r2g_api_openapi; /* api_health.c */

/* Answers with `value` and releases it; NULL (no memory) is answered as INTERNAL. */
void r2g_api_answer_json(struct r2g_http *http, int status, json_t *value);
/* Answers with the job as JSON. */
void r2g_api_answer_job(struct r2g_http *http, int status, const struct r2g_job *job);
/* The job of the route's first parameter, if this client may see it; else the problem is answered and it is false. */
bool r2g_api_find_job(struct r2g_http *http, struct r2g_job *job);
bool r2g_api_is_head(const struct r2g_http *http);
/* A whole number of the query; `otherwise` where the parameter is absent. */
R2G_MUST_CHECK enum r2g_problem r2g_api_number(const struct r2g_http *http, const char *name, uint64_t least,
                                               uint64_t most, uint64_t otherwise, uint64_t *value,
                                               struct r2g_error *err);
/* A reply of the query parameters that pages have in common: limit and before. */
struct r2g_page {
    uint64_t limit;
    int64_t before;
};
R2G_MUST_CHECK enum r2g_problem r2g_api_page(const struct r2g_http *http, uint64_t most, uint64_t usual,
                                             struct r2g_page *page, struct r2g_error *err);

/* ---- receiving (api_receive.c) ---- */

/* Receives an image, as the whole body or as a form's file, and the job's name and options from query, header and form
 * fields. `job` keeps what it holds where the request says nothing. *incoming is to be freed in every case. */
R2G_MUST_CHECK enum r2g_problem r2g_api_receive(struct r2g_http *http, struct r2g_job *job,
                                                struct r2g_incoming **incoming, struct r2g_error *err);
/* Sets the name or one option of the job. */
R2G_MUST_CHECK enum r2g_problem r2g_api_set(const struct r2g_http *http, struct r2g_job *job, const char *name,
                                            const char *value, struct r2g_error *err);
/* Whether the Content-Type is `type` ("image/" stands for all that begin so), parameters aside. */
bool r2g_api_content_is(const struct r2g_http *http, const char *type);
/* Sets name and options from a tus Upload-Metadata value, which it checks. */
R2G_MUST_CHECK enum r2g_problem r2g_api_metadata(const struct r2g_http *http, const char *metadata, struct r2g_job *job,
                                                 struct r2g_error *err);

/* The description of the API: src/gateway/openapi.json, made a part of the program by the build. */
extern const unsigned char r2g_openapi[];
extern const size_t r2g_openapi_nbytes;

#endif
