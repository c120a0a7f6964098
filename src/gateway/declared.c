#include "gateway/declared.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/size.h"
#include "codec/codec.h"

/* A window that moves over the file and counts what it reads. */
struct look {
    int fd;
    uint64_t offset; /* of the window in the file */
    size_t nbytes;   /* in the window */
    size_t step;     /* to be read next: small after a jump, growing where bytes are taken one by one */
    size_t left;     /* that may still be read in all */
    uint64_t at;     /* offset of the next byte */
    uint8_t window[4096];
};

#define STEP_NBYTES ((size_t)32)

static void jump(struct look *look, uint64_t offset) {
    if (offset < look->offset || offset - look->offset > look->nbytes)
        look->step = STEP_NBYTES;
    look->at = offset;
}

/* The next byte, or -1 at the end of the file or of what may be read. */
static int next(struct look *look) {
    if (look->at < look->offset || look->at - look->offset >= look->nbytes) {
        size_t want = (size_t)r2g_u64_min(look->step, look->left), got = 0;
        if (want == 0 || r2g_file_read_at(look->fd, look->at, look->window, want, &got) != 0)
            return -1;
        look->offset = look->at;
        look->nbytes = got;
        look->left -= got;
        look->step = (size_t)r2g_u64_min(2 * look->step, sizeof look->window);
        if (got == 0)
            return -1;
    }
    return look->window[look->at++ - look->offset];
}

/* Big- and little-endian numbers of 1 to 4 bytes; false at the end. */
static bool next_be(struct look *look, unsigned nbytes, uint32_t *value) {
    *value = 0;
    for (unsigned i = 0; i < nbytes; i++) {
        int byte = next(look);
        if (byte < 0)
            return false;
        *value = *value << 8 | (uint32_t)byte;
    }
    return true;
}

static bool next_le(struct look *look, unsigned nbytes, uint32_t *value) {
    bool there = next_be(look, nbytes, value);
    *value = __builtin_bswap32(*value) >> (32 - 8 * nbytes);
    return there;
}

/* PNG, third edition, 11.2.1: IHDR comes first. */
static void look_at_png(struct look *look, struct r2g_declared *declared) {
    static const uint8_t samples[7] = {1, 0, 3, 1, 2, 0, 4}; /* by colour type; a palette's pixels are indices */
    uint32_t nbytes, type, width, height, depth, colour;
    jump(look, 8);
    if (!next_be(look, 4, &nbytes) || !next_be(look, 4, &type) || !next_be(look, 4, &width) ||
        !next_be(look, 4, &height) || !next_be(look, 1, &depth) || !next_be(look, 1, &colour))
        return;
    if (nbytes != 13 || type != 0x49484452 || colour > 6) /* "IHDR" */
        return;
    declared->width = width;
    declared->height = height;
    declared->samples = samples[colour];
}

/* ITU-T T.81, B.1.1.4 and B.2.2: the first frame header is looked for from marker to marker. */
static void look_at_jpeg(struct look *look, struct r2g_declared *declared) {
    uint32_t nbytes, precision, height, width, samples;
    jump(look, 2);
    for (;;) {
        int byte = next(look);
        while (byte >= 0 && byte != 0xFF) /* garbage between segments, which decoders pass over */
            byte = next(look);
        while (byte == 0xFF) /* fill bytes */
            byte = next(look);
        if (byte < 0 || byte == 0xD9 || byte == 0xDA) /* EOI, SOS */
            return;
        if (byte == 0x00 || byte == 0x01 || (byte >= 0xD0 && byte <= 0xD8)) /* TEM, RSTn, SOI stand alone */
            continue;
        uint64_t start = look->at;
        if (!next_be(look, 2, &nbytes))
            return;
        if (byte >= 0xC0 && byte <= 0xCF && byte != 0xC4 && byte != 0xC8 && byte != 0xCC) /* not DHT, JPG, DAC */
            break;
        jump(look, start + r2g_u64_max(nbytes, 2));
    }
    if (!next_be(look, 1, &precision) || !next_be(look, 2, &height) || !next_be(look, 2, &width) ||
        !next_be(look, 1, &samples))
        return;
    declared->width = width;
    declared->height = height;
    declared->samples = samples;
}

/* The header of OS/2 1.x has sizes of 16 bits, all others of 32, where a negative height means: from the top. */
static void look_at_bmp(struct look *look, struct r2g_declared *declared) {
    uint32_t header_nbytes, width, height, planes, bits;
    jump(look, 14);
    if (!next_le(look, 4, &header_nbytes))
        return;
    unsigned nbytes = header_nbytes == 12 ? 2 : 4;
    if (!next_le(look, nbytes, &width) || !next_le(look, nbytes, &height) || !next_le(look, 2, &planes) ||
        !next_le(look, 2, &bits))
        return;
    int64_t signed_width = nbytes == 2 ? (int64_t)width : (int32_t)width;
    int64_t signed_height = nbytes == 2 ? (int64_t)height : (int32_t)height;
    declared->width = signed_width > 0 ? (uint64_t)signed_width : 0;
    declared->height = (uint64_t)(signed_height < 0 ? -signed_height : signed_height);
    declared->samples = bits <= 8 ? 1 : bits == 32 ? 4 : 3;
}

static bool is_space(int c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int next_after_comment(struct look *look) {
    int c = next(look);
    if (c == '#') {
        while (c >= 0 && c != '\n' && c != '\r')
            c = next(look);
    }
    return c;
}

/* A decimal number with the white space before it and the one byte after it; false where there is none. */
static bool next_number(struct look *look, uint64_t *value) {
    int c = next_after_comment(look);
    while (is_space(c))
        c = next_after_comment(look);
    bool any = false;
    for (*value = 0; c >= '0' && c <= '9' && *value <= UINT32_MAX; c = next_after_comment(look), any = true)
        *value = *value * 10 + (uint64_t)(c - '0');
    return any && is_space(c);
}

/* One line without what surrounds it; false at the end, or where it is longer than any that is looked for. */
static bool next_line(struct look *look, char *line, size_t line_nbytes) {
    size_t used = 0;
    int c = next(look);
    if (c == '#') {
        while (c >= 0 && c != '\n')
            c = next(look);
        line[0] = '\0';
        return c >= 0;
    }
    for (; c >= 0 && c != '\n'; c = next(look)) {
        if (used + 1 == line_nbytes)
            return false;
        if (used > 0 || !is_space(c))
            line[used++] = (char)c;
    }
    line[used] = '\0';
    return c >= 0;
}

/* PAM: lines of a word and its value, in any order, up to ENDHDR. */
static void look_at_pam(struct look *look, struct r2g_declared *declared) {
    char line[256];
    uint64_t width = 0, height = 0;
    unsigned depth = 0;
    while (next_line(look, line, sizeof line)) {
        unsigned long long value;
        if (strncmp(line, "ENDHDR", 6) == 0) {
            declared->width = width;
            declared->height = height;
            declared->samples = depth;
            return;
        }
        if (sscanf(line, "WIDTH %10llu", &value) == 1)
            width = value;
        else if (sscanf(line, "HEIGHT %10llu", &value) == 1)
            height = value;
        else if (sscanf(line, "DEPTH %10llu", &value) == 1)
            depth = value <= 4 ? (unsigned)value : 0;
    }
}

static void look_at_pnm(struct look *look, struct r2g_declared *declared) {
    uint64_t width, height;
    jump(look, 1);
    int kind = next(look);
    if (kind == '7') {
        look_at_pam(look, declared);
    } else if (next_number(look, &width) && next_number(look, &height)) {
        declared->width = width;
        declared->height = height;
        declared->samples = kind == '3' || kind == '6' ? 3 : 1;
    }
}

static void (*const looks[])(struct look *look, struct r2g_declared *declared) = {look_at_png, look_at_jpeg,
                                                                                  look_at_bmp, look_at_pnm};
static const struct r2g_codec *const codecs[] = {&r2g_codec_png, &r2g_codec_jpeg, &r2g_codec_bmp, &r2g_codec_pnm};

enum r2g_problem r2g_declared_read(int fd, uint64_t nbytes, struct r2g_declared *declared, struct r2g_error *err) {
    uint8_t head[R2G_NAME_NBYTES];
    size_t got = 0;
    *declared = (struct r2g_declared){.frames = 1};
    if (nbytes == 0)
        return r2g_problem(err, R2G_PROBLEM_CORRUPT_IMAGE, "the file is empty");
    int error = r2g_file_read_at(fd, 0, head, sizeof head, &got);
    if (error != 0)
        return r2g_problem(err, R2G_PROBLEM_INTERNAL, "the file cannot be read: %s", strerrordesc_np(error));
    const struct r2g_codec *codec = r2g_codec_probe(head, (size_t)r2g_u64_min(got, R2G_PROBE_NBYTES));
    if (!codec && got >= 5 && memcmp(head, "\x89PNG\x1A", 5) == 0) /* PNG, 5.2: what its signature is for */
        return r2g_problem(err, R2G_PROBLEM_CORRUPT_IMAGE,
                           "a PNG whose line ends were removed on the way: it must be sent as it is, by curl with "
                           "--data-binary, not -d");
    if (!codec) {
        (void)!r2g_codec_fail_unknown(head, got, err);
        return R2G_PROBLEM_UNSUPPORTED_IMAGE;
    }
    snprintf(declared->format, sizeof declared->format, "%s", codec == &r2g_codec_pnm ? "pnm" : codec->name);
    struct look look = {.fd = fd, .step = STEP_NBYTES, .left = R2G_DECLARED_NBYTES - sizeof head};
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        if (codecs[i] == codec)
            looks[i](&look, declared);
    }
    declared->known = declared->width > 0 && declared->height > 0 && declared->samples >= 1 && declared->samples <= 4 &&
                      declared->width <= UINT32_MAX && declared->height <= UINT32_MAX;
    if (!declared->known)
        declared->width = declared->height = declared->samples = 0;
    return R2G_PROBLEM_NONE;
}

uint64_t r2g_declared_pixels(const struct r2g_declared *declared) {
    uint64_t pixels;
    if (!r2g_u64_mul(declared->width, declared->height, &pixels) || !r2g_u64_mul(pixels, declared->frames, &pixels))
        return UINT64_MAX;
    return pixels;
}
