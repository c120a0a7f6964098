/* mpirun's own words are kept from the ranks', however they are cut into pieces, and what ended a run is found in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cli/launch_said.h"

#define DASHES "--------------------------------------------------------------------------" /* 74 */

static const char killed[] =
    "from a rank\n" DASHES
    "\nmpirun noticed that process rank 3 with PID 0 on node node7 exited on signal 9 (Killed).\n" DASHES
    "\n-- and more ----\n";
static const char lost[] =
    DASHES "\nORTE has lost communication with a remote daemon.\n\n  HNP daemon   : [[1,0],0] on node mh1\n"
           "  Remote daemon: [[1,0],2] on node mh3\n\nThis is usually due to ...\n" DASHES "\nrest";

/* What is written of `text` when it comes in pieces of `step` bytes. Free it. */
static char *passed_on(struct r2g_cli_said *said, const char *text, size_t step) {
    char *written = NULL;
    size_t nbytes;
    FILE *out = open_memstream(&written, &nbytes);
    memset(said, 0, sizeof *said);
    for (size_t at = 0; at < strlen(text); at += step)
        r2g_cli_said_take(said, text + at, strlen(text) - at < step ? strlen(text) - at : step, out);
    r2g_cli_said_end(said, out);
    fclose(out);
    return written;
}

static void in_pieces_of_any_size(void **state) {
    (void)state;
    struct r2g_cli_said said;
    char host[32];
    int rank, signal_number;
    for (size_t step = 1; step < 200; step++) {
        char *written = passed_on(&said, killed, step);
        assert_string_equal(written, "from a rank\n-- and more ----\n");
        free(written);
        assert_true(r2g_cli_said_killed_rank(&said, &rank, &signal_number, host, sizeof host));
        assert_int_equal(rank, 3);
        assert_int_equal(signal_number, 9);
        assert_string_equal(host, "node7");
        assert_false(r2g_cli_said_lost_host(&said, host, sizeof host));
        written = passed_on(&said, lost, step);
        assert_string_equal(written, "rest");
        free(written);
        assert_true(r2g_cli_said_lost_host(&said, host, sizeof host));
        assert_string_equal(host, "mh3");
        assert_false(r2g_cli_said_killed_rank(&said, &rank, &signal_number, host, sizeof host));
    }
}

static void nothing_of_the_ranks_is_lost(void **state) {
    (void)state;
    struct r2g_cli_said said;
    static const char *const texts[] = {"", "-", DASHES, "-" DASHES "\nx\n", DASHES "-\n", "a" DASHES "b", "a\n----\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t step = 1; step < 80; step += 13) {
            char *written = passed_on(&said, texts[i], step);
            assert_string_equal(written, texts[i]);
            free(written);
        }
    }
}

static void a_block_without_an_end_is_shown(void **state) {
    (void)state;
    struct r2g_cli_said said;
    char *written = passed_on(&said, "a\n" DASHES "\nsomething is wrong", 7);
    assert_string_equal(written, "a\nsomething is wrong");
    free(written);
}

static void what_is_too_long_is_dropped(void **state) {
    (void)state;
    struct r2g_cli_said said;
    char host[4];
    char *long_text = malloc(100000);
    memset(long_text, 'x', 99999);
    long_text[99999] = '\0';
    memcpy(long_text, DASHES "\n", strlen(DASHES) + 1);
    free(passed_on(&said, long_text, 1000));
    assert_int_equal(said.nbytes, sizeof said.text - 1);
    free(long_text);
    free(passed_on(
        &said,
        "" DASHES "\nRemote lost communication with a remote daemon Remote daemon: x on node longer\n" DASHES "\n", 9));
    assert_false(r2g_cli_said_lost_host(&said, host, sizeof host)); /* a name that does not fit is none */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_pieces_of_any_size),
        cmocka_unit_test(nothing_of_the_ranks_is_lost),
        cmocka_unit_test(a_block_without_an_end_is_shown),
        cmocka_unit_test(what_is_too_long_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
