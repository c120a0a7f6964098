/* A pyramid of tiles, made while the rows come by once.
 *
 * Every level holds a strip: the rows of its row of tiles at work. A row that comes to a level is copied into the strip;
 * every second one (and the last) makes, with the one above it, a row of the next level. A full strip is cut into tiles,
 * encoded and written. Memory: 512 rows of each level, together 1024 rows of the picture. A picture that must be turned is
 * held whole in 8 bits besides, unless its rows are only mirrored.
 */
#include "pipeline/preview.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "codec/picture.h"
#include "pipeline/job.h"
#include "pipeline/preview_folder.h"
#include "pipeline/preview_rows.h"

enum {
    TILE = R2G_PREVIEW_TILE,
    LEVELS_MAX = 24, /* sides of 2^31 are 512 after 22 halvings */
    JPEG_QUALITY = 88,
    TILES_MAX = 1 << 18, /* files in all; 1 << 18 hold 68 billion pixels, unless the picture is a mere line */
    JSON_NBYTES = 256 + LEVELS_MAX * 128,
};

struct level {
    uint32_t width, height, columns, rows;
    uint32_t row_count;      /* of its rows, come so far */
    struct r2g_buffer strip; /* the row of tiles at work */
};

struct pyramid {
    struct r2g_preview_rows source;
    struct r2g_folder folder;
    uint32_t channels;
    uint32_t width, height; /* upright */
    int level_count;
    struct level levels[LEVELS_MAX];
    struct r2g_buffer tile, file; /* a tile's pixels, and its file */
    struct r2g_buffer whole;      /* the stored picture, where it must be turned */
};

/* ---- writing ---- */

static r2g_status write_tile(struct pyramid *self, int l, uint32_t column, uint32_t tile_row, uint32_t height,
                             struct r2g_error *err) {
    const struct level *level = &self->levels[l];
    uint32_t x = column * TILE, width = level->width - x < TILE ? level->width - x : TILE;
    size_t row_nbytes = (size_t)width * self->channels, stride = (size_t)level->width * self->channels;
    for (uint32_t y = 0; y < height; y++)
        memcpy(self->tile.bytes + y * row_nbytes, level->strip.bytes + y * stride + (size_t)x * self->channels,
               row_nbytes);
    struct r2g_picture picture = {self->tile.bytes, width, height, self->channels};
    char name[64];
    snprintf(name, sizeof name, "%d/%" PRIu32 "_%" PRIu32 ".%s", l, column, tile_row, l == 0 ? "png" : "jpg");
    self->file.nbytes = 0;
    r2g_status status = l == 0 ? r2g_picture_png(&picture, &self->file, err)
                               : r2g_picture_jpeg(&picture, JPEG_QUALITY, &self->file, err);
    return status == R2G_OK ? r2g_folder_write(&self->folder, name, self->file.bytes, self->file.nbytes, err) : status;
}

static r2g_status write_strip(struct pyramid *self, int l, struct r2g_error *err) {
    const struct level *level = &self->levels[l];
    uint32_t tile_row = (level->row_count - 1) / TILE;
    r2g_status status = R2G_OK;
    for (uint32_t column = 0; status == R2G_OK && column < level->columns; column++)
        status = write_tile(self, l, column, tile_row, level->row_count - tile_row * TILE, err);
    return status;
}

static r2g_status write_description(struct pyramid *self, struct r2g_error *err) {
    char text[JSON_NBYTES];
    size_t end = (size_t)snprintf(text, sizeof text,
                                  "{\"width\":%" PRIu32 ",\"height\":%" PRIu32 ",\"tile\":%d,\"channels\":%" PRIu32
                                  ",\"levels\":[",
                                  self->width, self->height, TILE, self->channels);
    for (int l = 0; l < self->level_count; l++) {
        const struct level *level = &self->levels[l];
        end += (size_t)snprintf(text + end, sizeof text - end,
                                "%s{\"width\":%" PRIu32 ",\"height\":%" PRIu32 ",\"columns\":%" PRIu32
                                ",\"rows\":%" PRIu32 ",\"type\":\"%s\"}",
                                l > 0 ? "," : "", level->width, level->height, level->columns, level->rows,
                                l == 0 ? "png" : "jpg");
    }
    end += (size_t)snprintf(text + end, sizeof text - end, "]}\n");
    return r2g_folder_write(&self->folder, "tiles.json", text, end, err);
}

/* ---- rows ---- */

/* One row of half the size from one or two: the mean of the up to four pixels, rounded to nearest, halves up. */
static void halve(const uint8_t *upper, const uint8_t *lower, uint32_t width, uint32_t channels, uint8_t *to) {
    for (uint32_t x = 0; x + 1 < width; x += 2, upper += 2 * channels, lower += 2 * channels) {
        for (uint32_t c = 0; c < channels; c++)
            *to++ = (uint8_t)((upper[c] + upper[c + channels] + lower[c] + lower[c + channels] + 2) / 4);
    }
    for (uint32_t c = 0; width % 2 == 1 && c < channels; c++)
        *to++ = (uint8_t)((upper[c] + lower[c] + 1) / 2);
}

/* Where the next row of a level goes. */
static uint8_t *next_place(const struct pyramid *self, int l) {
    const struct level *level = &self->levels[l];
    return level->strip.bytes + (size_t)(level->row_count % TILE) * level->width * self->channels;
}

/* The row just put at next_place of level 0 counts, there and in the levels above. */
static r2g_status count_row(struct pyramid *self, struct r2g_error *err) {
    for (int l = 0; l < self->level_count; l++) {
        struct level *level = &self->levels[l];
        const uint8_t *row = next_place(self, l);
        level->row_count++;
        bool last = level->row_count == level->height, pair = level->row_count % 2 == 0;
        if (l + 1 < self->level_count && (pair || last)) {
            /* a last row without a partner stands for both */
            const uint8_t *upper = pair ? row - (size_t)level->width * self->channels : row;
            halve(upper, row, level->width, self->channels, next_place(self, l + 1));
        }
        if (level->row_count % TILE == 0 || last) {
            r2g_status status = write_strip(self, l, err);
            if (status != R2G_OK)
                return status;
        }
        if (!pair && !last)
            break;
    }
    return R2G_OK;
}

/* Reads the whole stored picture, to turn it. */
static r2g_status load_whole(struct pyramid *self, struct r2g_error *err) {
    struct r2g_preview_rows *source = &self->source;
    size_t row_nbytes = (size_t)source->width * self->channels, nbytes;
    r2g_status status = R2G_OK;
    if (!r2g_size_mul(row_nbytes, source->height, &nbytes))
        status =
            r2g_fail(err, R2G_ELIMIT, "%u x %u pixels do not fit memory for turning", source->width, source->height);
    if (status == R2G_OK)
        status = r2g_check_whole(&source->read_options, source->width, source->height, nbytes, err);
    if (status == R2G_OK)
        status = r2g_buffer_reserve(&self->whole, nbytes, "turning the picture", err);
    for (uint32_t y = 0; status == R2G_OK && y < source->height; y++) {
        const uint8_t *row;
        status = r2g_preview_rows_next(source, &row, err);
        if (status == R2G_OK)
            memcpy(self->whole.bytes + y * row_nbytes, row, row_nbytes);
    }
    return status;
}

/* Puts upright row `y` at next_place of level 0. */
static r2g_status put_row(struct pyramid *self, uint32_t y, struct r2g_error *err) {
    const struct r2g_preview_rows *source = &self->source;
    const uint8_t *from = self->whole.bytes;
    uint32_t height = source->height;
    if (self->whole.bytes == NULL) {
        r2g_status status = r2g_preview_rows_next(&self->source, &from, err);
        if (status != R2G_OK)
            return status;
        y = 0;
        height = 1;
    }
    r2g_preview_turn_row(from, source->width, height, self->channels, source->orientation, y, self->width,
                         next_place(self, 0));
    return R2G_OK;
}

static r2g_status make_rows(struct pyramid *self, struct r2g_error *err) {
    /* 2 mirrors each row by itself */
    r2g_status status = self->source.orientation > 2 ? load_whole(self, err) : R2G_OK;
    for (uint32_t y = 0; status == R2G_OK && y < self->height; y++) {
        status = put_row(self, y, err);
        if (status == R2G_OK)
            status = count_row(self, err);
    }
    return status;
}

/* ---- the whole ---- */

/* Decides the levels and takes their strips. */
static r2g_status prepare(struct pyramid *self, struct r2g_error *err) {
    struct r2g_budget *budget = &self->source.budget;
    bool turned = self->source.orientation >= 5;
    uint32_t width = self->width = turned ? self->source.height : self->source.width;
    uint32_t height = self->height = turned ? self->source.width : self->source.height;
    uint64_t tile_count = 0;
    self->channels = self->source.channels;
    self->tile.budget = self->file.budget = self->whole.budget = budget;
    r2g_status status = r2g_buffer_reserve(&self->tile, (size_t)TILE * TILE * self->channels, "a tile", err);
    for (int l = 0; status == R2G_OK; l++) {
        struct level *level = &self->levels[l];
        *level = (struct level){.width = width, .height = height, .strip = {.budget = budget}};
        level->columns = (uint32_t)(((uint64_t)width + TILE - 1) / TILE);
        level->rows = (uint32_t)(((uint64_t)height + TILE - 1) / TILE);
        self->level_count = l + 1;
        tile_count += (uint64_t)level->columns * level->rows;
        size_t strip_nbytes;
        uint64_t strip_rows = r2g_u64_min(height, TILE);
        if (tile_count > TILES_MAX)
            status = r2g_fail(err, R2G_ELIMIT, "%u x %u pixels would make more than %d tiles", self->width,
                              self->height, TILES_MAX);
        else if (!r2g_size_mul((size_t)width * self->channels, strip_rows, &strip_nbytes))
            status = r2g_fail(err, R2G_ELIMIT, "rows of %u pixels do not fit memory", width);
        else
            status = r2g_buffer_reserve(&level->strip, strip_nbytes, "a row of tiles", err);
        if (width <= TILE && height <= TILE)
            break;
        width = width / 2 + width % 2;
        height = height / 2 + height % 2;
    }
    return status;
}

static r2g_status make(struct pyramid *self, const struct r2g_preview_request *request, struct r2g_error *err) {
    r2g_status status = r2g_preview_rows_open(&self->source, request, err);
    if (status != R2G_OK)
        return status;
    status = prepare(self, err);
    for (int l = 0; status == R2G_OK && l < self->level_count; l++) {
        char name[16];
        snprintf(name, sizeof name, "%d", l);
        status = r2g_folder_add(&self->folder, name, err);
    }
    if (status == R2G_OK)
        status = make_rows(self, err);
    if (status == R2G_OK)
        status = write_description(self, err);
    if (status != R2G_OK)
        r2g_error_name(err, self->source.source->name);
    return status;
}

r2g_status r2g_preview_tiles(const struct r2g_preview_request *request, struct r2g_error *err) {
    struct pyramid self = {.folder = {.fd = -1}};
    r2g_status status = r2g_folder_create(&self.folder, request->out_path, err);
    if (status == R2G_OK)
        status = make(&self, request, err);
    if (status == R2G_OK)
        status = r2g_folder_commit(&self.folder, err);
    r2g_folder_close(&self.folder);
    for (int l = 0; l < self.level_count; l++)
        r2g_buffer_free(&self.levels[l].strip);
    r2g_buffer_free(&self.tile);
    r2g_buffer_free(&self.file);
    r2g_buffer_free(&self.whole);
    r2g_preview_rows_close(&self.source);
    return status;
}
