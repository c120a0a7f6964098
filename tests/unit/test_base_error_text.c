/* Error texts are one clean, terminated line of valid UTF-8, whatever a hostile file put into them. */
#include <rgb2gray/status.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void control_characters_become_question_marks(void **state) {
    (void)state;
    struct r2g_error err;
    memset(&err, 0xAA, sizeof err);
    assert_int_equal(r2g_fail(&err, R2G_ECORRUPT, "a%sb", "\n\r\t\x1b[31m\x7f\x01"), R2G_ECORRUPT);
    assert_string_equal(err.text, "a????[31m??b");
    assert_int_equal(err.status, R2G_ECORRUPT);
    assert_int_equal(err.sys_errno, 0);
    assert_int_equal(err.mpi_code, 0);
    assert_int_equal(err.rank, 0);
    assert_int_equal(r2g_fail(&err, R2G_EINPUT,
                              "x\xc2\x9b"
                              "31my"),
                     R2G_EINPUT); /* U+009B: the terminal's CSI in one letter */
    assert_string_equal(err.text, "x?31my");
}

static void valid_utf8_stays_and_the_rest_does_not(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"h\xc3\xa9llo \xe6\xbc\xa2 \xf0\x9f\x98\x80 \xc2\xa0", "h\xc3\xa9llo \xe6\xbc\xa2 \xf0\x9f\x98\x80 \xc2\xa0"},
        {"\xff\xfe", "??"},
        {"\xc0\xaf", "??"},           /* overlong */
        {"\xe0\x80\xaf", "???"},      /* overlong */
        {"\xed\xa0\x80", "???"},      /* surrogate */
        {"\xf4\x90\x80\x80", "????"}, /* beyond U+10FFFF */
        {"a\xe6\xbc", "a??"},         /* broken off by the end, though nothing was cut */
        {"\xe6\xbc z", "?? z"},
        {"\x80", "?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct r2g_error err;
        (void)r2g_fail(&err, R2G_EINPUT, "%s", cases[i].in);
        assert_string_equal(err.text, cases[i].out);
    }
}

static void long_texts_are_cut_between_letters(void **state) {
    (void)state;
    char name[2000];
    /* 2-, 3- and 4-byte letters, shifted so that the cut falls on each byte of one. */
    static const char *const letters[] = {"\xc3\xa9", "\xe6\xbc\xa2", "\xf0\x9f\x98\x80"};
    for (size_t letter = 0; letter < 3; letter++) {
        for (size_t shift = 0; shift < 4; shift++) {
            size_t n = 0;
            for (; n < shift; n++) {
                name[n] = 'a';
            }
            while (n + 5 < sizeof name) {
                memcpy(name + n, letters[letter], strlen(letters[letter]));
                n += strlen(letters[letter]);
            }
            name[n] = '\0';
            struct r2g_error err;
            memset(&err, 0xAA, sizeof err);
            (void)r2g_fail(&err, R2G_EINPUT, "%s", name);
            size_t length = strnlen(err.text, sizeof err.text);
            assert_true(length < sizeof err.text && length > sizeof err.text - 5);
            assert_memory_equal(err.text, name, length);
            assert_null(strchr(err.text, '?'));
            assert_int_equal((length - shift) % strlen(letters[letter]), 0);
        }
    }
}

static void the_cause_survives_a_long_name(void **state) {
    (void)state;
    char name[5000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct r2g_error err;
    assert_int_equal(r2g_fail_errno(&err, R2G_EOUTPUT, ENOSPC, "cannot write %s", name), R2G_EOUTPUT);
    assert_int_equal(err.sys_errno, ENOSPC);
    char end[100];
    snprintf(end, sizeof end, "n: %s", strerror(ENOSPC));
    assert_string_equal(err.text + strlen(err.text) - strlen(end), end);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void a_text_can_be_wrapped_in_itself(void **state) {
    (void)state;
    struct r2g_error err;
    (void)r2g_fail(&err, R2G_ECORRUPT, "file ends early");
    (void)r2g_fail(&err, err.status, "%s: %s", "in.png", err.text);
    assert_string_equal(err.text, "in.png: file ends early");
    assert_int_equal(err.status, R2G_ECORRUPT);
}

static void null_is_allowed_and_errno_is_kept(void **state) {
    (void)state;
    errno = E2BIG;
    assert_int_equal(r2g_fail(NULL, R2G_EMPI, "x"), R2G_EMPI);
    assert_int_equal(r2g_fail_errno(NULL, R2G_EOUTPUT, 99999, "x"), R2G_EOUTPUT);
    assert_int_equal(errno, E2BIG);
}

static void every_status_has_its_name(void **state) {
    (void)state;
    static const char *const names[] = {
        "ok",     "internal-error", "usage",         "input", "unsupported",    "corrupt-input", "limit",
        "output", "output-exists",  "out-of-memory", "mpi",   "outputs-differ", "cancelled", "some-failed", "stopped",
    };
    for (int i = 0; i <= R2G_ESTOPPED; i++) {
        assert_string_equal(r2g_status_name((r2g_status)i), names[i]);
    }
    assert_string_equal(r2g_status_name((r2g_status)(R2G_ESTOPPED + 1)), "unknown");
    assert_string_equal(r2g_status_name((r2g_status)-1), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_become_question_marks),
        cmocka_unit_test(valid_utf8_stays_and_the_rest_does_not),
        cmocka_unit_test(long_texts_are_cut_between_letters),
        cmocka_unit_test(the_cause_survives_a_long_name),
        cmocka_unit_test(a_text_can_be_wrapped_in_itself),
        cmocka_unit_test(null_is_allowed_and_errno_is_kept),
        cmocka_unit_test(every_status_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
