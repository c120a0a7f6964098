/* Applies an orientation to the pixels.
 *
 * A reader in front of another one: it reads the whole picture, already converted to gray, into memory (row blocks arrive
 * top to bottom, but a turned picture needs its columns first) and then delivers upright gray rows.
 */
#ifndef R2G_PIPELINE_ORIENT_H
#define R2G_PIPELINE_ORIENT_H

#include "codec/codec.h"
#include "pixel/conversion.h"

/* Wraps `inner`, which the new reader then owns (on failure the caller still does). `conversion` says how inner's rows
 * become gray; the new reader's image is that gray picture, upright: its layout is GRAY or GRAYA, its maxval
 * conversion->out_maxval. R2G_ELIMIT if the gray picture does not fit. */
R2G_MUST_CHECK r2g_status r2g_orient_open(struct r2g_reader **reader, struct r2g_reader *inner, unsigned orientation,
                                          const struct r2g_conversion *conversion,
                                          const struct r2g_read_options *options, struct r2g_error *err);

#endif
