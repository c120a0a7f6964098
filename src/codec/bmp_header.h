/* The headers of a BMP file: OS/2 1.x and 2.x, and Windows 3 (40 bytes) to V5 (124 bytes).
 *
 * Plain values read from a source; nothing is kept open. Format: Microsoft's "Bitmap Storage" and the structures
 * BITMAPFILEHEADER, BITMAPCOREHEADER, BITMAPINFOHEADER, BITMAPV4HEADER and BITMAPV5HEADER; for OS/2 2.x and the sizes
 * between, the "Encyclopedia of Graphics File Formats" (Murray, van Ryper), as used by the bmpsuite test pictures.
 */
#ifndef R2G_CODEC_BMP_HEADER_H
#define R2G_CODEC_BMP_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include <rgb2gray/image.h>
#include <rgb2gray/status.h>

#include "base/buffer.h"
#include "base/source.h"

enum r2g_bmp_coding { R2G_BMP_RAW, R2G_BMP_RLE8, R2G_BMP_RLE4, R2G_BMP_BIT_FIELDS };

/* Where a colour stands in a 16- or 32-bit pixel: bit_count bits from `shift` up; bit_count 0 where it is absent. */
struct r2g_bmp_field {
    uint32_t mask;
    unsigned shift, bit_count;
};

struct r2g_bmp_header {
    uint32_t width, height;
    bool top_down;
    unsigned bit_count; /* of a pixel: 1, 2, 4, 8, 16, 24 or 32 */
    enum r2g_bmp_coding coding;
    uint64_t data_offset;           /* of the pixels in the file */
    uint32_t palette_count;         /* entries that are there; the others are black */
    uint8_t palette[256][4];        /* blue, green, red, 0 */
    struct r2g_bmp_field fields[4]; /* blue, green, red, alpha; for 16 and 32 bits */
};

/* Reads the headers, the palette and what of the metadata BMP knows (density, embedded ICC profile).
 * R2G_EFORMAT for embedded JPEG or PNG, RLE24, Huffman coding and unknown header sizes; R2G_ECORRUPT; R2G_ELIMIT for an
 * ICC profile that does not fit the budget; R2G_EINPUT; R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_bmp_header_read(struct r2g_bmp_header *header, const struct r2g_source *source,
                                              struct r2g_metadata *metadata, struct r2g_budget *budget,
                                              struct r2g_error *err);

/* Bytes of a row of uncompressed pixels, with (a multiple of 4) and without the padding at its end. */
uint64_t r2g_bmp_row_nbytes(const struct r2g_bmp_header *header);
uint64_t r2g_bmp_used_nbytes(const struct r2g_bmp_header *header);

#endif
