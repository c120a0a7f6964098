/* The charts over numbers of ranks: speed-up, efficiency, and the roof. Each is 380 units wide, so that its letters stay
 * legible on a phone, and as high as its legend needs. */
#include <math.h>
#include <string.h>

#include "cli/scaling_axes.h"
#include "cli/scaling_page.h"

enum { WIDTH = 380, LEFT = 42, RIGHT = 364, TOP = 26, BOTTOM = 262, LEGEND = 316, LEGEND_LINE = 19 };

/* Bytes of a legend's line, as many as there is room for, and of all of it. */
enum { LABEL_LINE = 48, LABEL_NBYTES = 240 };

/* Up to this many ranks an even axis shows more; beyond it, one that doubles. */
#define EVEN_RANKS_MAX 8

/* Colours named as on the gateway's page. */
void r2g_scaling_style(FILE *file) {
    static const char rules[] =
        ":root{color-scheme:light;--sans:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;\n"
        "--page:#f4f5f7;--face:#fff;--line:#cfd5dc;--strong:#727c88;--text:#191d22;--soft:#4c555f;\n"
        "--accent:#0b57a4;--warn:#7a5200;--on-part:#fff;--tint:11,87,164;\n"
        "--c0:#0b57a4;--c1:#8a6420;--c2:#1f7f5f;--c3:#ad3f78;--c4:#7350b5;--c5:#ad4d1e;\n"
        "--read:#2f6fb3;--scatter:#7350b5;--convert:#8f6a00;--encode:#1f7f5f;--gather:#ad3f78;--write:#ad4d1e;--other:#"
        "6a737d}\n"
        "@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;\n"
        "--page:#101317;--face:#181c21;--line:#343b44;--strong:#7b8592;--text:#e6e9ed;--soft:#a9b2bd;\n"
        "--accent:#7fb4f0;--warn:#e8c06a;--on-part:#0b1116;--tint:127,180,240;\n"
        "--c0:#7fb4f0;--c1:#d9b36c;--c2:#69c5a4;--c3:#e08bb5;--c4:#b59be6;--c5:#e0885f;\n"
        "--read:#6ea8e5;--scatter:#b59be6;--convert:#e3b84f;--encode:#69c5a4;--gather:#e08bb5;--write:#e0885f;--other:#"
        "8a939e}}\n"
        "svg text{font:12.5px var(--sans);fill:var(--soft)}\n"
        "svg .name{fill:var(--text);font-weight:600}\n"
        "svg .grid{stroke:var(--line)}\n"
        "svg .axis{stroke:var(--strong)}\n"
        "svg .ideal{stroke:var(--text);stroke-dasharray:5 4;fill:none}\n"
        "svg .line{stroke-width:2;fill:none}\n"
        "svg .spread{stroke-width:1.2}\n"
        "svg .simulated{stroke-dasharray:2 3}\n"
        "svg .mark{stroke-width:2}\n"
        "svg .weak .mark{fill:var(--face)}\n"
        "svg .roof{stroke:var(--strong);stroke-width:3;fill:none}\n"
        "svg .part{stroke:var(--face)}\n"
        "svg .in-part{fill:var(--on-part);font-size:11px}\n";
    fputs(rules, file);
    for (int i = 0; i < 6; i++)
        fprintf(file, "svg .c%d{stroke:var(--c%d);fill:var(--c%d)}\n", i, i, i);
    for (int part = 0; part < R2G_SCALING_PARTS; part++)
        fprintf(file, "svg .%s{fill:var(--%s)}\n", r2g_scaling_part_name(part), r2g_scaling_part_name(part));
}

void r2g_scaling_escape(FILE *file, const char *text) {
    for (; *text; text++) {
        const char *word = *text == '&'    ? "&amp;"
                           : *text == '<'  ? "&lt;"
                           : *text == '>'  ? "&gt;"
                           : *text == '"'  ? "&quot;"
                           : *text == '\'' ? "&#39;"
                                           : NULL;
        if (word || (*text == ' ' && text[1] == '%'))
            fputs(word ? word : "&#160;", file);
        else
            putc(*text, file);
    }
}

/* What the three charts differ in. */
struct chart {
    const char *title, *id;
    double (*value)(const struct r2g_scaling_point *point); /* NAN: not drawn */
    const char *format;                                     /* of a value, in a tooltip */
    const char *tick_format;
    double tick_factor;
};

static double speed_up_of(const struct r2g_scaling_point *point) {
    return point->speed_up;
}

static double efficiency_of(const struct r2g_scaling_point *point) {
    return point->efficiency;
}

static double kernel_of(const struct r2g_scaling_point *point) {
    return isnan(point->median[R2G_SCALING_COPY_GBS]) ? NAN : point->kernel_gbs;
}

static const struct chart speed_up_chart = {"Speed-up", "speed-up", speed_up_of, "%.2f times as fast", "%g", 1};
static const struct chart efficiency_chart = {"Efficiency, %",   "efficiency", efficiency_of,
                                              "efficiency %.2f", "%g",         100};
static const struct chart roof_chart = {"Memory traffic, 10^9 bytes/s", "roof", kernel_of,
                                        "the kernel: %.2f GB/s",        "%g",   1};

static bool is_drawn(const struct chart *chart, const struct r2g_scaling_series *series) {
    for (int i = 0; i < series->count; i++) {
        if (!isnan(chart->value(&series->points[i])))
            return true;
    }
    return false;
}

static struct r2g_axis ranks_axis(const struct r2g_scaling_figures *figures, const struct chart *chart) {
    double least = figures->ranks_most, most = 1;
    for (int i = 0; i < figures->series_count; i++) {
        const struct r2g_scaling_series *series = &figures->series[i];
        if (is_drawn(chart, series)) {
            least = fmin(least, series->points[0].ranks);
            most = fmax(most, series->points[series->count - 1].ranks);
        }
    }
    if (most > EVEN_RANKS_MAX)
        return r2g_axis_doubling(least, most, LEFT + 12, RIGHT - 8);
    struct r2g_axis axis = {.least = least - 0.5, .most = most + 0.5, .from = LEFT, .to = RIGHT};
    for (int i = (int)least; i <= (int)most; i++)
        axis.ticks[axis.tick_count++] = i;
    return axis;
}

/* Bytes of the first line of a label, which is broken at a blank where there is one. */
static size_t label_break(const char *label) {
    size_t nbytes = strlen(label), at = LABEL_LINE;
    if (nbytes <= LABEL_LINE)
        return nbytes;
    while (at > LABEL_LINE / 2 && label[at] != ' ')
        at--;
    if (label[at] == ' ')
        return at;
    for (at = LABEL_LINE; ((unsigned char)label[at] & 0xC0) == 0x80;)
        at--; /* not within a character */
    return at;
}

/* Lines of the legend of the series in front of this one. */
static int legend_lines(const struct r2g_scaling_figures *figures, const struct chart *chart, int series) {
    char label[LABEL_NBYTES];
    int lines = 0;
    for (int i = 0; i < series; i++) {
        if (!is_drawn(chart, &figures->series[i]))
            continue;
        r2g_scaling_label(figures, i, label, sizeof label);
        for (const char *rest = label; *rest; lines++)
            rest += label_break(rest);
    }
    return lines;
}

/* The legend has one more line than its series need. */
static void open_svg(FILE *file, const struct r2g_scaling_figures *figures, const struct chart *chart, bool alone) {
    int height = LEGEND + LEGEND_LINE * (legend_lines(figures, chart, figures->series_count) + 1) - 6;
    fprintf(file, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, height);
    r2g_scaling_escape(file, chart->title);
    fputs(" by number of ranks\"", file);
    if (alone) {
        fprintf(file, " xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\">\n<style>", 2 * WIDTH,
                2 * height);
        r2g_scaling_style(file);
        fputs("</style>\n<rect width=\"100%\" height=\"100%\" style=\"fill:var(--face)\"/>", file);
    } else {
        putc('>', file);
    }
    fprintf(file, "\n<text class=\"name\" x=\"4\" y=\"14\">%s</text>\n", chart->title);
}

static void draw_axes(FILE *file, const struct chart *chart, const struct r2g_axis *x, const struct r2g_axis *y) {
    for (int i = 0; i < y->tick_count; i++) {
        double at = r2g_axis_at(y, y->ticks[i]);
        fprintf(file, "<path class=\"%s\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
                i == 0 ? "axis" : "grid", LEFT, at, RIGHT, LEFT - 6, at + 4);
        fprintf(file, chart->tick_format, y->ticks[i] * chart->tick_factor);
        fputs("</text>\n", file);
    }
    for (int i = 0; i < x->tick_count; i++) {
        double ranks = x->ticks[i];
        fprintf(file, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g%s</text>\n", r2g_axis_at(x, ranks),
                BOTTOM + 17, ranks >= 16384 ? ranks / 1024 : ranks, ranks >= 16384 ? " Ki" : "");
    }
    fprintf(file, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">ranks (processes)</text>\n", (LEFT + RIGHT) / 2,
            BOTTOM + 34);
}

/* Which colour and mark a series has: where there are several settings, that of its setting; its kind then tells strong
 * (filled) from weak (hollow). */
static int look_of(const struct r2g_scaling_figures *figures, int series) {
    int look = 0, settings = 1;
    for (int i = 1; i < figures->series_count; i++) {
        bool seen = false;
        for (int k = 0; k < i; k++)
            seen = seen || figures->series[k].setting == figures->series[i].setting;
        settings += !seen;
        look += !seen && i <= series;
    }
    if (settings == 1)
        return series;
    for (int i = 0; i < series; i++) { /* the setting's first series had it already */
        if (figures->series[i].setting == figures->series[series].setting)
            return look_of(figures, i);
    }
    return look;
}

static void draw_mark(FILE *file, double x, double y, int look) {
    switch (look % 4) {
    case 0:
        fprintf(file, "<circle class=\"mark\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>", x, y);
        break;
    case 1:
        fprintf(file, "<rect class=\"mark\" x=\"%.1f\" y=\"%.1f\" width=\"7.4\" height=\"7.4\"/>", x - 3.7, y - 3.7);
        break;
    case 2:
        fprintf(file, "<path class=\"mark\" d=\"M%.1f %.1fl5 5l-5 5l-5 -5z\"/>", x, y - 5);
        break;
    default:
        fprintf(file, "<path class=\"mark\" d=\"M%.1f %.1fl5 8.6h-10z\"/>", x, y - 5.4);
    }
}

static void open_series(FILE *file, const struct r2g_scaling_series *series, int look) {
    fprintf(file, "<g class=\"c%d%s\">", look % 6, series->kind == R2G_SCALING_WEAK ? " weak" : "");
}

/* What a figure by median wall time would be by the fastest and the slowest run. */
static double fastest(const struct r2g_scaling_point *point, double value) {
    return value * point->median[R2G_SCALING_WALL] / point->wall_least;
}

static double slowest(const struct r2g_scaling_point *point, double value) {
    return value * point->median[R2G_SCALING_WALL] / point->wall_most;
}

/* How much of it an axis must show: one odd run shall not make the rest small. */
static double top_of(const struct r2g_scaling_point *point, double value) {
    return fmin(fastest(point, value), 1.25 * value);
}

static void draw_spread(FILE *file, const struct chart *chart, const struct r2g_scaling_point *point, double x,
                        const struct r2g_axis *y) {
    double value = chart->value(point);
    if (chart == &roof_chart || point->run_count < 2)
        return;
    fprintf(file, "<path class=\"spread\" d=\"M%.1f %.1fV%.1f\"/>", x, r2g_axis_at(y, slowest(point, value)),
            r2g_axis_at(y, fastest(point, value)));
}

static void draw_series(FILE *file, const struct chart *chart, const struct r2g_scaling_series *series, int look,
                        const struct r2g_axis *x, const struct r2g_axis *y) {
    bool begun = false;
    open_series(file, series, look);
    fprintf(file, "<path class=\"line%s\" d=\"", series->simulated ? " simulated" : "");
    for (int i = 0; i < series->count; i++) {
        double value = chart->value(&series->points[i]);
        if (isnan(value))
            continue;
        fprintf(file, "%c%.1f %.1f", begun ? 'L' : 'M', r2g_axis_at(x, series->points[i].ranks), r2g_axis_at(y, value));
        begun = true;
    }
    fputs("\"/>", file);
    for (int i = 0; i < series->count; i++) {
        const struct r2g_scaling_point *point = &series->points[i];
        double value = chart->value(point), at = r2g_axis_at(x, point->ranks);
        if (isnan(value))
            continue;
        fprintf(file, "<g><title>%d rank%s: ", point->ranks, point->ranks == 1 ? "" : "s");
        fprintf(file, chart->format, value);
        fputs("</title>", file);
        draw_spread(file, chart, point, at, y);
        draw_mark(file, at, r2g_axis_at(y, value), look);
        fputs("</g>", file);
    }
    fputs("</g>\n", file);
}

/* What the legend says of a series: a mark of its own, then words. */
static void draw_legend(FILE *file, const struct r2g_scaling_figures *figures, const struct chart *chart, int index) {
    const struct r2g_scaling_series *series = &figures->series[index];
    char label[LABEL_NBYTES], line[LABEL_LINE + 1];
    double y = LEGEND + LEGEND_LINE * legend_lines(figures, chart, index);
    r2g_scaling_label(figures, index, label, sizeof label);
    open_series(file, series, look_of(figures, index));
    fprintf(file, "<path class=\"line%s\" d=\"M%d %.1fh28\"/>", series->simulated ? " simulated" : "", 8, y);
    draw_mark(file, 22, y, look_of(figures, index));
    fputs("</g>", file);
    for (const char *rest = label; *rest; y += LEGEND_LINE) {
        size_t nbytes = label_break(rest);
        snprintf(line, sizeof line, "%.*s", (int)nbytes, rest);
        fprintf(file, "<text x=\"%d\" y=\"%.1f\">", LEFT, y + 4);
        r2g_scaling_escape(file, line + (line[0] == ' '));
        fputs("</text>\n", file);
        rest += nbytes;
    }
}

/* The last line of the legend. */
static void draw_note(FILE *file, const struct r2g_scaling_figures *figures, const struct chart *chart,
                      const char *class, const char *text) {
    double y = LEGEND + LEGEND_LINE * legend_lines(figures, chart, figures->series_count);
    fprintf(file, "<path class=\"%s\" d=\"M8 %.1fh28\"/><text x=\"%d\" y=\"%.1f\">%s</text>\n", class, y, LEFT, y + 4,
            text);
}

static void draw_all(FILE *file, const struct r2g_scaling_figures *figures, const struct chart *chart,
                     const struct r2g_axis *x, const struct r2g_axis *y) {
    for (int i = 0; i < figures->series_count; i++)
        if (is_drawn(chart, &figures->series[i]))
            draw_series(file, chart, &figures->series[i], look_of(figures, i), x, y);
    for (int i = 0; i < figures->series_count; i++) {
        if (is_drawn(chart, &figures->series[i]))
            draw_legend(file, figures, chart, i);
    }
}

/* As many times as fast as there are ranks, from the fewest of this series on. */
static void draw_ideal(FILE *file, const struct r2g_scaling_series *series, const struct r2g_axis *x,
                       const struct r2g_axis *y) {
    int first = series->points[0].ranks, last = series->points[series->count - 1].ranks;
    fprintf(file, "<path class=\"ideal\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", r2g_axis_at(x, first), r2g_axis_at(y, 1),
            r2g_axis_at(x, last), r2g_axis_at(y, (double)last / first));
}

void r2g_scaling_draw_speed_up(FILE *file, const struct r2g_scaling_figures *figures, bool alone) {
    struct r2g_axis x = ranks_axis(figures, &speed_up_chart), y;
    double least = 1, most = 1;
    for (int s = 0; s < figures->series_count; s++) {
        const struct r2g_scaling_series *series = &figures->series[s];
        most = fmax(most, (double)series->points[series->count - 1].ranks / series->points[0].ranks);
        for (int i = 0; i < series->count; i++) {
            most = fmax(most, top_of(&series->points[i], series->points[i].speed_up));
            least = fmin(least, slowest(&series->points[i], series->points[i].speed_up));
        }
    }
    y = x.logarithmic ? r2g_axis_doubling(least, most, BOTTOM, TOP) : r2g_axis_linear(most, 6, BOTTOM, TOP);
    open_svg(file, figures, &speed_up_chart, alone);
    draw_axes(file, &speed_up_chart, &x, &y);
    for (int s = 0; s < figures->series_count; s++)
        draw_ideal(file, &figures->series[s], &x, &y);
    draw_all(file, figures, &speed_up_chart, &x, &y);
    draw_note(file, figures, &speed_up_chart, "ideal", "ideal: as many times as fast as there are ranks");
    fputs("</svg>\n", file);
}

void r2g_scaling_draw_efficiency(FILE *file, const struct r2g_scaling_figures *figures) {
    struct r2g_axis x = ranks_axis(figures, &efficiency_chart);
    double most = 1;
    for (int s = 0; s < figures->series_count; s++) {
        for (int i = 0; i < figures->series[s].count; i++)
            most = fmax(most, top_of(&figures->series[s].points[i], figures->series[s].points[i].efficiency));
    }
    struct r2g_axis y = r2g_axis_linear(most, 6, BOTTOM, TOP);
    open_svg(file, figures, &efficiency_chart, false);
    draw_axes(file, &efficiency_chart, &x, &y);
    fprintf(file, "<path class=\"ideal\" d=\"M%d %.1fH%d\"/>\n", LEFT, r2g_axis_at(&y, 1), RIGHT);
    draw_all(file, figures, &efficiency_chart, &x, &y);
    draw_note(file, figures, &efficiency_chart, "ideal", "100 %: nothing is lost");
    fputs("</svg>\n", file);
}

bool r2g_scaling_has_roof(const struct r2g_scaling_series *series) {
    return is_drawn(&roof_chart, series);
}

static void draw_roof_line(FILE *file, const struct r2g_scaling_series *series, const struct r2g_axis *x,
                           const struct r2g_axis *y) {
    bool begun = false;
    fputs("<path class=\"roof\" d=\"", file);
    for (int i = 0; i < series->count; i++) {
        double roof = series->points[i].median[R2G_SCALING_COPY_GBS];
        if (isnan(roof))
            continue;
        double at = r2g_axis_at(x, series->points[i].ranks);
        fprintf(file, "%c%.1f %.1f", begun ? 'L' : 'M', begun ? at : at - 8, r2g_axis_at(y, roof));
        begun = true;
        if (series->count == 1)
            fprintf(file, "h16");
    }
    fputs("\"/>\n", file);
}

void r2g_scaling_draw_roof(FILE *file, const struct r2g_scaling_figures *figures) {
    struct r2g_axis x = ranks_axis(figures, &roof_chart);
    double most = 0;
    for (int s = 0; s < figures->series_count; s++) {
        for (int i = 0; i < figures->series[s].count; i++) {
            const struct r2g_scaling_point *point = &figures->series[s].points[i];
            most = fmax(most, fmax(point->median[R2G_SCALING_COPY_GBS], kernel_of(point))); /* passes NAN by */
        }
    }
    struct r2g_axis y = r2g_axis_linear(most > 0 ? most : 1, 5, BOTTOM, TOP);
    open_svg(file, figures, &roof_chart, false);
    draw_axes(file, &roof_chart, &x, &y);
    for (int s = 0; s < figures->series_count; s++)
        draw_roof_line(file, &figures->series[s], &x, &y);
    draw_all(file, figures, &roof_chart, &x, &y);
    draw_note(file, figures, &roof_chart, "roof", "the roof: memory copy by as many processes");
    fputs("</svg>\n", file);
}
