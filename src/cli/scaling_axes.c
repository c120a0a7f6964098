#include "cli/scaling_axes.h"

#include <math.h>

struct r2g_axis r2g_axis_linear(double most, int wanted, double from, double to) {
    static const double steps[] = {1, 2, 5, 10};
    struct r2g_axis axis = {.from = from, .to = to};
    double power = pow(10, floor(log10(most / wanted))), step = 10 * power;
    for (int i = 3; i >= 0; i--) {
        if (most / (steps[i] * power) <= wanted + 1e-9)
            step = steps[i] * power;
    }
    int count = (int)ceil(most / step - 1e-9);
    for (int i = 0; i <= count && i < R2G_AXIS_TICKS_MAX; i++)
        axis.ticks[axis.tick_count++] = i * step;
    axis.most = count * step;
    return axis;
}

struct r2g_axis r2g_axis_doubling(double least, double most, double from, double to) {
    int low = (int)floor(log2(least) + 1e-9), high = (int)ceil(log2(most) - 1e-9);
    high = high > low ? high : low + 1;
    struct r2g_axis axis = {.logarithmic = true, .least = exp2(low), .most = exp2(high), .from = from, .to = to};
    int step = (high - low + 7) / 8;
    for (int power = low; power <= high && axis.tick_count < R2G_AXIS_TICKS_MAX; power += step)
        axis.ticks[axis.tick_count++] = exp2(power);
    return axis;
}

double r2g_axis_at(const struct r2g_axis *axis, double value) {
    double within = fmin(fmax(value, axis->least), axis->most);
    double part = axis->logarithmic ? log2(within / axis->least) / log2(axis->most / axis->least)
                                    : (within - axis->least) / (axis->most - axis->least);
    return axis->from + part * (axis->to - axis->from);
}
