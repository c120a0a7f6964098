/* Shares: all blocks are given out, in proportion to measured speed, and a rank 0 that is busy reading gets little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parallel/shares.h"

#define RANKS 5

static uint32_t total(const uint32_t *share) {
    uint32_t sum = 0;
    for (int r = 0; r < RANKS; r++)
        sum += share[r];
    return sum;
}

/* With no bound on what one rank may get. */
static void share_out(uint32_t *share, uint32_t block_count, const int64_t *block_ns, int64_t root_ns) {
    int order[RANKS];
    r2g_shares_assign(share, order, RANKS, block_count, block_ns, root_ns, block_count, block_count);
}

static void every_block_is_given_out(void **state) {
    (void)state;
    uint32_t share[RANKS];
    for (uint32_t blocks = 0; blocks < 300; blocks++) {
        int64_t block_ns[RANKS] = {blocks * 7 % 50, 0, 1000000, blocks, 3};
        share_out(share, blocks, block_ns, (int64_t)blocks * 1000);
        assert_int_equal(total(share), blocks);
    }
}

static void equal_ranks_get_equal_shares(void **state) {
    (void)state;
    uint32_t share[RANKS];
    const int64_t block_ns[RANKS] = {100, 100, 100, 100, 100};
    share_out(share, 50, block_ns, 0);
    for (int r = 0; r < RANKS; r++)
        assert_int_equal(share[r], 10);
}

static void a_slow_rank_gets_less(void **state) {
    (void)state;
    uint32_t share[RANKS];
    const int64_t block_ns[RANKS] = {100, 100, 100, 100, 400};
    share_out(share, 34, block_ns, 0);
    assert_int_equal(share[4], 2);
    for (int r = 0; r < 4; r++)
        assert_int_equal(share[r], 8);
}

static void a_reading_root_gets_what_time_is_left(void **state) {
    (void)state;
    uint32_t share[RANKS];
    const int64_t block_ns[RANKS] = {100, 100, 100, 100, 100};
    share_out(share, 40, block_ns, 10000);
    assert_int_equal(share[0], 0);
    share_out(share, 45, block_ns, 500);
    assert_int_equal(share[0], 5);
    assert_int_equal(share[1], 10);
}

static void ranks_not_measured_count_as_usual(void **state) {
    (void)state;
    uint32_t share[RANKS];
    const int64_t unknown[RANKS] = {0}, some[RANKS] = {0, 200, 0, 200, 0};
    share_out(share, 25, unknown, 0);
    assert_int_equal(share[0], 5);
    share_out(share, 25, some, 0);
    for (int r = 0; r < RANKS; r++)
        assert_int_equal(share[r], 5);
}

static void no_rank_gets_more_than_it_may(void **state) {
    (void)state;
    uint32_t share[RANKS];
    int order[RANKS];
    const int64_t block_ns[RANKS] = {1, 1, 1000, 1000, 1000};
    r2g_shares_assign(share, order, RANKS, 40, block_ns, 0, 0, 10);
    assert_int_equal(share[0], 0);
    for (int r = 1; r < RANKS; r++)
        assert_int_equal(share[r], 10);
    r2g_shares_assign(share, order, RANKS, 30, block_ns, 0, 3, 15);
    assert_int_equal(share[0], 3);
    assert_int_equal(share[1], 15);
    assert_int_equal(total(share), 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_is_given_out),
        cmocka_unit_test(equal_ranks_get_equal_shares),
        cmocka_unit_test(a_slow_rank_gets_less),
        cmocka_unit_test(a_reading_root_gets_what_time_is_left),
        cmocka_unit_test(ranks_not_measured_count_as_usual),
        cmocka_unit_test(no_rank_gets_more_than_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
