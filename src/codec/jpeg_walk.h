/* Walking over the MCUs of a scan and taking the luma's bits along.
 *
 * The hot loops of the luma transcode, compiled for several instruction sets, with the same result on each. They know
 * nothing of files: whoever calls them sees to it that input and room for output are there.
 */
#ifndef R2G_CODEC_JPEG_WALK_H
#define R2G_CODEC_JPEG_WALK_H

#include "codec/jpeg_bits.h"
#include "codec/jpeg_huffman.h"

enum { R2G_JPEG_ROWS_MAX = 4 }; /* block rows of an MCU (T.81, B.2.2: sampling factors from 1 to 4) */

/* What of a scan does not change on the way. */
struct r2g_jpeg_shape {
    unsigned across, down; /* luma blocks of an MCU */
    unsigned chroma[2];    /* blocks of Cb and Cr in an MCU; 0 in gray pictures */
    const struct r2g_jpeg_walk *luma_walk, *chroma_walk[2];
    struct r2g_jpeg_dc_codes dc_codes; /* for writing; used where the order of blocks changes */
};

/* How far the walk has come. */
struct r2g_jpeg_run {
    const struct r2g_jpeg_shape *shape;
    const uint8_t *base;  /* of the bytes walked over */
    const uint8_t *limit; /* no MCU but the first of a call begins when `reading.next` is here or beyond */
    uint64_t place;       /* in bits from base */
    struct r2g_jpeg_writing out[R2G_JPEG_ROWS_MAX]; /* [0] the file's; the others: lower block rows of the MCU row */
    uint8_t *out_limit[R2G_JPEG_ROWS_MAX]; /* likewise for out[i].next; an MCU puts at most R2G_JPEG_PUT_MAX bytes */
    /* for changed orders only */
    uint32_t mcu;                    /* of the MCU row, the next one */
    unsigned kept_across, kept_down; /* luma blocks of an MCU that are not padding: as wide and high as the MCU, except
                                        at the picture's right and lower edges */
    int32_t dc;                      /* luma's DC value of the block before, as the input counts */
    int32_t row_dc[R2G_JPEG_ROWS_MAX];   /* and as the output counts, in each block row */
    int32_t first_dc[R2G_JPEG_ROWS_MAX]; /* of the first block of the lower rows, which is not in out[] yet */
};

/* What one MCU can put into one writer: its bits, a DC code and value more for each block row, and a store's excess. */
enum { R2G_JPEG_PUT_MAX = R2G_JPEG_MCU_NBYTES_MAX + 16 };

enum r2g_jpeg_walk_end {
    R2G_JPEG_WALK_ON,       /* all MCUs asked for, or a limit reached */
    R2G_JPEG_WALK_BAD_CODE, /* bits that are no code */
    R2G_JPEG_WALK_BAD_DC,   /* a difference of DC values that 8-bit pictures do not have */
};

/* Walk over up to mcu_count MCUs, at least one. *done receives how many. What they read beyond the end of the data is
 * the caller's to notice, by run->place.
 * _same: the order of luma blocks stays, so that their bits are copied as they are; into out[0] alone.
 * _apart: each block row of an MCU goes into a writer of its own, with DC differences as they are in that row. The
 * MCUs must lie in one MCU row and have the same kept_across. */
R2G_MUST_CHECK enum r2g_jpeg_walk_end r2g_jpeg_walk_same(struct r2g_jpeg_run *run, uint32_t mcu_count, uint32_t *done);
R2G_MUST_CHECK enum r2g_jpeg_walk_end r2g_jpeg_walk_apart(struct r2g_jpeg_run *run, uint32_t mcu_count, uint32_t *done);

/* Appends the DC difference `diff`; false if there is no code for it. */
bool r2g_jpeg_put_dc(struct r2g_jpeg_writing *w, const struct r2g_jpeg_dc_codes *codes, int32_t diff);

#endif
