/* The socket on which a pool is asked for conversions: lines of JSON in both directions.
 *
 * One a process, rank 0's; main thread only. The other side is the server that started the pool, so it is trusted with the
 * arguments it sends; its lines are still checked, since they carry names that others chose.
 */
#ifndef R2G_CLI_POOL_SOCKET_H
#define R2G_CLI_POOL_SOCKET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <rgb2gray/status.h>

enum { R2G_POOL_LINE_NBYTES = 65536, R2G_POOL_ID_NBYTES = 128 }; /* with the line's end, and the NUL */

struct r2g_pool_socket {
    int fd;
    FILE *answers;        /* the same socket, for writing; NULL while not connected */
    bool gone;            /* the other side has closed it */
    size_t nbytes, taken; /* what has come, and how much of it was a line given out before */
    char bytes[R2G_POOL_LINE_NBYTES];
};

/* One conversion to do; r2g_pool_request_free releases it. */
struct r2g_pool_request {
    char id[R2G_POOL_ID_NBYTES];
    bool progress;
    int word_count;
    size_t nbytes; /* of `packed` */
    char *packed;  /* the arguments one after the other, each with its NUL */
};

/* Connects to the stream socket `path`. R2G_EUSAGE if the path is longer than a socket's name can be, R2G_EINPUT. Close
 * in every case. */
R2G_MUST_CHECK r2g_status r2g_pool_connect(struct r2g_pool_socket *socket, const char *path, struct r2g_error *err);
void r2g_pool_disconnect(struct r2g_pool_socket *socket);

/* Waits at most timeout_ms for a line. *line is the line without its end, valid until the next call, or NULL where there is
 * none yet, or none any more (socket->gone). R2G_EUSAGE if a line is too long, R2G_EINPUT. */
R2G_MUST_CHECK r2g_status r2g_pool_hear(struct r2g_pool_socket *socket, int timeout_ms, char **line, size_t *nbytes,
                                        struct r2g_error *err);

/* Sends `value` as one line and releases it. A side that has closed the socket is no error: socket->gone says so.
 * R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_pool_say(struct r2g_pool_socket *socket, json_t *value, struct r2g_error *err);

/* Takes a request line apart. R2G_EUSAGE if it is none, R2G_ENOMEM. Free in every case. */
R2G_MUST_CHECK r2g_status r2g_pool_request_read(struct r2g_pool_request *request, const char *line, size_t nbytes,
                                                struct r2g_error *err);
void r2g_pool_request_free(struct r2g_pool_request *request);

#endif
