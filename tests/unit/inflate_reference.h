/* Inflates by the project's own decoder in pieces of any size, and by zlib in one go, to be compared. */
#ifndef R2G_TESTS_INFLATE_REFERENCE_H
#define R2G_TESTS_INFLATE_REFERENCE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "deflate/inflate.h"
#include "deflate/inflate_fast.h"

/* What came of a stream. */
struct inflated {
    enum r2g_inflate_result result;
    const char *damage;
    size_t in_nbytes; /* consumed, where it ended */
    uint8_t *bytes;
    size_t nbytes;
    size_t capacity;
};

/* How it is cut: by the numbers that follow from `state`. */
struct cuts {
    uint64_t state;
    size_t max_in_nbytes, max_out_nbytes; /* of a piece, at least 1 */
};

#define CHECK_INFLATE(condition)                                                                                       \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static inline void *checked_alloc(size_t nbytes) {
    void *pointer = malloc(nbytes > 0 ? nbytes : 1);
    CHECK_INFLATE(pointer != NULL);
    return pointer;
}

/* 1 to max, small ones often. */
static inline size_t next_cut(struct cuts *cuts, size_t max) {
    cuts->state = cuts->state * 6364136223846793005u + 1442695040888963407u; /* Knuth's LCG */
    uint64_t random = cuts->state >> 33;
    size_t below = random % 4 == 0 && max > 32 ? 32 : max;
    return 1 + (size_t)((random >> 2) % below);
}

static inline void keep_inflated(struct inflated *inflated, const uint8_t *bytes, size_t nbytes) {
    if (nbytes > inflated->capacity - inflated->nbytes) {
        inflated->capacity = inflated->capacity * 2 + nbytes;
        inflated->bytes = realloc(inflated->bytes, inflated->capacity);
        CHECK_INFLATE(inflated->bytes != NULL);
    }
    if (nbytes > 0)
        memcpy(inflated->bytes + inflated->nbytes, bytes, nbytes);
    inflated->nbytes += nbytes;
}

#define CANARY_NBYTES 64

/* One call: a piece of the input in memory of its own, and room with known bytes behind it. Returns false at the end. */
static inline bool inflate_piece(struct r2g_inflater *inflater, struct inflated *inflated, const uint8_t *in,
                                 size_t in_nbytes, uint8_t *out, size_t out_nbytes) {
    uint8_t *piece = checked_alloc(in_nbytes);
    if (in_nbytes > 0)
        memcpy(piece, in, in_nbytes);
    memset(out + out_nbytes, 0x5a, CANARY_NBYTES);
    struct r2g_inflate_span span = {piece, in_nbytes, out, out_nbytes};
    inflated->result = r2g_inflater_run(inflater, &span);
    for (size_t i = 0; i < CANARY_NBYTES; i++)
        CHECK_INFLATE(out[out_nbytes + i] == 0x5a);
    CHECK_INFLATE(span.in == piece + (in_nbytes - span.in_nbytes));
    CHECK_INFLATE(span.out == out + (out_nbytes - span.out_nbytes));
    if (inflated->result == R2G_INFLATE_MORE)
        CHECK_INFLATE(span.in_nbytes == 0 || span.out_nbytes == 0);
    inflated->in_nbytes += in_nbytes - span.in_nbytes;
    keep_inflated(inflated, out, out_nbytes - span.out_nbytes);
    free(piece);
    return inflated->result == R2G_INFLATE_MORE;
}

static inline struct inflated inflate_own(r2g_inflate_loop *loop, const uint8_t *in, size_t in_nbytes, struct cuts cuts,
                                          size_t max_nbytes) {
    struct inflated inflated = {0};
    struct r2g_inflater *inflater = NULL;
    struct r2g_budget budget = {0};
    CHECK_INFLATE(r2g_inflater_new(&inflater, &budget, NULL) == R2G_OK);
    r2g_inflater_set_loop(inflater, loop);
    size_t capacity = R2G_INFLATE_WINDOW_NBYTES + 4096 + 2 * cuts.max_out_nbytes;
    uint8_t *memory = checked_alloc(capacity + CANARY_NBYTES);
    size_t used = 0;
    for (bool more = true; more && inflated.nbytes < max_nbytes;) {
        size_t out_nbytes = next_cut(&cuts, cuts.max_out_nbytes);
        if (out_nbytes > capacity - used || (used > R2G_INFLATE_WINDOW_NBYTES && next_cut(&cuts, 40) == 40)) {
            memmove(memory, memory + used - R2G_INFLATE_WINDOW_NBYTES, R2G_INFLATE_WINDOW_NBYTES);
            used = R2G_INFLATE_WINDOW_NBYTES;
        }
        size_t left = in_nbytes - inflated.in_nbytes;
        size_t piece_nbytes = next_cut(&cuts, cuts.max_in_nbytes);
        if (piece_nbytes > left)
            piece_nbytes = left;
        size_t before_in = inflated.in_nbytes, before_out = inflated.nbytes;
        more = inflate_piece(inflater, &inflated, in + before_in, piece_nbytes, memory + used, out_nbytes);
        used += inflated.nbytes - before_out;
        if (left == 0 && inflated.nbytes == before_out)
            break; /* truncated */
        CHECK_INFLATE(!more || inflated.in_nbytes > before_in || inflated.nbytes > before_out);
    }
    inflated.damage = r2g_inflater_damage(inflater);
    CHECK_INFLATE((inflated.damage != NULL) == (inflated.result == R2G_INFLATE_DAMAGED));
    r2g_inflater_free(inflater);
    free(memory);
    CHECK_INFLATE(budget.used_nbytes == 0);
    return inflated;
}

static inline struct inflated inflate_zlib(const uint8_t *in, size_t in_nbytes, size_t max_nbytes) {
    struct inflated inflated = {0};
    z_stream stream = {0};
    CHECK_INFLATE(inflateInit(&stream) == Z_OK);
    uint8_t room[16384];
    stream.next_in = (Bytef *)(uintptr_t)in;
    stream.avail_in = (uInt)in_nbytes;
    int result = Z_OK;
    while (result == Z_OK && inflated.nbytes < max_nbytes) {
        stream.next_out = room;
        stream.avail_out = sizeof room;
        result = inflate(&stream, Z_NO_FLUSH);
        keep_inflated(&inflated, room, sizeof room - stream.avail_out);
    }
    inflated.in_nbytes = stream.total_in;
    inflated.result = R2G_INFLATE_MORE;
    if (result == Z_STREAM_END)
        inflated.result = R2G_INFLATE_END;
    if (result == Z_DATA_ERROR || result == Z_NEED_DICT) {
        inflated.result = R2G_INFLATE_DAMAGED;
        inflated.damage = result == Z_DATA_ERROR ? stream.msg : "a preset dictionary is needed";
    }
    inflateEnd(&stream); /* its messages are constants */
    return inflated;
}

/* The same output, verdict, words and end. Where output was cut off at max_nbytes, what both have of it. */
static inline void check_same_inflated(const struct inflated *own, const struct inflated *zlib, size_t max_nbytes) {
    if (zlib->nbytes >= max_nbytes || own->nbytes >= max_nbytes) {
        size_t nbytes = own->nbytes < zlib->nbytes ? own->nbytes : zlib->nbytes;
        CHECK_INFLATE(nbytes >= max_nbytes || own->result != R2G_INFLATE_END);
        CHECK_INFLATE(nbytes == 0 || memcmp(own->bytes, zlib->bytes, nbytes) == 0);
        return;
    }
    CHECK_INFLATE(own->nbytes == zlib->nbytes);
    CHECK_INFLATE(own->nbytes == 0 || memcmp(own->bytes, zlib->bytes, own->nbytes) == 0);
    CHECK_INFLATE(own->result == zlib->result);
    if (own->damage != NULL)
        CHECK_INFLATE(strcmp(own->damage, zlib->damage) == 0);
    if (own->result == R2G_INFLATE_END)
        CHECK_INFLATE(own->in_nbytes == zlib->in_nbytes);
}

/* By each kernel, cut as `cuts` says. */
static inline void check_like_zlib(const uint8_t *in, size_t in_nbytes, struct cuts cuts, size_t max_nbytes) {
    struct inflated zlib = inflate_zlib(in, in_nbytes, max_nbytes);
    for (size_t i = 0; r2g_inflate_loop_at(i) != NULL; i++) {
        struct inflated own = inflate_own(r2g_inflate_loop_at(i), in, in_nbytes, cuts, max_nbytes);
        check_same_inflated(&own, &zlib, max_nbytes);
        free(own.bytes);
    }
    free(zlib.bytes);
}

#endif
