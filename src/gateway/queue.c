#include "gateway/queue.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

/* One client with places taken. All are linked in a ring, in which `turn` moves on by one with each job taken. */
struct r2g_queue_client {
    struct r2g_queue_client *next, *before;
    struct r2g_queued *first, *last;
    unsigned waiting, count; /* entries in the list; places */
    char name[80];
};

struct r2g_queue {
    struct r2g_queue_client *turn; /* whose turn it is; NULL: no clients */
    unsigned count;
};

r2g_status r2g_queue_new(struct r2g_queue **queue, struct r2g_error *err) {
    *queue = r2g_new(sizeof **queue, err);
    return *queue ? R2G_OK : R2G_ENOMEM;
}

static void forget_client(struct r2g_queue *queue, struct r2g_queue_client *client) {
    if (queue->turn == client)
        queue->turn = client->next == client ? NULL : client->next;
    client->before->next = client->next;
    client->next->before = client->before;
    free(client);
}

void r2g_queue_free(struct r2g_queue *queue) {
    while (queue && queue->turn)
        forget_client(queue, queue->turn);
    free(queue);
}

static struct r2g_queue_client *find(const struct r2g_queue *queue, const char *name) {
    struct r2g_queue_client *client = queue->turn;
    if (!client)
        return NULL;
    do {
        if (strcmp(client->name, name) == 0)
            return client;
        client = client->next;
    } while (client != queue->turn);
    return NULL;
}

r2g_status r2g_queue_reserve(struct r2g_queue *queue, const char *name, struct r2g_error *err) {
    struct r2g_queue_client *client = find(queue, name);
    if (!client) {
        client = r2g_new(sizeof *client, err);
        if (!client)
            return R2G_ENOMEM;
        snprintf(client->name, sizeof client->name, "%s", name);
        struct r2g_queue_client *turn = queue->turn;
        if (!turn) {
            client->next = client->before = queue->turn = client;
        } else { /* the newest comes last: just before the one whose turn it is */
            client->next = turn;
            client->before = turn->before;
            turn->before->next = client;
            turn->before = client;
        }
    }
    client->count++;
    queue->count++;
    return R2G_OK;
}

static void give_back(struct r2g_queue *queue, struct r2g_queue_client *client) {
    client->count--;
    queue->count--;
    if (client->count == 0)
        forget_client(queue, client);
}

void r2g_queue_release(struct r2g_queue *queue, const char *name) {
    struct r2g_queue_client *client = find(queue, name);
    assert(client && client->count > client->waiting);
    give_back(queue, client);
}

unsigned r2g_queue_count(const struct r2g_queue *queue) {
    return queue->count;
}

unsigned r2g_queue_client_count(const struct r2g_queue *queue, const char *name) {
    const struct r2g_queue_client *client = find(queue, name);
    return client ? client->count : 0;
}

void r2g_queue_put(struct r2g_queue *queue, const char *name, struct r2g_queued *entry) {
    struct r2g_queue_client *client = find(queue, name);
    assert(client && client->count > client->waiting && !entry->of);
    /* numbers are given before the job is written down, so an older one may come after a newer one */
    struct r2g_queued **place = &client->first;
    if (client->last && client->last->number < entry->number)
        place = &client->last->next;
    while (*place && (*place)->number < entry->number)
        place = &(*place)->next;
    entry->next = *place;
    entry->of = client;
    *place = entry;
    if (!entry->next)
        client->last = entry;
    client->waiting++;
}

static void unlink_entry(struct r2g_queue_client *client, struct r2g_queued *entry) {
    struct r2g_queued *before = NULL;
    for (struct r2g_queued *at = client->first; at != entry; at = at->next)
        before = at;
    if (before)
        before->next = entry->next;
    else
        client->first = entry->next;
    if (client->last == entry)
        client->last = before;
    client->waiting--;
    entry->next = NULL;
    entry->of = NULL;
}

struct r2g_queued *r2g_queue_take(struct r2g_queue *queue) {
    struct r2g_queue_client *client = queue->turn;
    if (!client)
        return NULL;
    while (!client->first) { /* its places are reserved, but nothing waits yet */
        client = client->next;
        if (client == queue->turn)
            return NULL;
    }
    struct r2g_queued *entry = client->first;
    queue->turn = client->next;
    unlink_entry(client, entry);
    give_back(queue, client);
    return entry;
}

bool r2g_queue_remove(struct r2g_queue *queue, struct r2g_queued *entry) {
    if (!entry->of)
        return false;
    struct r2g_queue_client *client = (struct r2g_queue_client *)entry->of;
    unlink_entry(client, entry);
    give_back(queue, client);
    return true;
}

int64_t r2g_queue_position(const struct r2g_queue *queue, const struct r2g_queued *entry) {
    if (!entry->of)
        return -1;
    int64_t own = 0, sum;
    for (const struct r2g_queued *at = entry->of->first; at != entry; at = at->next)
        own++;
    /* a client whose turn comes earlier in the round is served once more before this entry */
    sum = own;
    bool earlier = true;
    const struct r2g_queue_client *client = queue->turn;
    do {
        if (client == entry->of)
            earlier = false;
        else
            sum += client->waiting < own + earlier ? client->waiting : own + earlier;
        client = client->next;
    } while (client != queue->turn);
    return sum;
}
