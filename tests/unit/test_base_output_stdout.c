/* Output to standard output: whole, in order, only at the commit; a reader that has gone is an error. */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define NBYTES ((size_t)2 * 1024 * 1024 + 12345) /* more than a pipe holds, and no multiple of the copy's chunk */

static uint8_t byte_at(size_t i) {
    return (uint8_t)(i * 2654435761u >> 13);
}

/* In a child: writes the two halves in reverse order to "-", with standard output at `fd`; exits with the status. */
static pid_t start_child(int fd, int close_fd, bool commit) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child != 0) {
        return child;
    }
    signal(SIGPIPE, SIG_IGN);
    dup2(fd, STDOUT_FILENO);
    close(fd);
    close(close_fd);
    uint8_t *bytes = malloc(NBYTES);
    for (size_t i = 0; i < NBYTES; i++) {
        bytes[i] = byte_at(i);
    }
    struct r2g_output *output = NULL;
    struct r2g_output_options options = {.sync = true};
    struct r2g_error err = {0};
    r2g_status status = r2g_output_create(&output, "-", &options, &err);
    if (status == R2G_OK) {
        status = r2g_output_write_at(output, NBYTES / 2, bytes + NBYTES / 2, NBYTES - NBYTES / 2, &err);
    }
    if (status == R2G_OK) {
        status = r2g_output_write_at(output, 0, bytes, NBYTES / 2, &err);
    }
    if (status == R2G_OK && commit) {
        status = r2g_output_commit(output, &err);
    }
    r2g_output_close(output);
    free(bytes);
    if (status != R2G_OK && (err.sys_errno != EPIPE || strstr(err.text, "standard output") == NULL)) {
        _exit(100);
    }
    _exit((int)status);
}

static int exit_code(pid_t child) {
    int wait_status;
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    assert_true(WIFEXITED(wait_status));
    return WEXITSTATUS(wait_status);
}

static void check_piped(int pipe_flags) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, pipe_flags), 0);
    pid_t child = start_child(ends[1], ends[0], true);
    close(ends[1]);
    usleep(50000); /* the pipe is full by now */
    static uint8_t bytes[NBYTES + 1];
    size_t total = 0;
    for (ssize_t got; (got = read(ends[0], bytes + total, sizeof bytes - total)) > 0;) {
        total += (size_t)got;
    }
    close(ends[0]);
    assert_int_equal(exit_code(child), R2G_OK);
    assert_int_equal(total, NBYTES);
    for (size_t i = 0; i < NBYTES; i++) {
        if (bytes[i] != byte_at(i)) {
            fail_msg("byte %zu differs", i);
        }
    }
}

static void a_pipe_gets_all_in_order(void **state) {
    (void)state;
    check_piped(0);
}

static void a_non_blocking_pipe_is_waited_for(void **state) {
    (void)state;
    check_piped(O_NONBLOCK);
}

static void nothing_comes_without_a_commit(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = start_child(ends[1], ends[0], false);
    close(ends[1]);
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
    assert_int_equal(exit_code(child), R2G_OK);
}

static void a_reader_that_has_gone_is_an_error(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = start_child(ends[1], ends[0], true);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(exit_code(child), R2G_EOUTPUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_gets_all_in_order),
        cmocka_unit_test(a_non_blocking_pipe_is_waited_for),
        cmocka_unit_test(nothing_comes_without_a_commit),
        cmocka_unit_test(a_reader_that_has_gone_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
