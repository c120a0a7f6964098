#include "cli/batch_queue.h"

#include <stdlib.h>
#include <string.h>

void r2g_batch_item_free(struct r2g_batch_item *item) {
    free(item->path);
    free(item->output);
    memset(item, 0, sizeof *item);
}

static bool before(const struct r2g_batch_item *a, const struct r2g_batch_item *b) {
    return a->cost_ns != b->cost_ns ? a->cost_ns > b->cost_ns : strcmp(a->output, b->output) < 0;
}

static void swap(struct r2g_batch_item *a, struct r2g_batch_item *b) {
    struct r2g_batch_item kept = *a;
    *a = *b;
    *b = kept;
}

r2g_status r2g_batch_queue_put(struct r2g_batch_queue *queue, struct r2g_batch_item *item, struct r2g_error *err) {
    if (queue->count == queue->capacity) {
        unsigned capacity = queue->capacity ? queue->capacity * 2 : 256;
        struct r2g_batch_item *items = realloc(queue->items, capacity * sizeof *items);
        if (!items) {
            r2g_batch_item_free(item);
            return r2g_fail(err, R2G_ENOMEM, "no memory for the list of images");
        }
        queue->items = items;
        queue->capacity = capacity;
    }
    unsigned at = queue->count++;
    queue->items[at] = *item;
    queue->cost_ns += item->cost_ns;
    memset(item, 0, sizeof *item);
    for (; at > 0 && before(&queue->items[at], &queue->items[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&queue->items[at], &queue->items[(at - 1) / 2]);
    return R2G_OK;
}

struct r2g_batch_item r2g_batch_queue_take(struct r2g_batch_queue *queue) {
    struct r2g_batch_item *items = queue->items, taken = items[0];
    unsigned count = --queue->count;
    queue->cost_ns -= taken.cost_ns;
    items[0] = items[count];
    for (unsigned at = 0;;) {
        unsigned first = at, left = 2 * at + 1;
        for (unsigned child = left; child < left + 2 && child < count; child++) {
            if (before(&items[child], &items[first]))
                first = child;
        }
        if (first == at)
            return taken;
        swap(&items[at], &items[first]);
        at = first;
    }
}

void r2g_batch_queue_free(struct r2g_batch_queue *queue) {
    for (unsigned i = 0; i < queue->count; i++)
        r2g_batch_item_free(&queue->items[i]);
    free(queue->items);
    memset(queue, 0, sizeof *queue);
}
