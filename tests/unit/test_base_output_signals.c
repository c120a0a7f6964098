/* A process that is ended by a signal in the middle leaves no temporary file, and what it had committed stays. */
#include "base/output.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"

#define LINE "stopped; nothing was written"

static char folder[64];
static char target[100];

static int entries(void) {
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int count = -2; /* . and .. */
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/r2g-signal-XXXXXX");
    int failed = mkdtemp(folder) == NULL;
    snprintf(target, sizeof target, "%s/out", folder);
    return failed;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(target);
    return rmdir(folder); /* fails if anything else is left */
}

static void write_whole(struct r2g_output *output) {
    if (r2g_output_write_at(output, 0, "whole", 5, NULL) != R2G_OK) {
        _exit(1);
    }
}

/* Tells the parent that the moment has come. */
static void report_ready(int ready_fd) {
    if (write(ready_fd, "r", 1) != 1) {
        _exit(1);
    }
}

/* Runs `act` in a child whose stderr goes to `errors` (>= 200 bytes), sends `signal_number` once it has reported, and
 * returns its wait status. */
static int end_child(void (*act)(int ready_fd), int signal_number, char *errors) {
    int ready[2], said[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(said), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(said[1], STDERR_FILENO);
        close(said[0]);
        close(said[1]);
        close(ready[0]);
        r2g_cleanup_install(LINE);
        act(ready[1]);
        for (;;) {
            pause();
        }
    }
    close(ready[1]);
    close(said[1]);
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(kill(child, signal_number), 0);
    int wait_status;
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    ssize_t got = read(said[0], errors, 199);
    errors[got > 0 ? got : 0] = '\0';
    close(ready[0]);
    close(said[0]);
    return wait_status;
}

static void write_half(int ready_fd, bool named) {
    struct r2g_output *output;
    struct r2g_output_options options = {.named = named};
    if (r2g_output_create(&output, target, &options, NULL) != R2G_OK || entries() != (named ? 1 : 0)) {
        _exit(1);
    }
    write_whole(output);
    report_ready(ready_fd);
}

static void write_half_named(int ready_fd) {
    write_half(ready_fd, true);
}
static void write_half_unnamed(int ready_fd) {
    write_half(ready_fd, false);
}

static void commit_and_wait(int ready_fd) {
    struct r2g_output *output;
    struct r2g_output_options options = {.named = true, .overwrite = true};
    if (r2g_output_create(&output, target, &options, NULL) != R2G_OK) {
        _exit(1);
    }
    write_whole(output);
    if (r2g_output_commit(output, NULL) != R2G_OK) {
        _exit(1);
    }
    report_ready(ready_fd); /* before the close: the handle is still there */
}

/* A forked child inherits the table and the handlers. */
static void end_a_grandchild(int ready_fd) {
    struct r2g_output *output;
    struct r2g_output_options options = {.named = true};
    if (r2g_output_create(&output, target, &options, NULL) != R2G_OK) {
        _exit(1);
    }
    pid_t grandchild = fork();
    if (grandchild == 0) {
        raise(SIGTERM);
        _exit(1);
    }
    int wait_status;
    waitpid(grandchild, &wait_status, 0);
    if (!WIFSIGNALED(wait_status) || entries() != 1) {
        _exit(1);
    }
    report_ready(ready_fd);
}

static void *wait_in_thread(void *unused) {
    for (;;) {
        pause();
    }
    return unused;
}

static void write_half_with_threads(int ready_fd) {
    for (int i = 0; i < 8; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, wait_in_thread, NULL) != 0) {
            _exit(1);
        }
    }
    write_half_named(ready_fd);
    pid_t self = getpid();
    if (fork() == 0) {
        for (int i = 0; i < 200; i++) {
            kill(self, i % 2 ? SIGHUP : SIGTERM);
        }
        _exit(0);
    }
}

static void attach_and_wait(int ready_fd) {
    struct r2g_output *output, *attached;
    struct r2g_output_options options = {.named = true};
    struct r2g_output_address address;
    if (r2g_output_create(&output, target, &options, NULL) != R2G_OK ||
        r2g_output_address(output, &address, NULL) != R2G_OK) {
        _exit(1);
    }
    if (fork() != 0) {
        _exit(0); /* the creator is gone without a word, as on a host that failed; the parent waits for this one */
    }
    if (r2g_output_attach(&attached, &address, "the output", NULL) != R2G_OK) {
        _exit(1);
    }
    report_ready(ready_fd);
    raise(SIGTERM);
}

static void signals_leave_nothing(void **state) {
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};
    char errors[200];
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        int wait_status = end_child(write_half_named, signals[i], errors);
        assert_true(WIFSIGNALED(wait_status)); /* a shell or launcher must see the signal, not an exit code */
        assert_int_equal(WTERMSIG(wait_status), signals[i]);
        assert_string_equal(errors, LINE "\n");
        assert_int_equal(entries(), 0);
    }
}

static void threads_tell_of_many_signals_once(void **state) {
    (void)state;
    char errors[200];
    for (int round = 0; round < 100; round++) {
        assert_true(WIFSIGNALED(end_child(write_half_with_threads, 0, errors)));
        assert_string_equal(errors, LINE "\n");
        assert_int_equal(entries(), 0);
    }
}

static void a_killed_process_leaves_nothing(void **state) {
    (void)state;
    int probe = open(folder, O_TMPFILE | O_WRONLY, 0600);
    if (probe < 0) {
        print_message("this file system has no O_TMPFILE: SIGKILL is not tested\n");
        skip();
    }
    close(probe);
    char errors[200];
    int wait_status = end_child(write_half_unnamed, SIGKILL, errors);
    assert_true(WIFSIGNALED(wait_status));
    assert_int_equal(WTERMSIG(wait_status), SIGKILL);
    assert_int_equal(entries(), 0);
}

static void what_was_committed_stays(void **state) {
    (void)state;
    char errors[200];
    assert_true(WIFSIGNALED(end_child(commit_and_wait, SIGTERM, errors)));
    assert_int_equal(entries(), 1);
    assert_int_equal(access(target, F_OK), 0);
}

static void a_forked_child_removes_nothing_of_its_parent(void **state) {
    (void)state;
    char errors[200];
    assert_true(WIFSIGNALED(end_child(end_a_grandchild, SIGTERM, errors)));
    assert_int_equal(entries(), 0);
}

static void an_attached_process_removes_it_on_a_signal(void **state) {
    (void)state;
    char errors[200];
    (void)end_child(attach_and_wait, 0, errors);
    for (int i = 0; i < 1000 && entries() > 0; i++) {
        usleep(10000); /* its end is not ours to wait for */
    }
    assert_int_equal(entries(), 0);
}

static void an_ignored_signal_stays_ignored(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGHUP, SIG_IGN); /* what nohup does */
        r2g_cleanup_install(NULL);
        raise(SIGHUP);
        _exit(7);
    }
    int wait_status;
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    assert_true(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 7);
}

/* Signals at many moments of a loop of commits: never a temporary file, never a part of one under the name. */
static void a_signal_at_any_moment_leaves_whole_files_only(void **state) {
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        int ready[2];
        assert_int_equal(pipe(ready), 0);
        pid_t child = fork();
        if (child == 0) {
            r2g_cleanup_install(NULL);
            struct r2g_output_options options = {.overwrite = true, .named = round % 2 == 0};
            report_ready(ready[1]);
            for (;;) {
                struct r2g_output *output;
                if (r2g_output_create(&output, target, &options, NULL) != R2G_OK) {
                    _exit(1);
                }
                write_whole(output);
                if (r2g_output_commit(output, NULL) != R2G_OK) {
                    _exit(1);
                }
                r2g_output_close(output);
            }
        }
        close(ready[1]);
        char byte;
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        usleep(100 + 37 * round);
        kill(child, SIGTERM);
        int wait_status;
        assert_int_equal(waitpid(child, &wait_status, 0), child);
        assert_true(WIFSIGNALED(wait_status));
        struct stat about;
        if (stat(target, &about) == 0) {
            assert_int_equal(about.st_size, 5);
            assert_int_equal(entries(), 1);
        } else {
            assert_int_equal(entries(), 0);
        }
    }
}

static void a_full_table_and_long_paths_are_refused(void **state) {
    (void)state;
    char path[5000];
    memset(path, 'p', sizeof path);
    path[4096] = '\0';
    assert_int_equal(r2g_cleanup_add(path), -1);
    path[4095] = '\0';
    int slots[1000];
    int count = 0;
    while ((slots[count] = r2g_cleanup_add(path)) >= 0) {
        count++;
        assert_true(count < 1000);
    }
    assert_true(count >= 16);
    r2g_cleanup_remove(-1);
    r2g_cleanup_remove(slots[5]);
    assert_int_equal(r2g_cleanup_add("x"), slots[5]);
    for (int i = 0; i < count; i++) {
        r2g_cleanup_remove(slots[i]);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(signals_leave_nothing),
        TEST(threads_tell_of_many_signals_once),
        TEST(a_killed_process_leaves_nothing),
        TEST(what_was_committed_stays),
        TEST(a_forked_child_removes_nothing_of_its_parent),
        TEST(an_attached_process_removes_it_on_a_signal),
        TEST(an_ignored_signal_stays_ignored),
        TEST(a_signal_at_any_moment_leaves_whole_files_only),
        TEST(a_full_table_and_long_paths_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
