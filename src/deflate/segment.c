/* Segments by zlib, whose output does not depend on the machine. Ownership and threading: see segment.h. */
#include "deflate/segment.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/size.h"
#include "deflate/zlib_memory.h"

/* What decides between the two strategies: as much as the matching window holds. */
#define SAMPLE_NBYTES ((size_t)32 * 1024)
/* Matching takes about five times as long as runs, so it must save at least this part of the sample's size. */
#define MATCHING_MUST_SAVE 8
/* Room beside zlib's own bound for the empty stored block that ends a segment (5 bytes and up to 7 bits). */
#define FLUSH_NBYTES 16
/* zlib counts in unsigned int. */
#define PIECE_NBYTES ((size_t)1 << 30)

/* RFC 1950, 2.2: CM 8, CINFO 7, FLEVEL 2, and FCHECK so that 0x789c is a multiple of 31. */
const uint8_t r2g_zlib_header[2] = {0x78, 0x9c};
/* RFC 1951, 3.2.6: BFINAL 1, BTYPE 01, end of block (seven zero bits), padding. */
const uint8_t r2g_deflate_end[2] = {0x03, 0x00};

struct r2g_deflater {
    struct r2g_zlib_memory memory;
    enum r2g_deflate_level level;
    z_stream runs;     /* Z_RLE: on filtered photographs and scans as small as matching, and much faster */
    z_stream matching; /* Z_DEFAULT_STRATEGY: drawings, screenshots, text; not set up at R2G_DEFLATE_FAST */
};

static r2g_status stream_new(struct r2g_deflater *deflater, z_stream *stream, int zlib_level, int strategy,
                             struct r2g_error *err) {
    stream->zalloc = r2g_zlib_alloc;
    stream->zfree = r2g_zlib_free;
    stream->opaque = &deflater->memory;
    int result = deflateInit2(stream, zlib_level, Z_DEFLATED, -15, 8, strategy);
    if (result == Z_MEM_ERROR) {
        return r2g_zlib_memory_refused(&deflater->memory, err);
    }
    if (result != Z_OK) {
        return r2g_fail(err, R2G_EINTERNAL, "zlib cannot start: error %d", result);
    }
    return R2G_OK;
}

r2g_status r2g_deflater_new(struct r2g_deflater **deflater, enum r2g_deflate_level level, struct r2g_budget *budget,
                            struct r2g_error *err) {
    struct r2g_deflater *d = r2g_new(sizeof *d, err);
    if (d == NULL) {
        return R2G_ENOMEM;
    }
    d->memory.budget = budget;
    d->memory.what = "the compressor";
    d->level = level;
    r2g_status status = stream_new(d, &d->runs, level == R2G_DEFLATE_FAST ? 1 : 9, Z_RLE, err);
    if (status == R2G_OK && level != R2G_DEFLATE_FAST) {
        status = stream_new(d, &d->matching, level == R2G_DEFLATE_SMALL ? 9 : 6, Z_DEFAULT_STRATEGY, err);
    }
    if (status != R2G_OK) {
        r2g_deflater_free(d);
        return status;
    }
    *deflater = d;
    return R2G_OK;
}

void r2g_deflater_free(struct r2g_deflater *deflater) {
    if (deflater == NULL) {
        return;
    }
    /* A stream that was never set up is all zero, which deflateEnd refuses without harm. */
    (void)deflateEnd(&deflater->runs);
    (void)deflateEnd(&deflater->matching);
    free(deflater);
}

/* Appends bytes as deflate blocks that end at a byte boundary. *out gets room for the worst case first: where a flush
 * meets a full buffer zlib writes a second empty block, and the bytes would depend on the buffer's size. */
static r2g_status compress_with(z_stream *stream, const uint8_t *bytes, size_t nbytes, struct r2g_buffer *out,
                                struct r2g_error *err) {
    if (deflateReset(stream) != Z_OK) {
        return r2g_fail(err, R2G_EINTERNAL, "zlib cannot start again");
    }
    size_t capacity;
    if (!r2g_size_add(deflateBound(stream, nbytes), FLUSH_NBYTES, &capacity) ||
        !r2g_size_add(capacity, out->nbytes, &capacity)) {
        return r2g_fail(err, R2G_ELIMIT, "a row block of %zu bytes is too large to compress", nbytes);
    }
    r2g_status status = r2g_buffer_reserve(out, capacity, "a block of compressed rows", err);
    if (status != R2G_OK) {
        return status;
    }
    do {
        size_t piece_nbytes = nbytes < PIECE_NBYTES ? nbytes : PIECE_NBYTES;
        uint64_t room = r2g_u64_min(out->capacity - out->nbytes, UINT32_MAX);
        stream->next_in = (z_const Bytef *)bytes;
        stream->avail_in = (uInt)piece_nbytes;
        stream->next_out = out->bytes + out->nbytes;
        stream->avail_out = (uInt)room;
        bytes += piece_nbytes;
        nbytes -= piece_nbytes;
        int result = deflate(stream, nbytes == 0 ? Z_SYNC_FLUSH : Z_NO_FLUSH);
        if (result != Z_OK || stream->avail_in != 0 || stream->avail_out == 0) {
            return r2g_fail(err, R2G_EINTERNAL, "zlib cannot compress: error %d", result);
        }
        out->nbytes += room - stream->avail_out;
    } while (nbytes > 0);
    return R2G_OK;
}

/* Sets *stream to the one that suits the bytes, judged by a sample from their middle. *out is used as scratch. */
static r2g_status choose(struct r2g_deflater *deflater, const uint8_t *bytes, size_t nbytes, struct r2g_buffer *out,
                         z_stream **stream, struct r2g_error *err) {
    size_t start = out->nbytes;
    size_t sample_nbytes = nbytes < SAMPLE_NBYTES ? nbytes : SAMPLE_NBYTES;
    const uint8_t *sample = bytes + (nbytes - sample_nbytes) / 2;
    size_t sizes[2];
    z_stream *streams[2] = {&deflater->runs, &deflater->matching};
    for (int i = 0; i < 2; i++) {
        r2g_status status = compress_with(streams[i], sample, sample_nbytes, out, err);
        if (status != R2G_OK) {
            return status;
        }
        sizes[i] = out->nbytes - start;
        out->nbytes = start;
    }
    *stream = streams[sizes[1] + sizes[0] / MATCHING_MUST_SAVE < sizes[0]];
    return R2G_OK;
}

static r2g_status compress_with_both(struct r2g_deflater *deflater, const uint8_t *bytes, size_t nbytes,
                                     struct r2g_buffer *out, struct r2g_error *err) {
    size_t start = out->nbytes;
    r2g_status status = compress_with(&deflater->runs, bytes, nbytes, out, err);
    if (status != R2G_OK) {
        return status;
    }
    size_t middle = out->nbytes;
    status = compress_with(&deflater->matching, bytes, nbytes, out, err);
    if (status != R2G_OK) {
        return status;
    }
    size_t matching_nbytes = out->nbytes - middle;
    out->nbytes = middle;
    if (matching_nbytes < middle - start) {
        memmove(out->bytes + start, out->bytes + middle, matching_nbytes);
        out->nbytes = start + matching_nbytes;
    }
    return R2G_OK;
}

r2g_status r2g_deflate_segment(struct r2g_deflater *deflater, const uint8_t *bytes, size_t nbytes,
                               struct r2g_buffer *out, struct r2g_error *err) {
    if (deflater->level == R2G_DEFLATE_SMALL) {
        return compress_with_both(deflater, bytes, nbytes, out, err);
    }
    z_stream *stream = &deflater->runs;
    if (deflater->level == R2G_DEFLATE_DEFAULT) {
        r2g_status status = choose(deflater, bytes, nbytes, out, &stream, err);
        if (status != R2G_OK) {
            return status;
        }
    }
    return compress_with(stream, bytes, nbytes, out, err);
}
