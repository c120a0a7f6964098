/* Figures of scaling runs against numbers worked out by hand, and the reading of what a run reports. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/json.h"
#include "cli/scaling_axes.h"
#include "cli/scaling_figures.h"
#include "cli/scaling_options.h"
#include "cli/scaling_page.h"
#include "cli/scaling_report.h"

#define NEAR(value, wanted) assert_true(fabs((value) - (wanted)) < 1e-9)

static struct r2g_scaling_run run_of(enum r2g_scaling_kind kind, uint64_t height, int ranks, int repeat, double wall) {
    struct r2g_scaling_run run = {.kind = kind, .width = 1000, .height = height, .hosts = 1, .ranks = ranks};
    run.repeat = repeat;
    run.text[R2G_SCALING_SETTING] = "measured";
    run.text[R2G_SCALING_INPUT] = "made";
    run.text[R2G_SCALING_FROM] = "PPM";
    run.text[R2G_SCALING_TO] = "PNG";
    for (int i = 0; i < R2G_SCALING_NUMBERS; i++)
        run.number[i] = NAN;
    run.number[R2G_SCALING_WALL] = wall;
    return run;
}

static void add(struct r2g_scaling_runs *runs, struct r2g_scaling_run run) {
    struct r2g_error err = {0};
    assert_int_equal(r2g_scaling_add(runs, &run, &err), R2G_OK);
}

static struct r2g_scaling_figures figures_of(const struct r2g_scaling_runs *runs) {
    struct r2g_scaling_figures figures;
    struct r2g_error err = {0};
    assert_int_equal(r2g_scaling_figure(&figures, runs, &err), R2G_OK);
    return figures;
}

static void median_is_of_the_known(void **state) {
    (void)state;
    double odd[] = {5, NAN, 1, 3}, even[] = {4, 1, 3, 2}, none[] = {NAN, NAN};
    NEAR(r2g_scaling_median(odd, 4), 3);
    NEAR(r2g_scaling_median(even, 4), 2.5);
    assert_true(isnan(r2g_scaling_median(none, 2)));
    assert_true(isnan(r2g_scaling_median(none, 0)));
}

/* One rank: 8, 10, 12 s. Four: 2, 4, 5 s, of which the median 4. So 10 / 4 = 2.5 times as fast, 62.5 %. */
static void strong_scaling_by_hand(void **state) {
    (void)state;
    struct r2g_scaling_runs runs = {0};
    const double one[] = {12, 8, 10}, four[] = {5, 2, 4};
    for (int i = 0; i < 3; i++) {
        add(&runs, run_of(R2G_SCALING_STRONG, 1000, 4, i + 1, four[i]));
        add(&runs, run_of(R2G_SCALING_STRONG, 1000, 1, i + 1, one[i]));
    }
    struct r2g_scaling_figures figures = figures_of(&runs);
    assert_int_equal(figures.series_count, 1);
    assert_int_equal(figures.series[0].count, 2);
    assert_int_equal(figures.ranks_most, 4);
    const struct r2g_scaling_point *points = figures.series[0].points;
    assert_int_equal(points[0].ranks, 1);
    assert_int_equal(points[1].run_count, 3);
    NEAR(points[0].speed_up, 1);
    NEAR(points[1].speed_up, 2.5);
    NEAR(points[1].efficiency, 0.625);
    NEAR(points[1].wall_least, 2);
    NEAR(points[1].wall_most, 5);
    NEAR(points[1].rate, 250000);
    assert_true(isnan(points[1].parallel) && isnan(points[1].share[0]) && isnan(points[1].kernel_gbs));
    r2g_scaling_figures_free(&figures);
    r2g_scaling_free(&runs);
}

/* Two ranks: useful 3 s on the mean, 4 s at most, of 5 s. One rank: 5 of 5 s.
 * Load balance 3/4, communication 4/5, parallel 3/5; computation 5 / (2 * 3) = 5/6; global 1/2. */
static void pop_factors_by_hand(void **state) {
    (void)state;
    struct r2g_scaling_runs runs = {0};
    struct r2g_scaling_run one = run_of(R2G_SCALING_STRONG, 1000, 1, 1, 5);
    struct r2g_scaling_run two = run_of(R2G_SCALING_STRONG, 1000, 2, 1, 5);
    one.number[R2G_SCALING_USEFUL_MEAN] = one.number[R2G_SCALING_USEFUL_MAX] = 5;
    two.number[R2G_SCALING_USEFUL_MEAN] = 3;
    two.number[R2G_SCALING_USEFUL_MAX] = 4;
    two.number[R2G_SCALING_READ_MEAN] = 1;
    two.number[R2G_SCALING_CONVERT_MEAN] = 2;
    two.number[R2G_SCALING_CONVERT_MAX] = 2;
    two.number[R2G_SCALING_GATHER_MEAN] = 1.5;
    two.number[R2G_SCALING_BYTES_PER_PIXEL] = 4;
    add(&runs, one);
    add(&runs, two);
    struct r2g_scaling_figures figures = figures_of(&runs);
    const struct r2g_scaling_point *point = &figures.series[0].points[1];
    NEAR(point->load_balance, 0.75);
    NEAR(point->communication, 0.8);
    NEAR(point->parallel, 0.6);
    NEAR(point->computation, 5.0 / 6);
    NEAR(point->global, 0.5);
    NEAR(point->share[0], 0.2);
    NEAR(point->share[1], 0);
    NEAR(point->share[2], 0.4);
    NEAR(point->share[4], 0.3);
    NEAR(point->share[R2G_SCALING_PARTS - 1], 0.1);
    NEAR(point->kernel_gbs, 1e6 * 4 / 2 / 1e9);
    r2g_scaling_figures_free(&figures);
    r2g_scaling_free(&runs);
}

/* Four times the picture on four ranks in 1.25 times the time: 4 / 1.25 = 3.2, 80 %. Useful time for a pixel is the same
 * where each rank needs as long as the one: computation scaling 1. */
static void weak_scaling_by_hand(void **state) {
    (void)state;
    struct r2g_scaling_runs runs = {0};
    struct r2g_scaling_run one = run_of(R2G_SCALING_WEAK, 500, 1, 1, 4);
    struct r2g_scaling_run four = run_of(R2G_SCALING_WEAK, 2000, 4, 1, 5);
    one.number[R2G_SCALING_USEFUL_MEAN] = one.number[R2G_SCALING_USEFUL_MAX] = 4;
    four.number[R2G_SCALING_USEFUL_MEAN] = four.number[R2G_SCALING_USEFUL_MAX] = 4;
    add(&runs, one);
    add(&runs, four);
    struct r2g_scaling_figures figures = figures_of(&runs);
    const struct r2g_scaling_point *point = &figures.series[0].points[1];
    NEAR(point->speed_up, 3.2);
    NEAR(point->efficiency, 0.8);
    NEAR(point->computation, 1);
    NEAR(point->global, 0.8);
    r2g_scaling_figures_free(&figures);
    r2g_scaling_free(&runs);
}

/* From two ranks on: twice as fast on four of them is all there can be. */
static void reference_is_the_fewest_ranks(void **state) {
    (void)state;
    struct r2g_scaling_runs runs = {0};
    add(&runs, run_of(R2G_SCALING_STRONG, 100, 4, 1, 1));
    add(&runs, run_of(R2G_SCALING_STRONG, 100, 2, 1, 2));
    struct r2g_scaling_figures figures = figures_of(&runs);
    NEAR(figures.series[0].points[1].speed_up, 2);
    NEAR(figures.series[0].points[1].efficiency, 1);
    r2g_scaling_figures_free(&figures);
    r2g_scaling_free(&runs);
}

static void series_are_told_apart_and_counted(void **state) {
    (void)state;
    struct r2g_scaling_runs runs = {0};
    struct r2g_scaling_figures figures;
    struct r2g_error err = {0};
    char setting[32];
    for (int i = 0; i <= R2G_SCALING_SERIES_MAX; i++) {
        struct r2g_scaling_run run = run_of(R2G_SCALING_STRONG, 100, 1, 1, 1);
        snprintf(setting, sizeof setting, "simulated: %d", i);
        run.text[R2G_SCALING_SETTING] = setting;
        add(&runs, run);
        if (i == R2G_SCALING_SERIES_MAX - 1) {
            figures = figures_of(&runs);
            assert_int_equal(figures.series_count, R2G_SCALING_SERIES_MAX);
            assert_true(figures.series[3].simulated);
            assert_string_equal(figures.series[3].setting, "simulated: 3");
            r2g_scaling_figures_free(&figures);
        }
    }
    assert_int_equal(r2g_scaling_figure(&figures, &runs, &err), R2G_ELIMIT);
    r2g_scaling_figures_free(&figures);
    r2g_scaling_free(&runs);
}

static void mixed_sizes_are_refused(void **state) {
    (void)state;
    for (int kind = R2G_SCALING_STRONG; kind <= R2G_SCALING_WEAK; kind++) {
        struct r2g_scaling_runs runs = {0};
        struct r2g_scaling_figures figures;
        struct r2g_error err = {0};
        add(&runs, run_of((enum r2g_scaling_kind)kind, 100, 1, 1, 1));
        add(&runs, run_of((enum r2g_scaling_kind)kind, 200, kind == R2G_SCALING_STRONG ? 2 : 1, 1, 1));
        assert_int_equal(r2g_scaling_figure(&figures, &runs, &err), R2G_ECORRUPT);
        assert_non_null(strstr(err.text, "size"));
        r2g_scaling_figures_free(&figures);
        r2g_scaling_free(&runs);
    }
}

/* The sentence for people: a slow-down, and a best that lies in the middle. */
static void verdicts_tell_slow_downs(void **state) {
    (void)state;
    struct r2g_scaling_runs runs = {0};
    char text[400];
    add(&runs, run_of(R2G_SCALING_STRONG, 100, 1, 1, 4));
    add(&runs, run_of(R2G_SCALING_STRONG, 100, 4, 1, 5));
    struct r2g_scaling_figures figures = figures_of(&runs);
    r2g_scaling_verdict(&figures.series[0], text, sizeof text);
    assert_string_equal(text, "On the same picture, 1 is the fastest number of ranks: 4 do 0.80 times as many pixels a "
                              "second as 1 (efficiency 20 %).");
    r2g_scaling_figures_free(&figures);
    add(&runs, run_of(R2G_SCALING_STRONG, 100, 2, 1, 2.5));
    figures = figures_of(&runs);
    r2g_scaling_verdict(&figures.series[0], text, sizeof text);
    assert_string_equal(text,
                        "On the same picture, 2 ranks do most: 1.60 times as many pixels a second as 1 (efficiency "
                        "80 %). 4 do 0.80 times as many.");
    r2g_scaling_figures_free(&figures);
    r2g_scaling_free(&runs);
}

static const char report[] =
    "{\"error\":null,\"input\":{\"format\":\"PPM\",\"width\":20,\"height\":10,\"channels\":3,\"maxval\":65535},"
    "\"output\":{\"format\":\"PNG\",\"channels\":1,\"maxval\":65535},\"method\":{\"luma_source\":\"formula on RGB\"},"
    "\"plan\":{\"path\":\"direct\",\"host_count\":2},\"places\":[{\"host\":\"a\"},{\"host\":\"b\"}],"
    "\"runs\":{\"parallel\":{\"wall_ns\":20000000,\"rank_count\":2,\"ranks\":["
    "{\"read_ns\":1000000,\"scatter_ns\":7000000,\"convert_ns\":2000000,\"encode_ns\":3000000,\"gather_ns\":8000000,"
    "\"write_ns\":4000000},"
    "{\"read_ns\":3000000,\"scatter_ns\":9000000,\"convert_ns\":1000000,\"encode_ns\":2000000,\"gather_ns\":6000000,"
    "\"write_ns\":0}]}},\"launch\":{\"mpi_init_ns\":30000000,\"launch_ns\":null}}";

/* Useful: 1 + 2 + 3 + 4 = 10 ms on rank 0, 3 + 1 + 2 + 0 = 6 ms on rank 1. A pixel of 16 bits: 6 bytes in, 2 out. */
static void report_becomes_a_row(void **state) {
    (void)state;
    json_error_t why;
    struct r2g_scaling_run run = {0};
    json_t *value = json_loads(report, 0, &why);
    assert_non_null(value);
    assert_true(r2g_scaling_from_report(value, &run));
    assert_int_equal(run.ranks, 2);
    assert_int_equal(run.hosts, 2);
    assert_int_equal(run.width, 20);
    assert_string_equal(run.text[R2G_SCALING_PATH], "direct");
    NEAR(run.number[R2G_SCALING_WALL], 0.02);
    NEAR(run.number[R2G_SCALING_USEFUL_MEAN], 0.008);
    NEAR(run.number[R2G_SCALING_USEFUL_MAX], 0.010);
    NEAR(run.number[R2G_SCALING_SCATTER_MEAN], 0.008);
    NEAR(run.number[R2G_SCALING_GATHER_MAX], 0.008);
    NEAR(run.number[R2G_SCALING_WRITE_MEAN], 0.002);
    NEAR(run.number[R2G_SCALING_MPI_INIT], 0.03);
    NEAR(run.number[R2G_SCALING_BYTES_PER_PIXEL], 8);
    assert_true(isnan(run.number[R2G_SCALING_LAUNCH]));
    assert_false(r2g_scaling_ran_on(value, "a"));
    json_object_set_new(json_array_get(json_object_get(value, "places"), 1), "host", json_string("a"));
    assert_true(r2g_scaling_ran_on(value, "a"));
    json_object_set_new(json_object_get(value, "method"), "luma_source", json_string("gray input, untouched"));
    assert_true(r2g_scaling_from_report(value, &run));
    assert_true(isnan(run.number[R2G_SCALING_BYTES_PER_PIXEL]));
    json_object_set_new(value, "error", json_object());
    assert_false(r2g_scaling_from_report(value, &run));
    json_decref(value);
    value = json_loads("{\"error\":null,\"runs\":{\"parallel\":{\"ranks\":[7]}}}", 0, &why);
    assert_non_null(value);
    assert_false(r2g_scaling_from_report(value, &run));
    json_decref(value);
}

static void options_are_read(void **state) {
    (void)state;
    struct r2g_scaling_counts counts;
    struct r2g_error err = {0};
    uint32_t width, height;
    assert_int_equal(r2g_scaling_parse_ranks("4,1,4,2", &counts, &err), R2G_OK);
    assert_int_equal(counts.count, 3);
    assert_int_equal(counts.ranks[0], 1);
    assert_int_equal(counts.ranks[2], 4);
    static const char *const wrong_ranks[] = {"", ",", "1,", "1,,2", "0", "-1", "1.5", "two", "1000000", "1 2"};
    for (size_t i = 0; i < sizeof wrong_ranks / sizeof wrong_ranks[0]; i++)
        assert_int_equal(r2g_scaling_parse_ranks(wrong_ranks[i], &counts, &err), R2G_EUSAGE);
    r2g_scaling_default_ranks(6, &counts);
    assert_int_equal(counts.count, 4);
    assert_int_equal(counts.ranks[2], 4);
    assert_int_equal(counts.ranks[3], 6);
    r2g_scaling_default_ranks(1, &counts);
    assert_int_equal(counts.count, 1);
    assert_int_equal(r2g_scaling_parse_size("640x480", &width, &height, &err), R2G_OK);
    assert_true(width == 640 && height == 480);
    assert_int_equal(r2g_scaling_parse_size("16", &width, &height, &err), R2G_OK);
    assert_true(width == 4000 && height == 4000);
    assert_int_equal(r2g_scaling_parse_size("0.25MP", &width, &height, &err), R2G_OK);
    assert_true(width == 500 && height == 500);
    static const char *const wrong_sizes[] = {"",    "0",  "x",     "640x", "x480",      "0x5",      "640x480x3",
                                              "1e3", "MP", "16 MP", "-4",   "9999999x1", "999999999"};
    for (size_t i = 0; i < sizeof wrong_sizes / sizeof wrong_sizes[0]; i++)
        assert_int_equal(r2g_scaling_parse_size(wrong_sizes[i], &width, &height, &err), R2G_EUSAGE);
    assert_int_equal(r2g_scaling_rows_a_rank(100, 7), 14);
    assert_int_equal(r2g_scaling_rows_a_rank(3, 7), 1);
}

static void slots_of_hosts_files_add_up(void **state) {
    (void)state;
    char path[] = "/tmp/r2g-test-XXXXXX";
    struct r2g_error err = {0};
    int slots = 0, fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    assert_non_null(file);
    fputs("# slots=9\n\nalpha slots=3\nbeta\ngamma max_slots=8 slots = 2 # two\ndelta max-slots=5\n", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(r2g_scaling_hostfile_slots(path, &slots, &err), R2G_OK);
    assert_int_equal(slots, 3 + 1 + 2 + 1);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("# nobody\n", file);
    fclose(file);
    assert_int_equal(r2g_scaling_hostfile_slots(path, &slots, &err), R2G_EINPUT);
    remove(path);
    assert_int_equal(r2g_scaling_hostfile_slots(path, &slots, &err), R2G_EINPUT);
}

static void axes_hold_their_values(void **state) {
    (void)state;
    struct r2g_axis axis = r2g_axis_linear(1.03, 6, 100, 0);
    assert_int_equal(axis.tick_count, 7);
    NEAR(axis.most, 1.2);
    NEAR(r2g_axis_at(&axis, 0.6), 50);
    NEAR(r2g_axis_at(&axis, 7), 0);
    axis = r2g_axis_doubling(0.7, 12, 0, 50);
    NEAR(axis.least, 0.5);
    NEAR(axis.most, 16);
    NEAR(r2g_axis_at(&axis, 1), 10);
    axis = r2g_axis_doubling(1, 1, 0, 50);
    assert_true(axis.most > axis.least);
    axis = r2g_axis_doubling(1, 1e6, 0, 50);
    assert_true(axis.tick_count <= 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(median_is_of_the_known),        cmocka_unit_test(strong_scaling_by_hand),
        cmocka_unit_test(pop_factors_by_hand),           cmocka_unit_test(weak_scaling_by_hand),
        cmocka_unit_test(reference_is_the_fewest_ranks), cmocka_unit_test(series_are_told_apart_and_counted),
        cmocka_unit_test(mixed_sizes_are_refused),       cmocka_unit_test(verdicts_tell_slow_downs),
        cmocka_unit_test(report_becomes_a_row),          cmocka_unit_test(options_are_read),
        cmocka_unit_test(slots_of_hosts_files_add_up),   cmocka_unit_test(axes_hold_their_values),
    };
    r2g_json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
