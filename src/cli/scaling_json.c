/* scaling.json: what the runs add up to. Names end in their unit; what is not known is null. */
#include <math.h>

#include "base/json.h"
#include "cli/scaling_page.h"

#define SCALING_VERSION 1

static json_t *known(double value) {
    return isnan(value) ? json_null() : json_real(value);
}

static json_t *medians_json(const struct r2g_scaling_point *point) {
    const double *median = point->median;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "wall_s", known(median[R2G_SCALING_WALL]), "launch_s",
                     known(median[R2G_SCALING_LAUNCH]), "mpi_init_s", known(median[R2G_SCALING_MPI_INIT]),
                     "useful_mean_s", known(median[R2G_SCALING_USEFUL_MEAN]), "useful_max_s",
                     known(median[R2G_SCALING_USEFUL_MAX]), "bytes_per_pixel",
                     known(median[R2G_SCALING_BYTES_PER_PIXEL]), "copy_gbs", known(median[R2G_SCALING_COPY_GBS]));
}

static json_t *shares_json(const struct r2g_scaling_point *point) {
    json_t *object = json_object();
    for (int part = 0; part < R2G_SCALING_PARTS && object; part++) {
        if (json_object_set_new(object, r2g_scaling_part_name(part), known(point->share[part])) != 0) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

static json_t *point_json(const struct r2g_scaling_point *point) {
    return json_pack(
        "{s:i, s:i, s:i, s:I, s:I, s:o, s:f, s:f, s:f, s:f, s:f, s:o, s:{s:o, s:o, s:o, s:o, s:o}, s:o}", "ranks",
        point->ranks, "hosts", point->hosts, "run_count", point->run_count, "width", (json_int_t)point->width, "height",
        (json_int_t)point->height, "median", medians_json(point), "wall_least_s", point->wall_least, "wall_most_s",
        point->wall_most, "pixels_per_s", point->rate, "speed_up", point->speed_up, "efficiency", point->efficiency,
        "shares", shares_json(point), "pop", "load_balance", known(point->load_balance), "communication_efficiency",
        known(point->communication), "parallel_efficiency", known(point->parallel), "computation_scaling",
        known(point->computation), "global_efficiency", known(point->global), "kernel_gbs", known(point->kernel_gbs));
}

/* Steals `value` into the array's end; NULL, and both released, when out of memory. */
static json_t *append(json_t *array, json_t *value) {
    if (array && json_array_append_new(array, value) == 0)
        return array;
    json_decref(array);
    return NULL;
}

static json_t *series_json(const struct r2g_scaling_series *series) {
    json_t *points = json_array();
    for (int i = 0; i < series->count && points; i++)
        points = append(points, point_json(&series->points[i]));
    return json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:o}", "scaling", r2g_scaling_kind_name(series->kind), "setting",
                     series->setting, "simulated", (int)series->simulated, "input", series->input, "from", series->from,
                     "to", series->to, "points", points);
}

r2g_status r2g_scaling_json(FILE *file, const struct r2g_scaling_figures *figures,
                            const struct r2g_scaling_about *about, struct r2g_error *err) {
    json_t *series = json_array();
    for (int i = 0; i < figures->series_count && series; i++)
        series = append(series, series_json(&figures->series[i]));
    return r2g_json_line(file,
                         json_pack("{s:s, s:i, s:s, s:s, s:s, s:o}", "schema", "rgb2gray-scaling", "version",
                                   SCALING_VERSION, "machine", about->machine, "program", about->program, "when",
                                   about->when, "series", series),
                         err);
}
