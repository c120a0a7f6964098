/* EXIF: the orientation is found and set in both byte orders, the thumbnail is cleared and nothing else is, and no
 * crafted offset reaches outside the blob. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/exif.h"

/* A writer of TIFF structures. */
struct draft {
    uint8_t bytes[400];
    size_t nbytes;
    bool big_endian;
};

static void put(struct draft *draft, uint32_t value, unsigned nbytes) {
    for (unsigned i = 0; i < nbytes; i++)
        draft->bytes[draft->nbytes++] = (uint8_t)(value >> 8 * (draft->big_endian ? nbytes - 1 - i : i));
}

static void put_header(struct draft *draft, uint32_t ifd0) {
    memcpy(draft->bytes, draft->big_endian ? "MM\0*" : "II*\0", 4);
    draft->nbytes = 4;
    put(draft, ifd0, 4);
}

static void put_entry(struct draft *draft, uint32_t tag, uint32_t type, uint32_t count, uint32_t value) {
    put(draft, tag, 2);
    put(draft, type, 2);
    put(draft, count, 4);
    if (type == 3) {
        put(draft, value, 2);
        put(draft, 0, 2);
    } else {
        put(draft, value, 4);
    }
}

/* IFD0 at 8 (orientation, one more; ends at 38), 10 bytes of something else, IFD1 at 48 (ends at 78), thumbnail at 78. */
enum { IFD1_AT = 48, THUMBNAIL_AT = 78, THUMBNAIL_NBYTES = 20, WHOLE_NBYTES = 108 };

static struct draft draft_with_thumbnail(bool big_endian, unsigned offset_tag, unsigned nbytes_tag) {
    struct draft draft = {.big_endian = big_endian};
    put_header(&draft, 8);
    put(&draft, 2, 2);
    put_entry(&draft, 0x0110, 3, 1, 77);
    put_entry(&draft, 0x0112, 3, 1, 6);
    put(&draft, IFD1_AT, 4);
    memset(draft.bytes + draft.nbytes, 'a', 10);
    draft.nbytes += 10;
    assert_int_equal(draft.nbytes, IFD1_AT);
    put(&draft, 2, 2);
    put_entry(&draft, offset_tag, 4, 1, THUMBNAIL_AT);
    put_entry(&draft, nbytes_tag, 4, 1, THUMBNAIL_NBYTES);
    put(&draft, 0, 4);
    assert_int_equal(draft.nbytes, THUMBNAIL_AT);
    memset(draft.bytes + draft.nbytes, 't', THUMBNAIL_NBYTES);
    memset(draft.bytes + draft.nbytes + THUMBNAIL_NBYTES, 'z', 10);
    draft.nbytes += THUMBNAIL_NBYTES + 10;
    assert_int_equal(draft.nbytes, WHOLE_NBYTES);
    return draft;
}

static void orientation_is_found_and_set(void **state) {
    (void)state;
    for (int big_endian = 0; big_endian < 2; big_endian++)
        for (unsigned type = 3; type <= 4; type++) {
            struct draft draft = {.big_endian = big_endian};
            put_header(&draft, 10);
            put(&draft, 0, 2);
            put(&draft, 1, 2);
            put_entry(&draft, 0x0112, type, 1, 8);
            struct r2g_blob blob = {draft.bytes, draft.nbytes}; /* without a link: common, and fine */
            assert_int_equal(r2g_exif_orientation(&blob), 8);
            for (unsigned orientation = 1; orientation <= 8; orientation++) {
                r2g_exif_set_orientation(&blob, orientation);
                assert_int_equal(r2g_exif_orientation(&blob), orientation);
            }
            blob.nbytes--;
            assert_int_equal(r2g_exif_orientation(&blob), 0);
        }
}

static void invalid_orientations_are_none(void **state) {
    (void)state;
    static const uint32_t cases[][4] = {{0x0112, 3, 1, 0}, {0x0112, 3, 1, 9}, {0x0112, 3, 2, 1},
                                        {0x0112, 3, 0, 1}, {0x0112, 2, 1, 1}, {0x0111, 3, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct draft draft = {0};
        put_header(&draft, 8);
        put(&draft, 1, 2);
        put_entry(&draft, cases[i][0], cases[i][1], cases[i][2], cases[i][3]);
        struct r2g_blob blob = {draft.bytes, draft.nbytes};
        assert_int_equal(r2g_exif_orientation(&blob), 0);
    }
    struct r2g_blob none = {NULL, 0};
    assert_int_equal(r2g_exif_orientation(&none), 0);
    r2g_exif_set_orientation(&none, 3);
    assert_false(r2g_exif_drop_thumbnail(&none));
}

static void minimal_says_the_orientation(void **state) {
    (void)state;
    for (unsigned orientation = 1; orientation <= 8; orientation++) {
        uint8_t bytes[R2G_EXIF_MINIMAL_NBYTES];
        struct r2g_blob blob = {bytes, r2g_exif_minimal(bytes, orientation)};
        assert_true(blob.nbytes <= sizeof bytes);
        assert_int_equal(r2g_exif_orientation(&blob), orientation);
        assert_false(r2g_exif_drop_thumbnail(&blob));
    }
}

static void thumbnail_is_cleared_and_nothing_else(void **state) {
    (void)state;
    static const uint8_t zeros[WHOLE_NBYTES];
    for (int kind = 0; kind < 4; kind++) {
        struct draft draft =
            kind < 2 ? draft_with_thumbnail(kind, 0x0201, 0x0202) : draft_with_thumbnail(kind - 2, 0x0111, 0x0117);
        struct draft before = draft;
        struct r2g_blob blob = {draft.bytes, draft.nbytes};
        assert_true(r2g_exif_drop_thumbnail(&blob));
        assert_memory_equal(draft.bytes, before.bytes, 34);
        assert_memory_equal(draft.bytes + 34, zeros, 4);
        assert_memory_equal(draft.bytes + 38, before.bytes + 38, 10);
        assert_memory_equal(draft.bytes + IFD1_AT, zeros, THUMBNAIL_AT + THUMBNAIL_NBYTES - IFD1_AT);
        assert_memory_equal(draft.bytes + WHOLE_NBYTES - 10, before.bytes + WHOLE_NBYTES - 10, 10);
        assert_int_equal(r2g_exif_orientation(&blob), 6);
        assert_false(r2g_exif_drop_thumbnail(&blob));
    }
}

/* A thumbnail said to lie over the header and IFD0, or over everything, does not take the orientation away. */
static void crafted_thumbnails_spare_ifd0(void **state) {
    (void)state;
    for (uint32_t at = 0; at <= WHOLE_NBYTES + 1; at++) {
        struct draft draft = draft_with_thumbnail(false, 0x0201, 0x0202);
        memcpy(draft.bytes + IFD1_AT + 10, (uint8_t[]){(uint8_t)at, 0, 0, 0}, 4);
        memset(draft.bytes + IFD1_AT + 22, 0xFF, 4);
        struct r2g_blob blob = {draft.bytes, draft.nbytes};
        assert_true(r2g_exif_drop_thumbnail(&blob));
        assert_int_equal(r2g_exif_orientation(&blob), 6);
    }
    for (uint32_t ifd1 = 1; ifd1 < 256; ifd1++) {
        struct draft draft = draft_with_thumbnail(false, 0x0201, 0x0202);
        draft.bytes[34] = (uint8_t)ifd1;
        struct r2g_blob blob = {draft.bytes, draft.nbytes};
        assert_true(r2g_exif_drop_thumbnail(&blob));
        assert_int_equal(r2g_exif_orientation(&blob), 6);
    }
}

/* Every byte of a blob set to every value, and every truncation, in memory that ends with the blob: for sanitizers. */
static void hostile_blobs_stay_inside(void **state) {
    (void)state;
    struct draft draft = draft_with_thumbnail(true, 0x0201, 0x0202);
    for (size_t nbytes = 1; nbytes <= draft.nbytes; nbytes++)
        for (size_t at = 0; at < nbytes; at++)
            for (unsigned value = 0; value < 256; value += nbytes == draft.nbytes ? 1 : 85) {
                struct r2g_blob blob = {malloc(nbytes), nbytes};
                memcpy(blob.bytes, draft.bytes, nbytes);
                blob.bytes[at] = (uint8_t)value;
                unsigned orientation = r2g_exif_orientation(&blob);
                assert_true(orientation <= 8);
                (void)r2g_exif_drop_thumbnail(&blob);
                assert_int_equal(r2g_exif_orientation(&blob), orientation);
                r2g_exif_set_orientation(&blob, 5);
                if (orientation != 0)
                    assert_int_equal(r2g_exif_orientation(&blob), 5);
                free(blob.bytes);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orientation_is_found_and_set),  cmocka_unit_test(invalid_orientations_are_none),
        cmocka_unit_test(minimal_says_the_orientation),  cmocka_unit_test(thumbnail_is_cleared_and_nothing_else),
        cmocka_unit_test(crafted_thumbnails_spare_ifd0), cmocka_unit_test(hostile_blobs_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
