/* Processes that are known by their environment are all found, also one that is in the middle of becoming another
 * program, when the kernel shows no environment of it; others are left alone. */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h> /* which cmocka.h needs before it */

#include <cmocka.h>

#include "base/clock.h"
#include "gateway/child.h"

#define ROUNDS 500
#define TIMEOUT_MS 10000

/* exec_again, with its word. Returns once it has become that: until then it has this process's environment. `variable`:
 * NULL for none. */
static pid_t start(const char *variable, const char *word) {
    char *words[] = {EXEC_AGAIN, (char *)word, NULL}, *environment[] = {(char *)variable, NULL}, none;
    int begun[2];
    assert_int_equal(pipe2(begun, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        execve(EXEC_AGAIN, words, environment);
        _exit(127);
    }
    assert_true(pid > 0);
    close(begun[1]);
    assert_int_equal(read(begun[0], &none, 1), 0);
    close(begun[0]);
    return pid;
}

static void is_killed(pid_t pid) {
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void in_mid_exec(void **state) {
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        pid_t pid = start("RGB2GRAY_JOB=test.kill", "again");
        assert_true(r2g_child_kill_marked("test.kill", TIMEOUT_MS));
        /* what was overlooked goes on for ever; what was killed has ended, or does so at once */
        int64_t end_ns = r2g_clock_ns() + INT64_C(5000000000);
        while (waitpid(pid, NULL, WNOHANG) == 0) {
            if (r2g_clock_ns() > end_ns) {
                kill(pid, SIGKILL);
                is_killed(pid);
                fail_msg("round %d: a process was overlooked", i);
            }
            usleep(200);
        }
    }
}

static void others_stay(void **state) {
    (void)state;
    pid_t other = start("RGB2GRAY_JOB=test.killed", "wait"), bare = start("A=B", "wait");
    pid_t family = start("RGB2GRAY_JOB=other.1", "wait");
    assert_true(r2g_child_kill_marked("test.kill", TIMEOUT_MS));
    assert_true(r2g_child_kill_marked("other.", TIMEOUT_MS));
    is_killed(family);
    int status;
    assert_int_equal(waitpid(other, &status, WNOHANG), 0);
    assert_int_equal(waitpid(bare, &status, WNOHANG), 0);
    kill(other, SIGKILL);
    kill(bare, SIGKILL);
    is_killed(other);
    is_killed(bare);
}

/* A process without any environment is like one in mid exec at first sight, and must not hold up the look for long. */
static void empty_environment(void **state) {
    (void)state;
    pid_t pid = start(NULL, "wait");
    int64_t began_ns = r2g_clock_ns();
    assert_true(r2g_child_kill_marked("test.kill", TIMEOUT_MS));
    assert_true(r2g_clock_ns() - began_ns < INT64_C(2000000000));
    int status;
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
    kill(pid, SIGKILL);
    is_killed(pid);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_mid_exec), cmocka_unit_test(others_stay),
                                       cmocka_unit_test(empty_environment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
