#include "codec/jpeg_scan.h"

#include <string.h>

#include "base/clock.h"

/* What may be left unread when more is wanted: less than an MCU. */
enum { LEFT_NBYTES = R2G_JPEG_MCU_NBYTES_MAX + 64 };

r2g_status r2g_jpeg_scan_open(struct r2g_jpeg_scan *scan, const struct r2g_source *source, uint64_t offset,
                              struct r2g_budget *budget, struct r2g_error *err) {
    memset(scan, 0, sizeof *scan);
    scan->source = source;
    scan->raw_offset = offset;
    scan->raw.budget = scan->bytes.budget = budget;
    r2g_status status = r2g_buffer_reserve(&scan->raw, R2G_JPEG_PIECE_NBYTES + 8, "JPEG data", err);
    if (status == R2G_OK)
        status =
            r2g_buffer_reserve(&scan->bytes, LEFT_NBYTES + R2G_JPEG_PIECE_NBYTES + R2G_JPEG_BITS_PAD, "JPEG data", err);
    if (status == R2G_OK)
        memset(scan->bytes.bytes, 0, R2G_JPEG_BITS_PAD);
    return status;
}

void r2g_jpeg_scan_close(struct r2g_jpeg_scan *scan) {
    r2g_buffer_free(&scan->raw);
    r2g_buffer_free(&scan->bytes);
}

/* Copies bytes up to the first 0xFF or the end, 8 at a time, so that up to 7 more are written. Returns their number. */
static size_t copy_plain(uint8_t *out, const uint8_t *bytes, size_t nbytes) {
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    size_t i = 0;
    for (; i + 8 <= nbytes; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        memcpy(out + i, &word, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        uint64_t found = (~word - ones) & word & tops; /* the lowest bit set is in the first byte of 0xFF */
        if (found != 0)
            return i + (size_t)__builtin_ctzll(found) / 8;
    }
    for (; i < nbytes && bytes[i] != 0xFF; i++)
        out[i] = bytes[i];
    return i;
}

/* Moves raw bytes to `bytes` until a marker or the end of the piece. A last 0xFF whose meaning is not seen yet stays. */
static void unstuff(struct r2g_jpeg_scan *scan) {
    const uint8_t *raw = scan->raw.bytes;
    size_t at = scan->raw_at, raw_nbytes = scan->raw.nbytes;
    uint8_t *out = scan->bytes.bytes + scan->bytes.nbytes;
    while (at < raw_nbytes) {
        size_t plain = copy_plain(out, raw + at, raw_nbytes - at);
        at += plain;
        out += plain;
        if (at == raw_nbytes)
            break;
        size_t next = at + 1;
        while (next < raw_nbytes && raw[next] == 0xFF) /* fill bytes (T.81, B.1.1.2) */
            next++;
        if (next == raw_nbytes) {
            at = next - 1;
            break;
        }
        scan->filled = scan->filled || (raw[next] == 0 && next > at + 1);
        at = next + 1;
        if (raw[next] != 0) {
            scan->ended = true;
            scan->marker = raw[next];
            scan->marker_offset = scan->raw_offset + next - 1;
            break;
        }
        *out++ = 0xFF;
    }
    scan->raw_at = at;
    scan->bytes.nbytes = (size_t)(out - scan->bytes.bytes);
}

/* Reads the next piece behind what is left of the old one, at most a byte. */
static r2g_status read_piece(struct r2g_jpeg_scan *scan, struct r2g_error *err) {
    size_t left = scan->raw.nbytes - scan->raw_at, got = 0;
    memmove(scan->raw.bytes, scan->raw.bytes + scan->raw_at, left);
    scan->raw_offset += scan->raw_at;
    scan->raw_at = 0;
    scan->raw.nbytes = left;
    int64_t start = r2g_clock_ns();
    size_t wanted = R2G_JPEG_PIECE_NBYTES - left;
    r2g_status status =
        r2g_source_read_at(scan->source, scan->raw_offset + left, scan->raw.bytes + left, wanted, &got, err);
    scan->read_ns += r2g_clock_ns() - start;
    scan->raw.nbytes += got;
    scan->raw_last = got < wanted;
    return status;
}

r2g_status r2g_jpeg_scan_fill(struct r2g_jpeg_scan *scan, size_t used_nbytes, struct r2g_error *err) {
    size_t left = scan->bytes.nbytes - used_nbytes;
    memmove(scan->bytes.bytes, scan->bytes.bytes + used_nbytes, left);
    scan->bytes.nbytes = left;
    if (scan->raw.nbytes - scan->raw_at <= 1 && !scan->raw_last) {
        r2g_status status = read_piece(scan, err);
        if (status != R2G_OK)
            return status;
    }
    unstuff(scan);
    if (!scan->ended && scan->raw_last) {
        scan->ended = true;
        scan->marker = 0;
        scan->marker_offset = scan->raw_offset + scan->raw_at;
    }
    memset(scan->bytes.bytes + scan->bytes.nbytes, 0, R2G_JPEG_BITS_PAD);
    return R2G_OK;
}

void r2g_jpeg_scan_resume(struct r2g_jpeg_scan *scan) {
    scan->ended = false;
    scan->bytes.nbytes = 0;
}

size_t r2g_jpeg_stuff(uint8_t *out, const uint8_t *bytes, size_t nbytes) {
    uint8_t *start = out;
    for (size_t at = 0; at < nbytes; at++) {
        size_t plain = copy_plain(out, bytes + at, nbytes - at);
        at += plain;
        out += plain;
        if (at < nbytes) {
            *out++ = 0xFF;
            *out++ = 0;
        }
    }
    return (size_t)(out - start);
}
