/* Wall time. */
#ifndef R2G_BASE_CLOCK_H
#define R2G_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds of a clock that never goes back; only differences mean anything. */
int64_t r2g_clock_ns(void);

#endif
