/* The choice among instruction sets, the rows that need no more than the compiler's own vector code, and plain C for the
 * others. Byte i of a pixel is delivered as byte i ^ 1 where samples are swapped. */
#include "codec/png_unfilter.h"

#include <string.h>

#include "pixel/isa.h"

#define INLINE static inline __attribute__((always_inline))

/* Sections 9.2 and 9.4: a is left, b above, c above left. */
INLINE uint8_t predict(const enum png_filter filter, uint8_t a, uint8_t b, uint8_t c) {
    switch (filter) {
    case PNG_SUB:
        return a;
    case PNG_UP:
        return b;
    case PNG_AVERAGE:
        return (uint8_t)((a + b) / 2);
    case PNG_PAETH: {
        /* See add_paeth() in png_unfilter_wave.h; without branches, which would be mispredicted. */
        int u = (a > b ? a : b) - c, l = c - (a < b ? a : b);
        return (uint8_t)(c + (u & -(2 * l <= u)) - (l & -(2 * u <= l)));
    }
    default:
        return 0;
    }
}

/* From byte `first` on. The neighbours stay in registers, so that each channel is a chain of its own. */
INLINE void undo(const struct png_band *band, size_t first, const enum png_filter filter, const unsigned pixel_nbytes) {
    const uint8_t *in = band->filtered + 1, *prior = band->prior;
    uint8_t *out = band->rows;
    const unsigned flip = band->swapped ? 1 : 0;
    const size_t nbytes = band->nbytes;
    uint8_t a[8] = {0}, c[8] = {0};
    for (unsigned i = 0; first > 0 && i < pixel_nbytes; i++) {
        a[i] = out[first - pixel_nbytes + (i ^ flip)];
        c[i] = prior[first - pixel_nbytes + (i ^ flip)];
    }
    for (size_t at = first; at < nbytes; at += pixel_nbytes) {
        for (unsigned i = 0; i < pixel_nbytes; i++) {
            uint8_t b = prior[at + (i ^ flip)];
            a[i] = (uint8_t)(in[at + i] + predict(filter, a[i], b, c[i]));
            out[at + (i ^ flip)] = a[i];
            c[i] = b;
        }
    }
}

INLINE void undo_any_size(const struct png_band *band, size_t first, const enum png_filter filter) {
    switch (band->pixel_nbytes) {
    case 1:
        undo(band, first, filter, 1);
        break;
    case 2:
        undo(band, first, filter, 2);
        break;
    case 3:
        undo(band, first, filter, 3);
        break;
    case 4:
        undo(band, first, filter, 4);
        break;
    case 6:
        undo(band, first, filter, 6);
        break;
    default:
        undo(band, first, filter, 8);
        break;
    }
}

void r2g_png_sub_from(const struct png_band *band, size_t first) {
    undo_any_size(band, first, PNG_SUB);
}

static void copy_swapped(uint8_t *restrict out, const uint8_t *restrict in, size_t nbytes) {
    for (size_t i = 0; i + 1 < nbytes; i += 2) {
        uint16_t sample;
        memcpy(&sample, in + i, 2);
        sample = (uint16_t)(sample << 8 | sample >> 8);
        memcpy(out + i, &sample, 2);
    }
}

static void undo_none(const struct png_band *band) {
    if (band->swapped) {
        copy_swapped(band->rows, band->filtered + 1, band->nbytes);
    } else {
        memcpy(band->rows, band->filtered + 1, band->nbytes);
    }
}

static void undo_up(const struct png_band *band) {
    const uint8_t *restrict in = band->filtered + 1;
    const uint8_t *restrict prior = band->prior;
    uint8_t *restrict out = band->rows;
    const size_t nbytes = band->nbytes;
    if (band->swapped) {
        copy_swapped(out, in, nbytes);
        for (size_t i = 0; i < nbytes; i++) {
            out[i] = (uint8_t)(out[i] + prior[i]);
        }
    } else {
        for (size_t i = 0; i < nbytes; i++) {
            out[i] = (uint8_t)(in[i] + prior[i]);
        }
    }
}

void r2g_png_unfilter(const struct png_unfilter *unfilter, const struct png_band *band) {
    struct png_band rest = *band;
    while (rest.row_count > 0) {
        uint32_t done = 1;
        switch (rest.filtered[0]) {
        case PNG_NONE:
            undo_none(&rest);
            break;
        case PNG_SUB:
            unfilter->sub(&rest);
            break;
        case PNG_UP:
            undo_up(&rest);
            break;
        default:
            done = unfilter->group(&rest);
            break;
        }
        rest.filtered += done * (rest.nbytes + 1);
        rest.prior = rest.rows + (done - 1) * rest.stride;
        rest.rows += done * rest.stride;
        rest.row_count -= done;
    }
}

static bool always(void) {
    return true;
}

static void plain_sub(const struct png_band *band) {
    r2g_png_sub_from(band, 0);
}

static uint32_t plain_group(const struct png_band *band) {
    if (band->filtered[0] == PNG_AVERAGE) {
        undo_any_size(band, 0, PNG_AVERAGE);
    } else {
        undo_any_size(band, 0, PNG_PAETH);
    }
    return 1;
}

static const struct png_unfilter plain = {"scalar", always, plain_sub, plain_group};

/* Best first; the last is always available. */
static const struct png_unfilter *const table[] = {
#ifdef R2G_PNG_X86
    &r2g_png_unfilter_avx2,
    &r2g_png_unfilter_sse4,
#endif
#ifdef R2G_PNG_NEON
    &r2g_png_unfilter_neon,
#endif
    &plain,
};

#define TABLE_COUNT (sizeof table / sizeof table[0])

const struct png_unfilter *r2g_png_unfilter_at(size_t i) {
    return i < TABLE_COUNT ? table[i] : NULL;
}

const struct png_unfilter *r2g_png_unfilter_current(void) {
    const char *name = r2g_isa_current()->name;
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (strcmp(table[i]->name, name) == 0 && table[i]->available()) {
            return table[i];
        }
    }
    /* A set without a row of its own is above all that have one, or has nothing but plain C. */
    return table[0]->available() ? table[0] : &plain;
}
