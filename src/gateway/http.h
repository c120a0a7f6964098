/* HTTP, through civetweb: the only files that include its header are http*.c.
 *
 * The server reads a request's header, puts it through the guard (host, origin, token, rate: guard.h), finds its route in
 * one table, and calls the handler in a thread of its own. A handler answers exactly once, by one of the functions below;
 * each of them adds the security headers. Event streams hold their thread. Nothing here keeps a body in memory.
 */
#ifndef R2G_GATEWAY_HTTP_H
#define R2G_GATEWAY_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/problem.h"
#include "gateway/settings.h"

struct r2g_jobs;
struct mg_connection;

#define R2G_HTTP_PARAMETERS 4

/* One request. Belongs to the thread that serves it. */
struct r2g_http {
    struct r2g_jobs *jobs;
    const struct r2g_settings *settings;
    struct mg_connection *connection; /* for http*.c */
    const char *method;               /* "GET", ... (HEAD is served by GET's handler, without the body) */
    const char *path;                 /* as sent, without query */
    const char *client;               /* the key of jobs, rates and fairness: token's name, or address */
    const char *visible_to;           /* what jobs.h wants as `client` for one job: NULL where no tokens are used */
    char parameters[R2G_HTTP_PARAMETERS][80]; /* what the {} of the route matched, in order */
    bool answered;                            /* a status line was sent */
    bool close;                               /* the body was not read to its end: the connection must not be reused */
    void *state;                              /* for http*.c */
};

typedef void r2g_http_handler(struct r2g_http *http);

struct r2g_route {
    const char *method;
    const char *pattern; /* "/api/v1/jobs/{}/result": {} matches one segment of [A-Za-z0-9._-], at most 79 bytes */
    r2g_http_handler *handle;
};

/* All routes of the API, ended by one without a method; in api.c. */
extern const struct r2g_route r2g_api_routes[];

struct r2g_server;
/* Whether the settings allow a server, and its address can be had: the errors of r2g_server_start, before anything else
 * is started. */
R2G_MUST_CHECK r2g_status r2g_server_check(const struct r2g_settings *settings, struct r2g_error *err);
/* Listens and serves r2g_api_routes, and the page's files (settings->web) for GET of other paths. R2G_EUSAGE where the
 * address cannot be had or the settings do not allow it (no token; TLS that would crash). */
R2G_MUST_CHECK r2g_status r2g_server_start(struct r2g_server **server, const struct r2g_settings *settings,
                                           struct r2g_jobs *jobs, struct r2g_error *err);
/* The version of the library below. */
const char *r2g_http_library(void);
/* "http://127.0.0.1:8080" */
const char *r2g_server_address(const struct r2g_server *server);
/* Lets requests under way end (jobs must be told to stop first, so that nobody waits), and frees. */
void r2g_server_stop(struct r2g_server *server);

/* ---- asking ---- */

/* A request header's value, or NULL. */
const char *r2g_http_header(const struct r2g_http *http, const char *name);
/* Decodes the query parameter `name`; false if absent, or longer than the buffer or not UTF-8 (then text is ""). */
bool r2g_http_query(const struct r2g_http *http, const char *name, char *text, size_t text_nbytes);
/* Calls each decoded parameter of the query. BAD_REQUEST where it cannot be decoded, or what `each` returns. */
R2G_MUST_CHECK enum r2g_problem r2g_http_query_each(const struct r2g_http *http,
                                                    enum r2g_problem (*each)(void *user, const char *name,
                                                                             const char *value, struct r2g_error *err),
                                                    void *user, struct r2g_error *err);
/* Content-Length, or -1 (chunked). */
int64_t r2g_http_body_nbytes(const struct r2g_http *http);
/* Reads the whole body piece by piece. TOO_LARGE past max_nbytes, TOO_SLOW (see settings), BAD_REQUEST where the
 * connection ends early, or what `piece` returns. */
typedef enum r2g_problem r2g_http_piece(void *user, const void *bytes, size_t nbytes, struct r2g_error *err);
R2G_MUST_CHECK enum r2g_problem r2g_http_read_body(struct r2g_http *http, uint64_t max_nbytes, r2g_http_piece *piece,
                                                   void *user, struct r2g_error *err);
/* Reads a body of at most text_nbytes - 1 bytes as text. */
R2G_MUST_CHECK enum r2g_problem r2g_http_read_text(struct r2g_http *http, char *text, size_t text_nbytes,
                                                   struct r2g_error *err);
/* Reads a multipart/form-data body: `field` for every small field (at most 1 KiB, 32 of them), in order; `file` begins the
 * file (exactly one, whatever its field is called), then `piece`. BAD_REQUEST, TOO_LARGE, TOO_SLOW, or what they return. */
struct r2g_http_form {
    enum r2g_problem (*field)(void *user, const char *name, const char *value, struct r2g_error *err);
    enum r2g_problem (*file)(void *user, const char *file_name, struct r2g_error *err);
    r2g_http_piece *piece;
    void *user;
};
R2G_MUST_CHECK enum r2g_problem r2g_http_read_form(struct r2g_http *http, uint64_t max_nbytes,
                                                   const struct r2g_http_form *form, struct r2g_error *err);

/* ---- answering ---- */

/* Adds a header to the answer that follows; control characters are refused (assert) in name, replaced by '?' in value. */
void r2g_http_add_header(struct r2g_http *http, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define R2G_HTTP_DATE_NBYTES 40
/* A date as HTTP writes it (RFC 9110, section 5.6.7), whatever the locale is. */
void r2g_http_date(int64_t unix_s, char text[R2G_HTTP_DATE_NBYTES]);
/* Answers with a body in memory; type may be NULL with no body. */
void r2g_http_answer(struct r2g_http *http, int status, const char *type, const void *body, size_t nbytes);
/* problem+json: type, title, status, detail (err->text) and, for a job's own, "job". Adds Retry-After, Allow,
 * WWW-Authenticate where the type wants it. Counts the refusal. */
void r2g_http_problem(struct r2g_http *http, enum r2g_problem problem, const struct r2g_error *err);
/* Sends a file: GET and HEAD, a single Range (206, 416), If-Range, If-None-Match (304), ETag "etag" if not NULL. */
struct r2g_http_file {
    int fd; /* closed by the caller */
    uint64_t nbytes;
    const char *type;          /* "image/png" */
    const char *etag;          /* strong, without quotes, or NULL */
    const char *download_name; /* UTF-8, any bytes: made safe; NULL: no Content-Disposition */
    bool attachment;           /* else inline */
    const char *cache;         /* Cache-Control; NULL: no-store */
};
void r2g_http_send_file(struct r2g_http *http, const struct r2g_http_file *file);
/* An answer of unknown length (events, CSV): begin, then pieces (false: the client has gone), then end. */
void r2g_http_stream_begin(struct r2g_http *http, int status, const char *type);
R2G_MUST_CHECK bool r2g_http_stream(struct r2g_http *http, const void *bytes, size_t nbytes);
void r2g_http_stream_end(struct r2g_http *http);

#endif
