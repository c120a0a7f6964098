/* Kernels for x86 with AVX-512 BW and VBMI: 64 bytes at a time. See x86_kernels.h for the arithmetic. */
#include "pixel/kernels.h"

#ifdef R2G_PIXEL_X86

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi")))
#define VECTOR __m512i
#define OP(name) _mm512_##name
#define OR _mm512_or_si512
#define XOR _mm512_xor_si512
#define LOAD(bytes) _mm512_loadu_si512((const void *)(bytes))
#define STORE(bytes, v) _mm512_storeu_si512((void *)(bytes), v)
#define ISA_ROW r2g_isa_avx512
#define ISA_NAME "avx512"

static bool available(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx2");
}

struct planes {
    __m512i c[4];
};

struct pairs {
    __m512i rg[2], b[2];
};

struct pair_indices {
    __m512i rg[2], b[2];
};

#define INLINE_PLANES TARGET static inline __attribute__((always_inline))

/* A table of 64 byte indices, made from a macro of two constants and the byte's number. */
#define INDICES4(at, a, b, j) at(a, b, j), at(a, b, j + 1), at(a, b, j + 2), at(a, b, j + 3)
#define INDICES16(at, a, b, j)                                                                                         \
    INDICES4(at, a, b, j), INDICES4(at, a, b, j + 4), INDICES4(at, a, b, j + 8), INDICES4(at, a, b, j + 12)
#define INDICES(at, a, b)                                                                                              \
    { INDICES16(at, a, b, 0), INDICES16(at, a, b, 16), INDICES16(at, a, b, 32), INDICES16(at, a, b, 48) }

/* Three channels: byte j of a plane of w-byte samples is byte POSITION of the 192 in three registers. The first
 * permutation takes it from the first two registers (bytes 0 to 127); the second keeps it, or takes it from the third,
 * whose bytes have the indices 64 to 127 there. */
#define POSITION(w, plane, j) (3 * (w) * ((j) / (w)) + (w) * (plane) + (j) % (w))
#define FIRST(w, plane, j) (POSITION(w, plane, j) % 128)
#define SECOND(w, plane, j) (POSITION(w, plane, j) < 128 ? (j) : POSITION(w, plane, j) - 128 + 64)
#define PLANE(w, plane)                                                                                                \
    { INDICES(FIRST, w, plane), INDICES(SECOND, w, plane) }

static const uint8_t permutations3[2][3][2][64] = {
    {PLANE(1, 0), PLANE(1, 1), PLANE(1, 2)},
    {PLANE(2, 0), PLANE(2, 1), PLANE(2, 2)},
};

/* Four channels: from two registers, the channels 2 `pair` and 2 `pair` + 1 become the two halves of one. */
#define HALVES(w, pair, j) (4 * (w) * ((j) % 32 / (w)) + (w) * (2 * (pair) + (j) / 32) + (j) % (w))

static const uint8_t permutations4[2][2][64] = {
    {INDICES(HALVES, 1, 0), INDICES(HALVES, 1, 1)},
    {INDICES(HALVES, 2, 0), INDICES(HALVES, 2, 1)},
};

INLINE_PLANES __m512i plane3(__m512i s0, __m512i s1, __m512i s2, const uint8_t permutation[2][64]) {
    const __m512i from01 = _mm512_permutex2var_epi8(s0, LOAD(permutation[0]), s1);
    return _mm512_permutex2var_epi8(from01, LOAD(permutation[1]), s2);
}

INLINE_PLANES struct planes load3(const uint8_t *bytes, unsigned sample_nbytes) {
    const __m512i s0 = LOAD(bytes), s1 = LOAD(bytes + 64), s2 = LOAD(bytes + 128);
    struct planes planes;
    planes.c[0] = plane3(s0, s1, s2, permutations3[sample_nbytes - 1][0]);
    planes.c[1] = plane3(s0, s1, s2, permutations3[sample_nbytes - 1][1]);
    planes.c[2] = plane3(s0, s1, s2, permutations3[sample_nbytes - 1][2]);
    planes.c[3] = _mm512_setzero_si512();
    return planes;
}

INLINE_PLANES struct planes load4(const uint8_t *bytes, unsigned sample_nbytes) {
    const __m512i s0 = LOAD(bytes), s1 = LOAD(bytes + 64), s2 = LOAD(bytes + 128), s3 = LOAD(bytes + 192);
    const __m512i first = LOAD(permutations4[sample_nbytes - 1][0]);
    const __m512i second = LOAD(permutations4[sample_nbytes - 1][1]);
    const __m512i low01 = _mm512_permutex2var_epi8(s0, first, s1), high01 = _mm512_permutex2var_epi8(s2, first, s3);
    const __m512i low23 = _mm512_permutex2var_epi8(s0, second, s1), high23 = _mm512_permutex2var_epi8(s2, second, s3);
    struct planes planes;
    planes.c[0] = _mm512_shuffle_i64x2(low01, high01, 0x44); /* both lower halves */
    planes.c[1] = _mm512_shuffle_i64x2(low01, high01, 0xEE); /* both upper halves */
    planes.c[2] = _mm512_shuffle_i64x2(low23, high23, 0x44);
    planes.c[3] = _mm512_shuffle_i64x2(low23, high23, 0xEE);
    return planes;
}

INLINE_PLANES struct planes load8(const uint8_t *in, unsigned channels) {
    return channels == 3 ? load3(in, 1) : load4(in, 1);
}

INLINE_PLANES struct planes load16(const uint16_t *in, unsigned channels) {
    return channels == 3 ? load3((const uint8_t *)in, 2) : load4((const uint8_t *)in, 2);
}

/* Pairs: half a step is 32 pixels, which two registers hold. Those of 3 channels take 96 bytes, so that the second half
 * begins at byte 32 of the second and third register; those of 4 channels fill two registers. */
#define PIXEL_OF_PAIR(a, b, j) ((j) / 2)
#define EVEN(a, b, j) (2 * (j))

static const uint8_t pixel_of_pair[64] = INDICES(PIXEL_OF_PAIR, 0, 0);
static const uint8_t even_bytes[64] = INDICES(EVEN, 0, 0);

INLINE_PLANES struct pair_indices pair_indices(unsigned channels, bool bgr) {
    const int red = bgr ? 2 : 0, blue = bgr ? 0 : 2;
    const __m512i pixel = LOAD(pixel_of_pair), twice = _mm512_add_epi8(pixel, pixel);
    const __m512i start = _mm512_add_epi8(twice, channels == 3 ? pixel : twice);
    const __m512i second_start = _mm512_add_epi8(start, _mm512_set1_epi8(channels == 3 ? 32 : 0));
    const __m512i rg = _mm512_set1_epi16((short)(red | 1 << 8)), b = _mm512_set1_epi8((char)blue);
    return (struct pair_indices){{_mm512_add_epi8(start, rg), _mm512_add_epi8(second_start, rg)},
                                 {_mm512_add_epi8(start, b), _mm512_add_epi8(second_start, b)}};
}

INLINE_PLANES struct pairs load_pairs(const uint8_t *in, unsigned channels, struct pair_indices indices) {
    const __m512i s0 = LOAD(in), s1 = LOAD(in + 64);
    const __m512i s2 = channels == 3 ? s1 : LOAD(in + 128), s3 = channels == 3 ? LOAD(in + 128) : LOAD(in + 192);
    return (struct pairs){
        {_mm512_permutex2var_epi8(s0, indices.rg[0], s1), _mm512_permutex2var_epi8(s2, indices.rg[1], s3)},
        {_mm512_permutex2var_epi8(s0, indices.b[0], s1), _mm512_permutex2var_epi8(s2, indices.b[1], s3)}};
}

/* The lower byte of each word, first half first: the indices 0, 2, … 126 of 128 bytes. */
INLINE_PLANES __m512i join_halves(__m512i first, __m512i second) {
    return _mm512_permutex2var_epi8(first, LOAD(even_bytes), second);
}

/* Planes are read at memory's pace by 32 bytes at a time as well. */
static void planar8(const struct r2g_luma *luma, const uint8_t *const plane[3], uint8_t *gray, size_t pixel_count) {
    r2g_isa_avx2.planar8(luma, plane, gray, pixel_count);
}

static void planar16(const struct r2g_luma *luma, const uint16_t *const plane[3], uint16_t *gray, size_t pixel_count) {
    r2g_isa_avx2.planar16(luma, plane, gray, pixel_count);
}

#include "pixel/x86_kernels.h"

#endif
