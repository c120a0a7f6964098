#include "gateway/job_json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/text.h"

void r2g_time_text(char text[R2G_TIME_TEXT_NBYTES], int64_t unix_ms) {
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;
    text[0] = '\0';
    if (unix_ms <= 0 || !gmtime_r(&seconds, &parts))
        return;
    size_t nbytes = strftime(text, R2G_TIME_TEXT_NBYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + nbytes, R2G_TIME_TEXT_NBYTES - nbytes, ".%03dZ", (int)(unix_ms % 1000));
}

json_t *r2g_time_json(int64_t unix_ms) {
    char text[R2G_TIME_TEXT_NBYTES];
    r2g_time_text(text, unix_ms);
    return text[0] ? json_string(text) : json_null();
}

double r2g_job_speedup(const struct r2g_job *job) {
    return job->parallel_ns > 0 && job->sequential_ns >= 0 ? (double)job->sequential_ns / (double)job->parallel_ns : -1;
}

double r2g_job_efficiency(const struct r2g_job *job) {
    double speedup = r2g_job_speedup(job);
    return speedup >= 0 && job->ranks > 0 ? speedup / job->ranks : -1;
}

const char *r2g_job_method(const struct r2g_job *job) {
    if (job->options.weights[0])
        return job->options.weights;
    return job->options.method[0] ? job->options.method : "bt601";
}

static json_t *text_or_null(const char *text) {
    return text[0] ? r2g_json_text(text) : json_null();
}

static json_t *real_or_null(double value) {
    return value >= 0 ? json_real(value) : json_null();
}

static json_t *count_or_null(uint64_t value) {
    return value ? json_integer((json_int_t)value) : json_null();
}

static json_t *options_json(const struct r2g_job_options *options) {
    return json_pack("{so so so so so so so so so sb sb sb sb so}", "method", text_or_null(options->method), "weights",
                     text_or_null(options->weights), "format", text_or_null(options->format), "alpha",
                     text_or_null(options->alpha), "orient", text_or_null(options->orient), "background",
                     text_or_null(options->background), "compression", text_or_null(options->compression), "launcher",
                     text_or_null(options->launcher), "quality", count_or_null(options->quality), "reencode",
                     options->reencode, "via-rgb", options->via_rgb, "keep-exif", options->keep_exif, "compare",
                     options->compare, "ranks", count_or_null(options->ranks));
}

static json_t *output_json(const struct r2g_job *job) {
    if (job->state != R2G_JOB_DONE)
        return json_null();
    return json_pack("{so sI so}", "format", text_or_null(job->out_format), "nbytes", (json_int_t)job->out_nbytes,
                     "sha256", text_or_null(job->out_sha256));
}

static json_t *times_json(const struct r2g_job *job) {
    if (job->parallel_ns < 0 || !r2g_job_state_final(job->state))
        return json_null();
    return json_pack("{so so so so so}", "parallel_ns", r2g_json_known(job->parallel_ns), "sequential_ns",
                     r2g_json_known(job->sequential_ns), "speedup", real_or_null(r2g_job_speedup(job)), "efficiency",
                     real_or_null(r2g_job_efficiency(job)), "launch_ns", r2g_json_known(job->launch_ns));
}

static json_t *error_json(const struct r2g_job *job) {
    if (job->problem == R2G_PROBLEM_NONE)
        return json_null();
    const struct r2g_problem_text *text = r2g_problem_text(job->problem);
    char type[80];
    snprintf(type, sizeof type, "%s%s", R2G_PROBLEM_URI, text->type);
    return json_pack("{ss ss so so}", "type", type, "title", text->title, "detail", r2g_json_text(job->detail),
                     "exit_code", r2g_json_known(job->exit_code));
}

static json_t *slurm_json(const struct r2g_job *job) {
    if (!job->external[0] || strcmp(job->launched_by, "slurm") != 0)
        return json_null();
    return json_pack("{so so}", "job", r2g_json_text(job->external), "state", text_or_null(job->slurm_state));
}

static json_t *link_json(const struct r2g_job *job, const char *rest, bool there) {
    return there ? json_sprintf("/api/v1/jobs/%s%s", job->id, rest) : json_null();
}

static json_t *links_json(const struct r2g_job *job) {
    bool done = job->state == R2G_JOB_DONE, kept = !job->one_shot;
    return json_pack("{so so so so so so}", "self", link_json(job, "", true), "events", link_json(job, "/events", kept),
                     "result", link_json(job, "/result", done && kept), "original", link_json(job, "/original", kept),
                     "preview", link_json(job, "/preview", kept), "report",
                     link_json(job, "/report", r2g_job_state_final(job->state) && kept));
}

json_t *r2g_job_json(const struct r2g_job *job, int64_t position) {
    json_t *input =
        json_pack("{so sI so so}", "format", text_or_null(job->in_format), "nbytes", (json_int_t)job->in_nbytes,
                  "width", count_or_null(job->width), "height", count_or_null(job->height));
    return json_pack("{ss ss so so so so so so so so so so so so so so so so}", "id", job->id, "state",
                     r2g_job_state_name(job->state), "name", r2g_json_text(job->name), "created",
                     r2g_time_json(job->created_ms), "started", r2g_time_json(job->started_ms), "ended",
                     r2g_time_json(job->ended_ms), "expires", r2g_time_json(job->expires_ms), "input", input, "output",
                     output_json(job), "options", options_json(&job->options), "launcher",
                     text_or_null(job->launched_by), "ranks", count_or_null(job->ranks), "attempts",
                     json_integer(job->attempts), "slurm", slurm_json(job), "position",
                     job->state == R2G_JOB_QUEUED ? r2g_json_known(position) : json_null(), "times", times_json(job),
                     "error", error_json(job), "links", links_json(job));
}

struct format_row {
    const char *format, *media_type, *extension;
};

static const struct format_row formats[] = {
    {"png", "image/png", "png"},
    {"jpeg", "image/jpeg", "jpg"},
    {"bmp", "image/bmp", "bmp"},
    {"pgm", "image/x-portable-graymap", "pgm"},
    {"pnm", "image/x-portable-anymap", "pnm"},
    {NULL, "application/octet-stream", "bin"},
};

static const struct format_row *find_format(const char *format) {
    const struct format_row *row = formats;
    while (row->format && strcmp(row->format, format) != 0)
        row++;
    return row;
}

const char *r2g_job_media_type(const char *format) {
    return find_format(format)->media_type;
}

const char *r2g_job_extension(const char *format) {
    return find_format(format)->extension;
}

void r2g_job_file_name(const struct r2g_job *job, bool result, char *name, size_t name_nbytes) {
    const char *from = job->name;
    for (const char *p = job->name; *p; p++) {
        if ((*p == '/' || *p == '\\') && p[1])
            from = p + 1;
    }
    const char *dot = strrchr(from, '.');
    size_t stem = dot && dot > from ? (size_t)(dot - from) : strlen(from);
    if (stem > 0 && result)
        snprintf(name, name_nbytes, "%.*s-gray.%s", (int)stem, from, r2g_job_extension(job->out_format));
    else if (stem > 0)
        snprintf(name, name_nbytes, "%.*s.%s", (int)stem, from, r2g_job_extension(job->in_format));
    else
        snprintf(name, name_nbytes, "%s.%s", result ? "gray" : "original",
                 r2g_job_extension(result ? job->out_format : job->in_format));
}

void r2g_job_name_set(struct r2g_job *job, const char *name) {
    const unsigned char *from = (const unsigned char *)name;
    size_t used = 0;
    while (*from && used + 1 < sizeof job->name) {
        size_t nbytes = r2g_text_character((const char *)from);
        if (nbytes == 0 || *from < 0x20 || *from == 0x7F || (*from == 0xC2 && from[1] < 0xA0)) {
            job->name[used++] = '_';
            from += nbytes ? nbytes : 1;
        } else if (used + nbytes < sizeof job->name) {
            memcpy(job->name + used, from, nbytes);
            used += nbytes;
            from += nbytes;
        } else {
            break;
        }
    }
    job->name[used] = '\0';
}
