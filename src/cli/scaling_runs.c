#include "cli/scaling_runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"

const char *r2g_scaling_kind_name(enum r2g_scaling_kind kind) {
    return kind == R2G_SCALING_STRONG ? "strong" : "weak";
}

/* The one copy of `text` that the runs keep. */
static r2g_status keep(struct r2g_scaling_runs *runs, const char **text, struct r2g_error *err) {
    char plain[401];
    r2g_text_plain(plain, sizeof plain, *text ? *text : "");
    for (size_t i = 0; i < runs->text_count; i++) {
        if (strcmp(runs->texts[i], plain) == 0) {
            *text = runs->texts[i];
            return R2G_OK;
        }
    }
    if (runs->text_count == R2G_SCALING_TEXTS_MAX)
        return r2g_fail(err, R2G_ELIMIT, "more than %d different texts", R2G_SCALING_TEXTS_MAX);
    char *copy = r2g_copy_text(plain, err);
    if (!copy)
        return R2G_ENOMEM;
    runs->texts[runs->text_count++] = copy;
    *text = copy;
    return R2G_OK;
}

/* As the table has it, so that figures from the table are the same again. */
static double rounded(double number) {
    char text[40];
    snprintf(text, sizeof text, R2G_SCALING_NUMBER_FORMAT, number);
    return strtod(text, NULL); /* NAN stays */
}

static r2g_status grow(struct r2g_scaling_runs *runs, struct r2g_error *err) {
    size_t capacity = runs->capacity ? 2 * runs->capacity : 64;
    struct r2g_scaling_run *items = r2g_new(capacity * sizeof items[0], err);
    if (!items)
        return R2G_ENOMEM;
    if (runs->count > 0)
        memcpy(items, runs->items, runs->count * sizeof items[0]);
    free(runs->items);
    runs->items = items;
    runs->capacity = capacity;
    return R2G_OK;
}

r2g_status r2g_scaling_add(struct r2g_scaling_runs *runs, const struct r2g_scaling_run *run, struct r2g_error *err) {
    if (runs->count == R2G_SCALING_RUNS_MAX)
        return r2g_fail(err, R2G_ELIMIT, "more than %u runs", R2G_SCALING_RUNS_MAX);
    r2g_status status = runs->count == runs->capacity ? grow(runs, err) : R2G_OK;
    if (status != R2G_OK)
        return status;
    struct r2g_scaling_run *added = &runs->items[runs->count];
    *added = *run;
    for (int i = 0; i < R2G_SCALING_NUMBERS; i++)
        added->number[i] = rounded(run->number[i]);
    for (int i = 0; i < R2G_SCALING_TEXTS && status == R2G_OK; i++)
        status = keep(runs, &added->text[i], err);
    runs->count += status == R2G_OK;
    return status;
}

void r2g_scaling_free(struct r2g_scaling_runs *runs) {
    for (size_t i = 0; i < runs->text_count; i++)
        free(runs->texts[i]);
    free(runs->items);
    memset(runs, 0, sizeof *runs);
}
