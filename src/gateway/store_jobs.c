/* Jobs, their events, and what was removed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/store_inside.h"
#include "gateway/times.h"

/* The options as lines of NAME=VALUE, so that a new option needs no new column. */
static void write_options(const struct r2g_job_options *options, char *text, size_t text_nbytes) {
    size_t used = 0;
    const char *value;
    char buffer[64];
    text[0] = '\0';
    for (unsigned i = 0; r2g_job_option_name(i); i++) {
        value = r2g_job_option_get(options, i, buffer, sizeof buffer);
        if (value[0] && used < text_nbytes)
            used += (size_t)snprintf(text + used, text_nbytes - used, "%s=%s\n", r2g_job_option_name(i), value);
    }
}

static void read_options(struct r2g_job_options *options, char *text) {
    struct r2g_error err;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *value = strchr(line, '=');
        if (!value)
            continue;
        *value = '\0';
        /* one that this version does not know is left out */
        (void)!r2g_job_option_set(options, line, value + 1, UINT16_MAX, &err);
    }
}

static void bind_job(sqlite3_stmt *s, const struct r2g_stored *stored, const char *options) {
    const struct r2g_job *job = &stored->job;
    const char *problem = job->problem == R2G_PROBLEM_NONE ? "" : r2g_problem_text(job->problem)->type;
    int i = 1;
    sqlite3_bind_int64(s, i++, job->number);
    r2g_store_bind_text(s, i++, job->id);
    r2g_store_bind_text(s, i++, job->client);
    sqlite3_bind_int(s, i++, (int)job->state);
    sqlite3_bind_int(s, i++, job->one_shot);
    r2g_store_bind_text(s, i++, job->name);
    r2g_store_bind_text(s, i++, job->in_format);
    r2g_store_bind_text(s, i++, job->out_format);
    r2g_store_bind_text(s, i++, job->out_sha256);
    sqlite3_bind_int64(s, i++, (int64_t)job->in_nbytes);
    sqlite3_bind_int64(s, i++, (int64_t)job->out_nbytes);
    sqlite3_bind_int64(s, i++, (int64_t)job->width);
    sqlite3_bind_int64(s, i++, (int64_t)job->height);
    r2g_store_bind_text(s, i++, options);
    r2g_store_bind_text(s, i++, job->launched_by);
    r2g_store_bind_text(s, i++, job->external);
    r2g_store_bind_text(s, i++, job->slurm_state);
    sqlite3_bind_int64(s, i++, job->attempts);
    sqlite3_bind_int64(s, i++, job->ranks);
    sqlite3_bind_int64(s, i++, job->created_ms);
    sqlite3_bind_int64(s, i++, job->started_ms);
    sqlite3_bind_int64(s, i++, job->ended_ms);
    sqlite3_bind_int64(s, i++, job->expires_ms);
    sqlite3_bind_int64(s, i++, job->parallel_ns);
    sqlite3_bind_int64(s, i++, job->sequential_ns);
    sqlite3_bind_int64(s, i++, job->launch_ns);
    r2g_store_bind_text(s, i++, problem);
    sqlite3_bind_int(s, i++, job->exit_code);
    r2g_store_bind_text(s, i++, job->detail);
    sqlite3_bind_int64(s, i++, (int64_t)stored->space_nbytes);
    sqlite3_bind_int64(s, i++, stored->deaths);
}

static void take_job(sqlite3_stmt *s, struct r2g_stored *stored) {
    char text[512];
    *stored = (struct r2g_stored){0};
    struct r2g_job *job = &stored->job;
    int i = 0;
    job->number = sqlite3_column_int64(s, i++);
    r2g_store_take_text(s, i++, job->id, sizeof job->id);
    r2g_store_take_text(s, i++, job->client, sizeof job->client);
    job->state = (enum r2g_job_state)sqlite3_column_int(s, i++);
    job->one_shot = sqlite3_column_int(s, i++) != 0;
    r2g_store_take_text(s, i++, job->name, sizeof job->name);
    r2g_store_take_text(s, i++, job->in_format, sizeof job->in_format);
    r2g_store_take_text(s, i++, job->out_format, sizeof job->out_format);
    r2g_store_take_text(s, i++, job->out_sha256, sizeof job->out_sha256);
    job->in_nbytes = (uint64_t)sqlite3_column_int64(s, i++);
    job->out_nbytes = (uint64_t)sqlite3_column_int64(s, i++);
    job->width = (uint64_t)sqlite3_column_int64(s, i++);
    job->height = (uint64_t)sqlite3_column_int64(s, i++);
    r2g_store_take_text(s, i++, text, sizeof text);
    read_options(&job->options, text);
    r2g_store_take_text(s, i++, job->launched_by, sizeof job->launched_by);
    r2g_store_take_text(s, i++, job->external, sizeof job->external);
    r2g_store_take_text(s, i++, job->slurm_state, sizeof job->slurm_state);
    job->attempts = (unsigned)sqlite3_column_int64(s, i++);
    job->ranks = (unsigned)sqlite3_column_int64(s, i++);
    job->created_ms = sqlite3_column_int64(s, i++);
    job->started_ms = sqlite3_column_int64(s, i++);
    job->ended_ms = sqlite3_column_int64(s, i++);
    job->expires_ms = sqlite3_column_int64(s, i++);
    job->parallel_ns = sqlite3_column_int64(s, i++);
    job->sequential_ns = sqlite3_column_int64(s, i++);
    job->launch_ns = sqlite3_column_int64(s, i++);
    r2g_store_take_text(s, i++, text, sizeof text);
    job->problem = r2g_problem_by_type(text);
    job->exit_code = sqlite3_column_int(s, i++);
    r2g_store_take_text(s, i++, job->detail, sizeof job->detail);
    stored->space_nbytes = (uint64_t)sqlite3_column_int64(s, i++);
    stored->deaths = (unsigned)sqlite3_column_int64(s, i++);
}

static int put_event(struct r2g_store *store, int64_t job_number, const struct r2g_event *event) {
    sqlite3_stmt *s = store->statements[R2G_SQL_PUT_EVENT];
    sqlite3_bind_int64(s, 1, job_number);
    sqlite3_bind_int64(s, 2, event->number);
    r2g_store_bind_text(s, 3, event->kind);
    r2g_store_bind_text(s, 4, event->data);
    return r2g_store_run(s);
}

r2g_status r2g_store_put(struct r2g_store *store, const struct r2g_stored *stored, const struct r2g_event *events,
                         size_t event_count, const char *upload, enum r2g_durability durability,
                         struct r2g_error *err) {
    char options[512];
    write_options(&stored->job.options, options, sizeof options);
    int code = r2g_store_begin(store, durability);
    if (code == SQLITE_OK) {
        bind_job(store->statements[R2G_SQL_PUT_JOB], stored, options);
        code = r2g_store_run(store->statements[R2G_SQL_PUT_JOB]);
    }
    for (size_t i = 0; i < event_count && code == SQLITE_OK; i++)
        code = put_event(store, stored->job.number, &events[i]);
    if (upload && code == SQLITE_OK) {
        sqlite3_stmt *s = store->statements[R2G_SQL_SET_UPLOAD_JOB];
        r2g_store_bind_text(s, 1, upload);
        r2g_store_bind_text(s, 2, stored->job.id);
        code = r2g_store_run(s);
    }
    return r2g_store_end(store, code, err);
}

r2g_status r2g_store_get(struct r2g_store *store, const char *id, struct r2g_stored *stored, bool *found,
                         struct r2g_error *err) {
    sqlite3_stmt *s = r2g_store_lock(store, R2G_SQL_GET_JOB);
    r2g_store_bind_text(s, 1, id);
    int code = sqlite3_step(s);
    *found = code == SQLITE_ROW;
    if (*found)
        take_job(s, stored);
    return r2g_store_unlock(store, s, code, err);
}

r2g_status r2g_store_list(struct r2g_store *store, const char *client, enum r2g_job_state state, int64_t before,
                          struct r2g_stored *stored, unsigned most, unsigned *count, struct r2g_error *err) {
    sqlite3_stmt *s = r2g_store_lock(store, client ? R2G_SQL_LIST_CLIENT : R2G_SQL_LIST_JOBS);
    if (client)
        r2g_store_bind_text(s, 1, client);
    if (state != R2G_JOB_STATES)
        sqlite3_bind_int(s, 2, (int)state);
    sqlite3_bind_int64(s, 3, before > 0 ? before : INT64_MAX);
    sqlite3_bind_int64(s, 4, most);
    int code;
    *count = 0;
    while ((code = sqlite3_step(s)) == SQLITE_ROW && *count < most)
        take_job(s, &stored[(*count)++]);
    return r2g_store_unlock(store, s, code, err);
}

r2g_status r2g_store_expired(struct r2g_store *store, int64_t now_ms, char (*ids)[R2G_ID_NBYTES], unsigned most,
                             unsigned *count, struct r2g_error *err) {
    sqlite3_stmt *s = r2g_store_lock(store, R2G_SQL_EXPIRED);
    sqlite3_bind_int64(s, 1, now_ms);
    sqlite3_bind_int64(s, 2, most);
    int code;
    *count = 0;
    while ((code = sqlite3_step(s)) == SQLITE_ROW && *count < most)
        r2g_store_take_text(s, 0, ids[(*count)++], R2G_ID_NBYTES);
    return r2g_store_unlock(store, s, code, err);
}

r2g_status r2g_store_add_space(struct r2g_store *store, const char *id, int64_t nbytes, bool *found,
                               struct r2g_error *err) {
    int code = r2g_store_begin(store, R2G_STORE_LAZY);
    if (code == SQLITE_OK) {
        sqlite3_stmt *s = store->statements[R2G_SQL_ADD_SPACE];
        r2g_store_bind_text(s, 1, id);
        sqlite3_bind_int64(s, 2, nbytes);
        code = r2g_store_run(s);
        *found = code == SQLITE_OK && sqlite3_changes(store->db) > 0;
    }
    return r2g_store_end(store, code, err);
}

r2g_status r2g_store_event(struct r2g_store *store, int64_t number, int64_t after, struct r2g_event *event, bool *found,
                           struct r2g_error *err) {
    sqlite3_stmt *s = r2g_store_lock(store, R2G_SQL_GET_EVENT);
    sqlite3_bind_int64(s, 1, number);
    sqlite3_bind_int64(s, 2, after);
    int code = sqlite3_step(s);
    *found = code == SQLITE_ROW;
    if (*found) {
        event->number = sqlite3_column_int64(s, 0);
        r2g_store_take_text(s, 1, event->kind, sizeof event->kind);
        r2g_store_take_text(s, 2, event->data, sizeof event->data);
    }
    return r2g_store_unlock(store, s, code, err);
}

r2g_status r2g_store_counts(struct r2g_store *store, uint64_t counts[R2G_JOB_STATES], struct r2g_error *err) {
    memset(counts, 0, R2G_JOB_STATES * sizeof counts[0]);
    sqlite3_stmt *s = r2g_store_lock(store, R2G_SQL_COUNTS);
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        int state = sqlite3_column_int(s, 0);
        if (state >= 0 && state < R2G_JOB_STATES)
            counts[state] = (uint64_t)sqlite3_column_int64(s, 1);
    }
    return r2g_store_unlock(store, s, code, err);
}

r2g_status r2g_store_last_number(struct r2g_store *store, int64_t *number, struct r2g_error *err) {
    sqlite3_stmt *s = r2g_store_lock(store, R2G_SQL_LAST_NUMBER);
    int code = sqlite3_step(s);
    *number = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    return r2g_store_unlock(store, s, code, err);
}

r2g_status r2g_store_remove(struct r2g_store *store, const char *id, const char *why, struct r2g_error *err) {
    int code = r2g_store_begin(store, R2G_STORE_LAZY);
    if (code == SQLITE_OK) {
        sqlite3_stmt *s = store->statements[R2G_SQL_NOTE_REMOVED];
        r2g_store_bind_text(s, 1, id);
        r2g_store_bind_text(s, 2, why);
        sqlite3_bind_int64(s, 3, r2g_now_ms());
        code = r2g_store_run(s);
    }
    for (int which = R2G_SQL_DELETE_EVENTS; which <= R2G_SQL_DELETE_JOB && code == SQLITE_OK; which++) {
        r2g_store_bind_text(store->statements[which], 1, id);
        code = r2g_store_run(store->statements[which]);
    }
    return r2g_store_end(store, code, err);
}

r2g_status r2g_store_removed(struct r2g_store *store, const char *id, const char *client, struct r2g_removed *removed,
                             bool *found, struct r2g_error *err) {
    sqlite3_stmt *s = r2g_store_lock(store, R2G_SQL_GET_REMOVED);
    r2g_store_bind_text(s, 1, id);
    if (client)
        r2g_store_bind_text(s, 2, client);
    int code = sqlite3_step(s);
    *found = code == SQLITE_ROW;
    if (*found) {
        r2g_store_take_text(s, 0, removed->why, sizeof removed->why);
        removed->event_number = sqlite3_column_int64(s, 1) + 1;
    }
    return r2g_store_unlock(store, s, code, err);
}

r2g_status r2g_store_forget(struct r2g_store *store, int64_t then_ms, struct r2g_error *err) {
    int code = r2g_store_begin(store, R2G_STORE_LAZY);
    if (code == SQLITE_OK) {
        sqlite3_bind_int64(store->statements[R2G_SQL_FORGET], 1, then_ms);
        code = r2g_store_run(store->statements[R2G_SQL_FORGET]);
    }
    return r2g_store_end(store, code, err);
}
