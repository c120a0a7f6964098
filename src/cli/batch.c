/* rgb2gray batch: many images, each whole on one rank, or split over all where the others would have nothing to do.
 *
 * Rank 0 opens the journal and gives out the work (batch_coordinator.c); the others do it (batch_serve.c). Then what is to
 * be split is converted by all together, one picture after the other, and rank 0 writes the statistics. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/batch_files.h"
#include "cli/batch_messages.h"
#include "cli/batch_parcel.h"
#include "cli/batch_plan.h"
#include "cli/batch_progress.h"
#include "cli/batch_stats.h"
#include "cli/commands.h"
#include "cli/ranks.h"

static volatile sig_atomic_t stop;

static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGXCPU, SIGUSR1};
static struct sigaction before[sizeof signals / sizeof signals[0]];

/* The first signal lets the work end in order; a second one ends the process as it always would (base/cleanup.h). */
static void ask_to_stop(int signal_number) {
    stop = 1;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (signals[i] == signal_number)
            sigaction(signal_number, &before[i], NULL);
    }
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        /* what nohup, or a shell's background job, ignores stays ignored */
        if (sigaction(signals[i], NULL, &before[i]) == 0 && before[i].sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

/* What rank 0 tells the others before the work. */
struct setup {
    char folder[PATH_MAX]; /* the journal's */
    uint64_t lock_inode;   /* of a file in it, to tell whether it is the same folder everywhere */
    int64_t lock_mtime_ns;
    int64_t began_ns;
    int32_t resumed;
};

/* What every rank tells rank 0. */
struct place {
    char host[sizeof((struct r2g_batch_worker *)NULL)->host];
    int32_t sees_output;
};

struct batch {
    const struct r2g_cli *cli;
    struct r2g_comm *comm; /* NULL: alone */
    bool first_rank;
    struct r2g_batch_state state;
    struct r2g_batch_set seen;
    struct r2g_batch_stats stats;
    struct r2g_batch_worker worker;
    struct r2g_batch_totals totals;
    struct r2g_batch_progress progress;
    struct r2g_batch_plan plan;
    struct r2g_batch_queue split;
    uint64_t split_count;
    struct setup setup;
    struct place *places; /* rank 0 */
};

static r2g_status agree(struct batch *batch, r2g_status status, struct r2g_error *err) {
    return batch->comm ? r2g_agree(batch->comm, status, err) : status;
}

/* ---- before ---- */

static r2g_status open_first(struct batch *batch, struct r2g_error *err) {
    const struct r2g_cli *cli = batch->cli;
    struct stat info;
    char path[PATH_MAX + 8];
    batch->totals.rank_count = batch->comm ? batch->comm->size : 1;
    batch->totals.ranks = r2g_new((size_t)batch->totals.rank_count * sizeof batch->totals.ranks[0], err);
    batch->places = r2g_new((size_t)batch->totals.rank_count * sizeof batch->places[0], err);
    if (!batch->totals.ranks || !batch->places)
        return R2G_ENOMEM;
    r2g_status status = r2g_batch_set_open(&batch->seen, err);
    if (status == R2G_OK && cli->explain)
        return r2g_batch_plan_open(&batch->plan, cli, batch->totals.rank_count, err);
    if (status == R2G_OK)
        status = r2g_batch_make_folder(cli->output, err);
    if (status == R2G_OK)
        status = r2g_batch_state_open(&batch->state, cli, &batch->seen, err);
    if (status == R2G_OK)
        status = r2g_batch_stats_open(&batch->stats, cli, batch->state.resumed, err);
    if (status != R2G_OK)
        return status;
    snprintf(batch->setup.folder, sizeof batch->setup.folder, "%s", batch->state.folder);
    snprintf(path, sizeof path, "%s/lock", batch->state.folder);
    if (stat(path, &info) == 0) {
        batch->setup.lock_inode = info.st_ino;
        batch->setup.lock_mtime_ns = r2g_batch_mtime_ns(&info);
    }
    batch->setup.began_ns = batch->state.began_ns;
    batch->setup.resumed = batch->state.resumed;
    return R2G_OK;
}

/* A rank that does not see the output folder has one of its own, for one output at a time, which is then sent to rank 0. */
static r2g_status open_scratch(struct r2g_batch_worker *worker, struct r2g_error *err) {
    char path[PATH_MAX];
    int used = snprintf(path, sizeof path, "%s/rgb2gray-batch-XXXXXX", r2g_file_temporary_folder());
    if ((size_t)used >= sizeof worker->scratch || !mkdtemp(path))
        return r2g_fail_errno(err, R2G_EOUTPUT, (size_t)used >= sizeof worker->scratch ? ENAMETOOLONG : errno,
                              "cannot make a temporary folder in %s on %s (TMPDIR names another)",
                              r2g_file_temporary_folder(), worker->host);
    memcpy(worker->scratch, path, (size_t)used + 1);
    return R2G_OK;
}

/* Every rank that sees the output folder writes its outputs and its journal itself. */
static r2g_status open_own(struct batch *batch, struct r2g_error *err) {
    const struct setup *setup = &batch->setup;
    struct r2g_batch_worker *worker = &batch->worker;
    struct stat info;
    char path[PATH_MAX + 8];
    worker->cli = batch->cli;
    worker->options = batch->cli->options;
    worker->options.sync = false; /* many at once instead: see batch_journal.h */
    worker->rank = batch->comm ? batch->comm->rank : 0;
    worker->replaces = setup->resumed;
    worker->began_ns = setup->began_ns;
    worker->stop = &stop;
    if (gethostname(worker->host, sizeof worker->host - 1) != 0)
        strcpy(worker->host, "?");
    if (batch->cli->explain)
        return R2G_OK; /* nothing is written */
    snprintf(path, sizeof path, "%s/lock", setup->folder);
    if (stat(path, &info) != 0 || info.st_ino != setup->lock_inode || r2g_batch_mtime_ns(&info) != setup->lock_mtime_ns)
        return open_scratch(worker, err);
    return r2g_batch_journal_open(&worker->journal, setup->folder, batch->cli->output, worker->rank, err);
}

/* Rank 0 learns where everyone is, and who sees the output folder. */
static r2g_status tell_place(struct batch *batch, struct r2g_error *err) {
    struct place own = {.sees_output = !batch->worker.scratch[0]};
    struct place *places = batch->places;
    memcpy(own.host, batch->worker.host, sizeof own.host);
    r2g_status status = R2G_OK;
    if (batch->comm)
        status =
            r2g_mpi_check(MPI_Gather(&own, sizeof own, MPI_BYTE, places, sizeof own, MPI_BYTE, 0, batch->comm->mpi),
                          "MPI_Gather", err);
    else
        places[0] = own;
    for (int i = 0; i < batch->totals.rank_count; i++) {
        memcpy(batch->totals.ranks[i].host, places[i].host, sizeof own.host);
        batch->totals.ranks[i].returns_outputs = !places[i].sees_output;
        int first = 0;
        while (strcmp(places[first].host, places[i].host) != 0)
            first++;
        batch->totals.ranks[i].first_on_host = first;
    }
    return status;
}

/* Waits asleep for rank 0, which may be at its files for minutes: the cores are others'. */
static r2g_status await_first(struct batch *batch, r2g_status status, struct r2g_error *err) {
    struct r2g_error failure = {0};
    r2g_status waited = batch->comm ? r2g_quiet_barrier(batch->comm, &failure) : R2G_OK;
    if (status == R2G_OK && waited != R2G_OK)
        *err = failure;
    return agree(batch, status == R2G_OK ? waited : status, err);
}

static r2g_status open_all(struct batch *batch, struct r2g_error *err) {
    r2g_status status = await_first(batch, batch->first_rank ? open_first(batch, err) : R2G_OK, err);
    if (status == R2G_OK && batch->comm)
        status = agree(batch, r2g_bcast(batch->comm, &batch->setup, (int)sizeof batch->setup, err), err);
    if (status != R2G_OK)
        return status;
    status = agree(batch, open_own(batch, err), err);
    if (status != R2G_OK)
        return status;
    return agree(batch, tell_place(batch, err), err);
}

/* ---- the work ---- */

static r2g_status whole(struct batch *batch, struct r2g_error *err) {
    if (!batch->first_rank)
        return r2g_batch_serve(batch->comm, &batch->worker, err);
    struct r2g_batch_coordinator coordinator = {.cli = batch->cli,
                                                .comm = batch->comm,
                                                .worker = &batch->worker,
                                                .folder = batch->setup.folder,
                                                .seen = &batch->seen,
                                                .totals = &batch->totals,
                                                .split = &batch->split,
                                                .plan = batch->cli->explain ? &batch->plan : NULL,
                                                .tell = r2g_batch_progress_tell,
                                                .line = r2g_batch_progress_line,
                                                .user = &batch->progress};
    return r2g_batch_coordinate(&coordinator, err);
}

static bool go_on(void *user, const struct r2g_progress *progress) {
    (void)user;
    (void)progress;
    return !stop;
}

/* What rank 0 tells of a picture: others may not see what is there. */
struct pair {
    char path[PATH_MAX], output[PATH_MAX];
    int32_t overwrite;
    int32_t skip; /* it has failed already */
};

/* Rank 0: records what came of a split picture. */
static r2g_status note_split(struct batch *batch, const struct r2g_batch_item *item, const struct r2g_report *report,
                             const struct r2g_error *failure, struct r2g_error *err) {
    struct r2g_batch_totals *totals = &batch->totals;
    bool done = failure->status == R2G_OK;
    totals->done_count += done;
    totals->failed_count += !done;
    totals->in_nbytes += done ? report->in_nbytes : 0;
    totals->out_nbytes += done ? report->out_nbytes : 0;
    batch->split_count += done;
    if (!done)
        r2g_cli_print_error(failure);
    return r2g_batch_note(&batch->worker, item, report, failure, err);
}

/* Rank 0: what is to be known before all begin. Which input is meant is known before it is read, as of whole images. */
static r2g_status prepare_split(struct batch *batch, struct r2g_batch_item *item, struct pair *pair,
                                struct r2g_error *err) {
    struct r2g_report none = {0};
    struct r2g_error failure = {0};
    char out_path[PATH_MAX];
    snprintf(pair->path, sizeof pair->path, "%.4095s", item->path);
    snprintf(pair->output, sizeof pair->output, "%.2000s", item->output);
    snprintf(out_path, sizeof out_path, "%.2000s/%.2000s", batch->cli->output, pair->output);
    (void)r2g_batch_identify(item); /* if it is not there, opening it will say why */
    pair->overwrite = r2g_batch_may_replace(&batch->worker, out_path);
    if (r2g_batch_make_room(&batch->worker, out_path, &failure) == R2G_OK)
        return R2G_OK;
    if (r2g_batch_is_fatal(&failure)) {
        *err = failure;
        return failure.status;
    }
    pair->skip = 1;
    return note_split(batch, item, &none, &failure, err);
}

/* One picture over all ranks. Its own failure is recorded by rank 0; what is returned ends the work, on all ranks. */
static r2g_status split_one(struct batch *batch, struct r2g_batch_item *item, struct r2g_error *err) {
    struct pair pair = {0};
    char out_path[PATH_MAX];
    struct r2g_report report = {0};
    struct r2g_error failure = {0};
    r2g_status status = agree(batch, batch->first_rank ? prepare_split(batch, item, &pair, err) : R2G_OK, err);
    if (status == R2G_OK)
        status = agree(batch, r2g_bcast(batch->comm, &pair, (int)sizeof pair, err), err);
    if (status != R2G_OK || pair.skip)
        return status;
    snprintf(out_path, sizeof out_path, "%.2000s/%.2000s", batch->cli->output, pair.output);
    struct r2g_request request = {.in_path = pair.path, .out_path = out_path, .options = batch->worker.options};
    request.options.progress = go_on;
    request.options.overwrite = pair.overwrite != 0;
    status = r2g_convert(batch->comm, &request, &report, &failure);
    if (status == R2G_ECANCELED || r2g_batch_is_fatal(&failure) || batch->comm->broken) {
        *err = failure;
    } else {
        failure.status = status;
        status = batch->first_rank ? note_split(batch, item, &report, &failure, err) : R2G_OK;
    }
    r2g_report_free(&report);
    return batch->comm->broken ? R2G_EMPI : agree(batch, status, err);
}

/* All ranks come here when the whole images are done; `count` is rank 0's word, 0 where the run ends early. Others may have
 * long to wait for it. */
static r2g_status split_all(struct batch *batch, struct r2g_error *err) {
    const struct r2g_batch_totals *totals = &batch->totals;
    bool ends = totals->stopped || totals->fatal.status != R2G_OK;
    int32_t count = batch->first_rank && !ends ? (int32_t)batch->split.count : 0;
    r2g_status status = agree(batch, r2g_quiet_bcast(batch->comm, &count, (int)sizeof count, err), err);
    int64_t start_ns = r2g_clock_ns();
    for (int32_t i = 0; i < count && status == R2G_OK; i++) {
        struct r2g_batch_item item = {0};
        if (batch->first_rank)
            item = r2g_batch_queue_take(&batch->split);
        status = split_one(batch, &item, err);
        r2g_batch_item_free(&item);
        if (batch->first_rank)
            r2g_batch_progress_tell(&batch->progress, false);
    }
    batch->totals.wall_ns += r2g_clock_ns() - start_ns;
    return status;
}

static r2g_status work(struct batch *batch, struct r2g_error *err) {
    struct r2g_batch_totals *totals = &batch->totals;
    r2g_status status = whole(batch, err);
    if (!batch->comm)
        return status;
    if (status == R2G_OK)
        status = split_all(batch, err);
    else
        batch->comm->broken = true; /* the others wait for messages that do not come */
    if (status == R2G_OK || batch->comm->broken)
        return status;
    if (status == R2G_ECANCELED)
        totals->stopped = true;
    else
        totals->fatal = *err;
    return R2G_OK;
}

/* ---- after ---- */

/* What the whole run amounts to, on rank 0. */
static r2g_status verdict(const struct batch *batch, struct r2g_error *err) {
    const struct r2g_batch_totals *totals = &batch->totals;
    if (totals->fatal.status != R2G_OK) {
        *err = totals->fatal;
        return err->status;
    }
    if (totals->stopped)
        return r2g_fail(err, R2G_ESTOPPED, "stopped after %llu images; the same command with --resume goes on",
                        (unsigned long long)totals->done_count);
    if (totals->failed_count > 0)
        return r2g_fail(err, R2G_EPARTIAL, "%llu of %llu images failed", (unsigned long long)totals->failed_count,
                        (unsigned long long)totals->found_count);
    return R2G_OK;
}

/* Statistics and summary. What ended the run early may spoil these, too, and is the one failure to be told then. */
static r2g_status finish_files(struct batch *batch, struct r2g_error *err) {
    struct r2g_error failure = {0};
    r2g_status status = r2g_batch_stats_write(&batch->stats, batch->cli, batch->setup.folder, err);
    r2g_status summed = r2g_batch_summary(batch->cli, &batch->totals, batch->split_count, &failure);
    if (status == R2G_OK && summed != R2G_OK) {
        status = summed;
        *err = failure;
    }
    return batch->totals.fatal.status == R2G_OK ? status : R2G_OK;
}

static r2g_status finish(struct batch *batch, r2g_status status, struct r2g_error *err) {
    struct r2g_error closing = {0};
    r2g_status closed = r2g_batch_journal_close(&batch->worker.journal, &closing);
    if (status == R2G_OK && closed != R2G_OK) {
        status = closed;
        *err = closing;
    }
    status = agree(batch, status, err);
    if (!batch->first_rank)
        return await_first(batch, R2G_OK, err);
    r2g_batch_progress_tell(&batch->progress, true);
    if (status == R2G_OK && batch->cli->explain)
        status = r2g_batch_plan_end(&batch->plan, &batch->totals, err);
    else if (status == R2G_OK)
        status = finish_files(batch, err);
    if (status == R2G_OK)
        status = verdict(batch, err);
    return await_first(batch, status, err);
}

static r2g_status run(struct batch *batch) {
    struct r2g_error err = {0};
    catch_signals();
    batch->worker.journal.fd = batch->worker.journal.output_fd = batch->state.lock_fd = -1;
    if (batch->first_rank)
        r2g_batch_progress_begin(&batch->progress, batch->cli, &batch->totals);
    r2g_status status = open_all(batch, &err);
    if (status == R2G_OK) {
        status = work(batch, &err);
        if (!batch->comm || !batch->comm->broken)
            status = finish(batch, status, &err);
    }
    if (status != R2G_OK && (batch->first_rank || (batch->comm && batch->comm->broken)))
        r2g_cli_print_error(&err);
    if (batch->worker.scratch[0])
        rmdir(batch->worker.scratch);
    r2g_batch_plan_close(&batch->plan);
    r2g_batch_queue_free(&batch->split);
    r2g_batch_stats_close(&batch->stats);
    r2g_batch_state_close(&batch->state);
    r2g_batch_set_close(&batch->seen);
    free(batch->totals.ranks);
    free(batch->places);
    return status;
}

int r2g_cli_batch(const struct r2g_cli *cli, bool alone) {
    struct batch batch = {.cli = cli, .first_rank = true};
    if (alone) {
        r2g_cli_note_isa(cli);
        r2g_cleanup_install(NULL);
        return (int)run(&batch);
    }
    struct r2g_comm comm;
    r2g_status status = r2g_cli_ranks_start(cli, &comm);
    if (status == R2G_OK) {
        batch.comm = &comm;
        batch.first_rank = comm.rank == 0;
        status = run(&batch);
    }
    return r2g_cli_ranks_stop(&comm, status);
}
