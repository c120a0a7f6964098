/* Inflate gives zlib's output, verdict and words for any stream, cut anywhere, by each kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deflate/adler32.h"
#include "inflate_reference.h"

#define DATA_NBYTES ((size_t)60000)
#define ROW_NBYTES 600
#define KINDS 9

/* Sanitized code is several times slower; the plain build goes through all. */
#ifdef __SANITIZE_ADDRESS__
#define SLOWNESS 4
#else
#define SLOWNESS 1
#endif

static uint32_t random_u32(void) {
    static uint64_t state = 88172645463325252u; /* xorshift64*, Vigna 2016 */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 2685821657736338717u) >> 32);
}

/* RGB pixels of a smooth picture with noise, `bits` of it. */
static void fill_picture(uint8_t *bytes, size_t nbytes, unsigned bits) {
    for (size_t i = 0; i < nbytes; i++) {
        size_t x = i % ROW_NBYTES, y = i / ROW_NBYTES;
        bytes[i] = (uint8_t)(x / 3 + y * (x % 3 + 1) / 2 + (random_u32() & ((1u << bits) - 1)));
    }
}

/* What PNG's Paeth filter makes of it (PNG, 9.4), from the last byte to the first. */
static void filter_paeth(uint8_t *bytes, size_t nbytes) {
    for (size_t i = nbytes; i-- > ROW_NBYTES + 3;) {
        int a = bytes[i - 3], b = bytes[i - ROW_NBYTES], c = bytes[i - ROW_NBYTES - 3];
        int pa = abs(b - c), pb = abs(a - c), pc = abs(a + b - 2 * c);
        bytes[i] = (uint8_t)(bytes[i] - (pa <= pb && pa <= pc ? a : pb <= pc ? b : c));
    }
}

static void fill(uint8_t *bytes, size_t nbytes, unsigned kind) {
    static const char words[] = "the luma of a row block is cut by geometry alone ";
    if (kind >= 5) {
        fill_picture(bytes, nbytes, kind % 2 ? 2 : 5);
        if (kind >= 7)
            filter_paeth(bytes, nbytes);
        return;
    }
    for (size_t i = 0; i < nbytes; i++) {
        switch (kind) {
        case 0:
            bytes[i] = (uint8_t)random_u32();
            break;
        case 1: /* runs of periods 1 to 40 */
            bytes[i] = i >= 40 && random_u32() % 50 != 0 ? bytes[i - 1 - i / 500 % 40] : (uint8_t)random_u32();
            break;
        case 2:
            bytes[i] = (uint8_t)words[(i + i / 977) % (sizeof words - 1)];
            break;
        case 3: /* few bytes, of very different frequency: codes of all lengths */
            bytes[i] = (uint8_t)(__builtin_clz(random_u32() | 1) * 7 + (random_u32() % 64 == 0));
            break;
        default:
            bytes[i] = 0;
            break;
        }
    }
}

/* A zlib stream with some bytes behind it. */
static uint8_t *compress_as(const uint8_t *bytes, size_t nbytes, int level, int strategy, int mem_level,
                            size_t *stream_nbytes) {
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED, 15, mem_level, strategy), Z_OK);
    size_t capacity = nbytes * 2 + 1000;
    uint8_t *out = checked_alloc(capacity);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.next_out = out;
    stream.avail_out = (uInt)capacity;
    size_t done = 0;
    do { /* now and then a block ends early */
        size_t piece = random_u32() % 60000 + 1;
        if (piece > nbytes - done)
            piece = nbytes - done;
        stream.avail_in = (uInt)piece;
        done += piece;
        static const int flush[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_BLOCK, Z_NO_FLUSH};
        assert_true(deflate(&stream, flush[random_u32() % 4]) >= Z_BUF_ERROR);
    } while (done < nbytes);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *stream_nbytes = stream.total_out;
    deflateEnd(&stream);
    return out;
}

static struct cuts random_cuts(unsigned turn) {
    static const size_t max_nbytes[] = {40000, 300, 70000, 1, 30, 5000};
    return (struct cuts){random_u32(), max_nbytes[turn % 6], max_nbytes[turn / 6 % 6]};
}

static void test_all_that_zlib_writes(void **unused) {
    (void)unused;
    uint8_t *bytes = checked_alloc(DATA_NBYTES);
    unsigned turn = 0, combination = 0;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        fill(bytes, DATA_NBYTES, kind);
        for (int strategy = Z_DEFAULT_STRATEGY; strategy <= Z_FIXED; strategy++) {
            for (int level = 0; level <= 9; level += strategy == Z_DEFAULT_STRATEGY ? 1 : 9) {
                if (combination++ % SLOWNESS != 0)
                    continue;
                size_t nbytes;
                uint8_t *stream =
                    compress_as(bytes, DATA_NBYTES, level, strategy, 1 + (int)(random_u32() % 9), &nbytes);
                check_like_zlib(stream, nbytes, random_cuts(turn++), SIZE_MAX);
                struct inflated own =
                    inflate_own(r2g_inflate_loop_at(0), stream, nbytes, (struct cuts){1, 70000, 70000}, SIZE_MAX);
                assert_int_equal(own.result, R2G_INFLATE_END);
                assert_int_equal(own.nbytes, DATA_NBYTES);
                assert_memory_equal(own.bytes, bytes, DATA_NBYTES);
                free(own.bytes);
                free(stream);
            }
        }
    }
    free(bytes);
}

/* All splits in two of a short stream, of its input and of its output; then bytes behind the end are left alone. */
static void test_every_split(void **unused) {
    (void)unused;
    uint8_t bytes[900];
    for (unsigned kind = 0; kind < KINDS; kind++) {
        fill(bytes, sizeof bytes, kind);
        size_t nbytes;
        uint8_t *stream = compress_as(bytes, sizeof bytes, 6, kind % 5, 8, &nbytes);
        for (size_t cut = 0; cut <= nbytes; cut++) {
            struct r2g_inflater *inflater = NULL;
            uint8_t out[sizeof bytes];
            assert_int_equal(r2g_inflater_new(&inflater, NULL, NULL), R2G_OK);
            struct r2g_inflate_span span = {stream, cut, out, cut < sizeof out ? cut : sizeof out};
            enum r2g_inflate_result result = r2g_inflater_run(inflater, &span);
            assert_true(result == R2G_INFLATE_MORE || cut == nbytes);
            span.in_nbytes = (size_t)(stream + nbytes - span.in) + 10;
            span.out_nbytes = (size_t)(out + sizeof out - span.out);
            assert_int_equal(r2g_inflater_run(inflater, &span), R2G_INFLATE_END);
            assert_ptr_equal(span.in, stream + nbytes);
            assert_int_equal(span.in_nbytes, 10);
            assert_int_equal(span.out_nbytes, 0);
            assert_memory_equal(out, bytes, sizeof bytes);
            assert_int_equal(r2g_inflater_run(inflater, &span), R2G_INFLATE_END); /* and stays so */
            r2g_inflater_free(inflater);
        }
        free(stream);
    }
}

static void test_damage_like_zlib(void **unused) {
    (void)unused;
    static uint8_t bytes[6000];
    for (unsigned turn = 0; turn < 1200 / SLOWNESS; turn++) {
        size_t data_nbytes = 50 + random_u32() % (sizeof bytes - 50), nbytes;
        fill(bytes, data_nbytes, turn % KINDS);
        uint8_t *stream = compress_as(bytes, data_nbytes, (int)(turn % 10), (int)(turn / 10 % 5), 1, &nbytes);
        unsigned count = random_u32() % 3 + 1;
        for (unsigned i = 0; i < count; i++) {
            /* near the beginning, where headers are, as often as anywhere */
            size_t at = random_u32() % (random_u32() % 2 && nbytes > 90 ? 90 : nbytes);
            stream[at] ^= (uint8_t)(1u << random_u32() % 8);
        }
        if (turn % 3 == 0)
            nbytes = random_u32() % nbytes;
        check_like_zlib(stream, nbytes, random_cuts(turn), (size_t)1 << 20);
        free(stream);
    }
}

/* Noise as blocks: the headers of codes in all their wrongness. */
static void test_noise_like_zlib(void **unused) {
    (void)unused;
    for (unsigned turn = 0; turn < 2500 / SLOWNESS; turn++) {
        uint8_t stream[300] = {0x78, 0x9c};
        for (size_t i = 2; i < sizeof stream; i++)
            stream[i] = (uint8_t)random_u32();
        stream[2] = (uint8_t)((stream[2] & ~7u) | (turn % 4 == 0 ? 2 : 4)); /* fixed, or mostly dynamic codes */
        check_like_zlib(stream, sizeof stream, random_cuts(turn % 2 ? 0 : turn / 2), (size_t)1 << 20);
    }
}

static void expect_damage(const uint8_t *stream, size_t nbytes, const char *words) {
    struct inflated own = inflate_own(r2g_inflate_loop_at(0), stream, nbytes, (struct cuts){1, 1000, 1000}, SIZE_MAX);
    assert_int_equal(own.result, R2G_INFLATE_DAMAGED);
    assert_string_equal(own.damage, words);
    free(own.bytes);
    check_like_zlib(stream, nbytes, (struct cuts){1, 1, 1}, SIZE_MAX);
}
#define EXPECT_DAMAGE(bytes, words) expect_damage((const uint8_t *)(bytes), sizeof(bytes) - 1, words)

static void test_damage_has_words(void **unused) {
    (void)unused;
    EXPECT_DAMAGE("\x78\x9d", "incorrect header check");
    EXPECT_DAMAGE("\x77\x85", "unknown compression method");
    EXPECT_DAMAGE("\x88\x1c", "invalid window size");
    EXPECT_DAMAGE("\x78\xbb\x01\x02\x03\x04", "a preset dictionary is needed");
    EXPECT_DAMAGE("\x78\x9c\x07", "invalid block type");
    EXPECT_DAMAGE("\x78\x9c\x01\x01\x00\xff\xff", "invalid stored block lengths");
    EXPECT_DAMAGE("\x78\x9c\xfd\x00\x00", "too many length or distance symbols");
    EXPECT_DAMAGE("\x78\x9c\x05\x00\xff\xff\xff\xff\xff\xff\xff", "invalid code lengths set");
    EXPECT_DAMAGE("\x78\x9c\x03\x00\x00\x00\x00\x02", "incorrect data check");
    EXPECT_DAMAGE("\x78\x9c\x63\x00\x42", "invalid distance too far back");
    EXPECT_DAMAGE("\x78\x9c\x63\x00\x3e", "invalid distance code");
    EXPECT_DAMAGE("\x78\x9c\x1b\x03", "invalid literal/length code");
}

/* Distances reach back exactly as far as there is output, and 32768 bytes at most. */
static void test_far_matches(void **unused) {
    (void)unused;
    size_t nbytes = 90000, stream_nbytes;
    uint8_t *bytes = checked_alloc(nbytes);
    fill(bytes, 32768 - 262, 0); /* zlib's own limit */
    for (size_t i = 32768 - 262; i < nbytes; i++)
        bytes[i] = random_u32() % 300 ? bytes[i - (32768 - 262)] : (uint8_t)random_u32();
    uint8_t *stream = compress_as(bytes, nbytes, 9, Z_DEFAULT_STRATEGY, 9, &stream_nbytes);
    assert_true(stream_nbytes < nbytes / 2);
    for (unsigned turn = 0; turn < 12; turn++)
        check_like_zlib(stream, stream_nbytes, random_cuts(turn * 7), SIZE_MAX);
    free(stream);
    free(bytes);
}

static void test_adler32(void **unused) {
    (void)unused;
    size_t nbytes = 300000;
    uint8_t *bytes = checked_alloc(nbytes);
    for (unsigned kind = 0; kind < 2; kind++) {
        memset(bytes, 255, nbytes); /* the largest sums */
        if (kind == 1)
            fill(bytes, nbytes, 0);
        for (unsigned turn = 0; turn < 600; turn++) {
            size_t first = random_u32() % 100, count = random_u32() % (turn % 20 ? 300 : nbytes - first);
            uint32_t start = turn % 3 ? 1 : (uint32_t)adler32(1, bytes, 77);
            if (turn % 7 == 0)
                start = 65520u << 16 | 65520;
            assert_int_equal(r2g_adler32(start, bytes + first, count), adler32(start, bytes + first, (uInt)count));
        }
    }
    free(bytes);
}

static void test_budget_is_kept(void **unused) {
    (void)unused;
    struct r2g_budget budget = {.limit_nbytes = 1000};
    struct r2g_inflater *inflater = NULL;
    struct r2g_error err = {0};
    assert_int_equal(r2g_inflater_new(&inflater, &budget, &err), R2G_ELIMIT);
    assert_int_equal(budget.used_nbytes, 0);
    r2g_inflater_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_that_zlib_writes),
        cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_damage_like_zlib),
        cmocka_unit_test(test_noise_like_zlib),
        cmocka_unit_test(test_damage_has_words),
        cmocka_unit_test(test_far_matches),
        cmocka_unit_test(test_adler32),
        cmocka_unit_test(test_budget_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
