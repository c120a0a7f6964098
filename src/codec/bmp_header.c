#include "codec/bmp_header.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"

#define FILE_HEADER_NBYTES 14
#define CORE_NBYTES 12 /* header sizes that tell versions apart */
#define INFO_NBYTES 40
#define V2_NBYTES 52
#define V3_NBYTES 56
#define OS2_NBYTES 64
#define V4_NBYTES 108
#define V5_NBYTES 124
#define PROFILE_MAX_NBYTES (UINT32_C(16) << 20) /* of an ICC profile; larger ones are left out */

enum compression { BI_RGB, BI_RLE8, BI_RLE4, BI_BITFIELDS, BI_JPEG, BI_PNG, BI_ALPHABITFIELDS };

/* The header's bytes from the start of the file, then zeros: what a short version lacks reads as zero. */
struct raw {
    uint8_t bytes[FILE_HEADER_NBYTES + V5_NBYTES + 16];
    size_t nbytes;        /* that were there */
    uint32_t info_nbytes; /* declared size of what follows the file header */
    uint32_t compression;
    uint32_t colours_used;
};

static uint32_t get16(const struct raw *raw, size_t at) {
    return raw->bytes[at] | (uint32_t)raw->bytes[at + 1] << 8;
}

static uint32_t get32(const struct raw *raw, size_t at) {
    return get16(raw, at) | get16(raw, at + 2) << 16;
}

/* A field of the information header, by its offset there. */
static uint32_t info16(const struct raw *raw, size_t at) {
    return get16(raw, FILE_HEADER_NBYTES + at);
}

static uint32_t info32(const struct raw *raw, size_t at) {
    return get32(raw, FILE_HEADER_NBYTES + at);
}

uint64_t r2g_bmp_used_nbytes(const struct r2g_bmp_header *header) {
    return ((uint64_t)header->width * header->bit_count + 7) / 8;
}

uint64_t r2g_bmp_row_nbytes(const struct r2g_bmp_header *header) {
    return (r2g_bmp_used_nbytes(header) + 3) / 4 * 4;
}

static bool is_info_size(uint32_t nbytes) {
    return nbytes == CORE_NBYTES || (nbytes >= 16 && nbytes <= OS2_NBYTES) || nbytes == V4_NBYTES ||
           nbytes == V5_NBYTES;
}

/* Reads the fixed part: the file header and the information header with the masks that may follow it. */
static r2g_status read_raw(struct raw *raw, const struct r2g_source *source, struct r2g_error *err) {
    *raw = (struct raw){0};
    r2g_status status = r2g_source_read_at(source, 0, raw->bytes, sizeof raw->bytes, &raw->nbytes, err);
    if (status != R2G_OK)
        return status;
    if (raw->nbytes < FILE_HEADER_NBYTES + 4)
        return r2g_fail(err, R2G_ECORRUPT, "file ends early, in the header");
    raw->info_nbytes = info32(raw, 0);
    if (!is_info_size(raw->info_nbytes))
        return r2g_fail(err, R2G_EFORMAT, "BMP header of %" PRIu32 " bytes, which no version known here has",
                        raw->info_nbytes);
    if (raw->nbytes < FILE_HEADER_NBYTES + raw->info_nbytes)
        return r2g_fail(err, R2G_ECORRUPT, "file ends early, in the header");
    if (raw->info_nbytes > CORE_NBYTES && raw->info_nbytes < INFO_NBYTES) /* a short OS/2 2.x header: the rest is 0 */
        memset(raw->bytes + FILE_HEADER_NBYTES + raw->info_nbytes, 0, INFO_NBYTES - raw->info_nbytes);
    if (raw->info_nbytes > CORE_NBYTES) {
        raw->compression = info32(raw, 16);
        raw->colours_used = info32(raw, 32);
    }
    return R2G_OK;
}

/* Reads width, height and bits. */
static r2g_status read_geometry(struct r2g_bmp_header *header, const struct raw *raw, struct r2g_error *err) {
    bool core = raw->info_nbytes == CORE_NBYTES;
    int64_t width = core ? (int64_t)info16(raw, 4) : (int32_t)info32(raw, 4);
    int64_t height = core ? (int64_t)info16(raw, 6) : (int32_t)info32(raw, 8);
    if (width <= 0 || height == 0)
        return r2g_fail(err, R2G_ECORRUPT, "size %" PRId64 " x %" PRId64 " makes no sense", width, height);
    header->width = (uint32_t)width;
    header->top_down = height < 0;
    header->height = (uint32_t)(height < 0 ? -height : height);
    header->bit_count = info16(raw, core ? 10 : 14);
    return R2G_OK;
}

static r2g_status check_coding(struct r2g_bmp_header *header, const struct raw *raw, struct r2g_error *err) {
    static const char *const foreign = "BMP with %s inside, which this program does not read";
    unsigned bits = header->bit_count;
    switch (raw->compression) {
    case BI_RGB:
        header->coding = R2G_BMP_RAW;
        break;
    case BI_RLE8:
    case BI_RLE4:
        header->coding = raw->compression == BI_RLE8 ? R2G_BMP_RLE8 : R2G_BMP_RLE4;
        if (bits != (raw->compression == BI_RLE8 ? 8 : 4))
            return r2g_fail(err, R2G_ECORRUPT, "run-length coding does not fit %u bits a pixel", bits);
        break;
    case BI_BITFIELDS:
    case BI_ALPHABITFIELDS:
        if (bits == 1 || raw->info_nbytes == OS2_NBYTES)
            return r2g_fail(err, R2G_EFORMAT, foreign, "Huffman coding");
        if (bits != 16 && bits != 32)
            return r2g_fail(err, R2G_ECORRUPT, "bit fields do not fit %u bits a pixel", bits);
        header->coding = R2G_BMP_BIT_FIELDS;
        break;
    case BI_JPEG:
        return r2g_fail(err, R2G_EFORMAT, foreign, bits == 24 ? "RLE24 coding" : "a JPEG");
    case BI_PNG:
        return r2g_fail(err, R2G_EFORMAT, foreign, "a PNG");
    default:
        return r2g_fail(err, R2G_EFORMAT, "BMP of compression %" PRIu32 ", which this program does not read",
                        raw->compression);
    }
    if (bits != 1 && bits != 2 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32)
        return r2g_fail(err, R2G_ECORRUPT, "%u bits a pixel makes no sense", bits);
    return R2G_OK;
}

/* Splits a mask into place and width. An alpha mask (or a colour) may be 0; holes may not be. */
static r2g_status set_field(struct r2g_bmp_field *field, uint32_t mask, unsigned bit_count, struct r2g_error *err) {
    *field = (struct r2g_bmp_field){.mask = mask};
    if (bit_count < 32 && mask >> bit_count)
        return r2g_fail(err, R2G_ECORRUPT, "colour mask %08" PRIX32 " does not fit %u bits a pixel", mask, bit_count);
    if (mask == 0)
        return R2G_OK;
    field->shift = (unsigned)__builtin_ctz(mask);
    field->bit_count = (unsigned)__builtin_popcount(mask);
    if ((uint64_t)mask >> field->shift != (UINT64_C(1) << field->bit_count) - 1)
        return r2g_fail(err, R2G_EFORMAT, "colour mask %08" PRIX32 " has holes, which this program does not read",
                        mask);
    return R2G_OK;
}

/* Sets the fields and returns in *extra_nbytes what the masks take between header and palette. */
static r2g_status read_fields(struct r2g_bmp_header *header, const struct raw *raw, uint32_t *extra_nbytes,
                              struct r2g_error *err) {
    static const uint32_t defaults16[4] = {0x1F, 0x3E0, 0x7C00, 0}, defaults32[4] = {0xFF, 0xFF00, 0xFF0000, 0};
    uint32_t masks[4];
    *extra_nbytes = 0;
    memcpy(masks, header->bit_count == 16 ? defaults16 : defaults32, sizeof masks);
    if (header->coding == R2G_BMP_BIT_FIELDS) {
        bool outside = raw->info_nbytes < V2_NBYTES;
        bool alpha = outside ? raw->compression == BI_ALPHABITFIELDS : raw->info_nbytes >= V3_NBYTES;
        size_t at = outside ? raw->info_nbytes : INFO_NBYTES; /* red, green, blue, alpha stand here */
        if (outside)
            *extra_nbytes = alpha ? 16 : 12;
        if (raw->nbytes < FILE_HEADER_NBYTES + raw->info_nbytes + *extra_nbytes)
            return r2g_fail(err, R2G_ECORRUPT, "file ends early, in the header");
        for (size_t i = 0; i < 3; i++)
            masks[2 - i] = info32(raw, at + 4 * i);
        masks[3] = alpha ? info32(raw, at + 12) : 0;
        if (!(masks[0] | masks[1] | masks[2]))
            return r2g_fail(err, R2G_ECORRUPT, "colour masks are all 0");
    }
    r2g_status status = R2G_OK;
    for (size_t i = 0; i < 4 && status == R2G_OK; i++)
        status = set_field(&header->fields[i], masks[i], header->bit_count, err);
    return status;
}

/* Finds where the pixels begin and reads the palette, which lies before them at `start`. */
static r2g_status read_palette(struct r2g_bmp_header *header, const struct raw *raw, uint32_t start,
                               const struct r2g_source *source, struct r2g_error *err) {
    uint32_t entry_nbytes = raw->info_nbytes == CORE_NBYTES ? 3 : 4;
    uint32_t max_count = header->bit_count <= 8 ? UINT32_C(1) << header->bit_count : 0;
    uint32_t count = max_count && raw->colours_used ? raw->colours_used : max_count;
    header->data_offset = get32(raw, 10);
    if (header->data_offset == 0) /* some writers leave it out */
        header->data_offset = start + (uint64_t)count * entry_nbytes;
    if (header->data_offset < start)
        return r2g_fail(err, R2G_ECORRUPT, "pixels begin inside the header");
    count = (uint32_t)r2g_u64_min(count, r2g_u64_min(max_count, (header->data_offset - start) / entry_nbytes));
    uint8_t entries[256 * 4];
    r2g_status status = r2g_source_read_exact(source, start, entries, (size_t)count * entry_nbytes, err);
    if (status != R2G_OK)
        return status;
    for (uint32_t i = 0; i < count; i++)
        memcpy(header->palette[i], entries + (size_t)i * entry_nbytes, 3);
    header->palette_count = count;
    return R2G_OK;
}

/* Adds a name to the comma-separated list of what is ignored. */
static void ignore(struct r2g_metadata *metadata, const char *name) {
    size_t length = strlen(metadata->ignored);
    snprintf(metadata->ignored + length, sizeof metadata->ignored - length, "%s%s", length ? ", " : "", name);
}

static r2g_status read_profile(const struct raw *raw, const struct r2g_source *source, struct r2g_metadata *metadata,
                               struct r2g_budget *budget, struct r2g_error *err) {
    uint64_t offset = FILE_HEADER_NBYTES + (uint64_t)info32(raw, 112);
    uint32_t nbytes = info32(raw, 116);
    if (nbytes == 0 || nbytes > PROFILE_MAX_NBYTES || offset + nbytes > source->nbytes) {
        ignore(metadata, "broken or huge ICC profile");
        return R2G_OK;
    }
    r2g_status status = r2g_budget_check(budget, nbytes, "ICC profile", err);
    if (status != R2G_OK)
        return status;
    metadata->icc.bytes = r2g_new(nbytes, err);
    if (!metadata->icc.bytes)
        return R2G_ENOMEM;
    metadata->icc.nbytes = nbytes;
    return r2g_source_read_exact(source, offset, metadata->icc.bytes, nbytes, err);
}

static r2g_status read_metadata(const struct raw *raw, const struct r2g_source *source, struct r2g_metadata *metadata,
                                struct r2g_budget *budget, struct r2g_error *err) {
    if (raw->info_nbytes < INFO_NBYTES)
        return R2G_OK;
    int32_t x = (int32_t)info32(raw, 24), y = (int32_t)info32(raw, 28);
    if (x > 0 && y > 0) {
        metadata->density_unit = R2G_DENSITY_PER_METRE;
        metadata->density_x = (uint32_t)x;
        metadata->density_y = (uint32_t)y;
    }
    if (raw->info_nbytes < V4_NBYTES)
        return R2G_OK;
    uint32_t colour_space = info32(raw, 56);                         /* four letters, the first in the high byte */
    if (colour_space == 0x4D424544 && raw->info_nbytes == V5_NBYTES) /* "MBED" */
        return read_profile(raw, source, metadata, budget, err);
    if (colour_space == 0x4C494E4B) /* "LINK" */
        ignore(metadata, "link to an ICC profile");
    uint32_t calibration = 0; /* end points and gammas, offsets 60 to 107 */
    for (size_t at = 60; at < V4_NBYTES; at += 4)
        calibration |= info32(raw, at);
    if (colour_space == 0 && calibration) /* LCS_CALIBRATED_RGB */
        ignore(metadata, "colour calibration");
    return R2G_OK;
}

r2g_status r2g_bmp_header_read(struct r2g_bmp_header *header, const struct r2g_source *source,
                               struct r2g_metadata *metadata, struct r2g_budget *budget, struct r2g_error *err) {
    *header = (struct r2g_bmp_header){0};
    struct raw raw;
    uint32_t extra_nbytes = 0;
    r2g_status status = read_raw(&raw, source, err);
    if (status == R2G_OK)
        status = read_geometry(header, &raw, err);
    if (status == R2G_OK)
        status = check_coding(header, &raw, err);
    if (status == R2G_OK && (header->bit_count == 16 || header->bit_count == 32))
        status = read_fields(header, &raw, &extra_nbytes, err);
    if (status == R2G_OK)
        status = read_palette(header, &raw, FILE_HEADER_NBYTES + raw.info_nbytes + extra_nbytes, source, err);
    if (status == R2G_OK)
        status = read_metadata(&raw, source, metadata, budget, err);
    return status;
}
