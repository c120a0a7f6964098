/* Plain rows: chunks, inflate, unfilter, a band at a time.
 *
 * `data` holds filtered rows as inflate delivers them, with its window of 32 KiB before them: it is filled, then all its
 * whole rows are unfiltered straight into the caller's memory, then the window and the row that is not whole yet move to
 * its start. Chunk bytes go to inflate where they lie in the window of the file. So a byte is touched while it is in the
 * second-level cache, and memory depends on the width of a row alone.
 */
#include "codec/png_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "codec/png_chunks.h"
#include "codec/png_parts.h"
#include "codec/png_unfilter.h"
#include "deflate/inflate.h"

#define BAND_NBYTES ((uint64_t)192 * 1024)        /* with the window of the file still in the second-level cache */
#define WIDE_BAND_NBYTES_MAX ((uint64_t)16 << 20) /* for the sake of whole groups of wide rows */
#define CHUNK_NBYTES_MAX ((uint64_t)8 << 20)      /* as png_read.c sets it for libpng */
#define DEFLATE_METHOD 8                          /* RFC 1950, section 2.2: CM, and the window is 2^(CINFO + 8) */

struct r2g_png_rows {
    struct png_chunks chunks;
    struct r2g_inflater *inflater;
    struct r2g_inflate_span span; /* the input left in the present piece of a chunk */
    bool ended;                   /* the zlib stream is whole */
    struct r2g_buffer data;       /* filtered rows in [start, nbytes), what inflate needs before them */
    size_t start;
    uint64_t data_left;     /* image data still to be inflated */
    struct r2g_buffer last; /* the last row delivered, zeros before there is one */
    const struct png_unfilter *unfilter;
    struct png_band band; /* what all bands have in common */
    uint32_t rows_left;
};

/* The longest IDAT chunk that libpng takes for one: all image data with what deflate may add to it. */
static uint64_t idat_nbytes_max(uint32_t height, uint64_t filtered_nbytes) {
    uint64_t limit = PNG_SIDE_MAX;
    if (height <= UINT32_MAX / filtered_nbytes) {
        limit = height * filtered_nbytes;
    }
    limit += 6 + 5 * (limit / r2g_u64_min(filtered_nbytes, 32566) + 1);
    return r2g_u64_max(CHUNK_NBYTES_MAX, r2g_u64_min(limit, PNG_SIDE_MAX));
}

/* Room for whole groups of rows if the budget has it, else for a single row. */
static r2g_status reserve_data(struct r2g_png_rows *rows, struct r2g_error *err) {
    uint64_t row_nbytes = (uint64_t)rows->band.nbytes + 1, group_nbytes = row_nbytes * PNG_GROUP_ROWS;
    uint64_t group_count = r2g_u64_max(BAND_NBYTES / group_nbytes, 1);
    uint64_t wanted = r2g_u64_min(group_count * group_nbytes, rows->data_left);
    uint64_t fixed = R2G_INFLATE_WINDOW_NBYTES + 1; /* one byte to find out whether there is too much */
    r2g_status status = R2G_ELIMIT;
    if (wanted > row_nbytes && wanted <= WIDE_BAND_NBYTES_MAX) {
        status = r2g_buffer_reserve(&rows->data, (size_t)(fixed + wanted), "a band of rows", NULL);
    }
    if (status != R2G_OK) {
        status = r2g_buffer_reserve(&rows->data, (size_t)(fixed + row_nbytes), "a row", err);
    }
    return status;
}

/* Whether distances are limited by no less than the 32 KiB that inflate allows, or by all the data there is. */
static bool has_full_window(uint8_t method, uint64_t data_nbytes) {
    return (method & 0x0f) != DEFLATE_METHOD || (UINT64_C(256) << (method >> 4)) >= r2g_u64_min(data_nbytes, 32768);
}

/* Hands inflate the next piece of image data. */
static r2g_status take_input(struct r2g_png_rows *rows, struct r2g_error *err) {
    while (rows->chunks.left == 0) {
        r2g_status status = r2g_png_chunks_next(&rows->chunks, err);
        if (status != R2G_OK) {
            return status;
        }
        if (strcmp(rows->chunks.type, "IDAT") != 0) {
            return r2g_png_damaged(err, "", "Not enough image data");
        }
    }
    return r2g_png_chunks_take(&rows->chunks, &rows->span.in, &rows->span.in_nbytes, err);
}

static r2g_status start(struct r2g_png_rows *rows, const struct png_rows_kind *kind, uint32_t idat_nbytes,
                        struct r2g_error *err) {
    const struct r2g_image *image = kind->image;
    rows->data.budget = rows->last.budget = kind->budget;
    rows->chunks.source = kind->source;
    rows->chunks.image = kind->image;
    rows->chunks.idat_nbytes_max = idat_nbytes_max(image->height, (uint64_t)rows->band.nbytes + 1);
    rows->chunks.other_nbytes_max = CHUNK_NBYTES_MAX;
    rows->chunks.window = *kind->window;
    rows->chunks.window_offset = kind->window_offset;
    *kind->window = (struct r2g_buffer){.budget = kind->budget};
    r2g_png_chunks_start(&rows->chunks, kind->idat_offset, idat_nbytes);
    r2g_status status = r2g_inflater_new(&rows->inflater, kind->budget, err);
    if (status == R2G_OK) {
        status = r2g_buffer_reserve(&rows->last, rows->band.nbytes, "a row", err);
    }
    if (status == R2G_OK) {
        memset(rows->last.bytes, 0, rows->band.nbytes);
        status = reserve_data(rows, err);
    }
    return status == R2G_OK ? take_input(rows, err) : status;
}

r2g_status r2g_png_rows_new(struct r2g_png_rows **rows, const struct png_rows_kind *kind, struct r2g_error *err) {
    *rows = NULL;
    const struct r2g_image *image = kind->image;
    uint8_t head[9]; /* of the first IDAT chunk, and its first byte */
    r2g_status status = r2g_source_read_exact(kind->source, kind->idat_offset - 8, head, sizeof head, err);
    if (status != R2G_OK) {
        return status;
    }
    const size_t nbytes = r2g_image_row_nbytes(image);
    uint64_t data_nbytes;
    if (!r2g_u64_mul((uint64_t)nbytes + 1, image->height, &data_nbytes) || png_get_be32(head) == 0 ||
        !has_full_window(head[8], data_nbytes)) {
        return R2G_OK;
    }
    struct r2g_png_rows *made = r2g_new(sizeof *made, err);
    if (made == NULL) {
        return R2G_ENOMEM;
    }
    made->band.nbytes = nbytes;
    made->band.pixel_nbytes = (unsigned)(nbytes / image->width);
    made->band.swapped = image->maxval > 255 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    made->unfilter = r2g_png_unfilter_current();
    made->data_left = data_nbytes;
    made->rows_left = image->height;
    status = start(made, kind, png_get_be32(head), err);
    if (status != R2G_OK) {
        r2g_png_rows_free(made);
        return status;
    }
    *rows = made;
    return R2G_OK;
}

void r2g_png_rows_free(struct r2g_png_rows *rows) {
    if (rows != NULL) {
        r2g_inflater_free(rows->inflater);
        r2g_buffer_free(&rows->data);
        r2g_buffer_free(&rows->last);
        r2g_buffer_free(&rows->chunks.window);
        free(rows);
    }
}

/* Inflates up to `room` bytes to the end of the data. Returns when there is no room, or the stream has ended. */
static r2g_status inflate_data(struct r2g_png_rows *rows, size_t room, struct r2g_error *err) {
    rows->span.out = rows->data.bytes + rows->data.nbytes;
    rows->span.out_nbytes = room;
    while (rows->span.out_nbytes > 0 && !rows->ended) {
        /* Input that is all consumed may still have output to come. */
        enum r2g_inflate_result result = r2g_inflater_run(rows->inflater, &rows->span);
        if (result == R2G_INFLATE_DAMAGED) {
            return r2g_png_damaged(err, "IDAT", r2g_inflater_damage(rows->inflater));
        }
        rows->ended = result == R2G_INFLATE_END;
        if (!rows->ended && rows->span.out_nbytes > 0) {
            r2g_status status = take_input(rows, err);
            if (status != R2G_OK) {
                return status;
            }
        }
    }
    rows->data.nbytes += room - rows->span.out_nbytes;
    return R2G_OK;
}

/* Moves what is still needed to the start of the buffer: whole rows that wait, and the window of inflate. */
static void make_room(struct r2g_png_rows *rows) {
    size_t window = rows->data.nbytes - (size_t)r2g_u64_min(rows->data.nbytes, R2G_INFLATE_WINDOW_NBYTES);
    size_t from = (size_t)r2g_u64_min(rows->start, window);
    memmove(rows->data.bytes, rows->data.bytes + from, rows->data.nbytes - from);
    rows->data.nbytes -= from;
    rows->start -= from;
}

/* Fills the buffer. */
static r2g_status fill(struct r2g_png_rows *rows, struct r2g_error *err) {
    make_room(rows);
    size_t room = (size_t)r2g_u64_min(rows->data.capacity - 1 - rows->data.nbytes, rows->data_left);
    size_t before = rows->data.nbytes;
    r2g_status status = inflate_data(rows, room, err);
    if (status == R2G_OK && rows->data.nbytes - before < room) {
        return r2g_png_damaged(err, "", "Not enough image data");
    }
    rows->data_left -= room;
    return status;
}

/* After the last row: the stream must end here, and then the chunk. */
static r2g_status finish(struct r2g_png_rows *rows, struct r2g_error *err) {
    size_t before = rows->data.nbytes;
    r2g_status status = inflate_data(rows, 1, err);
    if (status != R2G_OK) {
        return status;
    }
    if (rows->data.nbytes > before) {
        return r2g_png_damaged(err, "IDAT", "Too much image data");
    }
    if (rows->span.in_nbytes > 0 || rows->chunks.left > 0) {
        return r2g_png_damaged(err, "IDAT", "Extra compressed data");
    }
    return r2g_png_chunks_finish(&rows->chunks, err);
}

/* Unfilters the next `count` rows, all of them in the buffer. */
static r2g_status unfilter(struct r2g_png_rows *rows, uint32_t count, uint8_t *to, size_t stride, const uint8_t *prior,
                           struct r2g_error *err) {
    struct png_band band = rows->band;
    band.filtered = rows->data.bytes + rows->start;
    for (uint32_t r = 0; r < count; r++) {
        if (band.filtered[r * (band.nbytes + 1)] >= PNG_FILTERS) {
            return r2g_png_damaged(err, "", "bad adaptive filter value");
        }
    }
    band.rows = to;
    band.stride = stride;
    band.prior = prior;
    band.row_count = count;
    r2g_png_unfilter(rows->unfilter, &band);
    rows->start += count * (band.nbytes + 1);
    return R2G_OK;
}

/* How many rows to unfilter now: all that are wanted, or whole groups; 0 if the buffer should be filled first. */
static uint32_t choose_count(const struct r2g_png_rows *rows, uint32_t wanted) {
    size_t row_nbytes = rows->band.nbytes + 1;
    size_t whole = (rows->data.nbytes - rows->start) / row_nbytes;
    bool can_fill = rows->data_left > 0 && (rows->start > 0 || rows->data.nbytes < rows->data.capacity - 1);
    if (whole >= wanted) {
        return wanted;
    }
    if (whole >= PNG_GROUP_ROWS) {
        return (uint32_t)(whole - whole % PNG_GROUP_ROWS);
    }
    return can_fill ? 0 : (uint32_t)whole;
}

r2g_status r2g_png_rows_read(struct r2g_png_rows *rows, uint32_t row_count, uint8_t *to, size_t stride,
                             struct r2g_error *err) {
    const uint8_t *prior = rows->last.bytes;
    for (uint32_t done = 0; done < row_count;) {
        uint32_t count = choose_count(rows, row_count - done);
        r2g_status status = count == 0 ? fill(rows, err) : unfilter(rows, count, to, stride, prior, err);
        if (status != R2G_OK) {
            return status;
        }
        if (count > 0) {
            done += count;
            prior = to + (count - 1) * stride;
            to += count * stride;
        }
    }
    if (row_count > 0) {
        memcpy(rows->last.bytes, prior, rows->band.nbytes);
    }
    rows->rows_left -= row_count;
    return rows->rows_left == 0 && row_count > 0 ? finish(rows, err) : R2G_OK;
}
