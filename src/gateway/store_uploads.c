/* Rows of resumable uploads. */
#include <string.h>

#include "gateway/store_inside.h"
#include "gateway/times.h"

static void take_upload(sqlite3_stmt *s, struct r2g_upload *upload) {
    *upload = (struct r2g_upload){0};
    r2g_store_take_text(s, 0, upload->id, sizeof upload->id);
    r2g_store_take_text(s, 1, upload->client, sizeof upload->client);
    upload->nbytes = (uint64_t)sqlite3_column_int64(s, 2);
    r2g_store_take_text(s, 3, upload->metadata, sizeof upload->metadata);
    upload->expires_ms = sqlite3_column_int64(s, 4);
    r2g_store_take_text(s, 5, upload->job, sizeof upload->job);
}

r2g_status r2g_store_put_upload(struct r2g_store *store, const struct r2g_upload *upload,
                                enum r2g_durability durability, struct r2g_error *err) {
    int code = r2g_store_begin(store, durability);
    if (code == SQLITE_OK) {
        sqlite3_stmt *s = store->statements[R2G_SQL_PUT_UPLOAD];
        r2g_store_bind_text(s, 1, upload->id);
        r2g_store_bind_text(s, 2, upload->client);
        sqlite3_bind_int64(s, 3, (int64_t)upload->nbytes);
        r2g_store_bind_text(s, 4, upload->metadata);
        sqlite3_bind_int64(s, 5, upload->expires_ms);
        r2g_store_bind_text(s, 6, upload->job);
        code = r2g_store_run(s);
    }
    return r2g_store_end(store, code, err);
}

r2g_status r2g_store_get_upload(struct r2g_store *store, const char *id, struct r2g_upload *upload, bool *found,
                                struct r2g_error *err) {
    sqlite3_stmt *s = r2g_store_lock(store, R2G_SQL_GET_UPLOAD);
    r2g_store_bind_text(s, 1, id);
    int code = sqlite3_step(s);
    *found = code == SQLITE_ROW;
    if (*found)
        take_upload(s, upload);
    return r2g_store_unlock(store, s, code, err);
}

r2g_status r2g_store_remove_upload(struct r2g_store *store, const char *id, const char *why, struct r2g_error *err) {
    int code = r2g_store_begin(store, R2G_STORE_LAZY);
    if (code == SQLITE_OK) {
        sqlite3_stmt *s = store->statements[R2G_SQL_NOTE_UPLOAD_REMOVED];
        r2g_store_bind_text(s, 1, id);
        r2g_store_bind_text(s, 2, why);
        sqlite3_bind_int64(s, 3, r2g_now_ms());
        code = r2g_store_run(s);
    }
    if (code == SQLITE_OK) {
        r2g_store_bind_text(store->statements[R2G_SQL_DELETE_UPLOAD], 1, id);
        code = r2g_store_run(store->statements[R2G_SQL_DELETE_UPLOAD]);
    }
    return r2g_store_end(store, code, err);
}

r2g_status r2g_store_uploads(struct r2g_store *store, int64_t then_ms, const char *after, struct r2g_upload *uploads,
                             unsigned most, unsigned *count, struct r2g_error *err) {
    sqlite3_stmt *s = r2g_store_lock(store, R2G_SQL_LIST_UPLOADS);
    r2g_store_bind_text(s, 1, after);
    sqlite3_bind_int64(s, 2, then_ms);
    sqlite3_bind_int64(s, 3, most);
    int code;
    *count = 0;
    while ((code = sqlite3_step(s)) == SQLITE_ROW && *count < most)
        take_upload(s, &uploads[(*count)++]);
    return r2g_store_unlock(store, s, code, err);
}

r2g_status r2g_store_sum_uploads(struct r2g_store *store, const char *client, uint64_t *count, uint64_t *nbytes,
                                 struct r2g_error *err) {
    sqlite3_stmt *s = r2g_store_lock(store, R2G_SQL_SUM_UPLOADS);
    r2g_store_bind_text(s, 1, client);
    int code = sqlite3_step(s);
    bool row = code == SQLITE_ROW;
    *count = row ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
    double total = row ? sqlite3_column_double(s, 1) : 0; /* a sum of whole numbers would fail when it does not fit */
    *nbytes = total < 9e18 ? (uint64_t)total : UINT64_MAX;
    return r2g_store_unlock(store, s, code, err);
}
