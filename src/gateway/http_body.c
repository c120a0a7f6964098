/* Reading bodies, and leaving them unread.
 *
 * A piece of n bytes has GRACE_S + n / body_rate seconds to come, and so has all that came, together: else a client could
 * spend the grace on each piece anew. Pieces begin small and grow while they come fast, so that a client that sends next to
 * nothing is found out soon, and a fast one costs few calls.
 */
#include "gateway/http_parts.h"

#include <civetweb.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/size.h"
#include "gateway/metrics.h"

#define SECOND_NS INT64_C(1000000000)
#define GRACE_S 10
#define FIRST_PIECE_NBYTES 4096
#define FAST_NS (SECOND_NS / 5)
/* What is left of a body after an answer is read away up to this size, so that the connection can be kept. */
#define LEFTOVER_NBYTES 65536
/* Of a connection that is to be closed: how long, and how much at most, a client is listened to. Past that it was
 * either answered long ago or does not read. */
#define LINGER_NS (5 * SECOND_NS)
#define LINGER_NBYTES (UINT64_C(256) << 20)

static enum r2g_problem too_slow(struct r2g_http *http, struct r2g_error *err) {
    struct r2g_http_state *state = http->state;
    state->broken = true;
    return r2g_problem(err, R2G_PROBLEM_TOO_SLOW, "the body did not come in time");
}

static enum r2g_problem cut_short(struct r2g_http *http, struct r2g_error *err) {
    struct r2g_http_state *state = http->state;
    state->broken = true;
    return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "the body ended early or is malformed");
}

/* How long the next piece is waited for. Only waiting counts, not what is done with the bytes. */
static int64_t patience_ns(const struct r2g_http *http, size_t nbytes) {
    const struct r2g_http_state *state = http->state;
    int64_t rate = http->settings->body_rate;
    if (rate == 0) /* any */
        return GRACE_S * SECOND_NS;
    double all_s = ((double)state->in_nbytes + (double)nbytes) / (double)rate;
    int64_t piece_ns = GRACE_S * SECOND_NS + (int64_t)nbytes * SECOND_NS / rate;
    double left_ns = (GRACE_S + all_s) * 1e9 - (double)state->body_waited_ns;
    return left_ns < (double)piece_ns ? (int64_t)left_ns : piece_ns;
}

enum r2g_problem r2g_http_body_next(struct r2g_http *http, void *bytes, size_t nbytes, size_t *got_nbytes,
                                    struct r2g_error *err) {
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct r2g_http_state *state = http->state;
    *got_nbytes = 0;
    if (state->body_ended)
        return R2G_PROBLEM_NONE;
    if (state->broken)
        return cut_short(http, err);
    if (state->expects) {
        state->expects = false;
        if (mg_write(http->connection, go_on, sizeof go_on - 1) != (int)sizeof go_on - 1)
            return cut_short(http, err);
    }
    if (state->piece_nbytes == 0)
        state->piece_nbytes = FIRST_PIECE_NBYTES;
    size_t wanted = nbytes < state->piece_nbytes ? nbytes : state->piece_nbytes;
    if (state->body_left >= 0)
        wanted = (size_t)r2g_u64_min(wanted, (uint64_t)state->body_left);
    int64_t began_ns = r2g_clock_ns();
    struct r2g_watch watch;
    r2g_watch_begin(&state->server->watcher, &watch, r2g_http_fd(http), SHUT_RD, patience_ns(http, wanted));
    int got = mg_read(http->connection, bytes, wanted);
    bool fired = r2g_watch_end(&state->server->watcher, &watch);
    int64_t took_ns = r2g_clock_ns() - began_ns;
    state->body_waited_ns += took_ns;
    bool chunked = state->body_left < 0;
    if (got <= 0) {
        if (chunked && got == 0) {
            state->body_ended = true;
            return R2G_PROBLEM_NONE;
        }
        /* civetweb returns after its own timeout, too: 0, or -1 among chunks */
        bool waited = took_ns >= http->settings->header_timeout_s * SECOND_NS - SECOND_NS / 10;
        return fired || got == 0 || waited ? too_slow(http, err) : cut_short(http, err);
    }
    if (fired)
        return too_slow(http, err);
    if (took_ns < FAST_NS && state->piece_nbytes < R2G_HTTP_PIECE_NBYTES)
        state->piece_nbytes *= 2;
    else if (took_ns > SECOND_NS)
        state->piece_nbytes = FIRST_PIECE_NBYTES;
    *got_nbytes = (size_t)got;
    state->in_nbytes += (uint64_t)got;
    r2g_metrics_add(R2G_COUNT_BODY_NBYTES, (uint64_t)got);
    if (!chunked) {
        state->body_left -= got;
        state->body_ended = state->body_left == 0;
    }
    return R2G_PROBLEM_NONE;
}

enum r2g_problem r2g_http_body_check(const struct r2g_http *http, uint64_t max_nbytes, struct r2g_error *err) {
    int64_t declared = r2g_http_body_nbytes(http);
    if (declared > 0 && (uint64_t)declared > max_nbytes)
        return r2g_problem(err, R2G_PROBLEM_TOO_LARGE,
                           "the body has %" PRId64 " bytes, and at most %" PRIu64 " are taken", declared, max_nbytes);
    return R2G_PROBLEM_NONE;
}

enum r2g_problem r2g_http_read_body(struct r2g_http *http, uint64_t max_nbytes, r2g_http_piece *piece, void *user,
                                    struct r2g_error *err) {
    unsigned char bytes[R2G_HTTP_PIECE_NBYTES];
    uint64_t total = 0;
    enum r2g_problem problem = r2g_http_body_check(http, max_nbytes, err);
    while (problem == R2G_PROBLEM_NONE) {
        size_t got;
        problem = r2g_http_body_next(http, bytes, sizeof bytes, &got, err);
        if (problem != R2G_PROBLEM_NONE || got == 0)
            break;
        total += got;
        if (total > max_nbytes)
            problem = r2g_problem(err, R2G_PROBLEM_TOO_LARGE, "the body has more than %" PRIu64 " bytes", max_nbytes);
        else
            problem = piece(user, bytes, got, err);
    }
    return problem;
}

struct text {
    char *bytes;
    size_t used;
};

static enum r2g_problem add_text(void *user, const void *bytes, size_t nbytes, struct r2g_error *err) {
    struct text *text = user;
    if (memchr(bytes, '\0', nbytes))
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "the body is not text");
    memcpy(text->bytes + text->used, bytes, nbytes);
    text->used += nbytes;
    return R2G_PROBLEM_NONE;
}

enum r2g_problem r2g_http_read_text(struct r2g_http *http, char *text, size_t text_nbytes, struct r2g_error *err) {
    struct text all = {text, 0};
    enum r2g_problem problem = r2g_http_read_body(http, text_nbytes - 1, add_text, &all, err);
    text[problem == R2G_PROBLEM_NONE ? all.used : 0] = '\0';
    if (problem == R2G_PROBLEM_NONE && !r2g_http_is_utf8(text))
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "the body is not UTF-8");
    return problem;
}

void r2g_http_body_settle(struct r2g_http *http) {
    struct r2g_http_state *state = http->state;
    if (state->body_ended && !state->broken)
        return;
    /* A client that waits for 100 Continue may send its body or not (RFC 9110, 10.1.1): only closing is safe. */
    if (state->broken || state->expects || state->body_left < 0 || state->body_left > LEFTOVER_NBYTES) {
        http->close = true;
        return;
    }
    char bytes[4096];
    size_t got = 1;
    struct r2g_error ignored;
    while (got > 0) {
        if (r2g_http_body_next(http, bytes, sizeof bytes, &got, &ignored) != R2G_PROBLEM_NONE) {
            http->close = true;
            return;
        }
    }
}

void r2g_http_linger(struct r2g_http *http) {
    struct r2g_http_state *state = http->state;
    int fd = r2g_http_fd(http);
    if (fd < 0 || (state->body_ended && !state->broken))
        return;
    /* Closing a socket with unread bytes in it resets the connection, and a reset takes the answer away from a client
     * that has not read it yet. So: say that no more comes, and take what is under way. */
    if (!state->tls)
        shutdown(fd, SHUT_WR);
    int64_t until_ns = r2g_clock_ns() + LINGER_NS;
    uint64_t total = 0;
    char bytes[4096]; /* civetweb's own thread may be here, whose stack is small */
    while (total < LINGER_NBYTES && !atomic_load(&state->server->stopping)) {
        int64_t left_ns = until_ns - r2g_clock_ns();
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (left_ns <= 0 || poll(&wait, 1, (int)(r2g_u64_min((uint64_t)left_ns, SECOND_NS) / 1000000) + 1) <= 0)
            return; /* a second of silence is enough */
        ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
            return;
        total += got > 0 ? (uint64_t)got : 0;
    }
}
