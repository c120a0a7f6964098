#include "cli/batch_work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cli/batch_cost.h"
#include "cli/batch_files.h"
#include "cli/batch_record.h"
#include "cli/batch_stats.h"
#include "cli/conversions.h"

bool r2g_batch_may_replace(const struct r2g_batch_worker *worker, const char *path) {
    struct stat info;
    if (worker->cli->options.overwrite)
        return true;
    return worker->replaces && stat(path, &info) == 0 && r2g_batch_mtime_ns(&info) >= worker->began_ns;
}

r2g_status r2g_batch_make_room(struct r2g_batch_worker *worker, const char *path, struct r2g_error *err) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 0, path);
    if (!folder[0] || strcmp(folder, worker->made_folder) == 0)
        return R2G_OK;
    r2g_status status = r2g_batch_make_folder(folder, err);
    if (status == R2G_OK)
        snprintf(worker->made_folder, sizeof worker->made_folder, "%s", folder);
    return status;
}

bool r2g_batch_is_fatal(const struct r2g_error *err) {
    static const int errors[] = {ENOSPC, EDQUOT, EROFS, EIO, ENODEV, ESTALE};
    for (size_t i = 0; err->status == R2G_EOUTPUT && i < sizeof errors / sizeof errors[0]; i++) {
        if (err->sys_errno == errors[i])
            return true;
    }
    return err->status == R2G_EMPI;
}

static bool go_on(void *user, const struct r2g_progress *progress) {
    const struct r2g_batch_worker *worker = user;
    (void)progress;
    return !*worker->stop;
}

static r2g_status write_line(struct r2g_batch_worker *worker, const struct r2g_batch_record *record,
                             struct r2g_error *err) {
    char *line = r2g_batch_record_line(record);
    if (!line)
        return r2g_fail(err, R2G_ENOMEM, "no memory for the journal");
    r2g_status status = r2g_batch_journal_add(&worker->journal, line, err);
    r2g_budget_free(line);
    return status;
}

/* Converts one image and records it. R2G_OK; the image's own failure, which has been recorded; or what ends the work:
 * R2G_ECANCELED, and what r2g_batch_is_fatal knows. */
static r2g_status convert(struct r2g_batch_worker *worker, const struct r2g_batch_item *item,
                          struct r2g_batch_outcome *outcome, struct r2g_error *err) {
    char out_path[PATH_MAX], digest[65] = "";
    struct r2g_report report = {0};
    struct stat info = {0};
    const struct r2g_cli *cli = worker->cli;
    snprintf(out_path, sizeof out_path, "%.2000s/%.2000s", cli->output, item->output);
    if (stat(item->path, &info) != 0)
        memset(&info, 0, sizeof info); /* opening it will say why */
    r2g_status status = r2g_batch_make_room(worker, out_path, err);
    if (status == R2G_OK) {
        struct r2g_request request = {.in_path = item->path, .out_path = out_path, .options = worker->options};
        request.options.overwrite = r2g_batch_may_replace(worker, out_path);
        status = r2g_convert_alone(&request, &report, err);
    }
    if (status == R2G_OK && (cli->stats_csv || cli->stats_jsonl || cli->manifest))
        status = r2g_batch_digest(out_path, digest, err);
    if (status != R2G_ECANCELED && (status == R2G_OK || !r2g_batch_is_fatal(err))) {
        struct r2g_batch_record record = {.item = item,
                                          .report = &report,
                                          .err = err,
                                          .in_nbytes = (uint64_t)info.st_size,
                                          .in_mtime_ns = r2g_batch_mtime_ns(&info),
                                          .rank = worker->rank,
                                          .host = worker->host,
                                          .sha256 = digest};
        struct r2g_error trouble = {0};
        if (write_line(worker, &record, &trouble) != R2G_OK) {
            outcome->fatal = trouble; /* what cannot be recorded is not done */
        } else if (status == R2G_OK) {
            outcome->done_count++;
            outcome->in_nbytes += (uint64_t)info.st_size;
            outcome->out_nbytes += report.out_nbytes;
        }
    }
    r2g_report_free(&report);
    return status;
}

/* What its header tells; a failure is recorded here, unless rank 0 may see more. */
static enum r2g_batch_planned plan(struct r2g_batch_worker *worker, struct r2g_batch_item *item,
                                   struct r2g_batch_outcome *outcome, struct r2g_error *err) {
    struct r2g_job job;
    char out_path[PATH_MAX];
    snprintf(out_path, sizeof out_path, "%.2000s/%.2000s", worker->cli->output, item->output);
    r2g_status status = r2g_job_open(&job, item->path, out_path, &worker->options, err);
    if (status == R2G_OK) {
        item->cost_ns = r2g_batch_cost(&job);
        item->splittable = r2g_batch_can_split(&job);
        item->width = job.stored.width;
        item->height = job.stored.height;
    }
    r2g_job_close(&job);
    if (status == R2G_OK)
        return R2G_BATCH_READY;
    if (status == R2G_EINPUT && worker->rank > 0)
        return R2G_BATCH_UNSEEN;
    struct r2g_report report = {0};
    struct r2g_error trouble = {0};
    if (r2g_batch_note(worker, item, &report, err, &trouble) != R2G_OK)
        outcome->fatal = trouble;
    return R2G_BATCH_FAILED;
}

r2g_status r2g_batch_note(struct r2g_batch_worker *worker, const struct r2g_batch_item *item,
                          const struct r2g_report *report, const struct r2g_error *failure, struct r2g_error *err) {
    struct stat info;
    char digest[65] = "", path[PATH_MAX];
    const struct r2g_cli *cli = worker->cli;
    bool there = stat(item->path, &info) == 0;
    snprintf(path, sizeof path, "%.2000s/%.2000s", cli->output, item->output);
    r2g_status status = R2G_OK;
    if (failure->status == R2G_OK && (cli->stats_csv || cli->stats_jsonl || cli->manifest))
        status = r2g_batch_digest(path, digest, err);
    struct r2g_batch_record record = {.item = item,
                                      .report = report,
                                      .err = failure,
                                      .in_nbytes = there ? (uint64_t)info.st_size : 0,
                                      .in_mtime_ns = there ? r2g_batch_mtime_ns(&info) : 0,
                                      .rank = worker->rank,
                                      .host = worker->host,
                                      .sha256 = digest};
    return status == R2G_OK ? write_line(worker, &record, err) : status;
}

static void add_line(struct r2g_batch_outcome *outcome, const struct r2g_error *failure) {
    char line[R2G_CLI_ERROR_NBYTES + 1];
    struct r2g_error err;
    r2g_cli_error_line(failure, line, sizeof line - 1);
    strcat(line, "\n");
    if (r2g_buffer_append(&outcome->lines, line, strlen(line), &err) != R2G_OK)
        outcome->fatal = err;
}

void r2g_batch_work(struct r2g_batch_worker *worker, struct r2g_batch_task *task, struct r2g_batch_outcome *outcome) {
    memset(outcome, 0, sizeof *outcome);
    int64_t start = r2g_clock_ns();
    worker->options.progress = go_on;
    worker->options.progress_user = worker;
    for (unsigned i = 0; i < task->count && outcome->fatal.status == R2G_OK; i++) {
        struct r2g_error err = {0};
        outcome->stopped = *worker->stop != 0;
        if (outcome->stopped)
            break;
        if (task->kind == R2G_BATCH_HEADERS) {
            outcome->planned[i] = plan(worker, &task->items[i], outcome, &err);
            if (outcome->planned[i] != R2G_BATCH_FAILED)
                continue;
        } else if (convert(worker, &task->items[i], outcome, &err) == R2G_OK) {
            continue;
        }
        if (err.status == R2G_ECANCELED) {
            outcome->stopped = true;
        } else if (r2g_batch_is_fatal(&err)) {
            outcome->fatal = err;
        } else {
            outcome->failed_count++;
            add_line(outcome, &err);
        }
    }
    outcome->busy_ns = r2g_clock_ns() - start;
}
