/* A job as JSON, as the API shows it. Pure functions; any thread. */
#ifndef R2G_GATEWAY_JOB_JSON_H
#define R2G_GATEWAY_JOB_JSON_H

#include <jansson.h>

#include "gateway/job.h"

/* The job as an object; `position` is its place in the queue, or -1. NULL when out of memory. */
json_t *r2g_job_json(const struct r2g_job *job, int64_t position);
/* Unix time as RFC 3339 in UTC with milliseconds, such as "2026-01-31T12:00:00.000Z"; null for 0. */
#define R2G_TIME_TEXT_NBYTES 32
void r2g_time_text(char text[R2G_TIME_TEXT_NBYTES], int64_t unix_ms);
json_t *r2g_time_json(int64_t unix_ms);
/* How many times faster the parallel run was, or -1 where not both were measured; and that for each rank. */
double r2g_job_speedup(const struct r2g_job *job);
double r2g_job_efficiency(const struct r2g_job *job);

/* The method, or the weights, that the job asks for, or the usual method. Never NULL. */
const char *r2g_job_method(const struct r2g_job *job);

/* What a file of the job's input or output format is called: "image/png", "jpg". */
const char *r2g_job_media_type(const char *format);
const char *r2g_job_extension(const char *format);
/* The name under which the result (or, with result false, the original) is offered for download: never a path. */
void r2g_job_file_name(const struct r2g_job *job, bool result, char *name, size_t name_nbytes);
/* Copies a name that a client gave: what is not UTF-8, and control characters, become '_'; it is cut at a whole
 * character. */
void r2g_job_name_set(struct r2g_job *job, const char *name);

#endif
