/* Times of records and of waits. Any thread. */
#ifndef R2G_GATEWAY_TIMES_H
#define R2G_GATEWAY_TIMES_H

#include <stdint.h>
#include <time.h>

/* Unix time in milliseconds. */
static inline int64_t r2g_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* `ms` from now, of the clock that never goes back, for pthread_cond_timedwait. */
static inline struct timespec r2g_in_ms(int64_t ms) {
    struct timespec then;
    clock_gettime(CLOCK_MONOTONIC, &then);
    then.tv_sec += ms / 1000;
    then.tv_nsec += ms % 1000 * 1000000;
    if (then.tv_nsec >= 1000000000) {
        then.tv_nsec -= 1000000000;
        then.tv_sec++;
    }
    return then;
}

#endif
