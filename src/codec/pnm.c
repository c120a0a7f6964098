/* The Netpbm formats, read: PBM, PGM, PPM (plain and raw) and PAM. The writer is in pnm_writer.c.
 *
 * Raw rasters are read straight from their place in the file into the caller's rows and put right there, so that a
 * reader needs no memory of its own. Plain ones (P1 to P3) are text, read in order, one sample after the other.
 * A bitmap (P1, P4) is delivered as gray of maxval 255: its 1 is black. Everything else keeps the file's maxval.
 */
#include "codec/codec.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/size.h"
#include "codec/pnm_header.h"
#include "codec/pnm_writer.h"

struct pnm_reader {
    struct r2g_reader base;
    struct r2g_pnm_header header;
    uint32_t next_row; /* plain: the row the stream is at */
    struct r2g_pnm_stream stream;
};

static bool probe(const uint8_t *head, size_t nbytes) {
    if (nbytes < 3 || head[0] != 'P')
        return false;
    bool known = (head[1] >= '1' && head[1] <= '7') || head[1] == 'f' || head[1] == 'F';
    return known && (head[2] == ' ' || head[2] == '\t' || head[2] == '\n' || head[2] == '\r' || head[2] == '#');
}

static bool is_bitmap(char kind) {
    return kind == '1' || kind == '4';
}

static bool is_plain(char kind) {
    return kind <= '3';
}

/* Bytes of a row in a raw file. */
static uint64_t file_row_nbytes(const struct pnm_reader *reader) {
    const struct r2g_image *image = &reader->base.image;
    return reader->header.kind == '4' ? ((uint64_t)image->width + 7) / 8 : r2g_image_row_nbytes(image);
}

static unsigned bits_of(uint32_t maxval) {
    unsigned bits = 0;
    for (; maxval; maxval >>= 1)
        bits++;
    return bits;
}

static void describe(struct pnm_reader *reader) {
    static const char *const formats[] = {"PBM", "PGM", "PPM", "PBM", "PGM", "PPM", "PAM"};
    const struct r2g_pnm_header *header = &reader->header;
    bool bitmap = is_bitmap(header->kind);
    struct r2g_image *image = &reader->base.image;
    image->width = header->width;
    image->height = header->height;
    image->layout = header->layout;
    image->maxval = bitmap ? 255 : header->maxval;
    image->stored_bits = bits_of(header->maxval);
    image->random_access = !is_plain(header->kind);
    image->format = formats[header->kind - '1'];
    const char *colour = bitmap || header->black_and_white          ? "black and white"
                         : r2g_layout_channels(header->layout) >= 3 ? "RGB"
                                                                    : "gray";
    snprintf(image->colour, sizeof image->colour, "%s%s", colour,
             r2g_layout_has_alpha(header->layout) ? " with alpha" : "");
    snprintf(image->coding, sizeof image->coding, "%s", is_plain(header->kind) ? "plain" : "raw");
}

/* Checks that the file is long enough for the declared size. A plain sample takes at least one byte, and, but in
 * bitmaps, one more between two samples. */
static r2g_status check_length(struct pnm_reader *reader, struct r2g_error *err) {
    struct r2g_image *image = &reader->base.image;
    uint64_t have = reader->base.source->nbytes;
    uint64_t row_nbytes = file_row_nbytes(reader);
    if (is_plain(reader->header.kind))
        row_nbytes = (uint64_t)image->width * r2g_layout_channels(image->layout) * (reader->header.kind == '1' ? 1 : 2);
    uint64_t need;
    if (!r2g_u64_mul(row_nbytes, image->height, &need) || !r2g_u64_add(need, reader->header.data_offset, &need))
        return r2g_fail(err, R2G_ECORRUPT,
                        "file ends early: %" PRIu64 " bytes cannot hold %" PRIu32 " x %" PRIu32 " pixels", have,
                        image->width, image->height);
    if (reader->header.kind == '2' || reader->header.kind == '3')
        need--;
    if (have < need)
        return r2g_fail(err, R2G_ECORRUPT, "file ends early: %" PRIu64 " bytes of %" PRIu64, have, need);
    if (is_plain(reader->header.kind) || have == need)
        return R2G_OK;
    uint8_t magic[3];
    size_t nbytes;
    r2g_status status = r2g_source_read_at(reader->base.source, need, magic, sizeof magic, &nbytes, err);
    if (status != R2G_OK)
        return status;
    if (probe(magic, nbytes))
        snprintf(image->note, sizeof image->note, "more than one picture in the file: the first is taken");
    else
        snprintf(image->note, sizeof image->note, "%" PRIu64 " more bytes after the picture", have - need);
    return R2G_OK;
}

static void pnm_close(struct r2g_reader *base) {
    r2g_metadata_free(&base->metadata);
    free(base);
}

static r2g_status pnm_open(struct r2g_reader **base, const struct r2g_source *source,
                           const struct r2g_read_options *options, struct r2g_error *err) {
    *base = NULL;
    struct pnm_reader *reader = r2g_new(sizeof *reader, err);
    if (!reader)
        return R2G_ENOMEM;
    reader->base.codec = &r2g_codec_pnm;
    reader->base.source = source;
    reader->stream.source = source;
    r2g_metadata_init(&reader->base.metadata);
    r2g_status status =
        r2g_pnm_header_read(&reader->header, &reader->stream, &reader->base.metadata, options->budget, err);
    if (status == R2G_OK) {
        describe(reader);
        status = check_length(reader, err);
    }
    if (status != R2G_OK) {
        pnm_close(&reader->base);
        return status;
    }
    *base = &reader->base;
    return R2G_OK;
}

/* Spreads row_count packed rows to bytes. The packed rows lie at the very end of the memory of the spread ones: since a
 * packed row is never longer, each byte is read before its place is written. */
static void unpack_bits(uint8_t *rows, uint32_t width, uint64_t row_count) {
    uint64_t packed_nbytes = ((uint64_t)width + 7) / 8;
    const uint8_t *packed = rows + row_count * (width - packed_nbytes);
    for (uint64_t row = 0; row < row_count; row++) {
        for (uint32_t x = 0; x < width;) {
            unsigned byte = *packed++;
            for (unsigned bit = 0; bit < 8 && x < width; bit++, x++)
                *rows++ = byte & (0x80u >> bit) ? 0 : 255;
        }
    }
}

/* 16-bit samples are big-endian in the file. */
static void order_samples(uint16_t *samples, size_t sample_count) {
    for (size_t i = 0; i < sample_count; i++)
        samples[i] = be16toh(samples[i]);
}

/* Reads rows that lie without gaps both in the file and in memory. */
static r2g_status read_raw(struct pnm_reader *reader, uint32_t first_row, uint32_t row_count, uint8_t *rows,
                           struct r2g_error *err) {
    const struct r2g_image *image = &reader->base.image;
    uint64_t row_nbytes = file_row_nbytes(reader);
    size_t nbytes = (size_t)(row_nbytes * row_count);
    size_t rows_nbytes = r2g_image_row_nbytes(image) * row_count;
    r2g_status status = r2g_source_read_exact(reader->base.source, reader->header.data_offset + row_nbytes * first_row,
                                              rows + rows_nbytes - nbytes, nbytes, err);
    if (status != R2G_OK)
        return status;
    if (reader->header.kind == '4')
        unpack_bits(rows, image->width, row_count);
    else if (image->maxval > 255)
        order_samples((uint16_t *)(void *)rows, nbytes / 2);
    return R2G_OK;
}

/* The next byte of a plain raster that is not white space; a comment counts as white space. */
static int next_symbol(struct r2g_pnm_stream *stream, struct r2g_error *err) {
    for (;;) {
        int c = r2g_pnm_stream_get(stream, err);
        if (c == '#') {
            do
                c = r2g_pnm_stream_get(stream, err);
            while (c != '\n' && c != '\r' && c != R2G_PNM_NO_BYTE);
        }
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return c;
    }
}

/* Reads one plain sample: of a bitmap a single digit, else a number up to maxval. */
static r2g_status read_plain_sample(struct pnm_reader *reader, uint32_t *sample, struct r2g_error *err) {
    struct r2g_pnm_stream *stream = &reader->stream;
    int c = next_symbol(stream, err);
    if (c == R2G_PNM_NO_BYTE)
        return r2g_pnm_stream_end(stream, "the samples", err);
    if (reader->header.kind == '1') {
        if (c != '0' && c != '1')
            return r2g_fail(err, R2G_ECORRUPT, "a character among the samples is neither 0 nor 1");
        *sample = c == '1' ? 0 : 255;
        return R2G_OK;
    }
    uint32_t value = 0;
    for (; c >= '0' && c <= '9'; c = r2g_pnm_stream_get(stream, err)) {
        value = value * 10 + (uint32_t)(c - '0');
        if (value > reader->header.maxval)
            return r2g_fail(err, R2G_ECORRUPT, "a sample is larger than maxval %" PRIu32, reader->header.maxval);
    }
    if (c == '#') /* begins a comment, which next_symbol skips */
        stream->next--;
    else if (c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != R2G_PNM_NO_BYTE)
        return r2g_fail(err, R2G_ECORRUPT, "a character among the samples is no digit");
    *sample = value;
    return stream->status;
}

static r2g_status read_plain(struct pnm_reader *reader, uint8_t *row, struct r2g_error *err) {
    const struct r2g_image *image = &reader->base.image;
    uint64_t sample_count = (uint64_t)image->width * r2g_layout_channels(image->layout);
    uint16_t *row16 = (uint16_t *)(void *)row;
    for (uint64_t i = 0; i < sample_count; i++) {
        uint32_t sample = 0;
        r2g_status status = read_plain_sample(reader, &sample, err);
        if (status != R2G_OK)
            return status;
        if (image->maxval > 255)
            row16[i] = (uint16_t)sample;
        else
            row[i] = (uint8_t)sample;
    }
    return R2G_OK;
}

static r2g_status pnm_read_rows(struct r2g_reader *base, uint32_t first_row, uint32_t row_count, void *rows,
                                size_t stride, struct r2g_error *err) {
    struct pnm_reader *reader = (struct pnm_reader *)base;
    if (first_row > base->image.height || row_count > base->image.height - first_row)
        return r2g_fail(err, R2G_EINTERNAL, "rows were asked for that the picture does not have");
    uint8_t *row = rows;
    if (!is_plain(reader->header.kind)) {
        if (stride == r2g_image_row_nbytes(&base->image))
            return read_raw(reader, first_row, row_count, row, err);
        for (uint32_t i = 0; i < row_count; i++, row += stride) {
            r2g_status status = read_raw(reader, first_row + i, 1, row, err);
            if (status != R2G_OK)
                return status;
        }
        return R2G_OK;
    }
    if (first_row != reader->next_row)
        return r2g_fail(err, R2G_EINTERNAL, "rows of a plain PNM file were asked for out of order");
    for (uint32_t i = 0; i < row_count; i++, row += stride) {
        r2g_status status = read_plain(reader, row, err);
        if (status != R2G_OK)
            return status;
        reader->next_row++;
    }
    return R2G_OK;
}

static const char *const extensions[] = {"pgm", "pnm", NULL};

const struct r2g_codec r2g_codec_pnm = {
    .name = "pgm",
    .label = "PGM",
    .extensions = extensions,
    .mime = "image/x-portable-graymap",
    .probe = probe,
    .open = pnm_open,
    .read_rows = pnm_read_rows,
    .close = pnm_close,
    .encoder = &r2g_pnm_encoder,
};
