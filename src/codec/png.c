/* PNG: the row of the format table. */
#include "codec/png_parts.h"

#include <string.h>

const uint8_t r2g_png_signature[PNG_SIGNATURE_NBYTES] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static bool probe(const uint8_t *head, size_t nbytes) {
    return nbytes >= PNG_SIGNATURE_NBYTES && memcmp(head, r2g_png_signature, PNG_SIGNATURE_NBYTES) == 0;
}

static const char *const extensions[] = {"png", NULL};

const struct r2g_codec r2g_codec_png = {
    .name = "png",
    .label = "PNG",
    .extensions = extensions,
    .mime = "image/png",
    .probe = probe,
    .open = r2g_png_open,
    .read_rows = r2g_png_read_rows,
    .close = r2g_png_close,
    .encoder = &r2g_png_encoder,
};
