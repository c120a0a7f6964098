/* What the files of the row filters share: one kernel for each instruction set. Pure functions, constant data. */
#ifndef R2G_CODEC_PNG_FILTER_H
#define R2G_CODEC_PNG_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "pixel/isa.h"

enum r2g_png_filter {
    R2G_PNG_NONE,
    R2G_PNG_SUB,
    R2G_PNG_UP,
    R2G_PNG_AVERAGE,
    R2G_PNG_PAETH,
    R2G_PNG_FILTERS,
};

/* Both work on bytes first to last - 1 of a row, first >= pixel_nbytes, as far as they fill whole registers, and return
 * where they stopped; the rest is done byte by byte. */
struct r2g_png_filter_kernel {
    /* Adds each filter's sum of absolute differences to sums[]; only None's and Sub's where prior is NULL. */
    size_t (*add_sums)(const uint8_t *row, const uint8_t *prior, size_t first, size_t last, size_t pixel_nbytes,
                       uint64_t sums[R2G_PNG_FILTERS]);
    /* Writes filtered bytes to out[first], ...; not for None; prior may be NULL for Sub. */
    size_t (*apply)(enum r2g_png_filter filter, const uint8_t *row, const uint8_t *prior, size_t first, size_t last,
                    size_t pixel_nbytes, uint8_t *out);
};

#ifdef __x86_64__
extern const struct r2g_png_filter_kernel r2g_png_filter_sse4, r2g_png_filter_avx2;
#endif

/* As r2g_png_filter_row in png_parts.h, with the kernel that suits `isa`. All give the same bytes. */
void r2g_png_filter_row_by(const struct r2g_isa *isa, const uint8_t *row, const uint8_t *prior, size_t nbytes,
                           size_t pixel_nbytes, uint8_t *out);
/* The same with one given filter; without a row above, those that look at it become None and Sub (Up None, Average and
 * Paeth Sub). */
void r2g_png_filter_row_with(const struct r2g_isa *isa, enum r2g_png_filter filter, const uint8_t *row,
                             const uint8_t *prior, size_t nbytes, size_t pixel_nbytes, uint8_t *out);

#endif
