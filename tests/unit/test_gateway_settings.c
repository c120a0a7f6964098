/* Settings from defaults, file and command line; routes and the guard's table, which are pure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/guard_table.h"
#include "gateway/http_parts.h"
#include "gateway/settings.h"
#include "gateway/settings_table.h"

#define ARGUMENTS(...)                                                                                                 \
    (char *[]) {                                                                                                       \
        "rgb2gray-gateway", __VA_ARGS__, NULL                                                                          \
    }

static r2g_status read_settings(struct r2g_settings *settings, char **argv, struct r2g_error *err) {
    int argc = 0;
    while (argv[argc])
        argc++;
    return r2g_settings_read(settings, argc, argv, err);
}

static void defaults_are_those_of_the_table(void **state) {
    (void)state;
    struct r2g_settings settings;
    struct r2g_error err = {0};
    assert_int_equal(read_settings(&settings, ARGUMENTS("--spool", "/spool"), &err), R2G_OK);
    assert_string_equal(settings.bind, "127.0.0.1");
    assert_int_equal(settings.port, 8080);
    assert_int_equal(settings.max_body_nbytes, UINT64_C(8) << 30);
    assert_int_equal(settings.connections, 512);
    assert_int_equal(settings.header_timeout_s, 10);
    assert_int_equal(settings.max_pixels, 2000000000);
    assert_int_equal(settings.job_wall_s, 3600);
    assert_int_equal(settings.expire_s, 86400);
    assert_int_equal(settings.jobs, 1);
    assert_int_equal(settings.client_queue, settings.queue);
    assert_true(settings.ranks >= 1 && settings.max_ranks == settings.ranks);
    assert_string_equal(settings.launcher, "auto");
    assert_false(settings.insecure || settings.quiet);
    assert_null(settings.hosts);
    r2g_settings_free(&settings);
}

static void the_command_line_wins_over_the_file(void **state) {
    (void)state;
    char path[] = "/tmp/rgb2gray-settings-XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "# a comment\n\n  port =  90  \nhost = a.example\nhost=b.example\nexpire = 2d\n"
                               "insecure = yes\nlauncher = slurm\n"
                               "token = archive:00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    struct r2g_settings settings;
    struct r2g_error err = {0};
    assert_int_equal(
        read_settings(&settings, ARGUMENTS("--port=91", "-c", path, "--host", "c.example", "--spool", "/s"), &err),
        R2G_OK);
    unlink(path);
    assert_int_equal(settings.port, 91);
    assert_string_equal(settings.hosts[0], "a.example");
    assert_string_equal(settings.hosts[1], "b.example");
    assert_string_equal(settings.hosts[2], "c.example");
    assert_null(settings.hosts[3]);
    assert_int_equal(settings.expire_s, 2 * 86400);
    assert_true(settings.insecure);
    assert_int_equal(settings.jobs, 16);
    assert_int_equal(settings.token_count, 1);
    assert_string_equal(settings.tokens[0].name, "archive");
    assert_int_equal(settings.tokens[0].sha256[10], 0xAA);
    r2g_settings_free(&settings);
}

static void every_default_is_a_value_that_is_taken(void **state) {
    (void)state;
    for (const struct r2g_setting *setting = r2g_settings_table; setting->name; setting++) {
        if (!setting->standard || setting->kind == R2G_SETTING_FLAG)
            continue;
        char option[80];
        snprintf(option, sizeof option, "--%s=%s", setting->name, setting->standard);
        struct r2g_settings settings;
        struct r2g_error err = {0};
        assert_int_equal(read_settings(&settings, ARGUMENTS(option, "--spool", "/s"), &err), R2G_OK);
        r2g_settings_free(&settings);
    }
}

static void routes_match_whole_segments(void **state) {
    (void)state;
    char parameters[R2G_HTTP_PARAMETERS][80];
    assert_true(r2g_http_match("/jobs/{}/tiles/{}", "/jobs/0a-B/tiles/1_2.png", parameters));
    assert_string_equal(parameters[0], "0a-B");
    assert_string_equal(parameters[1], "1_2.png");
    static const char *const others[] = {"/jobs/",
                                         "/jobs//tiles/1",
                                         "/jobs/a/tiles/",
                                         "/jobs/a/tiles/1/",
                                         "/jobs/a b/tiles/1",
                                         "/jobs/a%2fb/tiles/1",
                                         "/jobs/a/b/tiles/1",
                                         "/JOBS/a/tiles/1",
                                         ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(r2g_http_match("/jobs/{}/tiles/{}", others[i], parameters));
    char path[100] = "/";
    memset(path + 1, 'x', 79);
    assert_true(r2g_http_match("/{}", path, parameters));
    path[80] = 'x';
    assert_false(r2g_http_match("/{}", path, parameters));
}

static void the_table_counts_and_forgets(void **state) {
    (void)state;
    struct r2g_guard_table *table = calloc(1, sizeof *table);
    int64_t wait_ns;
    assert_true(r2g_guard_table_enter(table, "inside", 1));
    assert_false(r2g_guard_table_enter(table, "inside", 1));
    for (int i = 0; i < 3; i++)
        assert_true(r2g_guard_table_take(table, "client", INT64_C(60000000000), 3, &wait_ns));
    assert_false(r2g_guard_table_take(table, "client", INT64_C(60000000000), 3, &wait_ns));
    assert_true(wait_ns > INT64_C(59000000000) && wait_ns <= INT64_C(60000000000));
    for (int i = 0; i < 100000; i++) {
        char key[32];
        snprintf(key, sizeof key, "192.0.2.%d", i);
        r2g_guard_table_take(table, key, 1, 2, &wait_ns);
    }
    assert_false(r2g_guard_table_enter(table, "inside", 1)); /* one that is inside is never forgotten */
    r2g_guard_table_leave(table, "inside");
    assert_true(r2g_guard_table_enter(table, "inside", 1));
    r2g_guard_table_leave(table, "nobody");
    free(table);
}

static void utf8_is_told_from_the_rest(void **state) {
    (void)state;
    assert_true(r2g_http_is_utf8("") && r2g_http_is_utf8("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"));
    assert_false(r2g_http_is_utf8("\xFF") || r2g_http_is_utf8("\xC0\x80") || r2g_http_is_utf8("\xED\xA0\x80") ||
                 r2g_http_is_utf8("\xE2\x82") || r2g_http_is_utf8("\xF4\x90\x80\x80") || r2g_http_is_utf8("\x80"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_table),        cmocka_unit_test(the_command_line_wins_over_the_file),
        cmocka_unit_test(every_default_is_a_value_that_is_taken), cmocka_unit_test(routes_match_whole_segments),
        cmocka_unit_test(the_table_counts_and_forgets),           cmocka_unit_test(utf8_is_told_from_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
