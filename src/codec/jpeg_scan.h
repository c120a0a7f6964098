/* The entropy-coded bytes of a scan, without stuffing, in pieces; and the way back. */
#ifndef R2G_CODEC_JPEG_SCAN_H
#define R2G_CODEC_JPEG_SCAN_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/source.h"
#include "codec/jpeg_bits.h"

enum { R2G_JPEG_PIECE_NBYTES = 1 << 16 }; /* read at once: input, bits and output stay in a second-level cache */

/* Bytes up to the next marker. `bytes` is followed by R2G_JPEG_BITS_PAD zeros. */
struct r2g_jpeg_scan {
    const struct r2g_source *source;
    struct r2g_buffer bytes;
    bool ended;             /* a marker follows the bytes, or the file ends */
    bool filled;            /* fill bytes stood before a stuffed one, where no marker was */
    uint8_t marker;         /* that marker's code, 0 at the end of the file */
    uint64_t marker_offset; /* where it stands in the file */
    int64_t read_ns;        /* time spent in reading the file, so far */
    struct r2g_buffer raw;  /* the piece being worked off */
    size_t raw_at;
    uint64_t raw_offset; /* of raw's first byte in the file */
    bool raw_last;       /* the file ends with it */
};

/* Makes the scan begin at `offset` of the source. Call r2g_jpeg_scan_close afterwards in every case. */
R2G_MUST_CHECK r2g_status r2g_jpeg_scan_open(struct r2g_jpeg_scan *scan, const struct r2g_source *source,
                                             uint64_t offset, struct r2g_budget *budget, struct r2g_error *err);
void r2g_jpeg_scan_close(struct r2g_jpeg_scan *scan);

/* Throws away the first used_nbytes of the bytes and appends what the next piece has; not once `ended`. */
R2G_MUST_CHECK r2g_status r2g_jpeg_scan_fill(struct r2g_jpeg_scan *scan, size_t used_nbytes, struct r2g_error *err);

/* Goes on behind the marker, with nothing in `bytes`; only when `ended` with a marker. */
void r2g_jpeg_scan_resume(struct r2g_jpeg_scan *scan);

/* Appends bytes to `out` with a zero behind each 0xFF (ITU-T T.81, F.1.2.3). `out` must have room for 8
 * more. Returns how many bytes out received, at most twice nbytes. */
size_t r2g_jpeg_stuff(uint8_t *out, const uint8_t *bytes, size_t nbytes);

#endif
