/* The connection, the schema and its steps, transactions. */
#include "gateway/store_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

/* Each brings the schema from one version to the next; never changed once released, only added to. */
static const char *const steps[] = {
    "CREATE TABLE migrations(version INTEGER PRIMARY KEY, applied_ms INTEGER NOT NULL);"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE jobs(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, client TEXT NOT NULL,"
    " state INTEGER NOT NULL, one_shot INTEGER NOT NULL, name TEXT NOT NULL, in_format TEXT NOT NULL,"
    " out_format TEXT NOT NULL, out_sha256 TEXT NOT NULL, in_nbytes INTEGER NOT NULL, out_nbytes INTEGER NOT NULL,"
    " width INTEGER NOT NULL, height INTEGER NOT NULL, options TEXT NOT NULL, launched_by TEXT NOT NULL,"
    " external TEXT NOT NULL, slurm_state TEXT NOT NULL, attempts INTEGER NOT NULL, ranks INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,"
    " expires_ms INTEGER NOT NULL, parallel_ns INTEGER NOT NULL, sequential_ns INTEGER NOT NULL,"
    " launch_ns INTEGER NOT NULL, problem TEXT NOT NULL, exit_code INTEGER NOT NULL, detail TEXT NOT NULL,"
    " space_nbytes INTEGER NOT NULL, deaths INTEGER NOT NULL);"
    "CREATE INDEX jobs_by_client ON jobs(client, number);"
    "CREATE INDEX jobs_by_state ON jobs(state, number);"
    "CREATE INDEX jobs_by_expiry ON jobs(expires_ms) WHERE expires_ms > 0;"
    "CREATE TABLE events(job INTEGER NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL,"
    " PRIMARY KEY(job, number)) WITHOUT ROWID;"
    "CREATE TABLE uploads(id TEXT PRIMARY KEY, client TEXT NOT NULL, nbytes INTEGER NOT NULL, metadata TEXT NOT NULL,"
    " expires_ms INTEGER NOT NULL, job TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE removed(id TEXT PRIMARY KEY, client TEXT NOT NULL, number INTEGER NOT NULL, events INTEGER NOT NULL,"
    " why TEXT NOT NULL, removed_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX removed_by_time ON removed(removed_ms);",
};
#define STEP_COUNT ((int)(sizeof steps / sizeof steps[0]))

/* In jobs, the columns after `number` in the order in which store_jobs.c binds and takes them. */
#define JOB_COLUMNS                                                                                                    \
    "number, id, client, state, one_shot, name, in_format, out_format, out_sha256, in_nbytes, out_nbytes, width, "     \
    "height, options, launched_by, external, slurm_state, attempts, ranks, created_ms, started_ms, ended_ms, "         \
    "expires_ms, parallel_ns, sequential_ns, launch_ns, problem, exit_code, detail, space_nbytes, deaths"
#define UPLOAD_COLUMNS "id, client, nbytes, metadata, expires_ms, job"

static const char *const texts[R2G_SQL_STATEMENTS] = {
    [R2G_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [R2G_SQL_COMMIT] = "COMMIT",
    [R2G_SQL_ROLLBACK] = "ROLLBACK",
    [R2G_SQL_PUT_JOB] = "INSERT OR REPLACE INTO jobs(" JOB_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
                        "?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, "
                        "?29, ?30, ?31)",
    [R2G_SQL_GET_JOB] = "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?1",
    [R2G_SQL_LIST_JOBS] = "SELECT " JOB_COLUMNS " FROM jobs WHERE (?2 IS NULL OR state = ?2) AND number < ?3 "
                          "ORDER BY number DESC LIMIT ?4",
    [R2G_SQL_LIST_CLIENT] = "SELECT " JOB_COLUMNS " FROM jobs WHERE client = ?1 AND (?2 IS NULL OR state = ?2) AND "
                            "number < ?3 ORDER BY number DESC LIMIT ?4",
    [R2G_SQL_EXPIRED] = "SELECT id FROM jobs WHERE expires_ms > 0 AND expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2",
    [R2G_SQL_ADD_SPACE] = "UPDATE jobs SET space_nbytes = space_nbytes + ?2 WHERE id = ?1",
    [R2G_SQL_PUT_EVENT] = "INSERT OR REPLACE INTO events(job, number, kind, data) VALUES (?1, ?2, ?3, ?4)",
    [R2G_SQL_GET_EVENT] =
        "SELECT number, kind, data FROM events WHERE job = ?1 AND number > ?2 ORDER BY number LIMIT 1",
    [R2G_SQL_COUNTS] = "SELECT state, count(*) FROM jobs GROUP BY state",
    [R2G_SQL_LAST_NUMBER] = "SELECT max(ifnull((SELECT max(number) FROM jobs), 0), "
                            "ifnull((SELECT max(number) FROM removed), 0))",
    [R2G_SQL_NOTE_REMOVED] =
        "INSERT OR REPLACE INTO removed(id, client, number, events, why, removed_ms) "
        "SELECT id, client, number, (SELECT count(*) FROM events WHERE events.job = jobs.number), ?2, ?3 "
        "FROM jobs WHERE id = ?1",
    [R2G_SQL_DELETE_EVENTS] = "DELETE FROM events WHERE job = (SELECT number FROM jobs WHERE id = ?1)",
    [R2G_SQL_DELETE_JOB] = "DELETE FROM jobs WHERE id = ?1",
    [R2G_SQL_GET_REMOVED] = "SELECT why, events FROM removed WHERE id = ?1 AND (?2 IS NULL OR client = ?2)",
    [R2G_SQL_FORGET] = "DELETE FROM removed WHERE removed_ms < ?1",
    [R2G_SQL_PUT_UPLOAD] = "INSERT OR REPLACE INTO uploads(" UPLOAD_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [R2G_SQL_GET_UPLOAD] = "SELECT " UPLOAD_COLUMNS " FROM uploads WHERE id = ?1",
    [R2G_SQL_SET_UPLOAD_JOB] = "UPDATE uploads SET job = ?2 WHERE id = ?1",
    [R2G_SQL_NOTE_UPLOAD_REMOVED] = "INSERT OR REPLACE INTO removed(id, client, number, events, why, removed_ms) "
                                    "SELECT id, client, 0, 0, ?2, ?3 FROM uploads WHERE id = ?1",
    [R2G_SQL_DELETE_UPLOAD] = "DELETE FROM uploads WHERE id = ?1",
    [R2G_SQL_SUM_UPLOADS] = "SELECT count(*), total(nbytes) FROM uploads WHERE client = ?1 AND job = ''",
    [R2G_SQL_LIST_UPLOADS] = "SELECT " UPLOAD_COLUMNS " FROM uploads WHERE id > ?1 AND expires_ms < ?2 "
                             "ORDER BY id LIMIT ?3",
};

static r2g_status fail(struct r2g_store *store, int code, struct r2g_error *err) {
    int sys_errno = (code & 0xff) == SQLITE_FULL ? ENOSPC : 0;
    if ((code & 0xff) == SQLITE_NOMEM)
        return r2g_fail(err, R2G_ENOMEM, "no memory for the store");
    r2g_status status = r2g_fail(err, R2G_EOUTPUT, "the store failed: %s", sqlite3_errmsg(store->db));
    err->sys_errno = sys_errno;
    return status;
}

int r2g_store_run(sqlite3_stmt *statement) {
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

sqlite3_stmt *r2g_store_lock(struct r2g_store *store, enum r2g_statement statement) {
    pthread_mutex_lock(&store->lock);
    return store->statements[statement];
}

r2g_status r2g_store_unlock(struct r2g_store *store, sqlite3_stmt *statement, int code, struct r2g_error *err) {
    bool good = code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW;
    r2g_status status = good ? R2G_OK : fail(store, code, err);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    pthread_mutex_unlock(&store->lock);
    return status;
}

static int run_text(struct r2g_store *store, const char *text) {
    return sqlite3_exec(store->db, text, NULL, NULL, NULL);
}

int r2g_store_begin(struct r2g_store *store, enum r2g_durability durability) {
    pthread_mutex_lock(&store->lock);
    bool durable = durability == R2G_STORE_DURABLE;
    if (durable != store->durable) {
        /* this pragma does its work while it is prepared, not when it is run */
        int code = run_text(store, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
        if (code != SQLITE_OK)
            return code;
        store->durable = durable;
    }
    return r2g_store_run(store->statements[R2G_SQL_BEGIN]);
}

r2g_status r2g_store_end(struct r2g_store *store, int code, struct r2g_error *err) {
    if (code == SQLITE_OK)
        code = r2g_store_run(store->statements[R2G_SQL_COMMIT]);
    r2g_status status = code == SQLITE_OK ? R2G_OK : fail(store, code, err);
    if (!sqlite3_get_autocommit(store->db))
        (void)r2g_store_run(store->statements[R2G_SQL_ROLLBACK]);
    pthread_mutex_unlock(&store->lock);
    return status;
}

void r2g_store_bind_text(sqlite3_stmt *statement, int index, const char *text) {
    sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

void r2g_store_take_text(sqlite3_stmt *statement, int column, char *text, size_t text_nbytes) {
    const unsigned char *value = sqlite3_column_text(statement, column);
    snprintf(text, text_nbytes, "%s", value ? (const char *)value : "");
}

/* A statement that gives one number or text. */
static int ask(struct r2g_store *store, const char *text, int64_t *number, char *answer, size_t answer_nbytes) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, text, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        *number = sqlite3_column_int64(statement, 0);
        r2g_store_take_text(statement, 0, answer, answer_nbytes);
    }
    sqlite3_finalize(statement);
    return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

/* A failure of opening, with the file's name. */
static r2g_status fail_open(struct r2g_store *store, const char *path, int code, struct r2g_error *err) {
    struct r2g_error why = {0};
    r2g_status status = fail(store, code, &why);
    (void)!r2g_fail(err, status, "%s: %s", path, why.text);
    if (err)
        err->sys_errno = why.sys_errno;
    return status;
}

/* Damage is told at the start, not by whatever meets it first. Jobs expire, so that there is not much to read. */
static r2g_status check_whole(struct r2g_store *store, const char *path, struct r2g_error *err) {
    char text[256] = "";
    int64_t number;
    int code = ask(store, "PRAGMA quick_check(1)", &number, text, sizeof text);
    if (code != SQLITE_OK)
        return fail_open(store, path, code, err);
    return strcmp(text, "ok") == 0 ? R2G_OK : r2g_fail(err, R2G_EOUTPUT, "%s is damaged: %s", path, text);
}

/* One step in one transaction, with the number that tells it was made. */
static int take_step(struct r2g_store *store, int version) {
    char text[160];
    snprintf(text, sizeof text,
             "INSERT INTO migrations VALUES (%d, CAST(strftime('%%s', 'now') AS INTEGER) * 1000); "
             "PRAGMA user_version = %d; COMMIT",
             version, version);
    int code = run_text(store, "BEGIN IMMEDIATE");
    if (code == SQLITE_OK)
        code = run_text(store, steps[version - 1]);
    if (code == SQLITE_OK)
        code = run_text(store, text);
    return code;
}

static r2g_status migrate(struct r2g_store *store, const char *path, struct r2g_error *err) {
    char text[64];
    int64_t version = 0;
    int code = ask(store, "PRAGMA user_version", &version, text, sizeof text);
    if (code == SQLITE_OK && version > STEP_COUNT)
        return r2g_fail(err, R2G_EUSAGE,
                        "%s was written by a newer version of this program (schema %d, known here: %d)", path,
                        (int)version, STEP_COUNT);
    for (int next = (int)version + 1; code == SQLITE_OK && next <= STEP_COUNT; next++)
        code = take_step(store, next);
    return code == SQLITE_OK ? R2G_OK : fail_open(store, path, code, err);
}

static r2g_status give_id(struct r2g_store *store, const char *path, struct r2g_error *err) {
    int64_t number;
    char text[160];
    int code = ask(store, "SELECT value FROM meta WHERE key = 'id'", &number, store->id, sizeof store->id);
    if (code != SQLITE_OK || r2g_id_valid(store->id))
        return code == SQLITE_OK ? R2G_OK : fail_open(store, path, code, err);
    r2g_status status = r2g_id_new(store->id, err);
    if (status != R2G_OK)
        return status;
    snprintf(text, sizeof text, "INSERT OR REPLACE INTO meta VALUES ('id', '%s')", store->id);
    code = run_text(store, text);
    return code == SQLITE_OK ? R2G_OK : fail_open(store, path, code, err);
}

static r2g_status prepare(struct r2g_store *store, const char *path, struct r2g_error *err) {
    for (int i = 0; i < R2G_SQL_STATEMENTS; i++) {
        int code = sqlite3_prepare_v3(store->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL);
        if (code != SQLITE_OK)
            return fail_open(store, path, code, err);
    }
    return R2G_OK;
}

static r2g_status open_database(struct r2g_store *store, const char *path, struct r2g_error *err) {
    /* SQLite gives its other files the mode of this one */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return r2g_fail_errno(err, R2G_EOUTPUT, errno, "cannot open %s", path);
    struct stat is = {0};
    int error = fstat(fd, &is) == 0 ? 0 : errno;
    close(fd);
    if (error != 0)
        return r2g_fail_errno(err, R2G_EOUTPUT, error, "cannot open %s", path);
    /* SQLite takes a file of a byte for an empty one; no database has less than its smallest page */
    if (is.st_size > 0 && is.st_size < 512)
        return r2g_fail(err, R2G_EOUTPUT, "%s: file is not a database", path);
    int code = sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(store->db, 5000);
    if (code == SQLITE_OK) /* what is refused below is left as it is: its log is not written into it */
        code = sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (code == SQLITE_OK)
        code = run_text(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
                               "PRAGMA trusted_schema = OFF; PRAGMA cache_size = -4096");
    store->durable = true;
    if (code != SQLITE_OK)
        return r2g_fail(err, R2G_EOUTPUT, "%s: %s", path, store->db ? sqlite3_errmsg(store->db) : "out of memory");
    return R2G_OK;
}

r2g_status r2g_store_open(struct r2g_store **store, const char *path, struct r2g_error *err) {
    struct r2g_store *made = r2g_new(sizeof *made, err);
    *store = NULL;
    if (!made)
        return R2G_ENOMEM;
    pthread_mutex_init(&made->lock, NULL);
    r2g_status status = open_database(made, path, err);
    if (status == R2G_OK)
        status = check_whole(made, path, err);
    if (status == R2G_OK)
        status = migrate(made, path, err);
    if (status == R2G_OK)
        status = give_id(made, path, err);
    if (status == R2G_OK)
        status = prepare(made, path, err);
    if (status == R2G_OK && sqlite3_db_config(made->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL) != SQLITE_OK)
        status = r2g_fail(err, R2G_EINTERNAL, "%s: SQLite cannot be set up", path);
    if (status == R2G_OK)
        *store = made;
    else
        r2g_store_close(made);
    return status;
}

void r2g_store_close(struct r2g_store *store) {
    if (!store)
        return;
    for (int i = 0; i < R2G_SQL_STATEMENTS; i++)
        sqlite3_finalize(store->statements[i]);
    sqlite3_close(store->db);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

const char *r2g_store_id(const struct r2g_store *store) {
    return store->id;
}
