/* What the PNG tests share: sources from memory, encoding in blocks, and a decoder of their own.
 *
 * The decoder takes raw samples from libpng without any transformation of colours and expands them by the PNG
 * specification itself (sections 11.3.1.1 and 13.12), so that it does not share code with the reader under test.
 */
#ifndef R2G_TEST_PNG_SUPPORT_H
#define R2G_TEST_PNG_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <png.h>
#include <zlib.h>

#include "codec/codec.h"
#include "codec/png_parts.h"

#define UNUSED __attribute__((unused))

/* A small generator of numbers (xorshift64*, Vigna 2016), so that every run sees the same. */
static uint64_t random_state = 88172645463325252u;
UNUSED static uint32_t random_u32(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 2685821657736338717u) >> 32);
}

/* A source over a copy of the bytes, in memory. */
UNUSED static struct r2g_source source_from_bytes(const void *bytes, size_t nbytes) {
    int fd = memfd_create("test", 0);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, nbytes), nbytes);
    static char name[] = "memory";
    return (struct r2g_source){.fd = fd, .nbytes = nbytes, .name = name};
}

struct picture {
    uint32_t width, height;
    enum r2g_layout layout;
    uint32_t maxval;
    uint8_t *samples; /* as a reader delivers them, rows without gaps; malloc */
    size_t nbytes;
};

/* Reads all rows, some at a time, with the reader under test. On success the caller frees picture->samples. */
UNUSED static r2g_status decode(const struct r2g_source *source, struct r2g_budget *budget, uint64_t max_pixels,
                                uint32_t rows_at_a_time, struct picture *picture, struct r2g_error *err) {
    struct r2g_read_options options = {.budget = budget, .max_pixels = max_pixels};
    struct r2g_reader *reader = NULL;
    r2g_status status = r2g_codec_png.open(&reader, source, &options, err);
    if (status != R2G_OK) {
        assert_null(reader);
        return status;
    }
    const struct r2g_image *image = &reader->image;
    size_t row_nbytes = r2g_image_row_nbytes(image);
    *picture = (struct picture){image->width, image->height, image->layout, image->maxval, NULL, 0};
    picture->nbytes = row_nbytes * image->height;
    picture->samples = malloc(picture->nbytes);
    assert_non_null(picture->samples);
    for (uint32_t r = 0; status == R2G_OK && r < image->height; r += rows_at_a_time) {
        uint32_t count = image->height - r < rows_at_a_time ? image->height - r : rows_at_a_time;
        status = r2g_codec_png.read_rows(reader, r, count, picture->samples + r * row_nbytes, row_nbytes, err);
    }
    r2g_codec_png.close(reader);
    if (status != R2G_OK) {
        free(picture->samples);
        picture->samples = NULL;
    }
    return status;
}

/* Samples as stored in a file: palette indices, or values of `depth` bits. */
struct stored {
    uint32_t width, height;
    int color_type, depth, interlaced;
    unsigned channels;
    uint16_t *samples; /* malloc */
    png_color palette[256];
    int palette_count;
    uint8_t palette_alpha[256];
    bool transparent; /* has tRNS */
    png_color_16 key;
};

struct memory_file {
    const uint8_t *bytes;
    size_t nbytes, at;
};

static void memory_read(png_structp png, png_bytep bytes, size_t nbytes) {
    struct memory_file *file = png_get_io_ptr(png);
    if (nbytes > file->nbytes - file->at) {
        png_error(png, "end of file");
    }
    memcpy(bytes, file->bytes + file->at, nbytes);
    file->at += nbytes;
}

static void quiet(png_structp png, const char *text) {
    (void)png;
    (void)text;
}

static void stop(png_structp png, const char *text) {
    (void)text;
    png_longjmp(png, 1);
}

static void take_transparency(struct stored *stored, png_structp png, png_infop info) {
    png_bytep alpha = NULL;
    int count = 0;
    png_color_16p key = NULL;
    memset(stored->palette_alpha, 255, sizeof stored->palette_alpha);
    stored->transparent = png_get_tRNS(png, info, &alpha, &count, &key) != 0;
    if (stored->transparent && stored->color_type == PNG_COLOR_TYPE_PALETTE) {
        memcpy(stored->palette_alpha, alpha, (size_t)count);
    } else if (stored->transparent) {
        stored->key = *key;
    }
}

/* Reads raw samples with libpng; false if it calls the file damaged. */
UNUSED static bool read_stored(const uint8_t *bytes, size_t nbytes, struct stored *stored) {
    struct memory_file file = {bytes, nbytes, 0};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, stop, quiet);
    png_infop info = png_create_info_struct(png);
    uint8_t *volatile rows = NULL;
    png_bytep *volatile pointers = NULL;
    *stored = (struct stored){0};
    volatile bool good = false;
    if (setjmp(png_jmpbuf(png)) == 0) {
        png_set_read_fn(png, &file, memory_read);
        png_read_info(png, info);
        stored->width = png_get_image_width(png, info);
        stored->height = png_get_image_height(png, info);
        stored->color_type = png_get_color_type(png, info);
        stored->depth = png_get_bit_depth(png, info);
        stored->channels = png_get_channels(png, info);
        png_colorp palette = NULL;
        if (png_get_PLTE(png, info, &palette, &stored->palette_count)) {
            memcpy(stored->palette, palette, sizeof *palette * (size_t)stored->palette_count);
        }
        take_transparency(stored, png, info);
        png_set_packing(png);
        (void)png_set_interlace_handling(png);
        png_read_update_info(png, info);
        size_t row_nbytes = png_get_rowbytes(png, info);
        rows = calloc(stored->height, row_nbytes);
        pointers = calloc(stored->height, sizeof *pointers);
        assert_true(rows != NULL && pointers != NULL);
        for (uint32_t y = 0; y < stored->height; y++) {
            pointers[y] = rows + y * row_nbytes;
        }
        png_read_image(png, pointers);
        png_read_end(png, NULL);
        size_t count = (size_t)stored->width * stored->height * stored->channels;
        stored->samples = malloc(count * 2);
        assert_non_null(stored->samples);
        for (size_t i = 0; i < count; i++) {
            uint32_t value = stored->depth == 16 ? rows[2 * i] * 256u + rows[2 * i + 1] : rows[i];
            stored->samples[i] = (uint16_t)value;
        }
        good = true;
    }
    free(rows);
    free(pointers);
    png_destroy_read_struct(&png, &info, NULL);
    return good;
}

static void put_sample(struct picture *picture, size_t i, uint32_t value) {
    if (picture->maxval > 255) {
        uint16_t wide = (uint16_t)value;
        memcpy(picture->samples + 2 * i, &wide, 2);
    } else {
        picture->samples[i] = (uint8_t)value;
    }
}

/* What a reader must deliver for these samples. */
UNUSED static struct picture expand(const struct stored *stored) {
    bool palette = stored->color_type == PNG_COLOR_TYPE_PALETTE;
    bool colour = (stored->color_type & PNG_COLOR_MASK_COLOR) != 0;
    bool alpha = stored->transparent || (stored->color_type & PNG_COLOR_MASK_ALPHA) != 0;
    struct picture picture = {.width = stored->width, .height = stored->height};
    picture.layout = colour ? (alpha ? R2G_LAYOUT_RGBA : R2G_LAYOUT_RGB) : (alpha ? R2G_LAYOUT_GRAYA : R2G_LAYOUT_GRAY);
    picture.maxval = stored->depth == 16 ? 65535 : 255;
    unsigned channels = (colour ? 3u : 1u) + alpha;
    size_t count = (size_t)stored->width * stored->height;
    picture.nbytes = count * channels * (picture.maxval > 255 ? 2 : 1);
    picture.samples = malloc(picture.nbytes);
    assert_non_null(picture.samples);
    uint32_t stored_max = (1u << stored->depth) - 1; /* tRNS keys count by their low bits (section 11.3.1.1) */
    uint32_t key[3] = {colour ? stored->key.red : stored->key.gray, stored->key.green, stored->key.blue};
    for (size_t p = 0; p < count; p++) {
        const uint16_t *from = stored->samples + p * stored->channels;
        uint32_t to[4];
        if (palette) {
            to[0] = stored->palette[from[0]].red;
            to[1] = stored->palette[from[0]].green;
            to[2] = stored->palette[from[0]].blue;
            to[3] = stored->palette_alpha[from[0]];
        } else {
            for (unsigned c = 0; c < stored->channels; c++) {
                to[c] = from[c] * picture.maxval / stored_max;
            }
            if (stored->transparent) {
                bool match = true;
                for (unsigned c = 0; c < stored->channels; c++) {
                    match = match && from[c] == (key[c] & stored_max);
                }
                to[channels - 1] = match ? 0 : picture.maxval;
            }
        }
        for (unsigned c = 0; c < channels; c++) {
            put_sample(&picture, p * channels + c, to[c]);
        }
    }
    return picture;
}

UNUSED static void assert_same_picture(const struct picture *a, const struct picture *b) {
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->layout, b->layout);
    assert_int_equal(a->maxval, b->maxval);
    assert_int_equal(a->nbytes, b->nbytes);
    assert_memory_equal(a->samples, b->samples, a->nbytes);
}

/* Encodes samples in row blocks of raster->block_rows; *out is the whole file. */
UNUSED static void encode(struct r2g_raster *raster, const struct r2g_metadata *metadata, const uint8_t *samples,
                          struct r2g_buffer *out) {
    const struct r2g_encoder *encoder = r2g_codec_png.encoder;
    struct r2g_error err = {0};
    struct r2g_encoder_state *state = NULL;
    struct r2g_checksum sum = {0};
    struct r2g_metadata none;
    r2g_metadata_init(&none);
    raster->block_count = (raster->height + raster->block_rows - 1) / raster->block_rows;
    assert_int_equal(encoder->state_new(&state, raster, NULL, &err), R2G_OK);
    assert_int_equal(encoder->header(raster, metadata != NULL ? metadata : &none, out, &err), R2G_OK);
    for (uint32_t b = 0; b < raster->block_count; b++) {
        struct r2g_checksum checksum;
        uint32_t first_row = b * raster->block_rows;
        uint32_t row_count =
            raster->height - first_row < raster->block_rows ? raster->height - first_row : raster->block_rows;
        size_t row_nbytes = (size_t)raster->width * raster->channels * (raster->maxval > 255 ? 2 : 1);
        assert_int_equal(encoder->segment(state, raster, first_row, row_count, samples + first_row * row_nbytes, out,
                                          &checksum, &err),
                         R2G_OK);
        encoder->checksum_append(&sum, &checksum);
    }
    assert_int_equal(encoder->trailer(raster, &sum, out, &err), R2G_OK);
    encoder->state_free(state);
}

/* Appends a chunk with its CRC. */
UNUSED static void append_chunk(struct r2g_buffer *out, const char *type, const void *data, size_t nbytes) {
    struct r2g_error err;
    uint8_t head[8], crc[4];
    png_put_be32(head, (uint32_t)nbytes);
    memcpy(head + 4, type, 4);
    uLong value = crc32(0, head + 4, 4);
    if (nbytes > 0) {
        value = crc32(value, data, (uInt)nbytes);
    }
    png_put_be32(crc, (uint32_t)value);
    assert_int_equal(r2g_buffer_append(out, head, 8, &err), R2G_OK);
    assert_int_equal(r2g_buffer_append(out, data, nbytes, &err), R2G_OK);
    assert_int_equal(r2g_buffer_append(out, crc, 4, &err), R2G_OK);
}

/* prefix, then the zlib stream of the data, as one chunk */
UNUSED static void append_compressed(struct r2g_buffer *out, const char *type, const void *prefix, size_t prefix_nbytes,
                                     const void *data, size_t nbytes) {
    uLongf packed_nbytes = compressBound(nbytes);
    uint8_t *packed = malloc(prefix_nbytes + packed_nbytes);
    assert_non_null(packed);
    memcpy(packed, prefix, prefix_nbytes);
    assert_int_equal(compress2(packed + prefix_nbytes, &packed_nbytes, data, nbytes, 6), Z_OK);
    append_chunk(out, type, packed, prefix_nbytes + packed_nbytes);
    free(packed);
}

#endif
