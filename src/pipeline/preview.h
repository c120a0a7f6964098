/* Scaled pictures for people to look at: in colour where the input is, upright, 8 bits, alpha laid on white.
 *
 * Rows are read from top to bottom and averaged as they come, so that memory does not depend on the picture's height,
 * except where a decoder holds the whole picture, or tiles of a turned one are made. One thread; nothing knows of MPI.
 */
#ifndef R2G_PIPELINE_PREVIEW_H
#define R2G_PIPELINE_PREVIEW_H

#include <rgb2gray/convert.h>

enum { R2G_PREVIEW_SIZE = 1024, R2G_PREVIEW_SIZE_MIN = 16, R2G_PREVIEW_SIZE_MAX = 8192, R2G_PREVIEW_TILE = 512 };

struct r2g_preview_request {
    const char *in_path, *out_path; /* in_path "-": standard input */
    uint32_t size;                  /* longest side of a single picture, at most; pictures are never enlarged */
    /* overwrite (a single picture's), sync, max_pixels, mem_limit_nbytes, and progress, which can stop the work, count;
     * the rest does not */
    struct r2g_options options;
};

/* Writes one picture, as JPEG or PNG by out_path's ending. Each sample is the exact mean of the area it covers, rounded
 * once. R2G_EFORMAT for another ending; else any status as of a conversion. */
R2G_MUST_CHECK r2g_status r2g_preview_picture(const struct r2g_preview_request *request, struct r2g_error *err);

/* Writes the folder out_path, which must not exist (R2G_EEXISTS) and appears only when it is whole: tiles of
 * R2G_PREVIEW_TILE pixels of the full picture as 0/COLUMN_ROW.png, with its very pixels where it has 8 bits, then of half
 * its size as 1/COLUMN_ROW.jpg, and so on until one tile holds it all, and tiles.json, which describes them. While it is
 * made it has the name .NAME.XXXXXXXX.part, which only a killed process leaves behind. R2G_ELIMIT also where there
 * would be too many tiles, and where a picture to turn does not fit memory. */
R2G_MUST_CHECK r2g_status r2g_preview_tiles(const struct r2g_preview_request *request, struct r2g_error *err);

#endif
