#include "gateway/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "gateway/job_json.h"

#define JSON_BODY_NBYTES 8192

static void answer_accepted(struct r2g_http *http, const struct r2g_job *job, bool created) {
    r2g_http_add_header(http, "Location", "/api/v1/jobs/%s", job->id);
    r2g_api_answer_job(http, created ? 201 : 200, job);
}

/* An option of a JSON body: a text, a number, or true or false. */
static enum r2g_problem set_json_option(const struct r2g_http *http, struct r2g_job *job, const char *name,
                                        const json_t *value, struct r2g_error *err) {
    char text[24];
    if (json_is_string(value))
        return r2g_api_set(http, job, name, json_string_value(value), err);
    if (json_is_integer(value)) {
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return r2g_api_set(http, job, name, text, err);
    }
    if (json_is_boolean(value))
        return r2g_api_set(http, job, name, json_is_true(value) ? "true" : "false", err);
    if (json_is_null(value)) /* as a job shows an option that was not set */
        return R2G_PROBLEM_NONE;
    return r2g_problem(err, R2G_PROBLEM_BAD_OPTION, "an option must be a text, a whole number, or true or false");
}

static enum r2g_problem set_json_options(const struct r2g_http *http, struct r2g_job *job, json_t *options,
                                         struct r2g_error *err) {
    const char *name;
    json_t *value;
    json_object_foreach(options, name, value) {
        enum r2g_problem problem = set_json_option(http, job, name, value, err);
        if (problem != R2G_PROBLEM_NONE)
            return problem;
    }
    return r2g_job_options_check(&job->options, err);
}

/* {"upload": ID, "name": text, "options": {…}} for an upload that is complete. */
static enum r2g_problem submit_upload(struct r2g_http *http, json_t *body, struct r2g_job *job, bool *created,
                                      struct r2g_error *err) {
    const char *id = NULL, *name = NULL;
    json_t *options = NULL;
    struct r2g_upload upload;
    if (json_unpack(body, "{ss s?s s?o !}", "upload", &id, "name", &name, "options", &options) != 0 ||
        (options && !json_is_object(options)))
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST,
                           "the body must be {\"upload\": ID, \"name\": TEXT, \"options\": {...}}, the last two as "
                           "needed");
    if (!r2g_id_valid(id))
        return r2g_problem(err, R2G_PROBLEM_NOT_FOUND, "there is no upload of that name");
    enum r2g_problem problem = r2g_upload_get(http->jobs, id, http->visible_to, &upload, err);
    if (problem == R2G_PROBLEM_NONE)
        problem = r2g_api_metadata(http, upload.metadata, job, err);
    if (problem == R2G_PROBLEM_NONE && name)
        r2g_job_name_set(job, name);
    if (problem == R2G_PROBLEM_NONE)
        problem = set_json_options(http, job, options, err);
    if (problem == R2G_PROBLEM_NONE)
        problem = r2g_upload_submit(http->jobs, id, job, created, err);
    return problem;
}

static void post_upload(struct r2g_http *http, struct r2g_job *job) {
    struct r2g_error err = {0};
    bool created = false;
    json_t *body = NULL;
    char *text = r2g_new(JSON_BODY_NBYTES, &err);
    enum r2g_problem problem = text ? r2g_http_read_text(http, text, JSON_BODY_NBYTES, &err) : R2G_PROBLEM_INTERNAL;
    if (problem == R2G_PROBLEM_NONE) {
        json_error_t why;
        body = json_loads(text, JSON_REJECT_DUPLICATES, &why);
        if (!body)
            problem = r2g_problem(&err, R2G_PROBLEM_BAD_REQUEST, "the body is no JSON: line %d, column %d", why.line,
                                  why.column);
    }
    if (problem == R2G_PROBLEM_NONE)
        problem = submit_upload(http, body, job, &created, &err);
    json_decref(body);
    free(text);
    if (problem == R2G_PROBLEM_NONE)
        answer_accepted(http, job, created);
    else
        r2g_http_problem(http, problem, &err);
}

void r2g_api_jobs_post(struct r2g_http *http) {
    struct r2g_error err = {0};
    struct r2g_job job = {0};
    struct r2g_incoming *incoming = NULL;
    snprintf(job.client, sizeof job.client, "%s", http->client);
    if (r2g_api_content_is(http, "application/json")) {
        post_upload(http, &job);
        return;
    }
    enum r2g_problem problem = r2g_api_receive(http, &job, &incoming, &err);
    if (problem == R2G_PROBLEM_NONE)
        problem = r2g_jobs_submit(http->jobs, incoming, &job, &err);
    r2g_incoming_free(incoming);
    if (problem == R2G_PROBLEM_NONE)
        answer_accepted(http, &job, true);
    else
        r2g_http_problem(http, problem, &err);
}

struct listing {
    struct r2g_http *http;
    json_t *jobs;
    uint64_t limit;
    int64_t last; /* the number of the last one listed */
    bool more, failed;
};

static bool list_job(void *user, const struct r2g_job *job) {
    struct listing *listing = user;
    if (json_array_size(listing->jobs) == listing->limit) {
        listing->more = true;
        return false;
    }
    listing->failed = json_array_append_new(listing->jobs, r2g_job_json(job, -1)) != 0;
    listing->last = job->number;
    return !listing->failed;
}

static enum r2g_problem wanted_state(const struct r2g_http *http, enum r2g_job_state *state, struct r2g_error *err) {
    char text[16];
    *state = R2G_JOB_STATES;
    if (!r2g_http_query(http, "state", text, sizeof text) || !text[0])
        return R2G_PROBLEM_NONE;
    for (unsigned i = 0; i < R2G_JOB_STATES; i++) {
        if (strcmp(text, r2g_job_state_name((enum r2g_job_state)i)) == 0) {
            *state = (enum r2g_job_state)i;
            return R2G_PROBLEM_NONE;
        }
    }
    return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST,
                       "state is one of queued, running, done, failed and cancelled, not \"%s\"", text);
}

/* Places in the queue are asked for when no list is under way any more: behind them stand other locks. */
static void add_positions(struct r2g_http *http, json_t *jobs) {
    size_t i;
    json_t *job;
    json_array_foreach(jobs, i, job) {
        if (strcmp(json_string_value(json_object_get(job, "state")), r2g_job_state_name(R2G_JOB_QUEUED)) != 0)
            continue;
        int64_t position = r2g_jobs_position(http->jobs, json_string_value(json_object_get(job, "id")));
        if (position >= 0)
            (void)json_object_set_new(job, "position", json_integer(position));
    }
}

static json_t *next_page(const struct listing *listing, enum r2g_job_state state) {
    if (!listing->more)
        return json_null();
    bool any = state == R2G_JOB_STATES;
    return json_sprintf("/api/v1/jobs?limit=%" PRIu64 "&before=%" PRId64 "%s%s", listing->limit, listing->last,
                        any ? "" : "&state=", any ? "" : r2g_job_state_name(state));
}

void r2g_api_jobs_list(struct r2g_http *http) {
    struct r2g_error err = {0};
    struct r2g_page page;
    enum r2g_job_state state;
    enum r2g_problem problem = r2g_api_page(http, 200, 50, &page, &err);
    if (problem == R2G_PROBLEM_NONE)
        problem = wanted_state(http, &state, &err);
    if (problem != R2G_PROBLEM_NONE) {
        r2g_http_problem(http, problem, &err);
        return;
    }
    struct listing listing = {http, json_array(), page.limit, 0, false, false};
    problem =
        r2g_jobs_list(http->jobs, http->client, state, page.before, (unsigned)page.limit + 1, list_job, &listing, &err);
    if (problem == R2G_PROBLEM_NONE && !listing.failed) {
        add_positions(http, listing.jobs);
        r2g_api_answer_json(http, 200, json_pack("{sO so}", "jobs", listing.jobs, "next", next_page(&listing, state)));
    } else {
        if (problem == R2G_PROBLEM_NONE)
            problem = r2g_problem(&err, R2G_PROBLEM_INTERNAL, "out of memory");
        r2g_http_problem(http, problem, &err);
    }
    json_decref(listing.jobs);
}

void r2g_api_job_get(struct r2g_http *http) {
    struct r2g_job job;
    if (r2g_api_find_job(http, &job))
        r2g_api_answer_job(http, 200, &job);
}

void r2g_api_job_delete(struct r2g_http *http) {
    struct r2g_error err = {0};
    struct r2g_job job;
    bool removed = false;
    if (!r2g_api_find_job(http, &job))
        return;
    enum r2g_problem problem = r2g_jobs_delete(http->jobs, job.id, http->visible_to, &removed, &err);
    if (problem != R2G_PROBLEM_NONE) {
        r2g_http_problem(http, problem, &err);
    } else if (removed) {
        r2g_http_answer(http, 204, NULL, NULL, 0);
    } else if (r2g_api_find_job(http, &job)) {
        r2g_api_answer_job(http, 202, &job);
    }
}
