#include "gateway/api.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/previews.h"

#define WAIT_MS 25000
#define CACHE "private, max-age=86400"

static enum r2g_problem of_text(const char *text, enum r2g_preview_of *of, struct r2g_error *err) {
    *of = strcmp(text, "original") == 0 ? R2G_PREVIEW_ORIGINAL : R2G_PREVIEW_RESULT;
    if (*of == R2G_PREVIEW_ORIGINAL || strcmp(text, "result") == 0)
        return R2G_PROBLEM_NONE;
    return r2g_problem(err, R2G_PROBLEM_NOT_FOUND, "a preview is of the original or of the result");
}

/* A preview is a function of a job's files, which never change: its name is its tag. */
static void send(struct r2g_http *http, const struct r2g_job *job, int fd, uint64_t nbytes, const char *type,
                 const char *what) {
    char tag[R2G_ID_NBYTES + 300];
    snprintf(tag, sizeof tag, "%s-%s", job->id, what);
    const struct r2g_http_file file = {.fd = fd, .nbytes = nbytes, .type = type, .etag = tag, .cache = CACHE};
    r2g_http_send_file(http, &file);
    close(fd);
}

static void answer_later(struct r2g_http *http) {
    r2g_http_add_header(http, "Retry-After", "2");
    r2g_http_answer(http, 202, NULL, NULL, 0);
}

void r2g_api_preview(struct r2g_http *http) {
    struct r2g_error err = {0};
    struct r2g_job job;
    enum r2g_preview_of of;
    char text[16], what[64];
    uint64_t size, nbytes;
    int fd = -1;
    if (!r2g_api_find_job(http, &job))
        return;
    if (!r2g_http_query(http, "of", text, sizeof text) || !text[0])
        snprintf(text, sizeof text, "result");
    enum r2g_problem problem = r2g_api_number(http, "size", 64, 2048, 512, &size, &err);
    if (problem == R2G_PROBLEM_NONE && of_text(text, &of, &err) != R2G_PROBLEM_NONE)
        problem = R2G_PROBLEM_BAD_REQUEST;
    if (problem == R2G_PROBLEM_NONE) {
        size = r2g_preview_size(size);
        problem = r2g_preview_open(http->jobs, http->settings, &job, of, (unsigned)size, WAIT_MS, &fd, &nbytes, &err);
    }
    if (problem != R2G_PROBLEM_NONE) {
        r2g_http_problem(http, problem, &err);
    } else if (fd < 0) {
        answer_later(http);
    } else {
        snprintf(what, sizeof what, "%s-%u", text, (unsigned)size);
        send(http, &job, fd, nbytes, "image/jpeg", what);
    }
}

void r2g_api_tiles(struct r2g_http *http) {
    struct r2g_error err = {0};
    struct r2g_job job;
    enum r2g_preview_of of;
    char what[96];
    uint64_t nbytes;
    int fd = -1;
    if (!r2g_api_find_job(http, &job))
        return;
    enum r2g_problem problem = of_text(http->parameters[1], &of, &err);
    if (problem == R2G_PROBLEM_NONE)
        problem = r2g_tiles_open(http->jobs, http->settings, &job, of, WAIT_MS, &fd, &nbytes, &err);
    if (problem != R2G_PROBLEM_NONE) {
        r2g_http_problem(http, problem, &err);
    } else if (fd < 0) {
        answer_later(http);
    } else {
        snprintf(what, sizeof what, "%s-tiles", http->parameters[1]);
        send(http, &job, fd, nbytes, "application/json", what);
    }
}

/* Whole decimal digits, at most `most` of them. */
static bool is_number(const char *text, size_t nbytes, size_t most) {
    return nbytes > 0 && nbytes <= most && strspn(text, "0123456789") >= nbytes;
}

/* A tile's name is put together anew from numbers alone. */
static enum r2g_problem tile_file(const struct r2g_http *http, char file[200], bool *png, struct r2g_error *err) {
    enum r2g_preview_of of;
    const char *level = http->parameters[2], *tile = http->parameters[3], *rest = strchr(tile, '_');
    enum r2g_problem problem = of_text(http->parameters[1], &of, err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    if (!rest || !is_number(level, strlen(level), 2) || !is_number(tile, (size_t)(rest - tile), 6) ||
        !is_number(rest + 1, strlen(rest + 1), 6))
        return r2g_problem(err, R2G_PROBLEM_NOT_FOUND, "a tile is named LEVEL/COLUMN_ROW");
    *png = strcmp(level, "0") == 0; /* the very pixels */
    snprintf(file, 200, "tiles-%s/%s/%s.%s", http->parameters[1], level, tile, *png ? "png" : "jpg");
    return R2G_PROBLEM_NONE;
}

void r2g_api_tile(struct r2g_http *http) {
    struct r2g_error err = {0};
    struct r2g_job job;
    char file[200], what[256];
    uint64_t nbytes;
    int fd = -1;
    bool png = false;
    if (!r2g_api_find_job(http, &job))
        return;
    enum r2g_problem problem = tile_file(http, file, &png, &err);
    if (problem == R2G_PROBLEM_NONE)
        problem = r2g_jobs_open_file(http->jobs, &job, file, &fd, &nbytes, &err);
    if (problem != R2G_PROBLEM_NONE) {
        r2g_http_problem(http, problem, &err);
        return;
    }
    snprintf(what, sizeof what, "%s-%s-%s", http->parameters[1], http->parameters[2], http->parameters[3]);
    send(http, &job, fd, nbytes, png ? "image/png" : "image/jpeg", what);
}
