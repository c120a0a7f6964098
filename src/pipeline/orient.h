/* Applies an orientation to the pixels.
 *
 * A reader in front of another one: it reads the whole picture, already converted to gray, into memory (row blocks arrive
 * top to bottom, but a turned picture needs its columns first) and then delivers upright gray rows.
 */
#ifndef R2G_PIPELINE_ORIENT_H
#define R2G_PIPELINE_ORIENT_H

#include "codec/codec.h"
#include "pixel/conversion.h"

/* Where pixel (x, y) of the upright picture is stored in one of width x height pixels, for each EXIF orientation (Exif 2.32,
 * 4.6.5.1.6). Pure. */
void r2g_orient_stored(unsigned orientation, uint32_t width, uint32_t height, uint32_t x, uint32_t y,
                       uint32_t *stored_x, uint32_t *stored_y);

/* Wraps `inner`, which the new reader then owns (on failure the caller still does). `conversion` says how inner's rows
 * become gray; the new reader's image is that gray picture, upright: its layout is GRAY or GRAYA, its maxval
 * conversion->out_maxval. R2G_ELIMIT if the gray picture does not fit. */
R2G_MUST_CHECK r2g_status r2g_orient_open(struct r2g_reader **reader, struct r2g_reader *inner, unsigned orientation,
                                          const struct r2g_conversion *conversion,
                                          const struct r2g_read_options *options, struct r2g_error *err);

#endif
