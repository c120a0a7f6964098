/* What the runs of `rgb2gray bench scaling` add up to: medians by number of ranks, speed-up, efficiency, POP's factors.
 *
 * Pure functions. A series is all runs of one kind, setting, input and pair of formats; its points go up in ranks.
 */
#ifndef R2G_CLI_SCALING_FIGURES_H
#define R2G_CLI_SCALING_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/scaling_runs.h"

#define R2G_SCALING_SERIES_MAX 12
#define R2G_SCALING_POINTS_MAX 64

/* Parts of the wall time, for charts: the six phases, and what is in none of them. */
enum { R2G_SCALING_PHASES = 6, R2G_SCALING_PARTS = 7 };
const char *r2g_scaling_part_name(int part); /* "read" … "write", "other" */

/* One number of ranks. NAN is unknown. */
struct r2g_scaling_point {
    int ranks, hosts, run_count;
    uint64_t width, height;
    double median[R2G_SCALING_NUMBERS]; /* each figure's own median over the runs */
    double wall_least, wall_most;       /* s */
    double rate;                        /* pixels a second, of the median wall time */

    /* Against the point with the fewest ranks of the series, the reference:
     *   speed_up = rate / rate of the reference (so for weak scaling it is the scaled speed-up of Gustafson, 1988)
     *   efficiency = speed_up * ranks of the reference / ranks */
    double speed_up, efficiency;

    /* The POP centre's factors ("POP Standard Metrics for Parallel Performance Analysis", https://pop-coe.eu/node/69).
     * Its "useful" time is what a rank spends outside communication: here reading, converting, encoding and writing.
     *   load balance             = mean useful time of the ranks / greatest useful time of a rank
     *   communication efficiency = greatest useful time of a rank / wall time
     *   parallel efficiency      = load balance * communication efficiency
     *   computation scaling      = useful time of all ranks together in the reference / here; POP compares runs of equal
     *                              work, so that here it is taken for each pixel, which makes it hold for weak scaling too
     *   global efficiency        = parallel efficiency * computation scaling */
    double load_balance, communication, parallel, computation, global;

    double share[R2G_SCALING_PARTS]; /* of the wall time, mean over the ranks; they add up to 1, or all are NAN */

    /* The luma kernel against a memory copy, 10^9 bytes a second, read and written, all ranks together:
     *   kernel_gbs = pixels * bytes per pixel / the longest time that a rank converted for */
    double kernel_gbs;
};

struct r2g_scaling_series {
    enum r2g_scaling_kind kind;
    const char *setting, *input, *from, *to; /* of the runs, which must outlive this */
    bool simulated;                          /* by its setting */
    struct r2g_scaling_point points[R2G_SCALING_POINTS_MAX];
    int count;
};

struct r2g_scaling_figures {
    struct r2g_scaling_series *series; /* series_count of them, in order of appearance */
    int series_count;
    int ranks_most;
};

/* Fills *figures. R2G_ELIMIT with more series or points than there is room for; R2G_ECORRUPT where a strong series mixes
 * sizes, or the runs of a point do; R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_scaling_figure(struct r2g_scaling_figures *figures, const struct r2g_scaling_runs *runs,
                                             struct r2g_error *err);
void r2g_scaling_figures_free(struct r2g_scaling_figures *figures);

/* The median of the count values that are known, which are put in order; NAN where none is. */
double r2g_scaling_median(double *values, size_t count);

#endif
