/* What rank 0 gives to a rank, and what comes back, as messages: bytes in this machine's order, since all ranks run the
 * same program. */
#ifndef R2G_CLI_BATCH_TASK_H
#define R2G_CLI_BATCH_TASK_H

#include "base/buffer.h"
#include "cli/batch_queue.h"

enum r2g_batch_kind {
    R2G_BATCH_HEADERS, /* read headers: what will the images cost? */
    R2G_BATCH_CONVERT,
    R2G_BATCH_END, /* nothing is left for this rank, or the run ends early */
};

enum { R2G_BATCH_TASK_MAX = 64 }; /* items */

struct r2g_batch_task {
    enum r2g_batch_kind kind;
    unsigned count;
    struct r2g_batch_item items[R2G_BATCH_TASK_MAX];
    bool sent;                                      /* CONVERT: with the files themselves */
    struct r2g_buffer contents[R2G_BATCH_TASK_MAX]; /* these; owned */
};

enum r2g_batch_planned {
    R2G_BATCH_READY,  /* HEADERS: cost, size and splittable were filled in. CONVERT: ended, well or not */
    R2G_BATCH_FAILED, /* HEADERS: and that was recorded */
    R2G_BATCH_UNSEEN, /* this rank does not see the file that is meant: nothing was done */
    R2G_BATCH_UNSENT, /* CONVERT: its output is too large to be returned: a rank that sees the folder has to do it */
};

/* What came of a task. A plain value but for the text. */
struct r2g_batch_outcome {
    enum r2g_batch_planned planned[R2G_BATCH_TASK_MAX];
    unsigned done_count, failed_count;
    uint64_t in_nbytes, out_nbytes;
    int64_t busy_ns;
    bool stopped;              /* a signal asked this rank to end; what was not done is not counted */
    struct r2g_error fatal;    /* what makes it senseless to go on, such as a full disk; status R2G_OK: nothing */
    struct r2g_buffer lines;   /* failures for people, each ended by a line break; owned */
    struct r2g_buffer returns; /* of a rank that does not see the output folder; see batch_parcel.h; owned */
};

void r2g_batch_task_free(struct r2g_batch_task *task);
void r2g_batch_task_drop_contents(struct r2g_batch_task *task);
void r2g_batch_outcome_free(struct r2g_batch_outcome *outcome);

/* A task into bytes, and back. R2G_ENOMEM; R2G_EINTERNAL for bytes that are no task. */
R2G_MUST_CHECK r2g_status r2g_batch_task_pack(const struct r2g_batch_task *task, struct r2g_buffer *bytes,
                                              struct r2g_error *err);
R2G_MUST_CHECK r2g_status r2g_batch_task_unpack(struct r2g_batch_task *task, const struct r2g_buffer *bytes,
                                                struct r2g_error *err);
/* An outcome with what the task's items have become. _unpack fills the items of the same task. */
R2G_MUST_CHECK r2g_status r2g_batch_outcome_pack(const struct r2g_batch_task *task,
                                                 const struct r2g_batch_outcome *outcome, struct r2g_buffer *bytes,
                                                 struct r2g_error *err);
R2G_MUST_CHECK r2g_status r2g_batch_outcome_unpack(struct r2g_batch_task *task, struct r2g_batch_outcome *outcome,
                                                   const struct r2g_buffer *bytes, struct r2g_error *err);

#endif
