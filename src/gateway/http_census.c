/* Connections that have not asked anything yet, by address.
 *
 * civetweb gives each connection a thread and tells its address only with its first request, so that one address could
 * hold all threads by saying nothing. While there are more connections than one address may have, a thread looks at our
 * sockets a few times a second and ends, of an address that has too many, those without a request: their threads then read
 * the end of the stream, and go on to others. */
#include "gateway/http_parts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/times.h"

#define PERIOD_MS 200

struct seen {
    uint32_t address;
    in_port_t port;
    bool asked;
    int fd;
};

/* The other end of a socket that was accepted at our port. */
static bool look(const struct r2g_census *census, int fd, struct sockaddr_in *other) {
    struct sockaddr_in own = {0};
    socklen_t other_nbytes = sizeof *other, own_nbytes = sizeof own;
    return getpeername(fd, (struct sockaddr *)other, &other_nbytes) == 0 && other->sin_family == AF_INET &&
           getsockname(fd, (struct sockaddr *)&own, &own_nbytes) == 0 && ntohs(own.sin_port) == census->port;
}

/* By address, those that have asked first. */
static int compare(const void *one, const void *two) {
    const struct seen *a = one, *b = two;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    if (a->asked != b->asked)
        return a->asked ? -1 : 1;
    return a->fd - b->fd;
}

/* The number may be another connection's by now: the duplicate is looked at, and cannot change any more. */
static void end(const struct r2g_census *census, const struct seen *seen) {
    struct sockaddr_in other = {0};
    int fd = fcntl(seen->fd, F_DUPFD_CLOEXEC, 3);
    if (fd >= 0 && look(census, fd, &other) && other.sin_addr.s_addr == seen->address && other.sin_port == seen->port)
        shutdown(fd, SHUT_RD);
    if (fd >= 0)
        close(fd);
}

/* With the lock held, so that none of them begins to ask meanwhile. */
static void count(const struct r2g_census *census, struct seen *all) {
    struct in_addr proxy = {0};
    size_t found = 0;
    bool has_proxy = census->trusted_proxy && inet_pton(AF_INET, census->trusted_proxy, &proxy) == 1;
    for (int fd = 3; fd < R2G_CENSUS_SOCKETS; fd++) {
        struct sockaddr_in other = {0};
        if (look(census, fd, &other) && !(has_proxy && other.sin_addr.s_addr == proxy.s_addr))
            all[found++] = (struct seen){other.sin_addr.s_addr, other.sin_port, census->asked[fd], fd};
    }
    qsort(all, found, sizeof *all, compare);
    for (size_t i = 0, first = 0; i < found; i++) {
        if (all[i].address != all[first].address)
            first = i;
        if (i - first >= census->most && !all[i].asked)
            end(census, &all[i]);
    }
}

static void *watch(void *user) {
    struct r2g_census *census = user;
    struct seen *all = malloc(R2G_CENSUS_SOCKETS * sizeof *all);
    pthread_mutex_lock(&census->lock);
    while (all && !census->stop) {
        if (census->open <= census->most) {
            pthread_cond_wait(&census->wake, &census->lock);
            continue;
        }
        const struct timespec until = r2g_in_ms(PERIOD_MS);
        pthread_cond_timedwait(&census->wake, &census->lock, &until);
        if (!census->stop)
            count(census, all);
    }
    pthread_mutex_unlock(&census->lock);
    free(all);
    return NULL;
}

r2g_status r2g_census_start(struct r2g_census *census, const struct r2g_settings *settings, struct r2g_error *err) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&census->lock, NULL);
    pthread_cond_init(&census->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    census->most = settings->client_connections;
    census->trusted_proxy = settings->trusted_proxy;
    int error = pthread_create(&census->thread, NULL, watch, census);
    census->started = error == 0;
    return error == 0 ? R2G_OK : r2g_fail_errno(err, R2G_EINTERNAL, error, "a thread cannot be started");
}

void r2g_census_stop(struct r2g_census *census) {
    if (!census->started)
        return;
    pthread_mutex_lock(&census->lock);
    census->stop = true;
    pthread_cond_signal(&census->wake);
    pthread_mutex_unlock(&census->lock);
    pthread_join(census->thread, NULL);
    pthread_cond_destroy(&census->wake);
    pthread_mutex_destroy(&census->lock);
    census->started = false;
}

void r2g_census_set_port(struct r2g_census *census, unsigned port) {
    pthread_mutex_lock(&census->lock);
    census->port = port;
    pthread_mutex_unlock(&census->lock);
}

void r2g_census_opened(struct r2g_census *census) {
    pthread_mutex_lock(&census->lock);
    if (++census->open > census->most)
        pthread_cond_signal(&census->wake);
    pthread_mutex_unlock(&census->lock);
}

static bool in_reach(int fd) {
    return fd >= 0 && fd < R2G_CENSUS_SOCKETS;
}

void r2g_census_asked(struct r2g_census *census, int fd) {
    pthread_mutex_lock(&census->lock);
    if (in_reach(fd))
        census->asked[fd] = true;
    pthread_mutex_unlock(&census->lock);
}

void r2g_census_closed(struct r2g_census *census, int fd) {
    pthread_mutex_lock(&census->lock);
    census->open--;
    if (in_reach(fd))
        census->asked[fd] = false;
    pthread_mutex_unlock(&census->lock);
}
