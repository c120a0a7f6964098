/* The figures of the caller's jobs as a table: CSV (RFC 4180) for spreadsheets, and the same rows as JSON. */
#include "gateway/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"
#include "gateway/job_json.h"

/* Jobs are copied out of the list by so many at a time: a slow client holds up nobody. */
#define CHUNK 64
#define ROW_NBYTES 4096

enum kind { TEXT, COUNT, REAL };

struct cell {
    enum kind kind;
    const char *text; /* "": empty */
    int64_t count;    /* below 0: empty */
    double real;      /* below 0: empty */
};

static const char *const columns[] = {
    "id",         "number",     "name",       "state",       "created",       "in_format",
    "in_nbytes",  "out_format", "out_nbytes", "width",       "height",        "pixels",
    "method",     "ranks",      "launcher",   "parallel_ms", "sequential_ms", "speedup",
    "efficiency", "launch_ms",  "queue_ms",   "error_type",
};
#define COLUMNS (sizeof columns / sizeof columns[0])

static struct cell text_cell(const char *text) {
    return (struct cell){TEXT, text, -1, -1};
}
static struct cell count_cell(int64_t count) {
    return (struct cell){COUNT, "", count, -1};
}
static struct cell known_cell(uint64_t count) {
    return count_cell(count ? (int64_t)count : -1);
}
static struct cell real_cell(double real) {
    return (struct cell){REAL, "", -1, real};
}
static struct cell ms_cell(int64_t ns) {
    return real_cell(ns < 0 ? -1 : (double)ns / 1e6);
}

/* `created` keeps the text of one cell. */
static void fill(const struct r2g_job *job, char created[R2G_TIME_TEXT_NBYTES], struct cell cells[COLUMNS]) {
    uint64_t pixels = 0;
    if (__builtin_mul_overflow(job->width, job->height, &pixels) || pixels > INT64_MAX)
        pixels = 0;
    r2g_time_text(created, job->created_ms);
    const struct cell row[COLUMNS] = {
        text_cell(job->id),
        count_cell(job->number),
        text_cell(job->name),
        text_cell(r2g_job_state_name(job->state)),
        text_cell(created),
        text_cell(job->in_format),
        count_cell((int64_t)job->in_nbytes),
        text_cell(job->out_format),
        job->state == R2G_JOB_DONE ? count_cell((int64_t)job->out_nbytes) : count_cell(-1),
        known_cell(job->width),
        known_cell(job->height),
        known_cell(pixels),
        text_cell(r2g_job_method(job)),
        known_cell(job->ranks),
        text_cell(job->launched_by),
        ms_cell(job->parallel_ns),
        ms_cell(job->sequential_ns),
        real_cell(r2g_job_speedup(job)),
        real_cell(r2g_job_efficiency(job)),
        ms_cell(job->launch_ns),
        count_cell(job->started_ms > 0 ? job->started_ms - job->created_ms : -1),
        text_cell(job->problem ? r2g_problem_text(job->problem)->type : ""),
    };
    memcpy(cells, row, sizeof row);
}

/* A text that a spreadsheet would take for a formula gets a quote in front, and all texts are quoted as RFC 4180 says. */
static void print_csv_text(FILE *file, const char *text) {
    bool formula = text[0] && strchr("=+-@\t\r", text[0]);
    if (!formula && !strpbrk(text, "\",\r\n ;\t")) {
        fputs(text, file);
        return;
    }
    putc('"', file);
    if (formula)
        putc('\'', file);
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            putc('"', file);
        putc(*p, file);
    }
    putc('"', file);
}

static void print_csv(FILE *file, const struct r2g_job *job) {
    char created[R2G_TIME_TEXT_NBYTES];
    struct cell cells[COLUMNS];
    fill(job, created, cells);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (i)
            putc(',', file);
        if (cells[i].kind == TEXT)
            print_csv_text(file, cells[i].text);
        else if (cells[i].kind == COUNT && cells[i].count >= 0)
            fprintf(file, "%" PRId64, cells[i].count);
        else if (cells[i].kind == REAL && cells[i].real >= 0)
            fprintf(file, "%.6g", cells[i].real);
    }
    fputs("\r\n", file);
}

static json_t *cell_json(const struct cell *cell) {
    if (cell->kind == TEXT)
        return cell->text[0] ? r2g_json_text(cell->text) : json_null();
    if (cell->kind == COUNT)
        return r2g_json_known(cell->count);
    return cell->real >= 0 ? json_real(cell->real) : json_null();
}

static void print_json(FILE *file, const struct r2g_job *job) {
    char created[R2G_TIME_TEXT_NBYTES];
    struct cell cells[COLUMNS];
    fill(job, created, cells);
    json_t *row = json_object();
    for (size_t i = 0; i < COLUMNS; i++)
        (void)json_object_set_new(row, columns[i], cell_json(&cells[i]));
    char *text = row ? json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    fputs(text ? text : "{}", file);
    r2g_budget_free(text);
    json_decref(row);
}

/* ---- streaming ---- */

struct chunk {
    struct r2g_job jobs[CHUNK];
    size_t count;
};

static bool keep(void *user, const struct r2g_job *job) {
    struct chunk *chunk = user;
    chunk->jobs[chunk->count++] = *job;
    return chunk->count < CHUNK;
}

static bool send_rows(struct r2g_http *http, const struct chunk *chunk, size_t count, bool csv, bool first) {
    char *text = NULL;
    size_t nbytes = 0;
    FILE *file = open_memstream(&text, &nbytes);
    if (!file)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!csv && !(first && i == 0))
            fputs(",\n", file);
        (csv ? print_csv : print_json)(file, &chunk->jobs[i]);
    }
    bool sent = fclose(file) == 0 && (nbytes == 0 || r2g_http_stream(http, text, nbytes));
    free(text);
    return sent;
}

/* Sends up to page->limit rows; page->before becomes the number of the last one, and *more whether others follow. */
static bool send_all(struct r2g_http *http, struct chunk *chunk, struct r2g_page *page, bool csv, bool *more) {
    struct r2g_error ignored;
    bool first = true;
    *more = false;
    for (uint64_t left = page->limit;;) {
        chunk->count = 0;
        unsigned most = left + 1 < CHUNK ? (unsigned)left + 1 : CHUNK;
        if (r2g_jobs_list(http->jobs, http->client, R2G_JOB_STATES, page->before, most, keep, chunk, &ignored) !=
            R2G_PROBLEM_NONE)
            return false;
        size_t count = chunk->count < left ? chunk->count : (size_t)left;
        *more = chunk->count > left;
        if (!send_rows(http, chunk, count, csv, first))
            return false;
        if (count > 0)
            page->before = chunk->jobs[count - 1].number;
        first = first && count == 0;
        left -= count;
        if (*more || chunk->count < most)
            return true;
    }
}

static void answer(struct r2g_http *http, bool csv) {
    struct r2g_error err = {0};
    struct r2g_page page;
    bool more = false;
    enum r2g_problem problem = r2g_api_page(http, 100000, 1000, &page, &err);
    struct chunk *chunk = problem == R2G_PROBLEM_NONE ? malloc(sizeof *chunk) : NULL;
    if (problem == R2G_PROBLEM_NONE && !chunk)
        problem = r2g_problem(&err, R2G_PROBLEM_INTERNAL, "out of memory");
    if (problem != R2G_PROBLEM_NONE) {
        r2g_http_problem(http, problem, &err);
        return;
    }
    char text[ROW_NBYTES] = "{\"rows\":[";
    if (csv) {
        size_t used = 0;
        for (size_t i = 0; i < COLUMNS; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? "," : "", columns[i]);
        snprintf(text + used, sizeof text - used, "\r\n");
        r2g_http_add_header(http, "Content-Disposition", "attachment; filename=\"rgb2gray-stats.csv\"");
    }
    r2g_http_stream_begin(http, 200, csv ? "text/csv; charset=utf-8; header=present" : "application/json");
    if (r2g_http_stream(http, text, strlen(text)) && send_all(http, chunk, &page, csv, &more) && !csv) {
        snprintf(text, sizeof text, "],\"next\":");
        if (more)
            snprintf(text + strlen(text), sizeof text - strlen(text),
                     "\"/api/v1/stats.json?limit=%" PRIu64 "&before=%" PRId64 "\"}", page.limit, page.before);
        else
            strcat(text, "null}");
        (void)!r2g_http_stream(http, text, strlen(text));
    }
    r2g_http_stream_end(http);
    free(chunk);
}

void r2g_api_stats_csv(struct r2g_http *http) {
    answer(http, true);
}

void r2g_api_stats_json(struct r2g_http *http) {
    answer(http, false);
}
