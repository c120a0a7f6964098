#include "gateway/job.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <rgb2gray/luma.h>

#include "base/values.h"
#include "codec/codec.h"

static const char *const state_names[R2G_JOB_STATES] = {
    [R2G_JOB_QUEUED] = "queued", [R2G_JOB_RUNNING] = "running",     [R2G_JOB_DONE] = "done",
    [R2G_JOB_FAILED] = "failed", [R2G_JOB_CANCELLED] = "cancelled",
};

const char *r2g_job_state_name(enum r2g_job_state state) {
    return (unsigned)state < R2G_JOB_STATES ? state_names[state] : "unknown";
}

bool r2g_job_state_final(enum r2g_job_state state) {
    return state != R2G_JOB_QUEUED && state != R2G_JOB_RUNNING;
}

/* How an option's value is checked. The field is a text of field_nbytes, or a flag. */
enum kind { KIND_METHOD, KIND_WEIGHTS, KIND_FORMAT, KIND_COLOUR, KIND_WORD, KIND_QUALITY, KIND_RANKS, KIND_FLAG };

struct option {
    const char *name;
    enum kind kind;
    size_t offset, field_nbytes;
    const char *const *words;
};

static const char *const alphas[] = {"keep", "flatten", NULL};
static const char *const orients[] = {"tag", "apply", NULL};
const char *const r2g_job_formats[] = {"png", "jpeg", "bmp", "pgm", NULL};
static const char *const levels[] = {"fast", "default", "small", NULL};
static const char *const launchers[] = {"auto", "mpirun", "pool", "slurm", NULL};

#define FIELD(name) offsetof(struct r2g_job_options, name), sizeof(((struct r2g_job_options *)0)->name)

static const struct option options_table[] = {
    {"method", KIND_METHOD, FIELD(method), NULL},           {"weights", KIND_WEIGHTS, FIELD(weights), NULL},
    {"format", KIND_FORMAT, FIELD(format), NULL},           {"alpha", KIND_WORD, FIELD(alpha), alphas},
    {"orient", KIND_WORD, FIELD(orient), orients},          {"background", KIND_COLOUR, FIELD(background), NULL},
    {"compression", KIND_WORD, FIELD(compression), levels}, {"launcher", KIND_WORD, FIELD(launcher), launchers},
    {"quality", KIND_QUALITY, FIELD(quality), NULL},        {"reencode", KIND_FLAG, FIELD(reencode), NULL},
    {"via-rgb", KIND_FLAG, FIELD(via_rgb), NULL},           {"keep-exif", KIND_FLAG, FIELD(keep_exif), NULL},
    {"compare", KIND_FLAG, FIELD(compare), NULL},           {"ranks", KIND_RANKS, FIELD(ranks), NULL},
};

static const struct option *find_option(const char *name) {
    for (size_t i = 0; i < sizeof options_table / sizeof options_table[0]; i++) {
        if (strcmp(options_table[i].name, name) == 0)
            return &options_table[i];
    }
    return NULL;
}

static r2g_status check_flag(const char *name, const char *value, bool *flag, struct r2g_error *err) {
    static const char *const on[] = {"1", "true", "on", ""}, *const off[] = {"0", "false", "off"};
    for (size_t i = 0; i < sizeof on / sizeof on[0]; i++) {
        if (strcasecmp(value, on[i]) == 0)
            return *flag = true, R2G_OK;
    }
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        if (strcasecmp(value, off[i]) == 0)
            return *flag = false, R2G_OK;
    }
    return r2g_fail(err, R2G_EUSAGE, "%s takes true or false, not \"%.40s\"", name, value);
}

static r2g_status check_format(const char *name, const char **value, struct r2g_error *err) {
    int index;
    if (strcmp(*value, "jpg") == 0)
        *value = "jpeg";
    return r2g_value_word(name, *value, r2g_job_formats, &index, err);
}

/* Checks a text; *value becomes what is kept. */
static r2g_status check_text(const struct option *option, const char **value, struct r2g_error *err) {
    struct r2g_luma luma;
    uint8_t rgb[3];
    int index;
    switch (option->kind) {
    case KIND_METHOD:
        return r2g_luma_from_name(&luma, *value, err);
    case KIND_WEIGHTS:
        return r2g_luma_from_weights(&luma, *value, err);
    case KIND_FORMAT:
        return check_format(option->name, value, err);
    case KIND_COLOUR:
        return r2g_value_colour(option->name, *value, rgb, err);
    default:
        return r2g_value_word(option->name, *value, option->words, &index, err);
    }
}

static r2g_status set(struct r2g_job_options *options, const struct option *option, const char *value,
                      unsigned max_ranks, struct r2g_error *err) {
    char *field = (char *)options + option->offset;
    bool flag = false;
    uint64_t number = 0;
    r2g_status status;
    switch (option->kind) {
    case KIND_FLAG:
        status = check_flag(option->name, value, &flag, err);
        if (status == R2G_OK)
            memcpy(field, &flag, sizeof flag);
        return status;
    case KIND_QUALITY:
        status = r2g_value_number(option->name, value, 1, 100, &number, err);
        options->quality = status == R2G_OK ? (uint8_t)number : options->quality;
        return status;
    case KIND_RANKS:
        status =
            r2g_value_number(option->name, value, 1, max_ranks < UINT16_MAX ? max_ranks : UINT16_MAX, &number, err);
        options->ranks = status == R2G_OK ? (uint16_t)number : options->ranks;
        return status;
    default:
        /* an empty field of a form means the default */
        status = value[0] ? check_text(option, &value, err) : R2G_OK;
        if (status == R2G_OK && strlen(value) >= option->field_nbytes)
            status = r2g_fail(err, R2G_EUSAGE, "the value of %s is too long", option->name);
        if (status == R2G_OK)
            snprintf(field, option->field_nbytes, "%s", value);
        return status;
    }
}

enum r2g_problem r2g_job_option_set(struct r2g_job_options *options, const char *name, const char *value,
                                    unsigned max_ranks, struct r2g_error *err) {
    const struct option *option = find_option(name);
    struct r2g_error why = {0};
    if (option && set(options, option, value, max_ranks, &why) == R2G_OK)
        return R2G_PROBLEM_NONE;
    if (option)
        return r2g_problem(err, R2G_PROBLEM_BAD_OPTION, "%s%s%s", option->kind <= KIND_WEIGHTS ? option->name : "",
                           option->kind <= KIND_WEIGHTS ? ": " : "", why.text);
    const char *names[sizeof options_table / sizeof options_table[0] + 1] = {NULL};
    for (size_t i = 0; i < sizeof options_table / sizeof options_table[0]; i++)
        names[i] = options_table[i].name;
    char word[40];
    snprintf(word, sizeof word, "%s", name);
    const char *nearest = r2g_value_nearest(word, names);
    return r2g_problem(err, R2G_PROBLEM_BAD_OPTION, "there is no option \"%s\"%s%s%s", word,
                       nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

const char *r2g_job_option_name(unsigned i) {
    return i < sizeof options_table / sizeof options_table[0] ? options_table[i].name : NULL;
}

const char *r2g_job_option_get(const struct r2g_job_options *options, unsigned i, char *buffer, size_t buffer_nbytes) {
    const struct option *option = &options_table[i];
    const char *field = (const char *)options + option->offset;
    bool flag = false;
    unsigned number = option->kind == KIND_QUALITY ? options->quality : options->ranks;
    switch (option->kind) {
    case KIND_FLAG:
        memcpy(&flag, field, sizeof flag);
        return flag ? "true" : "";
    case KIND_QUALITY:
    case KIND_RANKS:
        snprintf(buffer, buffer_nbytes, "%u", number);
        return number ? buffer : "";
    default:
        return field;
    }
}

enum r2g_problem r2g_job_options_check(const struct r2g_job_options *options, struct r2g_error *err) {
    if (options->method[0] && options->weights[0])
        return r2g_problem(err, R2G_PROBLEM_BAD_OPTION, "method and weights exclude each other");
    bool other = options->format[0] && strcmp(options->format, "jpeg") != 0;
    if (options->quality && other)
        return r2g_problem(err, R2G_PROBLEM_BAD_OPTION, "quality goes with the format jpeg, not %s", options->format);
    if (options->reencode && other)
        return r2g_problem(err, R2G_PROBLEM_BAD_OPTION, "reencode goes with the format jpeg, not %s", options->format);
    return R2G_PROBLEM_NONE;
}

bool r2g_id_valid(const char *id) {
    return strlen(id) == R2G_ID_NBYTES - 1 && strspn(id, "0123456789abcdef") == R2G_ID_NBYTES - 1;
}

r2g_status r2g_id_new(char id[R2G_ID_NBYTES], struct r2g_error *err) {
    uint8_t bytes[(R2G_ID_NBYTES - 1) / 2];
    ssize_t got;
    /* requests of up to 256 bytes are answered whole once the generator is ready: random(7) */
    do {
        got = getrandom(bytes, sizeof bytes, 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof bytes)
        return r2g_fail_errno(err, R2G_EINTERNAL, errno, "no random numbers");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    return R2G_OK;
}
