/* A segment is cut into parts. Each is parsed into runs or, where its bytes repeat from afar, into matches; a part joins the
 * block before it where codes of its own would not pay. All choices are made from the bytes, in whole numbers.
 *
 * Memory is one struct scratch (about 1 MiB, of which photographs touch little), reused from segment to segment.
 */
#include "deflate/segment.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "deflate/block.h"

#define PART_NBYTES R2G_DEFLATE_SAMPLE_NBYTES_MAX
#define PART_TOKENS (PART_NBYTES / R2G_MATCH_NBYTES_MIN + 2 * R2G_PARSE_TOKENS_MORE) /* in at most two stretches */
#define BLOCK_TOKENS (2 * PART_TOKENS)
/* Longer blocks would come near R2G_HUFFMAN_FREQUENCY_MAX. */
#define BLOCK_NBYTES_MAX ((size_t)4 << 20)
/* The matcher counts places in 32 bits: a longer segment is compressed in pieces without history. */
#define PIECE_NBYTES ((size_t)1 << 30)

/* For repeats(): places at these distances are entered in a table, and in so many windows all places are looked up. */
#define ENTRY_STEP 32
#define PROBE_TABLE_BITS 12
#define PROBE_NBYTES 16
#define WINDOWS 4
#define WINDOW_NBYTES 128
#define EDGES_MAX 2048
/* Of what runs compress to less than a bit for so many bytes, matches would not take enough away to be worth looking for. */
#define BLANK_BYTES_A_BIT 32
/* Matches must save this part of what runs take: estimates are not exact, and matches are slow. */
#define MATCHES_MUST_SAVE 16
/* After tries at matching that did not pay, at most so many parts are left out before the next. */
#define PAUSE_MAX 3
/* So much of a part is tried first. */
#define TRIAL_NBYTES ((size_t)4096)
/* A try at matching is worth its time if one of so many probes finds a copy. */
#define PROBES_PER_COPY 8
#define EDGES_PER_COPY 6 /* these are often alike by chance, in sparse noise */

/* RFC 1950, 2.2: CM 8, CINFO 7, FLEVEL 2, and FCHECK so that 0x789c is a multiple of 31. */
const uint8_t r2g_zlib_header[2] = {0x78, 0x9c};
/* RFC 1951, 3.2.6: BFINAL 1, BTYPE 01, end of block (seven zero bits), padding. */
const uint8_t r2g_deflate_end[2] = {0x03, 0x00};

/* One way to compress a segment. */
struct way {
    size_t part_nbytes;
    struct r2g_effort matching; /* chain 0: runs only */
    bool always;                /* matches are looked for in every part */
};

static const struct way fast_way = {.part_nbytes = PART_NBYTES};
static const struct way default_way = {PART_NBYTES, {.chain = 20, .lazy = 32, .good = 8, .enough = 128}, false};
/* R2G_DEFLATE_SMALL takes the smallest of these and the default. */
static const struct way small_ways[] = {
    {PART_NBYTES, {.chain = 400, .lazy = 258, .good = 258, .enough = 258}, true},
    {PART_NBYTES / 4, {.chain = 400, .lazy = 258, .good = 258, .enough = 258}, true},
};
#define SMALL_WAYS (sizeof small_ways / sizeof small_ways[0])

struct scratch {
    struct r2g_matcher matcher;
    uint16_t probe[1 << PROBE_TABLE_BITS];
    struct r2g_token block[BLOCK_TOKENS], runs[PART_TOKENS], matches[PART_TOKENS];
};

/* Where tries at matching do not pay they become rare. */
struct pace {
    unsigned pause, left_out;
};

struct r2g_deflater {
    enum r2g_deflate_level level;
    struct r2g_buffer memory; /* struct scratch */
};

r2g_status r2g_deflater_new(struct r2g_deflater **deflater, enum r2g_deflate_level level, struct r2g_budget *budget,
                            struct r2g_error *err) {
    struct r2g_deflater *d = r2g_new(sizeof *d, err);
    if (d == NULL) {
        return R2G_ENOMEM;
    }
    d->level = level;
    d->memory.budget = budget;
    r2g_status status = r2g_buffer_reserve(&d->memory, sizeof(struct scratch), "the compressor", err);
    if (status != R2G_OK) {
        r2g_deflater_free(d);
        return status;
    }
    *deflater = d;
    return R2G_OK;
}

void r2g_deflater_free(struct r2g_deflater *deflater) {
    if (deflater == NULL) {
        return;
    }
    r2g_buffer_free(&deflater->memory);
    free(deflater);
}

static inline unsigned probe_hash(uint64_t eight) {
    return (unsigned)(eight * 0x9e3779b97f4a7c15u >> (64 - PROBE_TABLE_BITS));
}

struct probes {
    unsigned made, found;
};

/* Whether the PROBE_NBYTES at `at` lie at *place too. Fewer would often be alike by chance where most bytes are small. */
static void probe(struct probes *probes, const uint8_t *bytes, size_t at, const uint16_t *place) {
    probes->made++;
    probes->found += *place != at && memcmp(bytes + *place, bytes + at, PROBE_NBYTES) == 0;
}

/* Looks for copies of what lies in a few windows; those of runs do not count. */
static bool windows_repeat(uint16_t *table, const uint8_t *bytes, size_t nbytes) {
    struct probes probes = {0, 0};
    for (size_t at = 0; at + PROBE_NBYTES <= nbytes; at += ENTRY_STEP) {
        table[probe_hash(bits_load64(bytes + at))] = (uint16_t)at;
    }
    for (size_t window = 0; window < WINDOWS; window++) {
        /* in the middle of each quarter */
        size_t first = nbytes / WINDOWS * window + nbytes / WINDOWS / 2 - WINDOW_NBYTES / 2;
        for (size_t at = first; at + PROBE_NBYTES <= nbytes && at < first + WINDOW_NBYTES; at++) {
            uint64_t eight = bits_load64(bytes + at);
            if (eight != (eight >> 8 | eight << 56)) {
                probe(&probes, bytes, at, &table[probe_hash(eight)]);
            }
        }
    }
    return probes.found * ENTRY_STEP * PROBES_PER_COPY > probes.made;
}

/* Looks for copies of what lies around the ends of runs. */
static bool edges_repeat(uint16_t *table, const uint8_t *bytes, size_t nbytes, const struct r2g_token_list *runs) {
    struct probes probes = {0, 0};
    size_t at = 0;
    for (size_t i = 0; i < runs->count && i < EDGES_MAX; i++) {
        if (runs->tokens[i].literal_count > 0 && at >= 4 && at - 4 + PROBE_NBYTES <= nbytes) {
            uint16_t *place = &table[probe_hash(bits_load64(bytes + at - 4))];
            probe(&probes, bytes, at - 4, place);
            *place = (uint16_t)(at - 4);
        }
        at += runs->tokens[i].literal_count + runs->tokens[i].length;
    }
    return probes.found * EDGES_PER_COPY > probes.made;
}

/* Whether enough of bytes[0 .. nbytes) seems to be copies of others that are not next to them. */
static bool repeats(struct scratch *scratch, const uint8_t *bytes, size_t nbytes, const struct r2g_token_list *runs) {
    if (nbytes < PART_NBYTES / 16) {
        return true; /* a try costs next to nothing */
    }
    nbytes = nbytes < PART_NBYTES ? nbytes : PART_NBYTES; /* places in 16 bits */
    memset(scratch->probe, 0, sizeof scratch->probe);
    return edges_repeat(scratch->probe, bytes, nbytes, runs) || windows_repeat(scratch->probe, bytes, nbytes);
}

static void add_counts(struct r2g_symbol_counts *sum, const struct r2g_symbol_counts *more) {
    for (unsigned i = 0; i < R2G_LENGTH_SYMBOLS; i++) {
        sum->lengths[i] += more->lengths[i];
    }
    for (unsigned i = 0; i < R2G_DISTANCE_SYMBOLS; i++) {
        sum->distances[i] += more->distances[i];
    }
}

/* What a literal takes on average, in 1/256 bit. */
static uint32_t literal_cost(const struct r2g_symbol_counts *counts) {
    struct r2g_symbol_counts literals = {.lengths = {0}};
    uint64_t total = 0;
    for (unsigned i = 0; i < R2G_END_OF_BLOCK; i++) {
        literals.lengths[i] = counts->lengths[i];
        total += counts->lengths[i];
    }
    return total == 0 ? 256 : (uint32_t)(r2g_block_estimate(&literals) / total);
}

/* The bits of a list that stands for nbytes, as if it stood for `other_nbytes`. */
static uint64_t bits_for(const struct r2g_token_list *list, size_t nbytes, size_t other_nbytes) {
    uint64_t bits = r2g_block_bits(&list->counts);
    return nbytes == other_nbytes ? bits : bits * other_nbytes / nbytes;
}

/* Whether matches may save something that runs do not. */
static bool worth_matching(struct scratch *scratch, const uint8_t *bytes, size_t nbytes,
                           const struct r2g_token_list *runs) {
    return r2g_block_estimate(&runs->counts) >= nbytes * (256 / BLANK_BYTES_A_BIT) &&
           repeats(scratch, bytes, nbytes, runs);
}

/* Parses the stretch into matches, which must cost less than the `runs` that stand for `runs_nbytes` of it; gives up, and
 * returns 0, where its begin or the whole shows that they do not. */
static size_t parse_matches(struct scratch *scratch, const struct r2g_stretch *stretch, const struct way *way,
                            const struct r2g_token_list *runs, size_t runs_nbytes, struct r2g_token_list *matches) {
    uint32_t cost = literal_cost(&runs->counts);
    struct r2g_stretch rest = *stretch;
    if (!way->always && stretch->first > 0 && stretch->last - stretch->first > 4 * TRIAL_NBYTES) {
        struct r2g_stretch begin = *stretch;
        struct r2g_token_list begin_runs = {.tokens = matches->tokens};
        begin.last = begin.first + TRIAL_NBYTES;
        size_t begin_end = r2g_parse_runs(&begin, &begin_runs);
        rest.first = r2g_parse_matches(&scratch->matcher, &begin, &way->matching, cost, matches);
        uint64_t begin_bits = r2g_block_bits(&begin_runs.counts), all_bits = r2g_block_bits(&runs->counts);
        /* A begin that is plainer than the rest says nothing. */
        if (begin_bits * (stretch->last - stretch->first) / (begin.last - begin.first) > all_bits / 2 &&
            bits_for(matches, rest.first - begin.first, begin_end - begin.first) > begin_bits) {
            return 0;
        }
    }
    size_t end = rest.first;
    if (rest.first < rest.last) {
        end = r2g_parse_matches(&scratch->matcher, &rest, &way->matching, cost, matches);
    }
    uint64_t bits = bits_for(matches, end - stretch->first, runs_nbytes);
    return bits + (way->always ? 0 : bits / MATCHES_MUST_SAVE) < r2g_block_bits(&runs->counts) ? end : 0;
}

/* Parses the stretch into matches too, if that can pay, and sets *list to the better; returns where it ends. */
static size_t parse_part(struct scratch *scratch, const struct r2g_stretch *stretch, const struct way *way,
                         struct pace *pace, struct r2g_token_list *list) {
    *list = (struct r2g_token_list){.tokens = scratch->runs};
    size_t end = r2g_parse_runs(stretch, list), nbytes = end - stretch->first;
    if (way->matching.chain == 0 ||
        (!way->always && !worth_matching(scratch, stretch->bytes + stretch->first, nbytes, list))) {
        return end;
    }
    if (pace->left_out < pace->pause) {
        pace->left_out++;
        return end;
    }
    struct r2g_token_list matches = {.tokens = scratch->matches};
    size_t other_end = parse_matches(scratch, stretch, way, list, nbytes, &matches);
    pace->left_out = 0;
    pace->pause = other_end != 0 || way->always ? 0 : pace->pause < PAUSE_MAX ? 2 * pace->pause + 1 : PAUSE_MAX;
    if (other_end != 0) {
        *list = matches;
        return other_end;
    }
    return end;
}

/* Compresses one piece; out->to must have room for all blocks' worst case. */
static void compress(struct scratch *scratch, const uint8_t *bytes, size_t nbytes, const struct way *way,
                     struct bit_writer *out) {
    struct r2g_token_list block = {.tokens = scratch->block};
    size_t block_first = 0;
    uint64_t block_cost = 0;
    struct pace pace = {0, 0};
    if (way->matching.chain != 0) {
        r2g_matcher_reset(&scratch->matcher);
    }
    for (size_t at = 0; at < nbytes;) {
        struct r2g_stretch stretch = {bytes, nbytes, at,
                                      at + way->part_nbytes < nbytes ? at + way->part_nbytes : nbytes};
        struct r2g_token_list part;
        size_t end = parse_part(scratch, &stretch, way, &pace, &part);
        uint64_t part_cost = r2g_block_estimate(&part.counts) + r2g_block_estimate_codes(&part.counts);
        struct r2g_symbol_counts together = part.counts;
        add_counts(&together, &block.counts);
        uint64_t together_cost = r2g_block_estimate(&together) + r2g_block_estimate_codes(&together);
        if (block.count > 0 && (together_cost > block_cost + part_cost || block.count + part.count > BLOCK_TOKENS ||
                                end - block_first > BLOCK_NBYTES_MAX)) {
            r2g_block_write(out, bytes + block_first, at - block_first, &block);
            block.count = 0;
            block_first = at;
            together = part.counts;
            together_cost = part_cost;
        }
        memcpy(block.tokens + block.count, part.tokens, part.count * sizeof part.tokens[0]);
        block.count += part.count;
        block.counts = together;
        block_cost = together_cost;
        at = end;
    }
    if (block.count > 0) {
        r2g_block_write(out, bytes + block_first, nbytes - block_first, &block);
    }
}

/* Appends a segment to *out, which must have room for the worst case. */
static void append(struct scratch *scratch, const uint8_t *bytes, size_t nbytes, const struct way *way,
                   struct r2g_buffer *out) {
    struct bit_writer writer = {.to = out->bytes + out->nbytes};
    while (nbytes > 0) {
        size_t piece = nbytes < PIECE_NBYTES ? nbytes : PIECE_NBYTES;
        compress(scratch, bytes, piece, way, &writer);
        bytes += piece;
        nbytes -= piece;
    }
    r2g_block_write_empty(&writer);
    out->nbytes = (size_t)(writer.to - out->bytes);
}

/* The most that a segment of nbytes takes. A block is a part at least, and adds at most 21 bytes to what it holds. */
static bool segment_nbytes_max(size_t nbytes, size_t part_nbytes, size_t *max) {
    return r2g_size_add(nbytes, nbytes / part_nbytes * 32 + 64, max);
}

static r2g_status reserve(struct r2g_buffer *out, size_t nbytes, size_t part_nbytes, struct r2g_error *err) {
    size_t capacity;
    if (!segment_nbytes_max(nbytes, part_nbytes, &capacity) || !r2g_size_add(capacity, out->nbytes, &capacity)) {
        return r2g_fail(err, R2G_ELIMIT, "a row block of %zu bytes is too large to compress", nbytes);
    }
    return r2g_buffer_reserve(out, capacity, "a block of compressed rows", err);
}

r2g_status r2g_deflate_segment(struct r2g_deflater *deflater, const uint8_t *bytes, size_t nbytes,
                               struct r2g_buffer *out, struct r2g_error *err) {
    struct scratch *scratch = (void *)deflater->memory.bytes;
    r2g_status status = reserve(out, nbytes, PART_NBYTES, err);
    if (status != R2G_OK) {
        return status;
    }
    size_t start = out->nbytes;
    append(scratch, bytes, nbytes, deflater->level == R2G_DEFLATE_FAST ? &fast_way : &default_way, out);
    for (size_t i = 0; i < SMALL_WAYS && deflater->level == R2G_DEFLATE_SMALL; i++) {
        size_t end = out->nbytes;
        status = reserve(out, nbytes, small_ways[i].part_nbytes, err);
        if (status != R2G_OK) {
            return status;
        }
        append(scratch, bytes, nbytes, &small_ways[i], out);
        size_t other_nbytes = out->nbytes - end;
        out->nbytes = end;
        if (other_nbytes < end - start) {
            memmove(out->bytes + start, out->bytes + end, other_nbytes);
            out->nbytes = start + other_nbytes;
        }
    }
    return R2G_OK;
}

struct r2g_deflate_estimate r2g_deflate_estimate(struct r2g_deflater *deflater, const uint8_t *bytes, size_t nbytes,
                                                 size_t history_nbytes, bool thorough) {
    struct scratch *scratch = (void *)deflater->memory.bytes;
    struct r2g_stretch stretch = {bytes, nbytes, history_nbytes, nbytes};
    struct r2g_token_list list;
    struct r2g_deflate_estimate estimate = {.repeats = false};
    if (thorough) {
        r2g_matcher_reset(&scratch->matcher);
        struct pace pace = {0, 0};
        parse_part(scratch, &stretch, &default_way, &pace, &list);
    } else {
        list = (struct r2g_token_list){.tokens = scratch->runs};
        r2g_parse_runs(&stretch, &list);
        estimate.repeats = worth_matching(scratch, bytes + history_nbytes, nbytes - history_nbytes, &list);
    }
    estimate.cost = r2g_block_bits(&list.counts);
    return estimate;
}
