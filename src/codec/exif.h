/* EXIF, as far as rgb2gray needs it: the orientation tag and taking the thumbnail out.
 *
 * Blobs are TIFF structures (Exif 2.32, 4.5.2: "II*\0" or "MM\0*", offsets from the first byte), hostile until proven
 * otherwise: every offset is checked. Pure functions.
 */
#ifndef R2G_CODEC_EXIF_H
#define R2G_CODEC_EXIF_H

#include <rgb2gray/image.h>

/* The orientation 1 to 8 in IFD0, or 0 where there is none or it is not valid. */
unsigned r2g_exif_orientation(const struct r2g_blob *exif);
/* Sets the orientation tag where IFD0 has one (else does nothing). */
void r2g_exif_set_orientation(struct r2g_blob *exif, unsigned orientation);
/* Removes the thumbnail (IFD1, usually a small colour JPEG) by clearing its bytes and the link to it; true if there was
 * one. */
bool r2g_exif_drop_thumbnail(struct r2g_blob *exif);
/* Writes the smallest blob that says `orientation` (1 to 8) and nothing else; returns its size, at most 26 bytes. */
#define R2G_EXIF_MINIMAL_NBYTES 26
size_t r2g_exif_minimal(uint8_t bytes[R2G_EXIF_MINIMAL_NBYTES], unsigned orientation);

#endif
