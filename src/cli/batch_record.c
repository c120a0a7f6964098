#include "cli/batch_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/batch_set.h"

const char *const r2g_batch_columns[] = {
    "input",     "output",     "outcome",    "error",     "in_format", "width",    "height", "channels", "maxval",
    "in_nbytes", "out_format", "out_nbytes", "method",    "path",      "ranks",    "rank",   "host",     "wall_ns",
    "read_ns",   "scatter_ns", "convert_ns", "encode_ns", "gather_ns", "write_ns", "sha256", NULL};

static json_t *text_or_null(const char *text) {
    return text && text[0] ? r2g_json_text(text) : json_null();
}

static json_t *number_or_null(uint64_t value) {
    return value ? json_integer((json_int_t)value) : json_null();
}

/* The phase's time on the rank that it took longest; null where nothing ran. */
static json_t *phase(const struct r2g_run *run, enum r2g_phase which) {
    int64_t longest = 0;
    for (int i = 0; i < run->rank_count; i++) {
        if (run->ranks[i].phase_ns[which] > longest)
            longest = run->ranks[i].phase_ns[which];
    }
    return run->rank_count ? json_integer(longest) : json_null();
}

/* A member for a name's bytes where they are no UTF-8, and a string of JSON cannot hold them. */
static bool add_exact(json_t *line, const char *member, const char *name) {
    static const char digits[] = "0123456789abcdef";
    json_t *text = json_string(name);
    bool exact = text != NULL;
    json_decref(text);
    if (exact)
        return true;
    char hex[2 * R2G_BATCH_NAME_MAX + 1];
    size_t length = strnlen(name, R2G_BATCH_NAME_MAX);
    for (size_t i = 0; i < length; i++) {
        hex[2 * i] = digits[(unsigned char)name[i] >> 4];
        hex[2 * i + 1] = digits[(unsigned char)name[i] & 15];
    }
    hex[2 * length] = '\0';
    return json_object_set_new(line, member, json_string(hex)) == 0;
}

const char *r2g_batch_line_name(const json_t *line, const char *member, char room[R2G_BATCH_NAME_MAX + 1]) {
    char exact[24];
    snprintf(exact, sizeof exact, "%s_hex", member);
    const char *hex = json_string_value(json_object_get(line, exact));
    if (!hex)
        return json_string_value(json_object_get(line, member));
    size_t length = 0;
    for (unsigned byte; length < R2G_BATCH_NAME_MAX && hex[2 * length] && hex[2 * length + 1]; length++) {
        if (sscanf(hex + 2 * length, "%2x", &byte) != 1)
            break;
        room[length] = (char)byte;
    }
    room[length] = '\0';
    return room;
}

char *r2g_batch_record_line(const struct r2g_batch_record *record) {
    const struct r2g_report *report = record->report;
    const struct r2g_run *run = &report->parallel;
    char key[24];
    bool done = record->err->status == R2G_OK, ran = done && run->run_count > 0;
    const char *input = record->item->path, *output = record->item->output;
    snprintf(key, sizeof key, "%016" PRIx64, r2g_batch_key(input, output));
    json_t *line = json_pack(
        "{s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "key", key, "input",
        r2g_json_text(input), "output", r2g_json_text(output), "outcome", done ? "done" : "failed", "error",
        done ? json_null() : r2g_json_text(record->err->text), "in_format", text_or_null(report->image.format), "width",
        number_or_null(report->image.width), "height", number_or_null(report->image.height), "channels",
        report->image.width ? json_integer((json_int_t)r2g_layout_channels(report->image.layout)) : json_null(),
        "maxval", number_or_null(report->image.maxval), "in_nbytes", (json_int_t)record->item->nbytes, "in_mtime_ns",
        (json_int_t)record->item->mtime_ns, "out_format", text_or_null(report->out_format), "out_nbytes",
        number_or_null(done ? report->out_nbytes : 0));
    json_t *rest = json_pack("{s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "method",
                             report->image.width ? json_string(r2g_luma_name(&report->luma)) : json_null(), "path",
                             ran ? json_string(r2g_path_name(report->plan.path)) : json_null(), "ranks",
                             ran ? json_integer(report->rank_count) : json_null(), "rank", record->rank, "host",
                             text_or_null(record->host), "wall_ns", ran ? json_integer(run->wall_ns) : json_null(),
                             "read_ns", phase(run, R2G_PHASE_READ), "scatter_ns", phase(run, R2G_PHASE_SCATTER),
                             "convert_ns", phase(run, R2G_PHASE_CONVERT), "encode_ns", phase(run, R2G_PHASE_ENCODE),
                             "gather_ns", phase(run, R2G_PHASE_GATHER), "write_ns", phase(run, R2G_PHASE_WRITE),
                             "sha256", text_or_null(record->sha256));
    bool whole = line && rest && json_object_update(line, rest) == 0 && add_exact(line, "input_hex", input) &&
                 add_exact(line, "output_hex", output);
    char *text = whole ? json_dumps(line, JSON_COMPACT) : NULL;
    json_decref(line);
    json_decref(rest);
    return text;
}

/* A field as RFC 4180 wants it: in quotes where it has a comma, a quote or a line break, and quotes in it doubled. */
static r2g_status put_field(const char *field, struct r2g_buffer *text, struct r2g_error *err) {
    if (!strpbrk(field, ",\"\r\n"))
        return r2g_buffer_append(text, field, strlen(field), err);
    r2g_status status = r2g_buffer_append(text, "\"", 1, err);
    for (; *field && status == R2G_OK; field++) {
        status = r2g_buffer_append(text, field, 1, err);
        if (status == R2G_OK && *field == '"')
            status = r2g_buffer_append(text, field, 1, err);
    }
    return status == R2G_OK ? r2g_buffer_append(text, "\"", 1, err) : status;
}

r2g_status r2g_batch_csv_row(const json_t *line, struct r2g_buffer *text, struct r2g_error *err) {
    r2g_status status = R2G_OK;
    for (size_t i = 0; r2g_batch_columns[i] && status == R2G_OK; i++) {
        char room[R2G_BATCH_NAME_MAX + 1];
        room[0] = '\0';
        const json_t *value = line ? json_object_get(line, r2g_batch_columns[i]) : NULL;
        const char *field = r2g_batch_columns[i];
        if (json_is_integer(value))
            snprintf(room, sizeof room, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        if (line)
            field = json_is_string(value) ? r2g_batch_line_name(line, r2g_batch_columns[i], room) : room;
        if (i > 0)
            status = r2g_buffer_append(text, ",", 1, err);
        if (status == R2G_OK)
            status = put_field(field, text, err);
    }
    return status == R2G_OK ? r2g_buffer_append(text, "\r\n", 2, err) : status;
}
