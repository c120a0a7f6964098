/* BMP, read. The writer is in bmp_writer.c.
 *
 * Rows that are not run-length coded are read from their place in the file, a group of rows at a time into a buffer of
 * the reader's, and turned into what is delivered: palette pixels become gray where the whole palette is gray, else
 * blue, green, red; 16- and 32-bit pixels become blue, green, red and, where the header has a mask for it, alpha.
 * Run-length coded pictures are decoded as a whole into palette indices when the first row is asked for.
 */
#include "codec/codec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "codec/bmp_header.h"
#include "codec/bmp_rle.h"
#include "codec/bmp_writer.h"

#define GROUP_NBYTES (UINT64_C(256) << 10) /* of file rows read at once: at least one row, about what a cache holds */
#define STRAIGHT_FROM_NBYTES                                                                                           \
    1024 /* rows from this size on are worth a place of their own in a call, to save the copy */

struct bmp_reader {
    struct r2g_reader base;
    struct r2g_bmp_header header;
    struct r2g_buffer group; /* file rows; of run-length coded pictures all the indices, once decoded */
    uint8_t narrow[4][256];  /* the fields of 16- and 32-bit pixels up to 8 bits wide, scaled to 8 bits */
    bool identity;           /* 8 bits, and the palette maps each index to that gray */
    bool decoded;            /* run-length coded: `group` holds the picture */
};

static bool probe(const uint8_t *head, size_t nbytes) {
    if (nbytes < 2 || head[0] != 'B' || head[1] != 'M')
        return false;
    /* two letters alone would take many a text for a BMP: the next header's size is 12 to 255 in all known versions */
    return nbytes < 18 || (head[14] >= 12 && head[15] == 0 && head[16] == 0 && head[17] == 0);
}

static bool is_run_length(const struct r2g_bmp_header *header) {
    return header->coding == R2G_BMP_RLE8 || header->coding == R2G_BMP_RLE4;
}

static bool is_gray_palette(const struct r2g_bmp_header *header) {
    for (uint32_t i = 0; i < header->palette_count; i++) {
        const uint8_t *entry = header->palette[i];
        if (entry[0] != entry[1] || entry[0] != entry[2])
            return false;
    }
    return true;
}

static bool is_identity_palette(const struct r2g_bmp_header *header) {
    for (uint32_t i = 0; i < 256; i++) {
        const uint8_t *entry = header->palette[i];
        if (entry[0] != i || entry[1] != i || entry[2] != i)
            return false;
    }
    return header->bit_count == 8;
}

/* A field's value scaled to 8 bits, to the nearest. */
static uint8_t scale_field(uint64_t value, unsigned bit_count) {
    uint64_t max = (UINT64_C(1) << bit_count) - 1;
    return (uint8_t)((value * 255 + max / 2) / max);
}

static void prepare_fields(struct bmp_reader *reader) {
    for (size_t i = 0; i < 4; i++) {
        const struct r2g_bmp_field *field = &reader->header.fields[i];
        if (field->bit_count == 0 || field->bit_count > 8)
            continue;
        for (uint32_t value = 0; value < UINT32_C(1) << field->bit_count; value++)
            reader->narrow[i][value] = scale_field(value, field->bit_count);
    }
}

static void describe(struct bmp_reader *reader) {
    static const char *const codings[] = {"raw", "RLE8", "RLE4", "bit fields"};
    const struct r2g_bmp_header *header = &reader->header;
    struct r2g_image *image = &reader->base.image;
    bool palette = header->bit_count <= 8;
    bool alpha = header->fields[3].bit_count > 0;
    image->width = header->width;
    image->height = header->height;
    image->maxval = 255;
    image->random_access = !is_run_length(header);
    image->format = "BMP";
    image->layout = palette && is_gray_palette(header) ? R2G_LAYOUT_GRAY : alpha ? R2G_LAYOUT_BGRA : R2G_LAYOUT_BGR;
    reader->identity = is_identity_palette(header);
    image->stored_bits = palette ? header->bit_count : header->bit_count == 24 ? 8 : 0;
    for (size_t i = 0; i < 4; i++) /* all zero but in 16- and 32-bit pictures */
        image->stored_bits = (unsigned)r2g_u64_max(image->stored_bits, header->fields[i].bit_count);
    if (!palette && image->stored_bits > 8)
        snprintf(image->note, sizeof image->note, "%u-bit samples are reduced to 8 bits", image->stored_bits);
    if (is_run_length(header))
        image->whole_nbytes = (uint64_t)header->width * header->height;
    snprintf(image->colour, sizeof image->colour, "%s", palette ? "palette" : alpha ? "RGB with alpha" : "RGB");
    snprintf(image->coding, sizeof image->coding, "%s", codings[header->coding]);
}

/* Checks that the file is long enough, or that the whole picture may be held. */
static r2g_status check_size(const struct bmp_reader *reader, const struct r2g_read_options *options,
                             struct r2g_error *err) {
    const struct r2g_bmp_header *header = &reader->header;
    uint64_t have = reader->base.source->nbytes;
    if (is_run_length(header)) {
        if (have <= header->data_offset)
            return r2g_fail(err, R2G_ECORRUPT, "file ends before the pixels begin");
        return r2g_check_whole(options, header->width, header->height, reader->base.image.whole_nbytes, err);
    }
    /* width and height are at most 2^31 and a pixel has 4 bytes: less than 2^64. The last row's padding may lack. */
    uint64_t need = header->data_offset + r2g_bmp_row_nbytes(header) * (header->height - 1);
    need += r2g_bmp_used_nbytes(header);
    if (have < need)
        return r2g_fail(err, R2G_ECORRUPT, "file ends early: %" PRIu64 " bytes of %" PRIu64, have, need);
    return R2G_OK;
}

static void bmp_close(struct r2g_reader *base) {
    struct bmp_reader *reader = (struct bmp_reader *)base;
    r2g_buffer_free(&reader->group);
    r2g_metadata_free(&base->metadata);
    free(reader);
}

static r2g_status bmp_open(struct r2g_reader **base, const struct r2g_source *source,
                           const struct r2g_read_options *options, struct r2g_error *err) {
    *base = NULL;
    struct bmp_reader *reader = r2g_new(sizeof *reader, err);
    if (!reader)
        return R2G_ENOMEM;
    reader->base.codec = &r2g_codec_bmp;
    reader->base.source = source;
    reader->group.budget = options->budget;
    r2g_metadata_init(&reader->base.metadata);
    r2g_status status = r2g_bmp_header_read(&reader->header, source, &reader->base.metadata, options->budget, err);
    if (status == R2G_OK) {
        describe(reader);
        prepare_fields(reader);
        status = check_size(reader, options, err);
    }
    if (status != R2G_OK) {
        bmp_close(&reader->base);
        return status;
    }
    *base = &reader->base;
    return R2G_OK;
}

/* Pixels of three bytes are stored as four where another one follows, which then overwrites the fourth: one store
 * instead of three. */
static void put_bgr(uint8_t *to, const uint8_t *from, bool last) {
    memcpy(to, from, last ? 3 : 4);
}

/* One row of palette indices, a byte each. */
static void unpack_bytes(const struct bmp_reader *reader, const uint8_t *from, uint8_t *to) {
    const struct r2g_bmp_header *header = &reader->header;
    uint32_t last = header->width - 1;
    if (reader->base.image.layout == R2G_LAYOUT_GRAY) {
        for (uint32_t x = 0; x <= last; x++)
            to[x] = header->palette[from[x]][0];
        return;
    }
    for (uint32_t x = 0; x < last; x++, to += 3)
        put_bgr(to, header->palette[from[x]], false);
    put_bgr(to, header->palette[from[last]], true);
}

/* One row of palette indices of fewer than 8 bits, the first in the highest bits. */
static void unpack_bits(const struct bmp_reader *reader, const uint8_t *from, uint8_t *to) {
    const struct r2g_bmp_header *header = &reader->header;
    size_t channels = r2g_layout_channels(reader->base.image.layout);
    unsigned bits = header->bit_count, per_byte = 8 / bits, mask = (1u << bits) - 1;
    for (uint32_t x = 0; x < header->width; from++) {
        for (unsigned i = 1; i <= per_byte && x < header->width; i++, x++, to += channels)
            memcpy(to, header->palette[*from >> (8 - bits * i) & mask], channels);
    }
}

static uint8_t take_field(const struct bmp_reader *reader, size_t i, uint32_t pixel) {
    const struct r2g_bmp_field *field = &reader->header.fields[i];
    uint32_t value = (pixel & field->mask) >> field->shift;
    return field->bit_count <= 8 ? reader->narrow[i][value] : scale_field(value, field->bit_count);
}

/* One row of 16- or 32-bit pixels. */
static void unpack_fields(const struct bmp_reader *reader, const uint8_t *from, uint8_t *to) {
    const struct r2g_bmp_header *header = &reader->header;
    size_t channels = r2g_layout_channels(reader->base.image.layout), step = header->bit_count / 8;
    for (uint32_t x = 0; x < header->width; x++, from += step, to += channels) {
        uint32_t pixel = from[0] | (uint32_t)from[1] << 8;
        if (step == 4)
            pixel |= (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
        for (size_t i = 0; i < channels; i++)
            to[i] = take_field(reader, i, pixel);
    }
}

/* The common 32-bit pixel: blue, green, red and a byte that means nothing. */
static void unpack_bgrx(const uint8_t *from, uint32_t width, uint8_t *to) {
    for (uint32_t x = 0; x < width - 1; x++, from += 4, to += 3)
        put_bgr(to, from, false);
    put_bgr(to, from, true);
}

static bool is_bgrx(const struct r2g_bmp_header *header) {
    return header->bit_count == 32 && header->fields[0].mask == 0xFF && header->fields[1].mask == 0xFF00 &&
           header->fields[2].mask == 0xFF0000 && header->fields[3].mask == 0;
}

/* Whether the file's bytes are delivered as they are: 24 bits, or 8 bits and the palette maps each index to itself. */
static bool is_straight(const struct bmp_reader *reader) {
    return reader->header.bit_count == 24 || reader->identity;
}

static void unpack_row(const struct bmp_reader *reader, const uint8_t *from, uint8_t *to) {
    const struct r2g_bmp_header *header = &reader->header;
    if (is_straight(reader))
        memcpy(to, from, (size_t)r2g_bmp_used_nbytes(header));
    else if (header->bit_count == 8)
        unpack_bytes(reader, from, to);
    else if (header->bit_count < 8)
        unpack_bits(reader, from, to);
    else if (is_bgrx(header))
        unpack_bgrx(from, header->width, to);
    else
        unpack_fields(reader, from, to);
}

/* The row of the file that holds row `row` of the picture. */
static uint32_t file_row(const struct r2g_bmp_header *header, uint32_t row) {
    return header->top_down ? row : header->height - 1 - row;
}

static r2g_status read_group(struct bmp_reader *reader, uint32_t first_row, uint32_t row_count, uint8_t *rows,
                             size_t stride, struct r2g_error *err) {
    const struct r2g_bmp_header *header = &reader->header;
    size_t row_nbytes = (size_t)r2g_bmp_row_nbytes(header);
    uint32_t first_file_row = file_row(header, header->top_down ? first_row : first_row + row_count - 1);
    size_t nbytes = row_nbytes * (row_count - 1) + (size_t)r2g_bmp_used_nbytes(header);
    r2g_status status =
        r2g_source_read_exact(reader->base.source, header->data_offset + (uint64_t)row_nbytes * first_file_row,
                              reader->group.bytes, nbytes, err);
    if (status != R2G_OK)
        return status;
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t at = file_row(header, first_row + i) - first_file_row;
        unpack_row(reader, reader->group.bytes + at * row_nbytes, rows + i * stride);
    }
    return R2G_OK;
}

/* Rows that need no unpacking, each read to where it belongs: of a bottom-up file the last one comes first. */
static r2g_status read_straight(struct bmp_reader *reader, uint32_t first_row, uint32_t row_count, uint8_t *rows,
                                size_t stride, struct r2g_error *err) {
    const struct r2g_bmp_header *header = &reader->header;
    uint64_t row_nbytes = r2g_bmp_row_nbytes(header), used_nbytes = r2g_bmp_used_nbytes(header);
    if (row_count == 0)
        return R2G_OK;
    uint32_t first_in_file = header->top_down ? first_row : first_row + row_count - 1;
    return r2g_source_read_rows(reader->base.source, header->data_offset + row_nbytes * file_row(header, first_in_file),
                                (size_t)used_nbytes, (size_t)(row_nbytes - used_nbytes),
                                rows + (header->top_down ? 0 : (row_count - 1) * stride),
                                header->top_down ? (ptrdiff_t)stride : -(ptrdiff_t)stride, row_count, err);
}

static r2g_status read_raw(struct bmp_reader *reader, uint32_t first_row, uint32_t row_count, uint8_t *rows,
                           size_t stride, struct r2g_error *err) {
    uint64_t row_nbytes = r2g_bmp_row_nbytes(&reader->header);
    if (is_straight(reader) && row_nbytes >= STRAIGHT_FROM_NBYTES)
        return read_straight(reader, first_row, row_count, rows, stride, err);
    uint32_t group_rows = (uint32_t)r2g_u64_min(r2g_u64_max(GROUP_NBYTES / row_nbytes, 1), reader->header.height);
    r2g_status status = r2g_buffer_reserve(&reader->group, (size_t)(group_rows * row_nbytes), "rows", err);
    for (uint32_t done = 0; done < row_count && status == R2G_OK;) {
        uint32_t count = (uint32_t)r2g_u64_min(group_rows, row_count - done);
        status = read_group(reader, first_row + done, count, rows + done * stride, stride, err);
        done += count;
    }
    return status;
}

static r2g_status read_run_length(struct bmp_reader *reader, uint32_t first_row, uint32_t row_count, uint8_t *rows,
                                  size_t stride, struct r2g_error *err) {
    const struct r2g_bmp_header *header = &reader->header;
    if (!reader->decoded) {
        size_t nbytes = (size_t)reader->base.image.whole_nbytes;
        r2g_status status = r2g_buffer_reserve(&reader->group, nbytes, "picture", err);
        if (status != R2G_OK)
            return status;
        memset(reader->group.bytes, 0, nbytes);
        status = r2g_bmp_rle_decode(reader->group.bytes, header, reader->base.source, err);
        if (status != R2G_OK)
            return status;
        reader->decoded = true;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        uint64_t at = (uint64_t)file_row(header, first_row + i) * header->width;
        unpack_bytes(reader, reader->group.bytes + at, rows + i * stride);
    }
    return R2G_OK;
}

static r2g_status bmp_read_rows(struct r2g_reader *base, uint32_t first_row, uint32_t row_count, void *rows,
                                size_t stride, struct r2g_error *err) {
    struct bmp_reader *reader = (struct bmp_reader *)base;
    if (first_row > base->image.height || row_count > base->image.height - first_row)
        return r2g_fail(err, R2G_EINTERNAL, "rows were asked for that the picture does not have");
    if (is_run_length(&reader->header))
        return read_run_length(reader, first_row, row_count, rows, stride, err);
    return read_raw(reader, first_row, row_count, rows, stride, err);
}

static const char *const extensions[] = {"bmp", "dib", NULL};

const struct r2g_codec r2g_codec_bmp = {
    .name = "bmp",
    .label = "BMP",
    .extensions = extensions,
    .mime = "image/bmp",
    .probe = probe,
    .open = bmp_open,
    .read_rows = bmp_read_rows,
    .close = bmp_close,
    .encoder = &r2g_bmp_encoder,
};
