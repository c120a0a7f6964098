/* scaling.html: one page, light or dark as the system is, for a screen, a phone or paper. It loads nothing. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "cli/scaling_page.h"

/* Tables with more columns have the page's width to themselves. */
#define PAIRED_POINTS_MAX 4

static const char style[] =
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 var(--sans)}\n"
    "main{max-width:1120px;margin:0 auto;padding:24px 16px 48px}\n"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 4px}\n"
    "h2{font-size:1.125rem;margin:0 0 8px}\n"
    "h3{font-size:.9375rem;margin:0 0 8px}\n"
    "p{margin:0 0 8px;max-width:75ch}\n"
    "a{color:var(--accent)}\n"
    ".soft{color:var(--soft);font-size:.8125rem;max-width:100ch}\n"
    "section{background:var(--face);border:1px solid var(--line);border-radius:6px;padding:16px;margin-top:16px}\n"
    ".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:16px 32px}\n"
    ".wide{grid-template-columns:minmax(0,1fr)}\n"
    ".pair>*{min-width:0}\n"
    ".verdict{font-size:1.125rem;font-weight:600;border-left:4px solid var(--accent);padding-left:12px;margin:12px 0 "
    "0}\n"
    ".verdict .soft{display:block;font-weight:400}\n"
    ".many .verdict{font-size:.9375rem;margin-top:8px;max-width:100ch}\n"
    ".simulation{border-left-color:var(--warn);color:var(--warn)}\n"
    "figure{margin:0;min-width:0}\n"
    "svg{display:block;width:100%;max-width:500px;height:auto}\n"
    "figcaption{color:var(--soft);font-size:.8125rem;margin-top:4px;max-width:70ch}\n"
    ".scroll{overflow-x:auto}\n"
    ".scroll+p,.pair+p{margin-top:12px}\n"
    ".scroll+h3,div+h3{margin-top:20px}\n"
    "table{border-collapse:collapse;font-size:.875rem;white-space:nowrap;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:4px 12px 4px 0;border-bottom:1px solid var(--line);text-align:right}\n"
    "th:first-child{text-align:left;font-weight:400}\n"
    "thead th,thead th:first-child{color:var(--soft);font-weight:600;vertical-align:bottom;white-space:normal}\n"
    "tr.sum th,tr.sum td{font-weight:600}\n"
    "td.tint{padding-left:10px}\n"
    ".sub th:first-child{padding-left:12px}\n"
    ".sub2 th:first-child{padding-left:24px}\n"
    "dl{display:grid;grid-template-columns:minmax(7rem,auto) 1fr;gap:4px 16px;margin:12px 0 0;font-size:.875rem}\n"
    "dt{color:var(--soft)}\n"
    "dd{margin:0;overflow-wrap:anywhere}\n"
    "ul{padding-left:1.2em;margin:0}\n"
    "li{margin-bottom:4px;max-width:80ch}\n"
    "@media(max-width:30rem){\n"
    ".sub th:first-child{padding-left:6px}\n"
    ".sub2 th:first-child{padding-left:12px}\n"
    "tbody th:first-child{white-space:normal}\n"
    "section{padding:12px}\n"
    "th,td{padding-right:8px}\n"
    "}\n"
    "@media print{\n"
    "body{background:#fff;font-size:10pt}\n"
    "main{padding:0;max-width:none}\n"
    "section{break-inside:avoid;border:0;border-top:1px solid var(--line);border-radius:0;padding:10px "
    "0;margin-top:10px}\n"
    "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}\n"
    ".scroll{overflow:visible}\n"
    "table{font-size:8.5pt}\n"
    "th,td{padding-right:7px}\n"
    ".pair:not(.wide){grid-template-columns:1fr 1fr}\n"
    "figure{break-inside:avoid}\n"
    "}\n";

static void put_time(FILE *file, double seconds) {
    char text[32] = "&#8211;";
    if (!isnan(seconds))
        r2g_text_time(text, sizeof text, (int64_t)(seconds * 1e9));
    fprintf(file, "<td>%s</td>", text);
}

static void put_percent(FILE *file, double part) {
    if (isnan(part))
        fputs("<td>&#8211;</td>", file);
    else
        fprintf(file, "<td>%.*f&#160;%%</td>", part < 0.0995 ? 1 : 0, 100 * part);
}

/* A factor, on a ground that is the stronger the more of it is missing. */
static void put_factor(FILE *file, double factor) {
    double missing = isnan(factor) ? 0 : fmin(fmax(1 - factor, 0), 1);
    if (isnan(factor))
        fputs("<td class=\"tint\">&#8211;</td>", file);
    else
        fprintf(file, "<td class=\"tint\" style=\"background:rgba(var(--tint),%.2f)\">%.*f&#160;%%</td>",
                0.45 * missing, factor < 0.0995 ? 1 : 0, 100 * factor);
}

static void put_label(FILE *file, const struct r2g_scaling_figures *figures, int series, const char *tag) {
    char label[900];
    r2g_scaling_label(figures, series, label, sizeof label);
    fprintf(file, "<%s>", tag);
    r2g_scaling_escape(file, label);
    fprintf(file, "</%s>\n", tag);
}

static void put_term(FILE *file, const char *term, const char *text) {
    if (!*text)
        return;
    fprintf(file, "<dt>%s</dt><dd>", term);
    r2g_scaling_escape(file, text);
    fputs("</dd>\n", file);
}

static void put_head(FILE *file, const struct r2g_scaling_figures *figures, const struct r2g_scaling_about *about) {
    bool simulated = false;
    char verdict[400];
    fprintf(file, "<main>\n<header%s>\n<h1>How rgb2gray scales</h1>\n",
            figures->series_count > 2 ? " class=\"many\"" : "");
    for (int i = 0; i < figures->series_count; i++)
        simulated = simulated || figures->series[i].simulated;
    for (int i = 0; i < figures->series_count; i++) {
        char label[900];
        r2g_scaling_label(figures, i, label, sizeof label);
        fputs("<p class=\"verdict\"><span class=\"soft\">", file);
        r2g_scaling_escape(file, label);
        fputs("</span> ", file);
        r2g_scaling_verdict(&figures->series[i], verdict, sizeof verdict);
        r2g_scaling_escape(file, verdict);
        fputs("</p>\n", file);
    }
    if (simulated)
        fputs("<p class=\"verdict simulation\">Series whose setting says &quot;simulated&quot; were computed by a "
              "simulator, not measured on a machine. Their lines are dotted.</p>\n",
              file);
    fputs("<dl>\n", file);
    put_term(file, "Machine", about->machine);
    put_term(file, "Program", about->program);
    put_term(file, "Measured", about->when);
    fputs("</dl>\n</header>\n", file);
}

static void put_charts(FILE *file, const struct r2g_scaling_figures *figures) {
    fputs("<section>\n<h2>Speed-up and efficiency</h2>\n<div class=\"pair\">\n<figure>\n", file);
    r2g_scaling_draw_speed_up(file, figures, false);
    fputs("<figcaption>Pixels a second, over those with the fewest ranks of the same series. Strong scaling: the same "
          "picture. Weak scaling: a picture whose height grows with the ranks. Medians; thin lines go from the slowest "
          "run to the fastest.</figcaption>\n</figure>\n<figure>\n",
          file);
    r2g_scaling_draw_efficiency(file, figures);
    fputs("<figcaption>Speed-up over the number of ranks, against the fewest. Launch is not counted; it stands in the "
          "table.</figcaption>\n</figure>\n</div>\n</section>\n",
          file);
}

static void put_times_of(FILE *file, const struct r2g_scaling_figures *figures, int index) {
    const struct r2g_scaling_series *series = &figures->series[index];
    char about[900];
    put_label(file, figures, index, "h3");
    snprintf(about, sizeof about, "%s, %s to %s", series->input, series->from, series->to);
    fputs("<p class=\"soft\">", file);
    r2g_scaling_escape(file, about);
    fputs("</p>\n<div class=\"scroll\"><table><thead><tr><th>ranks</th><th>wall "
          "time</th><th>speed-up</th><th>efficiency</th>"
          "<th>least</th><th>most</th><th>launch</th><th>megapixels a "
          "second</th><th>picture</th><th>hosts</th><th>runs</th></tr></thead><tbody>\n",
          file);
    for (int i = 0; i < series->count; i++) {
        const struct r2g_scaling_point *point = &series->points[i];
        fprintf(file, "<tr><th>%d</th>", point->ranks);
        put_time(file, point->median[R2G_SCALING_WALL]);
        fprintf(file, "<td>%.*f</td>", r2g_scaling_decimals(point->speed_up), point->speed_up);
        put_percent(file, point->efficiency);
        put_time(file, point->wall_least);
        put_time(file, point->wall_most);
        put_time(file, point->median[R2G_SCALING_LAUNCH]);
        fprintf(file, "<td>%.0f</td><td>%llu&#160;&#215;&#160;%llu</td><td>%d</td><td>%d</td></tr>\n",
                point->rate / 1e6, (unsigned long long)point->width, (unsigned long long)point->height, point->hosts,
                point->run_count);
    }
    fputs("</tbody></table></div>\n", file);
}

static void put_times(FILE *file, const struct r2g_scaling_figures *figures) {
    fputs("<section>\n<h2>Times</h2>\n", file);
    for (int i = 0; i < figures->series_count; i++)
        put_times_of(file, figures, i);
    fputs(
        "<p class=\"soft\">Wall time: the median; from opening the input until the last rank has done writing, as the "
        "program's "
        "own "
        "report has it. Launch: from the launcher's start to the end of MPI_Init; not part of the wall time, and there "
        "is none where one rank runs without a launcher.</p>\n</section>\n",
        file);
}

static void put_shares(FILE *file, const struct r2g_scaling_figures *figures) {
    bool any = false;
    for (int i = 0; i < figures->series_count; i++)
        any = any || r2g_scaling_has_shares(&figures->series[i]);
    if (!any)
        return;
    fputs("<section>\n<h2>Where the time goes</h2>\n<div class=\"pair\">\n", file);
    for (int i = 0; i < figures->series_count; i++) {
        if (!r2g_scaling_has_shares(&figures->series[i]))
            continue;
        fputs("<figure>\n", file);
        put_label(file, figures, i, "h3");
        r2g_scaling_draw_shares(file, &figures->series[i]);
        fputs("</figure>\n", file);
    }
    fputs("</div>\n<p class=\"soft\">Shares of the wall time, mean over the ranks, medians of the runs. Scatter and "
          "gather "
          "have waiting in them; &quot;other&quot; is what is in no phase: agreeing, and being idle while another rank "
          "works.</p>\n</section>\n",
          file);
}

/* A factor of POP by its name and depth in their tree. */
struct factor {
    const char *name, *row;
    size_t offset;
};
static const struct factor factors[] = {
    {"Global efficiency", "sum", offsetof(struct r2g_scaling_point, global)},
    {"Parallel efficiency", "sub", offsetof(struct r2g_scaling_point, parallel)},
    {"Load balance", "sub2", offsetof(struct r2g_scaling_point, load_balance)},
    {"Communication efficiency", "sub2", offsetof(struct r2g_scaling_point, communication)},
    {"Computation scaling", "sub", offsetof(struct r2g_scaling_point, computation)},
};

static bool has_factors(const struct r2g_scaling_series *series) {
    for (int i = 0; i < series->count; i++) {
        if (!isnan(series->points[i].parallel))
            return true;
    }
    return false;
}

static void put_factors_of(FILE *file, const struct r2g_scaling_figures *figures, int index) {
    const struct r2g_scaling_series *series = &figures->series[index];
    fputs("<div>\n", file);
    put_label(file, figures, index, "h3");
    fputs("<div class=\"scroll\"><table><thead><tr><th>ranks</th>", file);
    for (int i = 0; i < series->count; i++)
        fprintf(file, "<th>%d</th>", series->points[i].ranks);
    fputs("</tr></thead><tbody>\n", file);
    for (size_t f = 0; f < sizeof factors / sizeof factors[0]; f++) {
        fprintf(file, "<tr class=\"%s\"><th>%s</th>", factors[f].row, factors[f].name);
        for (int i = 0; i < series->count; i++)
            put_factor(file, *(const double *)((const char *)&series->points[i] + factors[f].offset));
        fputs("</tr>\n", file);
    }
    fputs("</tbody></table></div>\n</div>\n", file);
}

static void put_factors(FILE *file, const struct r2g_scaling_figures *figures) {
    bool any = false, wide = false;
    for (int i = 0; i < figures->series_count; i++)
        any = any || has_factors(&figures->series[i]);
    if (!any)
        return;
    for (int i = 0; i < figures->series_count; i++)
        wide = wide || figures->series[i].count > PAIRED_POINTS_MAX;
    fprintf(file, "<section>\n<h2>What is lost, and to what</h2>\n<div class=\"pair%s\">\n", wide ? " wide" : "");
    for (int i = 0; i < figures->series_count; i++) {
        if (has_factors(&figures->series[i]))
            put_factors_of(file, figures, i);
    }
    fputs(
        "</div>\n<p class=\"soft\">The factors of the <a href=\"https://pop-coe.eu/node/69\">POP centre</a>. Useful "
        "time is "
        "what a rank spends reading, converting, encoding and writing: all that is not communication. Load balance: "
        "its "
        "mean over the ranks by its greatest. Communication efficiency: the greatest by the wall time. Parallel "
        "efficiency: their product. Computation scaling: useful time of all ranks together for a pixel with the fewest "
        "ranks, by that here; ranks that share a memory or a disk need more. Global efficiency: the product of the "
        "last "
        "two. All from medians of the runs. POP regards 80&#160;% and more as acceptable.</p>\n</section>\n",
        file);
}

static void put_roof_table(FILE *file, const struct r2g_scaling_figures *figures, int index) {
    const struct r2g_scaling_series *series = &figures->series[index];
    put_label(file, figures, index, "h3");
    fputs("<div class=\"scroll\"><table><thead><tr><th>ranks</th><th>memory copy, GB/s</th><th>bytes a pixel</th>"
          "<th>kernel, GB/s</th><th>of the roof</th></tr></thead><tbody>\n",
          file);
    for (int i = 0; i < series->count; i++) {
        const struct r2g_scaling_point *point = &series->points[i];
        double roof = point->median[R2G_SCALING_COPY_GBS];
        if (isnan(roof) || isnan(point->kernel_gbs))
            continue;
        fprintf(file, "<tr><th>%d</th><td>%.1f</td><td>%g</td><td>%.1f</td>", point->ranks, roof,
                point->median[R2G_SCALING_BYTES_PER_PIXEL], point->kernel_gbs);
        put_percent(file, point->kernel_gbs / roof);
        fputs("</tr>\n", file);
    }
    fputs("</tbody></table></div>\n", file);
}

static void put_roof(FILE *file, const struct r2g_scaling_figures *figures) {
    bool any = false;
    for (int i = 0; i < figures->series_count; i++)
        any = any || r2g_scaling_has_roof(&figures->series[i]);
    if (!any)
        return;
    fputs("<section>\n<h2>The luma kernel under the roof of memory</h2>\n<div class=\"pair\">\n<figure>\n", file);
    r2g_scaling_draw_roof(file, figures);
    fputs("<figcaption>A kernel that does a few whole-number operations on each pixel is bound by memory: it cannot be "
          "faster than its bytes come and go. The roof is a memory copy by as many processes at once, of buffers too "
          "large for the caches, measured between the runs. A kernel above it finds its rows still in the cache, where "
          "reading has just put them.</figcaption>\n</figure>\n<div>\n",
          file);
    for (int i = 0; i < figures->series_count; i++) {
        if (r2g_scaling_has_roof(&figures->series[i]))
            put_roof_table(file, figures, i);
    }
    fputs("<p class=\"soft\">Bytes a pixel: those that the kernel reads and writes for it. Kernel: pixels times these "
          "bytes "
          "by the longest time that a rank converted for, within the runs.</p>\n</div>\n</div>\n</section>\n",
          file);
}

static void put_method(FILE *file, const struct r2g_scaling_figures *figures) {
    bool measured = false;
    for (int i = 0; i < figures->series_count; i++)
        measured = measured || !figures->series[i].simulated;
    fputs("<section>\n<h2>Where the numbers come from</h2>\n<ul>\n", file);
    if (measured)
        fputs(
            "<li>Each measured run is the program itself, started anew: <code>rgb2gray -n K --report json</code>; one "
            "rank, unless there is a hosts file, is the program without MPI: the same code.</li>\n"
            "<li>One run of each kind goes first and is not counted. Then the numbers of ranks take turns, upwards and "
            "downwards, so that a machine that gets warmer or busier does not favour one of them.</li>\n",
            file);
    fputs("<li>Every number is a median of the runs in <code>scaling.csv</code>, which has a row for each, or follows "
          "from "
          "such medians as said above; <code>rgb2gray bench scaling --from scaling.csv</code> makes this page "
          "anew.</li>\n</ul>\n</section>\n",
          file);
}

void r2g_scaling_page(FILE *file, const struct r2g_scaling_figures *figures, const struct r2g_scaling_about *about) {
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
          "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>How rgb2gray scales</title>\n<style>\n",
          file);
    r2g_scaling_style(file);
    fputs(style, file);
    fputs("</style>\n</head>\n<body>\n", file);
    put_head(file, figures, about);
    put_charts(file, figures);
    put_times(file, figures);
    put_shares(file, figures);
    put_factors(file, figures);
    put_roof(file, figures);
    put_method(file, figures);
    fputs("</main>\n</body>\n</html>\n", file);
}
