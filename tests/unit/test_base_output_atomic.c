/* An output appears under its name only when it is whole; whatever goes wrong, the folder is as it was before. */
#include "base/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64];

/* The same promises hold in every form; each test runs in all of them. */
static const struct r2g_output_options forms[] = {
    {.overwrite = false, .sync = false, .named = false}, {.overwrite = false, .sync = true, .named = false},
    {.overwrite = false, .sync = false, .named = true},  {.overwrite = true, .sync = false, .named = false},
    {.overwrite = true, .sync = true, .named = true},    {.overwrite = true, .sync = true, .named = false},
};
#define FORMS (sizeof forms / sizeof forms[0])

static const char *in_folder(const char *name) {
    static char paths[4][400];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

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

static void put(const char *path, const char *text, mode_t mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void expect_text(const char *path, const char *text) {
    char bytes[200] = "";
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_true(read(fd, bytes, sizeof bytes - 1) >= 0);
    close(fd);
    assert_string_equal(bytes, text);
}

static struct r2g_output *create(const char *path, const struct r2g_output_options *options) {
    struct r2g_output *output;
    struct r2g_error err = {0};
    r2g_status status = r2g_output_create(&output, path, options, &err);
    if (status != R2G_OK) {
        fail_msg("%s", err.text);
    }
    return output;
}

static void write_text(struct r2g_output *output, const char *text) {
    assert_int_equal(r2g_output_write_at(output, 0, text, strlen(text), NULL), R2G_OK);
}

static mode_t mode_of(const char *path) {
    struct stat about;
    assert_int_equal(lstat(path, &about), 0);
    return about.st_mode;
}

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/r2g-output-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
    (void)state;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            unlink(in_folder(entry->d_name));
        }
    }
    closedir(dir);
    return rmdir(folder);
}

static void the_file_appears_at_the_commit(void **state) {
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        struct r2g_output *output = create(in_folder("out"), &forms[i]);
        assert_int_equal(r2g_output_write_at(output, 4, "efgh", 4, NULL), R2G_OK);
        assert_int_equal(r2g_output_write_at(output, 0, "abcd", 4, NULL), R2G_OK);
        assert_int_equal(r2g_output_nbytes(output), 8);
        assert_int_equal(access(in_folder("out"), F_OK), -1);
        assert_int_equal(r2g_output_commit(output, NULL), R2G_OK);
        expect_text(in_folder("out"), "abcdefgh");
        struct r2g_error err = {0};
        assert_int_equal(r2g_output_commit(output, &err), R2G_EINTERNAL);
        r2g_output_close(output);
        assert_int_equal(entries(), 1);
        unlink(in_folder("out"));
    }
    r2g_output_close(NULL);
}

static void close_without_commit_leaves_nothing(void **state) {
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        struct r2g_output *output = create(in_folder("out"), &forms[i]);
        write_text(output, "half");
        r2g_output_close(output);
        assert_int_equal(entries(), 0);
    }
}

static void a_new_file_follows_the_umask(void **state) {
    (void)state;
    mode_t before = umask(027);
    for (size_t i = 0; i < FORMS; i++) {
        struct r2g_output *output = create(in_folder("out"), &forms[i]);
        assert_int_equal(r2g_output_commit(output, NULL), R2G_OK);
        r2g_output_close(output);
        assert_int_equal(mode_of(in_folder("out")), S_IFREG | 0640);
        unlink(in_folder("out"));
    }
    umask(before);
}

static void replacing_keeps_the_mode_and_is_whole(void **state) {
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        if (!forms[i].overwrite) {
            continue;
        }
        put(in_folder("out"), "old", 0604);
        struct r2g_output *output = create(in_folder("out"), &forms[i]);
        write_text(output, "new content");
        expect_text(in_folder("out"), "old");
        assert_int_equal(r2g_output_commit(output, NULL), R2G_OK);
        r2g_output_close(output);
        expect_text(in_folder("out"), "new content");
        assert_int_equal(mode_of(in_folder("out")), S_IFREG | 0604);
        assert_int_equal(entries(), 1);
    }
}

static void an_existing_file_is_refused_at_the_start(void **state) {
    (void)state;
    put(in_folder("out"), "old", 0600);
    for (size_t i = 0; i < FORMS; i++) {
        if (forms[i].overwrite) {
            continue;
        }
        struct r2g_output *output = (void *)1;
        struct r2g_error err = {0};
        assert_int_equal(r2g_output_create(&output, in_folder("out"), &forms[i], &err), R2G_EEXISTS);
        assert_null(output);
        assert_non_null(strstr(err.text, in_folder("out")));
        assert_non_null(strstr(err.text, "exists (use --force to replace it)"));
        assert_int_equal(entries(), 1);
    }
    expect_text(in_folder("out"), "old");
}

static void a_file_that_came_meanwhile_is_refused_at_the_commit(void **state) {
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        struct r2g_output *output = create(in_folder("out"), &forms[i]);
        write_text(output, "mine");
        put(in_folder("out"), "theirs", 0600);
        struct r2g_error err = {0};
        assert_int_equal(r2g_output_commit(output, &err), forms[i].overwrite ? R2G_OK : R2G_EEXISTS);
        r2g_output_close(output);
        expect_text(in_folder("out"), forms[i].overwrite ? "mine" : "theirs");
        assert_int_equal(entries(), 1);
        unlink(in_folder("out"));
    }
}

/* Of processes that commit the same name at the same moment, exactly one wins. */
static void of_racing_commits_one_wins(void **state) {
    (void)state;
    for (int round = 0; round < 10; round++) {
        int gate[2];
        assert_int_equal(pipe(gate), 0);
        pid_t children[4];
        for (size_t i = 0; i < 4; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                struct r2g_output *output;
                struct r2g_output_options options = {.named = i % 2 == 0};
                char byte;
                close(gate[1]);
                if (r2g_output_create(&output, in_folder("out"), &options, NULL) != R2G_OK) {
                    _exit(R2G_EEXISTS); /* came late */
                }
                r2g_status status = r2g_output_write_at(output, 0, "whole", 5, NULL);
                if (read(gate[0], &byte, 1) == 0 && status == R2G_OK) { /* all are let go by one close */
                    status = r2g_output_commit(output, NULL);
                }
                r2g_output_close(output);
                _exit(status);
            }
        }
        close(gate[0]);
        usleep(3000);
        close(gate[1]);
        int winners = 0;
        for (size_t i = 0; i < 4; i++) {
            int wait_status;
            assert_int_equal(waitpid(children[i], &wait_status, 0), children[i]);
            assert_true(WIFEXITED(wait_status));
            assert_true(WEXITSTATUS(wait_status) == R2G_OK || WEXITSTATUS(wait_status) == R2G_EEXISTS);
            winners += WEXITSTATUS(wait_status) == R2G_OK;
        }
        assert_int_equal(winners, 1);
        expect_text(in_folder("out"), "whole");
        assert_int_equal(entries(), 1);
        unlink(in_folder("out"));
    }
}

static void a_link_stays_and_its_target_is_written(void **state) {
    (void)state;
    put(in_folder("real"), "old", 0640);
    assert_int_equal(symlink("real", in_folder("link")), 0);
    struct r2g_output *output;
    struct r2g_error err = {0};
    struct r2g_output_options options = {0};
    assert_int_equal(r2g_output_create(&output, in_folder("link"), &options, &err), R2G_EEXISTS);
    for (size_t i = 0; i < FORMS; i++) {
        if (!forms[i].overwrite) {
            continue;
        }
        char text[] = "new A";
        text[4] = (char)('A' + (int)i);
        output = create(in_folder("link"), &forms[i]);
        write_text(output, text);
        assert_int_equal(r2g_output_commit(output, NULL), R2G_OK);
        r2g_output_close(output);
        assert_true(S_ISLNK(mode_of(in_folder("link"))));
        expect_text(in_folder("real"), text);
        assert_int_equal(mode_of(in_folder("real")), S_IFREG | 0640);
        assert_int_equal(entries(), 2);
    }
    options.overwrite = true;
    assert_int_equal(symlink("nowhere", in_folder("dangling")), 0);
    assert_int_equal(r2g_output_create(&output, in_folder("dangling"), &options, &err), R2G_EOUTPUT);
}

static void what_cannot_be_an_output_is_refused(void **state) {
    (void)state;
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    const struct {
        const char *path, *part;
    } cases[] = {
        {folder, "is a folder"},
        {in_folder("fifo"), "is not a regular file (use - for standard output)"},
        {"/dev/null", "is not a regular file (use - for standard output)"},
        {in_folder("absent/out"), strerror(ENOENT)},
        {in_folder("fifo/out"), strerror(ENOTDIR)},
        {"/tmp/r2g-absent/", "is the name of a folder"},
        {"", "empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct r2g_output *output = (void *)1;
        struct r2g_output_options options = {.overwrite = true, .named = i % 2 == 0};
        struct r2g_error err = {0};
        assert_int_equal(r2g_output_create(&output, cases[i].path, &options, &err), R2G_EOUTPUT);
        assert_null(output);
        assert_non_null(strstr(err.text, cases[i].part));
        assert_non_null(strstr(err.text, cases[i].path));
    }
    assert_int_equal(entries(), 1);
}

static void names_of_any_length_and_relative_names_work(void **state) {
    (void)state;
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    char *cwd = getcwd(NULL, 0);
    assert_int_equal(chdir(folder), 0);
    struct r2g_output_options options = {.named = true};
    struct r2g_output *output = create(name, &options);
    assert_int_equal(chdir("/"), 0); /* the target is where it was when the output was created */
    assert_int_equal(r2g_output_commit(output, NULL), R2G_OK);
    r2g_output_close(output);
    assert_int_equal(access(in_folder(name), F_OK), 0);
    assert_int_equal(entries(), 1);
    assert_int_equal(chdir(cwd), 0);
    free(cwd);
}

static void a_write_that_fails_names_target_and_cause(void **state) {
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit low = {.rlim_cur = 100, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < FORMS; i++) {
        struct r2g_output *output = create(in_folder("out"), &forms[i]);
        struct r2g_error err = {0};
        char bytes[200] = "";
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
        r2g_status status = r2g_output_write_at(output, 0, bytes, sizeof bytes, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(status, R2G_EOUTPUT);
        assert_int_equal(err.sys_errno, EFBIG);
        assert_non_null(strstr(err.text, in_folder("out")));
        assert_non_null(strstr(err.text, strerror(EFBIG)));
        assert_int_equal(r2g_output_write_at(output, UINT64_MAX - 2, bytes, 100, &err), R2G_EOUTPUT);
        r2g_output_close(output);
        assert_int_equal(entries(), 0);
    }
}

static void a_full_disk_leaves_nothing(void **state) {
    (void)state;
    if (mount("tmpfs", folder, "tmpfs", 0, "size=64k") != 0) {
        print_message("no tmpfs can be mounted here (%s): the full disk is not tested\n", strerror(errno));
        skip();
    }
    static char bytes[200000];
    bool refused = true, empty = true;
    for (size_t i = 0; i < FORMS; i++) {
        struct r2g_output *output = NULL;
        struct r2g_error err = {0};
        refused = refused && r2g_output_create(&output, in_folder("out"), &forms[i], NULL) == R2G_OK &&
                  r2g_output_write_at(output, 0, bytes, sizeof bytes, &err) == R2G_EOUTPUT && err.sys_errno == ENOSPC;
        r2g_output_close(output);
        empty = empty && entries() == 0;
    }
    assert_int_equal(umount(folder), 0);
    assert_true(refused);
    assert_true(empty);
}

/* Another handle for the same file, as another process on this host would have it. */
static void an_attached_handle_writes_into_the_same_file(void **state) {
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        struct r2g_output *output = create(in_folder("out"), &forms[i]);
        struct r2g_output_address address;
        assert_int_equal(r2g_output_address(output, &address, NULL), R2G_OK);
        write_text(output, "abcd");
        pid_t child = fork();
        if (child == 0) {
            struct r2g_output *attached = NULL;
            r2g_status status = r2g_output_attach(&attached, &address, "the output", NULL);
            if (status == R2G_OK) {
                status = r2g_output_write_at(attached, 4, "efgh", 4, NULL);
            }
            if (status == R2G_OK && r2g_output_commit(attached, NULL) != R2G_EINTERNAL) {
                status = R2G_EINTERNAL;
            }
            r2g_output_close(attached);
            _exit(status);
        }
        int wait_status;
        assert_int_equal(waitpid(child, &wait_status, 0), child);
        assert_int_equal(wait_status, 0);
        bool unnamed = strncmp(address.path, "/proc/", 6) == 0;
        assert_false(unnamed && forms[i].named);
        assert_int_equal(entries(), unnamed ? 0 : 1); /* closing the attached handle removed nothing */
        assert_int_equal(r2g_output_commit(output, NULL), R2G_OK);
        r2g_output_close(output);
        expect_text(in_folder("out"), "abcdefgh");

        struct r2g_output *attached = (void *)1;
        struct r2g_error err = {0};
        snprintf(address.path, sizeof address.path, "%s", in_folder("out"));
        address.inode++;
        assert_int_equal(r2g_output_attach(&attached, &address, "the output", &err), R2G_EOUTPUT);
        assert_null(attached);
        unlink(in_folder("out"));
        assert_int_equal(r2g_output_attach(&attached, &address, "the output", &err), R2G_EOUTPUT);
        assert_int_equal(entries(), 0);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(the_file_appears_at_the_commit),
        TEST(close_without_commit_leaves_nothing),
        TEST(a_new_file_follows_the_umask),
        TEST(replacing_keeps_the_mode_and_is_whole),
        TEST(an_existing_file_is_refused_at_the_start),
        TEST(a_file_that_came_meanwhile_is_refused_at_the_commit),
        TEST(of_racing_commits_one_wins),
        TEST(a_link_stays_and_its_target_is_written),
        TEST(what_cannot_be_an_output_is_refused),
        TEST(names_of_any_length_and_relative_names_work),
        TEST(a_write_that_fails_names_target_and_cause),
        TEST(a_full_disk_leaves_nothing),
        TEST(an_attached_handle_writes_into_the_same_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
