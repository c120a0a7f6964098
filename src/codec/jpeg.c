/* The JPEG codec's table row: files as in ITU-T T.81 with JFIF, Exif and Adobe markers. */
#include "codec/codec.h"

#include "codec/jpeg_parts.h"

static bool probe(const uint8_t *head, size_t nbytes) {
    return nbytes >= 3 && head[0] == 0xFF && head[1] == 0xD8 && head[2] == 0xFF;
}

static const char *const extensions[] = {"jpg", "jpeg", "jpe", "jfif", NULL};

const struct r2g_codec r2g_codec_jpeg = {
    .name = "jpeg",
    .label = "JPEG",
    .extensions = extensions,
    .mime = "image/jpeg",
    .probe = probe,
    .open = r2g_jpeg_open,
    .read_rows = r2g_jpeg_read_rows,
    .close = r2g_jpeg_close,
    .encoder = &r2g_jpeg_encoder,
    .transcode_way = r2g_jpeg_transcode_way,
    .transcode = r2g_jpeg_transcode,
};
