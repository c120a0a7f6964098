/* Geometry of pictures, and the life of their metadata. */
#include <rgb2gray/image.h>

#include <stdlib.h>

unsigned r2g_layout_channels(enum r2g_layout layout) {
    switch (layout) {
    case R2G_LAYOUT_GRAY:
        return 1;
    case R2G_LAYOUT_GRAYA:
        return 2;
    case R2G_LAYOUT_RGB:
    case R2G_LAYOUT_BGR:
        return 3;
    case R2G_LAYOUT_RGBA:
    case R2G_LAYOUT_BGRA:
        break;
    }
    return 4;
}

bool r2g_layout_has_alpha(enum r2g_layout layout) {
    return r2g_layout_channels(layout) % 2 == 0;
}

size_t r2g_image_sample_nbytes(const struct r2g_image *image) {
    return image->maxval <= UINT8_MAX ? 1 : 2;
}

/* At most 4 channels of 2 bytes times a 32-bit width: 35 bits, which cannot overflow a 64-bit size_t. */
_Static_assert(sizeof(size_t) >= 8, "sizes of rows need 64 bits");

size_t r2g_image_row_nbytes(const struct r2g_image *image) {
    return (size_t)image->width * r2g_layout_channels(image->layout) * r2g_image_sample_nbytes(image);
}

void r2g_metadata_init(struct r2g_metadata *metadata) {
    *metadata = (struct r2g_metadata){.srgb_intent = -1};
}

void r2g_metadata_free(struct r2g_metadata *metadata) {
    if (!metadata) {
        return;
    }
    free(metadata->icc.bytes);
    free(metadata->exif.bytes);
    free(metadata->xmp.bytes);
    for (size_t i = 0; i < metadata->text_count; i++) {
        free(metadata->texts[i].key);
        free(metadata->texts[i].value);
    }
    free(metadata->texts);
    r2g_metadata_init(metadata);
}
