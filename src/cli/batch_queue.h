/* Images that wait: a heap, the one that takes longest first, so that the short ones even out the end. Main thread. */
#ifndef R2G_CLI_BATCH_QUEUE_H
#define R2G_CLI_BATCH_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <rgb2gray/status.h>

/* One image of the batch. */
struct r2g_batch_item {
    char *path;      /* as it is opened; owned */
    char *output;    /* below the output folder; owned */
    int64_t cost_ns; /* see batch_cost.h; 0 before its header was read */
    uint32_t width, height;
    bool splittable;
    /* Which file is meant; see batch_parcel.h. 0: not known (inode), not looked at (mtime_ns; nbytes with it). */
    uint64_t inode, nbytes;
    int64_t mtime_ns;
};

void r2g_batch_item_free(struct r2g_batch_item *item);

struct r2g_batch_queue {
    struct r2g_batch_item *items;
    unsigned count, capacity;
    int64_t cost_ns; /* of all */
};

/* Takes the item over, also on failure. R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_batch_queue_put(struct r2g_batch_queue *queue, struct r2g_batch_item *item,
                                              struct r2g_error *err);
/* The first one, to be freed by the caller; the queue must not be empty. Among equals the order of names decides. */
struct r2g_batch_item r2g_batch_queue_take(struct r2g_batch_queue *queue);
void r2g_batch_queue_free(struct r2g_batch_queue *queue);

#endif
