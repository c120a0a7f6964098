/* A zlib stream (RFC 1950) decoded piece by piece, fast, in bounded memory.
 *
 * The caller owns input and output. Output goes into the caller's own memory and serves as the window: the 32 KiB of
 * output before span->out (all of it where there is less) must lie there unchanged. A caller whose buffer is full moves
 * the last 32 KiB to its start and goes on behind them. One stream and one thread at a time.
 */
#ifndef R2G_DEFLATE_INFLATE_H
#define R2G_DEFLATE_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define R2G_INFLATE_WINDOW_NBYTES ((size_t)32768)

enum r2g_inflate_result {
    R2G_INFLATE_MORE,    /* all input is consumed, or all room is full */
    R2G_INFLATE_END,     /* the stream ended, and its Adler-32 is right; span->in is behind it */
    R2G_INFLATE_DAMAGED, /* see r2g_inflater_damage; what was delivered before is right */
};

/* What is left to read and where to write: r2g_inflater_run moves both on. All of out[0 .. out_nbytes) may be written to,
 * also behind what is delivered. */
struct r2g_inflate_span {
    const uint8_t *in;
    size_t in_nbytes;
    uint8_t *out;
    size_t out_nbytes;
};

struct r2g_inflater;
/* R2G_ELIMIT over the budget, R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_inflater_new(struct r2g_inflater **inflater, struct r2g_budget *budget,
                                           struct r2g_error *err);
void r2g_inflater_free(struct r2g_inflater *inflater);

/* Decodes until the input is consumed, the room is full, the stream ends or is found to be damaged. */
R2G_MUST_CHECK enum r2g_inflate_result r2g_inflater_run(struct r2g_inflater *inflater, struct r2g_inflate_span *span);

/* What is wrong with the stream, a few static words; NULL while nothing is. */
const char *r2g_inflater_damage(const struct r2g_inflater *inflater);

#endif
