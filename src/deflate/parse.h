/* Two ways to parse bytes into tokens: runs, fast; and matches, for data that repeats from afar.
 *
 * Both parse bytes[first .. last) of bytes[0 .. nbytes), at least to `last`: a match that crosses it is taken whole. They
 * return where they ended. Matches reach back to bytes[0] at most. Tokens are added to list->tokens, which must have room
 * for (last - first) / 3 + R2G_PARSE_TOKENS_MORE more; counts grow by the symbols. Pure, but for the matcher.
 */
#ifndef R2G_DEFLATE_PARSE_H
#define R2G_DEFLATE_PARSE_H

#include "deflate/tokens.h"

struct r2g_stretch {
    const uint8_t *bytes;
    size_t nbytes, first, last;
};

struct r2g_token_list {
    struct r2g_token *tokens;
    size_t count;
    struct r2g_symbol_counts counts;
};

/* A match has 3 bytes at least; more tokens than that makes are the one that crosses the end, and one for what is left. */
#define R2G_PARSE_TOKENS_MORE 2

/* Matches of distance 1 only. */
size_t r2g_parse_runs(const struct r2g_stretch *stretch, struct r2g_token_list *list);

#define R2G_HASH_BITS 15
#define R2G_HASH3_BITS 13

/* What the matcher remembers of the bytes before; positions count from 1, so that 0 is nowhere. */
struct r2g_matcher {
    uint32_t heads[1 << R2G_HASH_BITS];   /* the last place of each hash of 4 bytes */
    uint32_t heads3[1 << R2G_HASH3_BITS]; /* and of 3 */
    /* from each place to the one before with its hash; 0: none within reach */
    uint16_t back[R2G_DEFLATE_WINDOW_NBYTES];
    size_t next;               /* places before are entered */
    size_t run_first, run_end; /* a run that was looked at: equal bytes, as far as that goes */
};

/* How hard to look. */
struct r2g_effort {
    unsigned chain;  /* places looked at for a match */
    unsigned lazy;   /* a match of this length is taken without a look at the next byte */
    unsigned good;   /* one of this length is improved on with a fourth of `chain` */
    unsigned enough; /* a match of this length is not improved on */
};

/* Forgets everything: before the first stretch of other bytes. */
void r2g_matcher_reset(struct r2g_matcher *matcher);

/* literal_cost is what a literal takes, in 1/256 bit: short matches must save against that. Stretches must follow each
 * other in `bytes`; those between may be left out. */
size_t r2g_parse_matches(struct r2g_matcher *matcher, const struct r2g_stretch *stretch,
                         const struct r2g_effort *effort, uint32_t literal_cost, struct r2g_token_list *list);

#endif
