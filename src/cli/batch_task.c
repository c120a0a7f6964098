#include "cli/batch_task.h"

#include <string.h>

/* An item as it travels; the two names follow, each with its NUL. */
struct packed_item {
    int64_t cost_ns, mtime_ns;
    uint64_t inode, nbytes, content_nbytes;
    uint32_t width, height, splittable, path_nbytes, output_nbytes;
};

struct packed_task {
    uint32_t kind, count, sent;
};

void r2g_batch_task_free(struct r2g_batch_task *task) {
    for (unsigned i = 0; i < task->count; i++)
        r2g_batch_item_free(&task->items[i]);
    r2g_batch_task_drop_contents(task);
    task->count = 0;
}

void r2g_batch_task_drop_contents(struct r2g_batch_task *task) {
    for (unsigned i = 0; i < task->count; i++)
        r2g_buffer_free(&task->contents[i]);
}

void r2g_batch_outcome_free(struct r2g_batch_outcome *outcome) {
    r2g_buffer_free(&outcome->lines);
    r2g_buffer_free(&outcome->returns);
    memset(outcome, 0, sizeof *outcome);
}

r2g_status r2g_batch_task_pack(const struct r2g_batch_task *task, struct r2g_buffer *bytes, struct r2g_error *err) {
    struct packed_task head = {task->kind, task->count, task->sent};
    bytes->nbytes = 0;
    r2g_status status = r2g_buffer_append(bytes, &head, sizeof head, err);
    for (unsigned i = 0; i < task->count && status == R2G_OK; i++) {
        const struct r2g_batch_item *item = &task->items[i];
        const struct r2g_buffer *content = &task->contents[i];
        struct packed_item packed = {.cost_ns = item->cost_ns,
                                     .mtime_ns = item->mtime_ns,
                                     .inode = item->inode,
                                     .nbytes = item->nbytes,
                                     .content_nbytes = task->sent ? content->nbytes : 0,
                                     .width = item->width,
                                     .height = item->height,
                                     .splittable = item->splittable,
                                     .path_nbytes = (uint32_t)strlen(item->path) + 1,
                                     .output_nbytes = (uint32_t)strlen(item->output) + 1};
        status = r2g_buffer_append(bytes, &packed, sizeof packed, err);
        if (status == R2G_OK)
            status = r2g_buffer_append(bytes, item->path, packed.path_nbytes, err);
        if (status == R2G_OK)
            status = r2g_buffer_append(bytes, item->output, packed.output_nbytes, err);
        if (status == R2G_OK && packed.content_nbytes > 0)
            status = r2g_buffer_append(bytes, content->bytes, content->nbytes, err);
    }
    return status;
}

/* Reads nbytes from *at on; false where the message ends before. */
static bool take(const struct r2g_buffer *bytes, size_t *at, void *value, size_t nbytes) {
    if (bytes->nbytes - *at < nbytes)
        return false;
    memcpy(value, bytes->bytes + *at, nbytes);
    *at += nbytes;
    return true;
}

static char *take_text(const struct r2g_buffer *bytes, size_t *at, uint32_t nbytes, struct r2g_error *err) {
    if (nbytes == 0 || bytes->nbytes - *at < nbytes || bytes->bytes[*at + nbytes - 1] != '\0')
        return NULL;
    char *text = r2g_copy_text((const char *)bytes->bytes + *at, err);
    *at += nbytes;
    return text;
}

static r2g_status broken(struct r2g_error *err) {
    return r2g_fail(err, R2G_EINTERNAL, "a message between ranks is not what it should be");
}

r2g_status r2g_batch_task_unpack(struct r2g_batch_task *task, const struct r2g_buffer *bytes, struct r2g_error *err) {
    struct packed_task head;
    size_t at = 0;
    task->count = 0;
    if (!take(bytes, &at, &head, sizeof head) || head.count > R2G_BATCH_TASK_MAX || head.kind > R2G_BATCH_END)
        return broken(err);
    task->kind = (enum r2g_batch_kind)head.kind;
    task->sent = head.sent != 0;
    for (unsigned i = 0; i < head.count; i++) {
        struct packed_item packed;
        if (!take(bytes, &at, &packed, sizeof packed))
            return broken(err);
        struct r2g_batch_item item = {.cost_ns = packed.cost_ns,
                                      .width = packed.width,
                                      .height = packed.height,
                                      .splittable = packed.splittable != 0,
                                      .inode = packed.inode,
                                      .nbytes = packed.nbytes,
                                      .mtime_ns = packed.mtime_ns};
        item.path = take_text(bytes, &at, packed.path_nbytes, err);
        item.output = item.path ? take_text(bytes, &at, packed.output_nbytes, err) : NULL;
        task->items[task->count++] = item;
        if (!item.output)
            return err && err->status == R2G_ENOMEM ? R2G_ENOMEM : broken(err);
        if (packed.content_nbytes > bytes->nbytes - at)
            return broken(err);
        r2g_status status =
            r2g_buffer_append(&task->contents[i], bytes->bytes + at, (size_t)packed.content_nbytes, err);
        if (status != R2G_OK)
            return status;
        at += (size_t)packed.content_nbytes;
    }
    return R2G_OK;
}

/* What HEADERS found out of an item. */
struct packed_plan {
    int64_t cost_ns;
    uint32_t width, height, splittable;
};

r2g_status r2g_batch_outcome_pack(const struct r2g_batch_task *task, const struct r2g_batch_outcome *outcome,
                                  struct r2g_buffer *bytes, struct r2g_error *err) {
    struct r2g_batch_outcome plain = *outcome;
    uint64_t lines_nbytes = outcome->lines.nbytes;
    memset(&plain.lines, 0, sizeof plain.lines);
    memset(&plain.returns, 0, sizeof plain.returns);
    bytes->nbytes = 0;
    r2g_status status = r2g_buffer_append(bytes, &plain, sizeof plain, err);
    for (unsigned i = 0; i < task->count && status == R2G_OK; i++) {
        const struct r2g_batch_item *item = &task->items[i];
        struct packed_plan plan = {item->cost_ns, item->width, item->height, item->splittable};
        status = r2g_buffer_append(bytes, &plan, sizeof plan, err);
    }
    if (status == R2G_OK)
        status = r2g_buffer_append(bytes, &lines_nbytes, sizeof lines_nbytes, err);
    if (status == R2G_OK && outcome->lines.nbytes > 0)
        status = r2g_buffer_append(bytes, outcome->lines.bytes, outcome->lines.nbytes, err);
    if (status == R2G_OK && outcome->returns.nbytes > 0)
        status = r2g_buffer_append(bytes, outcome->returns.bytes, outcome->returns.nbytes, err);
    return status;
}

r2g_status r2g_batch_outcome_unpack(struct r2g_batch_task *task, struct r2g_batch_outcome *outcome,
                                    const struct r2g_buffer *bytes, struct r2g_error *err) {
    size_t at = 0;
    if (!take(bytes, &at, outcome, sizeof *outcome)) {
        memset(outcome, 0, sizeof *outcome);
        return broken(err);
    }
    uint64_t lines_nbytes;
    memset(&outcome->lines, 0, sizeof outcome->lines);
    memset(&outcome->returns, 0, sizeof outcome->returns);
    for (unsigned i = 0; i < task->count; i++) {
        struct packed_plan plan;
        if (!take(bytes, &at, &plan, sizeof plan))
            return broken(err);
        task->items[i].cost_ns = plan.cost_ns;
        task->items[i].width = plan.width;
        task->items[i].height = plan.height;
        task->items[i].splittable = plan.splittable != 0;
    }
    if (!take(bytes, &at, &lines_nbytes, sizeof lines_nbytes) || lines_nbytes > bytes->nbytes - at)
        return broken(err);
    r2g_status status = r2g_buffer_append(&outcome->lines, bytes->bytes + at, (size_t)lines_nbytes, err);
    at += (size_t)lines_nbytes;
    return status == R2G_OK ? r2g_buffer_append(&outcome->returns, bytes->bytes + at, bytes->nbytes - at, err) : status;
}
