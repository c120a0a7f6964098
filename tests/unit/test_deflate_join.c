/* Segments made apart and joined are one zlib stream that inflates to the input, and depend on their input alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "deflate/segment.h"

static uint32_t random_u32(void) {
    static uint64_t state = 88172645463325252u; /* xorshift64*, Vigna 2016 */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 2685821657736338717u) >> 32);
}

/* Noise, runs, text-like repeats, small differences, zeros. */
static void fill(uint8_t *bytes, size_t nbytes, unsigned kind) {
    static const char words[] = "the luma of a row block is cut by geometry alone ";
    for (size_t i = 0; i < nbytes; i++) {
        switch (kind % 5) {
        case 0:
            bytes[i] = (uint8_t)random_u32();
            break;
        case 1:
            bytes[i] = i > 0 && random_u32() % 50 != 0 ? bytes[i - 1] : (uint8_t)random_u32();
            break;
        case 2:
            bytes[i] = (uint8_t)words[(i + i / 977) % (sizeof words - 1)];
            break;
        case 3:
            bytes[i] = (uint8_t)(random_u32() % 4 - random_u32() % 4);
            break;
        default:
            bytes[i] = 0;
            break;
        }
    }
}

static void append_segment(enum r2g_deflate_level level, struct r2g_deflater *deflater, const uint8_t *bytes,
                           size_t nbytes, struct r2g_buffer *out) {
    struct r2g_error err = {0};
    size_t start = out->nbytes;
    assert_int_equal(r2g_deflate_segment(deflater, bytes, nbytes, out, &err), R2G_OK);
    assert_true(out->nbytes >= start + 5);
    /* the empty stored block: LEN 0, NLEN its complement */
    assert_memory_equal(out->bytes + out->nbytes - 4, "\x00\x00\xff\xff", 4);
    struct r2g_deflater *fresh = NULL;
    struct r2g_buffer again = {0};
    assert_int_equal(r2g_deflater_new(&fresh, level, NULL, &err), R2G_OK);
    assert_int_equal(r2g_deflate_segment(fresh, bytes, nbytes, &again, &err), R2G_OK);
    assert_int_equal(again.nbytes, out->nbytes - start);
    assert_memory_equal(again.bytes, out->bytes + start, again.nbytes);
    r2g_buffer_free(&again);
    r2g_deflater_free(fresh);
}

static void test_joined_segments_inflate(void **unused) {
    (void)unused;
    static const size_t sizes[] = {0, 1, 100, 4095, 65536, 70001, 300000};
    for (int level = R2G_DEFLATE_FAST; level <= R2G_DEFLATE_SMALL; level++) {
        struct r2g_deflater *deflater = NULL;
        struct r2g_error err = {0};
        struct r2g_budget budget = {0};
        struct r2g_buffer stream = {0}, all = {0};
        assert_int_equal(r2g_deflater_new(&deflater, level, &budget, &err), R2G_OK);
        assert_int_equal(r2g_buffer_append(&stream, r2g_zlib_header, 2, &err), R2G_OK);
        for (unsigned turn = 0; turn < 35; turn++) {
            size_t nbytes = sizes[turn % 7];
            uint8_t *bytes = malloc(nbytes + 1);
            assert_non_null(bytes);
            fill(bytes, nbytes, turn / 7);
            append_segment(level, deflater, bytes, nbytes, &stream);
            assert_int_equal(r2g_buffer_append(&all, bytes, nbytes, &err), R2G_OK);
            free(bytes);
        }
        assert_int_equal(r2g_buffer_append(&stream, r2g_deflate_end, 2, &err), R2G_OK);
        uLong adler = adler32(1, all.bytes, (uInt)all.nbytes);
        uint8_t end[4] = {(uint8_t)(adler >> 24), (uint8_t)(adler >> 16), (uint8_t)(adler >> 8), (uint8_t)adler};
        assert_int_equal(r2g_buffer_append(&stream, end, 4, &err), R2G_OK);
        uint8_t *back = malloc(all.nbytes + 1);
        assert_non_null(back);
        uLongf back_nbytes = all.nbytes + 1;
        uLong used_nbytes = stream.nbytes;
        assert_int_equal(uncompress2(back, &back_nbytes, stream.bytes, &used_nbytes), Z_OK);
        assert_int_equal(used_nbytes, stream.nbytes);
        assert_int_equal(back_nbytes, all.nbytes);
        assert_memory_equal(back, all.bytes, all.nbytes);
        free(back);
        r2g_buffer_free(&stream);
        r2g_buffer_free(&all);
        r2g_deflater_free(deflater);
        assert_int_equal(budget.used_nbytes, 0);
    }
}

static size_t segment_nbytes(enum r2g_deflate_level level, const uint8_t *bytes, size_t nbytes) {
    struct r2g_deflater *deflater = NULL;
    struct r2g_error err = {0};
    struct r2g_buffer out = {0};
    assert_int_equal(r2g_deflater_new(&deflater, level, NULL, &err), R2G_OK);
    assert_int_equal(r2g_deflate_segment(deflater, bytes, nbytes, &out, &err), R2G_OK);
    size_t result = out.nbytes;
    r2g_buffer_free(&out);
    r2g_deflater_free(deflater);
    return result;
}

/* Repeats far apart need matching: the default finds that out, and the smallest level is never larger. */
static void test_strategy_follows_the_data(void **unused) {
    (void)unused;
    static uint8_t bytes[300000];
    for (unsigned kind = 0; kind < 5; kind++) {
        fill(bytes, sizeof bytes, kind);
        size_t fast = segment_nbytes(R2G_DEFLATE_FAST, bytes, sizeof bytes);
        size_t normal = segment_nbytes(R2G_DEFLATE_DEFAULT, bytes, sizeof bytes);
        size_t small = segment_nbytes(R2G_DEFLATE_SMALL, bytes, sizeof bytes);
        assert_true(small <= normal && normal <= fast);
        if (kind == 2) {
            assert_true(normal * 4 < fast);
        }
        assert_true(fast <= sizeof bytes + sizeof bytes / 1000 + 64);
    }
}

/* Whatever the budget refuses is said to be the limit, and everything is given back. */
static void test_budget_is_kept(void **unused) {
    (void)unused;
    static uint8_t bytes[100000];
    fill(bytes, sizeof bytes, 3);
    unsigned refused = 0, done = 0;
    for (uint64_t limit = 1000; limit < 1500000; limit += 7919) {
        struct r2g_budget budget = {.limit_nbytes = limit};
        struct r2g_deflater *deflater = NULL;
        struct r2g_error err = {0};
        struct r2g_buffer out = {.budget = &budget};
        r2g_status status = r2g_deflater_new(&deflater, R2G_DEFLATE_SMALL, &budget, &err);
        if (status == R2G_OK) {
            status = r2g_deflate_segment(deflater, bytes, sizeof bytes, &out, &err);
            r2g_deflater_free(deflater);
        }
        assert_true(status == R2G_OK || status == R2G_ELIMIT);
        refused += status == R2G_ELIMIT;
        done += status == R2G_OK;
        r2g_buffer_free(&out);
        assert_int_equal(budget.used_nbytes, 0);
    }
    assert_true(refused > 0 && done > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joined_segments_inflate),
        cmocka_unit_test(test_strategy_follows_the_data),
        cmocka_unit_test(test_budget_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
