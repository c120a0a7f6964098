/* Reports of made-up runs: a slow-down is stated as plainly as a speed-up, and figures come out as they went in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/report_print.h"

#define MS INT64_C(1000000)

static struct r2g_rank_times times[2] = {
    {.phase_ns = {1 * MS, 2 * MS, 3 * MS, 4 * MS, 5 * MS, 6 * MS}, .row_count = 60},
    {.phase_ns = {0, 2 * MS, 3 * MS, 4 * MS, 5 * MS, 0}, .row_count = 40}};
static struct r2g_rank_place places[2] = {{.host = "one", .cpu = 0, .allowed_cpus = 1},
                                          {.host = "two", .cpu = -1, .allowed_cpus = 8}};

static struct r2g_report made_up(int64_t sequential_ms, int64_t parallel_ms, int64_t launch_ms) {
    struct r2g_report report = {.in_name = (char *)"in.png",
                                .out_name = (char *)"out.png",
                                .in_nbytes = 1000,
                                .out_nbytes = 500,
                                .image = {.width = 10, .height = 100, .maxval = 255, .stored_bits = 8, .format = "PNG"},
                                .luma_source = "formula on RGB",
                                .out_format = "PNG",
                                .rank_count = 2,
                                .host_count = 2,
                                .places = places,
                                .isa = "scalar",
                                .compared = true,
                                .identical = true,
                                .mpi_init_ns = 10 * MS,
                                .launch_ns = launch_ms < 0 ? -1 : launch_ms * MS};
    report.image.layout = R2G_LAYOUT_RGB;
    report.sequential = (struct r2g_run){sequential_ms * MS, sequential_ms * MS, sequential_ms * MS, 3, 1, times};
    report.parallel = (struct r2g_run){parallel_ms * MS, parallel_ms * MS, parallel_ms * MS, 3, 2, times};
    return report;
}

/* The report as text, in one line (breaks and runs of blanks become one blank). Free it. */
static char *text_of(const struct r2g_report *report) {
    char *text = NULL;
    size_t nbytes = 0;
    FILE *file = open_memstream(&text, &nbytes);
    struct r2g_request request = {.in_path = "in.png", .mode = R2G_MODE_COMPARE};
    struct r2g_cli_outcome outcome = {&request, report, R2G_OK, NULL};
    assert_non_null(file);
    r2g_cli_report_text(file, &outcome);
    assert_int_equal(fclose(file), 0);
    char *to = text;
    for (const char *from = text; *from; from++) {
        char c = *from == '\n' ? ' ' : *from;
        if (c != ' ' || to == text || to[-1] != ' ')
            *to++ = c;
    }
    *to = '\0';
    return text;
}

static void expect(const struct r2g_report *report, const char *sentence) {
    char *text = text_of(report);
    if (!strstr(text, sentence))
        fail_msg("not said: %s\nbut: %s", sentence, text);
    free(text);
}

static void verdicts_are_plain(void **state) {
    (void)state;
    struct r2g_report faster = made_up(300, 200, 50), slower = made_up(100, 200, 50), same = made_up(200, 199, -1);
    struct r2g_report different = made_up(100, 100, 50);
    different.identical = false;
    expect(&faster, "2 ranks were 1.50 times as fast as one process (efficiency 75 %). "
                    "With the launch counted, they were 1.20 times as fast");
    expect(&slower, "2 ranks were slower: they took 2.00 times as long as one process (efficiency 25 %). "
                    "With the launch counted, they took 2.50 times as long");
    expect(&same, "2 ranks were no faster than one process (efficiency 50 %), launch not counted");
    expect(&different, "outputs DIFFERENT");
}

static void a_gain_lost_to_launch_is_said(void **state) {
    (void)state;
    struct r2g_report lost = made_up(300, 200, 400);
    expect(&lost, "1.50 times as fast as one process (efficiency 75 %). "
                  "With the launch counted, they took 2.00 times as long");
}

static void json_holds_the_figures(void **state) {
    (void)state;
    struct r2g_report report = made_up(300, 200, 50);
    struct r2g_request request = {.in_path = "in.png", .mode = R2G_MODE_COMPARE};
    struct r2g_cli_outcome outcome = {&request, &report, R2G_OK, NULL};
    json_t *object = r2g_cli_report_json(&outcome);
    double speed_up = 0, efficiency = 0;
    json_int_t wall_ns = 0, gather_ns = 0;
    assert_non_null(object);
    assert_int_equal(json_unpack(object, "{s:{s:f, s:f}, s:{s:{s:I, s:[{}, {s:I}]}}}", "compare", "speed_up", &speed_up,
                                 "efficiency", &efficiency, "runs", "parallel", "wall_ns", &wall_ns, "ranks",
                                 "gather_ns", &gather_ns),
                     0);
    assert_true(speed_up == 1.5 && efficiency == 0.75);
    assert_int_equal(wall_ns, 200 * MS);
    assert_int_equal(gather_ns, 5 * MS);
    json_t *cpu = json_object_get(json_array_get(json_object_get(object, "places"), 1), "cpu");
    assert_true(json_is_null(cpu));
    json_decref(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_plain),
        cmocka_unit_test(a_gain_lost_to_launch_is_said),
        cmocka_unit_test(json_holds_the_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
