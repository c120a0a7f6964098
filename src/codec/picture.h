/* Small pictures, gray or colour, from memory to a whole file in memory: for previews. Any thread. */
#ifndef R2G_CODEC_PICTURE_H
#define R2G_CODEC_PICTURE_H

#include "base/buffer.h"

struct r2g_picture {
    const uint8_t *pixels; /* rows of `channels` bytes a pixel, without gaps */
    uint32_t width, height;
    uint32_t channels; /* 1: gray; 3: RGB */
};

/* Appends the picture to *out as PNG: the same pixels, compressed fast. R2G_ELIMIT, R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_picture_png(const struct r2g_picture *picture, struct r2g_buffer *out,
                                          struct r2g_error *err);

/* The same as JPEG, in colour with halved chroma. R2G_ELIMIT beyond 65500 pixels a side, R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_picture_jpeg(const struct r2g_picture *picture, int quality, struct r2g_buffer *out,
                                           struct r2g_error *err);

#endif
