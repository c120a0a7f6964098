/* Segments of all kinds of data and sizes inflate to their input, stay within stated sizes, and never overrun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "deflate/huffman.h"
#include "deflate/segment.h"

enum { KINDS = 12, NBYTES_MAX = 300000 };

static uint32_t random_u32(void) {
    static uint64_t state = 88172645463325252u; /* xorshift64*, Vigna 2016 */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 2685821657736338717u) >> 32);
}

/* A symbol with Fibonacci frequencies: each as frequent as the two rarer ones together, so that codes grow long. */
static uint8_t fibonacci_symbol(void) {
    uint32_t value = random_u32(), limit = 2654435769u; /* 2^32 / golden ratio */
    uint8_t symbol = 0;
    while (value < limit && symbol < 40) {
        limit = (uint32_t)((uint64_t)limit * 2654435769u >> 32);
        symbol++;
    }
    return symbol;
}

static uint8_t byte_of(const uint8_t *bytes, size_t i, unsigned kind) {
    static const char words[] = "the luma of a row block is cut by geometry alone ";
    uint32_t r = random_u32();
    switch (kind) {
    case 0:
        return (uint8_t)r; /* noise */
    case 1:
        return i > 0 && r % 50 != 0 ? bytes[i - 1] : (uint8_t)(r >> 8); /* runs */
    case 2:
        return (uint8_t)words[(i + i / 977) % (sizeof words - 1)];
    case 3:
        return (uint8_t)(r % 4 - (r >> 8) % 4); /* what a filter leaves of a scan */
    case 4:
        return 77; /* all equal */
    case 5:
        return r % 300 == 0 ? (uint8_t)(r >> 16) : 0; /* sparse */
    case 6:
        return i >= 4001 && r % 40 != 0 ? bytes[i - 4001] : (uint8_t)(r >> 8); /* rows that repeat */
    case 7:
        return fibonacci_symbol();
    case 8:
        return (uint8_t)(i % 3 * 100); /* periodic */
    case 9:
        return i >= 32768 ? bytes[i - 32768] : (uint8_t)r; /* as far as matches reach */
    case 10:
        return i / 20000 % 2 == 0 ? (uint8_t)r : (uint8_t)words[i % (sizeof words - 1)]; /* changing */
    default:
        return r % 2 == 0 ? 0 : 255;
    }
}

static void fill(uint8_t *bytes, size_t nbytes, unsigned kind) {
    for (size_t i = 0; i < nbytes; i++) {
        bytes[i] = byte_of(bytes, i, kind);
    }
}

/* The bytes of a segment, which must inflate to the input with nothing left over. */
static size_t check_segment(struct r2g_deflater *deflater, const uint8_t *bytes, size_t nbytes) {
    static uint8_t back[NBYTES_MAX + 1];
    struct r2g_error err = {0};
    struct r2g_buffer out = {0};
    assert_int_equal(r2g_deflate_segment(deflater, bytes, nbytes, &out, &err), R2G_OK);
    z_stream stream = {.next_in = out.bytes, .avail_in = (uInt)out.nbytes, .next_out = back, .avail_out = sizeof back};
    assert_int_equal(inflateInit2(&stream, -15), Z_OK);
    int result = inflate(&stream, Z_SYNC_FLUSH);
    assert_true(result == Z_OK);
    assert_int_equal(stream.avail_in, 0);
    assert_int_equal(stream.total_out, nbytes);
    assert_memory_equal(back, bytes, nbytes);
    assert_int_equal(inflateEnd(&stream), Z_OK);
    size_t result_nbytes = out.nbytes;
    r2g_buffer_free(&out);
    return result_nbytes;
}

static struct r2g_deflater *new_deflater(enum r2g_deflate_level level) {
    struct r2g_deflater *deflater = NULL;
    struct r2g_error err = {0};
    assert_int_equal(r2g_deflater_new(&deflater, level, NULL, &err), R2G_OK);
    return deflater;
}

static void test_all_sizes_inflate(void **unused) {
    (void)unused;
    static uint8_t bytes[NBYTES_MAX];
    for (int level = R2G_DEFLATE_FAST; level <= R2G_DEFLATE_SMALL; level++) {
        struct r2g_deflater *deflater = new_deflater(level);
        for (unsigned kind = 0; kind < KINDS; kind++) {
            fill(bytes, 70000, kind);
            size_t step = level == R2G_DEFLATE_SMALL ? 7919 : 1499;
            for (size_t nbytes = 0; nbytes <= 70000; nbytes += nbytes < 300 ? 1 : step + nbytes % 7) {
                /* at the end of the memory, where an overrun would be seen */
                uint8_t *copy = malloc(nbytes + 1);
                assert_non_null(copy);
                memcpy(copy + 1, bytes, nbytes);
                size_t out_nbytes = check_segment(deflater, copy + 1, nbytes);
                assert_true(out_nbytes <= nbytes + 10 * (nbytes / 65535 + 1));
                free(copy);
            }
        }
        r2g_deflater_free(deflater);
    }
}

static size_t zlib_nbytes(const uint8_t *bytes, size_t nbytes, int level, int strategy) {
    static uint8_t out[NBYTES_MAX + 10000];
    z_stream stream = {
        .next_in = (z_const Bytef *)bytes, .avail_in = (uInt)nbytes, .next_out = out, .avail_out = sizeof out};
    assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED, -15, 8, strategy), Z_OK);
    assert_int_equal(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
    assert_int_equal(deflateEnd(&stream), Z_DATA_ERROR); /* not finished */
    return stream.total_out;
}

/* Fast: at most 8 % above zlib's runs. Default: at most 5 % above zlib's matching, 20 % on noise of two values, where
 * zlib looks longer. Small: never above default. */
static void test_sizes_are_near_zlib(void **unused) {
    (void)unused;
    static uint8_t bytes[NBYTES_MAX];
    for (unsigned kind = 0; kind < KINDS; kind++) {
        fill(bytes, sizeof bytes, kind);
        size_t sizes[3];
        for (int level = R2G_DEFLATE_FAST; level <= R2G_DEFLATE_SMALL; level++) {
            struct r2g_deflater *deflater = new_deflater(level);
            sizes[level] = check_segment(deflater, bytes, sizeof bytes);
            r2g_deflater_free(deflater);
        }
        size_t runs = zlib_nbytes(bytes, sizeof bytes, 9, Z_RLE);
        size_t matching = zlib_nbytes(bytes, sizeof bytes, 6, Z_DEFAULT_STRATEGY);
        assert_true(sizes[R2G_DEFLATE_FAST] <= runs + runs / 12 + 64);
        assert_true(sizes[R2G_DEFLATE_DEFAULT] <= matching + matching / (kind == 11 ? 5 : 20) + 64);
        assert_true(sizes[R2G_DEFLATE_SMALL] <= sizes[R2G_DEFLATE_DEFAULT]);
        assert_true(sizes[R2G_DEFLATE_DEFAULT] <= sizes[R2G_DEFLATE_FAST] + sizes[R2G_DEFLATE_FAST] / 32);
    }
}

/* Codes are complete and within the limit, and where that does not bind they are as short as Huffman's. */
static void test_code_lengths(void **unused) {
    (void)unused;
    for (unsigned turn = 0; turn < 3000; turn++) {
        uint32_t frequencies[286];
        uint8_t lengths[286];
        uint16_t codes[286];
        unsigned count = 2 + random_u32() % 285, limit = turn % 3 == 0 ? 15 : turn % 3 == 1 ? 14 : 9;
        uint32_t a = 1, b = 1;
        for (unsigned i = 0; i < count; i++) {
            uint32_t fibonacci = a + b;
            frequencies[i] = turn % 5 == 0   ? (i < 28 ? fibonacci : 0)
                             : turn % 5 == 1 ? 1
                             : turn % 5 == 2 ? random_u32() % 3
                                             : random_u32() >> (12 + random_u32() % 20);
            a = b;
            b = i < 28 ? fibonacci : b;
        }
        r2g_huffman_lengths(frequencies, count, limit, lengths);
        r2g_huffman_codes(lengths, count, codes);
        uint32_t kraft = 0;
        for (unsigned i = 0; i < count; i++) {
            assert_true(lengths[i] <= limit && (frequencies[i] == 0 || lengths[i] > 0));
            kraft += lengths[i] > 0 ? 1u << (15 - lengths[i]) : 0;
            for (unsigned k = 0; k < count; k++) {
                assert_true(frequencies[i] <= frequencies[k] || frequencies[k] == 0 || lengths[i] <= lengths[k]);
            }
        }
        assert_int_equal(kraft, 1u << 15);
        assert_true(codes[0] < 1u << 15);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_sizes_inflate),
        cmocka_unit_test(test_sizes_are_near_zlib),
        cmocka_unit_test(test_code_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
