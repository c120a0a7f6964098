/* Image formats: one source file and one table row each.
 *
 * A reader opens an input and gives its header and metadata before any pixel is read, then rows from top to bottom; one
 * that can read any block of rows at any time says so (image.random_access).
 * An output format has two parts: the segment encoder, a pure function from the gray rows of one row block to bytes,
 * which runs on any rank; and what stands around the segments: header and trailer, made once. The whole file is
 *     header, segment of block 0, …, segment of the last block, trailer
 * in this order, except where `segment_offset` gives each segment a fixed place (raw formats): then header and trailer
 * lie around the segments just the same and any rank can write its own in place.
 * A reader, and an encoder state, belong to one thread at a time.
 */
#ifndef R2G_CODEC_CODEC_H
#define R2G_CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rgb2gray/image.h>
#include <rgb2gray/status.h>

#include "base/buffer.h"
#include "base/source.h"

struct r2g_read_options {
    struct r2g_budget *budget; /* never NULL */
    uint64_t max_pixels;       /* for decoders that must hold the whole picture; 0: no limit */
    bool own_luma;             /* deliver a colour JPEG's own Y as gray (JFIF), instead of decoded RGB */
    bool by_library;           /* decode by the format's library alone where there is a faster path: for tests */
};

/* An open input. Codecs embed it as the first member of their own struct. */
struct r2g_reader {
    const struct r2g_codec *codec;
    const struct r2g_source *source; /* not owned */
    struct r2g_image image;
    struct r2g_metadata metadata;
    int64_t convert_ns; /* time in read_rows that was not reading but luma: a reader that turns pictures converts first */
};

/* What a segment encoder needs to know: a plain value without pointers (it is sent to other ranks as bytes). */
struct r2g_raster {
    uint32_t width, height; /* pixels */
    uint32_t channels;      /* 1: gray; 2: gray, alpha; 3: RGB, PNG alone, for previews */
    uint32_t maxval;        /* largest sample value */
    uint32_t block_rows;    /* rows of a row block (the last may be shorter), from r2g_raster_cut */
    uint32_t block_count;
    uint32_t quality;       /* JPEG, 1 to 100 */
    uint32_t compression;   /* enum r2g_compression */
};

enum r2g_compression { R2G_COMPRESSION_FAST, R2G_COMPRESSION_DEFAULT, R2G_COMPRESSION_SMALL };

/* A checksum that grows along the file where the format has one (PNG: Adler-32 of the filtered rows). */
struct r2g_checksum {
    uint32_t value;
    uint64_t nbytes; /* of data it covers */
};

struct r2g_encoder_state; /* a codec's scratch memory: reused from block to block, no information passes */

struct r2g_encoder {
    uint32_t max_width, max_height; /* the format's own limits, pixels */
    bool alpha;                     /* can hold gray with alpha */
    uint32_t max_maxval;            /* 255 or 65535 */
    bool any_maxval;                /* maxval may be any value; else just 255 or 65535 */
    uint32_t row_multiple;          /* row blocks are multiples of this many rows (JPEG: 8) */
    uint32_t block_nbytes;          /* of gray samples in a row block, about; 0: 1 MiB */
    bool orientation, density, icc, exif, texts, gamma; /* what of the metadata the format can hold */
    bool aspect;                    /* a density may be a mere shape of pixels (R2G_DENSITY_ASPECT) */
    uint32_t density_max;           /* largest number for a density; 0: any */

    R2G_MUST_CHECK r2g_status (*state_new)(struct r2g_encoder_state **state, const struct r2g_raster *raster,
                                           struct r2g_budget *budget, struct r2g_error *err);
    void (*state_free)(struct r2g_encoder_state *state);

    /* Appends to *out what stands before the first segment. `metadata` is what shall be kept, already decided. */
    R2G_MUST_CHECK r2g_status (*header)(const struct r2g_raster *raster, const struct r2g_metadata *metadata,
                                        struct r2g_buffer *out, struct r2g_error *err);

    /* Appends to *out the bytes of one row block: `rows` holds row_count rows, width * channels samples each (1 byte up
     * to maxval 255, else 2 in machine order), without gaps. first_row is a multiple of raster->block_rows. Pure: the
     * bytes depend on the arguments alone. *checksum receives this block's own. */
    R2G_MUST_CHECK r2g_status (*segment)(struct r2g_encoder_state *state, const struct r2g_raster *raster,
                                         uint32_t first_row, uint32_t row_count, const void *rows,
                                         struct r2g_buffer *out, struct r2g_checksum *checksum, struct r2g_error *err);

    /* Raw formats, where a segment may be nothing but its rows: bytes from each gray row to the next one within it,
     * negative where the last row comes first, 0 where this raster's segments are made by `segment` alone. Rows may
     * then be written there at once, with zeros between them, instead of calling `segment`. NULL: always 0. */
    ptrdiff_t (*row_stride)(const struct r2g_raster *raster);

    /* *sum becomes the checksum of what it covered followed by what `next` covers. NULL: the format has none. */
    void (*checksum_append)(struct r2g_checksum *sum, const struct r2g_checksum *next);

    /* Appends to *out what stands after the last segment. */
    R2G_MUST_CHECK r2g_status (*trailer)(const struct r2g_raster *raster, const struct r2g_checksum *sum,
                                         struct r2g_buffer *out, struct r2g_error *err);

    /* Where the segment of these rows lies, in bytes from the first segment byte after the header. NULL: segments have
     * no fixed size and follow each other. */
    uint64_t (*segment_offset)(const struct r2g_raster *raster, uint32_t first_row, uint32_t row_count);
};

/* How a colour picture's compressed luma can become the same format's gray picture, without decoding. */
enum r2g_transcode {
    R2G_TRANSCODE_NONE,         /* not at all */
    R2G_TRANSCODE_BITS,         /* its bits are copied */
    R2G_TRANSCODE_COEFFICIENTS, /* its coefficients are coded anew: the whole picture's are held in memory */
};

/* Where a transcoded file goes. */
struct r2g_transcode_io {
    void *user;
    R2G_MUST_CHECK r2g_status (*write)(void *user, const void *bytes, size_t nbytes, struct r2g_error *err);
    /* Called at least once a MiB of input, with the rows done so far. */
    R2G_MUST_CHECK r2g_status (*rows_done)(void *user, uint32_t done_rows, struct r2g_error *err);
    int64_t read_ns; /* receives the time spent in reading the file */
};

struct r2g_codec {
    const char *name;               /* "png": the word for --format */
    const char *label;              /* "PNG" */
    const char *const *extensions;  /* without the dot, lower case, NULL-terminated; the first is the usual one */
    const char *mime;
    /* Whether `head` (the file's first nbytes, up to R2G_PROBE_NBYTES) is this format. */
    bool (*probe)(const uint8_t *head, size_t nbytes);
    /* Reads header and metadata; no pixel yet. Checks every declared size against options before taking memory.
     * `source` outlives the reader. R2G_EFORMAT, R2G_ECORRUPT, R2G_ELIMIT, R2G_EINPUT, R2G_ENOMEM. Messages do not name
     * the file: the caller does. */
    R2G_MUST_CHECK r2g_status (*open)(struct r2g_reader **reader, const struct r2g_source *source,
                                      const struct r2g_read_options *options, struct r2g_error *err);
    /* Delivers rows [first_row, first_row + row_count), stride bytes apart. Unless image.random_access, first_row must
     * follow the last call's rows. Damaged data is R2G_ECORRUPT, also when found only after the last row. */
    R2G_MUST_CHECK r2g_status (*read_rows)(struct r2g_reader *reader, uint32_t first_row, uint32_t row_count,
                                           void *rows, size_t stride, struct r2g_error *err);
    void (*close)(struct r2g_reader *reader);
    const struct r2g_encoder *encoder; /* NULL: read only */
    /* How this picture can be transcoded to gray; by its header alone. NULL: no picture can. */
    enum r2g_transcode (*transcode_way)(const struct r2g_reader *reader);
    /* Writes the whole gray file in that way, with `metadata`; instead of read_rows, and nothing but close follows.
     * R2G_ECORRUPT as read_rows, R2G_ELIMIT, and what io's functions return. */
    R2G_MUST_CHECK r2g_status (*transcode)(struct r2g_reader *reader, const struct r2g_metadata *metadata,
                                           struct r2g_transcode_io *io, struct r2g_error *err);
};

#define R2G_PROBE_NBYTES 64
#define R2G_NAME_NBYTES 132 /* enough of a file to name it: DICOM's mark ends at byte 132 */

/* The table, NULL-terminated. */
extern const struct r2g_codec *const r2g_codecs[];

extern const struct r2g_codec r2g_codec_png, r2g_codec_jpeg, r2g_codec_bmp, r2g_codec_pnm;

/* The codec whose content this is, or NULL. */
const struct r2g_codec *r2g_codec_probe(const uint8_t *head, size_t nbytes);
/* R2G_EFORMAT for a file that no codec knows by its first nbytes (up to R2G_NAME_NBYTES), with its name where it is a
 * well-known one. */
R2G_MUST_CHECK r2g_status r2g_codec_fail_unknown(const uint8_t *head, size_t nbytes, struct r2g_error *err);
/* The codec of that --format word, or whose extension ends the file name; NULL when there is none that can write. */
const struct r2g_codec *r2g_codec_by_name(const char *name);
const struct r2g_codec *r2g_codec_by_file_name(const char *file_name);

/* Opens `source` with the codec that its content names. R2G_EFORMAT if none does. Close with r2g_reader_close. */
R2G_MUST_CHECK r2g_status r2g_reader_open(struct r2g_reader **reader, const struct r2g_source *source,
                                          const struct r2g_read_options *options, struct r2g_error *err);
void r2g_reader_close(struct r2g_reader *reader);

/* Row blocks of raw formats: block, input rows and segment lie in a core's second cache together, so that a row is read,
 * converted and written without a way through main memory. */
#define R2G_RAW_BLOCK_NBYTES (UINT32_C(256) << 10)

/* Sets block_rows and block_count from width, channels, maxval and the encoder's row_multiple and block_nbytes alone: at
 * least row_multiple rows a block. */
void r2g_raster_cut(struct r2g_raster *raster, const struct r2g_encoder *encoder);

/* Rows of block i. */
uint32_t r2g_raster_block_row_count(const struct r2g_raster *raster, uint32_t block);
/* Bytes of a gray row. */
size_t r2g_raster_row_nbytes(const struct r2g_raster *raster);

/* For decoders that hold the whole picture: R2G_ELIMIT if width * height exceeds max_pixels or if nbytes do not fit the
 * budget; the text gives both figures and the option that would allow it. */
R2G_MUST_CHECK r2g_status r2g_check_whole(const struct r2g_read_options *options, uint32_t width, uint32_t height,
                                          uint64_t nbytes, struct r2g_error *err);

#endif
