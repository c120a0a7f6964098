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

/* Whatever the facts: at least one block, no more than there are, and no more than rank 0 may hold. */
static void bands_stay_within_bounds(void **state) {
    (void)state;
    static const uint64_t block_sizes[] = {1, MIB, 8 * MIB, 300 * MIB};
    static const uint64_t limits[] = {0, 10 * MIB, 100 * MIB, 4096 * MIB};
    for (int ranks = 2; ranks <= 4096; ranks *= 2) {
        for (uint32_t blocks = 2; blocks < 100000; blocks = blocks * 3 + 1) {
            for (size_t i = 0; i < 16; i++) {
                struct r2g_plan_facts given = facts(ranks, i % 3 == 0, true, false, false, blocks);
                given.block_nbytes = block_sizes[i % 4] * 3;
                given.gray_block_nbytes = block_sizes[i % 4];
                given.mem_limit_nbytes = limits[i / 4];
                struct r2g_plan plan = r2g_plan_make(&given);
                assert_true(plan.band_blocks >= 1 && plan.band_blocks <= blocks);
                if (plan.path == R2G_PATH_SEQUENTIAL)
                    continue;
                uint64_t held = plan.band_blocks * given.gray_block_nbytes;
                if (plan.path == R2G_PATH_SCATTER)
                    held += 2 * plan.band_blocks * given.block_nbytes;
                assert_true(plan.band_blocks == 1 || held <= 192 * MIB);
                assert_true(given.mem_limit_nbytes == 0 || held <= given.mem_limit_nbytes);
            }
        }
    }
}

/* With a block for everybody, no rank is left without one where memory allows. */
static void every_rank_finds_work(void **state) {
    (void)state;
    for (int ranks = 2; ranks <= 16; ranks++) {
        struct r2g_plan_facts given = facts(ranks, true, true, false, false, (uint32_t)ranks);
        assert_int_equal(r2g_plan_make(&given).band_blocks, ranks);
        given.random_access = false; /* rank 0 reads: the others convert */
        assert_int_equal(r2g_plan_make(&given).band_blocks, ranks - 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_facts_has_its_path),
        cmocka_unit_test(compressed_luma_is_carried_over_by_one),
        cmocka_unit_test(what_cannot_be_sent_is_done_alone),
        cmocka_unit_test(bands_stay_within_bounds),
        cmocka_unit_test(every_rank_finds_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
