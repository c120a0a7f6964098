/* From a request's method and path to its handler: the API's routes, those of sessions, and the page's files. */
#include "gateway/http_parts.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define COOKIE "r2g_session"

static bool is_segment_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

bool r2g_http_match(const char *pattern, const char *path, char parameters[R2G_HTTP_PARAMETERS][80]) {
    size_t count = 0;
    while (*pattern) {
        if (strncmp(pattern, "{}", 2) != 0) {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        size_t length = 0;
        while (is_segment_char(path[length]))
            length++;
        if (length == 0 || length > 79 || count == R2G_HTTP_PARAMETERS)
            return false;
        memcpy(parameters[count], path, length);
        parameters[count++][length] = '\0';
        path += length;
        pattern += 2;
    }
    return *path == '\0';
}

/* ---- sessions ---- */

static void session_new(struct r2g_http *http) {
    struct r2g_http_state *state = http->state;
    struct r2g_error err;
    char session[R2G_SESSION_NBYTES];
    if (http->settings->token_count == 0) {
        enum r2g_problem none = r2g_problem(&err, R2G_PROBLEM_NOT_FOUND, "no tokens are used here");
        r2g_http_problem(http, none, &err);
        return;
    }
    enum r2g_problem problem = r2g_guard_session_new(state->server->guard, http->client, session, &err);
    if (problem != R2G_PROBLEM_NONE) {
        r2g_http_problem(http, problem, &err);
        return;
    }
    r2g_http_add_header(http, "Set-Cookie", COOKIE "=%s; HttpOnly; SameSite=Strict; Path=/; Max-Age=%d%s", session,
                        R2G_SESSION_S, state->secure ? "; Secure" : "");
    r2g_http_answer(http, 204, NULL, NULL, 0);
}

static void session_end(struct r2g_http *http) {
    struct r2g_http_state *state = http->state;
    r2g_guard_session_end(state->server->guard, r2g_http_header(http, "Cookie"));
    r2g_http_add_header(http, "Set-Cookie", COOKIE "=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    r2g_http_answer(http, 204, NULL, NULL, 0);
}

static const struct r2g_route own_routes[] = {
    {"POST", "/api/v1/session", session_new},
    {"DELETE", "/api/v1/session", session_end},
    {NULL, NULL, NULL},
};

/* ---- the page ---- */

/* Whether Accept-Encoding (RFC 9110, 12.5.3) takes gzip. One that names it with a weight other than none is enough. */
static bool takes_gzip(const struct r2g_http *http) {
    const char *accepted = r2g_http_header(http, "Accept-Encoding");
    const char *named = accepted ? strstr(accepted, "gzip") : NULL;
    if (!named)
        return false;
    named += strlen("gzip");
    named += strspn(named, " ;"); /* to its weight, if it has one */
    return strncmp(named, "q=0", 3) != 0 || named[3] == '.';
}

static void send_page_file(struct r2g_http *http, const struct r2g_page_file *file) {
    struct r2g_http_state *state = http->state;
    const char *none_match = r2g_http_header(http, "If-None-Match");
    bool packed = file->packed && takes_gzip(http);
    char quoted[48];
    state->pattern = "page";
    snprintf(quoted, sizeof quoted, "\"%s%s\"", file->etag, packed ? "-gzip" : "");
    r2g_http_add_header(http, "ETag", "%s", quoted);
    r2g_http_add_header(http, "Cache-Control", "no-cache");
    r2g_http_add_header(http, "Vary", "Accept-Encoding");
    if (none_match && strstr(none_match, quoted)) {
        r2g_http_answer(http, 304, NULL, NULL, 0);
        return;
    }
    if (packed)
        r2g_http_add_header(http, "Content-Encoding", "gzip");
    r2g_http_answer(http, 200, file->type, packed ? file->packed : file->bytes,
                    packed ? file->packed_nbytes : file->nbytes);
}

/* ---- finding ---- */

/* What the tables say of a path. */
struct found {
    const struct r2g_route *route;
    bool path_known;
    char allow[96];
};

static void add_allow(struct found *found, const char *method) {
    size_t used = strlen(found->allow);
    snprintf(found->allow + used, sizeof found->allow - used, "%s%s", used ? ", " : "", method);
}

static void look_up(struct found *found, struct r2g_http *http, const struct r2g_route *routes) {
    const char *method = strcmp(http->method, "HEAD") == 0 ? "GET" : http->method;
    for (const struct r2g_route *route = routes; route->method && !found->route; route++) {
        char parameters[R2G_HTTP_PARAMETERS][80] = {{0}};
        if (!r2g_http_match(route->pattern, http->path, parameters))
            continue;
        struct r2g_http_state *state = http->state;
        state->pattern = route->pattern;
        found->path_known = true;
        add_allow(found, route->method);
        if (strcmp(route->method, "GET") == 0)
            add_allow(found, "HEAD");
        /* a path may take HEAD in a way of its own, as tus wants it */
        if (strcmp(route->method, http->method) == 0 || strcmp(route->method, method) == 0) {
            found->route = route;
            memcpy(http->parameters, parameters, sizeof parameters);
        }
    }
}

static void answer_options(struct r2g_http *http, const char *allow) {
    r2g_http_add_header(http, "Allow", "%s", allow);
    r2g_http_answer(http, 204, NULL, NULL, 0);
}

static void refuse_method(struct r2g_http *http, const char *allow) {
    struct r2g_http_state *state = http->state;
    struct r2g_error err;
    state->allow = allow;
    enum r2g_problem problem =
        r2g_problem(&err, R2G_PROBLEM_METHOD_NOT_ALLOWED, "%s is not allowed here, but %s", http->method, allow);
    r2g_http_problem(http, problem, &err);
    state->allow = NULL;
}

/* For clients that can send POST alone, tus has a header that names the method (tus 1.0.0, X-HTTP-Method-Override). The
 * guard has looked at the request as the POST that it is. */
static const char *method_of(const struct r2g_http *http) {
    static const char *const methods[] = {"HEAD", "PATCH", "DELETE"};
    static const char uploads[] = "/api/v1/uploads/";
    const char *wanted = r2g_http_header(http, "X-HTTP-Method-Override");
    if (!wanted || strcmp(http->method, "POST") != 0 || strncmp(http->path, uploads, sizeof uploads - 1) != 0)
        return http->method;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(methods[i], wanted) == 0)
            return methods[i];
    }
    return http->method;
}

void r2g_http_route(struct r2g_http *http) {
    struct r2g_http_state *state = http->state;
    struct found found = {0};
    http->method = method_of(http);
    look_up(&found, http, own_routes);
    if (!found.route)
        look_up(&found, http, r2g_api_routes);
    if (found.route) {
        found.route->handle(http);
        return;
    }
    const struct r2g_page_file *file = found.path_known ? NULL : r2g_page_find(state->server->page, http->path);
    bool reads = strcmp(http->method, "GET") == 0 || strcmp(http->method, "HEAD") == 0;
    if (file)
        snprintf(found.allow, sizeof found.allow, "GET, HEAD");
    if (file && reads)
        send_page_file(http, file);
    else if ((file || found.path_known) && strcmp(http->method, "OPTIONS") == 0)
        answer_options(http, found.allow);
    else if (file || found.path_known)
        refuse_method(http, found.allow);
    else {
        struct r2g_error err;
        r2g_http_problem(http, r2g_problem(&err, R2G_PROBLEM_NOT_FOUND, "there is no such address here"), &err);
    }
}
