/* The inner loop of inflate: symbols of one block, while neither end of the buffers is near.
 *
 * It reads eight bytes at a time and writes behind what it delivers, which is why it stops R2G_INFLATE_FAST_IN_NBYTES
 * before the end of the input and R2G_INFLATE_FAST_OUT_NBYTES before the end of the room. All kernels do exactly the
 * same.
 */
#ifndef R2G_DEFLATE_INFLATE_FAST_H
#define R2G_DEFLATE_INFLATE_FAST_H

#include <stddef.h>
#include <stdint.h>

#include "deflate/inflate_tables.h"

/* A turn of the loop loads 8 bytes three times, each load at most 7 bytes behind the one before. */
#define R2G_INFLATE_FAST_IN_NBYTES 24
/* A turn delivers at most 12 literals and a match of 258 bytes, and writes at most 32 bytes more. */
#define R2G_INFLATE_FAST_OUT_NBYTES 320

/* Where decoding stands. The bits taken from the input but not used are the lowest `nbits` of `hold`. */
struct r2g_inflate_cursor {
    const uint8_t *in;
    const uint8_t *in_end;
    uint8_t *out;
    uint8_t *out_end;
    const uint8_t *window; /* the oldest output a match may reach */
    uint64_t hold;
    unsigned nbits; /* below 64 */
};

enum r2g_inflate_stop {
    R2G_INFLATE_NEAR_END,
    R2G_INFLATE_BLOCK_END,
    R2G_INFLATE_BAD_LITLEN,
    R2G_INFLATE_BAD_DISTANCE,
    R2G_INFLATE_TOO_FAR,
};

/* Decodes from between two symbols to between two symbols, past out_stop at most by one turn of the loop. Damage stops
 * it behind the last byte that is right; `hold` is of no use then. */
typedef enum r2g_inflate_stop r2g_inflate_loop(const struct r2g_inflate_tables *tables,
                                               struct r2g_inflate_cursor *cursor, const uint8_t *out_stop);

/* The kernels this processor has, best first; NULL past the last, which is plain C. */
r2g_inflate_loop *r2g_inflate_loop_at(size_t i);

/* Of a new inflater, for tests; it has the best otherwise. */
struct r2g_inflater;
void r2g_inflater_set_loop(struct r2g_inflater *inflater, r2g_inflate_loop *loop);

#endif
