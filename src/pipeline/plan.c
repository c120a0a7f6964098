#include "pipeline/plan.h"

#include <stddef.h>

#include "base/size.h"

/* Rank 0 of a scatter run holds two chunks of input rows, one read and one on its way, of this much each. Other ranks hold
 * their share of a band: no more than a chunk. */
#define CHUNK_NBYTES (UINT64_C(48) << 20)
/* Gray rows whose segments one process holds at once: rank 0 those it gathers, else a rank those of its share. In a scatter
 * run rank 0 has its chunks beside them. */
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

/* The most blocks that memory allows: in a chunk of a scatter run; in a direct run, those of which one process holds the
 * segments. 0 if not even one. Segments are hardly larger than their gray rows, but buffers grow by half; a quarter of the
 * limit is left to decoder and encoder. */
static uint64_t most_blocks(const struct r2g_plan_facts *facts, bool scatter) {
    uint64_t gray = r2g_u64_max(facts->gray_block_nbytes, 1), input = r2g_u64_max(facts->block_nbytes, 1);
    uint64_t most = scatter ? CHUNK_NBYTES / input : GATHER_NBYTES / gray;
    most = r2g_u64_max(most, 1);
    if (facts->mem_limit_nbytes == 0)
        return most;
    uint64_t limit = facts->mem_limit_nbytes / 4 * 3;
    uint64_t once = scatter ? 0 : input, each = (scatter ? 2 * input : 0) + 2 * gray;
    return limit < once ? 0 : r2g_u64_min(most, (limit - once) / each);
}

/* The most blocks in a band, where a process holds `most`. Where all write, each rank holds its own share. Else rank 0 holds
 * the segments of the whole band: in a scatter run, what memory leaves beside two chunks of input. A scatter run's band is
 * one chunk, of which rank 0 converts a part, as long as that has a block for each rank. */
static uint64_t most_in_band(const struct r2g_plan_facts *facts, bool scatter, bool place, uint64_t most) {
    uint64_t gray = r2g_u64_max(facts->gray_block_nbytes, 1), input = r2g_u64_max(facts->block_nbytes, 1);
    uint64_t takers = (uint64_t)facts->rank_count - (scatter ? 1 : 0), shares = most * takers;
    if (scatter && takers <= most)
        return most;
    if (place)
        return shares;
    if (!scatter)
        return most;
    uint64_t band = r2g_u64_max(most, (GATHER_NBYTES - 2 * CHUNK_NBYTES) / gray);
    if (facts->mem_limit_nbytes > 0)
        band = r2g_u64_min(band, (facts->mem_limit_nbytes / 4 * 3 - 2 * most * input) / (2 * gray));
    return r2g_u64_min(shares, band);
}

/* Blocks in flight at once: several a rank, but enough bands for overlap, and where there are enough a block for each rank
 * that works. Where memory allows fewer, the last ranks get nothing. */
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
        .chunk_blocks = 1,
        .share_blocks = 1,
        .why = whys[facts->transcode == R2G_TRANSCODE_COEFFICIENTS][facts->rank_count > 1],
    };
}

/* Why the work is shared out in this way, where segments are encoded. */
static const char *why_shared_out(const struct r2g_plan_facts *facts, bool scatter, bool place) {
    if (!scatter)
        return place ? "every rank sees both files: it reads its own rows and writes its own segments"
                     : "every rank sees the input and reads its own rows; rank 0 gathers and writes";
    if (facts->random_access)
        return place ? "only rank 0 sees the input: it reads, all ranks convert, encode and write"
                     : "only rank 0 sees the input: it reads, all ranks convert and encode";
    return place ? "this input can only be read in order: rank 0 reads, all ranks convert, encode and write"
                 : "this input can only be read in order: rank 0 reads, all ranks convert and encode";
}

struct r2g_plan r2g_plan_make(const struct r2g_plan_facts *facts) {
    struct r2g_plan plan = {.path = R2G_PATH_SEQUENTIAL, .band_blocks = 1, .chunk_blocks = 1, .share_blocks = 1};
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
    /* On one host, one process writes as fast as all of them: the system takes one write to a file at a time. */
    plan.place = plan.appended = facts->output_shared && facts->host_count > 1;
    plan.band_blocks = band_blocks(facts, scatter, most_in_band(facts, scatter, plan.place, most));
    plan.share_blocks = plan.chunk_blocks = (uint32_t)r2g_u64_min(most, plan.band_blocks);
    plan.path = scatter ? R2G_PATH_SCATTER : R2G_PATH_DIRECT;
    plan.why = why_shared_out(facts, scatter, plan.place);
    return plan;
}
