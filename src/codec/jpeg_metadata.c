#include "codec/jpeg_metadata.h"

#include <stdlib.h>
#include <string.h>

#include "codec/exif.h"

enum {
    MARKER_MAX_NBYTES = 65533, /* of a marker's data: 65535 less the length field */
    EXIF_ID_NBYTES = 6,
    ICC_MAX_NBYTES = 255 * (MARKER_MAX_NBYTES - 14), /* 255 markers with an id of 14 bytes */
};

r2g_status r2g_jpeg_check_metadata(const struct r2g_metadata *metadata, struct r2g_error *err) {
    if (metadata->exif.nbytes > MARKER_MAX_NBYTES - EXIF_ID_NBYTES)
        return r2g_fail(err, R2G_ELIMIT, "EXIF data of %zu bytes does not fit a JPEG, which holds %d",
                        metadata->exif.nbytes, MARKER_MAX_NBYTES - EXIF_ID_NBYTES);
    if (metadata->icc.nbytes > ICC_MAX_NBYTES)
        return r2g_fail(err, R2G_ELIMIT, "an ICC profile of %zu bytes does not fit a JPEG, which holds %d",
                        metadata->icc.nbytes, ICC_MAX_NBYTES);
    return R2G_OK;
}

/* Whole pixels per inch or per centimetre for a density per metre, whichever is nearer to it in x. */
static void from_per_metre(j_compress_ptr cinfo, uint32_t x, uint32_t y) {
    uint64_t inch_x = ((uint64_t)x * 254 + 5000) / 10000, cm_x = ((uint64_t)x + 50) / 100;
    int64_t inch_error = llabs((int64_t)(inch_x * 10000) - (int64_t)x * 254); /* in 1/10000 pixel per inch */
    int64_t cm_error = llabs((int64_t)(cm_x * 100 * 254) - (int64_t)x * 254);
    bool inch = inch_error <= cm_error;
    cinfo->density_unit = inch ? 1 : 2;
    cinfo->X_density = (UINT16)(inch ? inch_x : cm_x);
    cinfo->Y_density = (UINT16)(inch ? ((uint64_t)y * 254 + 5000) / 10000 : ((uint64_t)y + 50) / 100);
}

void r2g_jpeg_set_density(j_compress_ptr cinfo, const struct r2g_metadata *metadata) {
    if (metadata->density_unit == R2G_DENSITY_NONE)
        return; /* libjpeg says 1:1 then */
    if (metadata->density_unit == R2G_DENSITY_PER_METRE) {
        from_per_metre(cinfo, metadata->density_x, metadata->density_y);
        return;
    }
    cinfo->density_unit = metadata->density_unit == R2G_DENSITY_PER_INCH ? 1
                          : metadata->density_unit == R2G_DENSITY_PER_CM ? 2
                                                                         : 0;
    cinfo->X_density = (UINT16)metadata->density_x;
    cinfo->Y_density = (UINT16)metadata->density_y;
}

static void write_bytes(j_compress_ptr cinfo, const void *bytes, size_t nbytes) {
    const uint8_t *p = bytes;
    for (size_t i = 0; i < nbytes; i++)
        jpeg_write_m_byte(cinfo, p[i]);
}

static void write_exif(j_compress_ptr cinfo, const uint8_t *bytes, size_t nbytes) {
    jpeg_write_m_header(cinfo, JPEG_APP0 + 1, (unsigned)(EXIF_ID_NBYTES + nbytes));
    write_bytes(cinfo, "Exif\0", EXIF_ID_NBYTES);
    write_bytes(cinfo, bytes, nbytes);
}

/* The length of `text` cut to at most `limit` bytes, not within a UTF-8 sequence. */
static size_t cut_nbytes(const char *text, size_t limit) {
    size_t nbytes = strnlen(text, limit + 1);
    if (nbytes <= limit)
        return nbytes;
    nbytes = limit;
    while (nbytes > 0 && ((unsigned char)text[nbytes] & 0xC0) == 0x80)
        nbytes--;
    return nbytes;
}

static void write_text(j_compress_ptr cinfo, const struct r2g_text *text) {
    bool bare = strcmp(text->key, "Comment") == 0;
    size_t key_nbytes = bare ? 0 : cut_nbytes(text->key, 1000);
    size_t gap_nbytes = bare ? 0 : 2;
    size_t value_nbytes = cut_nbytes(text->value, MARKER_MAX_NBYTES - key_nbytes - gap_nbytes);
    jpeg_write_m_header(cinfo, JPEG_COM, (unsigned)(key_nbytes + gap_nbytes + value_nbytes));
    write_bytes(cinfo, text->key, key_nbytes);
    write_bytes(cinfo, ": ", gap_nbytes);
    write_bytes(cinfo, text->value, value_nbytes);
}

void r2g_jpeg_put_markers(j_compress_ptr cinfo, const struct r2g_metadata *metadata) {
    if (metadata->exif.bytes != NULL) {
        write_exif(cinfo, metadata->exif.bytes, metadata->exif.nbytes);
    } else if (metadata->orientation >= 2 && metadata->orientation <= 8) {
        uint8_t minimal[R2G_EXIF_MINIMAL_NBYTES];
        write_exif(cinfo, minimal, r2g_exif_minimal(minimal, metadata->orientation));
    }
    if (metadata->icc.bytes != NULL)
        jpeg_write_icc_profile(cinfo, metadata->icc.bytes, (unsigned)metadata->icc.nbytes);
    for (size_t i = 0; i < metadata->text_count; i++)
        write_text(cinfo, &metadata->texts[i]);
}
