#include "gateway/api.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/job_json.h"

/* What the pieces of a body meet. */
struct receipt {
    struct r2g_http *http;
    struct r2g_job *job;
    struct r2g_incoming *incoming;
};

bool r2g_api_content_is(const struct r2g_http *http, const char *type) {
    const char *header = r2g_http_header(http, "Content-Type");
    size_t nbytes = strlen(type);
    if (!header || strncasecmp(header, type, nbytes) != 0)
        return false;
    return type[nbytes - 1] == '/' || header[nbytes] == '\0' || strchr("; \t", header[nbytes]);
}

enum r2g_problem r2g_api_set(const struct r2g_http *http, struct r2g_job *job, const char *name, const char *value,
                             struct r2g_error *err) {
    if (strcmp(name, "name") == 0) {
        r2g_job_name_set(job, value);
        return R2G_PROBLEM_NONE;
    }
    return r2g_job_option_set(&job->options, name, value, http->settings->max_ranks, err);
}

static enum r2g_problem set_option(void *user, const char *name, const char *value, struct r2g_error *err) {
    struct receipt *receipt = user;
    return r2g_api_set(receipt->http, receipt->job, name, value, err);
}

static enum r2g_problem begin_file(void *user, const char *file_name, struct r2g_error *err) {
    struct receipt *receipt = user;
    if (file_name && file_name[0] && !receipt->job->name[0])
        r2g_job_name_set(receipt->job, file_name);
    return r2g_incoming_new(&receipt->incoming, receipt->http->jobs, err);
}

static enum r2g_problem take_piece(void *user, const void *bytes, size_t nbytes, struct r2g_error *err) {
    struct receipt *receipt = user;
    return r2g_incoming_append(receipt->incoming, bytes, nbytes, err);
}

/* The file name of a Content-Disposition header (RFC 6266), as a token or a quoted string; "" where there is none. */
static void disposition_name(const char *header, char *name, size_t name_nbytes) {
    size_t used = 0;
    name[0] = '\0';
    const char *p = header ? strcasestr(header, "filename=") : NULL;
    if (!p || (p > header && !strchr("; \t", p[-1])))
        return;
    p += strlen("filename=");
    bool quoted = *p == '"';
    for (p += quoted; *p && used + 1 < name_nbytes; p++) {
        if (quoted ? *p == '"' : *p == ';' || *p == ' ')
            break;
        if (quoted && *p == '\\' && p[1])
            p++;
        name[used++] = *p;
    }
    name[used] = '\0';
}

/* Types of a body that is the image itself. Its content says what it is; the type is looked at so that a body meant for
 * something else is refused. The last one is what curl says unless told otherwise. */
static bool is_raw(const struct r2g_http *http) {
    return !r2g_http_header(http, "Content-Type") || r2g_api_content_is(http, "image/") ||
           r2g_api_content_is(http, "application/octet-stream") ||
           r2g_api_content_is(http, "application/x-www-form-urlencoded");
}

static enum r2g_problem receive_raw(struct receipt *receipt, struct r2g_error *err) {
    char name[256];
    disposition_name(r2g_http_header(receipt->http, "Content-Disposition"), name, sizeof name);
    enum r2g_problem problem = begin_file(receipt, name, err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    problem = r2g_http_read_body(receipt->http, receipt->http->settings->max_body_nbytes, take_piece, receipt, err);
    if (problem == R2G_PROBLEM_NONE && r2g_incoming_nbytes(receipt->incoming) == 0)
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "the body is empty: it must be the image");
    return problem;
}

enum r2g_problem r2g_api_receive(struct r2g_http *http, struct r2g_job *job, struct r2g_incoming **incoming,
                                 struct r2g_error *err) {
    struct receipt receipt = {http, job, NULL};
    const struct r2g_http_form form = {set_option, begin_file, take_piece, &receipt};
    *incoming = NULL;
    bool is_form = r2g_api_content_is(http, "multipart/form-data");
    if (!is_form && !is_raw(http))
        return r2g_problem(err, R2G_PROBLEM_UNSUPPORTED_TYPE,
                           "the body must be an image (image/*, application/octet-stream) or multipart/form-data");
    enum r2g_problem problem = r2g_jobs_admit(http->jobs, http->client, r2g_http_body_nbytes(http), err);
    if (problem == R2G_PROBLEM_NONE)
        problem = r2g_http_query_each(http, set_option, &receipt, err);
    if (problem == R2G_PROBLEM_NONE)
        problem = is_form ? r2g_http_read_form(http, http->settings->max_body_nbytes, &form, err)
                          : receive_raw(&receipt, err);
    *incoming = receipt.incoming;
    if (problem == R2G_PROBLEM_NONE)
        problem = r2g_job_options_check(&job->options, err);
    return problem;
}

/* The value of a base64 digit (RFC 4648, section 4), or -1. */
static int digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* Decodes nbytes of padded base64 into a text; false where it is none, too long, or holds a NUL. */
static bool decode_text(const char *from, size_t nbytes, char *text, size_t text_nbytes) {
    size_t used = 0, padding = 0;
    if (nbytes % 4 != 0 || nbytes / 4 * 3 >= text_nbytes)
        return false;
    while (padding < 2 && padding < nbytes && from[nbytes - 1 - padding] == '=')
        padding++;
    uint32_t bits = 0;
    for (size_t i = 0; i < nbytes - padding; i++) {
        int value = digit(from[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 != 0)
            text[used++] = (char)(bits >> (6 - i % 4 * 2));
    }
    text[used] = '\0';
    return strlen(text) == used;
}

/* Keys that well-known clients of tus send of their own accord and that say nothing about the conversion. */
static bool passed_over(const char *key) {
    static const char *const keys[] = {"filetype", "type", "relativePath", NULL};
    for (int i = 0; keys[i]; i++) {
        if (strcmp(key, keys[i]) == 0)
            return true;
    }
    return false;
}

static enum r2g_problem set_pair(const struct r2g_http *http, struct r2g_job *job, const char *pair, size_t nbytes,
                                 struct r2g_error *err) {
    char key[48], value[1024];
    const char *space = memchr(pair, ' ', nbytes);
    size_t key_nbytes = space ? (size_t)(space - pair) : nbytes;
    size_t value_nbytes = space ? nbytes - key_nbytes - 1 : 0;
    if (key_nbytes == 0 || key_nbytes >= sizeof key ||
        !decode_text(space ? space + 1 : "", value_nbytes, value, sizeof value))
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST,
                           "Upload-Metadata must be pairs of a key and base64, parted by commas");
    snprintf(key, sizeof key, "%.*s", (int)key_nbytes, pair);
    if (passed_over(key))
        return R2G_PROBLEM_NONE;
    return r2g_api_set(http, job, strcmp(key, "filename") == 0 ? "name" : key, value, err);
}

enum r2g_problem r2g_api_metadata(const struct r2g_http *http, const char *metadata, struct r2g_job *job,
                                  struct r2g_error *err) {
    const char *p = metadata + strspn(metadata, " ");
    while (*p) {
        size_t nbytes = strcspn(p, ",");
        enum r2g_problem problem = set_pair(http, job, p, nbytes, err);
        if (problem != R2G_PROBLEM_NONE)
            return problem;
        p += nbytes;
        if (*p == ',')
            p += 1 + strspn(p + 1, " ");
    }
    return r2g_job_options_check(&job->options, err);
}
