/* The table of image formats and what all of them share: finding the codec of a file, and cutting a raster into row
 * blocks. Nothing here keeps state; all functions may be called from any thread. */
#include "codec/codec.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/size.h"

#define BLOCK_NBYTES (UINT32_C(1) << 20) /* of gray samples, about, where the encoder does not say */

const struct r2g_codec *const r2g_codecs[] = {&r2g_codec_png, &r2g_codec_jpeg, &r2g_codec_bmp, &r2g_codec_pnm, NULL};

/* Well-known formats that no codec here reads, so that the message can name them. */
static const struct {
    size_t offset;
    const char *magic;
    size_t nbytes;
    const char *label; /* with its article */
} foreign[] = {
    {0, "II*\0", 4, "a TIFF"},
    {0, "MM\0*", 4, "a TIFF"},
    {0, "II+\0", 4, "a BigTIFF"},
    {0, "MM\0+", 4, "a BigTIFF"},
    {128, "DICM", 4, "a DICOM"},
    {0, "GIF8", 4, "a GIF"},
    {8, "WEBP", 4, "a WebP"},
    {0, "\0\0\0\x0CjP  ", 8, "a JPEG 2000"},
    {0, "\xFF\x4F\xFF\x51", 4, "a JPEG 2000"},
    {0, "\x1F\x8B", 2, "a gzip"},
    {0, "%PDF-", 5, "a PDF"},
};

const struct r2g_codec *r2g_codec_probe(const uint8_t *head, size_t nbytes) {
    for (const struct r2g_codec *const *codec = r2g_codecs; *codec; codec++) {
        if ((*codec)->probe(head, nbytes))
            return *codec;
    }
    return NULL;
}

static bool has_extension(const struct r2g_codec *codec, const char *word) {
    for (const char *const *extension = codec->extensions; *extension; extension++) {
        if (strcasecmp(*extension, word) == 0)
            return true;
    }
    return false;
}

const struct r2g_codec *r2g_codec_by_name(const char *name) {
    for (const struct r2g_codec *const *codec = r2g_codecs; *codec; codec++) {
        if ((*codec)->encoder && (strcasecmp((*codec)->name, name) == 0 || has_extension(*codec, name)))
            return *codec;
    }
    return NULL;
}

const struct r2g_codec *r2g_codec_by_file_name(const char *file_name) {
    const char *slash = strrchr(file_name, '/');
    const char *base = slash ? slash + 1 : file_name;
    const char *dot = strrchr(base, '.');
    if (!dot)
        return NULL;
    for (const struct r2g_codec *const *codec = r2g_codecs; *codec; codec++) {
        if ((*codec)->encoder && has_extension(*codec, dot + 1))
            return *codec;
    }
    return NULL;
}

r2g_status r2g_codec_fail_unknown(const uint8_t *head, size_t nbytes, struct r2g_error *err) {
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        if (nbytes >= foreign[i].offset + foreign[i].nbytes &&
            memcmp(head + foreign[i].offset, foreign[i].magic, foreign[i].nbytes) == 0)
            return r2g_fail(err, R2G_EFORMAT, "%s file, which this program does not read", foreign[i].label);
    }
    return r2g_fail(err, R2G_EFORMAT, "not a format this program reads (PNG, JPEG, BMP, PNM)");
}

r2g_status r2g_reader_open(struct r2g_reader **reader, const struct r2g_source *source,
                           const struct r2g_read_options *options, struct r2g_error *err) {
    *reader = NULL;
    uint8_t head[R2G_NAME_NBYTES];
    size_t nbytes = 0;
    r2g_status status = r2g_source_read_at(source, 0, head, sizeof head, &nbytes, err);
    if (status != R2G_OK)
        return status;
    const struct r2g_codec *codec = r2g_codec_probe(head, (size_t)r2g_u64_min(nbytes, R2G_PROBE_NBYTES));
    if (!codec)
        return r2g_codec_fail_unknown(head, nbytes, err);
    return codec->open(reader, source, options, err);
}

void r2g_reader_close(struct r2g_reader *reader) {
    if (reader)
        reader->codec->close(reader);
}

size_t r2g_raster_row_nbytes(const struct r2g_raster *raster) {
    return (size_t)raster->width * raster->channels * (raster->maxval > 255 ? 2 : 1);
}

void r2g_raster_cut(struct r2g_raster *raster, const struct r2g_encoder *encoder) {
    uint64_t multiple = r2g_u64_max(encoder->row_multiple, 1);
    uint64_t row_nbytes = r2g_u64_max(r2g_raster_row_nbytes(raster), 1);
    uint64_t block_nbytes = encoder->block_nbytes > 0 ? encoder->block_nbytes : BLOCK_NBYTES;
    uint64_t rows = r2g_u64_max(block_nbytes / row_nbytes / multiple, 1) * multiple;
    uint64_t all_rows = r2g_u64_max((raster->height + multiple - 1) / multiple, 1) * multiple;
    rows = r2g_u64_min(rows, all_rows);
    raster->block_rows = (uint32_t)rows;
    raster->block_count = (uint32_t)((raster->height + rows - 1) / rows);
}

uint32_t r2g_raster_block_row_count(const struct r2g_raster *raster, uint32_t block) {
    uint64_t first_row = (uint64_t)block * raster->block_rows;
    if (first_row >= raster->height)
        return 0;
    return (uint32_t)r2g_u64_min(raster->block_rows, raster->height - first_row);
}

r2g_status r2g_check_whole(const struct r2g_read_options *options, uint32_t width, uint32_t height, uint64_t nbytes,
                           struct r2g_error *err) {
    uint64_t pixel_count = (uint64_t)width * height;
    if (options->max_pixels && pixel_count > options->max_pixels)
        return r2g_fail(err, R2G_ELIMIT,
                        "%" PRIu32 " x %" PRIu32 " is %" PRIu64 " pixels, and a picture that must be held whole may "
                        "have %" PRIu64 " (--max-pixels allows more)",
                        width, height, pixel_count, options->max_pixels);
    if (r2g_budget_check(options->budget, nbytes, "picture", NULL) != R2G_OK)
        return r2g_fail(err, R2G_ELIMIT,
                        "%" PRIu32 " x %" PRIu32 " must be held whole, which takes %" PRIu64 " bytes of the %" PRIu64
                        " that are allowed (--mem-limit allows more)",
                        width, height, nbytes, options->budget->limit_nbytes);
    return R2G_OK;
}
