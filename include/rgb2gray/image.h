/* What a file says of its picture before any pixel is read.
 *
 * Plain values; the blobs inside struct r2g_metadata are owned by whoever filled it and freed with r2g_metadata_free.
 */
#ifndef RGB2GRAY_IMAGE_H
#define RGB2GRAY_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rgb2gray/export.h>
#include <rgb2gray/status.h>

/* How the samples of a pixel lie in memory, interleaved. */
enum r2g_layout {
    R2G_LAYOUT_GRAY,  /* 1 channel */
    R2G_LAYOUT_GRAYA, /* 2: gray, alpha */
    R2G_LAYOUT_RGB,   /* 3 */
    R2G_LAYOUT_RGBA,  /* 4 */
    R2G_LAYOUT_BGR,   /* 3 */
    R2G_LAYOUT_BGRA,  /* 4 */
};

/* Channels (samples a pixel) of a layout, 1 to 4, and whether the last of them is alpha (not premultiplied). */
R2G_PUBLIC unsigned r2g_layout_channels(enum r2g_layout layout);
R2G_PUBLIC bool r2g_layout_has_alpha(enum r2g_layout layout);

struct r2g_blob {
    uint8_t *bytes; /* NULL when absent */
    size_t nbytes;
};

struct r2g_text {
    char *key;   /* UTF-8, such as "Comment" */
    char *value; /* UTF-8 */
};

enum r2g_density_unit { R2G_DENSITY_NONE, R2G_DENSITY_ASPECT, R2G_DENSITY_PER_INCH, R2G_DENSITY_PER_CM,
                        R2G_DENSITY_PER_METRE };

/* Everything in a file beside its pixels that rgb2gray knows how to carry, apply or name. */
struct r2g_metadata {
    unsigned orientation; /* 1 to 8 as in EXIF (Exif 2.32, 4.6.5.1.6); 1 is upright; 0 where the file says nothing */
    enum r2g_density_unit density_unit;
    uint32_t density_x, density_y;
    struct r2g_blob icc;  /* ICC profile; bytes 16 to 19 of it name its colour space */
    struct r2g_blob exif; /* TIFF structure, without the "Exif\0\0" in front */
    struct r2g_blob xmp;
    struct r2g_text *texts;
    size_t text_count;
    uint32_t gamma_100000; /* PNG gAMA: file gamma times 100000, 0 where absent */
    int srgb_intent;       /* PNG sRGB: 0 to 3, -1 where absent */
    char ignored[200];     /* comma-separated names of other things present, such as "cHRM, tIME, 2 more frames" */
};

R2G_PUBLIC void r2g_metadata_init(struct r2g_metadata *metadata);
R2G_PUBLIC void r2g_metadata_free(struct r2g_metadata *metadata);

/* Geometry and samples of a picture as its reader delivers it. */
struct r2g_image {
    uint32_t width, height; /* pixels, as stored (orientation not applied); both at least 1 */
    enum r2g_layout layout;
    uint32_t maxval;        /* largest sample value, 1 to 65535; samples take 1 byte up to 255, else 2, machine order */
    unsigned stored_bits;   /* bits a sample (or a palette index) in the file */
    bool own_luma;          /* gray samples that are the Y of a colour JPEG (JFIF's luma), not a gray picture */
    bool random_access;     /* any block of rows can be read at any time */
    uint64_t whole_nbytes;  /* memory the decoder needs for holding the whole picture; 0 where it streams */
    const char *format;     /* "PNG", "JPEG", "BMP", "PGM", … */
    char colour[40];        /* as in the file: "RGB", "palette", "YCbCr 4:2:0", "CMYK (Adobe)" */
    char coding[60];        /* as in the file: "raw", "interlaced (Adam7)", "progressive", "RLE8" */
    char note[160];         /* something odd that was tolerated, in words, or "" */
};

/* Bytes of one sample (1 or 2) and of one row. */
R2G_PUBLIC size_t r2g_image_sample_nbytes(const struct r2g_image *image);
R2G_PUBLIC size_t r2g_image_row_nbytes(const struct r2g_image *image);

#endif
