/* A walk over chunks by windows of the file. */
#include "codec/png_chunks.h"

#include <stdio.h>
#include <string.h>

#include <isa-l/crc.h>

#include "base/size.h"
#include "codec/png_parts.h"

r2g_status r2g_png_damaged(struct r2g_error *err, const char *type, const char *text) {
    return r2g_fail(err, R2G_ECORRUPT, "damaged PNG data: %s%s%s", type, type[0] != '\0' ? ": " : "", text);
}

static void tolerate(struct png_chunks *chunks, const char *text) {
    struct r2g_image *image = chunks->image;
    if (image->note[0] == '\0') {
        (void)snprintf(image->note, sizeof image->note, "tolerated: %s: %s", chunks->type, text);
    }
}

/* *available bytes of the file, at least one, at the present offset. */
static r2g_status look(struct png_chunks *chunks, const uint8_t **bytes, size_t *available, struct r2g_error *err) {
    uint64_t at = chunks->offset - chunks->window_offset;
    if (at >= chunks->window.nbytes) {
        size_t got = 0;
        r2g_status status = r2g_source_read_at(chunks->source, chunks->offset, chunks->window.bytes,
                                               chunks->window.capacity, &got, err);
        if (status != R2G_OK) {
            return status;
        }
        if (got == 0) {
            return r2g_fail(err, R2G_ECORRUPT, chunks->after_rows ? "file ends early (no IEND)" : "file ends early");
        }
        chunks->window_offset = chunks->offset;
        chunks->window.nbytes = got;
        at = 0;
    }
    *bytes = chunks->window.bytes + at;
    *available = chunks->window.nbytes - (size_t)at;
    return R2G_OK;
}

/* Reads a few bytes, which two windows may share. */
static r2g_status read_bytes(struct png_chunks *chunks, uint8_t *to, size_t nbytes, struct r2g_error *err) {
    while (nbytes > 0) {
        const uint8_t *bytes = NULL;
        size_t available = 0;
        r2g_status status = look(chunks, &bytes, &available, err);
        if (status != R2G_OK) {
            return status;
        }
        size_t count = (size_t)r2g_u64_min(nbytes, available);
        memcpy(to, bytes, count);
        to += count;
        nbytes -= count;
        chunks->offset += count;
    }
    return R2G_OK;
}

void r2g_png_chunks_start(struct png_chunks *chunks, uint64_t offset, uint32_t left) {
    chunks->offset = offset;
    chunks->left = left;
    memcpy(chunks->type, "IDAT", 5);
    chunks->crc = crc32_gzip_refl(0, (const uint8_t *)"IDAT", 4);
}

r2g_status r2g_png_chunks_take(struct png_chunks *chunks, const uint8_t **bytes, size_t *nbytes,
                               struct r2g_error *err) {
    size_t available = 0;
    r2g_status status = look(chunks, bytes, &available, err);
    if (status != R2G_OK) {
        return status;
    }
    *nbytes = (size_t)r2g_u64_min(chunks->left, available);
    chunks->crc = crc32_gzip_refl(chunks->crc, *bytes, *nbytes);
    chunks->left -= (uint32_t)*nbytes;
    chunks->offset += *nbytes;
    return R2G_OK;
}

/* Only a chunk that no decoder needs may have a wrong one; the case of the name's first letter tells (section 5.4). */
static r2g_status check_crc(struct png_chunks *chunks, struct r2g_error *err) {
    uint8_t crc[4];
    r2g_status status = read_bytes(chunks, crc, sizeof crc, err);
    if (status == R2G_OK && png_get_be32(crc) != chunks->crc) {
        if (chunks->type[0] < 'a') {
            return r2g_png_damaged(err, chunks->type, "CRC error");
        }
        tolerate(chunks, "CRC error");
    }
    return status;
}

static r2g_status read_head(struct png_chunks *chunks, struct r2g_error *err) {
    uint8_t head[8];
    r2g_status status = read_bytes(chunks, head, sizeof head, err);
    if (status != R2G_OK) {
        return status;
    }
    chunks->left = png_get_be32(head);
    if (chunks->left > PNG_SIDE_MAX) {
        return r2g_png_damaged(err, "", "PNG unsigned integer out of range");
    }
    for (int i = 4; i < 8; i++) {
        if ((head[i] | 0x20) < 'a' || (head[i] | 0x20) > 'z') {
            return r2g_png_damaged(err, "", "invalid chunk type");
        }
    }
    memcpy(chunks->type, head + 4, 4);
    chunks->crc = crc32_gzip_refl(0, head + 4, 4);
    bool idat = strcmp(chunks->type, "IDAT") == 0;
    if (chunks->left > (idat ? chunks->idat_nbytes_max : chunks->other_nbytes_max)) {
        if (!chunks->after_rows) {
            return r2g_png_damaged(err, chunks->type, "chunk data is too large");
        }
        tolerate(chunks, "chunk data is too large");
    }
    return R2G_OK;
}

r2g_status r2g_png_chunks_next(struct png_chunks *chunks, struct r2g_error *err) {
    r2g_status status = check_crc(chunks, err);
    return status == R2G_OK ? read_head(chunks, err) : status;
}

/* Takes the rest of the present chunk and checks its CRC. */
static r2g_status pass(struct png_chunks *chunks, struct r2g_error *err) {
    while (chunks->left > 0) {
        const uint8_t *bytes = NULL;
        size_t nbytes;
        r2g_status status = r2g_png_chunks_take(chunks, &bytes, &nbytes, err);
        if (status != R2G_OK) {
            return status;
        }
    }
    return check_crc(chunks, err);
}

r2g_status r2g_png_chunks_finish(struct png_chunks *chunks, struct r2g_error *err) {
    r2g_status status = pass(chunks, err);
    chunks->after_rows = true;
    while (status == R2G_OK) {
        status = read_head(chunks, err);
        if (status == R2G_OK && strcmp(chunks->type, "IHDR") == 0) {
            return r2g_png_damaged(err, chunks->type, "out of place");
        }
        bool empty = chunks->left == 0;
        if (status == R2G_OK) {
            status = pass(chunks, err);
        }
        if (status == R2G_OK && strcmp(chunks->type, "IEND") == 0) {
            if (!empty) {
                tolerate(chunks, "invalid");
            }
            break;
        }
    }
    return status;
}
