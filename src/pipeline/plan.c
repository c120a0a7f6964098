#include "pipeline/plan.h"

#include <stddef.h>

#include "base/size.h"

/* Input rows in flight on rank 0 are bounded by this much a band (two bands are held: one read, one on its way). */
#define BAND_NBYTES (UINT64_C(48) << 20)
/* Row blocks a rank and band: enough that uneven shares can follow measured speed in steps of a quarter. */
#define BLOCKS_PER_RANK 4u
/* A picture is cut into at least this many bands where it has as many blocks, so that reading and converting overlap. */
#define BANDS_MIN 4u

const char *r2g_path_name(enum r2g_path path) {
    switch (path) {
    case R2G_PATH_SEQUENTIAL:
        return "sequential";
    case R2G_PATH_SCATTER:
        return "scatter";
    case R2G_PATH_DIRECT:
        return "direct";
    }
    return "unknown";
}

/* `workers` ranks shall find a block in every band. In a scatter run rank 0 holds two bands of input rows; in a direct
 * run a rank holds one block of them, and rank 0 the band's segments (about 1 MiB each). */
static uint32_t band_blocks(const struct r2g_plan_facts *facts, bool scatter) {
    uint64_t workers = (uint64_t)facts->rank_count - (scatter ? 1 : 0);
    uint64_t most = scatter ? BAND_NBYTES / r2g_u64_max(facts->block_nbytes, 1) : BAND_NBYTES >> 20;
    uint64_t blocks = (uint64_t)facts->rank_count * BLOCKS_PER_RANK;
    blocks = r2g_u64_min(blocks, (facts->block_count + BANDS_MIN - 1) / BANDS_MIN);
    blocks = r2g_u64_min(r2g_u64_max(blocks, workers), facts->block_count);
    return (uint32_t)r2g_u64_max(r2g_u64_min(blocks, most), 1);
}

struct r2g_plan r2g_plan_make(const struct r2g_plan_facts *facts) {
    struct r2g_plan plan = {.path = R2G_PATH_SEQUENTIAL, .band_blocks = 1};
    if (facts->rank_count <= 1) {
        plan.why = "one process does everything";
        return plan;
    }
    if (facts->block_count <= 1) {
        plan.why = "the picture is a single row block: there is nothing to share out";
        return plan;
    }
    plan.place = facts->fixed_offsets && facts->output_shared;
    if (facts->random_access && facts->input_shared) {
        plan.path = R2G_PATH_DIRECT;
        plan.band_blocks = band_blocks(facts, false);
        plan.why = plan.place ? "every rank sees both files and writes its rows in place"
                              : "every rank sees the input and reads its own rows; rank 0 gathers and writes";
        return plan;
    }
    plan.path = R2G_PATH_SCATTER;
    plan.band_blocks = band_blocks(facts, true);
    if (!facts->random_access)
        plan.why = "this input can only be read in order: rank 0 reads, all ranks convert and encode";
    else
        plan.why = "only rank 0 sees the input: it reads, all ranks convert and encode";
    return plan;
}
