/* Makes pictures of any size for tests and trials: make_picture KIND WIDTH HEIGHT [SEED] [--bits 8|16] [-o FILE]
 *
 * Writes a binary PPM (P6) row by row; memory grows with the width alone. The same arguments give the same bytes. Each
 * row is made of a few fields of value noise (random values on a lattice, smoothly interpolated between) in 16-bit
 * integers, then coloured. Samples are made with 16 bits; 8-bit pictures keep the upper eight.
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE_MAX 1000000u
#define OCTAVES_MAX 8

/* One octave of noise: values 0 to amplitude on a lattice of cells of 2^shift pixels. */
struct octave {
    unsigned shift;
    int amplitude;
    uint32_t seed;
    uint32_t cell_y;                 /* the row of cells that top and bottom hold */
    int16_t *top, *bottom, *between; /* lattice values of the row, cells + 2 entries each */
    int16_t *ease;                   /* 0 to 32767 over a cell */
};

/* Cell nuclei, at most one in each square of a grid: those of the two lines of squares that can reach a row. */
struct nuclei {
    int64_t grid_y;
    struct nucleus {
        int32_t x, y, rx, ry, depth;
    } * row[3]; /* above, here, below */
};

struct picture {
    uint32_t width, height, seed;
    uint16_t *rgb[3];  /* the row being made */
    int16_t *field[3]; /* noise, 0 to about 16383 */
    uint16_t *density; /* scratch */
    uint8_t *grain;    /* white noise */
    struct octave octaves[OCTAVES_MAX];
    unsigned octave_count;
    struct nuclei nuclei;
    uint32_t *edges[3];      /* photograph: heights of three ridges, a column each */
    uint16_t eosin[3][1024]; /* transmission of the two stains, 65535 is clear */
    uint16_t haema[3][256];
};

struct kind {
    const char *name;
    void (*begin)(struct picture *picture);
    void (*row)(struct picture *picture, uint32_t y);
};

static void *take(size_t count, size_t size) {
    void *memory = calloc(count + 64, size);
    if (memory == NULL) {
        fputs("make_picture: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

static uint32_t hash(uint32_t x, uint32_t y, uint32_t seed) {
    uint32_t h = x * 0x9E3779B1u ^ y * 0x85EBCA77u ^ seed * 0xC2B2AE3Du;
    h = (h ^ h >> 15) * 0x2C1B3C6Du;
    h = (h ^ h >> 12) * 0x297A2D39u;
    return h ^ h >> 15;
}

static int clamp(int value, int low, int high) {
    return value < low ? low : value > high ? high : value;
}

/* Fills `bytes` (padded to a multiple of 16) with white noise: four xorshift generators side by side. */
static void fill_grain(uint8_t *bytes, size_t nbytes, uint32_t y, uint32_t seed) {
    uint32_t state[4];
    for (uint32_t i = 0; i < 4; i++) {
        state[i] = hash(i, y, seed ^ 0x5EEDu) | 1;
    }
    for (size_t i = 0; i < nbytes; i += 16) {
        for (int lane = 0; lane < 4; lane++) {
            state[lane] ^= state[lane] << 13;
            state[lane] ^= state[lane] >> 17;
            state[lane] ^= state[lane] << 5;
        }
        memcpy(bytes + i, state, 16);
    }
}

/* Adds an octave to the picture; returns its index. `cell` is rounded down to a power of two from 4 to 4096. */
static unsigned octave_new(struct picture *picture, uint32_t cell, int amplitude) {
    unsigned index = picture->octave_count++;
    struct octave *octave = &picture->octaves[index];
    octave->shift = 2;
    while (octave->shift < 12 && (2u << octave->shift) <= cell) {
        octave->shift++;
    }
    octave->amplitude = amplitude;
    octave->seed = hash(index, 77, picture->seed);
    octave->cell_y = UINT32_MAX;
    size_t count = (picture->width >> octave->shift) + 2;
    octave->top = take(count, sizeof(int16_t));
    octave->bottom = take(count, sizeof(int16_t));
    octave->between = take(count, sizeof(int16_t));
    uint32_t size = 1u << octave->shift;
    octave->ease = take(size, sizeof(int16_t));
    for (uint32_t i = 0; i < size; i++) {
        double t = (double)i / size;
        octave->ease[i] = (int16_t)(32767 * t * t * (3 - 2 * t));
    }
    return index;
}

static void octave_line(const struct octave *octave, int16_t *line, size_t count, uint32_t cell_y) {
    for (uint32_t i = 0; i < count; i++) {
        line[i] = (int16_t)((hash(i, cell_y, octave->seed) >> 16) * (uint32_t)octave->amplitude >> 16);
    }
}

/* Adds row y of the octave to out[0 .. width). */
static void octave_add(struct octave *octave, uint32_t y, int16_t *out, uint32_t width) {
    uint32_t size = 1u << octave->shift, cell_y = y >> octave->shift;
    size_t count = (width >> octave->shift) + 2;
    if (octave->cell_y != cell_y) {
        octave_line(octave, octave->top, count, cell_y);
        octave_line(octave, octave->bottom, count, cell_y + 1);
        octave->cell_y = cell_y;
    }
    int ease_y = octave->ease[y & (size - 1)];
    for (size_t i = 0; i < count; i++) {
        int step = octave->bottom[i] - octave->top[i];
        octave->between[i] = (int16_t)(octave->top[i] + (step * ease_y >> 15));
    }
    for (uint32_t x = 0, i = 0; x < width; x += size, i++) {
        int16_t start = octave->between[i];
        int16_t twice = (int16_t)(2 * (octave->between[i + 1] - start));
        uint32_t end = width - x < size ? width - x : size;
        int16_t *cell = out + x;
        for (uint32_t k = 0; k < end; k++) {
            cell[k] = (int16_t)(cell[k] + start + (twice * octave->ease[k] >> 16));
        }
    }
}

/* field = sum of octaves first .. first + count - 1. */
static void fill_field(struct picture *picture, unsigned field, unsigned first, unsigned count, uint32_t y) {
    memset(picture->field[field], 0, picture->width * sizeof(int16_t));
    for (unsigned i = first; i < first + count; i++) {
        octave_add(&picture->octaves[i], y, picture->field[field], picture->width);
    }
}

/* Turns line[] to `value` where the ellipse around (cx, cy) covers row y, with edges `soft` (> 0) pixels wide. */
static void paint_disc(uint16_t *line, uint32_t width, double y, double cx, double cy, double rx, double ry, int value,
                       double soft) {
    double dy = (y - cy) / ry;
    if (dy <= -1 || dy >= 1) {
        return;
    }
    double half = rx * sqrt(1 - dy * dy);
    int64_t from = (int64_t)fmax(ceil(cx - half), 0);
    int64_t to = (int64_t)fmin(floor(cx + half), (double)width - 1);
    int64_t full_from = (int64_t)ceil(cx - half + soft), full_to = (int64_t)floor(cx + half - soft);
    for (int64_t x = from; x <= to; x++) {
        if (x >= full_from && x <= full_to) {
            line[x] = (uint16_t)value;
        } else {
            double inside = fmin((double)x - (cx - half), cx + half - (double)x);
            line[x] = (uint16_t)(line[x] + (value - line[x]) * fmin(inside / soft, 1));
        }
    }
}

/* ---- tissue: a slide stained with haematoxylin (purple nuclei) and eosin (pink) ---- */

enum { NUCLEI_GRID = 22 };

static void tissue_begin(struct picture *picture) {
    uint32_t side = picture->width < picture->height ? picture->width : picture->height;
    octave_new(picture, side / 3 < 16 ? 16 : side / 3, 10000); /* where tissue is */
    octave_new(picture, side / 16 < 16 ? 16 : side / 16, 4000);
    octave_new(picture, 32, 1800);
    octave_new(picture, 64, 8000); /* fibres */
    octave_new(picture, 16, 5600);
    octave_new(picture, 4, 2400);
    octave_new(picture, 128, 16000); /* clear spaces in it, and crowding of nuclei */
    for (int i = 0; i < 2; i++) {
        picture->nuclei.row[i] = take(picture->width / NUCLEI_GRID + 2, sizeof(struct nucleus));
    }
    picture->nuclei.grid_y = -2;
    static const double eosin[3] = {0.07, 0.60, 0.26}, haema[3] = {0.62, 0.72, 0.30}; /* optical density */
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < 1024; i++) {
            picture->eosin[c][i] = (uint16_t)(64000 * pow(10, -eosin[c] * i / 1024));
        }
        for (int i = 0; i < 256; i++) {
            picture->haema[c][i] = (uint16_t)(65535 * pow(10, -haema[c] * i / 256));
        }
    }
}

static void nuclei_fill(const struct picture *picture, struct nucleus *row, uint32_t grid_y) {
    for (uint32_t i = 0; i < picture->width / NUCLEI_GRID + 2; i++) {
        uint32_t h = hash(i, grid_y, picture->seed ^ 0xCE11u), g = hash(i, grid_y, picture->seed ^ 0xBEADu);
        row[i].x = (int32_t)(i * NUCLEI_GRID + h % NUCLEI_GRID);
        row[i].y = (int32_t)(grid_y * NUCLEI_GRID + (h >> 8) % NUCLEI_GRID);
        row[i].rx = (int32_t)(3 + (h >> 16) % 7);
        row[i].ry = (int32_t)(3 + (h >> 24) % 6);
        row[i].depth = (int32_t)(g % 16 < 5 ? 0 : 110 + (g >> 8) % 130);
    }
}

/* density[] becomes the haematoxylin of row y, 0 to 255. */
static void nuclei_row(struct picture *picture, uint32_t y) {
    struct nuclei *nuclei = &picture->nuclei;
    int64_t grid_y = y / NUCLEI_GRID;
    if (nuclei->grid_y != grid_y) {
        for (int i = 0; i < 2; i++) {
            nuclei_fill(picture, nuclei->row[i], (uint32_t)(grid_y + i));
        }
        nuclei->grid_y = grid_y;
    }
    memset(picture->density, 0, picture->width * sizeof(uint16_t));
    for (int i = 0; i < 2; i++) {
        const struct nucleus *row = nuclei->row[i];
        for (uint32_t k = 0; k < picture->width / NUCLEI_GRID + 1; k++) {
            /* Half a square up: so no other line of squares reaches this row. */
            int dy = (int)y - (row[k].y - NUCLEI_GRID / 2);
            if (row[k].depth != 0 && dy * dy < row[k].ry * row[k].ry) {
                paint_disc(picture->density, picture->width, dy, row[k].x, 0, row[k].rx, row[k].ry, row[k].depth, 2);
            }
        }
    }
}

static void tissue_row(struct picture *picture, uint32_t y) {
    fill_field(picture, 0, 0, 3, y);
    fill_field(picture, 1, 3, 3, y);
    fill_field(picture, 2, 6, 1, y);
    nuclei_row(picture, y);
    fill_grain(picture->grain, picture->width, y, picture->seed);
    for (uint32_t x = 0; x < picture->width; x++) {
        int space = picture->field[2][x];
        int tissue = clamp((picture->field[0][x] - 6400) >> 1, 0, 256);
        tissue = space > 12800 ? tissue * clamp(14080 - space, 0, 1280) / 1280 : tissue;
        int ridge = abs(picture->field[1][x] - 8000) >> 3; /* thin dark lines where the noise crosses its middle */
        int eosin = tissue * (820 - clamp(ridge, 0, 600)) >> 8;
        int haema = tissue * (picture->density[x] + clamp((space - 4000) >> 7, 0, 24)) >> 8;
        eosin = clamp(eosin + (picture->grain[x] >> 3), 0, 1023);
        haema = clamp(haema, 0, 255);
        for (int c = 0; c < 3; c++) {
            picture->rgb[c][x] = (uint16_t)((uint32_t)picture->eosin[c][eosin] * picture->haema[c][haema] >> 16);
        }
    }
}

/* ---- photograph: sky, three ridges of hills, texture ---- */

static void photograph_begin(struct picture *picture) {
    octave_new(picture, picture->width / 4, 6000); /* clouds */
    octave_new(picture, picture->width / 16, 4000);
    octave_new(picture, 64, 3000); /* ground */
    octave_new(picture, 16, 3000);
    octave_new(picture, 4, 4000);
    for (int i = 0; i < 3; i++) {
        picture->edges[i] = take(picture->width, sizeof(uint32_t));
        double height = picture->height, phase = hash((uint32_t)i, 1, picture->seed) % 628 / 100.0;
        for (uint32_t x = 0; x < picture->width; x++) {
            double u = 6.28 * x / picture->width * (i + 1);
            double hill = sin(u + phase) + 0.4 * sin(2.7 * u + 3 * phase) + 0.1 * sin(11 * u + phase);
            picture->edges[i][x] = (uint32_t)(height * (0.45 + 0.17 * i + 0.05 * hill));
        }
    }
}

static void photograph_row(struct picture *picture, uint32_t y) {
    static const int ground[4][3] = {{0, 0, 0}, {24000, 32000, 36000}, {17000, 27000, 15000}, {22000, 19000, 9000}};
    fill_field(picture, 0, 0, 2, y);
    fill_field(picture, 1, 2, 3, y);
    fill_grain(picture->grain, picture->width, y, picture->seed);
    int down = (int)((uint64_t)y * 20000 / picture->height);
    for (uint32_t x = 0; x < picture->width; x++) {
        int layer = (y >= picture->edges[0][x]) + (y >= picture->edges[1][x]) + (y >= picture->edges[2][x]);
        int cloud = clamp((picture->field[0][x] - 5200) * 6, 0, 24000), grain = picture->grain[x] * 6;
        int texture = (picture->field[1][x] - 5000) * (layer + 1) / 2 + grain;
        int sky[3] = {16000 + down * 2 + cloud, 31000 + down + cloud, 52000 + cloud / 3};
        for (int c = 0; c < 3; c++) {
            int value = layer == 0 ? sky[c] + grain : ground[layer][c] + texture;
            picture->rgb[c][x] = (uint16_t)clamp(value, 0, 65535);
        }
    }
}

/* ---- drawing: panels of text, bars and rings in flat colours ---- */

enum { PANEL_WIDTH = 360, PANEL_HEIGHT = 240 };

static uint32_t text_colour(uint32_t x, uint32_t y, uint32_t h) {
    uint32_t column = x / 8, line = y / 14, glyph = hash(column, line, h);
    bool blank = glyph % 6 == 0 || column > 30 + line * h % 12 || x % 8 > 5 || y % 14 > 8;
    /* letters are 3 x 4 squares of 2 pixels */
    uint32_t bit = x % 8 / 2 + 3 * (y % 14 / 2 % 5);
    return !blank && (glyph >> 8 >> bit & 1) != 0 ? 0x202020 : 0xFFFFFF;
}

static uint32_t bars_colour(uint32_t x, uint32_t y, uint32_t h) {
    static const uint32_t colours[4] = {0x1F77B4, 0xFF7F0E, 0x2CA02C, 0xD62728};
    uint32_t bar = x / 40, top = hash(bar, 3, h) % (PANEL_HEIGHT - 80);
    if (x < 3 || y >= PANEL_HEIGHT - 43) {
        return y >= PANEL_HEIGHT - 40 ? 0xFFFFFF : 0x000000;
    }
    return x % 40 >= 12 && y >= top ? colours[bar % 4] : y % 40 == 0 ? 0xD0D0D0 : 0xFFFFFF;
}

static uint32_t rings_colour(uint32_t x, uint32_t y, uint32_t h) {
    int dx = (int)x - PANEL_WIDTH / 2 + 20, dy = (int)y - PANEL_HEIGHT / 2 + 20;
    int distance = dx * dx + dy * dy;
    if (distance < 45 * 45) {
        return 0xFFE680;
    }
    return distance < 90 * 90 && distance > 84 * 84 ? (h & 0xFF00FF) : (dx == dy || dx == -dy) ? 0x800000 : 0xFFFFFF;
}

static void drawing_row(struct picture *picture, uint32_t y) {
    for (uint32_t x = 0; x < picture->width; x++) {
        uint32_t h = hash(x / PANEL_WIDTH, y / PANEL_HEIGHT, picture->seed);
        uint32_t u = x % PANEL_WIDTH, v = y % PANEL_HEIGHT, colour = 0xFFFFFF;
        if (u >= 20 && v >= 20 && u < PANEL_WIDTH - 20 && v < PANEL_HEIGHT - 20) {
            uint32_t which = h >> 24;
            colour = which % 3 == 0   ? text_colour(u - 20, v - 20, h)
                     : which % 3 == 1 ? bars_colour(u - 20, v - 20, h)
                                      : rings_colour(u - 20, v - 20, h);
        }
        for (int c = 0; c < 3; c++) {
            picture->rgb[c][x] = (uint16_t)((colour >> (16 - 8 * c) & 255) * 257);
        }
    }
}

/* ---- screenshot: windows with lists on a tiled ground; the same glyphs, lines and tiles come again and again ---- */

enum { WINDOW_WIDTH = 720, WINDOW_HEIGHT = 440, WINDOW_EDGE = 28, LIST_LINE = 20 };

static uint32_t list_colour(uint32_t x, uint32_t y, uint32_t window) {
    uint32_t line = y / LIST_LINE, column = x / 8, letter = hash(column, line % 9, window % 4);
    bool blank = letter % 7 == 0 || column % 30 > 22 || x % 8 > 5 || y % LIST_LINE < 4 || y % LIST_LINE > 13;
    uint32_t glyph = hash(letter >> 8 & 63, 5, 5), bit = x % 8 / 2 + 3 * (y % LIST_LINE / 2 % 5);
    if (!blank && (glyph >> bit & 1) != 0) {
        return column % 90 < 30 ? 0x1A1A1A : 0x5A6470;
    }
    return line % 13 == 4 ? 0xCCE4F7 : line % 2 == 0 ? 0xFFFFFF : 0xF4F6F8;
}

static void screenshot_row(struct picture *picture, uint32_t y) {
    uint32_t v = y % WINDOW_HEIGHT;
    for (uint32_t x = 0; x < picture->width; x++) {
        uint32_t u = x % WINDOW_WIDTH, window = hash(x / WINDOW_WIDTH, y / WINDOW_HEIGHT, picture->seed), colour;
        if (u < WINDOW_EDGE || v < WINDOW_EDGE || u >= WINDOW_WIDTH - WINDOW_EDGE || v >= WINDOW_HEIGHT - WINDOW_EDGE) {
            colour = 0x2A5C7A + (hash(x % 48, y % 48, 3) & 0x070707); /* a tile of grain */
        } else if (v < 2 * WINDOW_EDGE) {
            colour = 0x3A3F47 + 0x010101 * (u * 48 / WINDOW_WIDTH); /* a title with a slow gradient */
        } else {
            colour = list_colour(u - WINDOW_EDGE, v - 2 * WINDOW_EDGE, window);
        }
        for (int c = 0; c < 3; c++) {
            picture->rgb[c][x] = (uint16_t)((colour >> (16 - 8 * c) & 255) * 257);
        }
    }
}

/* ---- ct: a slice through a chest, gray in RGB ---- */

static void ct_begin(struct picture *picture) {
    octave_new(picture, 64, 2400);
    octave_new(picture, 16, 1600);
}

static void ct_row(struct picture *picture, uint32_t y) {
    static const struct {
        double cx, cy, rx, ry; /* parts of width and height */
        int value;
    } discs[] = {
        {0.50, 0.50, 0.47, 0.40, 25000},                                  /* skin and fat */
        {0.50, 0.50, 0.44, 0.37, 34000},                                  /* muscle */
        {0.50, 0.49, 0.41, 0.34, 50000},                                  /* ribs */
        {0.50, 0.49, 0.39, 0.32, 33000}, {0.29, 0.47, 0.16, 0.25, 6000},  /* lungs */
        {0.71, 0.47, 0.16, 0.25, 6000},  {0.54, 0.42, 0.12, 0.14, 40000}, /* heart */
        {0.50, 0.73, 0.07, 0.07, 56000}, {0.50, 0.74, 0.03, 0.02, 30000}, /* spine */
        {0.46, 0.62, 0.03, 0.03, 46000},                                  /* aorta */
    };
    double width = picture->width, height = picture->height, soft = width / 200 + 1;
    memset(picture->density, 0, picture->width * sizeof(uint16_t));
    for (size_t i = 0; i < sizeof discs / sizeof discs[0]; i++) {
        paint_disc(picture->density, picture->width, y, discs[i].cx * width, discs[i].cy * height, discs[i].rx * width,
                   discs[i].ry * height, discs[i].value, soft);
    }
    fill_field(picture, 0, 0, 2, y);
    fill_grain(picture->grain, picture->width, y, picture->seed);
    for (uint32_t x = 0; x < picture->width; x++) {
        int value = picture->density[x] + picture->field[0][x] - 1000 + picture->grain[x] * 12;
        uint16_t gray = (uint16_t)clamp(value, 0, 65535);
        picture->rgb[0][x] = picture->rgb[1][x] = picture->rgb[2][x] = gray;
    }
}

/* ---- noise and gray-ramp ---- */

static void noise_row(struct picture *picture, uint32_t y) {
    for (uint32_t c = 0; c < 3; c++) {
        fill_grain((uint8_t *)picture->rgb[c], picture->width * sizeof(uint16_t), y, picture->seed + 7919 * c);
    }
}

static void gray_ramp_row(struct picture *picture, uint32_t y) {
    (void)y;
    uint32_t last = picture->width > 1 ? picture->width - 1 : 1;
    for (uint32_t x = 0; x < picture->width; x++) {
        uint16_t gray = (uint16_t)((uint64_t)x * 65535 / last);
        picture->rgb[0][x] = picture->rgb[1][x] = picture->rgb[2][x] = gray;
    }
}

static const struct kind kinds[] = {
    {"tissue", tissue_begin, tissue_row}, {"photograph", photograph_begin, photograph_row},
    {"drawing", NULL, drawing_row},       {"ct", ct_begin, ct_row},
    {"noise", NULL, noise_row},           {"gray-ramp", NULL, gray_ramp_row},
    {"screenshot", NULL, screenshot_row},
};

/* ---- the file ---- */

static void pack8(const struct picture *picture, uint8_t *out) {
    for (uint32_t x = 0; x < picture->width; x++) {
        out[3 * (size_t)x] = (uint8_t)(picture->rgb[0][x] >> 8);
        out[3 * (size_t)x + 1] = (uint8_t)(picture->rgb[1][x] >> 8);
        out[3 * (size_t)x + 2] = (uint8_t)(picture->rgb[2][x] >> 8);
    }
}

static void pack16(const struct picture *picture, uint8_t *out) {
    for (uint32_t x = 0; x < picture->width; x++) {
        for (size_t c = 0; c < 3; c++) {
            out[6 * (size_t)x + 2 * c] = (uint8_t)(picture->rgb[c][x] >> 8);
            out[6 * (size_t)x + 2 * c + 1] = (uint8_t)picture->rgb[c][x];
        }
    }
}

static bool write_picture(struct picture *picture, const struct kind *kind, unsigned bits, FILE *file) {
    for (int i = 0; i < 3; i++) {
        picture->rgb[i] = take(picture->width, sizeof(uint16_t));
        picture->field[i] = take(picture->width, sizeof(int16_t));
    }
    picture->density = take(picture->width, sizeof(uint16_t));
    picture->grain = take(picture->width, 1);
    size_t row_nbytes = (size_t)picture->width * 3 * (bits / 8);
    uint8_t *out = take(row_nbytes, 1);
    if (kind->begin != NULL) {
        kind->begin(picture);
    }
    bool good = fprintf(file, "P6\n%u %u\n%u\n", picture->width, picture->height, (1u << bits) - 1) > 0;
    for (uint32_t y = 0; good && y < picture->height; y++) {
        kind->row(picture, y);
        (bits == 8 ? pack8 : pack16)(picture, out);
        good = fwrite(out, 1, row_nbytes, file) == row_nbytes;
    }
    free(out);
    return good;
}

static void free_picture(struct picture *picture) {
    for (int i = 0; i < 3; i++) {
        free(picture->rgb[i]);
        free(picture->field[i]);
        free(picture->edges[i]);
    }
    free(picture->nuclei.row[0]);
    free(picture->nuclei.row[1]);
    free(picture->density);
    free(picture->grain);
    for (unsigned i = 0; i < picture->octave_count; i++) {
        free(picture->octaves[i].top);
        free(picture->octaves[i].bottom);
        free(picture->octaves[i].between);
        free(picture->octaves[i].ease);
    }
}

static bool parse_number(const char *text, uint32_t low, uint32_t high, uint32_t *number) {
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    *number = (uint32_t)value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && value >= low && value <= high;
}

static int usage(FILE *file) {
    fputs("usage: make_picture KIND WIDTH HEIGHT [SEED] [--bits 8|16] [-o FILE]\n"
          "kinds: tissue photograph drawing ct noise gray-ramp screenshot\n",
          file);
    return file == stdout ? 0 : 2;
}

int main(int argc, char **argv) {
    const char *words[4] = {NULL}, *out_name = NULL;
    int word_count = 0;
    uint32_t bits = 8;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            return usage(stdout);
        } else if (strcmp(argv[i], "-o") == 0 && i + 1 < argc) {
            out_name = argv[++i];
        } else if (strcmp(argv[i], "--bits") == 0 && i + 1 < argc) {
            if (!parse_number(argv[++i], 8, 16, &bits) || bits % 8 != 0) {
                return usage(stderr);
            }
        } else if (word_count < 4) {
            words[word_count++] = argv[i];
        } else {
            return usage(stderr);
        }
    }
    struct picture picture = {.seed = 1};
    const struct kind *kind = NULL;
    for (size_t i = 0; word_count > 0 && i < sizeof kinds / sizeof kinds[0]; i++) {
        kind = strcmp(kinds[i].name, words[0]) == 0 ? &kinds[i] : kind;
    }
    if (kind == NULL || word_count < 3 || !parse_number(words[1], 1, SIDE_MAX, &picture.width) ||
        !parse_number(words[2], 1, SIDE_MAX, &picture.height) ||
        (word_count == 4 && !parse_number(words[3], 0, UINT32_MAX, &picture.seed))) {
        return usage(stderr);
    }
    FILE *file = out_name != NULL ? fopen(out_name, "wb") : stdout;
    bool good = file != NULL && write_picture(&picture, kind, bits, file);
    good = file != NULL && fclose(file) == 0 && good;
    if (!good) {
        perror("make_picture");
    }
    free_picture(&picture);
    return good ? 0 : 1;
}
