/* The parser: every option has its effect, and what -n passes on to the ranks means the same to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"

#define WORDS 40

/* Parses the words (NULL-terminated) as arguments after the program's name. */
static r2g_status parse(struct r2g_cli *cli, char **words, struct r2g_error *err) {
    static char *argv[WORDS + 2];
    int argc = 1;
    argv[0] = (char *)"rgb2gray";
    for (; words[argc - 1] && argc < WORDS; argc++)
        argv[argc] = words[argc - 1];
    argv[argc] = NULL;
    return r2g_cli_parse(cli, argc, argv, err);
}

#define PARSE(cli, err, ...) parse(cli, (char *[]){__VA_ARGS__, NULL}, err)

static void defaults_are_as_documented(void **state) {
    (void)state;
    struct r2g_cli cli;
    struct r2g_error err;
    assert_int_equal(PARSE(&cli, &err, "a.png"), R2G_OK);
    assert_int_equal(cli.command, R2G_CLI_CONVERT);
    assert_int_equal(cli.input_count, 1);
    assert_int_equal(cli.options.luma.method, R2G_METHOD_BT601);
    assert_int_equal(cli.options.quality, 0);
    assert_int_equal(cli.options.max_pixels, 1073741824);
    assert_int_equal(cli.run_count, 3);
    assert_int_equal(cli.rank_count, 0);
    assert_int_equal(cli.report, R2G_CLI_REPORT_NONE);
    assert_int_equal(cli.progress, R2G_CLI_PROGRESS_AUTO);
    assert_null(cli.output);
    r2g_cli_free(&cli);
    assert_int_equal(PARSE(&cli, &err, "--compare", "a.png"), R2G_OK);
    assert_int_equal(cli.report, R2G_CLI_REPORT_TEXT);
    r2g_cli_free(&cli);
}

static char *everything[] = {
    "-fo",          "out.png",    "--format=jpg", "--quality", "7",           "--compression", "small",
    "--sync",       "a.png",      "--weights",    "1,2,1",     "--via-rgb",   "--alpha",       "flatten",
    "--background", "#102030",    "--orient",     "apply",     "--keep-exif", "--max-pixels",  "2k",
    "--mem-limit",  "3MiB",       "--compare",    "--repeat",  "5",           "--report=json", "--report-file",
    "r.json",       "--progress", "json",         "-qn4",      "--hostfile",  "hosts",         NULL};

static void check_everything(const struct r2g_cli *cli) {
    const struct r2g_options *options = &cli->options;
    assert_string_equal(cli->inputs[0], "a.png");
    assert_string_equal(cli->output, "out.png");
    assert_string_equal(options->format, "jpeg");
    assert_int_equal(options->quality, 7);
    assert_int_equal(options->compression, 2);
    assert_true(options->overwrite && options->sync && options->via_rgb && options->keep_exif);
    assert_int_equal(options->luma.method, R2G_METHOD_WEIGHTS);
    assert_int_equal(options->luma.divisor, 4);
    assert_int_equal(options->alpha, R2G_ALPHA_FLATTEN);
    assert_int_equal(options->background[1], 0x20);
    assert_int_equal(options->orient, R2G_ORIENT_APPLY);
    assert_int_equal(options->max_pixels, 2000);
    assert_int_equal(options->mem_limit_nbytes, 3 << 20);
    assert_true(cli->compare && cli->quiet && !cli->explain);
    assert_int_equal(cli->run_count, 5);
    assert_int_equal(cli->report, R2G_CLI_REPORT_JSON);
    assert_string_equal(cli->report_file, "r.json");
    assert_int_equal(cli->progress, R2G_CLI_PROGRESS_JSON);
}

static void every_option_counts(void **state) {
    (void)state;
    struct r2g_cli cli;
    struct r2g_error err;
    assert_int_equal(parse(&cli, everything, &err), R2G_OK);
    check_everything(&cli);
    assert_int_equal(cli.rank_count, 4);
    assert_string_equal(cli.hostfile, "hosts");
    r2g_cli_free(&cli);
}

static void ranks_get_the_same_options_without_n(void **state) {
    (void)state;
    struct r2g_cli cli, rank;
    struct r2g_error err;
    assert_int_equal(parse(&cli, everything, &err), R2G_OK);
    assert_int_equal(parse(&rank, cli.forward, &err), R2G_OK);
    check_everything(&rank);
    assert_int_equal(rank.rank_count, 0);
    assert_null(rank.hostfile);
    r2g_cli_free(&rank);
    r2g_cli_free(&cli);
}

static void names_are_passed_on_as_they_are(void **state) {
    (void)state;
    struct r2g_cli cli, rank;
    struct r2g_error err;
    assert_int_equal(PARSE(&cli, &err, "-n", "2", "--", "-n", "--help", "", "a b"), R2G_OK);
    assert_int_equal(parse(&rank, cli.forward, &err), R2G_OK);
    assert_int_equal(rank.input_count, 4);
    assert_string_equal(rank.inputs[0], "-n");
    assert_string_equal(rank.inputs[1], "--help");
    assert_string_equal(rank.inputs[2], "");
    assert_string_equal(rank.inputs[3], "a b");
    r2g_cli_free(&rank);
    r2g_cli_free(&cli);
}

static void commands_are_first_words(void **state) {
    (void)state;
    struct r2g_cli cli;
    struct r2g_error err;
    assert_int_equal(PARSE(&cli, &err, "--method", "red", "info", "a.png", "doctor"), R2G_OK);
    assert_int_equal(cli.command, R2G_CLI_INFO);
    assert_int_equal(cli.input_count, 2);
    r2g_cli_free(&cli);
    assert_int_equal(PARSE(&cli, &err, "doctor"), R2G_OK);
    assert_int_equal(cli.command, R2G_CLI_DOCTOR);
    r2g_cli_free(&cli);
    assert_int_equal(PARSE(&cli, &err, "-n", "2", "pool", "/run/s"), R2G_OK);
    assert_int_equal(cli.command, R2G_CLI_POOL);
    assert_string_equal(cli.inputs[0], "/run/s");
    assert_int_equal(cli.forward_count, 3);
    assert_string_equal(cli.forward[1], "pool"); /* behind "--" */
    r2g_cli_free(&cli);
    assert_int_equal(PARSE(&cli, &err, "preview", "--size", "99", "a.png", "-o", "b.jpg"), R2G_OK);
    assert_int_equal(cli.command, R2G_CLI_PREVIEW);
    assert_int_equal(cli.preview_size, 99);
    r2g_cli_free(&cli);
    assert_int_equal(PARSE(&cli, &err, "--tiles", "a.png"), R2G_EUSAGE);
    r2g_cli_free(&cli);
    assert_int_equal(PARSE(&cli, &err, "./info"), R2G_OK);
    assert_int_equal(cli.command, R2G_CLI_CONVERT);
    r2g_cli_free(&cli);
    assert_int_equal(PARSE(&cli, &err, "--nonsense"), R2G_EUSAGE);
    r2g_cli_free(&cli);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_as_documented),
        cmocka_unit_test(every_option_counts),
        cmocka_unit_test(ranks_get_the_same_options_without_n),
        cmocka_unit_test(names_are_passed_on_as_they_are),
        cmocka_unit_test(commands_are_first_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
