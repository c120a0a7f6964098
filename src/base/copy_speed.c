#include "base/copy_speed.h"

#include <string.h>

#include "base/clock.h"

double r2g_copy_gbs(const uint8_t *in, uint8_t *out, size_t nbytes, int64_t least_ns) {
    double moved = 0;
    int64_t start = r2g_clock_ns(), now = start;
    while (now - start < least_ns) {
        memcpy(out, in, nbytes);
        __asm__ volatile("" : : "r"(out) : "memory"); /* the copy counts even though nobody looks */
        moved += 2.0 * (double)nbytes;
        now = r2g_clock_ns();
    }
    return moved / (double)(now - start);
}
