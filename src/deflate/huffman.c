/* Huffman's construction on sorted frequencies with two queues, then lengths cut to the limit. */
#include "deflate/huffman.h"

#include <string.h>

#define CODE_BITS_MAX 15
#define SYMBOL_BITS 9 /* a sort key is frequency << SYMBOL_BITS | symbol */
#define SYMBOL_MASK (((uint32_t)1 << SYMBOL_BITS) - 1)

/* Sorts keys by frequency; equal frequencies stay in the order of symbols. One pass for each 8 bits that occur. */
static void sort_keys(uint32_t *keys, unsigned count, uint32_t greatest) {
    uint32_t other[R2G_HUFFMAN_SYMBOLS_MAX];
    for (unsigned shift = SYMBOL_BITS; shift < 32 && (greatest >> shift) != 0; shift += 8) {
        uint16_t at[257] = {0};
        for (unsigned i = 0; i < count; i++) {
            at[(keys[i] >> shift & 255) + 1]++;
        }
        for (unsigned i = 1; i < 256; i++) {
            at[i] = (uint16_t)(at[i] + at[i - 1]);
        }
        for (unsigned i = 0; i < count; i++) {
            other[at[keys[i] >> shift & 255]++] = keys[i];
        }
        memcpy(keys, other, count * sizeof keys[0]);
    }
}

/* Counts how many leaves lie how deep in the Huffman tree of the sorted keys (at least two); deeper than `limit` counts
 * as `limit`. Nodes that join two others arise in the order of their weight, so that they are a queue like the leaves. */
static void count_depths(const uint32_t *keys, unsigned leaf_count, unsigned limit,
                         unsigned counts[CODE_BITS_MAX + 1]) {
    uint32_t weight[R2G_HUFFMAN_SYMBOLS_MAX];
    uint16_t leaf_parent[R2G_HUFFMAN_SYMBOLS_MAX], parent[R2G_HUFFMAN_SYMBOLS_MAX];
    unsigned leaf = 0, node = 0;
    for (unsigned made = 0; made < leaf_count - 1; made++) {
        uint32_t sum = 0;
        for (int child = 0; child < 2; child++) {
            if (node == made || (leaf < leaf_count && keys[leaf] >> SYMBOL_BITS <= weight[node])) {
                sum += keys[leaf] >> SYMBOL_BITS;
                leaf_parent[leaf++] = (uint16_t)made;
            } else {
                sum += weight[node];
                parent[node++] = (uint16_t)made;
            }
        }
        weight[made] = sum;
    }
    uint16_t depth[R2G_HUFFMAN_SYMBOLS_MAX];
    depth[leaf_count - 2] = 0;
    for (unsigned i = leaf_count - 2; i-- > 0;) {
        depth[i] = (uint16_t)(depth[parent[i]] + 1);
    }
    memset(counts, 0, (CODE_BITS_MAX + 1) * sizeof counts[0]);
    for (unsigned i = 0; i < leaf_count; i++) {
        unsigned length = depth[leaf_parent[i]] + 1u;
        counts[length < limit ? length : limit]++;
    }
}

/* Makes Kraft's sum 1 again after lengths were cut. A leaf above the limit that moves down one level leaves its place to
 * itself and to one of those at the limit: the sum, in units of the longest code, falls by one. */
static void fit_to_limit(unsigned counts[CODE_BITS_MAX + 1], unsigned limit) {
    uint32_t sum = 0;
    for (unsigned length = 1; length <= limit; length++) {
        sum += counts[length] << (limit - length);
    }
    for (; sum > (uint32_t)1 << limit; sum--) {
        unsigned length = limit - 1;
        while (counts[length] == 0) {
            length--;
        }
        counts[length]--;
        counts[length + 1] += 2;
        counts[limit]--;
    }
}

void r2g_huffman_lengths(const uint32_t *frequencies, unsigned symbol_count, unsigned limit, uint8_t *lengths) {
    uint32_t keys[R2G_HUFFMAN_SYMBOLS_MAX], greatest = 0;
    unsigned used = 0;
    memset(lengths, 0, symbol_count);
    for (unsigned i = 0; i < symbol_count; i++) {
        if (frequencies[i] != 0) {
            keys[used++] = frequencies[i] << SYMBOL_BITS | i;
            greatest |= frequencies[i] << SYMBOL_BITS;
        }
    }
    if (used < 2) {
        unsigned first = used == 1 ? keys[0] & SYMBOL_MASK : 0;
        lengths[first] = 1;
        lengths[first == 0 ? 1 : 0] = 1;
        return;
    }
    sort_keys(keys, used, greatest);
    unsigned counts[CODE_BITS_MAX + 1];
    count_depths(keys, used, limit, counts);
    fit_to_limit(counts, limit);
    unsigned next = 0;
    for (unsigned length = limit; length > 0; length--) {
        for (unsigned i = 0; i < counts[length]; i++) {
            lengths[keys[next++] & SYMBOL_MASK] = (uint8_t)length;
        }
    }
}

static uint16_t reverse16(unsigned code) {
    code = (code & 0x5555) << 1 | (code >> 1 & 0x5555);
    code = (code & 0x3333) << 2 | (code >> 2 & 0x3333);
    code = (code & 0x0f0f) << 4 | (code >> 4 & 0x0f0f);
    return (uint16_t)(code << 8 | code >> 8);
}

void r2g_huffman_codes(const uint8_t *lengths, unsigned symbol_count, uint16_t *codes) {
    unsigned counts[CODE_BITS_MAX + 1] = {0}, next[CODE_BITS_MAX + 1];
    for (unsigned i = 0; i < symbol_count; i++) {
        counts[lengths[i]]++;
    }
    counts[0] = 0;
    next[0] = 0;
    for (unsigned length = 1; length <= CODE_BITS_MAX; length++) {
        next[length] = (next[length - 1] + counts[length - 1]) << 1;
    }
    for (unsigned i = 0; i < symbol_count; i++) {
        unsigned length = lengths[i];
        codes[i] = (uint16_t)(length == 0 ? 0 : reverse16(next[length]++) >> (16 - length));
    }
}
