/* The report as JSON. Each part is a function; a NULL from jansson (out of memory) makes json_pack fail and so reaches
 * the caller as NULL. Names end in their unit: _ns, _nbytes, _gbs. See report.schema.json. */
#include <rgb2gray/rgb2gray.h>

#include "base/json.h"
#include "cli/report_print.h"

#define REPORT_VERSION 1

static json_int_t number(uint64_t value) {
    return (json_int_t)value;
}

/* Steals `value` into a new array's end; false, and both released, when out of memory. */
static json_t *append(json_t *array, json_t *value) {
    if (array && json_array_append_new(array, value) == 0)
        return array;
    json_decref(array);
    return NULL;
}

/* Text, or null where there is none. */
static json_t *text_or_null(const char *text) {
    return text ? r2g_json_text(text) : json_null();
}

static json_t *input_json(const struct r2g_report *report) {
    const struct r2g_image *image = &report->image;
    return json_pack("{s:o, s:I, s:s, s:I, s:I, s:i, s:I, s:i, s:o, s:o, s:o, s:b, s:I}", "name",
                     r2g_json_text(report->in_name), "nbytes", number(report->in_nbytes), "format", image->format,
                     "width", number(image->width), "height", number(image->height), "channels",
                     (int)r2g_layout_channels(image->layout), "maxval", number(image->maxval), "stored_bits",
                     (int)image->stored_bits, "colour", r2g_json_text(image->colour), "coding",
                     r2g_json_text(image->coding), "note", r2g_json_text(image->note), "random_access",
                     (int)image->random_access, "whole_nbytes", number(image->whole_nbytes));
}

static json_t *output_json(const struct r2g_report *report) {
    return json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "name", text_or_null(report->out_name), "nbytes",
                     report->out_nbytes > 0 ? json_integer(number(report->out_nbytes)) : json_null(), "format",
                     text_or_null(report->out_format), "width", number(report->out_width), "height",
                     number(report->out_height), "channels", number(report->out_channels), "maxval",
                     number(report->out_maxval), "block_rows", number(report->block_rows), "block_count",
                     number(report->block_count));
}

static json_t *method_json(const struct r2g_report *report) {
    const struct r2g_luma *luma = &report->luma;
    char formula[160];
    r2g_luma_formula(luma, formula, sizeof formula);
    return json_pack("{s:s, s:s, s:[I, I, I], s:I, s:o}", "name", r2g_luma_name(luma), "formula", formula, "weights",
                     number(luma->weight[0]), number(luma->weight[1]), number(luma->weight[2]), "divisor",
                     number(luma->divisor), "luma_source", text_or_null(report->luma_source));
}

static json_t *metadata_json(const struct r2g_report *report) {
    static const char *const kinds[] = {
        [R2G_FATE_KEPT] = "kept", [R2G_FATE_APPLIED] = "applied", [R2G_FATE_DROPPED] = "dropped"};
    json_t *array = json_array();
    for (unsigned i = 0; i < report->fate_count && array; i++) {
        const struct r2g_fate *fate = &report->fates[i];
        array = append(array, json_pack("{s:o, s:s, s:o}", "item", r2g_json_text(fate->item), "fate", kinds[fate->kind],
                                        "why", r2g_json_text(fate->why)));
    }
    return array;
}

static json_t *plan_json(const struct r2g_report *report) {
    return json_pack("{s:s, s:b, s:I, s:o, s:i, s:i, s:b, s:b, s:o}", "path", r2g_path_name(report->plan.path), "place",
                     (int)report->plan.place, "band_blocks", number(report->plan.band_blocks), "why",
                     text_or_null(report->plan.why), "rank_count", report->rank_count, "host_count", report->host_count,
                     "input_shared", (int)report->input_shared, "output_shared", (int)report->output_shared, "isa",
                     text_or_null(report->isa));
}

static json_t *places_json(const struct r2g_report *report) {
    json_t *array = json_array();
    for (int i = 0; report->places && i < report->rank_count && array; i++) {
        const struct r2g_rank_place *place = &report->places[i];
        array = append(array, json_pack("{s:i, s:o, s:o, s:i, s:I}", "rank", i, "host", r2g_json_text(place->host),
                                        "cpu", r2g_json_known(place->cpu), "allowed_cpus", place->allowed_cpus, "pid",
                                        (json_int_t)place->pid));
    }
    return array;
}

static json_t *rank_json(const struct r2g_rank_times *times, int rank) {
    json_t *object = json_pack("{s:i, s:I}", "rank", rank, "row_count", number(times->row_count));
    for (int phase = 0; phase < R2G_PHASE_COUNT && object; phase++) {
        char name[32];
        snprintf(name, sizeof name, "%s_ns", r2g_phase_name((enum r2g_phase)phase));
        if (json_object_set_new(object, name, json_integer(times->phase_ns[phase])) != 0) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

static json_t *run_json(const struct r2g_run *run) {
    if (run->run_count == 0)
        return json_null();
    json_t *ranks = json_array();
    for (int i = 0; run->ranks && i < run->rank_count && ranks; i++)
        ranks = append(ranks, rank_json(&run->ranks[i], i));
    return json_pack("{s:i, s:I, s:I, s:I, s:i, s:o}", "run_count", run->run_count, "wall_ns", (json_int_t)run->wall_ns,
                     "min_ns", (json_int_t)run->min_ns, "max_ns", (json_int_t)run->max_ns, "rank_count",
                     run->rank_count, "ranks", ranks);
}

double r2g_cli_speed_up(const struct r2g_report *report) {
    if (!report->compared || report->sequential.run_count == 0 || report->parallel.wall_ns <= 0)
        return 0;
    return (double)report->sequential.wall_ns / (double)report->parallel.wall_ns;
}

static json_t *compare_json(const struct r2g_report *report) {
    double speed_up = r2g_cli_speed_up(report);
    if (!report->compared)
        return json_null();
    if (speed_up <= 0)
        return json_pack("{s:b, s:n, s:n}", "identical", (int)report->identical, "speed_up", "efficiency");
    return json_pack("{s:b, s:f, s:f}", "identical", (int)report->identical, "speed_up", speed_up, "efficiency",
                     speed_up / report->parallel.rank_count);
}

static json_t *kernel_json(const struct r2g_report *report) {
    if (report->kernel_gbs <= 0 || report->copy_gbs <= 0)
        return json_null();
    return json_pack("{s:f, s:f}", "kernel_gbs", report->kernel_gbs, "copy_gbs", report->copy_gbs);
}

static json_t *error_json(const struct r2g_cli_outcome *outcome) {
    if (outcome->status == R2G_OK)
        return json_null();
    return json_pack("{s:s, s:i, s:i, s:o}", "status", r2g_status_name(outcome->status), "exit_code",
                     (int)outcome->status, "rank", outcome->err->rank, "text", r2g_json_text(outcome->err->text));
}

json_t *r2g_cli_report_json(const struct r2g_cli_outcome *outcome) {
    static const char *const modes[] = {
        [R2G_MODE_CONVERT] = "convert", [R2G_MODE_EXPLAIN] = "explain", [R2G_MODE_COMPARE] = "compare"};
    const struct r2g_report *report = outcome->report;
    /* how far the work came decides what there is to tell */
    bool known = report->in_name && report->image.format, started = report->places != NULL;
    return json_pack(
        "{s:s, s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o}, s:o, s:o, s:{s:o, s:o}}", "schema",
        "rgb2gray-report", "version", REPORT_VERSION, "program_version", r2g_version(), "mode",
        modes[outcome->request->mode], "in_path", r2g_json_text(outcome->request->in_path), "error",
        error_json(outcome), "input", known ? input_json(report) : json_null(), "output",
        known ? output_json(report) : json_null(), "method", known ? method_json(report) : json_null(), "metadata",
        metadata_json(report), "plan", started ? plan_json(report) : json_null(), "places", places_json(report), "runs",
        "parallel", run_json(&report->parallel), "sequential", run_json(&report->sequential), "compare",
        compare_json(report), "kernel", kernel_json(report), "launch", "mpi_init_ns",
        started ? r2g_json_known(report->mpi_init_ns) : json_null(), "launch_ns",
        started ? r2g_json_known(report->launch_ns) : json_null());
}
