#include "gateway/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "gateway/child.h"
#include "gateway/jobs_inside.h"
#include "gateway/times.h"

#define SOCKET "pool.sock"
#define LINE_MAX_NBYTES ((size_t)16 << 20) /* a report tells of each rank */
#define START_MS 60000                     /* a world takes a tenth of a second, a host file and a busy machine more */
#define KILL_MS 10000
#define CLOSE_MS 2000
#define DELAY_MAX_MS 60000

/* What stands of the world. */
enum state { STATE_DOWN, STATE_STARTING, STATE_UP };

struct r2g_pool {
    const struct r2g_jobs *jobs;
    pthread_t keeper, greeter;
    bool has_keeper, has_greeter;
    int listen_fd;
    int close_fd; /* an eventfd: readable for ever once the pool is to close; ends the world too */
    char mark[R2G_MARK_NBYTES];

    pthread_mutex_t lock; /* all that follows */
    pthread_cond_t changed;
    bool wanted, closing, taken;
    enum state state;
    int fd; /* the world's connection, or -1; used without the lock by who has taken the pool */
    unsigned ranks, failures;
    uint64_t starts;

    /* of who has taken the pool, or of the greeter before it is up */
    char *bytes;
    size_t nbytes, capacity;
};

/* ---- lines ---- */

/* Takes a whole line out of what has come; NULL if there is none. *good is false where it is no JSON. */
static json_t *take_line(struct r2g_pool *pool, bool *good) {
    json_error_t why;
    const char *end = pool->nbytes > 0 ? memchr(pool->bytes, '\n', pool->nbytes) : NULL;
    *good = true;
    if (!end)
        return NULL;
    size_t length = (size_t)(end - pool->bytes) + 1;
    json_t *line = json_loadb(pool->bytes, length, 0, &why);
    *good = line != NULL;
    pool->nbytes -= length;
    memmove(pool->bytes, pool->bytes + length, pool->nbytes);
    return line;
}

/* Reads what is there; false at the end, or where a line would be too long. */
static bool read_more(struct r2g_pool *pool, int fd) {
    if (pool->nbytes == pool->capacity) {
        size_t capacity = pool->capacity ? 2 * pool->capacity : 65536;
        char *grown = capacity <= LINE_MAX_NBYTES ? realloc(pool->bytes, capacity) : NULL;
        if (!grown)
            return false;
        pool->bytes = grown;
        pool->capacity = capacity;
    }
    ssize_t got = read(fd, pool->bytes + pool->nbytes, pool->capacity - pool->nbytes);
    if (got > 0)
        pool->nbytes += (size_t)got;
    return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

static enum r2g_pool_heard hear(struct r2g_pool *pool, int fd, int stop_fd, int64_t end_ns, json_t **line) {
    for (;;) {
        bool good;
        *line = take_line(pool, &good);
        if (*line || !good)
            return good ? R2G_POOL_LINE : R2G_POOL_GONE;
        int64_t left_ms = end_ns ? (end_ns - r2g_clock_ns() + 999999) / 1000000 : 60000;
        if (end_ns && left_ms <= 0)
            return R2G_POOL_TIMEOUT;
        struct pollfd waits[2] = {{.fd = fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
        if (poll(waits, 2, left_ms > 60000 ? 60000 : (int)left_ms) < 0)
            continue;
        if (waits[1].revents)
            return R2G_POOL_STOP;
        if (waits[0].revents && !read_more(pool, fd))
            return R2G_POOL_GONE;
    }
}

enum r2g_pool_heard r2g_pool_hear(struct r2g_pool *pool, int stop_fd, int64_t end_ns, json_t **line) {
    return hear(pool, pool->fd, stop_fd, end_ns, line);
}

bool r2g_pool_send(struct r2g_pool *pool, json_t *line) {
    size_t nbytes = line ? json_dumpb(line, NULL, 0, JSON_COMPACT) : 0, sent = 0;
    char *text = nbytes > 0 ? r2g_new(nbytes + 1, NULL) : NULL;
    if (text)
        text[json_dumpb(line, text, nbytes, JSON_COMPACT)] = '\n';
    json_decref(line);
    while (text && sent <= nbytes) {
        ssize_t got = send(pool->fd, text + sent, nbytes + 1 - sent, MSG_NOSIGNAL);
        if (got < 0 && errno != EINTR)
            break;
        sent += got > 0 ? (size_t)got : 0;
    }
    free(text);
    return nbytes > 0 && sent > nbytes;
}

/* ---- the keeper ---- */

static void log_line(void *user, bool is_error, const char *line) {
    (void)user;
    static const char own[] = "rgb2gray: ", note[] = "rgb2gray: note: ";
    if (is_error && strncmp(line, own, sizeof own - 1) == 0 && strncmp(line, note, sizeof note - 1) != 0)
        r2g_jobs_log("pool: %s", line + sizeof own - 1);
}

/* Runs one world to its end. */
static void run_world(struct r2g_pool *pool) {
    const struct r2g_settings *settings = pool->jobs->settings;
    char folder[PATH_MAX], tmp[PATH_MAX], ranks[16];
    struct r2g_error err = {0};
    struct r2g_child_result result;
    snprintf(folder, sizeof folder, "%.*s/pool", PATH_MAX - 16, r2g_spool_path(pool->jobs->spool));
    snprintf(tmp, sizeof tmp, "%.*s-tmp", PATH_MAX - 8, folder);
    snprintf(ranks, sizeof ranks, "%u", settings->ranks);
    const char *words[9] = {pool->jobs->program, "-n", ranks};
    size_t count = 3;
    if (settings->hostfile) {
        words[count++] = "--hostfile";
        words[count++] = settings->hostfile;
    }
    words[count++] = "pool";
    words[count++] = SOCKET; /* from the folder it works in, since a socket's path must be short */
    const char **environment = r2g_child_environment(settings, tmp, pool->mark, &err);
    const struct r2g_child_request request = {
        .arguments = words,
        .environment = environment,
        .folder = folder,
        .memory_nbytes = settings->job_mem_nbytes ? settings->job_mem_nbytes + (UINT64_C(4) << 30) : 0,
        .file_nbytes = settings->quota_nbytes,
        .stop_fd = pool->close_fd,
        .line = log_line,
    };
    if (!environment || r2g_child_run(&request, &result, &err) != R2G_OK)
        r2g_jobs_log("pool: %s", err.text);
    free(environment);
    if (!r2g_child_kill_marked(pool->mark, KILL_MS))
        r2g_jobs_log("pool: some of its processes do not end");
}

/* How long to wait before the next start: a world that cannot start must not be tried without end. */
static int64_t delay_ms(unsigned failures) {
    if (failures == 0)
        return 0;
    return failures > 6 ? DELAY_MAX_MS : INT64_C(500) << failures;
}

/* With lock held: waits until a world is wanted and may be started; false when the pool closes. */
static bool await_start(struct r2g_pool *pool) {
    const struct timespec until = r2g_in_ms(delay_ms(pool->failures));
    while (!pool->closing && pool->failures > 0 &&
           pthread_cond_timedwait(&pool->changed, &pool->lock, &until) != ETIMEDOUT)
        ;
    /* who still has the last world kills all that bears its mark, which the next one bears, too */
    while (!pool->closing && (!pool->wanted || pool->taken))
        pthread_cond_wait(&pool->changed, &pool->lock);
    return !pool->closing;
}

static void *keep(void *user) {
    struct r2g_pool *pool = user;
    pthread_mutex_lock(&pool->lock);
    while (await_start(pool)) {
        pool->state = STATE_STARTING;
        pool->starts++;
        pthread_mutex_unlock(&pool->lock);
        r2g_spool_empty(pool->jobs->spool, R2G_SPOOL_POOL_TMP);
        run_world(pool);
        pthread_mutex_lock(&pool->lock);
        bool was_up = pool->state == STATE_UP;
        pool->failures = was_up ? 0 : pool->failures + 1;
        pool->state = STATE_DOWN;
        pool->ranks = 0;
        if (pool->fd >= 0 && !pool->taken) { /* who has taken it sees its end */
            close(pool->fd);
            pool->fd = -1;
        }
        pthread_cond_broadcast(&pool->changed);
        if (!pool->closing)
            r2g_jobs_log(was_up ? "pool: the world of ranks ended; it is started again"
                                : "pool: the world of ranks could not be started");
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* ---- the greeter ---- */

/* Only a process of this user can reach the socket, but that is looked at again. */
static bool is_ours(int fd) {
    struct ucred peer;
    socklen_t nbytes = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &nbytes) == 0 && peer.uid == geteuid();
}

/* Hears that the world stands. The buffer is the greeter's, since nobody can have taken a pool that is not up. */
static void greet(struct r2g_pool *pool, int fd) {
    json_t *line = NULL;
    pool->nbytes = 0;
    bool ready = is_ours(fd) &&
                 hear(pool, fd, pool->close_fd, r2g_clock_ns() + INT64_C(1000000) * START_MS, &line) == R2G_POOL_LINE &&
                 json_is_true(json_object_get(line, "ready"));
    json_int_t ranks = json_integer_value(json_object_get(line, "ranks"));
    json_decref(line);
    pthread_mutex_lock(&pool->lock);
    if (ready && pool->state == STATE_STARTING && ranks > 0) {
        if (pool->fd >= 0)
            close(pool->fd);
        pool->fd = fd;
        pool->ranks = (unsigned)ranks;
        pool->state = STATE_UP;
        pool->failures = 0;
        fd = -1;
        pthread_cond_broadcast(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    if (fd >= 0)
        close(fd);
}

static void *accept_worlds(void *user) {
    struct r2g_pool *pool = user;
    for (;;) {
        struct pollfd waits[2] = {{.fd = pool->listen_fd, .events = POLLIN}, {.fd = pool->close_fd, .events = POLLIN}};
        if (poll(waits, 2, -1) < 0)
            continue;
        if (waits[1].revents)
            return NULL;
        int fd = accept4(pool->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        pthread_mutex_lock(&pool->lock);
        bool expected = pool->state == STATE_STARTING;
        pthread_mutex_unlock(&pool->lock);
        if (fd >= 0 && expected)
            greet(pool, fd);
        else if (fd >= 0)
            close(fd);
    }
}

/* ---- users ---- */

enum r2g_pool_turn r2g_pool_take(struct r2g_pool *pool, int stop_fd) {
    int64_t end_ns = r2g_clock_ns() + INT64_C(1000000) * START_MS;
    enum r2g_pool_turn turn = R2G_POOL_DOWN;
    pthread_mutex_lock(&pool->lock);
    pool->wanted = true;
    unsigned failures = pool->failures;
    pthread_cond_broadcast(&pool->changed);
    for (;;) {
        struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
        if (poll(&stop, 1, 0) > 0 || pool->closing) {
            turn = R2G_POOL_STOPPED;
            break;
        }
        if (!pool->taken && pool->state == STATE_UP) {
            pool->taken = true;
            turn = R2G_POOL_TAKEN;
            break;
        }
        if (pool->failures > failures || r2g_clock_ns() > end_ns)
            break;
        /* a condition cannot be waited for together with a descriptor; only one that is busy or starting is waited for */
        const struct timespec until = r2g_in_ms(50);
        pthread_cond_timedwait(&pool->changed, &pool->lock, &until);
    }
    pthread_mutex_unlock(&pool->lock);
    return turn;
}

void r2g_pool_give_back(struct r2g_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->taken = false;
    if (pool->state != STATE_UP && pool->fd >= 0) {
        close(pool->fd);
        pool->fd = -1;
    }
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

void r2g_pool_kill(struct r2g_pool *pool) {
    if (!r2g_child_kill_marked(pool->mark, KILL_MS))
        r2g_jobs_log("pool: some of its processes do not end");
    /* the keeper sees that mpirun is gone; until it has, nobody may be given this world */
    pthread_mutex_lock(&pool->lock);
    if (pool->state == STATE_UP) {
        const struct timespec until = r2g_in_ms(KILL_MS);
        while (pool->state == STATE_UP && pthread_cond_timedwait(&pool->changed, &pool->lock, &until) != ETIMEDOUT)
            ;
    }
    pthread_mutex_unlock(&pool->lock);
}

unsigned r2g_pool_ranks(struct r2g_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    unsigned ranks = pool->state == STATE_UP ? pool->ranks : 0;
    pthread_mutex_unlock(&pool->lock);
    return ranks;
}

uint64_t r2g_pool_restarts(struct r2g_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    uint64_t starts = pool->starts;
    pthread_mutex_unlock(&pool->lock);
    return starts > 0 ? starts - 1 : 0;
}

bool r2g_pool_usable(struct r2g_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    bool usable = !pool->closing && (pool->state == STATE_UP || pool->failures == 0);
    pthread_mutex_unlock(&pool->lock);
    return usable;
}

/* ---- opening and closing ---- */

static int make_socket(const struct r2g_jobs *jobs) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* the spool's path may be longer than a socket's name can be */
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SOCKET,
             r2g_spool_place_fd(jobs->spool, R2G_SPOOL_POOL));
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 4) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

r2g_status r2g_pool_open(struct r2g_pool **pool, const struct r2g_jobs *jobs, bool now, struct r2g_error *err) {
    struct r2g_pool *made = r2g_new(sizeof *made, err);
    pthread_condattr_t monotonic;
    *pool = NULL;
    if (!made)
        return R2G_ENOMEM;
    made->jobs = jobs;
    made->fd = -1;
    made->wanted = now;
    r2g_jobs_mark(jobs, "pool", made->mark);
    pthread_mutex_init(&made->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&made->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    r2g_spool_empty(jobs->spool, R2G_SPOOL_POOL);
    made->close_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    made->listen_fd = made->close_fd >= 0 ? make_socket(jobs) : -1;
    r2g_status status =
        made->listen_fd >= 0 ? R2G_OK : r2g_fail_errno(err, R2G_EOUTPUT, errno, "no socket for the pool");
    if (status == R2G_OK) {
        made->has_keeper = pthread_create(&made->keeper, NULL, keep, made) == 0;
        made->has_greeter = pthread_create(&made->greeter, NULL, accept_worlds, made) == 0;
        if (!made->has_keeper || !made->has_greeter)
            status = r2g_fail(err, R2G_ENOMEM, "cannot start a thread");
    }
    if (status == R2G_OK)
        *pool = made;
    else
        r2g_pool_close(made);
    return status;
}

void r2g_pool_close(struct r2g_pool *pool) {
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->changed);
    if (pool->state == STATE_UP && pool->fd >= 0) { /* a world whose socket is closed ends by itself */
        const struct timespec until = r2g_in_ms(CLOSE_MS);
        shutdown(pool->fd, SHUT_RDWR);
        while (pool->state == STATE_UP && pthread_cond_timedwait(&pool->changed, &pool->lock, &until) != ETIMEDOUT)
            ;
    }
    if (pool->close_fd >= 0)
        eventfd_write(pool->close_fd, 1);
    pthread_mutex_unlock(&pool->lock);
    if (pool->has_keeper)
        pthread_join(pool->keeper, NULL);
    if (pool->has_greeter)
        pthread_join(pool->greeter, NULL);
    int fds[] = {pool->fd, pool->listen_fd, pool->close_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool->bytes);
    free(pool);
}
