#include "pipeline/plan.h"

#include <stddef.h>

#include "base/size.h"

/* Input rows in flight on rank 0 are bounded by this much a band (two bands are held: one read, one on its way), and so
 * are the gray rows whose segments one gather brings. */
#define BAND_NBYTES (UINT64_C(48) << 20)
#define GATHER_NBYTES (UINT64_C(192) << 20)
/* Row blocks a rank and band: enough that uneven shares can follow measured speed in steps of a quarter, and so many
 * small ones that the messages are not small. */
#define BLOCKS_PER_RANK 4u
#define SHARE_NBYTES (UINT64_C(4) << 20) /* of gray rows */
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
    case R2G_PATH_TRANSCODE:
        return "transcode";
    }
    return "unknown";
}

/* The most blocks that memory allows in flight, 0 if not even one. In a scatter run rank 0 holds two bands of input rows
 * and one of segments; in a direct run each rank one block of input, and rank 0 a band of segments. Segments are hardly
 * larger than their gray rows, but buffers grow by half; a quarter of the limit is left to decoder and encoder. */
static uint64_t most_blocks(const struct r2g_plan_facts *facts, bool scatter) {
    uint64_t gray = r2g_u64_max(facts->gray_block_nbytes, 1), input = r2g_u64_max(facts->block_nbytes, 1);
    uint64_t most = scatter ? BAND_NBYTES / input : GATHER_NBYTES / gray;
    most = r2g_u64_max(most, 1);
    if (facts->mem_limit_nbytes == 0)
        return most;
    uint64_t limit = facts->mem_limit_nbytes / 4 * 3;
    uint64_t once = scatter ? 0 : input, each = (scatter ? 2 * input : 0) + 2 * gray;
    return limit < once ? 0 : r2g_u64_min(most, (limit - once) / each);
}

/* Blocks in flight at once: several a rank, but enough bands for overlap, and where there are enough a block for each rank
 * that works. With very many ranks memory allows fewer, and the last ranks get nothing. */
static uint32_t band_blocks(const struct r2g_plan_facts *facts, bool scatter, uint64_t most) {
    uint64_t workers = (uint64_t)facts->rank_count - (scatter ? 1 : 0);
    uint64_t gray = r2g_u64_max(facts->gray_block_nbytes, 1);
    uint64_t blocks = (uint64_t)facts->rank_count * r2g_u64_max(SHARE_NBYTES / gray, BLOCKS_PER_RANK);
    blocks = r2g_u64_min(blocks, (facts->block_count + BANDS_MIN - 1) / BANDS_MIN);
    blocks = r2g_u64_min(r2g_u64_max(blocks, workers), facts->block_count);
    return (uint32_t)r2g_u64_min(blocks, most);
}

static struct r2g_plan plan_transcode(const struct r2g_plan_facts *facts) {
    static const char *const whys[2][2] = {
        {"the JPEG's luma stays as it is: its bits are copied, nothing is decoded",
         "the JPEG's luma stays as it is: its bits are copied by rank 0, nothing is decoded"},
        {"the JPEG's luma stays as it is: its coefficients are coded anew by libjpeg, without loss",
         "the JPEG's luma stays as it is: its coefficients are coded anew by libjpeg on rank 0, without loss"},
    };
    return (struct r2g_plan){
        .path = R2G_PATH_TRANSCODE,
        .band_blocks = 1,
        .why = whys[facts->transcode == R2G_TRANSCODE_COEFFICIENTS][facts->rank_count > 1],
    };
}

struct r2g_plan r2g_plan_make(const struct r2g_plan_facts *facts) {
    struct r2g_plan plan = {.path = R2G_PATH_SEQUENTIAL, .band_blocks = 1};
    if (facts->transcode != R2G_TRANSCODE_NONE)
        return plan_transcode(facts);
    if (facts->rank_count <= 1) {
        plan.why = "one process does everything";
        return plan;
    }
    if (facts->block_count <= 1) {
        plan.why = "the picture is a single row block: there is nothing to share out";
        return plan;
    }
    bool scatter = !facts->random_access || !facts->input_shared;
    if (facts->fixed_offsets) {
        if (!scatter && facts->output_shared) {
            plan.path = R2G_PATH_DIRECT;
            plan.place = true;
            plan.why = "every rank sees both files and writes its rows in place";
        } else {
            /* Luma takes less time than moving the rows: 64 million pixels of PPM to PGM took one process 25 ms, and two
             * 42 ms when rank 0 sent and received their rows. */
            plan.why = "rows that need no encoding are sooner converted than sent to other ranks";
        }
        return plan;
    }
    if (scatter && !facts->sendable_rows) {
        plan.why = "rows of 2^31 pixels and more cannot be sent to other ranks";
        return plan;
    }
    uint64_t most = most_blocks(facts, scatter);
    if (most == 0) {
        plan.why = "the memory limit leaves no room for rows in flight between ranks";
        return plan;
    }
    plan.band_blocks = band_blocks(facts, scatter, most);
    if (!scatter) {
        plan.path = R2G_PATH_DIRECT;
        plan.why = "every rank sees the input and reads its own rows; rank 0 gathers and writes";
        return plan;
    }
    plan.path = R2G_PATH_SCATTER;
    plan.why = facts->random_access
                   ? "only rank 0 sees the input: it reads, all ranks convert and encode"
                   : "this input can only be read in order: rank 0 reads, all ranks convert and encode";
    return plan;
}
