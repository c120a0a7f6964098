/* Words of the page and of the terminal's tables. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "cli/scaling_page.h"

/* The text that all runs share, or "". */
static const char *shared(const struct r2g_scaling_runs *runs, enum r2g_scaling_text which) {
    for (size_t i = 1; i < runs->count; i++) {
        if (runs->items[i].text[which] != runs->items[0].text[which])
            return "";
    }
    return runs->count > 0 ? runs->items[0].text[which] : "";
}

struct r2g_scaling_about r2g_scaling_about(const struct r2g_scaling_runs *runs) {
    return (struct r2g_scaling_about){.machine = shared(runs, R2G_SCALING_MACHINE),
                                      .program = shared(runs, R2G_SCALING_PROGRAM),
                                      .when = shared(runs, R2G_SCALING_WHEN)};
}

int r2g_scaling_decimals(double value) {
    return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

/* Ends the text in front of the first piece of a character that was cut. */
static void mend_end(char *text) {
    for (size_t step; *text; text += step) {
        step = r2g_text_character(text);
        if (step == 0) {
            *text = '\0';
            return;
        }
    }
}

void r2g_scaling_label(const struct r2g_scaling_figures *figures, int series, char *text, size_t text_nbytes) {
    const struct r2g_scaling_series *own = &figures->series[series];
    bool same = true; /* of strong scaling, and of weak, all are about one picture and its formats */
    for (int i = 0; i < figures->series_count; i++) {
        const struct r2g_scaling_series *other = &figures->series[i];
        same = same && (other->kind != own->kind ||
                        (other->input == own->input && other->from == own->from && other->to == own->to));
    }
    if (same)
        snprintf(text, text_nbytes, "%s, %s", r2g_scaling_kind_name(own->kind), own->setting);
    else
        snprintf(text, text_nbytes, "%s, %s; %s, %s to %s", r2g_scaling_kind_name(own->kind), own->setting, own->input,
                 own->from, own->to);
    mend_end(text);
}

/* "2.85 times as many pixels a second as 1 (efficiency 71 %)" */
static void put_factor(char *text, size_t text_nbytes, const struct r2g_scaling_point *point, int reference) {
    snprintf(text, text_nbytes, "%.*f times as many pixels a second as %d (efficiency %.*f %%)",
             r2g_scaling_decimals(point->speed_up), point->speed_up, reference, point->efficiency < 0.0995 ? 1 : 0,
             100 * point->efficiency);
}

void r2g_scaling_verdict(const struct r2g_scaling_series *series, char *text, size_t text_nbytes) {
    const struct r2g_scaling_point *first = &series->points[0], *last = &series->points[series->count - 1];
    const struct r2g_scaling_point *best = last;
    const char *work = series->kind == R2G_SCALING_STRONG ? "the same picture" : "a picture that grows with them";
    char factor[120], most[120];
    for (int i = 0; i < series->count; i++)
        best = series->points[i].speed_up > best->speed_up ? &series->points[i] : best;
    put_factor(factor, sizeof factor, last, first->ranks);
    put_factor(most, sizeof most, best, first->ranks);
    if (series->count < 2)
        snprintf(text, text_nbytes, "Only %d rank%s: there is nothing to compare.", first->ranks,
                 first->ranks == 1 ? "" : "s");
    else if (best == first)
        snprintf(text, text_nbytes, "On %s, %d is the fastest number of ranks: %d do %s.", work, first->ranks,
                 last->ranks, factor);
    else if (best == last)
        snprintf(text, text_nbytes, "On %s, %d ranks do %s.", work, last->ranks, factor);
    else
        snprintf(text, text_nbytes, "On %s, %d ranks do most: %s. %d do %.*f times as many.", work, best->ranks, most,
                 last->ranks, r2g_scaling_decimals(last->speed_up), last->speed_up);
}

static void print_time(FILE *file, double seconds, int width) {
    char text[32] = "-";
    if (!isnan(seconds))
        r2g_text_time(text, sizeof text, (int64_t)(seconds * 1e9));
    fprintf(file, "%*s", width, text);
}

static void print_percent(FILE *file, double part, int width) {
    if (isnan(part))
        fprintf(file, "%*s", width, "-");
    else
        fprintf(file, "%*.*f %%", width - 2, part < 0.0995 ? 1 : 0, 100 * part);
}

static void print_series(FILE *file, const struct r2g_scaling_series *series) {
    const struct r2g_scaling_point *first = &series->points[0], *last = &series->points[series->count - 1];
    char line[900], verdict[400];
    snprintf(line, sizeof line, "%s scaling, %s: %s, %s to %s", r2g_scaling_kind_name(series->kind), series->setting,
             series->input, series->from, series->to);
    mend_end(line);
    fprintf(file, "%s, %llu x %llu", line, (unsigned long long)first->width, (unsigned long long)first->height);
    if (last->height != first->height)
        fprintf(file, " to %llu x %llu", (unsigned long long)last->width, (unsigned long long)last->height);
    fputs("\n\n   ranks hosts    wall time        least         most    launch  speed-up  efficiency  balance  comm.  "
          "comp.\n",
          file);
    for (int i = 0; i < series->count; i++) {
        const struct r2g_scaling_point *point = &series->points[i];
        fprintf(file, "%8d%6d", point->ranks, point->hosts);
        print_time(file, point->median[R2G_SCALING_WALL], 13);
        print_time(file, point->wall_least, 13);
        print_time(file, point->wall_most, 13);
        print_time(file, point->median[R2G_SCALING_LAUNCH], 10);
        fprintf(file, "%10.*f", r2g_scaling_decimals(point->speed_up), point->speed_up);
        print_percent(file, point->efficiency, 12);
        print_percent(file, point->load_balance, 9);
        print_percent(file, point->communication, 7);
        print_percent(file, point->computation, 7);
        putc('\n', file);
    }
    r2g_scaling_verdict(series, verdict, sizeof verdict);
    fputs("\n  ", file);
    r2g_text_wrap(file, verdict, 2, 2, 100);
}

void r2g_scaling_print(FILE *file, const struct r2g_scaling_figures *figures) {
    for (int i = 0; i < figures->series_count; i++) {
        fputs(i > 0 ? "\n" : "", file);
        print_series(file, &figures->series[i]);
    }
    fputs("\n  Wall times are medians; launch is not counted in them. balance, comm. and comp. are the POP centre's "
          "load\n"
          "  balance, communication efficiency and computation scaling.\n",
          file);
}
