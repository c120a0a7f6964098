/* Matches: the longest earlier copy of the bytes ahead, found along chains of places with the same hash, and taken unless
 * the next byte begins a better one. All that decides is whole numbers made of the bytes. */
#include "deflate/parse.h"

#include <string.h>

#include "base/size.h"
#include "deflate/bits.h"

#define HASH_NBYTES 4
/* What the code of a length and that of a distance may take, in bits, beside the extra bits. */
#define LENGTH_BITS 6
#define DISTANCE_BITS 4
/* Runs are looked at so far at once. */
#define RUN_LOOK_NBYTES 65536

struct match {
    unsigned length, distance;
    uint32_t gain; /* what it saves against literals, in 1/256 bit */
};

void r2g_matcher_reset(struct r2g_matcher *matcher) {
    memset(matcher->heads, 0, sizeof matcher->heads);
    memset(matcher->heads3, 0, sizeof matcher->heads3);
    matcher->next = matcher->run_first = matcher->run_end = 0;
}

static inline unsigned hash4(uint32_t four) {
    return four * 0x9e3779b1u >> (32 - R2G_HASH_BITS);
}

static inline unsigned common_nbytes(const uint8_t *one, const uint8_t *other, unsigned limit) {
    unsigned n = 0;
    for (; n + 8 <= limit; n += 8) {
        uint64_t difference = bits_load64(one + n) ^ bits_load64(other + n);
        if (difference != 0) {
            return n + (unsigned)__builtin_ctzll(difference) / 8;
        }
    }
    while (n < limit && one[n] == other[n]) {
        n++;
    }
    return n;
}

/* The hash of the place `at`: of its four bytes. In a run these are everywhere the same, and the places worth a look are
 * those where as much of the run is left and the same bytes follow: so that is what is hashed there. */
static inline unsigned place_hash(struct r2g_matcher *matcher, const struct r2g_stretch *stretch, size_t at) {
    const uint8_t *bytes = stretch->bytes;
    uint32_t four = bits_load32(bytes + at);
    if (four != (four >> 8 | four << 24)) {
        return hash4(four);
    }
    if (at < matcher->run_first || at >= matcher->run_end) {
        unsigned limit = (unsigned)r2g_u64_min(stretch->nbytes - at - 1, RUN_LOOK_NBYTES);
        matcher->run_first = at;
        matcher->run_end = at + 1 + common_nbytes(bytes + at + 1, bytes + at, limit);
    }
    size_t left = matcher->run_end - at;
    if (left > R2G_MATCH_NBYTES_MAX || matcher->run_end + HASH_NBYTES > stretch->nbytes) {
        return hash4(four);
    }
    return hash4((bits_load32(bytes + matcher->run_end) + (uint32_t)left) * 0x85ebca77u ^ four);
}

static inline unsigned hash3(const uint8_t *bytes) {
    return (bits_load32(bytes) << 8) * 0x9e3779b1u >> (32 - R2G_HASH3_BITS);
}

/* Enters the place `at`, behind which HASH_NBYTES bytes lie. */
static inline void enter(struct r2g_matcher *matcher, const struct r2g_stretch *stretch, size_t at) {
    uint32_t *head = &matcher->heads[place_hash(matcher, stretch, at)];
    uint32_t place = (uint32_t)at + 1, gap = place - *head;
    matcher->back[at % R2G_DEFLATE_WINDOW_NBYTES] = *head != 0 && gap < R2G_DEFLATE_WINDOW_NBYTES ? (uint16_t)gap : 0;
    *head = place;
    matcher->heads3[hash3(stretch->bytes + at)] = place;
}

static void enter_all(struct r2g_matcher *matcher, const struct r2g_stretch *stretch, size_t from, size_t to) {
    size_t end = stretch->nbytes >= HASH_NBYTES ? stretch->nbytes - HASH_NBYTES + 1 : 0;
    end = to < end ? to : end;
    for (size_t at = from; at < end; at++) {
        enter(matcher, stretch, at);
    }
}

static inline uint32_t gain_of(unsigned length, unsigned distance, uint32_t literal_cost) {
    uint32_t cost = (LENGTH_BITS + DISTANCE_BITS + distance_extra_bits(distance_symbol(distance).symbol)) * 256;
    uint32_t saved = length * literal_cost;
    return saved > cost ? saved - cost : 0;
}

static inline void try_distance(const struct r2g_stretch *stretch, size_t at, size_t distance, unsigned limit,
                                uint32_t literal_cost, struct match *best) {
    const uint8_t *here = stretch->bytes + at;
    unsigned length = common_nbytes(here, here - distance, limit);
    if (length > best->length && length >= R2G_MATCH_NBYTES_MIN) {
        uint32_t gain = gain_of(length, (unsigned)distance, literal_cost);
        if (gain > best->gain) {
            *best = (struct match){length, (unsigned)distance, gain};
        }
    }
}

/* The best match at `at`, length 0 if none saves anything; at least HASH_NBYTES bytes lie ahead. Looks at `chain` places,
 * until `enough` bytes match. `hint`, if not 0, is a distance to try last: that of the match before. Enters the place. */
static struct match find(struct r2g_matcher *matcher, const struct r2g_stretch *stretch, size_t at, unsigned chain,
                         unsigned enough, unsigned hint, uint32_t literal_cost) {
    const uint8_t *here = stretch->bytes + at;
    unsigned limit = (unsigned)r2g_u64_min(stretch->nbytes - at, R2G_MATCH_NBYTES_MAX);
    struct match best = {0, 0, 0};
    uint32_t place = (uint32_t)at + 1;
    uint32_t gap3 = place - matcher->heads3[hash3(here)];
    bool near3 = gap3 != 0 && gap3 < place && gap3 < R2G_DEFLATE_WINDOW_NBYTES;
    enter(matcher, stretch, at);
    if (near3 && best.length < HASH_NBYTES) {
        try_distance(stretch, at, gap3, limit, literal_cost, &best);
    }
    if (at > 0 && best.length < HASH_NBYTES && bits_load32(here) == bits_load32(here - 1)) {
        try_distance(stretch, at, 1, limit, literal_cost, &best);
    }
    size_t distance = 0;
    for (unsigned turn = chain; turn > 0 && best.length < enough && best.length < limit; turn--) {
        unsigned step = matcher->back[(at - distance) % R2G_DEFLATE_WINDOW_NBYTES];
        distance += step;
        if (step == 0 || distance >= R2G_DEFLATE_WINDOW_NBYTES) {
            break;
        }
        /* It must be longer than the best: so look at that end first. */
        const uint8_t *there = here - distance;
        unsigned end = best.length < HASH_NBYTES ? 0 : best.length - HASH_NBYTES + 1;
        if (bits_load32(there + end) == bits_load32(here + end)) {
            try_distance(stretch, at, distance, limit, literal_cost, &best);
        }
    }
    if (hint != 0 && best.length < limit) {
        try_distance(stretch, at, hint, limit, literal_cost, &best);
    }
    return best;
}

struct output {
    struct r2g_token_list *list;
    const uint8_t *bytes;
    size_t literals; /* where the literals that are not in a token yet begin */
};

static void put(struct output *output, size_t at, struct match match) {
    struct r2g_token_list *list = output->list;
    for (size_t i = output->literals; i < at; i++) {
        list->counts.lengths[output->bytes[i]]++;
    }
    list->tokens[list->count++] =
        (struct r2g_token){(uint32_t)(at - output->literals), (uint16_t)match.length, (uint16_t)match.distance};
    if (match.length != 0) {
        list->counts.lengths[length_symbol(match.length).symbol]++;
        list->counts.distances[distance_symbol(match.distance).symbol]++;
    }
    output->literals = at + match.length;
}

size_t r2g_parse_matches(struct r2g_matcher *matcher, const struct r2g_stretch *stretch,
                         const struct r2g_effort *effort, uint32_t literal_cost, struct r2g_token_list *list) {
    size_t at = stretch->first, last = stretch->last;
    size_t findable = stretch->nbytes >= HASH_NBYTES ? stretch->nbytes - HASH_NBYTES + 1 : 0;
    findable = last < findable ? last : findable;
    struct output output = {list, stretch->bytes, at};
    size_t reach = at > R2G_DEFLATE_WINDOW_NBYTES ? at - R2G_DEFLATE_WINDOW_NBYTES : 0;
    enter_all(matcher, stretch, matcher->next > reach ? matcher->next : reach, at);
    unsigned hint = 0, enough = effort->enough;
    while (at < findable) {
        struct match match =
            find(matcher, stretch, at, effort->chain, enough, at == output.literals ? hint : 0, literal_cost);
        size_t entered = at + 1;
        if (match.length == 0) {
            at++;
            continue;
        }
        while (match.length < effort->lazy && at + 1 < findable) {
            unsigned chain = match.length < effort->good ? effort->chain : effort->chain / 4;
            struct match next = find(matcher, stretch, at + 1, chain, enough, 0, literal_cost);
            entered = at + 2;
            if (next.length < match.length || next.gain <= match.gain) {
                break;
            }
            match = next;
            at++;
        }
        put(&output, at, match);
        at += match.length;
        enter_all(matcher, stretch, entered, at);
        hint = match.distance;
    }
    at = at > last ? at : last;
    if (output.literals < at) {
        put(&output, at, (struct match){0, 0, 0});
    }
    matcher->next = at;
    return at;
}
