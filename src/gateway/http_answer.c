/* Answers: the status line, the headers that every answer has, bodies in memory, problems and streams. */
#include "gateway/http_parts.h"

#include <assert.h>
#include <civetweb.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "base/buffer.h"
#include "base/json.h"
#include "gateway/metrics.h"

#define SECOND_NS INT64_C(1000000000)
#define SEND_GRACE_S 30

/* The page loads its own scripts, styles and pictures, and nothing else; an answer of the API loads nothing. */
#define PAGE_POLICY                                                                                                    \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "              \
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
#define API_POLICY "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

static const char *reason(int status) {
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {303, "See Other"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status)
            return reasons[i].text;
    }
    return "Other";
}

void r2g_http_add_header(struct r2g_http *http, const char *name, const char *format, ...) {
    struct r2g_http_state *state = http->state;
    char value[2100];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    assert(strpbrk(name, "\r\n:") == NULL);
    /* A header that does not fit would be cut, and mean something else: it is left out. */
    size_t room = sizeof state->header - state->header_nbytes;
    if (length < 0 || (size_t)length >= sizeof value || strlen(name) + (size_t)length + 5 > room)
        return;
    for (char *c = value; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
    }
    state->header_nbytes += (size_t)snprintf(state->header + state->header_nbytes, room, "%s: %s\r\n", name, value);
}

/* Whether such a header was added by the handler. */
static bool has_header(const struct r2g_http_state *state, const char *name) {
    size_t length = strlen(name);
    for (const char *line = state->header; line < state->header + state->header_nbytes;) {
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return true;
        line = strchr(line, '\n') + 1;
    }
    return false;
}

void r2g_http_date(int64_t unix_s, char text[R2G_HTTP_DATE_NBYTES]) {
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)unix_s;
    struct tm tm = {0};
    gmtime_r(&seconds, &tm);
    snprintf(text, R2G_HTTP_DATE_NBYTES, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday, tm.tm_mday,
             months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

bool r2g_http_send(struct r2g_http *http, const void *bytes, size_t nbytes) {
    struct r2g_http_state *state = http->state;
    const char *next = bytes;
    while (nbytes > 0 && !state->gone) {
        size_t piece = nbytes < R2G_HTTP_PIECE_NBYTES ? nbytes : R2G_HTTP_PIECE_NBYTES;
        struct r2g_watch watch;
        /* what is small goes into the socket's buffer and needs no watching */
        bool watched = state->streaming || state->out_nbytes + nbytes > R2G_HTTP_PIECE_NBYTES;
        int64_t rate = http->settings->body_rate > 0 ? http->settings->body_rate : INT64_C(1) << 30;
        r2g_watch_begin(&state->server->watcher, &watch, watched ? r2g_http_fd(http) : -1, SHUT_RDWR,
                        SEND_GRACE_S * SECOND_NS + (int64_t)piece * SECOND_NS / rate);
        int sent = mg_write(http->connection, next, piece);
        bool fired = r2g_watch_end(&state->server->watcher, &watch);
        if (sent > 0) {
            state->out_nbytes += (uint64_t)sent;
            r2g_metrics_add(R2G_COUNT_SENT_NBYTES, (uint64_t)sent);
        }
        if (fired || sent != (int)piece) {
            state->gone = true;
            http->close = true;
            return false;
        }
        next += piece;
        nbytes -= piece;
    }
    return !state->gone;
}

void r2g_http_send_header(struct r2g_http *http, int status, const char *type, int64_t nbytes) {
    struct r2g_http_state *state = http->state;
    assert(!http->answered);
    r2g_http_body_settle(http);
    char date[R2G_HTTP_DATE_NBYTES], lines[R2G_HTTP_HEADER_NBYTES / 2], framing[64] = "";
    r2g_http_date(time(NULL), date);
    bool page = state->pattern && strcmp(state->pattern, "page") == 0 && status < 400;
    if (nbytes >= 0 && status != 204 && status != 304)
        snprintf(framing, sizeof framing, "Content-Length: %" PRId64 "\r\n", nbytes);
    else if (nbytes < 0 && !state->http10)
        snprintf(framing, sizeof framing, "Transfer-Encoding: chunked\r\n");
    else if (nbytes < 0)
        http->close = true;
    int length =
        snprintf(lines, sizeof lines,
                 "HTTP/1.1 %d %s\r\nDate: %s\r\n%s%s%s%s%s%s"
                 "Content-Security-Policy: %s\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
                 "Cross-Origin-Resource-Policy: same-origin\r\nCross-Origin-Opener-Policy: same-origin\r\n"
                 "X-Frame-Options: DENY\r\n"
                 "Permissions-Policy: camera=(self), geolocation=(), microphone=(), payment=(), usb=()\r\n"
                 "%s%.*s\r\n",
                 status, reason(status), date, framing, http->close ? "Connection: close\r\n" : "",
                 !http->close && state->http10 ? "Connection: keep-alive\r\n" : "", type ? "Content-Type: " : "",
                 type ? type : "", type ? "\r\n" : "", page ? PAGE_POLICY : API_POLICY,
                 has_header(state, "Cache-Control") ? "" : "Cache-Control: no-store\r\n", (int)state->header_nbytes,
                 state->header);
    http->answered = true;
    state->status = status;
    if (mg_write(http->connection, lines, (size_t)length) != length) {
        state->gone = true;
        http->close = true;
    }
}

void r2g_http_answer(struct r2g_http *http, int status, const char *type, const void *body, size_t nbytes) {
    struct r2g_http_state *state = http->state;
    r2g_http_send_header(http, status, type, (int64_t)nbytes);
    if (nbytes > 0 && !state->head)
        (void)!r2g_http_send(http, body, nbytes);
}

static void add_problem_headers(struct r2g_http *http, enum r2g_problem problem) {
    struct r2g_http_state *state = http->state;
    switch (problem) {
    case R2G_PROBLEM_TOKEN_NEEDED:
        r2g_http_add_header(http, "WWW-Authenticate", "Bearer realm=\"rgb2gray\"");
        break;
    case R2G_PROBLEM_METHOD_NOT_ALLOWED:
        if (state->allow)
            r2g_http_add_header(http, "Allow", "%s", state->allow);
        break;
    case R2G_PROBLEM_TOO_MANY_REQUESTS:
    case R2G_PROBLEM_TOO_MANY_CONNECTIONS:
    case R2G_PROBLEM_QUEUE_FULL:
    case R2G_PROBLEM_STOPPING:
    case R2G_PROBLEM_NOT_SERVING:
        if (!has_header(state, "Retry-After"))
            r2g_http_add_header(http, "Retry-After", "%u", state->retry_after_s ? state->retry_after_s : 5);
        break;
    default:
        break;
    }
}

void r2g_http_problem(struct r2g_http *http, enum r2g_problem problem, const struct r2g_error *err) {
    const struct r2g_problem_text *text = r2g_problem_text(problem);
    r2g_metrics_refused(problem);
    if (http->answered) { /* too late to say so: the client must not take what it got for the whole */
        http->close = true;
        return;
    }
    char uri[80];
    snprintf(uri, sizeof uri, R2G_PROBLEM_URI "%s", text->type);
    json_t *detail = r2g_json_text(err ? err->text : "");
    json_t *object = json_pack("{s:s, s:s, s:i, s:o*}", "type", uri, "title", text->title, "status", text->http_status,
                               "detail", detail);
    char *body = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    add_problem_headers(http, problem);
    /* where there is no memory for its words, the status still tells */
    r2g_http_answer(http, text->http_status, body ? "application/problem+json" : NULL, body, body ? strlen(body) : 0);
    r2g_budget_free(body);
}

void r2g_http_stream_begin(struct r2g_http *http, int status, const char *type) {
    struct r2g_http_state *state = http->state;
    struct r2g_server *server = state->server;
    if (!state->stream_counted) {
        if (atomic_fetch_add(&server->streams, 1) >= server->stream_limit) {
            atomic_fetch_sub(&server->streams, 1);
            struct r2g_error err;
            enum r2g_problem problem = r2g_problem(&err, R2G_PROBLEM_TOO_MANY_CONNECTIONS,
                                                   "%u answers are being streamed already", server->stream_limit);
            r2g_http_problem(http, problem, &err);
            state->gone = true;
            return;
        }
        state->stream_counted = true;
    }
    state->streaming = true;
    r2g_http_send_header(http, status, type, -1);
}

bool r2g_http_stream(struct r2g_http *http, const void *bytes, size_t nbytes) {
    struct r2g_http_state *state = http->state;
    if (state->gone || atomic_load(&state->server->stopping))
        return false;
    if (nbytes == 0 || state->head) /* an empty chunk would be the last one */
        return !state->head;
    if (state->http10)
        return r2g_http_send(http, bytes, nbytes);
    char size[24];
    int length = snprintf(size, sizeof size, "%zx\r\n", nbytes);
    return r2g_http_send(http, size, (size_t)length) && r2g_http_send(http, bytes, nbytes) &&
           r2g_http_send(http, "\r\n", 2);
}

void r2g_http_stream_end(struct r2g_http *http) {
    struct r2g_http_state *state = http->state;
    if (!state->streaming)
        return;
    if (!state->http10 && !state->head && !state->gone)
        (void)!r2g_http_send(http, "0\r\n\r\n", 5);
    state->streaming = false;
}
