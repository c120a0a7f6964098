#include "parallel/shares.h"

#include <stdbool.h>
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

/* What is being shared out. `order` is a heap of ranks: that which would be done first with one more block is on top. */
struct sharing {
    uint32_t *share;
    int *order;
    int size;
    const int64_t *block_ns;
    int64_t usual_ns, root_ns;
    uint32_t root_most, most;
};

/* When the rank would be done with one block more; never, if it may not have one. */
static int64_t done_ns(const struct sharing *sharing, int rank) {
    uint32_t share = sharing->share[rank];
    int64_t block_ns = sharing->block_ns[rank] > 0 ? sharing->block_ns[rank] : sharing->usual_ns;
    if (share >= (rank == 0 ? sharing->root_most : sharing->most))
        return INT64_MAX;
    return (rank == 0 ? sharing->root_ns : 0) + (int64_t)(share + 1) * block_ns;
}

/* Of two that are done at the same time, the lower rank is first. */
static bool is_before(const struct sharing *sharing, int rank, int other) {
    int64_t mine = done_ns(sharing, rank), others = done_ns(sharing, other);
    return mine < others || (mine == others && rank < other);
}

/* Lets the rank at `place` of the heap sink to where it belongs. */
static void sink(struct sharing *sharing, int place) {
    int *order = sharing->order, rank = order[place];
    for (int next; (next = 2 * place + 1) < sharing->size; place = next) {
        if (next + 1 < sharing->size && is_before(sharing, order[next + 1], order[next]))
            next++;
        if (!is_before(sharing, order[next], rank))
            break;
        order[place] = order[next];
    }
    order[place] = rank;
}

void r2g_shares_assign(uint32_t *share, int *order, int size, uint32_t block_count, const int64_t *block_ns,
                       int64_t root_ns, uint32_t root_most, uint32_t most) {
    struct sharing sharing = {.share = share,
                              .order = order,
                              .size = size,
                              .block_ns = block_ns,
                              .usual_ns = usual_ns(size, block_count, block_ns, root_ns),
                              .root_ns = root_ns,
                              .root_most = root_most,
                              .most = most};
    memset(share, 0, (size_t)size * sizeof *share);
    for (int r = 0; r < size; r++)
        order[r] = r;
    for (int place = size / 2 - 1; place >= 0; place--)
        sink(&sharing, place);
    /* One block after the other goes to the rank that would be done with it first. */
    for (uint32_t block = 0; block < block_count; block++) {
        share[order[0]]++;
        sink(&sharing, 0);
    }
}
