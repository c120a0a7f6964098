/* Runs: where bytes equal the one before them. Looked for 64 bytes at a time, as one bit each. */
#include "deflate/parse.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "deflate/bits.h"

#define GROUP_NBYTES 64
/* A shorter run costs less as literals: its bytes, being frequent, have short codes. */
#define RUN_NBYTES_MIN 4

/* Bit i: bytes[i] == bytes[i - 1], for 64 bytes; bytes[-1] is read too. */
#ifdef __SSE2__
static inline uint64_t equal_bits(const uint8_t *bytes) {
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        __m128i here = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * i));
        __m128i before = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * i - 1));
        mask |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(here, before)) << (16 * i);
    }
    return mask;
}
#else
static inline uint64_t equal_bits(const uint8_t *bytes) {
    const uint64_t low = 0x7f7f7f7f7f7f7f7fu;
    uint64_t mask = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t difference = bits_load64(bytes + 8 * i) ^ bits_load64(bytes + 8 * i - 1);
        /* the top bit of each byte that is 0, gathered into one byte by a product whose parts do not meet */
        uint64_t zeros = ~(((difference & low) + low) | difference | low) >> 7;
        mask |= (zeros * 0x0102040810204080u >> 56) << (8 * i);
    }
    return mask;
}
#endif

/* The same near the end of the bytes: bits at and past `nbytes` are 0. bytes[-1] is read. */
static uint64_t last_equal_bits(const uint8_t *bytes, size_t nbytes) {
    uint8_t padded[1 + GROUP_NBYTES] = {0};
    memcpy(padded, bytes - 1, nbytes + 1);
    return equal_bits(padded + 1) & (((uint64_t)1 << nbytes) - 1);
}

/* Counts of literals: equal neighbours would wait for each other's sum, so that places take turns. */
enum { TURNS = 4 };
struct byte_counts {
    uint32_t turn[TURNS][256];
};

static void count_bytes(struct byte_counts *counts, const uint8_t *bytes, size_t nbytes) {
    size_t i = 0;
    for (; i + 8 <= nbytes; i += 8) {
        uint64_t eight = bits_load64(bytes + i);
        counts->turn[0][eight & 255]++;
        counts->turn[1][eight >> 8 & 255]++;
        counts->turn[2][eight >> 16 & 255]++;
        counts->turn[3][eight >> 24 & 255]++;
        counts->turn[0][eight >> 32 & 255]++;
        counts->turn[1][eight >> 40 & 255]++;
        counts->turn[2][eight >> 48 & 255]++;
        counts->turn[3][eight >> 56]++;
    }
    for (; i < nbytes; i++) {
        counts->turn[i % TURNS][bytes[i]]++;
    }
}

/* The end of the run that bytes[at] belongs to. */
static size_t run_end(const uint8_t *bytes, size_t nbytes, size_t at) {
    const uint64_t eight = bytes[at] * 0x0101010101010101u;
    size_t end = at + 1;
    for (; end + 8 <= nbytes; end += 8) {
        uint64_t difference = bits_load64(bytes + end) ^ eight;
        if (difference != 0) {
            return end + (size_t)__builtin_ctzll(difference) / 8;
        }
    }
    while (end < nbytes && bytes[end] == bytes[at]) {
        end++;
    }
    return end;
}

/* Where the next run worth a match begins (its first byte that repeats the one before) in bytes[at .. nbytes), at >= 1;
 * `last` or more if there is none before `last`. */
static size_t next_run(const uint8_t *bytes, size_t nbytes, size_t at, size_t last) {
    /* A step is smaller than a group by what a run needs, so that runs across its end are seen. */
    for (; at < last; at += GROUP_NBYTES - (RUN_NBYTES_MIN - 1)) {
        size_t left = nbytes - at;
        uint64_t equal = left >= GROUP_NBYTES ? equal_bits(bytes + at) : last_equal_bits(bytes + at, left);
        equal &= equal >> 1;
        equal &= equal >> 2;
        if (equal != 0) {
            return at + (size_t)__builtin_ctzll(equal);
        }
    }
    return last;
}
_Static_assert(RUN_NBYTES_MIN == 4, "next_run looks for four bits in a row");

/* The tokens of a run of `nbytes` repeated bytes, the first behind `literal_count` literals. Returns how many of the bytes
 * they stand for: a rest too short for a match is left. */
static size_t put_run(struct r2g_token_list *list, size_t literal_count, size_t nbytes) {
    size_t left = nbytes;
    while (left >= R2G_MATCH_NBYTES_MIN) {
        size_t length = left < R2G_MATCH_NBYTES_MAX ? left : R2G_MATCH_NBYTES_MAX;
        list->tokens[list->count++] = (struct r2g_token){(uint32_t)literal_count, (uint16_t)length, 1};
        list->counts.lengths[length_symbol((unsigned)length).symbol]++;
        list->counts.distances[0]++;
        literal_count = 0;
        left -= length;
    }
    return nbytes - left;
}

size_t r2g_parse_runs(const struct r2g_stretch *stretch, struct r2g_token_list *list) {
    const uint8_t *bytes = stretch->bytes;
    size_t at = stretch->first, literals = at;
    struct byte_counts counts = {{{0}}};
    while (at < stretch->last) {
        size_t run = next_run(bytes, stretch->nbytes, at > 0 ? at : 1, stretch->last);
        if (run >= stretch->last) {
            break;
        }
        /* Of a run far past `last`, as much as whole matches take to get there. */
        size_t limit = (stretch->last - run + R2G_MATCH_NBYTES_MAX - 1) / R2G_MATCH_NBYTES_MAX * R2G_MATCH_NBYTES_MAX;
        size_t end = run_end(bytes, limit < stretch->nbytes - run ? run + limit : stretch->nbytes, run);
        count_bytes(&counts, bytes + literals, run - literals);
        at = run + put_run(list, run - literals, end - run);
        literals = at;
    }
    if (at < stretch->last) {
        at = stretch->last;
    }
    if (literals < at) {
        count_bytes(&counts, bytes + literals, at - literals);
        list->tokens[list->count++] = (struct r2g_token){(uint32_t)(at - literals), 0, 0};
    }
    for (int i = 0; i < 256; i++) {
        list->counts.lengths[i] += counts.turn[0][i] + counts.turn[1][i] + counts.turn[2][i] + counts.turn[3][i];
    }
    return at;
}
