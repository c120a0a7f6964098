/* EXIF blobs: the orientation tag and the thumbnail. See exif.h.
 *
 * A blob is never walked further than IFD0 and the IFD1 it links to, so crafted link cycles cannot trap the reader.
 */
#include "codec/exif.h"

#include <string.h>

enum {
    TAG_STRIP_OFFSETS = 0x0111,
    TAG_ORIENTATION = 0x0112,
    TAG_STRIP_NBYTES = 0x0117,
    TAG_JPEG_OFFSET = 0x0201,
    TAG_JPEG_NBYTES = 0x0202,
    TYPE_SHORT = 3,
    TYPE_LONG = 4,
    HEADER_NBYTES = 8,
    ENTRY_NBYTES = 12,
};

/* A checked view of a blob: IFD0 lies wholly inside it. */
struct tiff {
    uint8_t *bytes;
    size_t nbytes;
    bool big_endian;
    size_t ifd0, ifd0_end; /* from its entry count to the end of its link */
};

/* One entry, its values wherever they lie (inside the blob: checked). */
struct field {
    unsigned type;
    uint32_t count;
    size_t values;
};

static uint32_t read_16(const struct tiff *tiff, size_t at) {
    const uint8_t *p = tiff->bytes + at;
    return tiff->big_endian ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

static uint32_t read_32(const struct tiff *tiff, size_t at) {
    uint32_t first = read_16(tiff, at), second = read_16(tiff, at + 2);
    return tiff->big_endian ? first << 16 | second : second << 16 | first;
}

/* Finds where the IFD at `ifd` ends; false if it does not lie in the blob behind the header. A missing link at the very
 * end of the blob is common and counts as none. */
static bool ifd_find_end(const struct tiff *tiff, size_t ifd, size_t *end) {
    if (ifd < HEADER_NBYTES || ifd > tiff->nbytes || tiff->nbytes - ifd < 2)
        return false;
    size_t entries_nbytes = (size_t)read_16(tiff, ifd) * ENTRY_NBYTES;
    if (tiff->nbytes - ifd - 2 < entries_nbytes)
        return false;
    size_t left = tiff->nbytes - ifd - 2 - entries_nbytes;
    *end = ifd + 2 + entries_nbytes + (left >= 4 ? 4 : 0);
    return true;
}

static bool tiff_open(struct tiff *tiff, const struct r2g_blob *exif) {
    if (exif->bytes == NULL || exif->nbytes < HEADER_NBYTES)
        return false;
    bool little = memcmp(exif->bytes, "II*\0", 4) == 0, big = memcmp(exif->bytes, "MM\0*", 4) == 0;
    if (!little && !big)
        return false;
    *tiff = (struct tiff){.bytes = exif->bytes, .nbytes = exif->nbytes, .big_endian = big};
    tiff->ifd0 = read_32(tiff, 4);
    return ifd_find_end(tiff, tiff->ifd0, &tiff->ifd0_end);
}

/* The first entry with `tag` of the (checked) IFD, as SHORT or LONG values that lie in the blob. */
static bool field_find(const struct tiff *tiff, size_t ifd, unsigned tag, struct field *field) {
    uint32_t entry_count = read_16(tiff, ifd);
    for (uint32_t i = 0; i < entry_count; i++) {
        size_t entry = ifd + 2 + (size_t)i * ENTRY_NBYTES;
        if (read_16(tiff, entry) != tag)
            continue;
        field->type = read_16(tiff, entry + 2);
        field->count = read_32(tiff, entry + 4);
        if (field->type != TYPE_SHORT && field->type != TYPE_LONG)
            return false;
        uint64_t nbytes = (uint64_t)field->count * (field->type == TYPE_SHORT ? 2 : 4);
        field->values = nbytes <= 4 ? entry + 8 : read_32(tiff, entry + 8);
        return nbytes > 0 && field->values <= tiff->nbytes && nbytes <= tiff->nbytes - field->values;
    }
    return false;
}

static uint32_t field_value(const struct tiff *tiff, const struct field *field, uint32_t i) {
    return field->type == TYPE_SHORT ? read_16(tiff, field->values + (size_t)i * 2)
                                     : read_32(tiff, field->values + (size_t)i * 4);
}

unsigned r2g_exif_orientation(const struct r2g_blob *exif) {
    struct tiff tiff;
    struct field field;
    if (!tiff_open(&tiff, exif) || !field_find(&tiff, tiff.ifd0, TAG_ORIENTATION, &field) || field.count != 1)
        return 0;
    uint32_t orientation = field_value(&tiff, &field, 0);
    return orientation >= 1 && orientation <= 8 ? orientation : 0;
}

void r2g_exif_set_orientation(struct r2g_blob *exif, unsigned orientation) {
    struct tiff tiff;
    struct field field;
    if (!tiff_open(&tiff, exif) || !field_find(&tiff, tiff.ifd0, TAG_ORIENTATION, &field) || field.count != 1)
        return;
    size_t value_nbytes = field.type == TYPE_SHORT ? 2 : 4;
    memset(tiff.bytes + field.values, 0, value_nbytes);
    tiff.bytes[field.values + (tiff.big_endian ? value_nbytes - 1 : 0)] = (uint8_t)orientation;
}

/* Clears nbytes at `offset`, as far as they lie in the blob; but never the header or IFD0, wherever a crafted offset
 * points. Returns how many bytes it looked at. */
static size_t clear(const struct tiff *tiff, size_t offset, size_t nbytes) {
    if (offset >= tiff->nbytes)
        return 0;
    if (nbytes > tiff->nbytes - offset)
        nbytes = tiff->nbytes - offset;
    for (size_t i = offset; i < offset + nbytes; i++)
        if (i >= HEADER_NBYTES && (i < tiff->ifd0 || i >= tiff->ifd0_end))
            tiff->bytes[i] = 0;
    return nbytes;
}

/* Clears the pieces of a thumbnail, listed in two fields of IFD1. Pieces that together exceed the blob must overlap: a
 * crafted file, and not worth more work. */
static void clear_pieces(const struct tiff *tiff, size_t ifd1, unsigned offsets_tag, unsigned nbytes_tag) {
    struct field offsets, sizes;
    if (!field_find(tiff, ifd1, offsets_tag, &offsets) || !field_find(tiff, ifd1, nbytes_tag, &sizes))
        return;
    size_t cleared_nbytes = 0;
    for (uint32_t i = 0; i < offsets.count && i < sizes.count && cleared_nbytes <= tiff->nbytes; i++)
        cleared_nbytes += clear(tiff, field_value(tiff, &offsets, i), field_value(tiff, &sizes, i));
}

bool r2g_exif_drop_thumbnail(struct r2g_blob *exif) {
    struct tiff tiff;
    if (!tiff_open(&tiff, exif))
        return false;
    size_t entries_end = tiff.ifd0 + 2 + (size_t)read_16(&tiff, tiff.ifd0) * ENTRY_NBYTES;
    if (entries_end == tiff.ifd0_end)
        return false;
    size_t ifd1 = read_32(&tiff, entries_end), ifd1_end;
    if (ifd1 == 0)
        return false;
    memset(tiff.bytes + entries_end, 0, 4);
    /* an IFD1 that overlaps IFD0 has nothing of its own to clear */
    if (ifd_find_end(&tiff, ifd1, &ifd1_end) && (ifd1 >= tiff.ifd0_end || ifd1_end <= tiff.ifd0)) {
        clear_pieces(&tiff, ifd1, TAG_STRIP_OFFSETS, TAG_STRIP_NBYTES);
        clear_pieces(&tiff, ifd1, TAG_JPEG_OFFSET, TAG_JPEG_NBYTES);
        clear(&tiff, ifd1, ifd1_end - ifd1);
    }
    return true;
}

size_t r2g_exif_minimal(uint8_t bytes[R2G_EXIF_MINIMAL_NBYTES], unsigned orientation) {
    /* header, IFD0 at 8: one entry (orientation, SHORT, one value), no link */
    static const uint8_t blob[R2G_EXIF_MINIMAL_NBYTES] = {'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3,
                                                          0,   1,   0,   0, 0, 0, 0, 0, 0, 0, 0,    0,    0};
    memcpy(bytes, blob, sizeof blob);
    bytes[18] = (uint8_t)orientation;
    return sizeof blob;
}
