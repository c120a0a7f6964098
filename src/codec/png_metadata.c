/* What stands beside the pixels of a PNG: an own walk over all its chunks.
 *
 * libpng would hold these chunks as it finds them; here each is bounded, checked and kept, or named as ignored. A
 * handler's R2G_ECORRUPT and R2G_ELIMIT are about its chunk alone: the walk names it and goes on. Whether the file is
 * whole is for the reader of the pixels to find out: the walk just stops where it cannot go on.
 */
#include "codec/png_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/size.h"
#include "codec/exif.h"
#include "deflate/zlib_memory.h"

#define MIB ((size_t)1 << 20)
#define CHUNKS_MAX 1000000u
#define CHUNK_NBYTES_MAX (16 * MIB) /* in the file */
#define ICC_NBYTES_MAX (16 * MIB)
#define TEXT_NBYTES_MAX (8 * MIB)
#define TEXTS_NBYTES_MAX (16 * MIB) /* all texts together */
#define TEXTS_MAX 1000u
#define KEPT_NBYTES_MAX (32 * MIB)     /* all metadata together */
#define INFLATED_NBYTES_MAX (64 * MIB) /* inflated in all, kept or not: bounds the time that a crafted file can cost */

struct walk {
    const struct r2g_source *source;
    struct r2g_budget *budget;
    struct r2g_metadata *metadata;
    struct r2g_buffer chunk;    /* the present chunk: type, data, CRC */
    struct r2g_buffer inflated; /* its inflated part */
    size_t kept_nbytes, texts_nbytes, inflated_nbytes, text_capacity;
    bool after_idat;
};

/* Appends a name to the list of things ignored, once; a list that is full ends in "and more". */
static void ignore(struct r2g_metadata *metadata, const char *name, const char *why) {
    static const char more[] = "and more";
    char entry[80];
    (void)snprintf(entry, sizeof entry, "%s%s", name, why);
    if (strstr(metadata->ignored, entry) != NULL || strstr(metadata->ignored, more) != NULL) {
        return;
    }
    size_t used = strlen(metadata->ignored), room = sizeof metadata->ignored - used;
    bool fits = strlen(entry) + sizeof more + 4 <= room; /* two commas with blanks, and `more` after it */
    (void)snprintf(metadata->ignored + used, room, "%s%s", used > 0 ? ", " : "", fits ? entry : more);
}

static r2g_status damaged(struct r2g_error *err) {
    return r2g_fail(err, R2G_ECORRUPT, "damaged chunk");
}

/* Counts memory that will be kept. */
static r2g_status count_kept(struct walk *walk, size_t nbytes, struct r2g_error *err) {
    if (nbytes > KEPT_NBYTES_MAX - walk->kept_nbytes) {
        return r2g_fail(err, R2G_ELIMIT, "too much metadata");
    }
    walk->kept_nbytes += nbytes;
    return r2g_budget_check(walk->budget, nbytes, "metadata", err);
}

static r2g_status keep_blob(struct walk *walk, struct r2g_blob *blob, const uint8_t *bytes, size_t nbytes,
                            struct r2g_error *err) {
    if (blob->bytes != NULL || nbytes == 0) {
        return damaged(err);
    }
    r2g_status status = count_kept(walk, nbytes, err);
    if (status != R2G_OK) {
        return status;
    }
    blob->bytes = r2g_copy_bytes(bytes, nbytes, err);
    blob->nbytes = nbytes;
    return blob->bytes != NULL ? R2G_OK : R2G_ENOMEM;
}

/* Runs inflate into walk->inflated until the stream ends. */
static r2g_status inflate_stream(struct walk *walk, z_stream *stream, const struct r2g_zlib_memory *memory,
                                 size_t nbytes_max, struct r2g_error *err) {
    struct r2g_buffer *out = &walk->inflated;
    out->nbytes = 0;
    for (;;) {
        if (out->nbytes == nbytes_max) {
            return r2g_fail(err, R2G_ELIMIT, "a compressed chunk is too large");
        }
        r2g_status status = r2g_buffer_reserve(out, out->nbytes + 1024, "metadata", err);
        if (status != R2G_OK) {
            return status;
        }
        size_t room = (size_t)r2g_u64_min(out->capacity, nbytes_max) - out->nbytes;
        stream->next_out = out->bytes + out->nbytes;
        stream->avail_out = (uInt)room;
        int result = inflate(stream, Z_NO_FLUSH);
        out->nbytes += room - stream->avail_out;
        if (result == Z_STREAM_END) {
            return R2G_OK;
        }
        if (result == Z_MEM_ERROR) {
            return r2g_zlib_memory_refused(memory, err);
        }
        if (result != Z_OK) {
            return damaged(err);
        }
    }
}

/* Inflates a zlib stream of at most nbytes_max bytes into walk->inflated. */
static r2g_status inflate_data(struct walk *walk, const uint8_t *bytes, size_t nbytes, size_t nbytes_max,
                               struct r2g_error *err) {
    if (walk->inflated_nbytes >= INFLATED_NBYTES_MAX) {
        return r2g_fail(err, R2G_ELIMIT, "too much compressed metadata");
    }
    struct r2g_zlib_memory memory = {.budget = walk->budget, .what = "metadata"};
    z_stream stream = {.zalloc = r2g_zlib_alloc, .zfree = r2g_zlib_free, .opaque = &memory};
    stream.next_in = (z_const Bytef *)bytes;
    stream.avail_in = (uInt)nbytes;
    int result = inflateInit(&stream);
    if (result == Z_MEM_ERROR) {
        return r2g_zlib_memory_refused(&memory, err);
    }
    if (result != Z_OK) {
        return r2g_fail(err, R2G_EINTERNAL, "zlib cannot start: error %d", result);
    }
    r2g_status status = inflate_stream(walk, &stream, &memory, nbytes_max, err);
    (void)inflateEnd(&stream);
    walk->inflated_nbytes += walk->inflated.nbytes;
    return status;
}

/* Makes room for one more text. */
static r2g_status grow_texts(struct walk *walk, struct r2g_error *err) {
    struct r2g_metadata *metadata = walk->metadata;
    if (metadata->text_count < walk->text_capacity) {
        return R2G_OK;
    }
    if (metadata->text_count >= TEXTS_MAX) {
        return r2g_fail(err, R2G_ELIMIT, "too many texts");
    }
    size_t capacity = 2 * walk->text_capacity + 8;
    struct r2g_text *texts = r2g_new(capacity * sizeof *texts, err);
    if (texts == NULL) {
        return R2G_ENOMEM;
    }
    if (metadata->text_count > 0) {
        memcpy(texts, metadata->texts, metadata->text_count * sizeof *texts);
    }
    free(metadata->texts);
    metadata->texts = texts;
    walk->text_capacity = capacity;
    return R2G_OK;
}

static r2g_status keep_text(struct walk *walk, const uint8_t *key, size_t key_nbytes, const uint8_t *value,
                            size_t value_nbytes, bool utf8, struct r2g_error *err) {
    if (utf8 ? !r2g_png_is_utf8(value, value_nbytes) : memchr(value, 0, value_nbytes) != NULL) {
        return damaged(err);
    }
    if (value_nbytes > TEXT_NBYTES_MAX || value_nbytes > TEXTS_NBYTES_MAX - walk->texts_nbytes) {
        return r2g_fail(err, R2G_ELIMIT, "too much text");
    }
    r2g_status status = count_kept(walk, 2 * value_nbytes + 2 * key_nbytes + 2 * sizeof(struct r2g_text), err);
    if (status == R2G_OK) {
        status = grow_texts(walk, err);
    }
    if (status != R2G_OK) {
        return status;
    }
    struct r2g_text text;
    text.key = r2g_png_latin1_to_utf8(key, key_nbytes, err);
    if (text.key == NULL) {
        return R2G_ENOMEM;
    }
    if (utf8) {
        text.value = r2g_new(value_nbytes + 1, err);
        if (text.value != NULL) {
            memcpy(text.value, value, value_nbytes);
        }
    } else {
        text.value = r2g_png_latin1_to_utf8(value, value_nbytes, err);
    }
    if (text.value == NULL) {
        free(text.key);
        return R2G_ENOMEM;
    }
    walk->texts_nbytes += value_nbytes;
    walk->metadata->texts[walk->metadata->text_count++] = text;
    return R2G_OK;
}

/* Bytes before the NUL within the first nbytes_max + 1 bytes; SIZE_MAX if there is none. */
static size_t terminated_nbytes(const uint8_t *bytes, size_t nbytes, size_t nbytes_max) {
    const uint8_t *end = nbytes > 0 ? memchr(bytes, 0, (size_t)r2g_u64_min(nbytes, nbytes_max + 1)) : NULL;
    return end != NULL ? (size_t)(end - bytes) : SIZE_MAX;
}

/* ImageMagick writes profiles as hexadecimal text under such keywords: they are no text for people. True if it was one,
 * then named as ignored. */
static bool is_raw_profile(struct walk *walk, const uint8_t *key, size_t key_nbytes) {
    static const char *const names[] = {"Raw profile type exif", "Raw profile type APP1", "Raw profile type icc",
                                        "Raw profile type icm",  "Raw profile type iptc", "Raw profile type 8bim",
                                        "Raw profile type xmp"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (key_nbytes == strlen(names[i]) && memcmp(key, names[i], key_nbytes) == 0) {
            ignore(walk->metadata, names[i], "");
            return true;
        }
    }
    return false;
}

/* Inflates one text into walk->inflated, within the limits of one and of all. */
static r2g_status inflate_text(struct walk *walk, const uint8_t *bytes, size_t nbytes, struct r2g_error *err) {
    size_t left = TEXTS_NBYTES_MAX - walk->texts_nbytes;
    return inflate_data(walk, bytes, nbytes, (left < TEXT_NBYTES_MAX ? left : TEXT_NBYTES_MAX) + 1, err);
}

/* tEXt (section 11.3.3.2): keyword, NUL, Latin-1. */
static r2g_status on_text(struct walk *walk, const uint8_t *data, size_t nbytes, struct r2g_error *err) {
    size_t key = terminated_nbytes(data, nbytes, PNG_KEY_NBYTES_MAX);
    if (key == 0 || key == SIZE_MAX) {
        return damaged(err);
    }
    if (is_raw_profile(walk, data, key)) {
        return R2G_OK;
    }
    return keep_text(walk, data, key, data + key + 1, nbytes - key - 1, false, err);
}

/* zTXt (section 11.3.3.3): keyword, NUL, method 0, compressed Latin-1. */
static r2g_status on_compressed_text(struct walk *walk, const uint8_t *data, size_t nbytes, struct r2g_error *err) {
    size_t key = terminated_nbytes(data, nbytes, PNG_KEY_NBYTES_MAX);
    if (key == 0 || key == SIZE_MAX || nbytes < key + 2 || data[key + 1] != 0) {
        return damaged(err);
    }
    if (is_raw_profile(walk, data, key)) {
        return R2G_OK;
    }
    r2g_status status = inflate_text(walk, data + key + 2, nbytes - key - 2, err);
    if (status != R2G_OK) {
        return status;
    }
    return keep_text(walk, data, key, walk->inflated.bytes, walk->inflated.nbytes, false, err);
}

/* iTXt (section 11.3.3.4): keyword, NUL, compression flag, method, language, NUL, translated keyword, NUL, UTF-8. */
static r2g_status on_international_text(struct walk *walk, const uint8_t *data, size_t nbytes, struct r2g_error *err) {
    static const char xmp_key[] = "XML:com.adobe.xmp";
    size_t key = terminated_nbytes(data, nbytes, PNG_KEY_NBYTES_MAX);
    if (key == 0 || key == SIZE_MAX || nbytes < key + 3 || data[key + 1] > 1 || data[key + 2] != 0) {
        return damaged(err);
    }
    bool compressed = data[key + 1] == 1;
    const uint8_t *value = data + key + 3;
    size_t value_nbytes = nbytes - key - 3;
    for (int skipped = 0; skipped < 2; skipped++) { /* language, translated keyword */
        size_t length = terminated_nbytes(value, value_nbytes, value_nbytes);
        if (length == SIZE_MAX) {
            return damaged(err);
        }
        value += length + 1;
        value_nbytes -= length + 1;
    }
    if (is_raw_profile(walk, data, key)) {
        return R2G_OK;
    }
    if (compressed) {
        r2g_status status = inflate_text(walk, value, value_nbytes, err);
        if (status != R2G_OK) {
            return status;
        }
        value = walk->inflated.bytes;
        value_nbytes = walk->inflated.nbytes;
    }
    if (key == sizeof xmp_key - 1 && memcmp(data, xmp_key, key) == 0) {
        return keep_blob(walk, &walk->metadata->xmp, value, value_nbytes, err);
    }
    return keep_text(walk, data, key, value, value_nbytes, true, err);
}

/* iCCP (section 11.3.2.3): name, NUL, method 0, compressed profile. Its own size field and signature must be right
 * (ICC.1:2022, 7.2). */
static r2g_status on_icc(struct walk *walk, const uint8_t *data, size_t nbytes, struct r2g_error *err) {
    size_t name = terminated_nbytes(data, nbytes, PNG_KEY_NBYTES_MAX);
    if (name == SIZE_MAX || nbytes < name + 2 || data[name + 1] != 0) {
        return damaged(err);
    }
    r2g_status status = inflate_data(walk, data + name + 2, nbytes - name - 2, ICC_NBYTES_MAX, err);
    if (status != R2G_OK) {
        return status;
    }
    const uint8_t *icc = walk->inflated.bytes;
    size_t icc_nbytes = walk->inflated.nbytes;
    if (icc_nbytes < 132 || png_get_be32(icc) != icc_nbytes || memcmp(icc + 36, "acsp", 4) != 0) {
        return damaged(err);
    }
    return keep_blob(walk, &walk->metadata->icc, icc, icc_nbytes, err);
}

/* eXIf (section 11.3.4.5). Some writers keep JPEG's "Exif\0\0" in front. */
static r2g_status on_exif(struct walk *walk, const uint8_t *data, size_t nbytes, struct r2g_error *err) {
    if (nbytes >= 6 && memcmp(data, "Exif\0\0", 6) == 0) {
        data += 6;
        nbytes -= 6;
    }
    if (nbytes < 8 || (memcmp(data, "II*\0", 4) != 0 && memcmp(data, "MM\0*", 4) != 0)) {
        return damaged(err);
    }
    return keep_blob(walk, &walk->metadata->exif, data, nbytes, err);
}

/* gAMA (section 11.3.2.2). */
static r2g_status on_gamma(struct walk *walk, const uint8_t *data, size_t nbytes, struct r2g_error *err) {
    if (nbytes != 4 || walk->metadata->gamma_100000 != 0 || png_get_be32(data) - 1 >= PNG_SIDE_MAX) {
        return damaged(err);
    }
    walk->metadata->gamma_100000 = png_get_be32(data);
    return R2G_OK;
}

/* sRGB (section 11.3.2.5). */
static r2g_status on_srgb(struct walk *walk, const uint8_t *data, size_t nbytes, struct r2g_error *err) {
    if (nbytes != 1 || data[0] > 3 || walk->metadata->srgb_intent >= 0) {
        return damaged(err);
    }
    walk->metadata->srgb_intent = data[0];
    return R2G_OK;
}

/* pHYs (section 11.3.4.3). */
static r2g_status on_density(struct walk *walk, const uint8_t *data, size_t nbytes, struct r2g_error *err) {
    struct r2g_metadata *metadata = walk->metadata;
    if (nbytes != 9 || data[8] > 1 || metadata->density_unit != R2G_DENSITY_NONE ||
        png_get_be32(data) - 1 >= PNG_SIDE_MAX || png_get_be32(data + 4) - 1 >= PNG_SIDE_MAX) {
        return damaged(err);
    }
    metadata->density_x = png_get_be32(data);
    metadata->density_y = png_get_be32(data + 4);
    metadata->density_unit = data[8] == 1 ? R2G_DENSITY_PER_METRE : R2G_DENSITY_ASPECT;
    return R2G_OK;
}

/* The chunks that are kept. */
static const struct handler {
    const char *type;
    bool before_idat; /* must stand before the pixels (section 5.6) */
    r2g_status (*keep)(struct walk *walk, const uint8_t *data, size_t nbytes, struct r2g_error *err);
} handlers[] = {
    {"eXIf", false, on_exif},
    {"tEXt", false, on_text},
    {"zTXt", false, on_compressed_text},
    {"iTXt", false, on_international_text},
    {"iCCP", true, on_icc},
    {"gAMA", true, on_gamma},
    {"sRGB", true, on_srgb},
    {"pHYs", true, on_density},
};

/* Reads the chunk's type, data and CRC at `offset` and hands the data to its handler. */
static r2g_status keep_chunk(struct walk *walk, const struct handler *handler, uint64_t offset, uint32_t length,
                             struct r2g_error *err) {
    if (handler->before_idat && walk->after_idat) {
        return damaged(err);
    }
    if (length > CHUNK_NBYTES_MAX) {
        return r2g_fail(err, R2G_ELIMIT, "a chunk of %u bytes is too large", length);
    }
    size_t nbytes = (size_t)length + 8;
    walk->chunk.nbytes = 0;
    r2g_status status = r2g_buffer_reserve(&walk->chunk, nbytes, "metadata", err);
    if (status == R2G_OK) {
        status = r2g_source_read_exact(walk->source, offset + 4, walk->chunk.bytes, nbytes, err);
    }
    if (status != R2G_OK) {
        return status;
    }
    if (crc32_z(0, walk->chunk.bytes, nbytes - 4) != png_get_be32(walk->chunk.bytes + nbytes - 4)) {
        return damaged(err);
    }
    return handler->keep(walk, walk->chunk.bytes + 4, length, err);
}

/* Names a chunk that is not kept, unless the pixels need it. */
static void name_chunk(struct walk *walk, const char *type) {
    static const char *const silent[] = {"IHDR", "PLTE", "tRNS", "fcTL", "fdAT"};
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++) {
        if (strcmp(type, silent[i]) == 0) {
            return;
        }
    }
    ignore(walk->metadata, strcmp(type, "acTL") == 0 ? "animation (first frame only)" : type, "");
}

static r2g_status visit(struct walk *walk, const char *type, uint64_t offset, uint32_t length, struct r2g_error *err) {
    if (strcmp(type, "IDAT") == 0) {
        walk->after_idat = true;
        return R2G_OK;
    }
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (strcmp(type, handlers[i].type) == 0) {
            struct r2g_error trouble = {0};
            r2g_status status = keep_chunk(walk, &handlers[i], offset, length, &trouble);
            if (status == R2G_ECORRUPT || status == R2G_ELIMIT) {
                ignore(walk->metadata, type, status == R2G_ELIMIT ? " (too large)" : " (damaged)");
                return R2G_OK;
            }
            if (status != R2G_OK && err != NULL) {
                *err = trouble;
            }
            return status;
        }
    }
    name_chunk(walk, type);
    return R2G_OK;
}

static bool is_type(const char *type) {
    for (int i = 0; i < 4; i++) {
        if (!((type[i] >= 'A' && type[i] <= 'Z') || (type[i] >= 'a' && type[i] <= 'z'))) {
            return false;
        }
    }
    return true;
}

static r2g_status visit_all(struct walk *walk, struct r2g_error *err) {
    uint64_t offset = PNG_SIGNATURE_NBYTES;
    for (uint32_t count = 0; count < CHUNKS_MAX; count++) {
        uint8_t head[8];
        size_t got = 0;
        r2g_status status = r2g_source_read_at(walk->source, offset, head, sizeof head, &got, err);
        if (status != R2G_OK || got < sizeof head) {
            return status;
        }
        char type[5] = {0};
        memcpy(type, head + 4, 4);
        uint32_t length = png_get_be32(head);
        uint64_t next = offset + 12 + length;
        if (!is_type(type) || strcmp(type, "IEND") == 0 || next > walk->source->nbytes) {
            return R2G_OK;
        }
        status = visit(walk, type, offset, length, err);
        if (status != R2G_OK) {
            return status;
        }
        offset = next;
    }
    ignore(walk->metadata, "whatever follows the first 1000000 chunks", "");
    return R2G_OK;
}

r2g_status r2g_png_read_metadata(const struct r2g_source *source, struct r2g_budget *budget,
                                 struct r2g_metadata *metadata, struct r2g_error *err) {
    struct walk walk = {.source = source, .budget = budget, .metadata = metadata};
    walk.chunk.budget = walk.inflated.budget = budget;
    r2g_status status = visit_all(&walk, err);
    r2g_buffer_free(&walk.inflated);
    r2g_buffer_free(&walk.chunk);
    if (status == R2G_OK && metadata->exif.bytes != NULL) {
        metadata->orientation = r2g_exif_orientation(&metadata->exif);
    }
    return status;
}
