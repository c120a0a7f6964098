/* The jobs that wait: fair among clients, which take turns, and oldest first within one.
 *
 * In memory only; the store knows what to put in again after a restart. Not locked: its owner is (see jobs_inside.h).
 * Entries belong to the caller and are linked while they wait.
 */
#ifndef R2G_GATEWAY_QUEUE_H
#define R2G_GATEWAY_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <rgb2gray/status.h>

struct r2g_queued {
    struct r2g_queued *next;
    int64_t number;                    /* order within a client */
    const struct r2g_queue_client *of; /* NULL: does not wait */
};

struct r2g_queue;
R2G_MUST_CHECK r2g_status r2g_queue_new(struct r2g_queue **queue, struct r2g_error *err);
void r2g_queue_free(struct r2g_queue *queue); /* must be empty, or its entries be forgotten */

/* Counts one more job of the client, before it is put in: so that a place found free is still free when the job has been
 * written down. release gives the place back; put and take leave the count as it is until then. */
R2G_MUST_CHECK r2g_status r2g_queue_reserve(struct r2g_queue *queue, const char *client, struct r2g_error *err);
void r2g_queue_release(struct r2g_queue *queue, const char *client);
/* Jobs counted in all, and of the client. */
unsigned r2g_queue_count(const struct r2g_queue *queue);
unsigned r2g_queue_client_count(const struct r2g_queue *queue, const char *client);

/* Puts an entry in; its client must have a place reserved. */
void r2g_queue_put(struct r2g_queue *queue, const char *client, struct r2g_queued *entry);
/* The next one, taken out together with its place; NULL when none waits. */
struct r2g_queued *r2g_queue_take(struct r2g_queue *queue);
/* Takes this one out together with its place; false if it does not wait. */
bool r2g_queue_remove(struct r2g_queue *queue, struct r2g_queued *entry);
/* How many are taken before this one, if none is added or removed; -1 if it does not wait. */
int64_t r2g_queue_position(const struct r2g_queue *queue, const struct r2g_queued *entry);

#endif
