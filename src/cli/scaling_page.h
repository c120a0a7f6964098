/* What `rgb2gray bench scaling` writes from its figures: charts, a page, JSON, and a table for a terminal.
 *
 * All write to a stream and return nothing: look at ferror afterwards. Texts of runs are escaped. Main thread only.
 */
#ifndef R2G_CLI_SCALING_PAGE_H
#define R2G_CLI_SCALING_PAGE_H

#include <stdio.h>

#include "cli/scaling_figures.h"

/* Where figures come from, for the page: one of each, or "" where the runs differ or do not say. */
struct r2g_scaling_about {
    const char *machine, *program, *when;
};
struct r2g_scaling_about r2g_scaling_about(const struct r2g_scaling_runs *runs);

/* Colours of light and dark, and the classes that the charts use, as CSS. */
void r2g_scaling_style(FILE *file);
/* Text for SVG and HTML; a blank in front of a '%' does not break. */
void r2g_scaling_escape(FILE *file, const char *text);
/* Decimals that leave about three figures of a factor. */
int r2g_scaling_decimals(double value);
/* What tells a series apart from the others, such as "strong, measured"; cut to text_nbytes. */
void r2g_scaling_label(const struct r2g_scaling_figures *figures, int series, char *text, size_t text_nbytes);
/* One sentence on the most ranks of a series against its fewest, of at most 400 bytes. A slow-down is told as such. */
void r2g_scaling_verdict(const struct r2g_scaling_series *series, char *text, size_t text_nbytes);

/* Charts, as <svg> elements. `alone`: a file of its own, with its style. */
void r2g_scaling_draw_speed_up(FILE *file, const struct r2g_scaling_figures *figures, bool alone);
void r2g_scaling_draw_efficiency(FILE *file, const struct r2g_scaling_figures *figures);
void r2g_scaling_draw_roof(FILE *file, const struct r2g_scaling_figures *figures);
void r2g_scaling_draw_shares(FILE *file, const struct r2g_scaling_series *series);
/* Whether there is anything for the last two to draw. */
bool r2g_scaling_has_roof(const struct r2g_scaling_series *series);
bool r2g_scaling_has_shares(const struct r2g_scaling_series *series);

/* All of it as one HTML page that needs nothing else. */
void r2g_scaling_page(FILE *file, const struct r2g_scaling_figures *figures, const struct r2g_scaling_about *about);
/* Tables of at most 100 columns for a terminal. */
void r2g_scaling_print(FILE *file, const struct r2g_scaling_figures *figures);
/* The figures as JSON; R2G_ENOMEM, R2G_EOUTPUT. */
R2G_MUST_CHECK r2g_status r2g_scaling_json(FILE *file, const struct r2g_scaling_figures *figures,
                                           const struct r2g_scaling_about *about, struct r2g_error *err);

#endif
