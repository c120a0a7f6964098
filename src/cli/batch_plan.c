#include "cli/batch_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/batch_cost.h"

r2g_status r2g_batch_plan_open(struct r2g_batch_plan *plan, const struct r2g_cli *cli, int rank_count,
                               struct r2g_error *err) {
    *plan = (struct r2g_batch_plan){.cli = cli, .rank_count = rank_count};
    plan->ranks = r2g_new((size_t)rank_count * sizeof plan->ranks[0], err);
    return plan->ranks ? R2G_OK : R2G_ENOMEM;
}

void r2g_batch_plan_close(struct r2g_batch_plan *plan) {
    free(plan->ranks);
    plan->ranks = NULL;
}

/* The rank with the least to do. */
static int first_free(const struct r2g_batch_plan *plan) {
    int rank = 0;
    for (int i = 1; i < plan->rank_count; i++) {
        if (plan->ranks[i].cost_ns < plan->ranks[rank].cost_ns)
            rank = i;
    }
    return rank;
}

/* As it will be when that rank asks for its next task. */
static struct r2g_batch_load load_at(const struct r2g_batch_plan *plan, int rank, int64_t largest, int64_t rest) {
    struct r2g_batch_load load = {.rank_count = plan->rank_count, .largest = largest, .rest = rest};
    for (int i = 0; i < plan->rank_count; i++) {
        int64_t left = plan->ranks[i].cost_ns - plan->ranks[rank].cost_ns;
        load.busy_sum += left;
        load.busy_longest = left > load.busy_longest ? left : load.busy_longest;
    }
    return load;
}

static r2g_status print_item(struct r2g_batch_plan *plan, const struct r2g_batch_item *item, bool split, int rank,
                             struct r2g_error *err) {
    if (plan->cli->report == R2G_CLI_REPORT_JSON)
        return r2g_json_line(stdout,
                             json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:b, s:o}", "event", "planned", "input",
                                       r2g_json_text(item->path), "output", r2g_json_text(item->output), "width",
                                       (json_int_t)item->width, "height", (json_int_t)item->height, "cost_ns",
                                       (json_int_t)item->cost_ns, "split", (int)split, "rank",
                                       split ? json_null() : json_integer(rank)),
                             err);
    char time[32], who[32], size[32], path[400], output[400];
    if (!plan->begun)
        printf("%-12s %9s  %-15s input -> output\n", "rank", "estimate", "pixels");
    plan->begun = true;
    r2g_text_time(time, sizeof time, item->cost_ns);
    snprintf(who, sizeof who, split ? "all %d" : "%d", split ? plan->rank_count : rank);
    snprintf(size, sizeof size, "%" PRIu32 " x %" PRIu32, item->width, item->height);
    r2g_text_plain(path, sizeof path, item->path);
    r2g_text_plain(output, sizeof output, item->output);
    printf("%-12s %9s  %-15s %s -> %s\n", who, time, size, path, output);
    return R2G_OK;
}

r2g_status r2g_batch_plan_queue(struct r2g_batch_plan *plan, struct r2g_batch_queue *ready, bool last,
                                struct r2g_error *err) {
    r2g_status status = R2G_OK;
    while (ready->count > 0 && status == R2G_OK) {
        struct r2g_batch_item item = r2g_batch_queue_take(ready);
        int rank = first_free(plan);
        struct r2g_batch_load load = load_at(plan, rank, item.cost_ns, ready->cost_ns);
        bool split = last && item.splittable && r2g_batch_split(&load);
        plan->count++;
        if (split) {
            plan->split_count++;
            plan->split_ns += item.cost_ns;
        } else {
            plan->ranks[rank].count++;
            plan->ranks[rank].cost_ns += item.cost_ns;
        }
        if (plan->cli->report != R2G_CLI_REPORT_NONE)
            status = print_item(plan, &item, split, rank, err);
        r2g_batch_item_free(&item);
    }
    return status;
}

r2g_status r2g_batch_plan_end(const struct r2g_batch_plan *plan, const struct r2g_batch_totals *totals,
                              struct r2g_error *err) {
    if (plan->cli->report == R2G_CLI_REPORT_NONE)
        return R2G_OK;
    if (plan->cli->report == R2G_CLI_REPORT_JSON) {
        json_t *ranks = json_array();
        for (int i = 0; i < plan->rank_count && ranks; i++)
            json_array_append_new(ranks,
                                  json_pack("{s:i, s:I, s:I}", "rank", i, "images", (json_int_t)plan->ranks[i].count,
                                            "cost_ns", (json_int_t)plan->ranks[i].cost_ns));
        return r2g_json_line(stdout,
                             json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "event", "plan", "images",
                                       (json_int_t)plan->count, "split", (json_int_t)plan->split_count, "split_cost_ns",
                                       (json_int_t)plan->split_ns, "failed", (json_int_t)totals->failed_count, "ranks",
                                       ranks),
                             err);
    }
    char time[32];
    printf("\nplan         %" PRIu64 " images whole on one of %d ranks each, %" PRIu64 " split over all; %" PRIu64
           " cannot be converted\n",
           plan->count - plan->split_count, plan->rank_count, plan->split_count, totals->failed_count);
    for (int i = 0; i < plan->rank_count; i++) {
        r2g_text_time(time, sizeof time, plan->ranks[i].cost_ns);
        printf("  rank %-5d %" PRIu64 " images, about %s\n", i, plan->ranks[i].count, time);
    }
    if (plan->split_count > 0) {
        r2g_text_time(time, sizeof time, plan->split_ns);
        printf("  then all   %" PRIu64 " images, about %s for one process\n", plan->split_count, time);
    }
    printf("             (times are guessed from sizes and formats; a run gives work to whoever is free, so ranks may "
           "differ)\n");
    return R2G_OK;
}
