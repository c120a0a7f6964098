/* Bits of a JPEG scan: reading, and copying runs of them.
 *
 * A reader walks over bytes without stuffing; a writer makes such bytes. Both load and store 8 bytes at once: a reader's
 * bytes are followed by at least R2G_JPEG_BITS_PAD more, a writer's by as many of room. All is inline: the state lives
 * in registers.
 */
#ifndef R2G_CODEC_JPEG_BITS_H
#define R2G_CODEC_JPEG_BITS_H

#include <stdint.h>
#include <string.h>

#include "codec/jpeg_huffman.h"

#define R2G_JPEG_INLINE static inline __attribute__((always_inline))
#define R2G_JPEG_LIKELY(x) __builtin_expect(!!(x), 1)

/* Longest MCU: 10 blocks (T.81, B.2.3); a walk never passes more than one beyond the last byte, nor looks further. */
enum { R2G_JPEG_MCU_NBYTES_MAX = 10 * R2G_JPEG_BLOCK_BITS / 8 + 1, R2G_JPEG_BITS_PAD = R2G_JPEG_MCU_NBYTES_MAX + 64 };

/* `count` bits (at most 63) at the top of `bits` are valid; the ones below are the stream's next bits or zero. `next` is
 * the first byte that they do not cover. */
struct r2g_jpeg_reading {
    const uint8_t *next;
    uint64_t bits;
    unsigned count;
};

/* `used` bits (0 to 7) at the top of `bits` belong to the byte at `next`; the others are zero. */
struct r2g_jpeg_writing {
    uint8_t *next;
    uint64_t bits;
    unsigned used;
};

R2G_JPEG_INLINE uint64_t r2g_jpeg_load(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

R2G_JPEG_INLINE void r2g_jpeg_store(uint8_t *bytes, uint64_t word) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    memcpy(bytes, &word, sizeof word);
}

/* Afterwards at least 56 bits are valid. */
R2G_JPEG_INLINE void r2g_jpeg_refill(struct r2g_jpeg_reading *r) {
    r->bits |= r2g_jpeg_load(r->next) >> r->count;
    r->next += (63 - r->count) >> 3;
    r->count |= 56;
}

R2G_JPEG_INLINE void r2g_jpeg_take(struct r2g_jpeg_reading *r, unsigned nbits) {
    r->bits <<= nbits;
    r->count -= nbits;
}

/* Where it stands, in bits from `base`. */
R2G_JPEG_INLINE uint64_t r2g_jpeg_place(const struct r2g_jpeg_reading *r, const uint8_t *base) {
    return (uint64_t)(r->next - base) * 8 - r->count;
}

/* A reader that stands `place` bits behind `base`. */
R2G_JPEG_INLINE struct r2g_jpeg_reading r2g_jpeg_reading_at(const uint8_t *base, uint64_t place) {
    unsigned shift = place & 7;
    const uint8_t *first = base + (place >> 3);
    return (struct r2g_jpeg_reading){first + 7, r2g_jpeg_load(first) << shift, 56 - shift};
}

/* Appends the top nbits (1 to 56) of `bits`. */
R2G_JPEG_INLINE void r2g_jpeg_put(struct r2g_jpeg_writing *w, uint64_t bits, unsigned nbits) {
    bits &= UINT64_MAX << (64 - nbits);
    bits = w->bits | bits >> w->used;
    r2g_jpeg_store(w->next, bits);
    unsigned used = w->used + nbits;
    w->next += used >> 3;
    w->bits = bits << (used & 56);
    w->used = used & 7;
}

/* Appends nbits that stand `place` bits behind `base`. */
R2G_JPEG_INLINE void r2g_jpeg_copy(struct r2g_jpeg_writing *w, const uint8_t *base, uint64_t place, uint64_t nbits) {
    for (; nbits > 56; nbits -= 56, place += 56)
        r2g_jpeg_put(w, r2g_jpeg_load(base + (place >> 3)) << (place & 7), 56);
    if (nbits > 0)
        r2g_jpeg_put(w, r2g_jpeg_load(base + (place >> 3)) << (place & 7), (unsigned)nbits);
}

#endif
