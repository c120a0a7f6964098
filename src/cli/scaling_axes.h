/* Scales and ticks of the charts. Pure functions: numbers in, numbers out. */
#ifndef R2G_CLI_SCALING_AXES_H
#define R2G_CLI_SCALING_AXES_H

#include <stdbool.h>

#define R2G_AXIS_TICKS_MAX 24

struct r2g_axis {
    bool logarithmic;
    double least, most; /* of the values; above 0 where logarithmic, and most > least */
    double from, to;    /* where they are drawn */
    double ticks[R2G_AXIS_TICKS_MAX];
    int tick_count;
};

/* From 0 to a round number at or above `most` (> 0), in about `wanted` steps of 1, 2 or 5 times a power of ten. */
struct r2g_axis r2g_axis_linear(double most, int wanted, double from, double to);
/* Powers of two around least and most (0 < least <= most); at most eight have a tick. */
struct r2g_axis r2g_axis_doubling(double least, double most, double from, double to);

/* Where a value is drawn; what lies outside is drawn at the end. */
double r2g_axis_at(const struct r2g_axis *axis, double value);

#endif
