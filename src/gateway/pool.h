/* The pool: one mpirun world that is kept up, and the socket through which it is asked for conversions.
 *
 * Two threads: the keeper starts the world, waits for its end and starts it again; the greeter accepts its connection and
 * hears that it stands. One conversion at a time: who wants one takes the pool, talks on its socket, and gives it back.
 * A world that cannot start is tried again ever more slowly. Its lock is taken with no other one held.
 */
#ifndef R2G_GATEWAY_POOL_H
#define R2G_GATEWAY_POOL_H

#include <jansson.h>

#include "gateway/launcher.h"

enum r2g_pool_turn {
    R2G_POOL_TAKEN,   /* the caller has it */
    R2G_POOL_STOPPED, /* stop_fd was readable first */
    R2G_POOL_DOWN,    /* no world comes up */
};

/* Waits for the turn, and for a world. */
enum r2g_pool_turn r2g_pool_take(struct r2g_pool *pool, int stop_fd);
void r2g_pool_give_back(struct r2g_pool *pool);

/* With the pool taken: sends a line (stolen); false if the world has gone. */
bool r2g_pool_send(struct r2g_pool *pool, json_t *line);
enum r2g_pool_heard {
    R2G_POOL_LINE,
    R2G_POOL_GONE,    /* the world has died, or says what makes no sense */
    R2G_POOL_STOP,    /* stop_fd */
    R2G_POOL_TIMEOUT, /* nothing until end_ns, of r2g_clock_ns; 0: no limit */
};
/* The next line, which the caller releases. */
enum r2g_pool_heard r2g_pool_hear(struct r2g_pool *pool, int stop_fd, int64_t end_ns, json_t **line);
/* Ends the world with all its processes, and returns when they are gone. It is started again. */
void r2g_pool_kill(struct r2g_pool *pool);

#endif
