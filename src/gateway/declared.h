/* What an image file says of itself, found without decoding anything: its format, by content, and its declared size.
 *
 * Reads at most R2G_DECLARED_NBYTES of the file, and jumps over a JPEG's segments by their lengths; takes no memory. A file
 * whose size is not found so is "unknown", not refused: the program, in a process of its own, has the last word.
 * Pure but for the reads; any thread.
 */
#ifndef R2G_GATEWAY_DECLARED_H
#define R2G_GATEWAY_DECLARED_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/problem.h"

#define R2G_DECLARED_NBYTES 65536

struct r2g_declared {
    char format[8];         /* "png", "jpeg", "bmp", "pnm" */
    bool known;             /* whether the rest was found; else it is 0 */
    uint64_t width, height; /* pixels, at least 1 */
    unsigned samples;       /* of a pixel as stored, 1 to 4 */
    unsigned frames;        /* pictures that are read: 1 */
};

/* Looks at the file of `nbytes` behind `fd` (pread; its position stays). UNSUPPORTED_IMAGE where no format is known by that
 * content, naming well-known others; CORRUPT_IMAGE for an empty file; INTERNAL where it cannot be read. */
R2G_MUST_CHECK enum r2g_problem r2g_declared_read(int fd, uint64_t nbytes, struct r2g_declared *declared,
                                                  struct r2g_error *err);

/* Pixels in all, UINT64_MAX where they do not fit; 0 where not known. */
uint64_t r2g_declared_pixels(const struct r2g_declared *declared);

#endif
