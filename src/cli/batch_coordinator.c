#include "cli/batch_coordinator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/output.h"
#include "cli/batch_cost.h"
#include "cli/batch_local.h"
#include "cli/batch_messages.h"
#include "cli/batch_names.h"
#include "cli/batch_parcel.h"
#include "cli/batch_plan.h"

/* Images held at once: enough that the longest come first among many, and for each of very many ranks several. */
#define WINDOW_MIN 16384u
#define WINDOW_EACH 64u
#define FIND_STEP 256 /* names between two looks for messages */
/* A task is at most this part of a rank's share of what is known, so that all end together, and not longer than this,
 * so that little waits behind it. */
#define SHARES 4
#define TASK_NS INT64_C(500000000)
/* Less than this is not worth a message while there is enough for all: of conversions, and of headers. */
#define TASK_MIN_NS INT64_C(10000000)
#define HEADERS_MIN 16
#define SEND_NBYTES ((uint64_t)16 << 20) /* of a task's files together, where there is more than one */
#define TELL_NS INT64_C(100000000)

enum state { ASKED, AT_WORK, ENDED };

struct rank {
    enum state state;
    struct r2g_batch_task *task; /* AT_WORK: what it was given */
    int64_t cost_ns, start_ns;
};

struct run {
    struct r2g_batch_coordinator *with;
    struct r2g_batch_inputs inputs;
    struct r2g_batch_queue found; /* no header read yet: all cost 0, so they are in the order of their names */
    struct r2g_batch_queue ready;
    struct r2g_batch_queue unsent; /* too large to be sent: for those who see them */
    struct r2g_batch_queue own;    /* for rank 0: not to be opened by others, perhaps, or too large to be returned */
    struct rank *ranks;
    int size;
    unsigned window, headers_out; /* tasks of headers that ranks have */
    struct r2g_batch_local local;
    /* Writes what ranks return, and records that and failures that no rank has met. Its journal is a file of its own. */
    struct r2g_batch_worker recorder;
    struct r2g_buffer bytes;
    double rate; /* measured over estimated time */
    int64_t measured_ns, estimated_ns;
};

static bool ends(const struct run *run) {
    return run->with->totals->stopped || run->with->totals->fatal.status != R2G_OK;
}

/* ---- finding ---- */

/* The main thread's own journal, beside that of its second thread: made when something is to be recorded in it. */
static r2g_status open_recorder(struct run *run, struct r2g_error *err) {
    struct r2g_batch_journal *journal = &run->recorder.journal;
    return journal->fd >= 0
               ? R2G_OK
               : r2g_batch_journal_open(journal, run->with->folder, run->with->cli->output, run->size, err);
}

/* Tells and records a failure that no rank has met. What cannot be recorded ends the run. */
static void tell_failure(struct run *run, const char *path, const char *output, const struct r2g_error *failure) {
    struct r2g_batch_totals *totals = run->with->totals;
    struct r2g_batch_item item = {.path = (char *)(uintptr_t)path, .output = (char *)(uintptr_t)output};
    (void)r2g_batch_identify(&item);
    struct r2g_report none = {0};
    struct r2g_error trouble = {0};
    char line[sizeof failure->text + 16];
    int length = snprintf(line, sizeof line, "rgb2gray: %s\n", failure->text);
    run->with->line(run->with->user, line, (size_t)length);
    totals->failed_count++;
    r2g_status status = run->with->plan ? R2G_OK : open_recorder(run, &trouble);
    if (status == R2G_OK)
        status = r2g_batch_note(&run->recorder, &item, &none, failure, &trouble);
    if (status != R2G_OK && totals->fatal.status == R2G_OK)
        totals->fatal = trouble;
}

/* One more image: known to be done already, a second one with the same output, or waiting from now on. */
static r2g_status add_found(struct run *run, struct r2g_error *err) {
    const struct r2g_cli *cli = run->with->cli;
    char output[2048];
    struct r2g_error failure = {0};
    struct r2g_batch_totals *totals = run->with->totals;
    r2g_status named = r2g_batch_output_name(cli->name_template, run->inputs.relative, cli->options.format, output,
                                             sizeof output, &failure);
    uint64_t before = 0;
    r2g_status status = R2G_OK;
    if (named == R2G_OK) /* of all parts: two of them must not become one file either */
        status = r2g_batch_set_mark(run->with->seen, r2g_batch_hash(output), R2G_BATCH_SEEN, &before, err);
    if (status != R2G_OK)
        return status;
    if (cli->part_count > 0 &&
        r2g_batch_hash(run->inputs.relative) % (uint64_t)cli->part_count != (uint64_t)cli->part - 1)
        return R2G_OK;
    totals->found_count++;
    if (named != R2G_OK) {
        tell_failure(run, run->inputs.path, "", &failure);
        return R2G_OK;
    }
    if (before & R2G_BATCH_SEEN) {
        (void)!r2g_fail(&failure, R2G_EUSAGE, "%s: another input becomes %s too; --name can tell them apart",
                        run->inputs.path, output);
        tell_failure(run, run->inputs.path, output, &failure);
        return R2G_OK;
    }
    if (r2g_batch_set_marks(run->with->seen, r2g_batch_key(run->inputs.path, output)) & R2G_BATCH_DONE) {
        totals->skipped_count++;
        return R2G_OK;
    }
    struct r2g_batch_item item = {.path = r2g_copy_text(run->inputs.path, err), .output = r2g_copy_text(output, err)};
    item.inode = run->inputs.inode;
    if (!item.path || !item.output) {
        r2g_batch_item_free(&item);
        return R2G_ENOMEM;
    }
    return r2g_batch_queue_put(&run->found, &item, err);
}

static unsigned held(const struct run *run) {
    return run->found.count + run->ready.count + run->unsent.count + run->own.count;
}

static r2g_status find_more(struct run *run, bool *did, struct r2g_error *err) {
    struct r2g_batch_totals *totals = run->with->totals;
    for (int i = 0; i < FIND_STEP && !totals->all_found && held(run) < run->window; i++) {
        bool found;
        struct r2g_error failure = {0};
        *did = true;
        r2g_status status = r2g_batch_inputs_next(&run->inputs, &found, &failure);
        if (status == R2G_OK && !found)
            totals->all_found = true;
        else if (status == R2G_OK)
            status = add_found(run, err);
        else {
            totals->found_count++;
            tell_failure(run, run->inputs.path, "", &failure);
        }
        if (status != R2G_OK && failure.status == R2G_OK)
            return status;
    }
    totals->passed_over_count = run->inputs.passed_over_count;
    return R2G_OK;
}

/* ---- giving out ---- */

static void add_to(struct r2g_batch_task *task, struct r2g_batch_queue *queue) {
    task->items[task->count++] = r2g_batch_queue_take(queue);
}

/* What the ranks at work have still to do, as far as can be told. */
static struct r2g_batch_load load_of(const struct run *run, const struct r2g_batch_item *largest) {
    struct r2g_batch_load load = {
        .rank_count = run->size, .largest = largest->cost_ns, .rest = run->ready.cost_ns - largest->cost_ns};
    int64_t now = r2g_clock_ns();
    for (int i = 0; i < run->size; i++) {
        const struct rank *rank = &run->ranks[i];
        int64_t left =
            rank->state == AT_WORK ? rank->cost_ns - (int64_t)((double)(now - rank->start_ns) / run->rate) : 0;
        if (left > 0) {
            load.busy_sum += left;
            load.busy_longest = left > load.busy_longest ? left : load.busy_longest;
        }
    }
    return load;
}

/* Puts aside what is better split at the end; only where all images are known. */
static r2g_status put_aside(struct run *run, struct r2g_error *err) {
    while (run->ready.count > 0 && run->ready.items[0].splittable) {
        struct r2g_batch_load load = load_of(run, &run->ready.items[0]);
        if (!r2g_batch_split(&load))
            break;
        struct r2g_batch_item item = r2g_batch_queue_take(&run->ready);
        r2g_status status = r2g_batch_queue_put(run->with->split, &item, err);
        if (status != R2G_OK)
            return status;
    }
    return R2G_OK;
}

/* What a task may cost where it holds more than one image. */
static int64_t longest_task(const struct run *run) {
    int64_t share_ns = run->ready.cost_ns / run->size;
    int64_t least_ns = share_ns < TASK_MIN_NS ? share_ns : TASK_MIN_NS;
    int64_t most_ns = share_ns / SHARES > least_ns ? share_ns / SHARES : least_ns;
    return most_ns < TASK_NS ? most_ns : TASK_NS;
}

/* Images for a rank that gets its inputs sent: those that rank 0 can read and that are not too large. The others are put
 * aside. */
static r2g_status fill_parcels(struct run *run, struct r2g_batch_task *task, struct r2g_error *err) {
    uint64_t nbytes = 0;
    int64_t most_ns = longest_task(run), cost_ns = 0;
    task->sent = true;
    while (run->ready.count > 0 && task->count < R2G_BATCH_TASK_MAX) {
        struct r2g_batch_item *next = &run->ready.items[0];
        bool there = r2g_batch_identify(next) && next->nbytes > 0;
        bool large = there && next->nbytes > R2G_BATCH_SEND_MAX_NBYTES;
        struct r2g_error failure;
        if (task->count > 0 && there && !large &&
            (nbytes + next->nbytes > SEND_NBYTES || cost_ns + next->cost_ns > most_ns))
            break;
        struct r2g_batch_item item = r2g_batch_queue_take(&run->ready);
        struct r2g_buffer *content = &task->contents[task->count];
        if (there && !large && r2g_batch_load(&item, content, &failure) == R2G_OK) {
            nbytes += item.nbytes;
            cost_ns += item.cost_ns;
            task->items[task->count++] = item;
            continue;
        }
        r2g_buffer_free(content);
        r2g_status status = r2g_batch_queue_put(large ? &run->unsent : &run->own, &item, err);
        if (status != R2G_OK)
            return status;
    }
    return R2G_OK;
}

static void fill_conversions(struct run *run, struct r2g_batch_task *task) {
    int64_t most_ns = longest_task(run), cost_ns = 0;
    do {
        cost_ns += run->ready.items[0].cost_ns;
        add_to(task, &run->ready);
    } while (run->ready.count > 0 && task->count < R2G_BATCH_TASK_MAX &&
             cost_ns + run->ready.items[0].cost_ns <= most_ns);
}

/* Whether nothing is left for rank 0: what others have in hand may come back for it. */
static bool is_last(const struct run *run) {
    for (int i = 1; i < run->size; i++) {
        if (run->ranks[i].state == AT_WORK)
            return false;
    }
    return run->own.count == 0 && run->unsent.count == 0;
}

/* Chooses a task for a rank; false where there is none now. */
static r2g_status choose(struct run *run, int rank, struct r2g_batch_task *task, bool *chosen, struct r2g_error *err) {
    struct r2g_batch_totals *totals = run->with->totals;
    task->count = 0;
    task->sent = false;
    *chosen = true;
    task->kind = R2G_BATCH_END;
    if (ends(run))
        return R2G_OK;
    bool sees = !totals->ranks[rank].gets_inputs;
    if (sees && run->found.count > 0 && run->ready.count < run->window / 2) {
        task->kind = R2G_BATCH_HEADERS;
        unsigned each = run->found.count / (unsigned)run->size + 1;
        if (!totals->all_found && each < HEADERS_MIN)
            each = HEADERS_MIN;
        while (run->found.count > 0 && task->count < R2G_BATCH_TASK_MAX && task->count < each)
            add_to(task, &run->found);
        return R2G_OK;
    }
    bool all_known = totals->all_found && run->found.count == 0 && run->headers_out == 0;
    r2g_status status = R2G_OK;
    if (run->with->plan && (all_known || run->ready.count >= run->window / 2))
        status = r2g_batch_plan_queue(run->with->plan, &run->ready, all_known, err);
    else if (all_known)
        status = put_aside(run, err);
    if (status != R2G_OK)
        return status;
    if (rank == 0 && run->own.count > 0) {
        task->kind = run->with->plan ? R2G_BATCH_HEADERS : R2G_BATCH_CONVERT;
        add_to(task, &run->own);
        return R2G_OK;
    }
    task->kind = R2G_BATCH_CONVERT;
    if (run->with->plan) {
        *chosen = false; /* unless this is the end */
    } else if (sees && run->unsent.count > 0) {
        add_to(task, &run->unsent);
    } else if (run->ready.count > 0 && !sees) {
        status = fill_parcels(run, task, err);
        *chosen = task->count > 0;
    } else if (run->ready.count > 0 && (all_known || run->headers_out == 0 || run->ready.count >= run->window / 2)) {
        fill_conversions(run, task);
    } else {
        *chosen = false;
    }
    if (status == R2G_OK && !*chosen && all_known && run->ready.count == 0 && (rank > 0 || is_last(run))) {
        *chosen = true;
        task->kind = R2G_BATCH_END;
    }
    return status;
}

/* Tells which files are meant, so that a rank on another host can see whether it has the same. To look at each would be
 * work for one process that grows with the ranks: beside the first, what the folder's entry told must do. */
static void identify(struct r2g_batch_task *task) {
    for (unsigned i = 0; i < task->count; i++) {
        if (i == 0 || task->items[i].inode == 0)
            (void)r2g_batch_identify(&task->items[i]);
    }
}

static r2g_status give(struct run *run, int rank, struct r2g_batch_task *task, struct r2g_error *err) {
    struct rank *to = &run->ranks[rank];
    bool last = task->kind == R2G_BATCH_END;
    to->cost_ns = 0;
    for (unsigned i = 0; i < task->count; i++)
        to->cost_ns += task->items[i].cost_ns;
    to->start_ns = r2g_clock_ns();
    to->state = last ? ENDED : AT_WORK;
    to->task = last ? NULL : task;
    run->headers_out += task->kind == R2G_BATCH_HEADERS;
    if (rank == 0) {
        if (!last)
            r2g_batch_local_give(&run->local, task);
        return R2G_OK;
    }
    if (!task->sent)
        identify(task);
    r2g_status status = r2g_batch_task_pack(task, &run->bytes, err);
    r2g_batch_task_drop_contents(task);
    if (status == R2G_OK)
        status = r2g_batch_send(run->with->comm, rank, &run->bytes, err);
    if (task->sent)
        r2g_buffer_free(&run->bytes);
    return status;
}

static r2g_status give_to_all(struct run *run, bool *did, struct r2g_error *err) {
    struct r2g_batch_task *task = NULL; /* the next one */
    r2g_status status = R2G_OK;
    for (int rank = 0; rank < run->size && status == R2G_OK; rank++) {
        bool chosen = false;
        if (run->ranks[rank].state != ASKED)
            continue;
        if (!task)
            task = r2g_new(sizeof *task, err);
        status = task ? choose(run, rank, task, &chosen, err) : R2G_ENOMEM;
        if (status != R2G_OK || !chosen)
            continue;
        *did = true;
        status = give(run, rank, task, err);
        if (run->ranks[rank].task == task)
            task = NULL;
    }
    if (task)
        r2g_batch_task_free(task);
    free(task);
    return status;
}

/* ---- taking back ---- */

/* What a rank did not see: from now on it gets all inputs sent, unless rank 0 does not see this one either, or another file
 * has taken its place since it was given out. */
static r2g_status take_unseen(struct run *run, int rank, struct r2g_batch_item *item, bool planned,
                              struct r2g_error *err) {
    struct r2g_batch_item then = *item;
    bool there = r2g_batch_identify(item);
    bool same = there && item->inode == then.inode &&
                (then.mtime_ns == 0 || (item->mtime_ns == then.mtime_ns && item->nbytes == then.nbytes));
    if (same)
        run->with->totals->ranks[rank].gets_inputs = true;
    return r2g_batch_queue_put(!there ? &run->own : planned ? &run->ready : &run->found, item, err);
}

static r2g_status take_items(struct run *run, int rank, struct r2g_batch_task *task,
                             const struct r2g_batch_outcome *outcome, struct r2g_error *err) {
    r2g_status status = R2G_OK;
    bool headers = task->kind == R2G_BATCH_HEADERS;
    run->headers_out -= headers;
    for (unsigned i = 0; i < task->count && status == R2G_OK; i++) {
        if (outcome->planned[i] == R2G_BATCH_UNSEEN)
            status = take_unseen(run, rank, &task->items[i], !headers, err);
        else if (outcome->planned[i] == R2G_BATCH_UNSENT)
            status = r2g_batch_queue_put(&run->own, &task->items[i], err);
        else if (headers && outcome->planned[i] == R2G_BATCH_READY)
            status = r2g_batch_queue_put(&run->ready, &task->items[i], err);
    }
    return status;
}

/* Writes an output that came back, whole, and then its line; the line of a failure where it cannot be. */
static void write_return(struct run *run, const struct r2g_batch_item *item, const struct r2g_batch_return *returned,
                         struct r2g_batch_outcome *outcome) {
    struct r2g_batch_worker *recorder = &run->recorder;
    char path[PATH_MAX];
    struct r2g_output *output = NULL;
    struct r2g_error failure = {0}, trouble = {0};
    snprintf(path, sizeof path, "%.2000s/%.2000s", run->with->cli->output, item->output);
    r2g_status status = R2G_OK;
    if (returned->output) {
        struct r2g_output_options options = {.overwrite = r2g_batch_may_replace(recorder, path)};
        status = r2g_batch_make_room(recorder, path, &failure);
        if (status == R2G_OK)
            status = r2g_output_create(&output, path, &options, &failure);
        if (status == R2G_OK)
            status = r2g_output_write_at(output, 0, returned->output, returned->output_nbytes, &failure);
        if (status == R2G_OK)
            status = r2g_output_commit(output, &failure);
        r2g_output_close(output);
    }
    if (status != R2G_OK) {
        outcome->done_count--;
        outcome->in_nbytes -= returned->in_nbytes;
        outcome->out_nbytes -= returned->output_nbytes;
        trouble = failure;
    }
    if (status != R2G_OK && !r2g_batch_is_fatal(&failure)) {
        tell_failure(run, item->path, item->output, &failure);
        return;
    }
    if (status == R2G_OK)
        status = open_recorder(run, &trouble);
    if (status == R2G_OK)
        status = r2g_batch_write_line(recorder, returned->line, returned->output ? path : NULL, &trouble);
    if (status != R2G_OK && outcome->fatal.status == R2G_OK)
        outcome->fatal = trouble;
}

static void write_returns(struct run *run, const struct r2g_batch_task *task, struct r2g_batch_outcome *outcome) {
    struct r2g_batch_return next;
    for (size_t at = 0; r2g_batch_next_return(&outcome->returns, &at, &next);) {
        if (next.index < task->count)
            write_return(run, &task->items[next.index], &next, outcome);
    }
}

static r2g_status take_back(struct run *run, int rank, struct r2g_batch_outcome *outcome, struct r2g_error *err) {
    struct r2g_batch_totals *totals = run->with->totals;
    struct r2g_batch_task *task = run->ranks[rank].task;
    r2g_status status = R2G_OK;
    if (task && outcome->returns.nbytes > 0)
        write_returns(run, task, outcome);
    totals->done_count += outcome->done_count;
    totals->failed_count += outcome->failed_count;
    totals->in_nbytes += outcome->in_nbytes;
    totals->out_nbytes += outcome->out_nbytes;
    totals->ranks[rank].done_count += outcome->done_count;
    totals->ranks[rank].in_nbytes += outcome->in_nbytes;
    totals->ranks[rank].busy_ns += outcome->busy_ns;
    if (outcome->lines.nbytes > 0)
        run->with->line(run->with->user, (const char *)outcome->lines.bytes, outcome->lines.nbytes);
    totals->stopped = totals->stopped || outcome->stopped;
    if (outcome->fatal.status != R2G_OK && totals->fatal.status == R2G_OK) {
        totals->fatal = outcome->fatal;
        totals->fatal.rank = rank;
    }
    if (task)
        status = take_items(run, rank, task, outcome, err);
    if (task && task->kind == R2G_BATCH_CONVERT) {
        run->measured_ns += outcome->busy_ns;
        run->estimated_ns += run->ranks[rank].cost_ns;
        if (run->estimated_ns > 0)
            run->rate = (double)run->measured_ns / (double)run->estimated_ns;
    }
    if (task)
        r2g_batch_task_free(task);
    free(task);
    run->ranks[rank].task = NULL;
    run->ranks[rank].state = ASKED;
    return status;
}

static r2g_status take_messages(struct run *run, bool *did, struct r2g_error *err) {
    struct r2g_batch_outcome outcome = {0};
    r2g_status status = R2G_OK;
    if (r2g_batch_local_is_done(&run->local)) {
        *did = true;
        status = take_back(run, 0, &run->local.outcome, err);
        r2g_batch_outcome_free(&run->local.outcome);
    }
    for (int i = 1; i < run->size && status == R2G_OK; i++) {
        int rank = -1;
        status = r2g_batch_poll(run->with->comm, &rank, &run->bytes, err);
        if (status != R2G_OK || rank < 0)
            break;
        *did = true;
        struct r2g_batch_task none = {0};
        struct r2g_batch_task *task = run->ranks[rank].task;
        status = r2g_batch_outcome_unpack(task ? task : &none, &outcome, &run->bytes, err);
        if (status == R2G_OK)
            status = take_back(run, rank, &outcome, err);
        r2g_batch_outcome_free(&outcome);
    }
    return status;
}

static bool all_ended(const struct run *run) {
    for (int i = 0; i < run->size; i++) {
        if (run->ranks[i].state != ENDED)
            return false;
    }
    return true;
}

static r2g_status loop(struct run *run, struct r2g_error *err) {
    struct r2g_batch_totals *totals = run->with->totals;
    int64_t start_ns = r2g_clock_ns(), told_ns = start_ns;
    long pause = 20000;
    while (!all_ended(run)) {
        bool did = false;
        totals->stopped = totals->stopped || *run->with->worker->stop;
        r2g_status status = ends(run) ? R2G_OK : find_more(run, &did, err);
        if (status == R2G_OK)
            status = take_messages(run, &did, err);
        if (status == R2G_OK)
            status = give_to_all(run, &did, err);
        if (status != R2G_OK)
            return status;
        int64_t now = r2g_clock_ns();
        totals->wall_ns = now - start_ns;
        if (now - told_ns >= TELL_NS) {
            told_ns = now;
            run->with->tell(run->with->user, false);
        }
        /* rank 0's second thread and other ranks on this host need the cores */
        struct timespec ts = {.tv_nsec = pause};
        pause = did ? 20000 : pause < 640000 ? pause * 2 : pause;
        if (!did)
            nanosleep(&ts, NULL);
    }
    return R2G_OK;
}

r2g_status r2g_batch_coordinate(struct r2g_batch_coordinator *coordinator, struct r2g_error *err) {
    struct run run = {.with = coordinator, .size = coordinator->comm ? coordinator->comm->size : 1, .rate = 1};
    run.window = WINDOW_EACH * (unsigned)run.size > WINDOW_MIN ? WINDOW_EACH * (unsigned)run.size : WINDOW_MIN;
    run.ranks = r2g_new((size_t)run.size * sizeof run.ranks[0], err);
    if (!run.ranks)
        return R2G_ENOMEM;
    for (int i = 1; i < run.size; i++)
        run.ranks[i].state = AT_WORK; /* until its first message */
    const struct r2g_cli *cli = coordinator->cli;
    r2g_batch_inputs_open(&run.inputs, cli->inputs, cli->input_count, cli->output);
    run.recorder = *coordinator->worker;
    run.recorder.journal = (struct r2g_batch_journal){.fd = -1, .output_fd = -1};
    run.recorder.made_folder[0] = '\0';
    r2g_status status = r2g_batch_local_begin(&run.local, coordinator->worker, err);
    if (status == R2G_OK) {
        status = loop(&run, err);
        r2g_batch_local_end(&run.local);
    }
    struct r2g_error closing;
    r2g_status closed = r2g_batch_journal_close(&run.recorder.journal, &closing);
    if (status == R2G_OK && closed != R2G_OK) {
        status = closed;
        *err = closing;
    }
    for (int i = 0; i < run.size; i++) {
        if (run.ranks[i].task)
            r2g_batch_task_free(run.ranks[i].task);
        free(run.ranks[i].task);
    }
    r2g_batch_inputs_close(&run.inputs);
    r2g_batch_queue_free(&run.found);
    r2g_batch_queue_free(&run.ready);
    r2g_batch_queue_free(&run.unsent);
    r2g_batch_queue_free(&run.own);
    r2g_buffer_free(&run.bytes);
    free(run.ranks);
    return status;
}
