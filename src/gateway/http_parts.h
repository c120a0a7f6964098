/* What http*.c share with each other; nobody else includes it.
 *
 * civetweb runs each connection in a thread of its pool and calls us when a request's header is there. Its own waiting
 * ends after a silence only, so a client that sends or takes a byte now and then would hold a thread for as long as it
 * likes: therefore every longer read and write stands under a deadline that one thread watches over (r2g_watch), and
 * which shuts the socket down.
 */
#ifndef R2G_GATEWAY_HTTP_PARTS_H
#define R2G_GATEWAY_HTTP_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/guard.h"
#include "gateway/http.h"
#include "gateway/page.h"

/* ---- deadlines (http_watch.c) ---- */

/* One wait under a deadline: in the list from begin to end. */
struct r2g_watch {
    int fd;
    int how; /* for shutdown(2) */
    int64_t deadline_ns;
    bool fired;
    struct r2g_watch *previous, *next;
};

struct r2g_watcher {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct r2g_watch list; /* its head */
    bool started, stop;
    bool asleep; /* until something is to be watched */
};

R2G_MUST_CHECK r2g_status r2g_watcher_start(struct r2g_watcher *watcher, struct r2g_error *err);
void r2g_watcher_stop(struct r2g_watcher *watcher);
/* fd < 0: not watched. */
void r2g_watch_begin(struct r2g_watcher *watcher, struct r2g_watch *watch, int fd, int how, int64_t timeout_ns);
/* True if the deadline passed and the socket was shut down. */
bool r2g_watch_end(struct r2g_watcher *watcher, struct r2g_watch *watch);

/* ---- connections by address (http_census.c) ---- */

#define R2G_CENSUS_SOCKETS 32768 /* descriptors that are looked at: more than the most connections, and their like */

struct r2g_census {
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    unsigned open, most; /* connections: at all, and of one address */
    unsigned port;       /* 0: not known yet */
    const char *trusted_proxy;
    bool asked[R2G_CENSUS_SOCKETS]; /* by descriptor: had a request */
    bool started, stop;
};

/* `settings` must outlive it. Before the first connection; stopped when there is none any more. */
R2G_MUST_CHECK r2g_status r2g_census_start(struct r2g_census *census, const struct r2g_settings *settings,
                                           struct r2g_error *err);
void r2g_census_stop(struct r2g_census *census);
void r2g_census_set_port(struct r2g_census *census, unsigned port);
/* What becomes of a connection. fd < 0: its socket is not known. */
void r2g_census_opened(struct r2g_census *census);
void r2g_census_asked(struct r2g_census *census, int fd);
void r2g_census_closed(struct r2g_census *census, int fd);

/* ---- threads (http_threads.c) ---- */

struct r2g_http_thread;
struct r2g_http_threads {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    struct r2g_http_thread *idle; /* the one that was idle last first */
    unsigned count;
    bool stop;
};

void r2g_http_threads_init(struct r2g_http_threads *threads);
/* Calls run(argument) in a thread with stack enough, and waits for it. False, and nothing was called, where the system
 * refuses a thread. */
R2G_MUST_CHECK bool r2g_http_threads_run(struct r2g_http_threads *threads, void (*run)(void *argument), void *argument);
/* When nothing is under way: ends all of them. */
void r2g_http_threads_stop(struct r2g_http_threads *threads);

/* ---- the server (http.c) ---- */

#define R2G_HTTP_HEADER_NBYTES 16384 /* a request's header at most */
#define R2G_HTTP_PIECE_NBYTES 65536  /* of a body, read or sent at once */

struct r2g_server {
    const struct r2g_settings *settings;
    struct r2g_jobs *jobs;
    struct mg_context *context;
    struct r2g_guard *guard;
    struct r2g_page *page;
    struct r2g_watcher watcher;
    struct r2g_http_threads threads;
    struct r2g_census census;
    unsigned stream_limit;
    atomic_uint streams, active;
    atomic_bool stopping;
    bool tls;
    int port; /* listened on; 0: not yet */
    char address[80];
};

/* What is kept of one request; its struct r2g_http points here with `state`. */
struct r2g_http_state {
    struct r2g_server *server;
    const char *pattern; /* of the route, for the log: never a client's text */
    bool head;           /* no body is sent */
    bool http10;         /* knows neither chunks nor 100 Continue */
    bool tls;            /* of this connection */
    bool secure;         /* TLS up to the client, perhaps at the proxy */
    bool expects;        /* waits for 100 Continue before it sends its body */
    bool streaming, stream_counted;
    bool body_ended;
    bool broken;       /* the body cannot be read: badly framed, too slow, or cut short */
    bool gone;         /* nothing more can be sent */
    int status;        /* of the answer */
    int64_t body_left; /* -1: chunked */
    int64_t body_waited_ns;
    size_t piece_nbytes;
    int64_t began_ns;
    uint64_t in_nbytes, out_nbytes; /* of the bodies */
    size_t header_nbytes;
    char header[3072]; /* what r2g_http_add_header collected */
    char client[96];
    const char *allow; /* for 405 */
    unsigned retry_after_s;
};

/* The socket of this request's connection, which civetweb does not tell; -1 where it is not found. */
int r2g_http_fd(struct r2g_http *http);
/* The descriptor of a connection from this address and port to our port, or -1. */
int r2g_http_find_socket(const char *remote_address, int remote_port, int server_port);

/* ---- bodies (http_body.c) ---- */

/* Reads what comes next, at most nbytes; *got_nbytes is 0 at the end only. TOO_SLOW, BAD_REQUEST. */
R2G_MUST_CHECK enum r2g_problem r2g_http_body_next(struct r2g_http *http, void *bytes, size_t nbytes,
                                                   size_t *got_nbytes, struct r2g_error *err);
/* Refuses a body that is declared larger than max_nbytes, before any of it is read. */
R2G_MUST_CHECK enum r2g_problem r2g_http_body_check(const struct r2g_http *http, uint64_t max_nbytes,
                                                    struct r2g_error *err);
/* Decides, before the answer's header is sent, whether the connection can be used again. */
void r2g_http_body_settle(struct r2g_http *http);
/* After an answer on a connection that is to be closed: takes what the client still sends, for a bounded time, so that
 * it can read the answer. */
void r2g_http_linger(struct r2g_http *http);

/* ---- texts (http_ask.c) ---- */

bool r2g_http_is_utf8(const char *text);
/* The value of a header with this name counted from `first` on; *count is the number of such headers. */
const char *r2g_http_header_count(const struct r2g_http *http, const char *name, int *count);
/* The last header with this name: the one that the nearest proxy has added. */
const char *r2g_http_header_last(const struct r2g_http *http, const char *name);
/* Whether the framing is beyond doubt (RFC 9112, section 6). BAD_REQUEST, NOT_IMPLEMENTED, HEADER_TOO_LARGE. */
R2G_MUST_CHECK enum r2g_problem r2g_http_check_framing(struct r2g_http *http, struct r2g_error *err);

/* ---- sending (http_answer.c) ---- */

/* Sends bytes of a body under a deadline; false where the client has gone. */
R2G_MUST_CHECK bool r2g_http_send(struct r2g_http *http, const void *bytes, size_t nbytes);
/* The status line and all header lines; nbytes < 0: of unknown length. */
void r2g_http_send_header(struct r2g_http *http, int status, const char *type, int64_t nbytes);

/* ---- routes (http_routes.c) ---- */

/* Finds the route and calls its handler, or answers. */
void r2g_http_route(struct r2g_http *http);
/* Whether `path` matches `pattern`; fills parameters. */
bool r2g_http_match(const char *pattern, const char *path, char parameters[R2G_HTTP_PARAMETERS][80]);

#endif
