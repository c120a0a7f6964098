/* The plan as a table: for every kind of facts the path that shall be taken, and bounds on the band. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pipeline/plan.h"

#define MIB UINT64_C(1048576)

struct line {
    struct r2g_plan_facts facts;
    enum r2g_path path;
    bool place;
};

static const struct line table[] = {
    /*  ranks, any block, shared in, offsets, shared out, blocks, block bytes */
    {{1, true, true, true, true, 100, 3 * MIB}, R2G_PATH_SEQUENTIAL, false},
    {{1, false, false, false, false, 100, 3 * MIB}, R2G_PATH_SEQUENTIAL, false},
    {{4, true, true, true, true, 1, 3 * MIB}, R2G_PATH_SEQUENTIAL, false},
    {{4, false, true, false, false, 1, 3 * MIB}, R2G_PATH_SEQUENTIAL, false},
    {{4, true, true, true, true, 100, 3 * MIB}, R2G_PATH_DIRECT, true},
    {{4, true, true, true, false, 100, 3 * MIB}, R2G_PATH_DIRECT, false},
    {{4, true, true, false, true, 100, 3 * MIB}, R2G_PATH_DIRECT, false},
    {{4, true, false, true, true, 100, 3 * MIB}, R2G_PATH_SCATTER, true},
    {{4, true, false, false, true, 100, 3 * MIB}, R2G_PATH_SCATTER, false},
    {{4, false, true, true, true, 100, 3 * MIB}, R2G_PATH_SCATTER, true},
    {{4, false, true, false, false, 100, 3 * MIB}, R2G_PATH_SCATTER, false},
    {{2, false, false, false, false, 2, 3 * MIB}, R2G_PATH_SCATTER, false},
};

static void each_kind_of_facts_has_its_path(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct r2g_plan plan = r2g_plan_make(&table[i].facts);
        assert_int_equal(plan.path, table[i].path);
        assert_int_equal(plan.place, table[i].place);
        assert_non_null(plan.why);
    }
}

/* Whatever the facts: at least one block, no more than there are, and no more input rows than rank 0 may hold. */
static void bands_stay_within_bounds(void **state) {
    (void)state;
    static const uint64_t block_sizes[] = {1, MIB, 8 * MIB, 300 * MIB};
    for (int ranks = 2; ranks <= 4096; ranks *= 2) {
        for (uint32_t blocks = 2; blocks < 100000; blocks = blocks * 3 + 1) {
            for (size_t i = 0; i < 4; i++) {
                struct r2g_plan_facts facts = {ranks, false, true, false, false, blocks, block_sizes[i]};
                struct r2g_plan plan = r2g_plan_make(&facts);
                assert_true(plan.band_blocks >= 1 && plan.band_blocks <= blocks);
                assert_true(plan.band_blocks == 1 || plan.band_blocks * block_sizes[i] <= 48 * MIB);
                facts.random_access = true;
                plan = r2g_plan_make(&facts);
                assert_true(plan.band_blocks >= 1 && plan.band_blocks <= blocks && plan.band_blocks <= 48);
            }
        }
    }
}

/* With a block for everybody, no rank is left without one where memory allows. */
static void every_rank_finds_work(void **state) {
    (void)state;
    for (int ranks = 2; ranks <= 16; ranks++) {
        struct r2g_plan_facts facts = {ranks, true, true, false, false, (uint32_t)ranks, 3 * MIB};
        assert_int_equal(r2g_plan_make(&facts).band_blocks, ranks);
        facts.random_access = false; /* rank 0 reads: the others convert */
        assert_int_equal(r2g_plan_make(&facts).band_blocks, ranks - 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_facts_has_its_path),
        cmocka_unit_test(bands_stay_within_bounds),
        cmocka_unit_test(every_rank_finds_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
