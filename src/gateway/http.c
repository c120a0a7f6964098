/* The server: civetweb's callbacks, from a connection to an answer and its line in the log. */
#include "gateway/http_parts.h"

#include <arpa/inet.h>
#include <civetweb.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/text.h"
#include "gateway/metrics.h"
#include "gateway/tls.h"

#define SECOND_NS INT64_C(1000000000)
#define KEEP_ALIVE_MS "5000" /* an idle connection holds a thread: not for long */
#define STOP_WAIT_NS (10 * SECOND_NS)
#define DESCRIPTOR_GAP 1024 /* new descriptors get the lowest free number, so past a long gap there are none */

/* What is kept of a connection, from its first request to its end. */
struct connection {
    struct r2g_server *server;
    char address[48]; /* "" until it is counted */
    int fd;           /* -1: not looked for, or not found */
    int64_t since_ns; /* when it was opened, or its last answer sent */
    bool answered;    /* a request that civetweb refused */
};

/* ---- sockets ---- */

static bool is_socket_of(int fd, const struct sockaddr_in *remote, int server_port) {
    struct sockaddr_in other = {0}, own = {0};
    socklen_t other_nbytes = sizeof other, own_nbytes = sizeof own;
    return getpeername(fd, (struct sockaddr *)&other, &other_nbytes) == 0 && other.sin_family == AF_INET &&
           other.sin_port == remote->sin_port && other.sin_addr.s_addr == remote->sin_addr.s_addr &&
           getsockname(fd, (struct sockaddr *)&own, &own_nbytes) == 0 && ntohs(own.sin_port) == server_port;
}

int r2g_http_find_socket(const char *remote_address, int remote_port, int server_port) {
    struct sockaddr_in remote = {.sin_family = AF_INET, .sin_port = htons((uint16_t)remote_port)};
    if (inet_pton(AF_INET, remote_address, &remote.sin_addr) != 1)
        return -1;
    for (int fd = 3, gap = 0; gap < DESCRIPTOR_GAP; fd++) {
        errno = 0; /* a socket of another connection is no error */
        if (is_socket_of(fd, &remote, server_port))
            return fd;
        gap = errno == EBADF ? gap + 1 : 0;
    }
    return -1;
}

/* civetweb's threads look every two seconds whether they are to end. Those that wait for a connection, or for the next
 * request of one, are woken: what they wait on has ended. */
static void end_sockets(int server_port) {
    for (int fd = 3, gap = 0; gap < DESCRIPTOR_GAP; fd++) {
        struct sockaddr_in own = {0};
        socklen_t nbytes = sizeof own;
        errno = 0;
        if (getsockname(fd, (struct sockaddr *)&own, &nbytes) == 0 && own.sin_family == AF_INET &&
            ntohs(own.sin_port) == server_port)
            shutdown(fd, SHUT_RD);
        gap = errno == EBADF ? gap + 1 : 0;
    }
}

int r2g_http_fd(struct r2g_http *http) {
    struct connection *connection = mg_get_user_connection_data(http->connection);
    const struct mg_request_info *info = mg_get_request_info(http->connection);
    if (connection && connection->fd < 0 && info)
        connection->fd = r2g_http_find_socket(info->remote_addr, info->remote_port, info->server_port);
    return connection ? connection->fd : -1;
}

/* ---- the log ---- */

static void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void log_line(const char *format, ...) {
    char line[700];
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &tm);
    used += (size_t)snprintf(line + used, sizeof line - used, ".%03ldZ ", now.tv_nsec / 1000000);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line + used, sizeof line - used - 1, format, arguments);
    va_end(arguments);
    used = length < 0 ? used : used + (size_t)length < sizeof line - 2 ? used + (size_t)length : sizeof line - 2;
    line[used++] = '\n';
    if (write(STDERR_FILENO, line, used) < 0)
        return; /* there is no better place to say so */
}

static void log_request(const struct r2g_http *http) {
    const struct r2g_http_state *state = http->state;
    if (http->settings->quiet)
        return;
    char client[90];
    r2g_text_plain(client, sizeof client, http->client);
    double ms = (double)(r2g_clock_ns() - state->began_ns) / 1e6;
    log_line("%s %s %s %d in=%" PRIu64 " out=%" PRIu64 " ms=%.1f", client, http->method,
             state->pattern ? state->pattern : "-", state->status, state->in_nbytes, state->out_nbytes, ms);
}

/* civetweb's own words, which may hold a client's. */
static int on_log(const struct mg_connection *connection, const char *message) {
    (void)connection;
    struct r2g_error clean;
    (void)!r2g_fail(&clean, R2G_OK, "%s", message);
    log_line("civetweb: %s", clean.text);
    return 1;
}

/* ---- requests ---- */

static const char *known_method(const char *method) {
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(methods[i], method) == 0)
            return methods[i];
    }
    return NULL;
}

static bool is_public(const struct r2g_server *server, const char *path) {
    return strcmp(path, "/healthz") == 0 || strcmp(path, "/readyz") == 0 || r2g_page_find(server->page, path) ||
           (strncmp(path, "/api/", 5) != 0 && strcmp(path, "/metrics") != 0);
}

static enum r2g_problem admit(struct r2g_http *http, struct r2g_error *err) {
    struct r2g_http_state *state = http->state;
    struct r2g_guard_verdict verdict;
    struct r2g_guard_request request = {
        .method = http->method,
        .path = http->path,
        .address = mg_get_request_info(http->connection)->remote_addr,
        .tls = state->tls,
        .public_path = is_public(state->server, http->path),
        .host = r2g_http_header(http, "Host"),
        .origin = r2g_http_header(http, "Origin"),
        .fetch_site = r2g_http_header(http, "Sec-Fetch-Site"),
        .authorization = r2g_http_header(http, "Authorization"),
        .cookie = r2g_http_header(http, "Cookie"),
        .forwarded_for = r2g_http_header_last(http, "X-Forwarded-For"),
        .forwarded_proto = r2g_http_header_last(http, "X-Forwarded-Proto"),
    };
    int hosts;
    r2g_http_header_count(http, "Host", &hosts);
    if (hosts > 1)
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "there is more than one Host header");
    enum r2g_problem problem = r2g_guard_admit(state->server->guard, &request, &verdict, err);
    snprintf(state->client, sizeof state->client, "%s", verdict.client);
    state->secure = verdict.secure;
    state->retry_after_s = verdict.retry_after_s;
    if (http->settings->token_count > 0)
        http->visible_to = http->client;
    return problem;
}

/* Everything that is checked before a route is looked for. */
static enum r2g_problem check(struct r2g_http *http, struct connection *connection, struct r2g_error *err) {
    struct r2g_http_state *state = http->state;
    enum r2g_problem problem = r2g_http_check_framing(http, err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    if (connection && connection->address[0] == '\0') {
        const char *address = mg_get_request_info(http->connection)->remote_addr;
        if (!r2g_guard_connect(state->server->guard, address)) {
            http->close = true;
            return r2g_problem(err, R2G_PROBLEM_TOO_MANY_CONNECTIONS, "an address may have %u connections",
                               http->settings->client_connections);
        }
        snprintf(connection->address, sizeof connection->address, "%s", address);
    }
    if (!known_method(http->method))
        return r2g_problem(err, R2G_PROBLEM_NOT_IMPLEMENTED, "this method is not known here");
    problem = admit(http, err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    if (atomic_load(&state->server->stopping))
        return r2g_problem(err, R2G_PROBLEM_STOPPING, "the server is being stopped");
    return R2G_PROBLEM_NONE;
}

static void serve(struct r2g_http *http, struct connection *connection) {
    struct r2g_http_state *state = http->state;
    struct r2g_server *server = state->server;
    struct r2g_error err;
    enum r2g_problem problem = check(http, connection, &err);
    if (problem != R2G_PROBLEM_NONE) {
        r2g_http_problem(http, problem, &err);
        return;
    }
    if (!r2g_guard_enter(server->guard, http->client)) {
        problem = r2g_problem(&err, R2G_PROBLEM_TOO_MANY_CONNECTIONS, "a client may have %u requests under way",
                              http->settings->client_connections);
        r2g_http_problem(http, problem, &err);
        return;
    }
    r2g_http_route(http);
    r2g_guard_leave(server->guard, http->client);
    if (!http->answered) {
        problem = r2g_problem(&err, R2G_PROBLEM_INTERNAL, "the request was not answered");
        r2g_http_problem(http, problem, &err);
    }
}

static void finish(struct r2g_http *http, struct connection *connection) {
    struct r2g_http_state *state = http->state;
    r2g_http_stream_end(http);
    if (state->stream_counted)
        atomic_fetch_sub(&state->server->streams, 1);
    else
        r2g_metrics_observe(R2G_HISTOGRAM_REQUEST, r2g_clock_ns() - state->began_ns);
    log_request(http);
    if (http->close || state->broken || state->gone || !state->body_ended) {
        mg_disable_connection_keep_alive(http->connection);
        if (!state->gone)
            r2g_http_linger(http);
    }
    if (connection)
        connection->since_ns = r2g_clock_ns();
}

static struct r2g_http new_request(struct mg_connection *mg, struct r2g_server *server, struct r2g_http_state *state) {
    const struct mg_request_info *info = mg_get_request_info(mg);
    *state = (struct r2g_http_state){
        .server = server,
        .began_ns = r2g_clock_ns(),
        .broken = true, /* until its framing was looked at */
        .tls = info->is_ssl,
    };
    snprintf(state->client, sizeof state->client, "%s", info->remote_addr);
    return (struct r2g_http){
        .jobs = server->jobs,
        .settings = server->settings,
        .connection = mg,
        .method = "-",
        .path = "",
        .client = state->client,
        .state = state,
    };
}

/* What a thread of ours is given. */
struct task {
    struct r2g_http http;
    struct connection *connection;
};

static void do_task(void *argument) {
    struct task *task = argument;
    serve(&task->http, task->connection);
    finish(&task->http, task->connection);
}

static int on_request(struct mg_connection *mg) {
    struct r2g_server *server = mg_get_user_context_data(mg);
    const struct mg_request_info *info = mg_get_request_info(mg);
    struct r2g_http_state state;
    struct task task = {.http = new_request(mg, server, &state), .connection = mg_get_user_connection_data(mg)};
    if (task.connection && task.connection->fd < 0)
        r2g_census_asked(&server->census, r2g_http_fd(&task.http));
    atomic_fetch_add(&server->active, 1);
    r2g_metrics_add(R2G_COUNT_REQUESTS, 1);
    const char *known = known_method(info->request_method);
    task.http.method = known ? known : "?";
    task.http.path = info->local_uri_raw;
    state.head = strcmp(task.http.method, "HEAD") == 0;
    state.http10 = strcmp(info->http_version, "1.0") == 0;
    if (!r2g_http_threads_run(&server->threads, do_task, &task)) {
        struct r2g_error err;
        enum r2g_problem problem =
            r2g_problem(&err, R2G_PROBLEM_TOO_MANY_CONNECTIONS, "the system refuses another thread");
        r2g_http_problem(&task.http, problem, &err);
        finish(&task.http, task.connection);
    }
    atomic_fetch_sub(&server->active, 1);
    return state.status;
}

/* civetweb reads as much as a header may have at once; what still waits then is more than that. */
static bool more_waits(struct r2g_http *http) {
    int fd = r2g_http_fd(http), nbytes = 0;
    return fd >= 0 && ioctl(fd, FIONREAD, &nbytes) == 0 && nbytes > 0;
}

/* What civetweb refuses by itself: what it could not read as a request. The request's fields may be those of an earlier
 * one here, so none is looked at but the method of one that was taken apart. */
static int on_error(struct mg_connection *mg, int status, const char *message) {
    struct r2g_server *server = mg_get_user_context_data(mg);
    struct connection *connection = mg_get_user_connection_data(mg);
    const struct mg_request_info *info = mg_get_request_info(mg);
    struct r2g_http_state state;
    struct r2g_error err;
    struct r2g_http http = new_request(mg, server, &state);
    enum r2g_problem problem;
    int64_t patience_ns = server->settings->header_timeout_s * SECOND_NS - SECOND_NS / 10;
    bool taken_apart = strcmp(message, "Bad request") == 0 && info->request_method && info->http_version;
    if (status == 413 || more_waits(&http))
        problem = r2g_problem(&err, R2G_PROBLEM_HEADER_TOO_LARGE, "the header has more than %d bytes",
                              R2G_HTTP_HEADER_NBYTES);
    else if (connection && strcmp(message, "Malformed message") == 0 &&
             r2g_clock_ns() - connection->since_ns >= patience_ns)
        problem = r2g_problem(&err, R2G_PROBLEM_TOO_SLOW, "the header did not come in time");
    else if (taken_apart && info->num_headers == 0 && !known_method(info->request_method))
        problem = r2g_problem(&err, R2G_PROBLEM_NOT_IMPLEMENTED, "this method is not known here");
    else if (status >= 500 && status != 505)
        problem = r2g_problem(&err, R2G_PROBLEM_INTERNAL, "the request could not be served");
    else
        problem = r2g_problem(&err, R2G_PROBLEM_BAD_REQUEST, "this is no request of HTTP/1.1");
    atomic_fetch_add(&server->active, 1);
    r2g_metrics_add(R2G_COUNT_REQUESTS, 1);
    if (connection)
        connection->answered = true;
    r2g_http_problem(&http, problem, &err);
    finish(&http, connection);
    atomic_fetch_sub(&server->active, 1);
    return 0;
}

/* ---- connections ---- */

static int on_connection(const struct mg_connection *mg, void **data) {
    struct connection *connection = r2g_new(sizeof *connection, NULL);
    if (connection) {
        connection->server = mg_get_user_context_data(mg);
        connection->fd = -1;
        connection->since_ns = r2g_clock_ns();
        r2g_census_opened(&connection->server->census);
    }
    *data = connection; /* without memory it is served, and not counted */
    return 0;
}

static void on_close(const struct mg_connection *mg) {
    struct connection *connection = mg_get_user_connection_data(mg);
    const struct mg_request_info *info = mg_get_request_info(mg);
    if (!connection)
        return;
    /* civetweb has no answer for a target that is neither a path nor a URL of this host; here it still can be told */
    if (info && info->request_uri && !info->local_uri_raw && !connection->answered)
        on_error((struct mg_connection *)mg, 400, "");
    if (connection->address[0])
        r2g_guard_disconnect(connection->server->guard, connection->address);
    r2g_census_closed(&connection->server->census, connection->fd);
    free(connection);
    mg_set_user_connection_data(mg, NULL);
}

/* ---- starting and stopping ---- */

/* Tries to listen, since civetweb does not say why it cannot. */
static r2g_status probe(const struct r2g_settings *settings, const char *address, struct r2g_error *err) {
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(settings->port)};
    if (inet_pton(AF_INET, address, &own.sin_addr) != 1)
        return r2g_fail(err, R2G_EUSAGE, "--bind takes an IPv4 address such as 127.0.0.1 or 0.0.0.0, not \"%.60s\"",
                        address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0)
        return r2g_fail_errno(err, R2G_EUSAGE, errno, "a socket cannot be had");
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int error = bind(fd, (struct sockaddr *)&own, sizeof own) != 0 || listen(fd, 1) != 0 ? errno : 0;
    close(fd);
    return error == 0 ? R2G_OK
                      : r2g_fail_errno(err, R2G_EUSAGE, error, "%s:%u cannot be listened on", address, settings->port);
}

static r2g_status start_civetweb(struct r2g_server *server, const char *bind, struct r2g_error *err) {
    const struct r2g_settings *settings = server->settings;
    char ports[64], threads[16], timeout[16], header[16];
    snprintf(ports, sizeof ports, "%s:%u%s", bind, settings->port, server->tls ? "s" : "");
    snprintf(threads, sizeof threads, "%u", settings->connections);
    snprintf(timeout, sizeof timeout, "%u", settings->header_timeout_s * 1000);
    snprintf(header, sizeof header, "%d", R2G_HTTP_HEADER_NBYTES);
    const char *options[32] = {
        "listening_ports",       ports,         "num_threads",       threads, "request_timeout_ms", timeout,
        "keep_alive_timeout_ms", KEEP_ALIVE_MS, "enable_keep_alive", "yes",   "tcp_nodelay",        "1",
        "max_request_size",      header,        "decode_url",        "no",    "connection_queue",   "128",
        "listen_backlog",        "512",
    };
    if (server->tls) {
        size_t used = 0;
        while (options[used])
            used += 2;
        options[used++] = "ssl_certificate";
        options[used++] = settings->tls_certificate;
        options[used++] = "ssl_certificate_chain"; /* the same file: PEM with key and chain */
        options[used++] = settings->tls_certificate;
        options[used++] = "ssl_protocol_version";
        options[used++] = "4"; /* TLS 1.2 and later */
    }
    const struct mg_callbacks callbacks = {
        .begin_request = on_request,
        .http_error = on_error,
        .log_message = on_log,
        .init_connection = on_connection,
        .connection_close = on_close,
    };
    server->context = mg_start(&callbacks, server, options);
    if (!server->context)
        return r2g_fail(err, R2G_EUSAGE, "civetweb cannot be started at %s", ports);
    struct mg_server_port port;
    if (mg_get_server_ports(server->context, 1, &port) != 1)
        return r2g_fail(err, R2G_EINTERNAL, "civetweb listens on no port");
    server->port = port.port;
    r2g_guard_set_port(server->guard, (unsigned)port.port);
    r2g_census_set_port(&server->census, (unsigned)port.port);
    snprintf(server->address, sizeof server->address, "http%s://%s:%d", server->tls ? "s" : "",
             strcmp(bind, "0.0.0.0") == 0 ? "127.0.0.1" : bind, port.port);
    return R2G_OK;
}

static const char *bind_address(const struct r2g_settings *settings) {
    return strcmp(settings->bind, "localhost") == 0 ? "127.0.0.1" : settings->bind;
}

r2g_status r2g_server_check(const struct r2g_settings *settings, struct r2g_error *err) {
    r2g_status status = r2g_guard_check_settings(settings, err);
    if (status == R2G_OK && settings->tls_certificate)
        status = r2g_tls_check(settings->tls_certificate, err);
    return status == R2G_OK ? probe(settings, bind_address(settings), err) : status;
}

r2g_status r2g_server_start(struct r2g_server **made, const struct r2g_settings *settings, struct r2g_jobs *jobs,
                            struct r2g_error *err) {
    *made = NULL;
    r2g_status status = r2g_server_check(settings, err);
    if (status != R2G_OK)
        return status;
    struct r2g_server *server = r2g_new(sizeof *server, err);
    if (!server)
        return R2G_ENOMEM;
    server->settings = settings;
    server->jobs = jobs;
    server->tls = settings->tls_certificate != NULL;
    server->stream_limit = settings->connections / 3 > 0 ? settings->connections / 3 : 1;
    r2g_http_threads_init(&server->threads);
    status = r2g_guard_new(&server->guard, settings, err);
    if (status == R2G_OK)
        status = r2g_page_read(&server->page, settings->web, err);
    if (status == R2G_OK)
        status = r2g_watcher_start(&server->watcher, err);
    if (status == R2G_OK)
        status = r2g_census_start(&server->census, settings, err);
    mg_init_library(server->tls ? MG_FEATURES_TLS : 0);
    if (status == R2G_OK)
        status = start_civetweb(server, bind_address(settings), err);
    if (status != R2G_OK) {
        r2g_server_stop(server);
        return status;
    }
    *made = server;
    return R2G_OK;
}

const char *r2g_http_library(void) {
    return mg_version();
}

const char *r2g_server_address(const struct r2g_server *server) {
    return server->address;
}

void r2g_server_stop(struct r2g_server *server) {
    if (!server)
        return;
    atomic_store(&server->stopping, true);
    int64_t until_ns = r2g_clock_ns() + STOP_WAIT_NS;
    /* civetweb cuts off what is under way when it is told to stop */
    while (atomic_load(&server->active) > 0 && r2g_clock_ns() < until_ns)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    if (server->port > 0)
        end_sockets(server->port);
    if (server->context)
        mg_stop(server->context);
    mg_exit_library();
    r2g_http_threads_stop(&server->threads);
    r2g_census_stop(&server->census);
    r2g_watcher_stop(&server->watcher);
    r2g_page_free(server->page);
    r2g_guard_free(server->guard);
    free(server);
}
