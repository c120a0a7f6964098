/* Option values: sizes, counts, colours and words are read exactly, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "base/values.h"

static void sizes_are_binary(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t nbytes;
    } good[] = {{"0", 0},
                {"17", 17},
                {"1k", 1024},
                {"3KiB", 3072},
                {"2M", 2097152},
                {"2mib", 2097152},
                {"4GiB", UINT64_C(4) << 30},
                {"17179869183G", UINT64_C(17179869183) << 30},
                {"18446744073709551615", UINT64_MAX}};
    static const char *const bad[] = {"",    "k",  "-1",  "+1",   " 1",  "1 ",           "1.5G",
                                      "1KB", "1T", "1e9", "0x10", "1GG", "17179869184G", "18446744073709551616"};
    struct r2g_error err;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t nbytes = 1;
        assert_int_equal(r2g_value_size("--mem-limit", good[i].text, &nbytes, &err), R2G_OK);
        assert_int_equal(nbytes, good[i].nbytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t nbytes;
        assert_int_equal(r2g_value_size("--mem-limit", bad[i], &nbytes, &err), R2G_EUSAGE);
        assert_non_null(strstr(err.text, "--mem-limit"));
    }
}

static void counts_are_decimal(void **state) {
    (void)state;
    uint64_t value;
    struct r2g_error err;
    assert_int_equal(r2g_value_count("--max-pixels", "500M", &value, &err), R2G_OK);
    assert_int_equal(value, 500000000);
    assert_int_equal(r2g_value_count("--max-pixels", "2k", &value, &err), R2G_OK);
    assert_int_equal(value, 2000);
    assert_int_equal(r2g_value_count("--max-pixels", "2KiB", &value, &err), R2G_EUSAGE);
    assert_int_equal(r2g_value_count("--max-pixels", "99999999999G", &value, &err), R2G_EUSAGE);
    assert_int_equal(r2g_value_number("--quality", "100", 1, 100, &value, &err), R2G_OK);
    assert_int_equal(r2g_value_number("--quality", "101", 1, 100, &value, &err), R2G_EUSAGE);
    assert_int_equal(r2g_value_number("--quality", "", 1, 100, &value, &err), R2G_EUSAGE);
}

static void colours_have_five_spellings(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint8_t rgb[3];
    } good[] = {{"white", {255, 255, 255}},      {"Black", {0, 0, 0}},       {"#123", {0x11, 0x22, 0x33}},
                {"#aBcDeF", {0xAB, 0xCD, 0xEF}}, {"1,20,255", {1, 20, 255}}, {"0,0,0", {0, 0, 0}}};
    static const char *const bad[] = {"", "#", "#12", "#1234", "#12345g", "1,2", "1,2,3,4", "1,2,256", "1, 2,3", "red"};
    struct r2g_error err;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint8_t rgb[3] = {9, 9, 9};
        assert_int_equal(r2g_value_colour("--background", good[i].text, rgb, &err), R2G_OK);
        assert_memory_equal(rgb, good[i].rgb, 3);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t rgb[3];
        assert_int_equal(r2g_value_colour("--background", bad[i], rgb, &err), R2G_EUSAGE);
    }
}

static void the_nearest_word_is_at_most_two_letters_away(void **state) {
    (void)state;
    static const char *const words[] = {"method", "format", "force", "red", NULL};
    assert_string_equal(r2g_value_nearest("methd", words), "method");
    assert_string_equal(r2g_value_nearest("fromat", words), "format");
    assert_string_equal(r2g_value_nearest("forze", words), "force");
    assert_null(r2g_value_nearest("mtdh", words));
    assert_null(r2g_value_nearest("", words));
    assert_null(r2g_value_nearest("a-word-that-is-far-too-long-to-be-any-option-at-all", words));
    int index = -1;
    struct r2g_error err;
    assert_int_equal(r2g_value_word("--x", "force", words, &index, &err), R2G_OK);
    assert_int_equal(index, 2);
    assert_int_equal(r2g_value_word("--x", "forc", words, &index, &err), R2G_EUSAGE);
    assert_string_equal(err.text, "--x takes method, format, force or red, not \"forc\"; did you mean \"force\"?");
}

static void figures_read_well(void **state) {
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } times[] = {{412000, "0.412 ms"},        {4120000, "4.12 ms"},        {41200000, "41.2 ms"},
                 {412000000, "412 ms"},       {999600000, "1.00 s"},       {41200000000, "41.2 s"},
                 {185000000000, "3 min 5 s"}, {7260000000000, "2 h 1 min"}};
    char text[64];
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        r2g_text_time(text, sizeof text, times[i].ns);
        assert_string_equal(text, times[i].text);
    }
    r2g_text_size(text, sizeof text, 1);
    assert_string_equal(text, "1 byte");
    r2g_text_size(text, sizeof text, 85200000);
    assert_string_equal(text, "85.2 MB");
    r2g_text_memory(text, sizeof text, UINT64_C(7) << 29);
    assert_string_equal(text, "3.50 GiB");
    r2g_text_plain(text, sizeof text, "a\033[31mb\n");
    assert_string_equal(text, "a?[31mb?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_binary),
        cmocka_unit_test(counts_are_decimal),
        cmocka_unit_test(colours_have_five_spellings),
        cmocka_unit_test(the_nearest_word_is_at_most_two_letters_away),
        cmocka_unit_test(figures_read_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
