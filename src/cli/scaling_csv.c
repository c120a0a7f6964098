/* scaling.csv: one table of columns makes the header, the rows and the reader. A file that is read may come from anywhere:
 * each field is looked at, and nothing is taken for granted but its size. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/source.h"
#include "cli/scaling_runs.h"

/* Seconds beyond this are no run's, nor are GB/s. */
#define NUMBER_MAX 1e9
#define SIDE_MAX 4294967295u
#define COLUMNS_MAX 256

enum column_type {
    COLUMN_KIND,
    COLUMN_TEXT,
    COLUMN_WIDTH,
    COLUMN_HEIGHT,
    COLUMN_HOSTS,
    COLUMN_RANKS,
    COLUMN_REPEAT,
    COLUMN_NUMBER
};

static const struct column {
    const char *name;
    enum column_type type;
    int index; /* of the text or number */
    bool must;
} columns[] = {
    {"scaling", COLUMN_KIND, 0, true},
    {"setting", COLUMN_TEXT, R2G_SCALING_SETTING, true},
    {"input", COLUMN_TEXT, R2G_SCALING_INPUT, true},
    {"width", COLUMN_WIDTH, 0, true},
    {"height", COLUMN_HEIGHT, 0, true},
    {"from", COLUMN_TEXT, R2G_SCALING_FROM, true},
    {"to", COLUMN_TEXT, R2G_SCALING_TO, true},
    {"path", COLUMN_TEXT, R2G_SCALING_PATH, false},
    {"hosts", COLUMN_HOSTS, 0, false},
    {"ranks", COLUMN_RANKS, 0, true},
    {"repeat", COLUMN_REPEAT, 0, true},
    {"wall_s", COLUMN_NUMBER, R2G_SCALING_WALL, true},
    {"launch_s", COLUMN_NUMBER, R2G_SCALING_LAUNCH, false},
    {"mpi_init_s", COLUMN_NUMBER, R2G_SCALING_MPI_INIT, false},
    {"useful_mean_s", COLUMN_NUMBER, R2G_SCALING_USEFUL_MEAN, false},
    {"useful_max_s", COLUMN_NUMBER, R2G_SCALING_USEFUL_MAX, false},
    {"read_mean_s", COLUMN_NUMBER, R2G_SCALING_READ_MEAN, false},
    {"read_max_s", COLUMN_NUMBER, R2G_SCALING_READ_MAX, false},
    {"scatter_mean_s", COLUMN_NUMBER, R2G_SCALING_SCATTER_MEAN, false},
    {"scatter_max_s", COLUMN_NUMBER, R2G_SCALING_SCATTER_MAX, false},
    {"convert_mean_s", COLUMN_NUMBER, R2G_SCALING_CONVERT_MEAN, false},
    {"convert_max_s", COLUMN_NUMBER, R2G_SCALING_CONVERT_MAX, false},
    {"encode_mean_s", COLUMN_NUMBER, R2G_SCALING_ENCODE_MEAN, false},
    {"encode_max_s", COLUMN_NUMBER, R2G_SCALING_ENCODE_MAX, false},
    {"gather_mean_s", COLUMN_NUMBER, R2G_SCALING_GATHER_MEAN, false},
    {"gather_max_s", COLUMN_NUMBER, R2G_SCALING_GATHER_MAX, false},
    {"write_mean_s", COLUMN_NUMBER, R2G_SCALING_WRITE_MEAN, false},
    {"write_max_s", COLUMN_NUMBER, R2G_SCALING_WRITE_MAX, false},
    {"bytes_per_pixel", COLUMN_NUMBER, R2G_SCALING_BYTES_PER_PIXEL, false},
    {"copy_gbs", COLUMN_NUMBER, R2G_SCALING_COPY_GBS, false},
    {"machine", COLUMN_TEXT, R2G_SCALING_MACHINE, false},
    {"program", COLUMN_TEXT, R2G_SCALING_PROGRAM, false},
    {"when", COLUMN_TEXT, R2G_SCALING_WHEN, false},
};
enum { COLUMN_COUNT = sizeof columns / sizeof columns[0] };

static void write_text(FILE *file, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, file);
        return;
    }
    putc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', file);
        putc(*text, file);
    }
    putc('"', file);
}

static void write_field(FILE *file, const struct column *column, const struct r2g_scaling_run *run) {
    double number = run->number[column->index];
    switch (column->type) {
    case COLUMN_KIND:
        fputs(r2g_scaling_kind_name(run->kind), file);
        break;
    case COLUMN_TEXT:
        write_text(file, run->text[column->index]);
        break;
    case COLUMN_WIDTH:
        fprintf(file, "%" PRIu64, run->width);
        break;
    case COLUMN_HEIGHT:
        fprintf(file, "%" PRIu64, run->height);
        break;
    case COLUMN_HOSTS:
        fprintf(file, "%d", run->hosts);
        break;
    case COLUMN_RANKS:
        fprintf(file, "%d", run->ranks);
        break;
    case COLUMN_REPEAT:
        fprintf(file, "%d", run->repeat);
        break;
    case COLUMN_NUMBER:
        if (!isnan(number))
            fprintf(file, R2G_SCALING_NUMBER_FORMAT, number);
        break;
    }
}

void r2g_scaling_csv_write(FILE *file, const struct r2g_scaling_runs *runs) {
    for (size_t c = 0; c < COLUMN_COUNT; c++)
        fprintf(file, "%s%s", columns[c].name, c + 1 < COLUMN_COUNT ? "," : "\r\n");
    for (size_t i = 0; i < runs->count; i++) {
        for (size_t c = 0; c < COLUMN_COUNT; c++) {
            write_field(file, &columns[c], &runs->items[i]);
            fputs(c + 1 < COLUMN_COUNT ? "," : "\r\n", file);
        }
    }
}

/* Where the reader is in the bytes. */
struct reading {
    char *at, *end;
    unsigned line; /* from 1 */
    bool row_ended;
    struct r2g_error *err;
};

/* Takes a field and what follows it, and ends it in NUL, in place: quotes only make it shorter. NULL, with the error told,
 * where quotes are amiss. */
static char *next_field(struct reading *reading) {
    char *start = reading->at, *to = start, *from = start, *end = reading->end;
    unsigned line = reading->line;
    bool quoted = from < end && *from == '"', closed = !quoted;
    for (from += quoted; from < end; from++) {
        if (quoted && !closed && *from == '"' && !(from + 1 < end && from[1] == '"')) {
            closed = true;
            continue;
        }
        if (closed && (*from == ',' || *from == '\n' || *from == '\r'))
            break;
        if (*from == '\0' || (quoted && closed)) {
            (void)!r2g_fail(reading->err, R2G_ECORRUPT, "line %u: %s", line,
                            *from ? "something follows a closing quotation mark"
                                  : "a zero byte, so this is no CSV file");
            return NULL;
        }
        from += quoted && *from == '"'; /* the second of a pair stands for both */
        reading->line += *from == '\n';
        *to++ = *from;
    }
    if (!closed) {
        (void)!r2g_fail(reading->err, R2G_ECORRUPT, "line %u: a quotation mark is never closed", line);
        return NULL;
    }
    reading->row_ended = from >= end || *from != ',';
    if (from < end && *from == '\r' && from + 1 < end && from[1] == '\n')
        from++;
    reading->line += reading->row_ended;
    reading->at = from < end ? from + 1 : end;
    *to = '\0'; /* at most where the comma was, or the byte behind the last one */
    return start;
}

/* The columns of this file, by place: the index in `columns`, or -1. */
struct header {
    int column[COLUMNS_MAX];
    int count;
};

static r2g_status read_header(struct reading *reading, struct header *header) {
    bool seen[COLUMN_COUNT] = {false};
    for (reading->row_ended = false; !reading->row_ended;) {
        char *name = next_field(reading);
        if (!name)
            return R2G_ECORRUPT;
        if (header->count == COLUMNS_MAX)
            return r2g_fail(reading->err, R2G_ELIMIT, "more than %d columns", COLUMNS_MAX);
        int found = -1;
        for (int c = 0; c < (int)COLUMN_COUNT; c++) {
            if (strcmp(columns[c].name, name) == 0)
                found = c;
        }
        if (found >= 0 && seen[found])
            return r2g_fail(reading->err, R2G_ECORRUPT, "there are two columns \"%s\"", name);
        if (found >= 0)
            seen[found] = true;
        header->column[header->count++] = found;
    }
    for (int c = 0; c < (int)COLUMN_COUNT; c++) {
        if (columns[c].must && !seen[c])
            return r2g_fail(reading->err, R2G_ECORRUPT, "there is no column \"%s\": this is no table of scaling runs",
                            columns[c].name);
    }
    return R2G_OK;
}

static bool read_whole(const char *text, uint64_t most, uint64_t *value) {
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 12 || text[digits])
        return false;
    *value = strtoull(text, NULL, 10);
    return *value >= 1 && *value <= most;
}

/* A decimal number, not hexadecimal, infinite or below 0. The program runs in the C locale. */
static bool read_decimal(const char *text, double *value) {
    char *end;
    if (!*text || strlen(text) > 40 || text[strspn(text, "0123456789.eE+-")])
        return false;
    *value = strtod(text, &end);
    return *end == '\0' && *value >= 0 && *value <= NUMBER_MAX;
}

static bool read_field(const struct column *column, const char *text, struct r2g_scaling_run *run) {
    uint64_t value = 0;
    bool good = true;
    switch (column->type) {
    case COLUMN_KIND:
        run->kind = strcmp(text, "weak") == 0 ? R2G_SCALING_WEAK : R2G_SCALING_STRONG;
        return run->kind == R2G_SCALING_WEAK || strcmp(text, "strong") == 0;
    case COLUMN_TEXT:
        run->text[column->index] = text;
        return text[0] || !column->must;
    case COLUMN_WIDTH:
        return read_whole(text, SIDE_MAX, &run->width);
    case COLUMN_HEIGHT:
        return read_whole(text, SIDE_MAX, &run->height);
    case COLUMN_HOSTS:
        good = !*text || read_whole(text, R2G_SCALING_RANKS_MAX, &value);
        run->hosts = value ? (int)value : 1;
        return good;
    case COLUMN_RANKS:
        good = read_whole(text, R2G_SCALING_RANKS_MAX, &value);
        run->ranks = (int)value;
        return good;
    case COLUMN_REPEAT:
        good = read_whole(text, R2G_SCALING_RUNS_MAX, &value);
        run->repeat = (int)value;
        return good;
    default:
        if (!*text && !column->must)
            return true;
        return read_decimal(text, &run->number[column->index]) && (!column->must || run->number[column->index] > 0);
    }
}

static r2g_status read_row(struct reading *reading, const struct header *header, struct r2g_scaling_runs *runs) {
    struct r2g_scaling_run run = {.hosts = 1};
    unsigned line = reading->line;
    int place = 0;
    for (int i = 0; i < R2G_SCALING_NUMBERS; i++)
        run.number[i] = NAN;
    for (reading->row_ended = false; !reading->row_ended; place++) {
        char *text = next_field(reading);
        if (!text)
            return R2G_ECORRUPT;
        if (place == 0 && reading->row_ended && !*text && header->count > 1)
            return R2G_OK; /* an empty line */
        if (place >= header->count)
            return r2g_fail(reading->err, R2G_ECORRUPT, "line %u has more than the %d fields of the header", line,
                            header->count);
        const struct column *column = header->column[place] >= 0 ? &columns[header->column[place]] : NULL;
        if (column && !read_field(column, text, &run))
            return r2g_fail(reading->err, R2G_ECORRUPT, "line %u: \"%.40s\" makes no sense as %s", line, text,
                            column->name);
    }
    if (place < header->count)
        return r2g_fail(reading->err, R2G_ECORRUPT, "line %u has %d fields, the header %d", line, place, header->count);
    struct r2g_error inner = {0};
    r2g_status status = r2g_scaling_add(runs, &run, &inner);
    return status == R2G_OK ? R2G_OK : r2g_fail(reading->err, status, "line %u: %s", line, inner.text);
}

r2g_status r2g_scaling_csv_read(struct r2g_scaling_runs *runs, char *bytes, size_t nbytes, struct r2g_error *err) {
    struct header header = {0};
    struct reading reading = {.at = bytes, .end = bytes + nbytes, .line = 1, .err = err};
    if (nbytes >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) /* a mark that some programs put in front of UTF-8 */
        reading.at += 3;
    r2g_status status = read_header(&reading, &header);
    while (status == R2G_OK && reading.at < reading.end)
        status = read_row(&reading, &header, runs);
    if (status == R2G_OK && runs->count == 0)
        return r2g_fail(err, R2G_ECORRUPT, "there are no runs in it");
    return status;
}

r2g_status r2g_scaling_csv_load(struct r2g_scaling_runs *runs, const char *path, struct r2g_error *err) {
    struct r2g_source *source = NULL;
    struct r2g_buffer text = {0};
    r2g_status status = r2g_source_open(&source, path, err);
    uint64_t nbytes = status == R2G_OK ? source->nbytes : 0;
    if (status == R2G_OK && nbytes > R2G_SCALING_FILE_NBYTES_MAX)
        status = r2g_fail(err, R2G_ELIMIT, "a file of more than 32 MiB");
    if (status == R2G_OK)
        status = r2g_buffer_reserve(&text, (size_t)nbytes + 1, "the runs", err); /* the reader ends fields in NUL */
    size_t got = 0;
    if (status == R2G_OK)
        status = r2g_source_read_at(source, 0, text.bytes, (size_t)nbytes, &got, err);
    if (status == R2G_OK)
        status = r2g_scaling_csv_read(runs, (char *)text.bytes, got, err);
    r2g_buffer_free(&text);
    r2g_source_close(source);
    return status;
}
