/* What the files of the store share; nobody else includes it. */
#ifndef R2G_GATEWAY_STORE_INSIDE_H
#define R2G_GATEWAY_STORE_INSIDE_H

#include <pthread.h>
#include <sqlite3.h>

#include "gateway/store.h"

enum r2g_statement {
    R2G_SQL_BEGIN,
    R2G_SQL_COMMIT,
    R2G_SQL_ROLLBACK,
    R2G_SQL_PUT_JOB,
    R2G_SQL_GET_JOB,
    R2G_SQL_LIST_JOBS,
    R2G_SQL_LIST_CLIENT,
    R2G_SQL_EXPIRED,
    R2G_SQL_ADD_SPACE,
    R2G_SQL_PUT_EVENT,
    R2G_SQL_GET_EVENT,
    R2G_SQL_COUNTS,
    R2G_SQL_LAST_NUMBER,
    R2G_SQL_NOTE_REMOVED,
    R2G_SQL_DELETE_EVENTS,
    R2G_SQL_DELETE_JOB,
    R2G_SQL_GET_REMOVED,
    R2G_SQL_FORGET,
    R2G_SQL_PUT_UPLOAD,
    R2G_SQL_GET_UPLOAD,
    R2G_SQL_SET_UPLOAD_JOB,
    R2G_SQL_NOTE_UPLOAD_REMOVED,
    R2G_SQL_DELETE_UPLOAD,
    R2G_SQL_LIST_UPLOADS,
    R2G_SQL_SUM_UPLOADS,
    R2G_SQL_STATEMENTS,
};

struct r2g_store {
    sqlite3 *db;
    pthread_mutex_t lock;
    sqlite3_stmt *statements[R2G_SQL_STATEMENTS];
    bool durable; /* how the connection syncs at present */
    char id[R2G_ID_NBYTES];
};

/* Locks the store; unlock resets the statement and unlocks, giving the status that `code` means. */
sqlite3_stmt *r2g_store_lock(struct r2g_store *store, enum r2g_statement statement);
R2G_MUST_CHECK r2g_status r2g_store_unlock(struct r2g_store *store, sqlite3_stmt *statement, int code,
                                           struct r2g_error *err);
/* Begins a transaction, locking the store; end commits it, or rolls back where `code` is a failure, and unlocks. */
int r2g_store_begin(struct r2g_store *store, enum r2g_durability durability);
R2G_MUST_CHECK r2g_status r2g_store_end(struct r2g_store *store, int code, struct r2g_error *err);
/* Within a transaction: runs a statement whose values are bound; SQLITE_DONE becomes SQLITE_OK. */
int r2g_store_run(sqlite3_stmt *statement);

void r2g_store_bind_text(sqlite3_stmt *statement, int index, const char *text);
/* A text column into a buffer, cut; NULL is "". */
void r2g_store_take_text(sqlite3_stmt *statement, int column, char *text, size_t text_nbytes);

#endif
