/* Undoing the row filters of PNG (section 9.2), several rows at once.
 *
 * Each instruction set is one row of a table. All give the same bytes. Pure functions but for the choice among them.
 */
#ifndef R2G_CODEC_PNG_UNFILTER_H
#define R2G_CODEC_PNG_UNFILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum png_filter { PNG_NONE, PNG_SUB, PNG_UP, PNG_AVERAGE, PNG_PAETH, PNG_FILTERS };

/* Consecutive rows: from `filtered`, where each is a filter type below PNG_FILTERS and nbytes bytes, to `rows`, stride
 * bytes apart. The two do not overlap. */
struct png_band {
    const uint8_t *filtered;
    uint8_t *rows;
    size_t stride;
    const uint8_t *prior; /* the row above as it was delivered; zeros above the picture's first */
    uint32_t row_count;
    size_t nbytes;         /* of a row; whole pixels */
    unsigned pixel_nbytes; /* 1, 2, 3, 4, 6 or 8 */
    bool swapped;          /* deliver the two bytes of each 16-bit sample in the other order */
};

struct png_unfilter {
    const char *name;
    bool (*available)(void);
    /* Undoes Sub in the band's first row. */
    void (*sub)(const struct png_band *band);
    /* Undoes any filters of the band's first rows; returns how many rows that were, at least one. */
    uint32_t (*group)(const struct png_band *band);
};

/* As many rows as any `group` takes: bands of a multiple of it make full use of it. */
#define PNG_GROUP_ROWS 8u

void r2g_png_unfilter(const struct png_unfilter *unfilter, const struct png_band *band);

/* The one that goes with the pixel kernels in use, and the i-th of all compiled in, NULL past the last. */
const struct png_unfilter *r2g_png_unfilter_current(void);
const struct png_unfilter *r2g_png_unfilter_at(size_t i);

/* For the rows of that table only. */
#if defined(__x86_64__)
#define R2G_PNG_X86
extern const struct png_unfilter r2g_png_unfilter_sse4, r2g_png_unfilter_avx2;
#elif defined(__aarch64__)
#define R2G_PNG_NEON
extern const struct png_unfilter r2g_png_unfilter_neon;
#endif
/* Undoes Sub in bytes `first` (a multiple of pixel_nbytes) to the end of the band's first row; what stands before them is
 * there already. */
void r2g_png_sub_from(const struct png_band *band, size_t first);

#endif
