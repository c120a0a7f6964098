/* The plan as a table: for every kind of facts the path that shall be taken, and bounds on the band. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pipeline/plan.h"

#define MIB UINT64_C(1048576)

/* Facts of an ordinary picture: RGB of 8 bits, 3 MiB of input and 1 MiB of gray a block, no limit. */
static struct r2g_plan_facts facts(int rank_count, bool any_rows, bool in_shared, bool fixed, bool out_shared,
                                   uint32_t blocks) {
    return (struct r2g_plan_facts){.rank_count = rank_count,
                                   .host_count = 1,
                                   .random_access = any_rows,
                                   .input_shared = in_shared,
                                   .fixed_offsets = fixed,
                                   .output_shared = out_shared,
                                   .block_count = blocks,
                                   .block_nbytes = 3 * MIB,
                                   .gray_block_nbytes = MIB,
                                   .sendable_rows = true};
}

static void expect(struct r2g_plan_facts given, enum r2g_path path, bool place) {
    struct r2g_plan plan = r2g_plan_make(&given);
    assert_int_equal(plan.path, path);
    assert_int_equal(plan.place, place);
    assert_non_null(plan.why);
}

static void each_kind_of_facts_has_its_path(void **state) {
    (void)state;
    /* ranks, any rows, input shared, fixed offsets, output shared, blocks */
    expect(facts(1, true, true, true, true, 100), R2G_PATH_SEQUENTIAL, false);
    expect(facts(1, false, false, false, false, 100), R2G_PATH_SEQUENTIAL, false);
    expect(facts(4, true, true, true, true, 1), R2G_PATH_SEQUENTIAL, false);
    expect(facts(4, false, true, false, false, 1), R2G_PATH_SEQUENTIAL, false);
    expect(facts(4, true, true, true, true, 100), R2G_PATH_DIRECT, true);
    /* raw rows that would have to travel stay where they are */
    expect(facts(4, true, true, true, false, 100), R2G_PATH_SEQUENTIAL, false);
    expect(facts(4, true, false, true, true, 100), R2G_PATH_SEQUENTIAL, false);
    expect(facts(4, false, true, true, true, 100), R2G_PATH_SEQUENTIAL, false);
    expect(facts(4, true, true, false, true, 100), R2G_PATH_DIRECT, false);
    expect(facts(4, true, false, false, true, 100), R2G_PATH_SCATTER, false);
    expect(facts(4, false, true, false, false, 100), R2G_PATH_SCATTER, false);
    expect(facts(2, false, false, false, false, 2), R2G_PATH_SCATTER, false);
}

/* A transcode is one process's work, whatever else could be done. */
static void compressed_luma_is_carried_over_by_one(void **state) {
    (void)state;
    for (int ranks = 1; ranks <= 4; ranks++) {
        struct r2g_plan_facts given = facts(ranks, ranks % 2 == 0, true, false, true, 100);
        given.transcode = R2G_TRANSCODE_BITS;
        expect(given, R2G_PATH_TRANSCODE, false);
        const char *bits = r2g_plan_make(&given).why;
        given.transcode = R2G_TRANSCODE_COEFFICIENTS;
        expect(given, R2G_PATH_TRANSCODE, false);
        assert_string_not_equal(r2g_plan_make(&given).why, bits);
    }
    assert_string_equal(r2g_path_name(R2G_PATH_TRANSCODE), "transcode");
}

/* What fits alone must not fail for the sake of being shared out. */
static void what_cannot_be_sent_is_done_alone(void **state) {
    (void)state;
    struct r2g_plan_facts wide = facts(4, false, true, false, false, 100);
    wide.sendable_rows = false;
    expect(wide, R2G_PATH_SEQUENTIAL, false);
    wide = facts(4, true, true, true, true, 100);
    wide.sendable_rows = false;
    expect(wide, R2G_PATH_DIRECT, true);
    struct r2g_plan_facts tight = facts(4, false, true, false, false, 100);
    tight.mem_limit_nbytes = 8 * MIB;
    expect(tight, R2G_PATH_SEQUENTIAL, false);
    tight.mem_limit_nbytes = 64 * MIB;
    expect(tight, R2G_PATH_SCATTER, false);
}

/* The most that one process holds: rank 0 of a scatter run two chunks of input and, where it writes, the band's segments;
 * any rank its share of input rows (in a direct run one block at a time) and of segments. */
static uint64_t most_held(const struct r2g_plan_facts *given, const struct r2g_plan *plan) {
    bool scatter = plan->path == R2G_PATH_SCATTER;
    uint64_t root = scatter ? 2 * plan->chunk_blocks * given->block_nbytes : given->block_nbytes;
    if (!plan->place)
        root += plan->band_blocks * given->gray_block_nbytes;
    uint64_t other = (scatter ? plan->share_blocks : 1) * given->block_nbytes +
                     (uint64_t)plan->share_blocks * given->gray_block_nbytes;
    return root > other ? root : other;
}

static void check_bounds(const struct r2g_plan_facts *given) {
    struct r2g_plan plan = r2g_plan_make(given);
    assert_true(plan.band_blocks >= 1 && plan.band_blocks <= given->block_count);
    assert_true(plan.chunk_blocks >= 1 && plan.chunk_blocks <= plan.band_blocks);
    if (plan.path == R2G_PATH_SEQUENTIAL)
        return;
    /* all blocks of a band can be given out; rank 0 gets none where it has several chunks to send */
    bool several = plan.path == R2G_PATH_SCATTER && plan.band_blocks > plan.chunk_blocks;
    uint64_t takers = (uint64_t)given->rank_count - (several ? 1 : 0);
    assert_true(takers * plan.share_blocks >= plan.band_blocks);
    uint64_t held = most_held(given, &plan);
    assert_true(plan.band_blocks == 1 || plan.share_blocks == 1 || held <= 192 * MIB + given->block_nbytes);
    assert_true(given->mem_limit_nbytes == 0 || held <= given->mem_limit_nbytes);
}

/* Whatever the facts: at least one block, no more than there are, and no more than a process may hold. */
static void bands_stay_within_bounds(void **state) {
    (void)state;
    static const uint64_t block_sizes[] = {1, MIB, 8 * MIB, 300 * MIB};
    static const uint64_t limits[] = {0, 10 * MIB, 100 * MIB, 4096 * MIB};
    for (int ranks = 2; ranks <= 4096; ranks *= 2) {
        for (uint32_t blocks = 2; blocks < 100000; blocks = blocks * 3 + 1) {
            for (size_t i = 0; i < 64; i++) {
                struct r2g_plan_facts given = facts(ranks, i / 16 % 2 == 0, true, false, i / 32 == 0, blocks);
                given.host_count = i / 32 == 0 ? 1 + ranks / 32 : 1;
                given.block_nbytes = block_sizes[i % 4] * 3;
                given.gray_block_nbytes = block_sizes[i % 4];
                given.mem_limit_nbytes = limits[i / 4 % 4];
                check_bounds(&given);
            }
        }
    }
}

/* With a block for everybody, no rank is left without one where memory allows. */
static void every_rank_finds_work(void **state) {
    (void)state;
    for (int ranks = 2; ranks <= 96; ranks++) {
        struct r2g_plan_facts given = facts(ranks, true, true, false, false, (uint32_t)ranks);
        assert_int_equal(r2g_plan_make(&given).band_blocks, ranks);
        given.random_access = false; /* rank 0 reads: the others convert */
        assert_int_equal(r2g_plan_make(&given).band_blocks, ranks - 1);
    }
}

/* Over several hosts that see the output, the plan leaves no rank without work either, however many there are; what rank 0
 * holds does not grow with them. */
static void very_many_ranks_find_work(void **state) {
    (void)state;
    for (int ranks = 16; ranks <= 1024; ranks *= 2) {
        struct r2g_plan_facts given = facts(ranks, true, true, false, true, (uint32_t)ranks * 16);
        given.host_count = ranks / 8;
        struct r2g_plan plan = r2g_plan_make(&given);
        assert_int_equal(plan.path, R2G_PATH_DIRECT);
        assert_true(plan.place && plan.appended);
        assert_int_equal(plan.band_blocks, ranks * 4);
        given.random_access = false;
        plan = r2g_plan_make(&given);
        assert_int_equal(plan.path, R2G_PATH_SCATTER);
        assert_true(plan.place && plan.appended);
        assert_int_equal(plan.band_blocks, ranks > 17 ? ranks * 4 : 16);
        assert_int_equal(plan.chunk_blocks, 16);
        assert_true(most_held(&given, &plan) <= 96 * MIB);
    }
}

/* On one host rank 0 writes; what it gathers bounds the band. */
static void on_one_host_rank_0_writes(void **state) {
    (void)state;
    for (int ranks = 2; ranks <= 1024; ranks *= 2) {
        struct r2g_plan_facts given = facts(ranks, false, true, false, true, 100000);
        struct r2g_plan plan = r2g_plan_make(&given);
        assert_false(plan.place || plan.appended);
        uint32_t wanted = (uint32_t)ranks * 4, most = ranks > 17 ? 96 : 16;
        assert_int_equal(plan.band_blocks, wanted < most ? wanted : most);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_facts_has_its_path),
        cmocka_unit_test(compressed_luma_is_carried_over_by_one),
        cmocka_unit_test(what_cannot_be_sent_is_done_alone),
        cmocka_unit_test(bands_stay_within_bounds),
        cmocka_unit_test(every_rank_finds_work),
        cmocka_unit_test(very_many_ranks_find_work),
        cmocka_unit_test(on_one_host_rank_0_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
