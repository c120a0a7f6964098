/* The zlib format and deflate's blocks as a machine that can stop and go on at any byte of the input and of the output.
 *
 * The symbols of a block are decoded by a fast loop (inflate_fast.h) as long as it has room, and one at a time here near
 * the ends of the buffers. Whoever waits for input has taken all of it, and fewer bits than the next item needs; so what
 * has been taken too much at the end of a call came in that call and can be given back.
 */
#include "deflate/inflate.h"

#include <endian.h>
#include <string.h>

#include "deflate/adler32.h"
#include "deflate/inflate_fast.h"
#include "deflate/inflate_tables.h"
#include "base/size.h"

/* The checksum follows the output in pieces that are still in the cache. */
#define SUM_NBYTES ((size_t)64 * 1024)
#define MAX_LENGTHS (286 + 30) /* RFC 1951, 3.2.7 */
#define END_OF_BLOCK 256

enum state {
    ZLIB_HEADER,
    BLOCK_HEADER,
    STORED_HEADER,
    STORED_BYTES,
    CODE_COUNTS,
    PRECODE_LENGTHS,
    CODE_LENGTHS,
    SYMBOL,   /* a literal, a length or the end of the block */
    DISTANCE, /* of a match whose length is known */
    MATCH,    /* being copied */
    CHECK,
    END,
};

enum step {
    GO_ON,
    STARVED, /* the input is used up, and what is left of it is less than the next item */
    FULL,    /* the room is used up */
    FAIL,    /* damage is set */
};

struct r2g_inflater {
    enum state state;
    bool last_block;
    bool fixed_tables; /* tables are those of RFC 1951, 3.2.6 */
    uint64_t hold;     /* bits taken but not used: the lowest `nbits`, others are 0 */
    unsigned nbits;
    uint32_t adler;
    size_t window_nbytes; /* of output so far, up to 32768 */
    uint32_t length;      /* left of a stored block or a match */
    uint32_t distance;
    unsigned litlen_count, distance_count, precode_count;
    unsigned lengths_count; /* read so far */
    const char *damage;
    r2g_inflate_loop *loop;
    uint8_t precode_lengths[R2G_INFLATE_PRECODE_COUNT];
    uint8_t lengths[R2G_INFLATE_LITLEN_COUNT + R2G_INFLATE_DISTANCE_COUNT];
    uint32_t precode[1 << R2G_INFLATE_PRECODE_BITS];
    struct r2g_inflate_tables tables;
};

/* One call of r2g_inflater_run. */
struct run {
    struct r2g_inflate_cursor at;
    const uint8_t *summed; /* output before is in the checksum */
};

r2g_status r2g_inflater_new(struct r2g_inflater **inflater, struct r2g_budget *budget, struct r2g_error *err) {
    r2g_status status = r2g_budget_check(budget, sizeof **inflater, "inflate", err);
    if (status != R2G_OK)
        return status;
    *inflater = r2g_budget_alloc(budget, sizeof **inflater);
    if (*inflater == NULL)
        return r2g_fail(err, R2G_ENOMEM, "the system refused memory for inflate");
    memset(*inflater, 0, sizeof **inflater);
    (*inflater)->adler = 1;
    (*inflater)->loop = r2g_inflate_loop_at(0);
    return R2G_OK;
}

void r2g_inflater_free(struct r2g_inflater *inflater) {
    r2g_budget_free(inflater);
}

void r2g_inflater_set_loop(struct r2g_inflater *inflater, r2g_inflate_loop *loop) {
    inflater->loop = loop;
}

static enum step fail(struct r2g_inflater *inflater, const char *damage) {
    inflater->damage = damage;
    return FAIL;
}

/* Makes at least n (up to 48) bits available; false: the input ended before. */
static bool need(struct r2g_inflate_cursor *at, unsigned n) {
    while (at->nbits < n) {
        if (at->in == at->in_end)
            return false;
        at->hold |= (uint64_t)*at->in++ << at->nbits;
        at->nbits += 8;
    }
    return true;
}

/* Makes 56 bits available where the input has eight bytes. */
static void fill(struct r2g_inflate_cursor *at) {
    if (at->in_end - at->in < 8)
        return;
    uint64_t bytes;
    memcpy(&bytes, at->in, sizeof bytes);
    at->hold |= le64toh(bytes) << at->nbits;
    at->in += (63 - at->nbits) / 8;
    at->nbits |= 56;
}

static void drop(struct r2g_inflate_cursor *at, unsigned n) {
    at->hold >>= n;
    at->nbits -= n;
}

static uint32_t take(struct r2g_inflate_cursor *at, unsigned n) {
    uint32_t bits = (uint32_t)(at->hold & ((UINT64_C(1) << n) - 1));
    drop(at, n);
    return bits;
}

static void add_to_sum(struct r2g_inflater *inflater, struct run *run) {
    inflater->adler = r2g_adler32(inflater->adler, run->summed, (size_t)(run->at.out - run->summed));
    run->summed = run->at.out;
}

/* RFC 1950, 2.2. */
static enum step zlib_header(struct r2g_inflater *inflater, struct r2g_inflate_cursor *at) {
    if (!need(at, 16))
        return STARVED;
    uint32_t cmf = at->hold & 0xff, flg = at->hold >> 8 & 0xff;
    if ((cmf << 8 | flg) % 31 != 0)
        return fail(inflater, "incorrect header check");
    if ((cmf & 15) != 8)
        return fail(inflater, "unknown compression method");
    if (cmf >> 4 > 7)
        return fail(inflater, "invalid window size");
    if (flg & 0x20) /* which one would follow */
        return need(at, 48) ? fail(inflater, "a preset dictionary is needed") : STARVED;
    drop(at, 16);
    inflater->state = BLOCK_HEADER;
    return GO_ON;
}

/* RFC 1951, 3.2.6. */
static void make_fixed_tables(struct r2g_inflater *inflater) {
    if (inflater->fixed_tables)
        return;
    memset(inflater->lengths, 8, 144);
    memset(inflater->lengths + 144, 9, 112);
    memset(inflater->lengths + 256, 7, 24);
    memset(inflater->lengths + 280, 8, 8);
    memset(inflater->lengths + R2G_INFLATE_LITLEN_COUNT, 5, R2G_INFLATE_DISTANCE_COUNT);
    inflater->fixed_tables = r2g_inflate_build_litlen(&inflater->tables, inflater->lengths, R2G_INFLATE_LITLEN_COUNT) &&
                             r2g_inflate_build_distance(&inflater->tables, inflater->lengths + R2G_INFLATE_LITLEN_COUNT,
                                                        R2G_INFLATE_DISTANCE_COUNT);
}

/* RFC 1951, 3.2.3. */
static enum step block_header(struct r2g_inflater *inflater, struct r2g_inflate_cursor *at) {
    if (inflater->last_block) {
        drop(at, at->nbits % 8);
        inflater->state = CHECK;
        return GO_ON;
    }
    if (!need(at, 3))
        return STARVED;
    inflater->last_block = take(at, 1) != 0;
    switch (take(at, 2)) {
    case 0:
        drop(at, at->nbits % 8);
        inflater->state = STORED_HEADER;
        return GO_ON;
    case 1:
        make_fixed_tables(inflater);
        inflater->state = SYMBOL;
        return GO_ON;
    case 2:
        inflater->state = CODE_COUNTS;
        return GO_ON;
    default:
        return fail(inflater, "invalid block type");
    }
}

/* RFC 1951, 3.2.4. */
static enum step stored_header(struct r2g_inflater *inflater, struct r2g_inflate_cursor *at) {
    if (!need(at, 32))
        return STARVED;
    uint32_t length = take(at, 16), complement = take(at, 16);
    if (length != (complement ^ 0xffff))
        return fail(inflater, "invalid stored block lengths");
    inflater->length = length;
    inflater->state = STORED_BYTES;
    return GO_ON;
}

static enum step stored_bytes(struct r2g_inflater *inflater, struct r2g_inflate_cursor *at) {
    while (inflater->length > 0 && at->nbits > 0 && at->out < at->out_end) {
        *at->out++ = (uint8_t)take(at, 8);
        inflater->length--;
    }
    if (at->nbits == 0) {
        size_t nbytes = r2g_u64_min(inflater->length, (size_t)(at->in_end - at->in));
        nbytes = r2g_u64_min(nbytes, (size_t)(at->out_end - at->out));
        if (nbytes > 0)
            memcpy(at->out, at->in, nbytes);
        at->in += nbytes;
        at->out += nbytes;
        inflater->length -= (uint32_t)nbytes;
        at->hold = 0; /* a copy of bytes that have gone */
    }
    if (inflater->length > 0)
        return at->out == at->out_end ? FULL : STARVED;
    inflater->state = BLOCK_HEADER;
    return GO_ON;
}

/* RFC 1951, 3.2.7, to the end of code_lengths. */
static enum step code_counts(struct r2g_inflater *inflater, struct r2g_inflate_cursor *at) {
    if (!need(at, 14))
        return STARVED;
    inflater->litlen_count = take(at, 5) + 257;
    inflater->distance_count = take(at, 5) + 1;
    inflater->precode_count = take(at, 4) + 4;
    if (inflater->litlen_count > 286 || inflater->distance_count > 30)
        return fail(inflater, "too many length or distance symbols");
    memset(inflater->precode_lengths, 0, sizeof inflater->precode_lengths);
    inflater->lengths_count = 0;
    inflater->state = PRECODE_LENGTHS;
    return GO_ON;
}

static enum step precode_lengths(struct r2g_inflater *inflater, struct r2g_inflate_cursor *at) {
    static const uint8_t order[R2G_INFLATE_PRECODE_COUNT] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                             11, 4,  12, 3, 13, 2, 14, 1, 15};
    while (inflater->lengths_count < inflater->precode_count) {
        if (!need(at, 3))
            return STARVED;
        inflater->precode_lengths[order[inflater->lengths_count++]] = (uint8_t)take(at, 3);
    }
    if (!r2g_inflate_build_precode(inflater->precode, inflater->precode_lengths))
        return fail(inflater, "invalid code lengths set");
    inflater->lengths_count = 0;
    inflater->state = CODE_LENGTHS;
    return GO_ON;
}

static enum step make_dynamic_tables(struct r2g_inflater *inflater) {
    if (inflater->lengths[END_OF_BLOCK] == 0)
        return fail(inflater, "invalid code -- missing end-of-block");
    inflater->fixed_tables = false;
    if (!r2g_inflate_build_litlen(&inflater->tables, inflater->lengths, inflater->litlen_count))
        return fail(inflater, "invalid literal/lengths set");
    if (!r2g_inflate_build_distance(&inflater->tables, inflater->lengths + inflater->litlen_count,
                                    inflater->distance_count))
        return fail(inflater, "invalid distances set");
    inflater->state = SYMBOL;
    return GO_ON;
}

/* The next symbol of the code of code lengths, with its extra bits; false: the input ended before. */
static bool next_code_length(struct r2g_inflater *inflater, struct r2g_inflate_cursor *at, uint32_t *symbol,
                             uint32_t *repeat) {
    static const struct { uint8_t base, extra_nbits; } repeats[19] = {[16] = {3, 2}, [17] = {3, 3}, [18] = {11, 7}};
    for (;;) {
        uint32_t entry = inflater->precode[at->hold & ((1 << R2G_INFLATE_PRECODE_BITS) - 1)];
        unsigned nbits = R2G_INFLATE_NBITS(entry);
        *symbol = R2G_INFLATE_VALUE(entry);
        if (nbits + repeats[*symbol].extra_nbits <= at->nbits) {
            drop(at, nbits);
            *repeat = repeats[*symbol].base + take(at, repeats[*symbol].extra_nbits);
            return true;
        }
        if (!need(at, at->nbits + 1))
            return false;
    }
}

static enum step code_lengths(struct r2g_inflater *inflater, struct r2g_inflate_cursor *at) {
    unsigned count = inflater->litlen_count + inflater->distance_count;
    while (inflater->lengths_count < count) {
        uint32_t symbol, repeat;
        fill(at);
        if (!next_code_length(inflater, at, &symbol, &repeat))
            return STARVED;
        uint8_t *next = inflater->lengths + inflater->lengths_count;
        if (symbol < 16) {
            *next = (uint8_t)symbol;
            inflater->lengths_count++;
            continue;
        }
        if ((symbol == 16 && inflater->lengths_count == 0) || repeat > count - inflater->lengths_count)
            return fail(inflater, "invalid bit length repeat");
        memset(next, symbol == 16 ? next[-1] : 0, repeat);
        inflater->lengths_count += repeat;
    }
    return make_dynamic_tables(inflater);
}

static enum step fast_symbols(struct r2g_inflater *inflater, struct r2g_inflate_cursor *at) {
    const uint8_t *out_stop = at->out_end - R2G_INFLATE_FAST_OUT_NBYTES;
    if ((size_t)(out_stop - at->out) > SUM_NBYTES)
        out_stop = at->out + SUM_NBYTES;
    switch (inflater->loop(&inflater->tables, at, out_stop)) {
    case R2G_INFLATE_BLOCK_END:
        inflater->state = BLOCK_HEADER;
        return GO_ON;
    case R2G_INFLATE_BAD_LITLEN:
        return fail(inflater, "invalid literal/length code");
    case R2G_INFLATE_BAD_DISTANCE:
        return fail(inflater, "invalid distance code");
    case R2G_INFLATE_TOO_FAR:
        return fail(inflater, "invalid distance too far back");
    default:
        return GO_ON;
    }
}

/* The entry of the next literal or length, made one for it alone, when its bits (without extra ones where it is an
 * R2G_INFLATE_OTHER) are available. False: the input ended before. */
static bool next_litlen(const struct r2g_inflate_tables *tables, struct r2g_inflate_cursor *at, uint32_t *entry) {
    for (;;) {
        *entry = tables->litlen[at->hold & ((1 << R2G_INFLATE_LITLEN_BITS) - 1)];
        if (R2G_INFLATE_KIND(*entry) == R2G_INFLATE_OTHER && R2G_INFLATE_OTHER_WHICH(*entry) == R2G_INFLATE_OTHER_LINK)
            *entry = tables->litlen[R2G_INFLATE_OTHER_VALUE(*entry) +
                                    (at->hold >> R2G_INFLATE_LITLEN_BITS & tables->litlen_link_mask)];
        if (r2g_inflate_literal_count[R2G_INFLATE_KIND(*entry)] > 0) {
            uint32_t literal = *entry >> R2G_INFLATE_LITERALS_SHIFT & 0xff;
            *entry = (uint32_t)R2G_INFLATE_LITERALS_1 << 29 | literal << R2G_INFLATE_LITERALS_SHIFT |
                     tables->literal_nbits[literal];
        }
        if (R2G_INFLATE_NBITS(*entry) <= at->nbits)
            return true;
        if (!need(at, at->nbits + 1))
            return false;
    }
}

static enum step one_symbol(struct r2g_inflater *inflater, struct r2g_inflate_cursor *at) {
    uint32_t entry;
    if (!next_litlen(&inflater->tables, at, &entry))
        return STARVED;
    if (R2G_INFLATE_KIND(entry) == R2G_INFLATE_LITERALS_1) {
        if (at->out == at->out_end)
            return FULL;
        drop(at, R2G_INFLATE_NBITS(entry));
        *at->out++ = (uint8_t)(entry >> R2G_INFLATE_LITERALS_SHIFT);
        return GO_ON;
    }
    inflater->state = DISTANCE;
    if (R2G_INFLATE_KIND(entry) == R2G_INFLATE_MATCH_0) {
        drop(at, R2G_INFLATE_NBITS(entry));
        inflater->length = R2G_INFLATE_MATCH_LENGTH(entry);
        return GO_ON;
    }
    unsigned code_nbits = R2G_INFLATE_NBITS(entry), extra = R2G_INFLATE_OTHER_EXTRA(entry);
    if (!need(at, code_nbits + extra)) {
        inflater->state = SYMBOL;
        return STARVED;
    }
    drop(at, code_nbits);
    switch (R2G_INFLATE_OTHER_WHICH(entry)) {
    case R2G_INFLATE_OTHER_LENGTH:
        inflater->length = R2G_INFLATE_OTHER_VALUE(entry) + take(at, extra);
        return GO_ON;
    case R2G_INFLATE_OTHER_END:
        inflater->state = BLOCK_HEADER;
        return GO_ON;
    default:
        return fail(inflater, "invalid literal/length code");
    }
}

static enum step symbol(struct r2g_inflater *inflater, struct r2g_inflate_cursor *at) {
    if (at->in_end - at->in >= R2G_INFLATE_FAST_IN_NBYTES && at->out_end - at->out > R2G_INFLATE_FAST_OUT_NBYTES)
        return fast_symbols(inflater, at);
    return one_symbol(inflater, at);
}

static enum step distance(struct r2g_inflater *inflater, struct r2g_inflate_cursor *at) {
    const struct r2g_inflate_tables *tables = &inflater->tables;
    uint32_t entry;
    for (;;) {
        entry = tables->distance[at->hold & ((1 << R2G_INFLATE_DISTANCE_BITS) - 1)];
        if (entry & R2G_INFLATE_LINK)
            entry = tables->distance[R2G_INFLATE_VALUE(entry) +
                                     (at->hold >> R2G_INFLATE_DISTANCE_BITS & tables->distance_link_mask)];
        if (R2G_INFLATE_NBITS(entry) <= at->nbits)
            break;
        if (!need(at, at->nbits + 1))
            return STARVED;
    }
    if (entry & R2G_INFLATE_INVALID)
        return fail(inflater, "invalid distance code");
    unsigned code_nbits = R2G_INFLATE_CODE_NBITS(entry);
    drop(at, code_nbits);
    inflater->distance = R2G_INFLATE_VALUE(entry) + take(at, R2G_INFLATE_NBITS(entry) - code_nbits);
    if (inflater->distance > (size_t)(at->out - at->window))
        return fail(inflater, "invalid distance too far back");
    inflater->state = MATCH;
    return GO_ON;
}

static enum step match(struct r2g_inflater *inflater, struct r2g_inflate_cursor *at) {
    while (inflater->length > 0) {
        if (at->out == at->out_end)
            return FULL;
        *at->out = *(at->out - inflater->distance);
        at->out++;
        inflater->length--;
    }
    inflater->state = SYMBOL;
    return GO_ON;
}

/* RFC 1950, 2.2: ADLER32, most significant byte first. */
static enum step check(struct r2g_inflater *inflater, struct run *run) {
    if (!need(&run->at, 32))
        return STARVED;
    add_to_sum(inflater, run);
    if (__builtin_bswap32(take(&run->at, 32)) != inflater->adler)
        return fail(inflater, "incorrect data check");
    inflater->state = END;
    return GO_ON;
}

static enum step step(struct r2g_inflater *inflater, struct run *run) {
    struct r2g_inflate_cursor *at = &run->at;
    switch (inflater->state) {
    case ZLIB_HEADER:
        return zlib_header(inflater, at);
    case BLOCK_HEADER:
        return block_header(inflater, at);
    case STORED_HEADER:
        return stored_header(inflater, at);
    case STORED_BYTES:
        return stored_bytes(inflater, at);
    case CODE_COUNTS:
        return code_counts(inflater, at);
    case PRECODE_LENGTHS:
        return precode_lengths(inflater, at);
    case CODE_LENGTHS:
        return code_lengths(inflater, at);
    case SYMBOL:
        return symbol(inflater, at);
    case DISTANCE:
        return distance(inflater, at);
    case MATCH:
        return match(inflater, at);
    case CHECK:
        return check(inflater, run);
    default: /* END */
        return FULL;
    }
}

/* Bytes taken in this call and not used go back; see the head of this file. */
static void give_back(struct r2g_inflate_cursor *at, const uint8_t *in) {
    size_t nbytes = r2g_u64_min(at->nbits / 8, (size_t)(at->in - in));
    at->in -= nbytes;
    at->nbits -= 8 * (unsigned)nbytes;
}

/* What the next call needs, and what the caller learns. */
static void keep(struct r2g_inflater *inflater, const struct run *run, struct r2g_inflate_span *span) {
    inflater->hold = run->at.hold & ((UINT64_C(1) << run->at.nbits) - 1);
    inflater->nbits = run->at.nbits;
    inflater->window_nbytes = r2g_u64_min((size_t)(run->at.out - run->at.window), R2G_INFLATE_WINDOW_NBYTES);
    span->in = run->at.in;
    span->in_nbytes = (size_t)(run->at.in_end - run->at.in);
    span->out = run->at.out;
    span->out_nbytes = (size_t)(run->at.out_end - run->at.out);
}

enum r2g_inflate_result r2g_inflater_run(struct r2g_inflater *inflater, struct r2g_inflate_span *span) {
    if (inflater->damage != NULL)
        return R2G_INFLATE_DAMAGED;
    struct run run = {.at = {.in = span->in,
                             .in_end = span->in + span->in_nbytes,
                             .out = span->out,
                             .out_end = span->out + span->out_nbytes,
                             .window = span->out - inflater->window_nbytes,
                             .hold = inflater->hold,
                             .nbits = inflater->nbits},
                      .summed = span->out};
    enum step result;
    do {
        result = step(inflater, &run);
        if ((size_t)(run.at.out - run.summed) >= SUM_NBYTES)
            add_to_sum(inflater, &run);
    } while (result == GO_ON);
    add_to_sum(inflater, &run);
    if (result == FULL)
        give_back(&run.at, span->in);
    keep(inflater, &run, span);
    if (result == FAIL)
        return R2G_INFLATE_DAMAGED;
    return inflater->state == END ? R2G_INFLATE_END : R2G_INFLATE_MORE;
}

const char *r2g_inflater_damage(const struct r2g_inflater *inflater) {
    return inflater->damage;
}
