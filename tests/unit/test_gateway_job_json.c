/* A job as JSON and as names: whatever a client called its file, what comes out is UTF-8 and no path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/api.h"
#include "gateway/job_json.h"

static void names_become_utf8(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"plain.png", "plain.png"},
        {"\xC3\xBC\xE6\xBC\xA2\xF0\x9F\x99\x82.png", "\xC3\xBC\xE6\xBC\xA2\xF0\x9F\x99\x82.png"},
        {"a\r\nb\tc\x7F", "a__b_c_"},
        {"\xFF\xFE", "__"},
        {"\xC0\xAF..", "__.."},       /* an overlong '/' */
        {"\xED\xA0\x80", "___"},      /* half of a surrogate pair */
        {"\xF4\x90\x80\x80", "____"}, /* beyond U+10FFFF */
        {"\xE6\xBC", "__"},           /* cut */
        {"x\xC2\x85y", "x_y"},        /* a control character of two bytes */
        {"../../etc/passwd", "../../etc/passwd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct r2g_job job = {0};
        r2g_job_name_set(&job, cases[i].from);
        assert_string_equal(job.name, cases[i].to);
        json_t *value = json_string(job.name);
        assert_non_null(value);
        json_decref(value);
    }
}

static void long_names_end_at_a_whole_character(void **state) {
    (void)state;
    for (size_t ahead = 0; ahead < 5; ahead++) {
        char name[1024] = "";
        memset(name, 'a', ahead);
        for (size_t i = 0; i < 200; i++)
            memcpy(name + ahead + 4 * i, "\xF0\x9F\x99\x82", 5);
        struct r2g_job job = {0};
        r2g_job_name_set(&job, name);
        size_t nbytes = strlen(job.name);
        assert_in_range(nbytes, sizeof job.name - 4, sizeof job.name - 1);
        assert_int_equal((nbytes - ahead) % 4, 0);
    }
}

static void download_names_are_no_paths(void **state) {
    (void)state;
    static const struct {
        const char *from, *result;
    } cases[] = {
        {"scan.png", "scan-gray.jpg"},  {"../../etc/passwd", "passwd-gray.jpg"},
        {"C:\\a\\b.tif", "b-gray.jpg"}, {"", "gray.jpg"},
        {".png", ".png-gray.jpg"},      {"a.b.c", "a.b-gray.jpg"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct r2g_job job = {.in_format = "png", .out_format = "jpeg"};
        char name[300];
        r2g_job_name_set(&job, cases[i].from);
        r2g_job_file_name(&job, true, name, sizeof name);
        assert_string_equal(name, cases[i].result);
        assert_null(strpbrk(name, "/\\"));
    }
}

static void times_are_rfc3339(void **state) {
    (void)state;
    char text[R2G_TIME_TEXT_NBYTES];
    r2g_time_text(text, 1769860800123);
    assert_string_equal(text, "2026-01-31T12:00:00.123Z");
    r2g_time_text(text, 0);
    assert_string_equal(text, "");
}

static void speedup_is_told_only_where_both_were_measured(void **state) {
    (void)state;
    struct r2g_job job = {.parallel_ns = 40, .sequential_ns = 60, .ranks = 2, .state = R2G_JOB_DONE, .exit_code = 0};
    assert_true(r2g_job_speedup(&job) == 1.5 && r2g_job_efficiency(&job) == 0.75);
    job.sequential_ns = -1;
    assert_true(r2g_job_speedup(&job) < 0 && r2g_job_efficiency(&job) < 0);
    json_t *value = r2g_job_json(&job, -1), *times = json_object_get(value, "times");
    assert_int_equal(json_integer_value(json_object_get(times, "parallel_ns")), 40);
    assert_true(json_is_null(json_object_get(times, "speedup")));
    json_decref(value);
    job.parallel_ns = -1;
    value = r2g_job_json(&job, -1);
    assert_true(json_is_null(json_object_get(value, "times")));
    json_decref(value);
}

static enum r2g_problem metadata(const char *text, struct r2g_job *job) {
    const struct r2g_settings settings = {.max_ranks = 8};
    const struct r2g_http http = {.settings = &settings};
    struct r2g_error err = {0};
    *job = (struct r2g_job){0};
    return r2g_api_metadata(&http, text, job, &err);
}

static void metadata_is_checked(void **state) {
    (void)state;
    struct r2g_job job;
    assert_int_equal(metadata("", &job), R2G_PROBLEM_NONE);
    assert_int_equal(metadata("filename YS5wbmc=,method YnQ3MDk=, compare", &job), R2G_PROBLEM_NONE);
    assert_string_equal(job.name, "a.png");
    assert_string_equal(job.options.method, "bt709");
    assert_true(job.options.compare);
    assert_int_equal(metadata("filetype aW1hZ2UvcG5n", &job), R2G_PROBLEM_NONE);
    static const char *const bad[] = {"filename YS5wbmc",
                                      "filename YS5wbmc=x",
                                      "filename ====",
                                      "filename Y===",
                                      "filename YS\xFF=",
                                      "filename AAAA",
                                      ",",
                                      " filename YQ==,,",
                                      "filename  YS5wbmc="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(metadata(bad[i], &job), R2G_PROBLEM_BAD_REQUEST);
    assert_int_equal(metadata("colour cmVk", &job), R2G_PROBLEM_BAD_OPTION);
    assert_int_equal(metadata("ranks OQ==", &job), R2G_PROBLEM_BAD_OPTION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_utf8),
        cmocka_unit_test(long_names_end_at_a_whole_character),
        cmocka_unit_test(download_names_are_no_paths),
        cmocka_unit_test(times_are_rfc3339),
        cmocka_unit_test(speedup_is_told_only_where_both_were_measured),
        cmocka_unit_test(metadata_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
