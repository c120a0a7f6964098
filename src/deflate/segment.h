/* Deflate in independent pieces that can be joined: what makes a zlib stream parallel.
 *
 * Each segment uses no history from before it and ends on a byte boundary with an empty stored block (RFC 1951, 3.2.4), so
 * segments made anywhere, joined in order between a zlib header and r2g_deflate_end, are one valid stream.
 */
#ifndef R2G_DEFLATE_SEGMENT_H
#define R2G_DEFLATE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum r2g_deflate_level { R2G_DEFLATE_FAST, R2G_DEFLATE_DEFAULT, R2G_DEFLATE_SMALL };

/* Scratch memory of one encoder thread. */
struct r2g_deflater;
R2G_MUST_CHECK r2g_status r2g_deflater_new(struct r2g_deflater **deflater, enum r2g_deflate_level level,
                                           struct r2g_budget *budget, struct r2g_error *err);
void r2g_deflater_free(struct r2g_deflater *deflater);

/* Appends the compressed form of bytes[0 .. nbytes) to *out. The bytes appended depend on level and input alone: the
 * same on every instruction set. */
R2G_MUST_CHECK r2g_status r2g_deflate_segment(struct r2g_deflater *deflater, const uint8_t *bytes, size_t nbytes,
                                              struct r2g_buffer *out, struct r2g_error *err);

/* What the bytes behind the first history_nbytes, at most R2G_DEFLATE_SAMPLE_NBYTES_MAX, would take in a segment: for
 * choosing between forms of the same data. A quick estimate is by runs alone; `repeats` then tells that a thorough one may
 * be far lower. Nothing is written. */
#define R2G_DEFLATE_SAMPLE_NBYTES_MAX ((size_t)64 * 1024)
struct r2g_deflate_estimate {
    uint64_t cost; /* bits */
    bool repeats;
};
struct r2g_deflate_estimate r2g_deflate_estimate(struct r2g_deflater *deflater, const uint8_t *bytes, size_t nbytes,
                                                 size_t history_nbytes, bool thorough);

/* The two bytes before the first segment (RFC 1950: deflate, 32 KiB window) and the two that end the last block. */
extern const uint8_t r2g_zlib_header[2];
extern const uint8_t r2g_deflate_end[2];

#endif
