/* A source reads the same bytes at any offset, whether the input is a file, a pipe or standard input. */
#include "base/source.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define LONG_NBYTES ((size_t)3 * 1024 * 1024 + 17) /* more than a pipe holds, and no multiple of the spool's chunk */

static char folder[] = "/tmp/r2g-source-XXXXXX";
static uint8_t *content;

static uint8_t byte_at(size_t i) {
    return (uint8_t)(i * 2654435761u >> 13);
}

static const char *in_folder(const char *name) {
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *path, size_t nbytes) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, nbytes, file), nbytes);
    assert_int_equal(fclose(file), 0);
}

static void check_content(const struct r2g_source *source, size_t nbytes) {
    assert_int_equal(source->nbytes, nbytes);
    uint8_t *bytes = malloc(nbytes + 100);
    size_t got_nbytes;
    assert_int_equal(r2g_source_read_at(source, 0, bytes, nbytes + 100, &got_nbytes, NULL), R2G_OK);
    assert_int_equal(got_nbytes, nbytes);
    assert_memory_equal(bytes, content, nbytes);
    assert_int_equal(r2g_source_read_exact(source, nbytes - 5, bytes, 5, NULL), R2G_OK);
    assert_memory_equal(bytes, content + nbytes - 5, 5);
    free(bytes);
}

/* A child that writes the content to `fd` or `path` in small pieces. */
static pid_t start_writer(int fd, const char *path, size_t nbytes) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGPIPE, SIG_IGN);
        fd = path != NULL ? open(path, O_WRONLY) : fd;
        for (size_t done = 0; done < nbytes;) {
            size_t piece = nbytes - done < 70001 ? nbytes - done : 70001;
            ssize_t put = write(fd, content + done, piece);
            if (put <= 0) {
                _exit(1);
            }
            done += (size_t)put;
        }
        _exit(0);
    }
    return child;
}

static void replace_stdin(int fd) {
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
}

static void a_file_is_read_where_it_lies(void **state) {
    (void)state;
    write_file(in_folder("plain"), 1000);
    struct r2g_source *source;
    assert_int_equal(r2g_source_open(&source, in_folder("plain"), NULL), R2G_OK);
    assert_false(source->spooled);
    assert_string_equal(source->name, in_folder("plain"));
    assert_int_equal(fcntl(source->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    check_content(source, 1000);

    uint8_t bytes[20];
    size_t got_nbytes = 99;
    struct r2g_error err = {0};
    assert_int_equal(r2g_source_read_at(source, 995, bytes, 20, &got_nbytes, &err), R2G_OK);
    assert_int_equal(got_nbytes, 5);
    assert_int_equal(r2g_source_read_at(source, UINT64_MAX - 3, bytes, 20, &got_nbytes, &err), R2G_OK);
    assert_int_equal(got_nbytes, 0);
    assert_int_equal(r2g_source_read_exact(source, 995, bytes, 6, &err), R2G_ECORRUPT);
    assert_non_null(strstr(err.text, "file ends early"));
    assert_int_equal(r2g_source_read_exact(source, UINT64_MAX, bytes, 1, &err), R2G_ECORRUPT);
    r2g_source_close(source);
    r2g_source_close(NULL);
}

/* Rows with and without gaps, downwards and upwards, more of them than one system call takes, and past the end. */
static void rows_are_read_to_their_places(void **state) {
    (void)state;
    write_file(in_folder("rows"), 30000);
    struct r2g_source *source;
    assert_int_equal(r2g_source_open(&source, in_folder("rows"), NULL), R2G_OK);
    static uint8_t memory[70000];
    for (size_t row_nbytes = 1; row_nbytes < 41; row_nbytes += 13) {
        for (size_t gap_nbytes = 0; gap_nbytes < 20; gap_nbytes++) {
            for (size_t row_count = 0; row_count < 500; row_count = row_count * 3 + 1) {
                const size_t stride = row_nbytes + 5;
                for (int upwards = 0; upwards < 2; upwards++) {
                    memset(memory, 0xA5, sizeof memory);
                    uint8_t *first = memory + (upwards && row_count > 0 ? (row_count - 1) * stride : 0);
                    assert_int_equal(r2g_source_read_rows(source, 7, row_nbytes, gap_nbytes, first,
                                                          upwards ? -(ptrdiff_t)stride : (ptrdiff_t)stride, row_count,
                                                          NULL),
                                     R2G_OK);
                    for (size_t i = 0; i < row_count; i++) {
                        const uint8_t *row = memory + (upwards ? row_count - 1 - i : i) * stride;
                        assert_memory_equal(row, content + 7 + i * (row_nbytes + gap_nbytes), row_nbytes);
                        assert_memory_equal(row + row_nbytes, "\xA5\xA5\xA5\xA5\xA5", 5);
                    }
                }
            }
        }
    }
    struct r2g_error err = {0};
    assert_int_equal(r2g_source_read_rows(source, 29000, 100, 0, memory, 100, 10, &err), R2G_OK);
    assert_int_equal(r2g_source_read_rows(source, 29000, 99, 2, memory, 99, 10, &err), R2G_ECORRUPT);
    assert_non_null(strstr(err.text, "file ends early"));
    assert_int_equal(r2g_source_read_rows(source, UINT64_MAX - 8, 1, 0, memory, 1, 9, &err), R2G_ECORRUPT);
    r2g_source_close(source);
}

static void a_pipe_on_standard_input_is_spooled(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = start_writer(ends[1], NULL, LONG_NBYTES);
    close(ends[1]);
    replace_stdin(ends[0]);
    struct r2g_source *source;
    assert_int_equal(r2g_source_open(&source, "-", NULL), R2G_OK);
    assert_true(source->spooled);
    assert_string_equal(source->name, "standard input");
    check_content(source, LONG_NBYTES);
    struct stat about;
    assert_int_equal(fstat(source->fd, &about), 0);
    assert_int_equal(about.st_nlink, 0); /* nothing stays in the temporary folder, however this process ends */
    assert_int_equal(about.st_mode & 0777, 0600);
    r2g_source_close(source);
    int wait_status;
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    assert_int_equal(wait_status, 0);
}

static void a_non_blocking_pipe_is_waited_for(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        usleep(50000);
        _exit(write(ends[1], content, 10) == 10 ? 0 : 1);
    }
    close(ends[1]);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    replace_stdin(ends[0]);
    struct r2g_source *source;
    assert_int_equal(r2g_source_open(&source, "-", NULL), R2G_OK);
    check_content(source, 10);
    r2g_source_close(source);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void a_redirected_file_is_not_copied(void **state) {
    (void)state;
    write_file(in_folder("redirected"), 1000);
    replace_stdin(open(in_folder("redirected"), O_RDONLY));
    struct r2g_source *source;
    assert_int_equal(r2g_source_open(&source, "-", NULL), R2G_OK);
    struct stat about;
    assert_int_equal(fstat(source->fd, &about), 0);
    assert_int_equal(about.st_nlink, 1);
    assert_true(source->fd > STDERR_FILENO);
    check_content(source, 1000);
    r2g_source_close(source);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), 0); /* closing the source leaves standard input open */
}

static void a_file_that_was_read_in_part_is_spooled_from_there(void **state) {
    (void)state;
    replace_stdin(open(in_folder("redirected"), O_RDONLY));
    uint8_t bytes[10];
    assert_int_equal(read(STDIN_FILENO, bytes, 10), 10);
    struct r2g_source *source;
    assert_int_equal(r2g_source_open(&source, "-", NULL), R2G_OK);
    assert_int_equal(source->nbytes, 990);
    assert_int_equal(r2g_source_read_exact(source, 0, bytes, 10, NULL), R2G_OK);
    assert_memory_equal(bytes, content + 10, 10);
    r2g_source_close(source);
}

static void a_fifo_is_spooled(void **state) {
    (void)state;
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    pid_t child = start_writer(-1, in_folder("fifo"), 200000);
    struct r2g_source *source;
    assert_int_equal(r2g_source_open(&source, in_folder("fifo"), NULL), R2G_OK);
    assert_true(source->spooled);
    check_content(source, 200000);
    r2g_source_close(source);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void expect_refusal(const char *path, r2g_status status, const char *part) {
    struct r2g_source *source = (void *)1;
    struct r2g_error err = {0};
    assert_int_equal(r2g_source_open(&source, path, &err), status);
    assert_null(source);
    assert_non_null(strstr(err.text, part));
}

static void what_cannot_be_an_input_is_refused(void **state) {
    (void)state;
    expect_refusal(folder, R2G_EINPUT, "is a folder");
    expect_refusal(in_folder("absent"), R2G_EINPUT, strerror(ENOENT));
    expect_refusal("", R2G_EINPUT, strerror(ENOENT));
    expect_refusal("/dev/null", R2G_ECORRUPT, "empty");
    write_file(in_folder("empty"), 0);
    expect_refusal(in_folder("empty"), R2G_ECORRUPT, "empty");
    replace_stdin(open(folder, O_RDONLY));
    expect_refusal("-", R2G_EINPUT, "is a folder");
    int saved = dup(STDIN_FILENO);
    close(STDIN_FILENO);
    expect_refusal("-", R2G_EINPUT, strerror(EBADF));
    replace_stdin(saved);
}

static void a_full_temporary_folder_is_named(void **state) {
    (void)state;
    /* A limit on the size of files stands in for a full disk. */
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit low = {.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = start_writer(ends[1], NULL, LONG_NBYTES);
    close(ends[1]);
    replace_stdin(ends[0]);
    signal(SIGXFSZ, SIG_IGN);
    setenv("TMPDIR", folder, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    expect_refusal("-", R2G_EOUTPUT, folder);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    unsetenv("TMPDIR");
    replace_stdin(open("/dev/null", O_RDONLY));
    kill(child, SIGKILL); /* it would wait for a reader for ever: it holds the reading end too */
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static int setup(void **state) {
    (void)state;
    content = malloc(LONG_NBYTES);
    for (size_t i = 0; i < LONG_NBYTES; i++) {
        content[i] = byte_at(i);
    }
    return mkdtemp(folder) == NULL;
}

/* Fails if a test left a file that it did not make itself. */
static int teardown(void **state) {
    (void)state;
    static const char *const made[] = {"plain", "redirected", "fifo", "empty"};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        unlink(in_folder(made[i]));
    }
    free(content);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_where_it_lies),
        cmocka_unit_test(rows_are_read_to_their_places),
        cmocka_unit_test(a_pipe_on_standard_input_is_spooled),
        cmocka_unit_test(a_non_blocking_pipe_is_waited_for),
        cmocka_unit_test(a_redirected_file_is_not_copied),
        cmocka_unit_test(a_file_that_was_read_in_part_is_spooled_from_there),
        cmocka_unit_test(a_fifo_is_spooled),
        cmocka_unit_test(what_cannot_be_an_input_is_refused),
        cmocka_unit_test(a_full_temporary_folder_is_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
