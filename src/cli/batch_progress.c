#include "cli/batch_progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/output.h"
#include "base/size.h"
#include "base/text.h"

#define JSON_NS INT64_C(1000000000)
#define CLEAR_LINE "\r\033[K"

void r2g_batch_progress_begin(struct r2g_batch_progress *progress, const struct r2g_cli *cli,
                              const struct r2g_batch_totals *totals) {
    bool automatic = cli->progress == R2G_CLI_PROGRESS_AUTO && !cli->quiet && isatty(STDERR_FILENO);
    *progress = (struct r2g_batch_progress){.cli = cli,
                                            .totals = totals,
                                            .bar = automatic || (cli->progress == R2G_CLI_PROGRESS_BAR && !cli->quiet),
                                            .json = cli->progress == R2G_CLI_PROGRESS_JSON,
                                            .begin_ns = r2g_clock_ns()};
    progress->last_ns = progress->begin_ns;
}

static uint64_t ended_count(const struct r2g_batch_totals *totals) {
    return totals->done_count + totals->failed_count + totals->skipped_count;
}

/* Seconds left at the rate so far; below 0 where nobody can tell. */
static double seconds_left(const struct r2g_batch_totals *totals, double seconds) {
    uint64_t done = totals->done_count + totals->failed_count, ended = ended_count(totals);
    if (!totals->all_found || done == 0 || ended > totals->found_count)
        return -1;
    return seconds / (double)done * (double)(totals->found_count - ended);
}

/* The ranks' figures added up by host, in the order of their first ranks. */
static json_t *hosts_json(const struct r2g_batch_totals *totals) {
    json_t *hosts = json_array();
    for (int i = 0; i < totals->rank_count && hosts; i++) {
        if (totals->ranks[i].first_on_host != i)
            continue;
        uint64_t done = 0, nbytes = 0;
        int64_t busy_ns = 0;
        int ranks = 0;
        for (int k = i; k < totals->rank_count; k++) {
            const struct r2g_batch_rank *rank = &totals->ranks[k];
            if (rank->first_on_host != i)
                continue;
            ranks++;
            done += rank->done_count;
            nbytes += rank->in_nbytes;
            busy_ns += rank->busy_ns;
        }
        json_array_append_new(hosts,
                              json_pack("{s:o, s:i, s:I, s:I, s:I}", "host", r2g_json_text(totals->ranks[i].host),
                                        "ranks", ranks, "done", (json_int_t)done, "in_nbytes", (json_int_t)nbytes,
                                        "busy_ns", (json_int_t)busy_ns));
    }
    return hosts;
}

static void tell_json(const struct r2g_batch_progress *progress, double seconds) {
    const struct r2g_batch_totals *totals = progress->totals;
    struct r2g_error err;
    double left = seconds_left(totals, seconds);
    (void)!r2g_json_line(stderr,
                         json_pack("{s:s, s:I, s:b, s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:o}", "event", "progress",
                                   "found", (json_int_t)totals->found_count, "all_found", (int)totals->all_found,
                                   "done", (json_int_t)totals->done_count, "failed", (json_int_t)totals->failed_count,
                                   "skipped", (json_int_t)totals->skipped_count, "in_nbytes",
                                   (json_int_t)totals->in_nbytes, "images_per_s",
                                   seconds > 0 ? (double)totals->done_count / seconds : 0.0, "in_nbytes_per_s",
                                   seconds > 0 ? (double)totals->in_nbytes / seconds : 0.0, "left_s",
                                   left >= 0 ? json_real(left) : json_null(), "hosts", hosts_json(totals)),
                         &err);
}

void r2g_batch_progress_tell(void *user, bool last) {
    struct r2g_batch_progress *progress = user;
    const struct r2g_batch_totals *totals = progress->totals;
    int64_t now = r2g_clock_ns();
    double seconds = (double)(now - progress->begin_ns) / 1e9;
    if (progress->json && (last || now - progress->last_ns >= JSON_NS)) {
        progress->last_ns = now;
        tell_json(progress, seconds);
    }
    if (!progress->bar)
        return;
    char nbytes[32], left_text[40] = "";
    double left = seconds_left(totals, seconds);
    r2g_text_size(nbytes, sizeof nbytes, totals->in_nbytes);
    if (left >= 0) {
        char time[32];
        r2g_text_time(time, sizeof time, (int64_t)((left < 1e8 ? left : 1e8) * 1e9));
        snprintf(left_text, sizeof left_text, ", %s left", time);
    }
    fprintf(stderr, CLEAR_LINE);
    progress->shown = !last;
    if (!last)
        fprintf(stderr, "%" PRIu64 " of %s%" PRIu64 " images, %" PRIu64 " failed, %s, %.1f images/s%s",
                ended_count(totals), totals->all_found ? "" : "at least ", totals->found_count, totals->failed_count,
                nbytes, seconds > 0 ? (double)totals->done_count / seconds : 0, left_text);
    fflush(stderr);
}

void r2g_batch_progress_line(void *user, const char *text, size_t nbytes) {
    struct r2g_batch_progress *progress = user;
    if (progress->shown)
        fprintf(stderr, CLEAR_LINE);
    progress->shown = false;
    fwrite(text, 1, nbytes, stderr);
}

/* The longest and the mean time that a rank was at work. */
static void balance(const struct r2g_batch_totals *totals, int64_t *longest_ns, int64_t *mean_ns) {
    int64_t sum_ns = 0;
    *longest_ns = 0;
    for (int i = 0; i < totals->rank_count; i++) {
        sum_ns += totals->ranks[i].busy_ns;
        if (totals->ranks[i].busy_ns > *longest_ns)
            *longest_ns = totals->ranks[i].busy_ns;
    }
    *mean_ns = sum_ns / totals->rank_count;
}

static json_t *ranks_json(const struct r2g_batch_totals *totals) {
    json_t *ranks = json_array();
    for (int i = 0; i < totals->rank_count && ranks; i++) {
        const struct r2g_batch_rank *rank = &totals->ranks[i];
        json_array_append_new(ranks, json_pack("{s:i, s:o, s:I, s:I, s:I, s:b, s:b}", "rank", i, "host",
                                               r2g_json_text(rank->host), "done", (json_int_t)rank->done_count,
                                               "in_nbytes", (json_int_t)rank->in_nbytes, "busy_ns",
                                               (json_int_t)rank->busy_ns, "gets_inputs", (int)rank->gets_inputs,
                                               "returns_outputs", (int)rank->returns_outputs));
    }
    return ranks;
}

static json_t *summary_json(const struct r2g_batch_totals *totals, uint64_t split_count) {
    int64_t longest_ns, mean_ns;
    balance(totals, &longest_ns, &mean_ns);
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o, s:o}", "event", "summary",
                     "found", (json_int_t)totals->found_count, "done", (json_int_t)totals->done_count, "failed",
                     (json_int_t)totals->failed_count, "skipped", (json_int_t)totals->skipped_count, "split",
                     (json_int_t)split_count, "passed_over", (json_int_t)totals->passed_over_count, "in_nbytes",
                     (json_int_t)totals->in_nbytes, "out_nbytes", (json_int_t)totals->out_nbytes, "wall_ns",
                     (json_int_t)totals->wall_ns, "stopped", (int)totals->stopped, "busy_max_over_mean",
                     mean_ns > 0 ? json_real((double)longest_ns / (double)mean_ns) : json_null(), "hosts",
                     hosts_json(totals), "ranks", ranks_json(totals));
}

/* Who read the inputs and wrote the outputs, as it was found out. */
static void summary_places(FILE *file, const struct r2g_batch_totals *totals) {
    int sent = 0, returned = 0, count = totals->rank_count;
    for (int i = 0; i < count; i++) {
        sent += totals->ranks[i].gets_inputs;
        returned += totals->ranks[i].returns_outputs;
    }
    if (sent)
        fprintf(file, "inputs       sent by rank 0 to %d of %d ranks, which do not see them; read by the others\n",
                sent, count);
    else
        fprintf(file, "inputs       read by each rank itself\n");
    if (returned)
        fprintf(file, "outputs      sent back to rank 0 by %d of %d ranks, which do not see the folder\n", returned,
                count);
    else
        fprintf(file, "outputs      written by each rank itself\n");
}

static void summary_text(FILE *file, const struct r2g_batch_totals *totals, uint64_t split_count) {
    char in[32], out[32], time[32];
    int64_t longest_ns, mean_ns;
    double seconds = (double)totals->wall_ns / 1e9;
    balance(totals, &longest_ns, &mean_ns);
    r2g_text_size(in, sizeof in, totals->in_nbytes);
    r2g_text_size(out, sizeof out, totals->out_nbytes);
    r2g_text_time(time, sizeof time, totals->wall_ns);
    fprintf(file, "converted    %" PRIu64 " images (%s to %s) in %s\n", totals->done_count, in, out, time);
    if (split_count)
        fprintf(file, "split        %" PRIu64 " of them over all ranks\n", split_count);
    if (totals->skipped_count)
        fprintf(file, "done before  %" PRIu64 "\n", totals->skipped_count);
    fprintf(file, "failed       %" PRIu64 "\n", totals->failed_count);
    if (totals->stopped || totals->fatal.status != R2G_OK)
        fprintf(file, "left         %" PRIu64 "%s images; the same command with --resume goes on\n",
                totals->found_count - r2g_u64_min(ended_count(totals), totals->found_count),
                totals->all_found ? "" : " or more");
    if (totals->found_count == 0)
        fprintf(file, "             no images were found\n");
    if (totals->passed_over_count)
        fprintf(file, "passed over  %" PRIu64 " files in folders whose names are not an image's\n",
                totals->passed_over_count);
    if (seconds > 0)
        fprintf(file, "rate         %.1f images/s, %.1f MB/s read\n", (double)totals->done_count / seconds,
                (double)totals->in_nbytes / seconds / 1e6);
    if (totals->rank_count > 1)
        summary_places(file, totals);
    if (totals->rank_count > 1 && mean_ns > 0)
        fprintf(file, "balance      the busiest of %d ranks worked %.2f times as long as the mean\n",
                totals->rank_count, (double)longest_ns / (double)mean_ns);
    for (int i = 0; i < totals->rank_count && totals->rank_count > 1; i++) {
        const struct r2g_batch_rank *rank = &totals->ranks[i];
        r2g_text_time(time, sizeof time, rank->busy_ns);
        fprintf(file, "  rank %-5d %s: %" PRIu64 " images, busy %s\n", i, rank->host, rank->done_count, time);
    }
}

r2g_status r2g_batch_summary(const struct r2g_cli *cli, const struct r2g_batch_totals *totals, uint64_t split_count,
                             struct r2g_error *err) {
    if (cli->report == R2G_CLI_REPORT_NONE)
        return R2G_OK;
    char *text = NULL;
    size_t nbytes = 0;
    FILE *file = open_memstream(&text, &nbytes);
    if (!file)
        return r2g_fail(err, R2G_ENOMEM, "no memory for the summary");
    r2g_status status = R2G_OK;
    if (cli->report == R2G_CLI_REPORT_JSON)
        status = r2g_json_line(file, summary_json(totals, split_count), err);
    else
        summary_text(file, totals, split_count);
    if (fclose(file) != 0 && status == R2G_OK)
        status = r2g_fail(err, R2G_ENOMEM, "no memory for the summary");
    if (status == R2G_OK && !cli->report_file) {
        fwrite(text, 1, nbytes, stdout); /* main looks whether that came through */
    } else if (status == R2G_OK) {
        struct r2g_output *output = NULL;
        struct r2g_output_options options = {.overwrite = true};
        status = r2g_output_create(&output, cli->report_file, &options, err);
        if (status == R2G_OK)
            status = r2g_output_write_at(output, 0, text, nbytes, err);
        if (status == R2G_OK)
            status = r2g_output_commit(output, err);
        r2g_output_close(output);
    }
    free(text);
    return status;
}
