/* What a rank does with a task: reads headers, or converts images one after the other, each in this process alone.
 *
 * One worker a rank, used from one thread; it makes no MPI call. */
#ifndef R2G_CLI_BATCH_WORK_H
#define R2G_CLI_BATCH_WORK_H

#include <limits.h>
#include <signal.h>

#include "cli/batch_journal.h"
#include "cli/batch_task.h"
#include "cli/options.h"
#include "pipeline/report.h"

struct r2g_batch_worker {
    const struct r2g_cli *cli;
    struct r2g_options options;
    int rank;
    char host[64];
    bool replaces; /* outputs that are newer than began_ns were made by an earlier run */
    int64_t began_ns;
    struct r2g_batch_journal journal; /* of those who see the output folder */
    char scratch[64]; /* a folder of its own for outputs, where the output folder is not seen here; else "" */
    const volatile sig_atomic_t *stop;
    char made_folder[PATH_MAX]; /* the last one that was made */
};

/* Whether an output may be replaced: it was asked for, or an earlier run of this batch made it. */
bool r2g_batch_may_replace(const struct r2g_batch_worker *worker, const char *path);

/* Makes the folder that `path` lies in, unless it was the last one to be made. R2G_EOUTPUT. */
R2G_MUST_CHECK r2g_status r2g_batch_make_room(struct r2g_batch_worker *worker, const char *path, struct r2g_error *err);

/* Whether a failure is not the image's but the place's: the rest would fail the same way. */
bool r2g_batch_is_fatal(const struct r2g_error *err);

/* Does the task and fills *outcome; free that with r2g_batch_outcome_free. */
void r2g_batch_work(struct r2g_batch_worker *worker, struct r2g_batch_task *task, struct r2g_batch_outcome *outcome);

/* Appends an image's line to the journal, with the time of its output's last change (NULL: it has none). R2G_EOUTPUT,
 * R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_batch_write_line(struct r2g_batch_worker *worker, const char *line, const char *out_path,
                                               struct r2g_error *err);

/* Writes the line of an image that was not converted by r2g_batch_work: a split one, or one that never came so far. The item
 * is known by r2g_batch_identify, from before the work. */
R2G_MUST_CHECK r2g_status r2g_batch_note(struct r2g_batch_worker *worker, const struct r2g_batch_item *item,
                                         const struct r2g_report *report, const struct r2g_error *failure,
                                         struct r2g_error *err);

#endif
