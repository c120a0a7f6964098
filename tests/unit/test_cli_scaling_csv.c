/* scaling.csv: what is written is read again as it was, and what is no such table is refused with its line. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/scaling_runs.h"

#define HEADER "scaling,setting,input,width,height,from,to,ranks,repeat,wall_s"

/* Reads a copy of the text with nothing but one byte behind it. */
static r2g_status read_text(const char *text, size_t nbytes, struct r2g_scaling_runs *runs, struct r2g_error *err) {
    char *copy = malloc(nbytes + 1);
    assert_non_null(copy);
    memcpy(copy, text, nbytes);
    memset(runs, 0, sizeof *runs);
    memset(err, 0, sizeof *err);
    r2g_status status = r2g_scaling_csv_read(runs, copy, nbytes, err);
    free(copy);
    return status;
}

static char *written(const struct r2g_scaling_runs *runs, size_t *nbytes) {
    char *text = NULL;
    FILE *file = open_memstream(&text, nbytes);
    assert_non_null(file);
    r2g_scaling_csv_write(file, runs);
    assert_int_equal(fclose(file), 0);
    return text;
}

static void round_trip(void **state) {
    (void)state;
    struct r2g_scaling_runs runs = {0}, again;
    struct r2g_error err = {0};
    struct r2g_scaling_run run = {.kind = R2G_SCALING_WEAK, .width = 4000, .height = 123, .hosts = 3, .ranks = 96};
    run.repeat = 2;
    static const char *const texts[R2G_SCALING_TEXTS] = {"simulated: 10 GbE, \"fast\"",
                                                         "a,b.png",
                                                         "PNG",
                                                         "JPEG",
                                                         "scatter",
                                                         "caf\xC3\xA9 CPU",
                                                         "rgb2gray 0.1.0",
                                                         "today"};
    memcpy(run.text, texts, sizeof texts);
    for (int i = 0; i < R2G_SCALING_NUMBERS; i++)
        run.number[i] = i % 3 == 1 ? NAN : 0.000123456 * (i + 1);
    assert_int_equal(r2g_scaling_add(&runs, &run, &err), R2G_OK);
    run.kind = R2G_SCALING_STRONG;
    run.text[R2G_SCALING_PATH] = NULL;
    assert_int_equal(r2g_scaling_add(&runs, &run, &err), R2G_OK);
    assert_ptr_equal(runs.items[0].text[0], runs.items[1].text[0]);
    size_t nbytes, nbytes_again;
    char *text = written(&runs, &nbytes);
    assert_int_equal(read_text(text, nbytes, &again, &err), R2G_OK);
    assert_int_equal(again.count, 2);
    for (size_t r = 0; r < 2; r++) {
        const struct r2g_scaling_run *a = &runs.items[r], *b = &again.items[r];
        assert_true(a->kind == b->kind && a->width == b->width && a->height == b->height && a->hosts == b->hosts);
        assert_true(a->ranks == b->ranks && a->repeat == b->repeat);
        for (int i = 0; i < R2G_SCALING_TEXTS; i++)
            assert_string_equal(a->text[i], b->text[i]);
        for (int i = 0; i < R2G_SCALING_NUMBERS; i++)
            assert_true(isnan(a->number[i]) ? isnan(b->number[i]) : fabs(a->number[i] - b->number[i]) < 1e-9);
    }
    char *text_again = written(&again, &nbytes_again);
    assert_int_equal(nbytes, nbytes_again);
    assert_memory_equal(text, text_again, nbytes);
    free(text);
    free(text_again);
    r2g_scaling_free(&runs);
    r2g_scaling_free(&again);
}

/* Columns in another order, one unknown, a mark in front, line ends of all kinds, an empty line, no end of the last one. */
static void written_by_hand(void **state) {
    (void)state;
    static const char text[] = "\xEF\xBB\xBFwall_s,mine,repeat,ranks,to,from,height,width,input,setting,scaling\r\n"
                               "1.5e-3,\"x\ny\",1,2,PGM,PPM,30,40,\"made \"\"up\"\"\",measured,strong\n"
                               "\n"
                               "2,,2,2,PGM,PPM,30,40,other,measured,weak";
    struct r2g_scaling_runs runs;
    struct r2g_error err;
    assert_int_equal(read_text(text, sizeof text - 1, &runs, &err), R2G_OK);
    assert_int_equal(runs.count, 2);
    assert_string_equal(runs.items[0].text[R2G_SCALING_INPUT], "made \"up\"");
    assert_true(fabs(runs.items[0].number[R2G_SCALING_WALL] - 0.0015) < 1e-12);
    assert_int_equal(runs.items[0].hosts, 1);
    assert_true(isnan(runs.items[0].number[R2G_SCALING_LAUNCH]));
    assert_int_equal(runs.items[1].kind, R2G_SCALING_WEAK);
    assert_string_equal(runs.items[1].text[R2G_SCALING_MACHINE], "");
    r2g_scaling_free(&runs);
}

static void hostile_tables_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *part; /* of the message */
    } cases[] = {
        {"", "no column"},
        {"\n", "no column"},
        {"a,b,c\n1,2,3\n", "no column \"scaling\""},
        {HEADER ",ranks\n", "two columns \"ranks\""},
        {HEADER "\n", "no runs"},
        {HEADER "\nstrong,measured,a,4,3,PPM,PGM,1,1\n", "line 2 has 9 fields, the header 10"},
        {HEADER "\nstrong,measured,a,4,3,PPM,PGM,1,1,1,1\n", "line 2 has more"},
        {HEADER "\nsideways,measured,a,4,3,PPM,PGM,1,1,1\n", "\"sideways\" makes no sense as scaling"},
        {HEADER "\nstrong,,a,4,3,PPM,PGM,1,1,1\n", "as setting"},
        {HEADER "\nstrong,measured,a,0,3,PPM,PGM,1,1,1\n", "as width"},
        {HEADER "\nstrong,measured,a,4,5000000000,PPM,PGM,1,1,1\n", "as height"},
        {HEADER "\nstrong,measured,a,4,3,PPM,PGM,-1,1,1\n", "as ranks"},
        {HEADER "\nstrong,measured,a,4,3,PPM,PGM,1000001,1,1\n", "as ranks"},
        {HEADER "\nstrong,measured,a,4,3,PPM,PGM,99999999999999999999999,1,1\n", "as ranks"},
        {HEADER "\nstrong,measured,a,4,3,PPM,PGM,1,0,1\n", "as repeat"},
        {HEADER "\nstrong,measured,a,4,3,PPM,PGM,1,1,0\n", "as wall_s"},
        {HEADER "\nstrong,measured,a,4,3,PPM,PGM,1,1,\n", "as wall_s"},
        {HEADER "\nstrong,measured,a,4,3,PPM,PGM,1,1,nan\n", "as wall_s"},
        {HEADER "\nstrong,measured,a,4,3,PPM,PGM,1,1,inf\n", "as wall_s"},
        {HEADER "\nstrong,measured,a,4,3,PPM,PGM,1,1,0x10\n", "as wall_s"},
        {HEADER "\nstrong,measured,a,4,3,PPM,PGM,1,1,1e300\n", "as wall_s"},
        {HEADER "\nstrong,measured,a,4,3,PPM,PGM,1,1,-1\n", "as wall_s"},
        {HEADER "\nstrong,measured,a,4,3,PPM,PGM,1,1,1;\n", "as wall_s"},
        {HEADER ",launch_s\nstrong,measured,a,4,3,PPM,PGM,1,1,1,soon\n", "line 2: \"soon\" makes no sense as launch_s"},
        {HEADER ",hosts\nstrong,measured,a,4,3,PPM,PGM,1,1,1,0\n", "as hosts"},
        {HEADER "\nstrong,\"measured,a,4,3,PPM,PGM,1,1,1\n", "line 2: a quotation mark is never closed"},
        {HEADER "\nstrong,\"measured\"x,a,4,3,PPM,PGM,1,1,1\n", "line 2: something follows"},
        {HEADER "\nstrong,measured,\"a\n\nb\",4,3,PPM,PGM,1,1,1\nweak,x\n", "line 5 has 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct r2g_scaling_runs runs;
        struct r2g_error err;
        assert_int_equal(read_text(cases[i].text, strlen(cases[i].text), &runs, &err), R2G_ECORRUPT);
        if (!strstr(err.text, cases[i].part))
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, err.text, cases[i].part);
        r2g_scaling_free(&runs);
    }
    static const char zero[] = HEADER "\nstrong,mea\0sured,a,4,3,PPM,PGM,1,1,1\n";
    struct r2g_scaling_runs runs;
    struct r2g_error err;
    assert_int_equal(read_text(zero, sizeof zero - 1, &runs, &err), R2G_ECORRUPT);
    assert_non_null(strstr(err.text, "zero byte"));
    r2g_scaling_free(&runs);
}

/* Steering characters of a terminal and bytes that are no UTF-8 do not come through. */
static void texts_are_made_plain(void **state) {
    (void)state;
    static const char text[] = HEADER "\nstrong,\x1B[31mred,\xFF\xFEname,4,3,PPM,PGM,1,1,1\n";
    struct r2g_scaling_runs runs;
    struct r2g_error err;
    assert_int_equal(read_text(text, sizeof text - 1, &runs, &err), R2G_OK);
    assert_string_equal(runs.items[0].text[R2G_SCALING_SETTING], "?[31mred");
    assert_string_equal(runs.items[0].text[R2G_SCALING_INPUT], "??name");
    r2g_scaling_free(&runs);
}

/* A table cut off anywhere is read or refused, and nothing beyond its end is looked at (the sanitizers would tell). */
static void cut_anywhere(void **state) {
    (void)state;
    static const char text[] = HEADER ",machine\r\nstrong,\"mea\"\"sured\",a,4,3,PPM,PGM,1,1,1.25,\"x, y\"\r\n";
    for (size_t nbytes = 0; nbytes < sizeof text; nbytes++) {
        struct r2g_scaling_runs runs;
        struct r2g_error err;
        r2g_status status = read_text(text, nbytes, &runs, &err);
        assert_true(status == R2G_OK ? runs.count == 1 : status == R2G_ECORRUPT && err.text[0]);
        r2g_scaling_free(&runs);
    }
}

static void limits_hold(void **state) {
    (void)state;
    struct r2g_scaling_runs runs;
    struct r2g_error err;
    char *text = NULL;
    size_t nbytes = 0;
    FILE *file = open_memstream(&text, &nbytes);
    assert_non_null(file);
    fputs(HEADER "\n", file);
    for (int i = 0; i <= R2G_SCALING_TEXTS_MAX; i++)
        fprintf(file, "strong,setting %d,a,4,3,PPM,PGM,1,1,1\n", i);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(read_text(text, nbytes, &runs, &err), R2G_ELIMIT);
    assert_non_null(strstr(err.text, "different texts"));
    r2g_scaling_free(&runs);
    free(text);
    file = open_memstream(&text, &nbytes);
    assert_non_null(file);
    fputs(HEADER "\n", file);
    for (unsigned i = 0; i <= R2G_SCALING_RUNS_MAX; i++)
        fputs("weak,m,a,4,3,PPM,PGM,1,1,1\n", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(read_text(text, nbytes, &runs, &err), R2G_ELIMIT);
    assert_non_null(strstr(err.text, "line 100002"));
    r2g_scaling_free(&runs);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(written_by_hand),
        cmocka_unit_test(hostile_tables_are_refused),
        cmocka_unit_test(texts_are_made_plain),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
