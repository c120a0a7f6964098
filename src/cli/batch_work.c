#include "cli/batch_work.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/batch_cost.h"
#include "cli/batch_files.h"
#include "cli/batch_parcel.h"
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

/* One image of a task at hand. */
struct work {
    struct r2g_batch_worker *worker;
    struct r2g_batch_task *task;
    unsigned index;
    struct r2g_batch_item *item;
    struct r2g_batch_outcome *outcome;
};

r2g_status r2g_batch_write_line(struct r2g_batch_worker *worker, const char *line, const char *out_path,
                                struct r2g_error *err) {
    struct r2g_buffer text = {0};
    struct stat info;
    char end[48] = "}";
    size_t nbytes = strlen(line) - 1; /* without its closing brace */
    if (out_path && stat(out_path, &info) == 0)
        snprintf(end, sizeof end, ",\"out_mtime_ns\":%" PRId64 "}", r2g_batch_mtime_ns(&info));
    r2g_status status = r2g_buffer_append(&text, line, nbytes, err);
    if (status == R2G_OK)
        status = r2g_buffer_append(&text, end, strlen(end) + 1, err);
    if (status == R2G_OK)
        status = r2g_batch_journal_add(&worker->journal, (const char *)text.bytes, err);
    r2g_buffer_free(&text);
    return status;
}

/* Writes the image's line into the journal; where that is not seen from here, it is returned, with the output. */
static r2g_status write_line(const struct work *work, const struct r2g_batch_record *record, const char *out_path,
                             struct r2g_error *err) {
    if (work->worker->cli->explain)
        return R2G_OK;
    char *line = r2g_batch_record_line(record);
    if (!line)
        return r2g_fail(err, R2G_ENOMEM, "no memory for the journal");
    r2g_status status = work->worker->scratch[0] ? r2g_batch_add_return(&work->outcome->returns, work->index, line,
                                                                        record->item->nbytes, out_path, err)
                                                 : r2g_batch_write_line(work->worker, line, out_path, err);
    r2g_budget_free(line);
    return status;
}

/* Records what came of the image. `out_path` has the output, or is NULL. What cannot be recorded is not done. */
static void record(const struct work *work, const struct r2g_report *report, const struct r2g_error *err,
                   const char *digest, const char *out_path) {
    struct r2g_batch_outcome *outcome = work->outcome;
    struct r2g_error trouble = {0};
    struct r2g_batch_record told = {.item = work->item,
                                    .report = report,
                                    .err = err,
                                    .rank = work->worker->rank,
                                    .host = work->worker->host,
                                    .sha256 = digest};
    r2g_status status = write_line(work, &told, out_path, &trouble);
    if (status != R2G_OK && work->worker->scratch[0] && trouble.sys_errno == EFBIG) {
        outcome->planned[work->index] = R2G_BATCH_UNSENT;
    } else if (status != R2G_OK) {
        outcome->fatal = trouble;
    } else if (out_path) {
        outcome->done_count++;
        outcome->in_nbytes += work->item->nbytes;
        outcome->out_nbytes += report->out_nbytes;
    }
}

/* From file to file; the output's SHA-256 where it is wanted. */
static r2g_status convert_file(const struct work *work, const char *in_path, const char *out_path,
                               struct r2g_report *report, char digest[65], struct r2g_error *err) {
    const struct r2g_cli *cli = work->worker->cli;
    r2g_status status = r2g_batch_make_room(work->worker, out_path, err);
    if (status != R2G_OK)
        return status;
    struct r2g_request request = {.in_path = in_path, .out_path = out_path, .options = work->worker->options};
    request.options.overwrite = r2g_batch_may_replace(work->worker, out_path);
    status = r2g_convert_alone(&request, report, err);
    if (status == R2G_OK && (cli->stats_csv || cli->stats_jsonl || cli->manifest))
        status = r2g_batch_digest(out_path, digest, err);
    return status;
}

/* Messages about a file that was sent name it as rank 0 knows it. */
static void rename_input(struct r2g_error *err, const char *in_path, const char *path) {
    char rest[sizeof err->text];
    size_t length = strlen(in_path);
    if (strncmp(err->text, in_path, length) != 0)
        return;
    snprintf(rest, sizeof rest, "%s", err->text + length);
    int used = snprintf(err->text, sizeof err->text, "%s", path);
    if (used >= 0 && (size_t)used < sizeof err->text)
        snprintf(err->text + used, sizeof err->text - (size_t)used, "%s", rest);
}

/* Converts one image and records it. R2G_OK; the image's own failure, which has been recorded; or what ends the work:
 * R2G_ECANCELED, and what r2g_batch_is_fatal knows. */
static r2g_status convert(const struct work *work, struct r2g_error *err) {
    struct r2g_batch_worker *worker = work->worker;
    char out_path[PATH_MAX], sent_path[64], digest[65] = "";
    const char *in_path = work->item->path, *name = strrchr(work->item->output, '/');
    struct r2g_report report = {0};
    r2g_status status = R2G_OK;
    int sent_fd = -1;
    if (worker->scratch[0])
        snprintf(out_path, sizeof out_path, "%s/%.255s", worker->scratch, name ? name + 1 : work->item->output);
    else
        snprintf(out_path, sizeof out_path, "%.2000s/%.2000s", worker->cli->output, work->item->output);
    if (work->task->sent) {
        status = r2g_batch_unload(&work->task->contents[work->index], &sent_fd, sent_path, err);
        in_path = sent_path;
    }
    if (status == R2G_OK)
        status = convert_file(work, in_path, out_path, &report, digest, err);
    if (work->task->sent)
        rename_input(err, in_path, work->item->path);
    if (status != R2G_ECANCELED && (status == R2G_OK || !r2g_batch_is_fatal(err)))
        record(work, &report, err, digest, status == R2G_OK ? out_path : NULL);
    if (worker->scratch[0])
        unlink(out_path);
    if (sent_fd >= 0)
        close(sent_fd);
    r2g_report_free(&report);
    return status;
}

/* What its header tells; a failure is recorded. */
static enum r2g_batch_planned plan(const struct work *work, struct r2g_error *err) {
    struct r2g_job job;
    char out_path[PATH_MAX];
    struct r2g_batch_item *item = work->item;
    snprintf(out_path, sizeof out_path, "%.2000s/%.2000s", work->worker->cli->output, item->output);
    r2g_status status = r2g_job_open(&job, item->path, out_path, &work->worker->options, err);
    if (status == R2G_OK) {
        item->cost_ns = r2g_batch_cost(&job);
        item->splittable = r2g_batch_can_split(&job);
        item->width = job.stored.width;
        item->height = job.stored.height;
    }
    r2g_job_close(&job);
    if (status == R2G_OK)
        return R2G_BATCH_READY;
    struct r2g_report report = {0};
    record(work, &report, err, "", NULL);
    return R2G_BATCH_FAILED;
}

r2g_status r2g_batch_note(struct r2g_batch_worker *worker, const struct r2g_batch_item *item,
                          const struct r2g_report *report, const struct r2g_error *failure, struct r2g_error *err) {
    char digest[65] = "", path[PATH_MAX];
    const struct r2g_cli *cli = worker->cli;
    snprintf(path, sizeof path, "%.2000s/%.2000s", cli->output, item->output);
    r2g_status status = R2G_OK;
    if (failure->status == R2G_OK && (cli->stats_csv || cli->stats_jsonl || cli->manifest))
        status = r2g_batch_digest(path, digest, err);
    struct r2g_batch_record record = {
        .item = item, .report = report, .err = failure, .rank = worker->rank, .host = worker->host, .sha256 = digest};
    struct r2g_batch_outcome none = {0};
    struct work work = {.worker = worker, .outcome = &none};
    return status == R2G_OK ? write_line(&work, &record, failure->status == R2G_OK ? path : NULL, err) : status;
}

static void add_line(struct r2g_batch_outcome *outcome, const struct r2g_error *failure) {
    char line[R2G_CLI_ERROR_NBYTES + 1];
    struct r2g_error err;
    r2g_cli_error_line(failure, line, sizeof line - 1);
    strcat(line, "\n");
    if (r2g_buffer_append(&outcome->lines, line, strlen(line), &err) != R2G_OK)
        outcome->fatal = err;
}

/* Looks at the file that is meant, as it is before the work. Rank 0 gets those too that others have not found to be files: to
 * open something else, such as a pipe, could wait for ever. What is not there is left to be opened, which says why. */
static r2g_status look(const struct work *work, struct r2g_error *err) {
    struct stat info;
    struct r2g_report none = {0};
    struct r2g_batch_item *item = work->item;
    if (r2g_batch_identify(item) || stat(item->path, &info) != 0)
        return R2G_OK;
    r2g_status status = r2g_fail(err, R2G_EINPUT, "%s: is no regular file", item->path);
    record(work, &none, err, "", NULL);
    return status;
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
        struct work work = {worker, task, i, &task->items[i], outcome};
        if (worker->rank > 0 && !task->sent && !r2g_batch_same_file(work.item)) {
            outcome->planned[i] = R2G_BATCH_UNSEEN;
            continue;
        }
        if (worker->rank == 0 && look(&work, &err) != R2G_OK) {
            outcome->planned[i] = R2G_BATCH_FAILED;
        } else if (task->kind == R2G_BATCH_HEADERS) {
            outcome->planned[i] = plan(&work, &err);
            if (outcome->planned[i] != R2G_BATCH_FAILED)
                continue;
        } else if (convert(&work, &err) == R2G_OK) {
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
