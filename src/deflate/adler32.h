/* Adler-32 (RFC 1950, 9) as fast as memory. A pure function. */
#ifndef R2G_DEFLATE_ADLER32_H
#define R2G_DEFLATE_ADLER32_H

#include <stddef.h>
#include <stdint.h>

/* Of what `adler` (1: nothing) is the sum of, and then bytes[0 .. nbytes). */
uint32_t r2g_adler32(uint32_t adler, const uint8_t *bytes, size_t nbytes);

#endif
