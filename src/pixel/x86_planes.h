/* Channels apart by byte shuffles within 128-bit lanes: included by sse4.c and avx2.c after they define TARGET, VECTOR,
 * OP, OR and
 *   load_lanes(bytes, stride)  a register of lanes from bytes, bytes + stride, …
 *   REPEAT(bytes)              the same 16 bytes in each lane
 * A lane holds 16 bytes of one channel: the 16 / w pixels of w-byte samples that begin at its own place in the row.
 */
#include <immintrin.h>
#include <stdint.h>

struct planes {
    VECTOR c[4];
};

struct pairs {
    VECTOR rg[2], b[2];
};

struct pair_indices {
    VECTOR four, last_four;
};

/* Byte j of a plane's lane is byte 3 w (j / w) + w plane + j % w of the 48 that hold three channels; a shuffle of
 * source register `source` takes it if it lies there, else gives 0 (index 0x80), and OR joins the three shuffles. */
#define BYTE(w, plane, source, j)                                                                                      \
    ((3 * (w) * ((j) / (w)) + (w) * (plane) + (j) % (w)) / 16 == (source)                                              \
         ? (3 * (w) * ((j) / (w)) + (w) * (plane) + (j) % (w)) % 16                                                    \
         : 0x80)
#define BYTES4(w, plane, source, j)                                                                                    \
    BYTE(w, plane, source, j), BYTE(w, plane, source, j + 1), BYTE(w, plane, source, j + 2),                           \
        BYTE(w, plane, source, j + 3)
#define BYTES(w, plane, source)                                                                                        \
    {                                                                                                                  \
        BYTES4(w, plane, source, 0), BYTES4(w, plane, source, 4), BYTES4(w, plane, source, 8),                         \
            BYTES4(w, plane, source, 12)                                                                               \
    }
#define PLANE(w, plane)                                                                                                \
    { BYTES(w, plane, 0), BYTES(w, plane, 1), BYTES(w, plane, 2) }

static const uint8_t shuffles3[2][3][3][16] = {
    {PLANE(1, 0), PLANE(1, 1), PLANE(1, 2)},
    {PLANE(2, 0), PLANE(2, 1), PLANE(2, 2)},
};

/* Four channels: 16 bytes hold 4 pixels (or 2 of 2-byte samples); grouped by channel they are four dwords. */
static const uint8_t shuffles4[2][16] = {
    {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15},
    {0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15},
};

#define INLINE_PLANES TARGET static inline __attribute__((always_inline))

INLINE_PLANES VECTOR plane3(VECTOR s0, VECTOR s1, VECTOR s2, const uint8_t shuffle[3][16]) {
    return OR(OR(OP(shuffle_epi8)(s0, REPEAT(shuffle[0])), OP(shuffle_epi8)(s1, REPEAT(shuffle[1]))),
              OP(shuffle_epi8)(s2, REPEAT(shuffle[2])));
}

INLINE_PLANES struct planes load3(const uint8_t *bytes, unsigned sample_nbytes) {
    const VECTOR s0 = load_lanes(bytes, 48), s1 = load_lanes(bytes + 16, 48), s2 = load_lanes(bytes + 32, 48);
    struct planes planes;
    planes.c[0] = plane3(s0, s1, s2, shuffles3[sample_nbytes - 1][0]);
    planes.c[1] = plane3(s0, s1, s2, shuffles3[sample_nbytes - 1][1]);
    planes.c[2] = plane3(s0, s1, s2, shuffles3[sample_nbytes - 1][2]);
    planes.c[3] = OP(set1_epi8)(0);
    return planes;
}

/* A transposition of 4 x 4 dwords: source register i holds the i-th quarter of the lane's pixels. */
INLINE_PLANES struct planes load4(const uint8_t *bytes, unsigned sample_nbytes) {
    const VECTOR shuffle = REPEAT(shuffles4[sample_nbytes - 1]);
    const VECTOR s0 = OP(shuffle_epi8)(load_lanes(bytes, 64), shuffle);
    const VECTOR s1 = OP(shuffle_epi8)(load_lanes(bytes + 16, 64), shuffle);
    const VECTOR s2 = OP(shuffle_epi8)(load_lanes(bytes + 32, 64), shuffle);
    const VECTOR s3 = OP(shuffle_epi8)(load_lanes(bytes + 48, 64), shuffle);
    const VECTOR low01 = OP(unpacklo_epi32)(s0, s1), low23 = OP(unpacklo_epi32)(s2, s3);
    const VECTOR high01 = OP(unpackhi_epi32)(s0, s1), high23 = OP(unpackhi_epi32)(s2, s3);
    struct planes planes;
    planes.c[0] = OP(unpacklo_epi64)(low01, low23);
    planes.c[1] = OP(unpackhi_epi64)(low01, low23);
    planes.c[2] = OP(unpacklo_epi64)(high01, high23);
    planes.c[3] = OP(unpackhi_epi64)(high01, high23);
    return planes;
}

INLINE_PLANES struct planes load8(const uint8_t *in, unsigned channels) {
    return channels == 3 ? load3(in, 1) : load4(in, 1);
}

INLINE_PLANES struct planes load16(const uint16_t *in, unsigned channels) {
    return channels == 3 ? load3((const uint8_t *)in, 2) : load4((const uint8_t *)in, 2);
}

/* Four pixels of n channels from byte `at` of a lane: red and green of each, then blue of each beside a zero. */
#define FOUR(at, n, red, blue)                                                                                         \
    {                                                                                                                  \
        (at) + (red), (at) + 1, (at) + (n) + (red), (at) + (n) + 1, (at) + 2 * (n) + (red), (at) + 2 * (n) + 1,        \
            (at) + 3 * (n) + (red), (at) + 3 * (n) + 1, (at) + (blue), 0x80, (at) + (n) + (blue), 0x80,                \
            (at) + 2 * (n) + (blue), 0x80, (at) + 3 * (n) + (blue), 0x80                                               \
    }

/* By channels, order, and place: 16 pixels of 3 channels end with the lane's 48 bytes, so the last four are taken from
 * the 16 bytes at 32, of which the first 4 belong to the four before. */
static const uint8_t fours[2][2][2][16] = {
    {{FOUR(0, 3, 0, 2), FOUR(4, 3, 0, 2)}, {FOUR(0, 3, 2, 0), FOUR(4, 3, 2, 0)}},
    {{FOUR(0, 4, 0, 2), FOUR(0, 4, 0, 2)}, {FOUR(0, 4, 2, 0), FOUR(0, 4, 2, 0)}},
};

INLINE_PLANES struct pair_indices pair_indices(unsigned channels, bool bgr) {
    return (struct pair_indices){REPEAT(fours[channels - 3][bgr][0]), REPEAT(fours[channels - 3][bgr][1])};
}

INLINE_PLANES struct pairs load_pairs(const uint8_t *in, unsigned channels, struct pair_indices indices) {
    const size_t stride = 16 * channels; /* from lane to lane */
    const VECTOR s0 = OP(shuffle_epi8)(load_lanes(in, stride), indices.four);
    const VECTOR s1 = OP(shuffle_epi8)(load_lanes(in + 4 * channels, stride), indices.four);
    const VECTOR s2 = OP(shuffle_epi8)(load_lanes(in + 8 * channels, stride), indices.four);
    const VECTOR s3 = OP(shuffle_epi8)(load_lanes(in + stride - 16, stride), indices.last_four);
    return (struct pairs){{OP(unpacklo_epi64)(s0, s1), OP(unpacklo_epi64)(s2, s3)},
                          {OP(unpackhi_epi64)(s0, s1), OP(unpackhi_epi64)(s2, s3)}};
}

INLINE_PLANES VECTOR join_halves(VECTOR first, VECTOR second) {
    return OP(packus_epi16)(first, second);
}
