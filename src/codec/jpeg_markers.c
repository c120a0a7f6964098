/* Markers before the first scan: what kind of JPEG it is, and its metadata.
 *
 * This walk is separate from libjpeg's own so that metadata is taken with checked memory and errors of this library's
 * kind, and so that kinds of JPEG which libjpeg does not know are named in words. libjpeg reads the same markers again
 * for the picture. Nothing is kept but metadata, at most METADATA_MAX_NBYTES of it.
 */
#include "codec/jpeg_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/exif.h"

enum {
    MARKER_TEM = 0x01,
    MARKER_SOF0 = 0xC0,
    MARKER_DHT = 0xC4,
    MARKER_JPG = 0xC8,
    MARKER_DAC = 0xCC,
    MARKER_SOF15 = 0xCF,
    MARKER_RST0 = 0xD0,
    MARKER_SOI = 0xD8,
    MARKER_EOI = 0xD9,
    MARKER_SOS = 0xDA,
    MARKER_APP0 = 0xE0,
    MARKER_APP15 = 0xEF,
    MARKER_SOF55 = 0xF7, /* JPEG-LS, ITU-T T.87 */
    MARKER_COM = 0xFE,
    ID_MAX_NBYTES = 36, /* enough of a segment to tell what it is */
    ICC_ID_NBYTES = 14, /* "ICC_PROFILE\0", sequence number, count (ICC.1:2010, B.4) */
    METADATA_MAX_NBYTES = 32 << 20,
    TEXT_COST = 64, /* what a text takes beside its bytes */
};

/* One marker segment, without marker and length field. */
struct segment {
    uint8_t marker;
    uint64_t offset; /* in the file */
    size_t nbytes;
    uint8_t head[ID_MAX_NBYTES]; /* its first bytes, zero beyond its end */
};

struct icc_part {
    uint64_t offset;
    size_t nbytes;
};

struct walk {
    const struct r2g_source *source;
    struct r2g_budget *budget;
    struct r2g_jpeg_header *header;
    struct r2g_metadata *metadata;
    uint64_t metadata_nbytes;
    bool has_frame;
    unsigned icc_count;             /* parts as declared, 0 before the first */
    bool icc_damaged;               /* contradicting or repeated parts */
    struct icc_part icc_parts[256]; /* by sequence number, from 1 */

    uint64_t at;            /* file offset of the next byte */
    uint64_t window_offset; /* what is in the window */
    size_t window_nbytes;
    uint8_t window[4096];
};

/* Adds a name to the list of what is not kept, once; a list that is full ends in "and more". */
static void ignore(struct r2g_metadata *metadata, const char *name) {
    size_t used = strlen(metadata->ignored), name_nbytes = strlen(name);
    for (const char *item = metadata->ignored; *item != '\0'; item += strspn(item, ", ")) {
        size_t item_nbytes = strcspn(item, ",");
        if (item_nbytes == name_nbytes && memcmp(item, name, name_nbytes) == 0)
            return;
        item += item_nbytes;
    }
    static const char more[] = "and more";
    if (strstr(metadata->ignored, more) != NULL)
        return;
    size_t room = sizeof metadata->ignored - used;
    bool fits = name_nbytes + sizeof more + 4 <= room; /* two commas with blanks, and `more` after it */
    snprintf(metadata->ignored + used, room, "%s%s", used > 0 ? ", " : "", fits ? name : more);
}

static r2g_status next_byte(struct walk *walk, uint8_t *byte, struct r2g_error *err) {
    if (walk->at < walk->window_offset || walk->at - walk->window_offset >= walk->window_nbytes) {
        r2g_status status =
            r2g_source_read_at(walk->source, walk->at, walk->window, sizeof walk->window, &walk->window_nbytes, err);
        if (status != R2G_OK)
            return status;
        walk->window_offset = walk->at;
        if (walk->window_nbytes == 0)
            return r2g_fail(err, R2G_ECORRUPT, "damaged JPEG data: the file ends before the picture starts");
    }
    *byte = walk->window[walk->at - walk->window_offset];
    walk->at++;
    return R2G_OK;
}

/* Finds the next marker, past fill bytes and past garbage (T.81, B.1.1.2), as libjpeg does. */
static r2g_status next_marker(struct walk *walk, uint8_t *marker, struct r2g_error *err) {
    uint8_t byte = 0;
    r2g_status status;
    do {
        do {
            status = next_byte(walk, &byte, err);
        } while (status == R2G_OK && byte != 0xFF);
        while (status == R2G_OK && byte == 0xFF)
            status = next_byte(walk, &byte, err);
    } while (status == R2G_OK && byte == 0);
    *marker = byte;
    return status;
}

/* Reads length and head of the segment that follows, and goes behind it. */
static r2g_status next_segment(struct walk *walk, uint8_t marker, struct segment *segment, struct r2g_error *err) {
    uint8_t high = 0, low = 0;
    r2g_status status = next_byte(walk, &high, err);
    if (status == R2G_OK)
        status = next_byte(walk, &low, err);
    if (status != R2G_OK)
        return status;
    size_t length = (size_t)high << 8 | low;
    /* libjpeg passes over a length that cannot be, where the segment has no use for it; so does this */
    size_t data_nbytes = length > 2 ? length - 2 : 0;
    *segment = (struct segment){.marker = marker, .offset = walk->at, .nbytes = data_nbytes};
    for (size_t i = 0; i < segment->nbytes && i < ID_MAX_NBYTES; i++) {
        status = next_byte(walk, &segment->head[i], err);
        if (status != R2G_OK)
            return status;
    }
    walk->at = segment->offset + segment->nbytes;
    return R2G_OK;
}

static bool has_id(const struct segment *segment, const char *id, size_t id_nbytes) {
    return segment->nbytes >= id_nbytes && memcmp(segment->head, id, id_nbytes) == 0;
}

/* Counts metadata about to be taken. */
static r2g_status take(struct walk *walk, uint64_t nbytes, struct r2g_error *err) {
    walk->metadata_nbytes += nbytes;
    if (walk->metadata_nbytes > METADATA_MAX_NBYTES)
        return r2g_fail(err, R2G_ELIMIT, "more than %d MiB of metadata", METADATA_MAX_NBYTES >> 20);
    return r2g_budget_check(walk->budget, nbytes, "metadata", err);
}

/* *blob becomes the segment's bytes from `skip` on; a second one is not kept. */
static r2g_status take_blob(struct walk *walk, const struct segment *segment, size_t skip, const char *name,
                            struct r2g_blob *blob, struct r2g_error *err) {
    size_t nbytes = segment->nbytes - skip;
    if (blob->bytes != NULL || nbytes == 0) {
        ignore(walk->metadata, name);
        return R2G_OK;
    }
    r2g_status status = take(walk, nbytes, err);
    if (status != R2G_OK)
        return status;
    blob->bytes = r2g_new(nbytes, err);
    if (blob->bytes == NULL)
        return R2G_ENOMEM;
    blob->nbytes = nbytes;
    return r2g_source_read_exact(walk->source, segment->offset + skip, blob->bytes, nbytes, err);
}

/* Whether the bytes are UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF). */
static bool is_utf8(const uint8_t *p, size_t nbytes) {
    size_t i = 0;
    while (i < nbytes) {
        uint8_t lead = p[i++];
        size_t more = lead < 0x80 ? 0 : lead >= 0xC2 && lead < 0xE0 ? 1 : (lead & 0xF0) == 0xE0 ? 2 : 3;
        if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || nbytes - i < more)
            return false;
        if (more >= 2 && ((lead == 0xE0 && p[i] < 0xA0) || (lead == 0xED && p[i] >= 0xA0) ||
                          (lead == 0xF0 && p[i] < 0x90) || (lead == 0xF4 && p[i] >= 0x90)))
            return false;
        for (; more > 0; more--)
            if ((p[i++] & 0xC0) != 0x80)
                return false;
    }
    return true;
}

/* A C string of the bytes without NULs, from UTF-8 or else from Latin-1 (one or two bytes a character). */
static char *to_text(const uint8_t *bytes, size_t nbytes, struct r2g_error *err) {
    bool utf8 = is_utf8(bytes, nbytes);
    char *text = r2g_new((utf8 ? 1 : 2) * nbytes + 1, err);
    if (text == NULL)
        return NULL;
    char *out = text;
    for (size_t i = 0; i < nbytes; i++) {
        if (bytes[i] == 0)
            continue;
        if (utf8 || bytes[i] < 0x80) {
            *out++ = (char)bytes[i];
        } else {
            *out++ = (char)(0xC0 | bytes[i] >> 6);
            *out++ = (char)(0x80 | (bytes[i] & 0x3F));
        }
    }
    return text;
}

/* Makes room for one more text: the list doubles whenever its length is a power of two. */
static r2g_status grow_texts(struct r2g_metadata *metadata, struct r2g_error *err) {
    size_t count = metadata->text_count;
    if ((count & (count - 1)) != 0)
        return R2G_OK;
    struct r2g_text *texts = r2g_new((count > 0 ? 2 * count : 1) * sizeof *texts, err);
    if (texts == NULL)
        return R2G_ENOMEM;
    if (count > 0)
        memcpy(texts, metadata->texts, count * sizeof *texts);
    free(metadata->texts);
    metadata->texts = texts;
    return R2G_OK;
}

static r2g_status take_comment(struct walk *walk, const struct segment *segment, struct r2g_error *err) {
    if (segment->nbytes == 0)
        return R2G_OK;
    struct r2g_text text = {0};
    r2g_status status = take(walk, TEXT_COST + 2 * (uint64_t)segment->nbytes, err);
    if (status != R2G_OK)
        return status;
    uint8_t *bytes = r2g_new(segment->nbytes, err);
    if (bytes == NULL)
        return R2G_ENOMEM;
    status = r2g_source_read_exact(walk->source, segment->offset, bytes, segment->nbytes, err);
    if (status != R2G_OK)
        goto done;
    status = R2G_ENOMEM;
    text.key = r2g_copy_text("Comment", err);
    if (text.key == NULL)
        goto done;
    text.value = to_text(bytes, segment->nbytes, err);
    if (text.value == NULL || grow_texts(walk->metadata, err) != R2G_OK)
        goto done;
    walk->metadata->texts[walk->metadata->text_count++] = text;
    text = (struct r2g_text){0};
    status = R2G_OK;
done:
    free(text.value);
    free(text.key);
    free(bytes);
    return status;
}

static void take_jfif(struct walk *walk, const struct segment *segment) {
    /* "JFIF\0", version (2 bytes), unit, X and Y density, width and height of a thumbnail (ITU-T T.871, 10.1) */
    static const enum r2g_density_unit units[] = {R2G_DENSITY_ASPECT, R2G_DENSITY_PER_INCH, R2G_DENSITY_PER_CM};
    const uint8_t *p = segment->head;
    if (segment->nbytes < 14)
        return;
    uint32_t x = (uint32_t)p[8] << 8 | p[9], y = (uint32_t)p[10] << 8 | p[11];
    if (p[7] < sizeof units / sizeof *units && x > 0 && y > 0) {
        walk->metadata->density_unit = units[p[7]];
        walk->metadata->density_x = x;
        walk->metadata->density_y = y;
    }
    if (p[12] != 0 && p[13] != 0)
        ignore(walk->metadata, "JFIF thumbnail");
}

/* Notes where a part of the ICC profile lies. */
static void note_icc(struct walk *walk, const struct segment *segment) {
    unsigned number = segment->head[ICC_ID_NBYTES - 2], count = segment->head[ICC_ID_NBYTES - 1];
    if (walk->icc_count == 0)
        walk->icc_count = count;
    if (segment->nbytes < ICC_ID_NBYTES || number == 0 || number > count || count != walk->icc_count ||
        walk->icc_parts[number].offset != 0) {
        walk->icc_damaged = true;
        return;
    }
    walk->icc_parts[number] =
        (struct icc_part){.offset = segment->offset + ICC_ID_NBYTES, .nbytes = segment->nbytes - ICC_ID_NBYTES};
}

/* Joins the parts, if they are all there. */
static r2g_status take_icc(struct walk *walk, struct r2g_error *err) {
    size_t nbytes = 0;
    for (unsigned i = 1; i <= walk->icc_count; i++) {
        if (walk->icc_parts[i].offset == 0)
            walk->icc_damaged = true;
        nbytes += walk->icc_parts[i].nbytes;
    }
    if (walk->icc_damaged || (walk->icc_count > 0 && nbytes == 0))
        ignore(walk->metadata, "damaged ICC profile");
    if (walk->icc_damaged || nbytes == 0)
        return R2G_OK;
    r2g_status status = take(walk, nbytes, err);
    if (status != R2G_OK)
        return status;
    struct r2g_blob *icc = &walk->metadata->icc;
    icc->bytes = r2g_new(nbytes, err);
    if (icc->bytes == NULL)
        return R2G_ENOMEM;
    for (unsigned i = 1; i <= walk->icc_count && status == R2G_OK; i++) {
        const struct icc_part *part = &walk->icc_parts[i];
        status = r2g_source_read_exact(walk->source, part->offset, icc->bytes + icc->nbytes, part->nbytes, err);
        icc->nbytes += part->nbytes;
    }
    return status;
}

/* An application segment: APP0 to APP15. */
static r2g_status take_app(struct walk *walk, const struct segment *segment, struct r2g_error *err) {
    static const char xmp_id[] = "http://ns.adobe.com/xap/1.0/";
    static const struct {
        uint8_t app;
        const char *id, *name;
    } known[] = {
        {0, "JFXX", "JFXX"},
        {1, "http://ns.adobe.com/xmp/extension/", "extended XMP"},
        {2, "MPF", "MPF"},
        {2, "FPXR", "FlashPix"},
        {11, "JP", "JUMBF"},
        {12, "Ducky", "Ducky"},
        {13, "Photoshop 3.0", "Photoshop (IPTC)"},
        {14, "Adobe", "Adobe"},
    };
    struct r2g_metadata *metadata = walk->metadata;
    unsigned app = segment->marker - MARKER_APP0;
    if (app == 0 && has_id(segment, "JFIF", 5)) {
        take_jfif(walk, segment);
        return R2G_OK;
    }
    if (app == 1 && has_id(segment, "Exif\0", 5) && segment->nbytes > 6)
        return take_blob(walk, segment, 6, "second Exif", &metadata->exif, err);
    if (app == 1 && has_id(segment, xmp_id, sizeof xmp_id))
        return take_blob(walk, segment, sizeof xmp_id, "second XMP", &metadata->xmp, err);
    if (app == 2 && has_id(segment, "ICC_PROFILE", 12)) {
        note_icc(walk, segment);
        return R2G_OK;
    }
    char number[8];
    snprintf(number, sizeof number, "APP%u", app);
    const char *name = number;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].app == app && has_id(segment, known[i].id, strlen(known[i].id)))
            name = known[i].name;
    ignore(metadata, name);
    return R2G_OK;
}

/* A frame header (T.81, B.2.2): whether it is one that the reader decodes. */
static r2g_status check_frame(struct walk *walk, const struct segment *segment, struct r2g_error *err) {
    const uint8_t *p = segment->head;
    unsigned precision = p[0], height = (unsigned)p[1] << 8 | p[2], components = p[5];
    switch (segment->marker) {
    case 0xC0:
    case 0xC1:
    case 0xC2:
    case 0xC9:
    case 0xCA:
        break;
    case 0xC3:
    case 0xCB:
        return r2g_fail(err, R2G_EFORMAT, "lossless JPEG (SOF%d) is not supported", segment->marker - MARKER_SOF0);
    case MARKER_SOF55:
        return r2g_fail(err, R2G_EFORMAT, "JPEG-LS is not supported");
    default:
        return r2g_fail(err, R2G_EFORMAT, "hierarchical JPEG (SOF%d) is not supported", segment->marker - MARKER_SOF0);
    }
    if (segment->nbytes < 6 || segment->nbytes != 6 + 3 * (size_t)components)
        return r2g_fail(err, R2G_ECORRUPT, "damaged JPEG data: frame header of %zu bytes for %u components",
                        segment->nbytes, components);
    if (precision != 8)
        return r2g_fail(err, R2G_EFORMAT, "%u-bit JPEG is not supported by this build's libjpeg", precision);
    if (components != 1 && components != 3 && components != 4)
        return r2g_fail(err, R2G_EFORMAT, "JPEG with %u components is not supported", components);
    if (height == 0)
        return r2g_fail(err, R2G_EFORMAT, "JPEG that gives its height after the picture (DNL) is not supported");
    walk->header->sof = segment->marker;
    walk->has_frame = true;
    return R2G_OK;
}

static bool is_frame(uint8_t marker) {
    return marker == MARKER_SOF55 || (marker >= MARKER_SOF0 && marker <= MARKER_SOF15 && marker != MARKER_DHT &&
                                      marker != MARKER_JPG && marker != MARKER_DAC);
}

static r2g_status take_segment(struct walk *walk, const struct segment *segment, struct r2g_error *err) {
    if (segment->marker == MARKER_DHT)
        walk->header->huffman_tables = true;
    if (segment->marker == MARKER_COM)
        return take_comment(walk, segment, err);
    if (segment->marker >= MARKER_APP0 && segment->marker <= MARKER_APP15)
        return take_app(walk, segment, err);
    if (is_frame(segment->marker))
        return check_frame(walk, segment, err);
    return R2G_OK;
}

static r2g_status walk_markers(struct walk *walk, struct r2g_error *err) {
    uint8_t marker = 0;
    r2g_status status = next_marker(walk, &marker, err);
    if (status == R2G_OK && marker != MARKER_SOI)
        return r2g_fail(err, R2G_EFORMAT, "not a JPEG file");
    while (status == R2G_OK) {
        status = next_marker(walk, &marker, err);
        if (status != R2G_OK || marker == MARKER_SOS)
            break;
        if (marker == MARKER_EOI)
            return r2g_fail(err, R2G_ECORRUPT, "damaged JPEG data: no picture in the file");
        if (marker == MARKER_TEM || (marker >= MARKER_RST0 && marker <= MARKER_SOI))
            continue; /* these stand alone */
        struct segment segment = {0};
        status = next_segment(walk, marker, &segment, err);
        if (status == R2G_OK)
            status = take_segment(walk, &segment, err);
    }
    if (status == R2G_OK && !walk->has_frame)
        return r2g_fail(err, R2G_ECORRUPT, "damaged JPEG data: a scan without a frame header");
    return status;
}

r2g_status r2g_jpeg_read_markers(const struct r2g_source *source, struct r2g_budget *budget,
                                 struct r2g_jpeg_header *header, struct r2g_metadata *metadata, struct r2g_error *err) {
    struct walk *walk = r2g_new(sizeof *walk, err);
    if (walk == NULL)
        return R2G_ENOMEM;
    walk->source = source;
    walk->budget = budget;
    walk->header = header;
    walk->metadata = metadata;
    r2g_status status = walk_markers(walk, err);
    if (status == R2G_OK)
        status = take_icc(walk, err);
    if (status == R2G_OK)
        metadata->orientation = r2g_exif_orientation(&metadata->exif);
    free(walk);
    return status;
}
