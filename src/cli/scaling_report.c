#include "cli/scaling_report.h"

#include <math.h>
#include <string.h>

#include "cli/scaling_figures.h"

static double seconds(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? (double)json_integer_value(value) / 1e9 : NAN;
}

static const char *text_of(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

/* Bytes of a pixel in rows of this image. */
static double pixel_nbytes(const json_t *image) {
    double channels = (double)json_integer_value(json_object_get(image, "channels"));
    return channels * (json_integer_value(json_object_get(image, "maxval")) > 255 ? 2 : 1);
}

/* Mean and most over the ranks, of each phase and of all that are useful. */
static void take_phases(const json_t *ranks, struct r2g_scaling_run *run) {
    size_t count = json_array_size(ranks);
    double useful_sum = 0, useful_most = 0, sums[R2G_SCALING_PHASES] = {0}, most[R2G_SCALING_PHASES] = {0};
    for (size_t r = 0; r < count; r++) {
        double useful = 0;
        for (int p = 0; p < R2G_SCALING_PHASES; p++) {
            char name[32];
            snprintf(name, sizeof name, "%s_ns", r2g_scaling_part_name(p));
            double phase = seconds(json_array_get(ranks, r), name);
            bool communication =
                strcmp(r2g_scaling_part_name(p), "scatter") == 0 || strcmp(r2g_scaling_part_name(p), "gather") == 0;
            sums[p] += phase;
            most[p] = fmax(most[p], phase);
            useful += communication ? 0 : phase;
        }
        useful_sum += useful;
        useful_most = fmax(useful_most, useful);
    }
    for (int p = 0; p < R2G_SCALING_PHASES; p++) {
        run->number[R2G_SCALING_READ_MEAN + 2 * p] = sums[p] / (double)count;
        run->number[R2G_SCALING_READ_MAX + 2 * p] = most[p];
    }
    run->number[R2G_SCALING_USEFUL_MEAN] = useful_sum / (double)count;
    run->number[R2G_SCALING_USEFUL_MAX] = useful_most;
}

bool r2g_scaling_from_report(const json_t *report, struct r2g_scaling_run *run) {
    const json_t *input = json_object_get(report, "input"), *output = json_object_get(report, "output");
    const json_t *plan = json_object_get(report, "plan"), *launch = json_object_get(report, "launch");
    const json_t *done = json_object_get(json_object_get(report, "runs"), "parallel");
    const json_t *ranks = json_object_get(done, "ranks");
    const char *source = text_of(json_object_get(report, "method"), "luma_source");
    for (int i = 0; i < R2G_SCALING_NUMBERS; i++)
        run->number[i] = NAN;
    run->width = (uint64_t)json_integer_value(json_object_get(input, "width"));
    run->height = (uint64_t)json_integer_value(json_object_get(input, "height"));
    run->text[R2G_SCALING_FROM] = text_of(input, "format");
    run->text[R2G_SCALING_TO] = text_of(output, "format");
    run->text[R2G_SCALING_PATH] = text_of(plan, "path");
    run->ranks = (int)json_integer_value(json_object_get(done, "rank_count"));
    run->hosts = (int)json_integer_value(json_object_get(plan, "host_count"));
    run->number[R2G_SCALING_WALL] = seconds(done, "wall_ns");
    run->number[R2G_SCALING_LAUNCH] = seconds(launch, "launch_ns");
    run->number[R2G_SCALING_MPI_INIT] = seconds(launch, "mpi_init_ns");
    if (!json_is_null(json_object_get(report, "error")) || json_array_size(ranks) == 0 || run->width == 0 ||
        run->height == 0 || run->ranks < 1 || !(run->number[R2G_SCALING_WALL] > 0) || !run->text[R2G_SCALING_FROM] ||
        !run->text[R2G_SCALING_TO])
        return false;
    run->hosts = run->hosts > 0 ? run->hosts : 1;
    take_phases(ranks, run);
    /* elsewhere rows come gray already, or not at all, and say nothing of the kernel */
    if (source && strcmp(source, "formula on RGB") == 0)
        run->number[R2G_SCALING_BYTES_PER_PIXEL] = pixel_nbytes(input) + pixel_nbytes(output);
    return true;
}

bool r2g_scaling_ran_on(const json_t *report, const char *host) {
    const json_t *places = json_object_get(report, "places");
    bool all = json_array_size(places) > 0;
    for (size_t i = 0; i < json_array_size(places); i++) {
        const char *place = text_of(json_array_get(places, i), "host");
        all = all && place && strcmp(place, host) == 0;
    }
    return all;
}
