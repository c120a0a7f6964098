/* Four fields of value noise, each half of a lattice's random values and half smooth ways between them, added and
 * coloured; whole numbers only, so that it is the same picture everywhere. */
#include "cli/scaling_picture.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/buffer.h"
#include "base/output.h"
#include "base/text.h"

enum { FIELDS = 4, EASE_MAX = 256 };

/* Cells of a field are 2^shift pixels wide and high. */
static const unsigned shifts[FIELDS] = {8, 6, 4, 2};

/* About as much is written at once. */
#define CHUNK_NBYTES ((size_t)1 << 20)

struct maker {
    uint32_t width;
    struct r2g_buffer memory;
    uint8_t *field[FIELDS];          /* the row at hand */
    uint8_t *nodes;                  /* of the lattice, at this row */
    uint16_t ease[FIELDS][EASE_MAX]; /* 0 to 256 over a cell */
};

static uint32_t scramble(uint32_t x, uint32_t y, uint32_t seed) {
    uint32_t h = (x + 1) * 0x9E3779B9u + (y + 1) * 0x7FEB352Du + (seed + 1) * 0x846CA68Bu;
    h = (h ^ h >> 16) * 0x7FEB352Du;
    h = (h ^ h >> 15) * 0x846CA68Bu;
    return h ^ h >> 16;
}

static r2g_status begin(struct maker *maker, uint32_t width, struct r2g_error *err) {
    size_t stride = ((size_t)width + 64) & ~(size_t)63;
    maker->width = width;
    r2g_status status = r2g_buffer_reserve(&maker->memory, stride * (FIELDS + 1), "making a picture", err);
    if (status != R2G_OK)
        return status;
    for (int f = 0; f < FIELDS; f++) {
        uint32_t size = 1u << shifts[f];
        maker->field[f] = maker->memory.bytes + stride * (size_t)f;
        for (uint32_t i = 0; i < size; i++) {
            uint32_t t = i * 256 / size; /* 3 t^2 - 2 t^3 */
            maker->ease[f][i] = (uint16_t)(t * t * (768 - 2 * t) >> 16);
        }
    }
    maker->nodes = maker->memory.bytes + stride * FIELDS;
    return R2G_OK;
}

static void fill_field(struct maker *maker, int f, uint32_t y) {
    unsigned shift = shifts[f], size = 1u << shift;
    uint32_t cell_y = y >> shift, ease_y = maker->ease[f][y & (size - 1)];
    for (uint32_t i = 0; i <= (maker->width >> shift) + 1 && i <= maker->width; i++) {
        uint32_t above = scramble(i, cell_y, (uint32_t)f) & 255, below = scramble(i, cell_y + 1, (uint32_t)f) & 255;
        maker->nodes[i] = (uint8_t)((above * (256 - ease_y) + below * ease_y) >> 8);
    }
    for (uint32_t x = 0; x < maker->width; x += size) {
        uint32_t left = maker->nodes[x >> shift], right = maker->nodes[(x >> shift) + (maker->width > 1)];
        uint32_t end = maker->width - x < size ? maker->width - x : size;
        uint8_t *cell = maker->field[f] + x;
        for (uint32_t k = 0; k < end; k++)
            cell[k] = (uint8_t)((left * (256 - maker->ease[f][k]) + right * maker->ease[f][k]) >> 8);
    }
}

static uint8_t clamped(int value) {
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void make_row(struct maker *maker, uint32_t y, uint8_t *rgb) {
    uint32_t state = scramble(y, 77, 5) | 1;
    for (int f = 0; f < FIELDS; f++)
        fill_field(maker, f, y);
    for (uint32_t x = 0; x < maker->width; x++, rgb += 3) {
        int warm = maker->field[0][x] - 128, texture = maker->field[3][x] >> 3;
        int shade = (5 * maker->field[1][x] + 2 * maker->field[2][x]) / 8 + texture;
        int edge = maker->field[1][x] > 150 ? 36 : 0; /* where one thing ends and another begins */
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        int grain = (int)(state & 7) - (int)(state >> 8 & 7);
        rgb[0] = clamped(shade + warm / 2 + edge + grain);
        rgb[1] = clamped(shade - warm / 8 + edge / 2 + grain);
        rgb[2] = clamped(shade - warm / 3 - edge / 3 + 24 + grain);
    }
}

/* That the folder has room for so much: to fill a disk for an hour first helps nobody. */
static r2g_status check_room(const char *path, uint64_t nbytes, struct r2g_error *err) {
    char folder[PATH_MAX], wanted[32], there[32];
    struct statvfs info;
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash + 1 - path) : 1, slash ? path : ".");
    if (statvfs(folder, &info) != 0) /* then writing tells */
        return R2G_OK;
    uint64_t free_nbytes = (uint64_t)info.f_bavail * info.f_frsize;
    if (nbytes <= free_nbytes)
        return R2G_OK;
    r2g_text_size(wanted, sizeof wanted, nbytes);
    r2g_text_size(there, sizeof there, free_nbytes);
    return r2g_fail(err, R2G_EOUTPUT, "the picture to be measured takes %s, and %s has %s free (TMPDIR names another)",
                    wanted, folder, there);
}

r2g_status r2g_scaling_picture(const char *path, uint32_t width, uint32_t height, const volatile sig_atomic_t *stop,
                               struct r2g_error *err) {
    char header[48];
    struct maker maker = {0};
    struct r2g_buffer chunk = {0};
    struct r2g_output *output = NULL;
    size_t row_nbytes = (size_t)width * 3;
    uint32_t rows = (uint32_t)(CHUNK_NBYTES / row_nbytes) + 1;
    r2g_status status = check_room(path, (uint64_t)row_nbytes * height, err);
    if (status == R2G_OK)
        status = begin(&maker, width, err);
    if (status == R2G_OK)
        status = r2g_buffer_reserve(&chunk, row_nbytes * rows, "making a picture", err);
    if (status == R2G_OK)
        status = r2g_output_create(&output, path, &(struct r2g_output_options){0}, err);
    uint64_t at = (uint64_t)snprintf(header, sizeof header, "P6\n%u %u\n255\n", width, height);
    if (status == R2G_OK)
        status = r2g_output_write_at(output, 0, header, (size_t)at, err);
    for (uint32_t y = 0; y < height && status == R2G_OK; y += rows) {
        uint32_t count = height - y < rows ? height - y : rows;
        for (uint32_t i = 0; i < count; i++)
            make_row(&maker, y + i, chunk.bytes + row_nbytes * i);
        status = r2g_output_write_at(output, at, chunk.bytes, row_nbytes * count, err);
        at += row_nbytes * count;
        if (status == R2G_OK && *stop)
            status = r2g_fail(err, R2G_ECANCELED, "interrupted");
    }
    if (status == R2G_OK)
        status = r2g_output_commit(output, err);
    r2g_output_close(output);
    r2g_buffer_free(&chunk);
    r2g_buffer_free(&maker.memory);
    return status;
}
