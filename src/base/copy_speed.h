/* How fast memory is copied: what a kernel's speed is held against. */
#ifndef R2G_BASE_COPY_SPEED_H
#define R2G_BASE_COPY_SPEED_H

#include <stddef.h>
#include <stdint.h>

/* Copies nbytes from `in` to `out` again and again for least_ns; bytes read and written, in GB/s. */
double r2g_copy_gbs(const uint8_t *in, uint8_t *out, size_t nbytes, int64_t least_ns);

#endif
