/* Bits in the order of RFC 1951, 3.1.1 (the least significant first), and loads that are the same on every host.
 *
 * Pure functions on the caller's memory. A writer may store up to 8 bytes from its position on, whatever it has to say:
 * the caller leaves that room.
 */
#ifndef R2G_DEFLATE_BITS_H
#define R2G_DEFLATE_BITS_H

#include <stdint.h>
#include <string.h>

static inline uint64_t bits_little64(uint64_t value) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(value);
#else
    return value;
#endif
}

static inline uint64_t bits_load64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return bits_little64(value);
}

static inline uint32_t bits_load32(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap32(value);
#endif
    return value;
}

struct bit_writer {
    uint8_t *to;    /* where the next whole byte goes */
    uint64_t held;  /* bits not yet stored, those above `count` zero */
    unsigned count; /* of bits held: at most 7 after bits_flush */
};

/* Takes `count` more bits, the others of `value` zero. At most 56 between two flushes. */
static inline void bits_put(struct bit_writer *writer, uint64_t value, unsigned count) {
    writer->held |= value << writer->count;
    writer->count += count;
}

static inline void bits_flush(struct bit_writer *writer) {
    uint64_t value = bits_little64(writer->held);
    memcpy(writer->to, &value, sizeof value);
    writer->to += writer->count / 8;
    writer->held >>= writer->count & ~7u;
    writer->count %= 8;
}

/* Fills up to a byte boundary with zeros. */
static inline void bits_align(struct bit_writer *writer) {
    writer->count = (writer->count + 7) & ~7u;
    bits_flush(writer);
}

#endif
