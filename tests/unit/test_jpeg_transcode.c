/* Parts of the luma transcode by themselves: stuffing taken out in pieces and put back, DC tables completed, lookups that
 * agree with codes read one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "codec/jpeg_scan.h"
#include "codec/jpeg_walk.h"

static uint32_t seed = 1;

static uint32_t draw(void) {
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

/* Stuffed bytes with fill bytes among them, and what they mean; 0xFF in every 1 / rarity of both. */
static size_t make_stuffed(uint8_t *stuffed, uint8_t *plain, size_t plain_nbytes, uint32_t rarity) {
    size_t n = 0;
    for (size_t i = 0; i < plain_nbytes; i++) {
        plain[i] = draw() % rarity == 0 ? 0xFF : (uint8_t)draw();
        stuffed[n++] = plain[i];
        if (plain[i] != 0xFF)
            continue;
        for (uint32_t fill = draw() % 8; fill < 3; fill++)
            stuffed[n++] = 0xFF;
        stuffed[n++] = 0;
    }
    return n;
}

/* Reads a scan to its end, leaving up to `leave` bytes unread at each filling; returns the bytes. */
static size_t read_scan(struct r2g_jpeg_scan *scan, uint8_t *got, size_t leave) {
    size_t n = 0, used = 0;
    while (!scan->ended) {
        assert_int_equal(r2g_jpeg_scan_fill(scan, used, NULL), R2G_OK);
        used = scan->ended || scan->bytes.nbytes < leave ? scan->bytes.nbytes : scan->bytes.nbytes - leave;
        memcpy(got + n, scan->bytes.bytes, used);
        n += used;
        for (size_t i = 0; i < R2G_JPEG_BITS_PAD; i++)
            assert_int_equal(scan->bytes.bytes[scan->bytes.nbytes + i], 0);
    }
    return n;
}

static void pieces_are_unstuffed_and_stuffed_again(void **state) {
    (void)state;
    enum { PLAIN = 3 * R2G_JPEG_PIECE_NBYTES };
    uint8_t *plain = malloc(PLAIN + 8), *stuffed = malloc(6 * PLAIN + 16), *got = malloc(2 * PLAIN + 8);
    for (uint32_t rarity = 1; rarity < 1000; rarity = rarity * 3 + 1) {
        size_t plain_nbytes = PLAIN - draw() % 70, n = make_stuffed(stuffed, plain, plain_nbytes, rarity);
        memcpy(stuffed + n, "\xFF\xFF\xD3\x11\xFF\x00\xFF",
               7); /* a marker, a last piece, and an end that says nothing */
        struct r2g_source source = {.fd = memfd_create("scan", MFD_CLOEXEC), .nbytes = n + 7};
        assert_int_equal(write(source.fd, stuffed, n + 7), (ssize_t)(n + 7));
        struct r2g_jpeg_scan scan;
        assert_int_equal(r2g_jpeg_scan_open(&scan, &source, 0, NULL, NULL), R2G_OK);
        assert_int_equal(read_scan(&scan, got, draw() % R2G_JPEG_MCU_NBYTES_MAX), plain_nbytes);
        assert_memory_equal(got, plain, plain_nbytes);
        assert_int_equal(scan.marker, 0xD3);
        assert_int_equal(scan.marker_offset, n + 1);
        r2g_jpeg_scan_resume(&scan);
        assert_int_equal(read_scan(&scan, got, 0), 2);
        assert_memory_equal(got, "\x11\xFF", 2);
        assert_int_equal(scan.marker, 0);
        assert_int_equal(scan.marker_offset, n + 6);
        r2g_jpeg_scan_close(&scan);
        close(source.fd);
        size_t again = r2g_jpeg_stuff(got, plain, plain_nbytes), at = 0;
        for (size_t i = 0; i < plain_nbytes; i++) {
            assert_int_equal(got[at++], plain[i]);
            if (plain[i] == 0xFF)
                assert_int_equal(got[at++], 0);
        }
        assert_int_equal(at, again);
    }
    free(plain);
    free(stuffed);
    free(got);
}

static unsigned code_count(const struct r2g_jpeg_codes *codes) {
    unsigned count = 0;
    for (int i = 1; i <= 16; i++)
        count += codes->counts[i];
    return count;
}

static void missing_categories_get_codes_behind_all_others(void **state) {
    (void)state;
    /* lengths of the codes that are there, in ascending order */
    static const struct {
        uint8_t counts[17];
        bool room;
    } cases[] = {
        {{0, 1}, true},     /* one code of one bit */
        {{0, 0, 3}, true},  /* all but the code of all ones */
        {{0, 0, 4}, false}, /* no code is left */
        {{0, 1, 1, 1, 1, 1, 1, 1}, true},
        {{0, 0, 1, 5, 1, 1, 1, 1, 1, 1}, true},                         /* complete: the standard's */
        {{0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1}, true},    /* of 16 bits */
        {{0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 127}, false}, /* too many of 16 bits */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct r2g_jpeg_codes before = {.counts = {0}}, after;
        memcpy(before.counts, cases[i].counts, sizeof before.counts);
        unsigned count = code_count(&before);
        for (unsigned k = 0; k < count; k++)
            before.symbols[k] = (uint8_t)(count > 12 ? k : 11 - k);
        if (!cases[i].room && count > 12)
            memset(before.symbols, 3, count);
        after = before;
        struct r2g_jpeg_dc_codes old_codes, codes;
        struct r2g_jpeg_codes scratch = r2g_jpeg_standard_dc[0];
        assert_true(r2g_jpeg_dc_complete(&scratch, &old_codes));
        assert_memory_equal(&scratch, &r2g_jpeg_standard_dc[0], sizeof scratch);
        assert_int_equal(r2g_jpeg_dc_complete(&after, &codes), cases[i].room);
        assert_memory_equal(after.symbols, before.symbols, count);
        if (!cases[i].room)
            continue;
        assert_true(code_count(&after) >= 12);
        uint32_t taken = 0; /* of the 2^16 patterns */
        for (unsigned category = 0; category < 12; category++) {
            assert_in_range(codes.nbits[category], 1, 16);
            assert_true(codes.code[category] < (1u << codes.nbits[category]) - 1); /* not all ones */
            taken += 1u << (16 - codes.nbits[category]);
        }
        assert_true(taken < 1u << 16);
    }
}

/* One symbol after the other, by its definition (T.81, F.2.2.3). */
static int naive_symbol(const struct r2g_jpeg_codes *codes, const uint8_t *bits, size_t *at) {
    unsigned code = 0, first = 0, place = 0;
    for (int nbits = 1; nbits <= 16; nbits++) {
        code = code << 1 | (bits[*at / 8] >> (7 - *at % 8) & 1);
        (*at)++;
        if (code - first < codes->counts[nbits])
            return codes->symbols[place + code - first];
        place += codes->counts[nbits];
        first = (first + codes->counts[nbits]) << 1;
    }
    return -1;
}

/* Passes one block; false where bits are no code. */
static bool naive_block(const struct r2g_jpeg_codes *dc, const struct r2g_jpeg_codes *ac, const uint8_t *bits,
                        size_t *at) {
    int symbol = naive_symbol(dc, bits, at);
    if (symbol < 0)
        return false;
    *at += (unsigned)symbol;
    for (int k = 1; k < 64; k++) {
        symbol = naive_symbol(ac, bits, at);
        if (symbol < 0)
            return false;
        *at += (unsigned)symbol & 15;
        k += symbol >> 4;
        if ((symbol & 15) == 0 && symbol >> 4 < 15)
            break;
    }
    return true;
}

/* Random bits are blocks of all kinds; long codes and blocks that end without an end code are among them. */
static void a_walk_ends_blocks_where_single_symbols_do(void **state) {
    (void)state;
    enum { NBYTES = 4000 };
    static uint8_t bits[NBYTES + 2 * R2G_JPEG_BITS_PAD], copy[NBYTES + 2 * R2G_JPEG_BITS_PAD];
    static struct r2g_jpeg_walk walk;
    unsigned bad = 0;
    for (int round = 0; round < 4000; round++) {
        int table = round & 1;
        const struct r2g_jpeg_codes *dc = &r2g_jpeg_standard_dc[table], *ac = &r2g_jpeg_standard_ac[table];
        assert_int_equal(r2g_jpeg_walk_fill(&walk, dc, ac, NULL), R2G_OK);
        for (size_t i = 0; i < NBYTES; i++)
            bits[i] = (uint8_t)(round % 8 < 4 ? draw() : draw() | draw()); /* more ones make longer codes */
        struct r2g_jpeg_shape shape = {.across = 1, .down = 1, .luma_walk = &walk};
        struct r2g_jpeg_run run = {.shape = &shape, .base = bits, .limit = bits + NBYTES, .out = {{.next = copy}}};
        size_t at = 0;
        for (int block = 0; block < 8; block++) {
            uint32_t done = 0;
            enum r2g_jpeg_walk_end end = r2g_jpeg_walk_same(&run, 1, &done);
            bool good = naive_block(dc, ac, bits, &at);
            assert_int_equal(end, good ? R2G_JPEG_WALK_ON : R2G_JPEG_WALK_BAD_CODE);
            bad += !good;
            if (!good)
                break;
            assert_int_equal(run.place, at);
            assert_int_equal(run.out[0].next - copy, at / 8);
            assert_int_equal(run.out[0].used, at % 8);
        }
        size_t whole = (size_t)(run.out[0].next - copy);
        assert_memory_equal(copy, bits, whole);
    }
    assert_in_range(bad, 10, 3990);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_unstuffed_and_stuffed_again),
        cmocka_unit_test(missing_categories_get_codes_behind_all_others),
        cmocka_unit_test(a_walk_ends_blocks_where_single_symbols_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
