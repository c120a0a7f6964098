/* Options of a job: what is let in, what is not, and that a record brings them back. */
#include "gateway_jobs.h"

static enum r2g_problem set(struct r2g_job_options *options, const char *name, const char *value) {
    struct r2g_error err = {0};
    enum r2g_problem problem = r2g_job_option_set(options, name, value, 8, &err);
    assert_int_equal(problem == R2G_PROBLEM_NONE, err.text[0] == '\0');
    return problem;
}

static void sane_values_are_let_in(void **state) {
    (void)state;
    static const char *const good[][2] = {
        {"method", "bt709"}, {"method", ""},         {"weights", "1,2,1"},    {"format", "png"},  {"alpha", "flatten"},
        {"orient", "apply"}, {"background", "#fff"}, {"compression", "fast"}, {"quality", "100"}, {"reencode", ""},
        {"via-rgb", "true"}, {"keep-exif", "off"},   {"compare", "1"},        {"ranks", "8"},     {"launcher", "pool"},
    };
    static const char *const bad[][2] = {
        {"method", "bt602"},   {"weights", "1,2"},    {"format", "gif"},   {"alpha", "no"},    {"orient", "left"},
        {"background", "#ff"}, {"compression", "9"},  {"quality", "0"},    {"quality", "101"}, {"reencode", "maybe"},
        {"ranks", "0"},        {"ranks", "9"},        {"launcher", "ssh"}, {"nothing", "1"},   {"", ""},
        {"method", "--force"}, {"format", "../../x"}, {"quality", "9 9"},  {"ranks", "-1"},    {"weights", "$(id)"},
    };
    struct r2g_job_options options;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        memset(&options, 0, sizeof options);
        assert_int_equal(set(&options, good[i][0], good[i][1]), R2G_PROBLEM_NONE);
    }
    memset(&options, 0, sizeof options);
    const struct r2g_job_options none = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(set(&options, bad[i][0], bad[i][1]), R2G_PROBLEM_BAD_OPTION);
        assert_memory_equal(&options, &none, sizeof options);
    }
}

static void values_come_back(void **state) {
    (void)state;
    struct r2g_job_options options = {0}, again = {0};
    assert_int_equal(set(&options, "weights", "0.25,0.5,0.25"), R2G_PROBLEM_NONE);
    assert_int_equal(set(&options, "quality", "77"), R2G_PROBLEM_NONE);
    assert_int_equal(set(&options, "compare", "on"), R2G_PROBLEM_NONE);
    assert_int_equal(set(&options, "ranks", "3"), R2G_PROBLEM_NONE);
    for (unsigned i = 0; r2g_job_option_name(i); i++) {
        char buffer[64];
        const char *value = r2g_job_option_get(&options, i, buffer, sizeof buffer);
        if (value[0])
            assert_int_equal(set(&again, r2g_job_option_name(i), value), R2G_PROBLEM_NONE);
    }
    assert_memory_equal(&options, &again, sizeof options);
}

static void combinations_that_make_no_sense_are_refused(void **state) {
    (void)state;
    struct r2g_error err;
    struct r2g_job_options both = {.method = "bt601", .weights = "1,1,1"}, png = {.format = "png", .quality = 50};
    struct r2g_job_options jpeg = {.format = "jpeg", .quality = 50};
    assert_int_equal(r2g_job_options_check(&both, &err), R2G_PROBLEM_BAD_OPTION);
    assert_int_equal(r2g_job_options_check(&png, &err), R2G_PROBLEM_BAD_OPTION);
    assert_int_equal(r2g_job_options_check(&jpeg, &err), R2G_PROBLEM_NONE);
}

static void ids_are_random_and_plain(void **state) {
    (void)state;
    char one[R2G_ID_NBYTES], two[R2G_ID_NBYTES];
    struct r2g_error err;
    assert_int_equal(r2g_id_new(one, &err), R2G_OK);
    assert_int_equal(r2g_id_new(two, &err), R2G_OK);
    assert_true(r2g_id_valid(one));
    assert_string_not_equal(one, two);
    assert_false(r2g_id_valid("../../../../../../../etc/passwd"));
    one[0] = 'A';
    assert_false(r2g_id_valid(one));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sane_values_are_let_in),
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(combinations_that_make_no_sense_are_refused),
        cmocka_unit_test(ids_are_random_and_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
