/* The headers of the Netpbm formats: PBM, PGM and PPM (P1 to P6) and PAM (P7).
 *
 * A stream reads a source byte by byte through a small buffer; it belongs to its reader, and to one thread at a time.
 * Format: the pbm(5), pgm(5), ppm(5) and pam(5) pages of Netpbm.
 */
#ifndef R2G_CODEC_PNM_HEADER_H
#define R2G_CODEC_PNM_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include <rgb2gray/image.h>
#include <rgb2gray/status.h>

#include "base/buffer.h"
#include "base/source.h"

#define R2G_PNM_NO_BYTE (-1)

struct r2g_pnm_stream {
    const struct r2g_source *source; /* not owned */
    uint64_t offset;                 /* of bytes[0] in the source */
    size_t next, nbytes;             /* next byte to give; bytes that are there */
    r2g_status status;               /* of the last read: R2G_EINPUT once it failed */
    uint8_t bytes[16384];
};

struct r2g_pnm_header {
    char kind; /* the digit of the magic: '1' to '7' */
    uint32_t width, height, maxval;
    enum r2g_layout layout;
    bool black_and_white; /* PAM of that tuple type, with or without alpha */
    uint64_t data_offset; /* of the first byte of the raster */
};

/* The same as r2g_pnm_stream_get, for when the buffer is used up. */
int r2g_pnm_stream_get_slowly(struct r2g_pnm_stream *stream, struct r2g_error *err);

/* The next byte, 0 to 255; R2G_PNM_NO_BYTE at the end of the file or when reading failed (see r2g_pnm_stream_end). */
static inline int r2g_pnm_stream_get(struct r2g_pnm_stream *stream, struct r2g_error *err) {
    return stream->next < stream->nbytes ? stream->bytes[stream->next++] : r2g_pnm_stream_get_slowly(stream, err);
}

/* What the caller returns after R2G_PNM_NO_BYTE: the read error, or R2G_ECORRUPT "file ends early, in WHERE". */
R2G_MUST_CHECK r2g_status r2g_pnm_stream_end(const struct r2g_pnm_stream *stream, const char *where,
                                             struct r2g_error *err);

/* Reads the header at the start of the stream and leaves the stream at the raster. Comments go to metadata->texts with
 * the key "Comment". Width, height and maxval come out within 1 to UINT32_MAX and 1 to 65535 (P1 and P4: 1).
 * R2G_EFORMAT for PFM, XV thumbnails and tuple types that are no gray or RGB picture; R2G_ECORRUPT; R2G_ELIMIT for a
 * width or height past 32 bits; R2G_EINPUT; R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_pnm_header_read(struct r2g_pnm_header *header, struct r2g_pnm_stream *stream,
                                              struct r2g_metadata *metadata, struct r2g_budget *budget,
                                              struct r2g_error *err);

#endif
