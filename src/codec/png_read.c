/* The PNG reader: the header by libpng, plain rows by png_rows.c, all others (palettes, less than 8 bits, tRNS,
 * interlaced) by libpng.
 *
 * libpng is told to skip every chunk but IHDR, PLTE, tRNS, IDAT and IEND (png_metadata.c reads the others), so all it
 * allocates are its own state and two rows. It reports errors by a call that must not return: each use of it is a step
 * run by guarded(), the one place with setjmp, which has no locals to lose. What went wrong stays in reader->failure,
 * and a reader that failed once only repeats that.
 */
#include "codec/png_parts.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "base/size.h"
#include "codec/png_rows.h"
#include "deflate/zlib_memory.h"

#define WINDOW_NBYTES ((uint64_t)128 * 1024) /* read from the file at a time: stays in the second-level cache */
#define IDAT_NBYTES 65536                    /* given to inflate at a time */
#define CHUNK_NBYTES_MAX ((png_alloc_size_t)8 << 20)
#define CHUNK_CACHE_MAX 1000

struct png_reader {
    struct r2g_reader base;
    struct r2g_zlib_memory memory;
    png_structp png;
    png_infop info;
    jmp_buf escape;           /* armed while a step of guarded() runs */
    struct r2g_error failure; /* the first failure, status R2G_OK before that */
    struct r2g_buffer window; /* file bytes from window_offset on */
    uint64_t window_offset;
    uint64_t offset; /* in the file, of libpng's next byte */
    bool after_rows; /* all pixel data is read and good */
    bool interlaced;
    bool plain;                /* png_rows.c may read the rows */
    bool started;              /* how to read rows is settled */
    struct r2g_png_rows *rows; /* then: NULL where libpng reads them */
    size_t row_nbytes;
    uint32_t next_row;
    struct r2g_buffer whole; /* interlaced: the decoded picture, empty until the first rows are asked for */
};

static void *allocate(png_structp png, png_alloc_size_t nbytes) {
    return r2g_zlib_memory_take(png_get_mem_ptr(png), nbytes);
}

static void release(png_structp png, png_voidp pointer) {
    (void)png;
    r2g_budget_free(pointer);
}

/* Refused memory comes first: libpng may go on after it and then call the data damaged. */
static void note_refused_memory(struct png_reader *reader) {
    if (reader->failure.status == R2G_OK) {
        reader->failure = reader->memory.refusal;
    }
}

static void on_error(png_structp png, const char *text) {
    struct png_reader *reader = png_get_error_ptr(png);
    note_refused_memory(reader);
    if (reader->failure.status == R2G_OK) {
        reader->failure.status = r2g_fail(&reader->failure, R2G_ECORRUPT, "damaged PNG data: %s", text);
    }
    longjmp(reader->escape, 1);
}

static void on_warning(png_structp png, const char *text) {
    struct png_reader *reader = png_get_error_ptr(png);
    struct r2g_image *image = &reader->base.image;
    if (image->note[0] == '\0') {
        (void)snprintf(image->note, sizeof image->note, "tolerated: %s", text);
    }
}

static void on_read(png_structp png, png_bytep bytes, size_t nbytes) {
    struct png_reader *reader = png_get_io_ptr(png);
    while (nbytes > 0) {
        uint64_t at = reader->offset - reader->window_offset;
        if (at >= reader->window.nbytes) {
            size_t got = 0;
            r2g_status status = r2g_source_read_at(reader->base.source, reader->offset, reader->window.bytes,
                                                   reader->window.capacity, &got, &reader->failure);
            if (status == R2G_OK && got == 0) {
                status = r2g_fail(&reader->failure, R2G_ECORRUPT,
                                  reader->after_rows ? "file ends early (no IEND)" : "file ends early");
            }
            if (status != R2G_OK) {
                reader->failure.status = status;
                png_error(png, "read error");
            }
            reader->window_offset = reader->offset;
            reader->window.nbytes = got;
            at = 0;
        }
        size_t count = (size_t)r2g_u64_min(nbytes, reader->window.nbytes - at);
        memcpy(bytes, reader->window.bytes + at, count);
        bytes += count;
        nbytes -= count;
        reader->offset += count;
    }
}

/* Runs a step that calls libpng. */
static r2g_status guarded(struct png_reader *reader, void (*step)(struct png_reader *reader, void *argument),
                          void *argument, struct r2g_error *err) {
    if (reader->failure.status == R2G_OK && setjmp(reader->escape) == 0) {
        step(reader, argument);
        note_refused_memory(reader);
    }
    if (reader->failure.status != R2G_OK && err != NULL) {
        *err = reader->failure;
    }
    return reader->failure.status;
}

/* Step: creates libpng's state and reads all before the first IDAT. */
static void read_header(struct png_reader *reader, void *argument) {
    (void)argument;
    reader->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning, &reader->memory,
                                           allocate, release);
    reader->info = reader->png != NULL ? png_create_info_struct(reader->png) : NULL;
    if (reader->info == NULL) {
        note_refused_memory(reader);
        if (reader->failure.status == R2G_OK) {
            reader->failure.status = r2g_fail(&reader->failure, R2G_EINTERNAL, "libpng cannot start");
        }
        return;
    }
    png_set_read_fn(reader->png, reader, on_read);
    png_set_user_limits(reader->png, PNG_SIDE_MAX, PNG_SIDE_MAX);
    png_set_chunk_malloc_max(reader->png, CHUNK_NBYTES_MAX);
    png_set_chunk_cache_max(reader->png, CHUNK_CACHE_MAX);
    png_set_keep_unknown_chunks(reader->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_crc_action(reader->png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
    png_set_benign_errors(reader->png, 1);
    png_set_compression_buffer_size(reader->png, IDAT_NBYTES);
    png_read_info(reader->png, reader->info);
}

/* Step: asks for the samples as the image header promises them. */
static void start_rows(struct png_reader *reader, void *argument) {
    (void)argument;
    png_structp png = reader->png;
    if (png_get_color_type(png, reader->info) == PNG_COLOR_TYPE_PALETTE || png_get_bit_depth(png, reader->info) < 8 ||
        png_get_valid(png, reader->info, PNG_INFO_tRNS)) {
        png_set_expand(png);
    }
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && png_get_bit_depth(png, reader->info) == 16) {
        png_set_swap(png);
    }
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, reader->info);
    if (png_get_rowbytes(png, reader->info) != reader->row_nbytes) {
        reader->failure.status = r2g_fail(&reader->failure, R2G_EINTERNAL, "libpng delivers %zu bytes a row, not %zu",
                                          png_get_rowbytes(png, reader->info), reader->row_nbytes);
        png_error(png, "row size");
    }
    /* From here on too much data, or a wrong checksum after the last row, is damage and no longer "benign". */
    png_set_benign_errors(png, 0);
}

/* Step: reads what stands after the last row. */
static void finish(struct png_reader *reader, void *argument) {
    (void)argument;
    reader->after_rows = true;
    png_set_benign_errors(reader->png, 1);
    png_read_end(reader->png, NULL);
}

struct row_span {
    uint32_t row_count;
    uint8_t *rows;
    size_t stride;
};

/* Step: decodes the next rows. */
static void decode_rows(struct png_reader *reader, void *argument) {
    const struct row_span *span = argument;
    for (uint32_t r = 0; r < span->row_count; r++) {
        png_read_row(reader->png, span->rows + r * span->stride, NULL);
    }
}

static const char *colour_name(int color_type, bool transparency) {
    switch (color_type) {
    case PNG_COLOR_TYPE_GRAY:
        return transparency ? "gray with transparency" : "gray";
    case PNG_COLOR_TYPE_GRAY_ALPHA:
        return "gray with alpha";
    case PNG_COLOR_TYPE_PALETTE:
        return transparency ? "palette with transparency" : "palette";
    case PNG_COLOR_TYPE_RGB:
        return transparency ? "RGB with transparency" : "RGB";
    default:
        return "RGB with alpha";
    }
}

static void describe(struct png_reader *reader) {
    struct r2g_image *image = &reader->base.image;
    int color_type = png_get_color_type(reader->png, reader->info);
    bool transparency = png_get_valid(reader->png, reader->info, PNG_INFO_tRNS) != 0;
    bool alpha = transparency || (color_type & PNG_COLOR_MASK_ALPHA) != 0;
    reader->interlaced = png_get_interlace_type(reader->png, reader->info) != PNG_INTERLACE_NONE;
    reader->plain = !reader->interlaced && !transparency && color_type != PNG_COLOR_TYPE_PALETTE &&
                    png_get_bit_depth(reader->png, reader->info) >= 8;
    image->width = png_get_image_width(reader->png, reader->info);
    image->height = png_get_image_height(reader->png, reader->info);
    image->layout = (color_type & PNG_COLOR_MASK_COLOR) != 0 ? (alpha ? R2G_LAYOUT_RGBA : R2G_LAYOUT_RGB)
                                                             : (alpha ? R2G_LAYOUT_GRAYA : R2G_LAYOUT_GRAY);
    image->stored_bits = png_get_bit_depth(reader->png, reader->info);
    image->maxval = image->stored_bits == 16 ? 65535 : 255;
    image->format = "PNG";
    (void)snprintf(image->colour, sizeof image->colour, "%s", colour_name(color_type, transparency));
    (void)snprintf(image->coding, sizeof image->coding, "%s", reader->interlaced ? "interlaced (Adam7)" : "");
    reader->row_nbytes = r2g_image_row_nbytes(image);
}

/* libpng needs two rows; an interlaced picture must also be held whole. */
static r2g_status check_limits(struct png_reader *reader, const struct r2g_read_options *options,
                               struct r2g_error *err) {
    struct r2g_image *image = &reader->base.image;
    r2g_status status = r2g_budget_check(options->budget, 2 * (uint64_t)reader->row_nbytes, "a pair of rows", err);
    if (status != R2G_OK || !reader->interlaced) {
        return status;
    }
    if (!r2g_u64_mul(reader->row_nbytes, image->height, &image->whole_nbytes)) {
        return r2g_fail(err, R2G_ELIMIT, "%u x %u pixels are too many to be held whole", image->width, image->height);
    }
    return r2g_check_whole(options, image->width, image->height, image->whole_nbytes, err);
}

/* Looks at the first chunk's name (after the signature and its length). */
static r2g_status check_signature(const struct r2g_source *source, struct r2g_error *err) {
    uint8_t head[PNG_SIGNATURE_NBYTES + 8];
    r2g_status status = r2g_source_read_exact(source, 0, head, sizeof head, err);
    if (status != R2G_OK) {
        return status;
    }
    if (memcmp(head, r2g_png_signature, PNG_SIGNATURE_NBYTES) != 0) {
        return r2g_fail(err, R2G_EFORMAT, "not a PNG file");
    }
    if (memcmp(head + PNG_SIGNATURE_NBYTES + 4, "CgBI", 4) == 0) {
        return r2g_fail(err, R2G_EFORMAT, "Apple's own variant of PNG (CgBI) is not supported: save it as plain PNG");
    }
    return R2G_OK;
}

r2g_status r2g_png_open(struct r2g_reader **reader, const struct r2g_source *source,
                        const struct r2g_read_options *options, struct r2g_error *err) {
    *reader = NULL;
    r2g_status status = check_signature(source, err);
    if (status != R2G_OK) {
        return status;
    }
    struct png_reader *r = r2g_new(sizeof *r, err);
    if (r == NULL) {
        return R2G_ENOMEM;
    }
    r->base.codec = &r2g_codec_png;
    r->base.source = source;
    r2g_metadata_init(&r->base.metadata);
    r->memory.budget = r->window.budget = r->whole.budget = options->budget;
    r->memory.what = "PNG decoding";
    status = r2g_buffer_reserve(&r->window, (size_t)r2g_u64_min(WINDOW_NBYTES, source->nbytes), "reading", err);
    if (status == R2G_OK) {
        status = guarded(r, read_header, NULL, err);
    }
    if (status == R2G_OK) {
        describe(r);
        r->plain = r->plain && !options->by_library;
        status = check_limits(r, options, err);
    }
    if (status == R2G_OK) {
        status = r2g_png_read_metadata(source, options->budget, &r->base.metadata, err);
    }
    if (status != R2G_OK) {
        r2g_png_close(&r->base);
        return status;
    }
    *reader = &r->base;
    return R2G_OK;
}

/* All seven passes, each over all rows; libpng writes only the pixels of the pass (section 8.1). */
static r2g_status decode_interlaced(struct png_reader *reader, struct r2g_error *err) {
    const struct r2g_image *image = &reader->base.image;
    r2g_status status = r2g_buffer_reserve(&reader->whole, (size_t)image->whole_nbytes, "an interlaced picture", err);
    struct row_span span = {image->height, reader->whole.bytes, reader->row_nbytes};
    for (int pass = 0; status == R2G_OK && pass < PNG_INTERLACE_ADAM7_PASSES; pass++) {
        status = guarded(reader, decode_rows, &span, err);
    }
    if (status == R2G_OK) {
        status = guarded(reader, finish, NULL, err);
    }
    if (status == R2G_OK) {
        reader->whole.nbytes = (size_t)image->whole_nbytes;
    }
    return status;
}

static r2g_status read_interlaced(struct png_reader *reader, uint32_t first_row, const struct row_span *span,
                                  struct r2g_error *err) {
    if (reader->whole.nbytes == 0) {
        r2g_status status = decode_interlaced(reader, err);
        if (status != R2G_OK) {
            return status;
        }
    }
    for (uint32_t r = 0; r < span->row_count; r++) {
        memcpy(span->rows + r * span->stride, reader->whole.bytes + ((size_t)first_row + r) * reader->row_nbytes,
               reader->row_nbytes);
    }
    return R2G_OK;
}

/* Settles who reads the rows. libpng is at the first byte of the first IDAT chunk now. */
static r2g_status start(struct png_reader *reader, struct r2g_error *err) {
    reader->started = true;
    if (reader->plain && reader->failure.status == R2G_OK) {
        struct png_rows_kind kind = {.source = reader->base.source,
                                     .budget = reader->memory.budget,
                                     .image = &reader->base.image,
                                     .idat_offset = reader->offset,
                                     .window = &reader->window,
                                     .window_offset = reader->window_offset};
        reader->failure.status = r2g_png_rows_new(&reader->rows, &kind, &reader->failure);
    }
    if (reader->rows != NULL) {
        png_destroy_read_struct(&reader->png, &reader->info, NULL);
        return R2G_OK;
    }
    return guarded(reader, start_rows, NULL, err);
}

/* Rows of a picture that is not interlaced. */
static r2g_status read_next(struct png_reader *reader, struct row_span *span, struct r2g_error *err) {
    reader->next_row += span->row_count;
    if (reader->rows != NULL) {
        if (reader->failure.status == R2G_OK) {
            reader->failure.status =
                r2g_png_rows_read(reader->rows, span->row_count, span->rows, span->stride, &reader->failure);
        }
        if (reader->failure.status != R2G_OK && err != NULL) {
            *err = reader->failure;
        }
        return reader->failure.status;
    }
    r2g_status status = guarded(reader, decode_rows, span, err);
    if (status == R2G_OK && reader->next_row == reader->base.image.height) {
        status = guarded(reader, finish, NULL, err);
    }
    return status;
}

r2g_status r2g_png_read_rows(struct r2g_reader *reader, uint32_t first_row, uint32_t row_count, void *rows,
                             size_t stride, struct r2g_error *err) {
    struct png_reader *r = (struct png_reader *)reader;
    uint32_t height = reader->image.height;
    if (first_row > height || row_count > height - first_row || (!r->interlaced && first_row != r->next_row)) {
        return r2g_fail(err, R2G_EINTERNAL, "rows %u + %u of %u asked for out of order", first_row, row_count, height);
    }
    struct row_span span = {row_count, rows, stride};
    r2g_status status = r->started ? R2G_OK : start(r, err);
    if (status != R2G_OK || row_count == 0) {
        return status;
    }
    return r->interlaced ? read_interlaced(r, first_row, &span, err) : read_next(r, &span, err);
}

void r2g_png_close(struct r2g_reader *reader) {
    struct png_reader *r = (struct png_reader *)reader;
    if (r == NULL) {
        return;
    }
    png_destroy_read_struct(&r->png, &r->info, NULL);
    r2g_png_rows_free(r->rows);
    r2g_buffer_free(&r->whole);
    r2g_buffer_free(&r->window);
    r2g_metadata_free(&reader->metadata);
    free(r);
}
