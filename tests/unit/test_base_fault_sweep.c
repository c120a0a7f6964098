/* Each allocation, read and write of a copy from source to output is made to fail in turn: every failure has a status
 * and a text of its kind, leaks nothing, and leaves the folder as it was. Needs a build with RGB2GRAY_FAULTS. */
#include "base/fault.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/output.h"
#include "base/source.h"

#ifdef RGB2GRAY_FAULTS
#define MOST_SITES 200
#define SUCCESS 77 /* told apart from 0, which a sanitizer's or runtime's own exit might be */

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

/* Spools standard input, then writes it to `target` through a second, attached handle. */
static r2g_status copy(const struct r2g_output_options *options, struct r2g_error *err) {
    struct r2g_budget budget = {0};
    struct r2g_buffer buffer = {.budget = &budget};
    struct r2g_source *source = NULL;
    struct r2g_output *output = NULL, *attached = NULL;
    struct r2g_output_address address;
    r2g_status status = r2g_source_open(&source, "-", err);
    if (status == R2G_OK) {
        status = r2g_buffer_reserve(&buffer, (size_t)source->nbytes, "test", err);
    }
    if (status == R2G_OK) {
        status = r2g_source_read_exact(source, 0, buffer.bytes, (size_t)source->nbytes, err);
    }
    if (status == R2G_OK) {
        status = r2g_output_create(&output, target, options, err);
    }
    if (status == R2G_OK) {
        status = r2g_output_address(output, &address, err);
    }
    if (status == R2G_OK) {
        status = r2g_output_attach(&attached, &address, "the output", err);
    }
    if (status == R2G_OK) {
        status = r2g_output_write_at(attached, 0, buffer.bytes, (size_t)source->nbytes, err);
    }
    if (status == R2G_OK) {
        status = r2g_output_commit(output, err);
    }
    r2g_output_close(attached);
    r2g_output_close(output);
    r2g_source_close(source);
    r2g_buffer_free(&buffer);
    return status != R2G_OK || budget.used_nbytes == 0 ? status : R2G_EINTERNAL;
}

/* Runs the copy in a child of its own, since the fault is read once a process. Returns its exit code. */
static int run(const char *kind, int site, const struct r2g_output_options *options) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "new", 3), 3);
    close(ends[1]);
    fflush(NULL); /* or the child would print it again */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char fault[32];
        snprintf(fault, sizeof fault, "%s:%d", kind, site);
        setenv("RGB2GRAY_FAULT", fault, 1);
        dup2(ends[0], STDIN_FILENO);
        struct r2g_error err = {0};
        r2g_status status = copy(options, &err);
        if (status != R2G_OK && (err.status != status || err.text[0] == '\0')) {
            status = R2G_EINTERNAL;
        }
        exit(status == R2G_OK ? SUCCESS : (int)status); /* not _exit: LeakSanitizer looks at exit */
    }
    close(ends[0]);
    int wait_status;
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    assert_true(WIFEXITED(wait_status));
    return WEXITSTATUS(wait_status);
}

static bool target_is(const char *text) {
    char bytes[20] = "";
    int fd = open(target, O_RDONLY);
    assert_true(fd >= 0);
    assert_true(read(fd, bytes, sizeof bytes - 1) >= 0);
    close(fd);
    return strcmp(bytes, text) == 0;
}

static void put_old(void) {
    int fd = open(target, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "old", 3), 3);
    close(fd);
}

static void sweep(const char *kind, r2g_status expected, int fewest_sites) {
    for (unsigned form = 0; form < 8; form++) {
        struct r2g_output_options options = {.overwrite = form & 1, .named = form & 2, .sync = form & 4};
        int site = 0, replaced_and_failed = 0;
        for (int code = 0; code != SUCCESS;) {
            site++;
            assert_true(site < MOST_SITES);
            if (options.overwrite) {
                put_old();
            }
            code = run(kind, site, &options);
            if (code != SUCCESS) {
                assert_int_equal(code, expected);
                assert_int_equal(entries(), options.overwrite ? 1 : 0);
                replaced_and_failed += options.overwrite && !target_is("old");
            }
        }
        assert_true(site > fewest_sites); /* the sweep did meet its sites */
        /* The one exception of output.h: the folder's fsync comes after the replacement. */
        assert_int_equal(replaced_and_failed, strcmp(kind, "write") == 0 && options.overwrite && options.sync ? 1 : 0);
        assert_int_equal(entries(), 1);
        assert_true(target_is("new"));
        unlink(target);
    }
}

static void refused_memory(void **state) {
    (void)state;
    sweep("alloc", R2G_ENOMEM, 6);
}

static void failed_reads(void **state) {
    (void)state;
    sweep("read", R2G_EINPUT, 3);
}

static void failed_writes(void **state) {
    (void)state;
    sweep("write", R2G_EOUTPUT, 5);
}

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/r2g-fault-XXXXXX");
    int failed = mkdtemp(folder) == NULL;
    snprintf(target, sizeof target, "%s/out", folder);
    return failed;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_memory),
        cmocka_unit_test(failed_reads),
        cmocka_unit_test(failed_writes),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
#else
int main(void) {
    puts("this build has no fault injection (RGB2GRAY_FAULTS is off): nothing is tested here");
    return 77; /* skipped */
}
#endif
