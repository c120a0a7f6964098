/* Where the time of a rank goes: a bar for each number of ranks. */
#include <math.h>

#include "base/text.h"
#include "cli/scaling_page.h"

enum { WIDTH = 400, LEFT = 56, RIGHT = 312, ROW = 28, BAR = 22, TOP = 22, LEGEND_COLUMNS = 4, LEGEND_WIDTH = 94 };

/* A part narrower than this has no room for its figure. */
#define LABEL_SHARE 0.11

bool r2g_scaling_has_shares(const struct r2g_scaling_series *series) {
    for (int i = 0; i < series->count; i++) {
        if (!isnan(series->points[i].share[0]))
            return true;
    }
    return false;
}

static void draw_bar(FILE *file, const struct r2g_scaling_point *point, double y) {
    char wall[32];
    double x = LEFT, width = RIGHT - LEFT;
    r2g_text_time(wall, sizeof wall, (int64_t)(point->median[R2G_SCALING_WALL] * 1e9));
    fprintf(file, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%d</text>", LEFT - 8, y + 15, point->ranks);
    for (int part = 0; part < R2G_SCALING_PARTS; part++) {
        double share = point->share[part];
        if (!(share > 0)) /* or not known */
            continue;
        fprintf(file,
                "<g><title>%d ranks, %s: %.1f %%</title><rect class=\"part %s\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" "
                "height=\"%d\"/>",
                point->ranks, r2g_scaling_part_name(part), 100 * share, r2g_scaling_part_name(part), x, y,
                share * width, BAR);
        if (share >= LABEL_SHARE)
            fprintf(file, "<text class=\"in-part\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.0f %%</text>",
                    x + share * width / 2, y + 15, 100 * share);
        fputs("</g>", file);
        x += share * width;
    }
    fprintf(file, "<text x=\"%d\" y=\"%.1f\">%s</text>\n", RIGHT + 8, y + 15, wall);
}

void r2g_scaling_draw_shares(FILE *file, const struct r2g_scaling_series *series) {
    int legend = TOP + ROW * series->count + 14;
    int lines = (R2G_SCALING_PARTS + LEGEND_COLUMNS - 1) / LEGEND_COLUMNS;
    fprintf(file,
            "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Shares of the wall time by number of ranks, %s "
            "scaling\">\n",
            WIDTH, legend + 20 * lines, r2g_scaling_kind_name(series->kind));
    fprintf(file, "<text x=\"%d\" y=\"14\" text-anchor=\"end\">ranks</text><text x=\"%d\" y=\"14\">wall time</text>\n",
            LEFT - 8, RIGHT + 8);
    for (int i = 0; i < series->count; i++)
        draw_bar(file, &series->points[i], TOP + ROW * i);
    for (int part = 0; part < R2G_SCALING_PARTS; part++) {
        int x = 4 + LEGEND_WIDTH * (part % LEGEND_COLUMNS), y = legend + 20 * (part / LEGEND_COLUMNS);
        fprintf(
            file,
            "<rect class=\"part %s\" x=\"%d\" y=\"%d\" width=\"14\" height=\"14\"/><text x=\"%d\" y=\"%d\">%s</text>\n",
            r2g_scaling_part_name(part), x, y, x + 20, y + 11, r2g_scaling_part_name(part));
    }
    fputs("</svg>\n", file);
}
