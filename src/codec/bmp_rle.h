/* Run-length coded BMP pixels (RLE8 and RLE4): decoded as a whole, since deltas may leave out any part. */
#ifndef R2G_CODEC_BMP_RLE_H
#define R2G_CODEC_BMP_RLE_H

#include "codec/bmp_header.h"

/* Decodes into `indices`: header->height rows of header->width palette indices, a byte each, in the file's order of
 * rows, zeroed by the caller; pixels that the file leaves out stay 0. What runs past the end of a row is cut off there.
 * A missing end mark is tolerated where every row was reached to its end; else R2G_ECORRUPT. R2G_EINPUT. */
R2G_MUST_CHECK r2g_status r2g_bmp_rle_decode(uint8_t *indices, const struct r2g_bmp_header *header,
                                             const struct r2g_source *source, struct r2g_error *err);

#endif
