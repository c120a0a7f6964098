/* Kernels keep to their arrays: any number of pixels, any misalignment, nothing read or written beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pixel/isa.h"
#include "pixel/luma_rows.h"

#include "pixel_reference.h"

enum { COUNT_MAX = 200, MISALIGNMENTS = 64, MARGIN = 256, CANARY = 0xC7 };

/* One method of each kernel and of each way within the weighted ones: bt601, bt709, lightness, max, three channels, a
 * large divisor. */
static const size_t methods[] = {0, 1, 3, 4, 5, 6, 7, 9};
enum { METHODS = sizeof methods / sizeof methods[0] };

static uint8_t in8[4 * COUNT_MAX];
static uint16_t in16[4 * COUNT_MAX];
static uint8_t expected8[METHODS][2][COUNT_MAX]; /* by method and by channels - 3 */
static uint16_t expected16[METHODS][2][COUNT_MAX];
static struct r2g_luma lumas[METHODS];

static int setup(void **state) {
    (void)state;
    uint64_t random = 17;
    for (size_t i = 0; i < 4 * COUNT_MAX; i++) {
        in16[i] = (uint16_t)reference_random(&random);
        in8[i] = (uint8_t)reference_random(&random);
    }
    for (size_t m = 0; m < METHODS; m++) {
        lumas[m] = reference_luma(methods[m]);
        for (size_t channels = 3; channels <= 4; channels++) {
            for (size_t i = 0; i < COUNT_MAX; i++) {
                const uint8_t *p8 = in8 + i * channels;
                const uint16_t *p16 = in16 + i * channels;
                expected8[m][channels - 3][i] = (uint8_t)reference_gray(methods[m], p8[0], p8[1], p8[2]);
                expected16[m][channels - 3][i] = (uint16_t)reference_gray(methods[m], p16[0], p16[1], p16[2]);
            }
        }
    }
    return 0;
}

static bool all_canaries(const uint8_t *bytes, size_t nbytes) {
    for (size_t i = 0; i < nbytes; i++) {
        if (bytes[i] != CANARY) {
            return false;
        }
    }
    return true;
}

/* Runs one kernel on arrays at these addresses and checks its gray samples. */
static void run(const struct r2g_isa *isa, size_t m, unsigned channels, unsigned bits, const void *in, void *gray,
                size_t count) {
    if (bits == 8) {
        r2g_luma_row8(isa, &lumas[m], false, channels, in, gray, count);
        assert_memory_equal(gray, expected8[m][channels - 3], count);
    } else {
        r2g_luma_row16(isa, &lumas[m], false, channels, in, gray, count);
        assert_memory_equal(gray, expected16[m][channels - 3], 2 * count);
    }
}

/* Input and output begin `at` and, to meet all differences in a few runs, 5 * `at` mod 64 bytes past a multiple of 64;
 * 16-bit samples lie at even addresses, as their type asks. */
static void misaligned(const struct r2g_isa *isa, size_t m, unsigned channels, unsigned bits, size_t count, size_t at) {
    static _Alignas(64) uint8_t in_place[MISALIGNMENTS + 8 * COUNT_MAX];
    static _Alignas(64) uint8_t gray_place[MARGIN + MISALIGNMENTS + 2 * COUNT_MAX + MARGIN];
    const size_t in_nbytes = count * channels * bits / 8, gray_nbytes = count * bits / 8;
    uint8_t *in = in_place + at, *gray = gray_place + MARGIN + 5 * at % MISALIGNMENTS;
    memcpy(in, bits == 8 ? (const void *)in8 : in16, in_nbytes);
    memset(gray_place, CANARY, sizeof gray_place);
    run(isa, m, channels, bits, in, gray, count);
    assert_true(all_canaries(gray_place, (size_t)(gray - gray_place)));
    assert_true(all_canaries(gray + gray_nbytes, (size_t)(gray_place + sizeof gray_place - gray) - gray_nbytes));
}

/* `size` bytes that begin right after an unreadable page (front) or end right before one. */
struct fenced {
    uint8_t *pages;
    size_t page_nbytes;
};

static struct fenced fence(void) {
    struct fenced fenced = {.page_nbytes = (size_t)sysconf(_SC_PAGESIZE)};
    fenced.pages = mmap(NULL, 3 * fenced.page_nbytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(fenced.pages, MAP_FAILED);
    assert_int_equal(mprotect(fenced.pages + fenced.page_nbytes, fenced.page_nbytes, PROT_READ | PROT_WRITE), 0);
    return fenced;
}

static uint8_t *at_fence(struct fenced fenced, bool front, size_t nbytes) {
    return fenced.pages + fenced.page_nbytes + (front ? 0 : fenced.page_nbytes - nbytes);
}

static void at_fences(const struct r2g_isa *isa, size_t m, unsigned channels, unsigned bits, size_t count,
                      struct fenced in_pages, struct fenced gray_pages) {
    const size_t in_nbytes = count * channels * bits / 8, gray_nbytes = count * bits / 8;
    for (int front = 0; front < 2; front++) {
        uint8_t *in = at_fence(in_pages, front, in_nbytes);
        memcpy(in, bits == 8 ? (const void *)in8 : in16, in_nbytes);
        run(isa, m, channels, bits, in, at_fence(gray_pages, front, gray_nbytes), count);
    }
}

typedef void visitor(const struct r2g_isa *isa, size_t m, unsigned channels, unsigned bits, size_t count);

static void for_all(visitor *visit) {
    for (size_t k = 0; r2g_isa_at(k); k++) {
        for (size_t m = 0; r2g_isa_at(k)->available() && m < METHODS; m++) {
            for (unsigned channels = 3; channels <= 4; channels++) {
                for (size_t count = 0; count <= COUNT_MAX; count++) {
                    visit(r2g_isa_at(k), m, channels, 8, count);
                    visit(r2g_isa_at(k), m, channels, 16, count);
                }
            }
        }
    }
}

static void visit_misalignments(const struct r2g_isa *isa, size_t m, unsigned channels, unsigned bits, size_t count) {
    for (size_t at = 0; at < MISALIGNMENTS; at += bits / 8) {
        misaligned(isa, m, channels, bits, count, at);
    }
}

static struct fenced in_pages, gray_pages;

static void visit_fences(const struct r2g_isa *isa, size_t m, unsigned channels, unsigned bits, size_t count) {
    at_fences(isa, m, channels, bits, count, in_pages, gray_pages);
}

static void any_count_at_any_misalignment(void **state) {
    (void)state;
    for_all(visit_misalignments);
}

static void nothing_beside_the_arrays(void **state) {
    (void)state;
    in_pages = fence();
    gray_pages = fence();
    for_all(visit_fences);
    munmap(in_pages.pages, 3 * in_pages.page_nbytes);
    munmap(gray_pages.pages, 3 * gray_pages.page_nbytes);
}

/* The fourth channel can be taken out too. */
static void fourth_channel(void **state) {
    (void)state;
    uint8_t gray8[COUNT_MAX];
    uint16_t gray16[COUNT_MAX];
    for (size_t k = 0; r2g_isa_at(k); k++) {
        const struct r2g_isa *isa = r2g_isa_at(k);
        for (size_t count = 0; isa->available() && count <= COUNT_MAX; count++) {
            isa->channel8(in8, gray8, count, 4, 3);
            isa->channel16(in16, gray16, count, 4, 3);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(gray8[i], in8[4 * i + 3]);
                assert_int_equal(gray16[i], in16[4 * i + 3]);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_count_at_any_misalignment),
        cmocka_unit_test(nothing_beside_the_arrays),
        cmocka_unit_test(fourth_channel),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
