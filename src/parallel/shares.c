#include "parallel/shares.h"

#include <string.h>

/* What to take for ranks that were not measured yet. */
static int64_t usual_ns(int size, uint32_t block_count, const int64_t *block_ns, int64_t root_ns) {
    int64_t sum = 0, count = 0;
    for (int r = 0; r < size; r++) {
        sum += block_ns[r];
        count += block_ns[r] > 0;
    }
    int64_t usual = count > 0 ? sum / count : root_ns / (block_count > 0 ? block_count : 1);
    return usual > 0 ? usual : 1;
}

void r2g_shares_assign(uint32_t *share, int size, uint32_t block_count, const int64_t *block_ns, int64_t root_ns) {
    int64_t usual = usual_ns(size, block_count, block_ns, root_ns);
    memset(share, 0, (size_t)size * sizeof *share);
    /* One block after the other goes to the rank that would be done with it first. */
    for (uint32_t block = 0; block < block_count; block++) {
        int best = 0;
        int64_t best_ns = INT64_MAX;
        for (int r = 0; r < size; r++) {
            int64_t done_ns =
                (r == 0 ? root_ns : 0) + (int64_t)(share[r] + 1) * (block_ns[r] > 0 ? block_ns[r] : usual);
            if (done_ns < best_ns) {
                best_ns = done_ns;
                best = r;
            }
        }
        share[best]++;
    }
}
