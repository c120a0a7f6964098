/* Resumable uploads: tus 1.0.0 (https://tus.io/protocols/resumable-upload) with creation, termination and expiration. */
#include "gateway/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/values.h"

#define TUS_VERSION "1.0.0"

/* The version is checked first, and is part of every answer, of problems too. */
static bool speaks_tus(struct r2g_http *http) {
    struct r2g_error err = {0};
    const char *version = r2g_http_header(http, "Tus-Resumable");
    r2g_http_add_header(http, "Tus-Resumable", TUS_VERSION);
    if (version && strcmp(version, TUS_VERSION) == 0)
        return true;
    r2g_http_add_header(http, "Tus-Version", TUS_VERSION);
    r2g_http_problem(http, r2g_problem(&err, R2G_PROBLEM_TUS_VERSION, "Tus-Resumable must be " TUS_VERSION), &err);
    return false;
}

static void add_expiry(struct r2g_http *http, int64_t unix_ms) {
    char date[R2G_HTTP_DATE_NBYTES];
    if (unix_ms <= 0)
        return;
    r2g_http_date(unix_ms / 1000, date);
    r2g_http_add_header(http, "Upload-Expires", "%s", date);
}

static void add_offset(struct r2g_http *http, const struct r2g_upload *upload) {
    r2g_http_add_header(http, "Upload-Offset", "%" PRIu64, upload->offset);
    add_expiry(http, upload->expires_ms);
}

static enum r2g_problem header_number(const struct r2g_http *http, const char *name, uint64_t *value,
                                      struct r2g_error *err) {
    struct r2g_error why = {0};
    const char *text = r2g_http_header(http, name);
    if (text && r2g_value_number(name, text, 0, INT64_MAX, value, &why) == R2G_OK)
        return R2G_PROBLEM_NONE;
    return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "%s must be a whole number", name);
}

/* The upload of the route, or NULL where its name can be none. */
static const char *upload_id(const struct r2g_http *http, enum r2g_problem *problem, struct r2g_error *err) {
    const char *id = http->parameters[0];
    *problem = R2G_PROBLEM_NONE;
    if (r2g_id_valid(id))
        return id;
    *problem = r2g_problem(err, R2G_PROBLEM_NOT_FOUND, "there is no upload of that name");
    return NULL;
}

void r2g_api_upload_options(struct r2g_http *http) {
    r2g_http_add_header(http, "Tus-Resumable", TUS_VERSION);
    r2g_http_add_header(http, "Tus-Version", TUS_VERSION);
    r2g_http_add_header(http, "Tus-Extension", "creation,termination,expiration");
    r2g_http_add_header(http, "Tus-Max-Size", "%" PRIu64, http->settings->max_body_nbytes);
    r2g_http_answer(http, 204, NULL, NULL, 0);
}

static enum r2g_problem create(struct r2g_http *http, struct r2g_upload *upload, struct r2g_error *err) {
    const char *metadata = r2g_http_header(http, "Upload-Metadata");
    struct r2g_job job = {0}; /* for a look at the options before the bytes come */
    if (r2g_http_header(http, "Upload-Defer-Length"))
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "Upload-Defer-Length is not offered: give Upload-Length");
    if (!r2g_http_header(http, "Upload-Length"))
        return r2g_problem(err, R2G_PROBLEM_LENGTH_NEEDED, "Upload-Length is needed");
    if (r2g_http_body_nbytes(http) > 0)
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "creation-with-upload is not offered: send bytes by PATCH");
    enum r2g_problem problem = header_number(http, "Upload-Length", &upload->nbytes, err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    if (upload->nbytes == 0)
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "Upload-Length is 0: there is no image of no bytes");
    if (upload->nbytes > http->settings->max_body_nbytes)
        return r2g_problem(err, R2G_PROBLEM_TOO_LARGE, "%" PRIu64 " bytes are more than the limit of %" PRIu64,
                           upload->nbytes, http->settings->max_body_nbytes);
    if (metadata && strlen(metadata) >= sizeof upload->metadata)
        return r2g_problem(err, R2G_PROBLEM_TOO_LARGE, "Upload-Metadata is longer than %zu bytes",
                           sizeof upload->metadata - 1);
    problem = r2g_api_metadata(http, metadata ? metadata : "", &job, err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    snprintf(upload->metadata, sizeof upload->metadata, "%s", metadata ? metadata : "");
    snprintf(upload->client, sizeof upload->client, "%s", http->client);
    return r2g_upload_create(http->jobs, upload, err);
}

void r2g_api_upload_post(struct r2g_http *http) {
    struct r2g_error err = {0};
    struct r2g_upload upload = {0};
    if (!speaks_tus(http))
        return;
    enum r2g_problem problem = create(http, &upload, &err);
    if (problem != R2G_PROBLEM_NONE) {
        r2g_http_problem(http, problem, &err);
        return;
    }
    r2g_http_add_header(http, "Location", "/api/v1/uploads/%s", upload.id);
    add_expiry(http, upload.expires_ms);
    r2g_http_answer(http, 201, NULL, NULL, 0);
}

void r2g_api_upload_head(struct r2g_http *http) {
    struct r2g_error err = {0};
    struct r2g_upload upload;
    enum r2g_problem problem;
    if (!speaks_tus(http))
        return;
    const char *id = upload_id(http, &problem, &err);
    if (id)
        problem = r2g_upload_get(http->jobs, id, http->visible_to, &upload, &err);
    if (problem != R2G_PROBLEM_NONE) {
        r2g_http_problem(http, problem, &err);
        return;
    }
    add_offset(http, &upload);
    r2g_http_add_header(http, "Upload-Length", "%" PRIu64, upload.nbytes);
    if (upload.metadata[0])
        r2g_http_add_header(http, "Upload-Metadata", "%s", upload.metadata);
    r2g_http_answer(http, 200, NULL, NULL, 0);
}

static enum r2g_problem append(void *user, const void *bytes, size_t nbytes, struct r2g_error *err) {
    return r2g_upload_writer_append(user, bytes, nbytes, err);
}

/* Whatever ends the body, what came of it is kept. */
static enum r2g_problem patch(struct r2g_http *http, struct r2g_upload *upload, struct r2g_error *err) {
    enum r2g_problem problem;
    struct r2g_upload_writer *writer = NULL;
    struct r2g_error closing = {0};
    uint64_t offset;
    const char *id = upload_id(http, &problem, err);
    if (!id)
        return problem;
    if (!r2g_api_content_is(http, "application/offset+octet-stream"))
        return r2g_problem(err, R2G_PROBLEM_UNSUPPORTED_TYPE, "Content-Type must be application/offset+octet-stream");
    problem = header_number(http, "Upload-Offset", &offset, err);
    if (problem == R2G_PROBLEM_NONE)
        problem = r2g_upload_writer_open(&writer, http->jobs, id, http->visible_to, offset, err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    problem = r2g_http_read_body(http, http->settings->max_body_nbytes, append, writer, err);
    enum r2g_problem late = r2g_upload_writer_close(writer, upload, &closing);
    if (problem == R2G_PROBLEM_NONE && late != R2G_PROBLEM_NONE) {
        *err = closing;
        return late;
    }
    return problem;
}

void r2g_api_upload_patch(struct r2g_http *http) {
    struct r2g_error err = {0};
    struct r2g_upload upload = {0};
    if (!speaks_tus(http))
        return;
    enum r2g_problem problem = patch(http, &upload, &err);
    if (problem != R2G_PROBLEM_NONE) {
        r2g_http_problem(http, problem, &err);
        return;
    }
    add_offset(http, &upload);
    r2g_http_answer(http, 204, NULL, NULL, 0);
}

void r2g_api_upload_delete(struct r2g_http *http) {
    struct r2g_error err = {0};
    enum r2g_problem problem;
    if (!speaks_tus(http))
        return;
    const char *id = upload_id(http, &problem, &err);
    if (id)
        problem = r2g_upload_remove(http->jobs, id, http->visible_to, &err);
    if (problem != R2G_PROBLEM_NONE)
        r2g_http_problem(http, problem, &err);
    else
        r2g_http_answer(http, 204, NULL, NULL, 0);
}
