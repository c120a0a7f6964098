/* What a JPEG is written with beside its picture. All but the check run inside a step of the seam's guard. */
#ifndef R2G_CODEC_JPEG_METADATA_H
#define R2G_CODEC_JPEG_METADATA_H

#include "codec/codec.h"
#include "codec/jpeg_seam.h"

/* R2G_ELIMIT for what no JPEG can hold. */
R2G_MUST_CHECK r2g_status r2g_jpeg_check_metadata(const struct r2g_metadata *metadata, struct r2g_error *err);

/* Sets what the JFIF marker says (JFIF 1.02, page 5), before the start: 16-bit densities an inch, a centimetre, or as an
 * aspect ratio. What does not fit 16 bits is not asked for: see density_max. */
void r2g_jpeg_set_density(j_compress_ptr cinfo, const struct r2g_metadata *metadata);

/* Writes EXIF or the mere orientation, ICC profile and texts, just after the start. */
void r2g_jpeg_put_markers(j_compress_ptr cinfo, const struct r2g_metadata *metadata);

#endif
