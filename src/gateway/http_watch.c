/* Deadlines of reads and writes: a list of those under way, and a thread that shuts a socket down when its time is over.
 * shutdown(2) wakes the thread that waits in poll(2) on it, which then finds an end of file or a broken pipe. */
#include "gateway/http_parts.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"

#define TICK_NS INT64_C(200000000) /* how late a deadline may be seen */
#define IDLE_TICKS 10              /* without anything to watch, until the thread sleeps for good */

static void *watch(void *argument) {
    struct r2g_watcher *watcher = argument;
    int idle_ticks = 0;
    pthread_mutex_lock(&watcher->lock);
    while (!watcher->stop) {
        /* Reads and writes come by the thousand: the first one wakes this thread, which then looks by itself for a while. */
        idle_ticks = watcher->list.next == &watcher->list ? idle_ticks + 1 : 0;
        if (idle_ticks > IDLE_TICKS) {
            watcher->asleep = true;
            pthread_cond_wait(&watcher->wake, &watcher->lock);
            watcher->asleep = false;
            idle_ticks = 0;
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&watcher->wake, &watcher->lock, &until);
        int64_t now = r2g_clock_ns();
        for (struct r2g_watch *one = watcher->list.next; one != &watcher->list; one = one->next) {
            if (one->deadline_ns <= now && !one->fired) {
                one->fired = true;
                shutdown(one->fd, one->how);
            }
        }
    }
    pthread_mutex_unlock(&watcher->lock);
    return NULL;
}

r2g_status r2g_watcher_start(struct r2g_watcher *watcher, struct r2g_error *err) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&watcher->lock, NULL);
    pthread_cond_init(&watcher->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    watcher->list.next = watcher->list.previous = &watcher->list;
    watcher->stop = watcher->asleep = false;
    int error = pthread_create(&watcher->thread, NULL, watch, watcher);
    watcher->started = error == 0;
    return error == 0 ? R2G_OK : r2g_fail_errno(err, R2G_EINTERNAL, error, "a thread cannot be started");
}

void r2g_watcher_stop(struct r2g_watcher *watcher) {
    if (!watcher->started)
        return;
    pthread_mutex_lock(&watcher->lock);
    watcher->stop = true;
    pthread_cond_signal(&watcher->wake);
    pthread_mutex_unlock(&watcher->lock);
    pthread_join(watcher->thread, NULL);
    pthread_cond_destroy(&watcher->wake);
    pthread_mutex_destroy(&watcher->lock);
    watcher->started = false;
}

void r2g_watch_begin(struct r2g_watcher *watcher, struct r2g_watch *one, int fd, int how, int64_t timeout_ns) {
    *one = (struct r2g_watch){.fd = fd, .how = how, .deadline_ns = r2g_clock_ns() + timeout_ns};
    if (fd < 0)
        return;
    pthread_mutex_lock(&watcher->lock);
    one->next = &watcher->list;
    one->previous = watcher->list.previous;
    one->previous->next = one;
    watcher->list.previous = one;
    if (watcher->asleep)
        pthread_cond_signal(&watcher->wake);
    pthread_mutex_unlock(&watcher->lock);
}

bool r2g_watch_end(struct r2g_watcher *watcher, struct r2g_watch *one) {
    if (one->fd < 0)
        return false;
    pthread_mutex_lock(&watcher->lock);
    one->previous->next = one->next;
    one->next->previous = one->previous;
    pthread_mutex_unlock(&watcher->lock);
    return one->fired;
}
