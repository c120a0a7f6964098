/* Weights are read exactly or refused; names, formulas and sources of the methods are complete. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "pixel_reference.h"

static void good_texts(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t weight[3], divisor;
    } good[] = {
        {"0.25,0.5,0.25", {1, 2, 1}, 4},
        {"1,2,1", {1, 2, 1}, 4},
        {"1,1,1", {1, 1, 1}, 3},
        {"0,1,0", {0, 1, 0}, 1},
        {"0,0,7", {0, 0, 1}, 1},
        {".299,.587,.114", {299, 587, 114}, 1000},
        {"0.299000,0.587000,0.114000", {299, 587, 114}, 1000},
        {"00000000299,587,114", {299, 587, 114}, 1000},
        {"0.2125,0.7154,0.0721", {2125, 7154, 721}, 10000},
        {"0.000001,0,0", {1, 0, 0}, 1},
        {"0.333333,0.333333,0.333334", {333333, 333333, 333334}, 1000000},
        {"1000000,1000000,1000000.000000", {1, 1, 1}, 3},
        {"1000000,999999,1000000", {1000000, 999999, 1000000}, 2999999},
        {"0.000001,0.999999,2", {1, 999999, 2000000}, 3000000},
        {"0.1,0.2,0.3", {1, 2, 3}, 6},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct r2g_luma luma;
        struct r2g_error err = {0};
        assert_int_equal(r2g_luma_from_weights(&luma, good[i].text, &err), R2G_OK);
        assert_int_equal(luma.method, R2G_METHOD_WEIGHTS);
        assert_memory_equal(luma.weight, good[i].weight, sizeof luma.weight);
        assert_int_equal(luma.divisor, good[i].divisor);
        assert_string_equal(r2g_luma_name(&luma), "weights");
    }
}

static void bad_texts(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        ",",
        ",,",
        "1",
        "1,2",
        "1,2,",
        ",1,2",
        "1,,2",
        "1,2,3,4",
        "1,2,3,",
        "-1,1,1",
        "1,-0,1",
        "+1,1,1",
        "1e3,1,1",
        "0x1,1,1",
        "nan",
        "nan,nan,nan",
        "inf,1,1",
        " 1,2,1",
        "1, 2,1",
        "1,2,1 ",
        "1 ,2,1",
        "1,2,1\n",
        "1;2;1",
        "1.,1,1",
        ".,1,1",
        "1..0,1,1",
        "1.0.0,1,1",
        "0.1234567,1,1",
        "1.0000000,1,1",
        "1000000.000001,1,1",
        "1000001,1,1",
        "99999999999999999999999999999999999999,1,1",
        "18446744073709551617,1,1",
        "0,0,0",
        "0.0,0.000000,0",
        "0.000001,1,2",
        "1000000,1000000,0.000001",
        "0,25,0,5,0,25",
        "a,b,c",
        "1,2,3x",
        "\xd9\xa1,1,1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct r2g_luma luma;
        struct r2g_error err = {0};
        if (r2g_luma_from_weights(&luma, bad[i], &err) != R2G_EUSAGE || err.status != R2G_EUSAGE || !err.text[0]) {
            fail_msg("\"%s\" was not refused", bad[i]);
        }
        assert_int_equal(r2g_luma_from_weights(&luma, bad[i], NULL), R2G_EUSAGE);
    }
}

/* A hostile text is neither echoed whole nor able to leave the message's line. */
static void long_text(void **state) {
    (void)state;
    char text[5000];
    memset(text, '\n', sizeof text);
    text[sizeof text - 1] = '\0';
    struct r2g_luma luma;
    struct r2g_error err = {0};
    assert_int_equal(r2g_luma_from_weights(&luma, text, &err), R2G_EUSAGE);
    assert_null(strchr(err.text, '\n'));
    assert_int_equal(r2g_luma_from_name(&luma, text, &err), R2G_EUSAGE);
    assert_null(strchr(err.text, '\n'));
    assert_non_null(strstr(err.text, "bt601, bt709, average, lightness, max, red, green, blue"));
}

static void names_and_formulas(void **state) {
    (void)state;
    size_t count;
    const struct r2g_method_entry *entries = r2g_method_list(&count);
    assert_int_equal(count, 8);
    for (size_t i = 0; i < count; i++) {
        struct r2g_luma luma;
        struct r2g_error err = {0};
        char formula[100];
        assert_int_equal(r2g_luma_from_name(&luma, entries[i].name, &err), R2G_OK);
        assert_int_equal(luma.method, entries[i].method);
        assert_string_equal(r2g_luma_name(&luma), entries[i].name);
        assert_int_equal(luma.weight[0] + luma.weight[1] + luma.weight[2], luma.divisor);
        r2g_luma_formula(&luma, formula, sizeof formula);
        assert_string_equal(formula, entries[i].formula);
        assert_true(entries[i].source[0] != '\0');
    }
    struct r2g_luma luma = reference_luma(0);
    char formula[100];
    r2g_luma_formula(&luma, formula, sizeof formula);
    assert_string_equal(formula, "(299 R + 587 G + 114 B + 500) div 1000");
    luma = reference_luma(8);
    r2g_luma_formula(&luma, formula, sizeof formula);
    assert_string_equal(formula, "(1 R + 2 G + 1 B + 2) div 4");
    r2g_luma_formula(&luma, formula, 5);
    assert_string_equal(formula, "(1 R");
    struct r2g_error err = {0};
    assert_int_equal(r2g_luma_from_name(&luma, "weights", &err), R2G_EUSAGE);
    assert_int_equal(r2g_luma_from_name(&luma, "BT601", &err), R2G_EUSAGE);
    assert_int_equal(r2g_luma_from_name(&luma, "", &err), R2G_EUSAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts),
        cmocka_unit_test(bad_texts),
        cmocka_unit_test(long_text),
        cmocka_unit_test(names_and_formulas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
