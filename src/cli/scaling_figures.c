#include "cli/scaling_figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

const char *r2g_scaling_part_name(int part) {
    static const char *const names[R2G_SCALING_PARTS] = {"read",   "scatter", "convert", "encode",
                                                         "gather", "write",   "other"};
    return names[part];
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double r2g_scaling_median(double *values, size_t count) {
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isnan(values[i]))
            values[known++] = values[i];
    }
    if (known == 0)
        return NAN;
    qsort(values, known, sizeof values[0], by_value);
    return known % 2 ? values[known / 2] : (values[known / 2 - 1] + values[known / 2]) / 2;
}

/* Equal texts of runs are one pointer. */
static bool is_of(const struct r2g_scaling_run *run, const struct r2g_scaling_series *series) {
    return run->kind == series->kind && run->text[R2G_SCALING_SETTING] == series->setting &&
           run->text[R2G_SCALING_INPUT] == series->input && run->text[R2G_SCALING_FROM] == series->from &&
           run->text[R2G_SCALING_TO] == series->to;
}

static r2g_status series_of(struct r2g_scaling_figures *figures, const struct r2g_scaling_run *run,
                            struct r2g_scaling_series **series, struct r2g_error *err) {
    for (int i = 0; i < figures->series_count; i++) {
        *series = &figures->series[i];
        if (is_of(run, *series))
            return R2G_OK;
    }
    if (figures->series_count == R2G_SCALING_SERIES_MAX)
        return r2g_fail(err, R2G_ELIMIT, "more than %d series (kind, setting, input and formats)",
                        R2G_SCALING_SERIES_MAX);
    *series = &figures->series[figures->series_count++];
    (*series)->kind = run->kind;
    (*series)->setting = run->text[R2G_SCALING_SETTING];
    (*series)->input = run->text[R2G_SCALING_INPUT];
    (*series)->from = run->text[R2G_SCALING_FROM];
    (*series)->to = run->text[R2G_SCALING_TO];
    (*series)->simulated = strncmp((*series)->setting, "simulated", strlen("simulated")) == 0;
    return R2G_OK;
}

/* Counts the run in at its number of ranks, which keep their order. */
static r2g_status count_run(struct r2g_scaling_series *series, const struct r2g_scaling_run *run,
                            struct r2g_error *err) {
    int at = 0;
    while (at < series->count && series->points[at].ranks < run->ranks)
        at++;
    if (at == series->count || series->points[at].ranks != run->ranks) {
        if (series->count == R2G_SCALING_POINTS_MAX)
            return r2g_fail(err, R2G_ELIMIT, "more than %d numbers of ranks in one series", R2G_SCALING_POINTS_MAX);
        memmove(&series->points[at + 1], &series->points[at], (size_t)(series->count - at) * sizeof series->points[0]);
        series->points[at] = (struct r2g_scaling_point){
            .ranks = run->ranks, .hosts = run->hosts, .width = run->width, .height = run->height};
        series->count++;
    }
    struct r2g_scaling_point *point = &series->points[at], *first = &series->points[0];
    if (point->width != run->width || point->height != run->height)
        return r2g_fail(err, R2G_ECORRUPT, "runs of %s scaling on %d ranks differ in the size of their picture",
                        r2g_scaling_kind_name(series->kind), run->ranks);
    if (series->kind == R2G_SCALING_STRONG && (first->width != run->width || first->height != run->height))
        return r2g_fail(err, R2G_ECORRUPT, "strong scaling is about one picture, and these differ in size");
    point->run_count++;
    return R2G_OK;
}

/* Room for what is taken from all runs of a point. */
struct scratch {
    const struct r2g_scaling_run **runs;
    double *values;
};

/* Medians of each figure. */
static void take_medians(const struct r2g_scaling_runs *runs, const struct r2g_scaling_series *series,
                         struct r2g_scaling_point *point, struct scratch *scratch) {
    double *values = scratch->values;
    size_t count = 0;
    for (size_t i = 0; i < runs->count; i++) {
        if (runs->items[i].ranks == point->ranks && is_of(&runs->items[i], series))
            scratch->runs[count++] = &runs->items[i];
    }
    for (int n = 0; n < R2G_SCALING_NUMBERS; n++) {
        for (size_t i = 0; i < count; i++)
            values[i] = scratch->runs[i]->number[n];
        point->median[n] = r2g_scaling_median(values, count);
        if (n == R2G_SCALING_WALL) { /* always known, and in order by now */
            point->wall_least = values[0];
            point->wall_most = values[count - 1];
        }
    }
}

static void take_shares(struct r2g_scaling_point *point) {
    double wall = point->median[R2G_SCALING_WALL], sum = 0;
    bool any = false;
    for (int p = 0; p < R2G_SCALING_PHASES; p++) {
        double phase = point->median[R2G_SCALING_READ_MEAN + 2 * p];
        any = any || !isnan(phase);
        point->share[p] = isnan(phase) ? 0 : phase / wall;
        sum += point->share[p];
    }
    /* Medians of parts need not add up to the median of the whole: what is too much is taken from all alike. */
    for (int p = 0; p < R2G_SCALING_PHASES && sum > 1; p++)
        point->share[p] /= sum;
    point->share[R2G_SCALING_PHASES] = sum < 1 ? 1 - sum : 0;
    for (int p = 0; p < R2G_SCALING_PARTS && !any; p++)
        point->share[p] = NAN;
}

static double pixels(const struct r2g_scaling_point *point) {
    return (double)point->width * (double)point->height;
}

/* Useful time of all ranks together for each pixel. */
static double useful_per_pixel(const struct r2g_scaling_point *point) {
    return point->median[R2G_SCALING_USEFUL_MEAN] * point->ranks / pixels(point);
}

static void derive(struct r2g_scaling_point *point, const struct r2g_scaling_point *reference) {
    const double *median = point->median;
    double mean = median[R2G_SCALING_USEFUL_MEAN], most = median[R2G_SCALING_USEFUL_MAX];
    double wall = median[R2G_SCALING_WALL];
    point->rate = pixels(point) / wall;
    point->speed_up = point->rate / (pixels(reference) / reference->median[R2G_SCALING_WALL]);
    point->efficiency = point->speed_up * reference->ranks / point->ranks;
    bool known = mean > 0 && most > 0; /* false for NAN, too */
    point->load_balance = known ? mean / most : NAN;
    point->communication = known ? most / wall : NAN;
    point->parallel = point->load_balance * point->communication;
    point->computation = known ? useful_per_pixel(reference) / useful_per_pixel(point) : NAN;
    point->global = point->parallel * point->computation;
    double converted = median[R2G_SCALING_CONVERT_MAX];
    point->kernel_gbs = converted > 0 ? pixels(point) * median[R2G_SCALING_BYTES_PER_PIXEL] / converted / 1e9 : NAN;
    take_shares(point);
}

r2g_status r2g_scaling_figure(struct r2g_scaling_figures *figures, const struct r2g_scaling_runs *runs,
                              struct r2g_error *err) {
    memset(figures, 0, sizeof *figures);
    figures->series = r2g_new(R2G_SCALING_SERIES_MAX * sizeof figures->series[0], err);
    struct scratch scratch = {.runs = r2g_new((runs->count + 1) * sizeof scratch.runs[0], err),
                              .values = r2g_new((runs->count + 1) * sizeof scratch.values[0], err)};
    r2g_status status = figures->series && scratch.runs && scratch.values ? R2G_OK : R2G_ENOMEM;
    for (size_t i = 0; i < runs->count && status == R2G_OK; i++) {
        struct r2g_scaling_series *series;
        status = series_of(figures, &runs->items[i], &series, err);
        if (status == R2G_OK)
            status = count_run(series, &runs->items[i], err);
        if (runs->items[i].ranks > figures->ranks_most)
            figures->ranks_most = runs->items[i].ranks;
    }
    for (int s = 0; s < figures->series_count && status == R2G_OK; s++) {
        struct r2g_scaling_series *series = &figures->series[s];
        for (int p = 0; p < series->count; p++)
            take_medians(runs, series, &series->points[p], &scratch);
        for (int p = 0; p < series->count; p++)
            derive(&series->points[p], &series->points[0]);
    }
    free(scratch.runs);
    free(scratch.values);
    return status;
}

void r2g_scaling_figures_free(struct r2g_scaling_figures *figures) {
    free(figures->series);
    memset(figures, 0, sizeof *figures);
}
