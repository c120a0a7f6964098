/* The store's file as a start finds it: new, left by a kill, of a newer version, damaged, or something else altogether. What
 * is refused is refused in one line that names the file, and stays byte for byte as it was. */
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "gateway/store.h"
#include "gateway_jobs.h"

#define JOBS 100 /* so few that the log is not begun anew, which SQLite does after 1000 pages */

static char *folder;
static char path[4096];

static int set_up(void **state) {
    (void)state;
    folder = test_folder();
    snprintf(path, sizeof path, "%s/store.db", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    test_remove(folder);
    return 0;
}

static struct r2g_store *open_store(void) {
    struct r2g_store *store = NULL;
    struct r2g_error err = {0};
    r2g_status status = r2g_store_open(&store, path, &err);
    if (status != R2G_OK)
        fail_msg("the store cannot be opened: %s", err.text);
    return store;
}

static void make_id(unsigned number, char id[R2G_ID_NBYTES]) {
    snprintf(id, R2G_ID_NBYTES, "%032x", number);
}

static void put_jobs(struct r2g_store *store) {
    for (unsigned i = 1; i <= JOBS; i++) {
        struct r2g_stored stored = {.space_nbytes = i, .deaths = i % 3};
        struct r2g_event events[2] = {{.number = 1, .kind = "queued", .data = "{\"state\":\"queued\"}"},
                                      {.number = 2, .kind = "done", .data = "{\"state\":\"done\"}"}};
        struct r2g_error err;
        make_id(i, stored.job.id);
        stored.job.number = i;
        stored.job.state = i % 2 ? R2G_JOB_DONE : R2G_JOB_QUEUED;
        stored.job.width = UINT32_MAX;
        stored.job.parallel_ns = -1;
        snprintf(stored.job.name, sizeof stored.job.name, "it's; \"%u\".png", i);
        snprintf(stored.job.client, sizeof stored.job.client, "client");
        enum r2g_durability durability = i % 4 == 0 ? R2G_STORE_DURABLE : R2G_STORE_LAZY;
        assert_int_equal(r2g_store_put(store, &stored, events, 1 + i % 2, NULL, durability, &err), R2G_OK);
    }
}

static void check_jobs(struct r2g_store *store) {
    for (unsigned i = 1; i <= JOBS; i++) {
        char id[R2G_ID_NBYTES], name[64];
        struct r2g_stored stored;
        struct r2g_event event;
        struct r2g_error err;
        bool found = false;
        make_id(i, id);
        assert_int_equal(r2g_store_get(store, id, &stored, &found, &err), R2G_OK);
        assert_true(found);
        snprintf(name, sizeof name, "it's; \"%u\".png", i);
        assert_string_equal(stored.job.name, name);
        assert_int_equal(stored.job.state, i % 2 ? R2G_JOB_DONE : R2G_JOB_QUEUED);
        assert_int_equal(stored.job.width, UINT32_MAX);
        assert_int_equal(stored.job.parallel_ns, -1);
        assert_int_equal(stored.space_nbytes, i);
        assert_int_equal(stored.deaths, i % 3);
        assert_int_equal(r2g_store_event(store, i, 0, &event, &found, &err), R2G_OK);
        assert_true(found && strcmp(event.kind, "queued") == 0);
        assert_int_equal(r2g_store_event(store, i, 1, &event, &found, &err), R2G_OK);
        assert_int_equal(found, i % 2 == 1);
    }
    int64_t last = 0;
    struct r2g_error err;
    assert_int_equal(r2g_store_last_number(store, &last, &err), R2G_OK);
    assert_int_equal(last, JOBS);
}

/* Fills the store in a process that is then killed; its store's id. */
static void fill_and_die(char id[R2G_ID_NBYTES]) {
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct r2g_store *store = open_store();
        put_jobs(store);
        if (write(pipes[1], r2g_store_id(store), R2G_ID_NBYTES) == R2G_ID_NBYTES)
            raise(SIGKILL);
        _exit(1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(read(pipes[0], id, R2G_ID_NBYTES), R2G_ID_NBYTES);
    close(pipes[0]);
    close(pipes[1]);
}

static size_t size_of(const char *suffix) {
    char name[4200];
    struct stat is;
    snprintf(name, sizeof name, "%s%s", path, suffix);
    return stat(name, &is) == 0 ? (size_t)is.st_size : 0;
}

static void log_left_by_a_kill_is_read(void **state) {
    (void)state;
    char id[R2G_ID_NBYTES];
    fill_and_die(id);
    assert_true(size_of("-wal") > 0);
    for (int round = 0; round < 3; round++) { /* and what it held is there from then on */
        struct r2g_store *store = open_store();
        assert_string_equal(r2g_store_id(store), id);
        check_jobs(store);
        r2g_store_close(store);
        assert_int_equal(size_of("-wal"), 0);
    }
}

/* A log whose end was not written, as after a power cut, is read up to there: what was synced is before it. */
static void torn_log_is_read_to_the_tear(void **state) {
    (void)state;
    char id[R2G_ID_NBYTES], name[4200];
    fill_and_die(id);
    snprintf(name, sizeof name, "%s-wal", path);
    assert_int_equal(truncate(name, (off_t)size_of("-wal") - 1000), 0);
    struct r2g_store *store = open_store();
    struct r2g_stored stored;
    struct r2g_error err;
    bool found = false;
    assert_string_equal(r2g_store_id(store), id);
    make_id(1, id);
    assert_int_equal(r2g_store_get(store, id, &stored, &found, &err), R2G_OK);
    assert_true(found);
    make_id(JOBS, id);
    assert_int_equal(r2g_store_get(store, id, &stored, &found, &err), R2G_OK);
    assert_false(found);
    r2g_store_close(store);
}

/* Must be refused, with these words and the file's name, and left as it is. */
static void refused(r2g_status expected, const char *words) {
    struct r2g_store *store = NULL;
    struct r2g_error err = {0};
    size_t before_nbytes = 0, after_nbytes = 0;
    uint8_t *before = test_read(path, &before_nbytes);
    r2g_status status = r2g_store_open(&store, path, &err);
    if (status != expected || !strstr(err.text, words) || !strstr(err.text, path) || strchr(err.text, '\n'))
        fail_msg("status %d, \"%s\", which should say \"%s\"", status, err.text, words);
    assert_null(store);
    uint8_t *after = test_read(path, &after_nbytes);
    assert_int_equal(after_nbytes, before_nbytes);
    assert_memory_equal(after, before, before_nbytes);
    free(before);
    free(after);
}

static void run_sql(const char *text) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int count_steps(void *user, int columns, char **values, char **names) {
    (void)columns;
    (void)names;
    snprintf(user, 32, "%s", values[0]);
    return 0;
}

static void schema_has_a_version(void **state) {
    (void)state;
    char version[32] = "", steps[32] = "";
    r2g_store_close(open_store());
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version", count_steps, version, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT count(*) FROM migrations", count_steps, steps, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_true(atoi(version) >= 1);
    assert_string_equal(version, steps);
    struct stat is;
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_mode & 0777, 0600);
}

static void newer_is_refused(void **state) {
    (void)state;
    struct r2g_store *store = open_store();
    put_jobs(store);
    r2g_store_close(store);
    run_sql("PRAGMA user_version = 99");
    refused(R2G_EUSAGE, "newer version");
    run_sql("PRAGMA user_version = 1");
    store = open_store();
    check_jobs(store);
    r2g_store_close(store);
}

static void garbage_is_refused(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 15, 100, 511, 512, 4096, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        for (size_t j = 0; j < sizes[i]; j++)
            fputc((int)(j * 7 + 1) & 0xff, file);
        assert_int_equal(fclose(file), 0);
        refused(R2G_EOUTPUT, "not a database");
    }
}

static void truncated_is_refused(void **state) {
    (void)state;
    struct r2g_store *store = open_store();
    put_jobs(store);
    r2g_store_close(store);
    size_t nbytes = size_of("");
    assert_true(nbytes > 16 * 4096);
    for (size_t keep = nbytes - 4096; keep >= 4096; keep -= 4096 * (keep > 16 * 4096 ? 7 : 1)) {
        assert_int_equal(truncate(path, (off_t)keep), 0);
        refused(R2G_EOUTPUT, "");
    }
}

static void damaged_is_refused(void **state) {
    (void)state;
    struct r2g_store *store = open_store();
    put_jobs(store);
    r2g_store_close(store);
    FILE *file = fopen(path, "r+b"); /* all pages but the first */
    assert_non_null(file);
    for (long at = 4096; at < (long)size_of(""); at += 512) {
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        fputs("damage", file);
    }
    assert_int_equal(fclose(file), 0);
    refused(R2G_EOUTPUT, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(schema_has_a_version), TEST(log_left_by_a_kill_is_read), TEST(torn_log_is_read_to_the_tear),
        TEST(newer_is_refused),     TEST(garbage_is_refused),         TEST(truncated_is_refused),
        TEST(damaged_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
