/* Any bytes, as one segment or several at any level, inflate to themselves. The first byte picks level and cut; the second
 * repeats the input, so that long segments are reached. */
#include "reader_harness.h"

#include <zlib.h>

#include "deflate/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int fine) {
    if (!fine) {
        abort();
    }
}

static void check(enum r2g_deflate_level level, const uint8_t *bytes, size_t nbytes, size_t cut) {
    struct r2g_error err = {0};
    struct r2g_budget budget = {.limit_nbytes = (uint64_t)64 << 20};
    struct r2g_buffer out = {.budget = &budget};
    struct r2g_deflater *deflater = NULL;
    require(r2g_deflater_new(&deflater, level, &budget, &err) == R2G_OK);
    require(r2g_buffer_append(&out, r2g_zlib_header, 2, &err) == R2G_OK);
    require(r2g_deflate_segment(deflater, bytes, cut, &out, &err) == R2G_OK);
    require(r2g_deflate_segment(deflater, bytes + cut, nbytes - cut, &out, &err) == R2G_OK);
    require(out.nbytes <= nbytes + nbytes / 1000 + 64);
    require(r2g_buffer_append(&out, r2g_deflate_end, 2, &err) == R2G_OK);
    uLong adler = adler32_z(1, bytes, nbytes);
    uint8_t end[4] = {(uint8_t)(adler >> 24), (uint8_t)(adler >> 16), (uint8_t)(adler >> 8), (uint8_t)adler};
    require(r2g_buffer_append(&out, end, sizeof end, &err) == R2G_OK);
    uint8_t *back = malloc(nbytes + 1);
    require(back != NULL);
    uLongf back_nbytes = nbytes + 1;
    require(uncompress(back, &back_nbytes, out.bytes, out.nbytes) == Z_OK);
    require(back_nbytes == nbytes && memcmp(back, bytes, nbytes) == 0);
    free(back);
    r2g_buffer_free(&out);
    r2g_deflater_free(deflater);
    require(budget.used_nbytes == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > 100000) {
        return 0;
    }
    enum r2g_deflate_level level = data[0] % 3;
    size_t times = 1 + data[1] % 16 * (size_t)(data[1] / 16), once = size - 2;
    times = once * times > 300000 ? 1 : times;
    uint8_t *bytes = malloc(once * times + 1);
    require(bytes != NULL);
    for (size_t i = 0; i < times; i++) {
        memcpy(bytes + i * once, data + 2, once);
    }
    check(level, bytes, once * times, once * times * (data[0] / 3 % 8) / 8);
    free(bytes);
    return 0;
}

FUZZ_REPLAY_MAIN
