/* Converting a file to grayscale, in this process.
 *
 * The options are a plain value: start from r2g_options_default(). A conversion keeps no state between calls; several
 * may run in different threads.
 */
#ifndef RGB2GRAY_CONVERT_H
#define RGB2GRAY_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#include <rgb2gray/export.h>
#include <rgb2gray/luma.h>
#include <rgb2gray/status.h>

enum r2g_orient {
    R2G_ORIENT_TAG,   /* keep the orientation as a tag where the output has one, else apply it to the pixels */
    R2G_ORIENT_APPLY, /* apply it to the pixels */
};

enum r2g_alpha {
    R2G_ALPHA_KEEP,    /* keep alpha where the output has it, else lay the picture on the background */
    R2G_ALPHA_FLATTEN, /* always lay it on the background */
};

struct r2g_progress {
    uint64_t done_rows, total_rows; /* of the picture; done never falls */
    uint64_t pixel_count;           /* of the whole picture */
};

struct r2g_options {
    struct r2g_luma luma;          /* the method; default bt601 */
    bool via_rgb;                  /* apply the formula to decoded RGB even where a JPEG's own luma is the same thing */
    const char *format;            /* output format ("png", "jpeg", "bmp", "pgm"); NULL: by the output's name */
    unsigned quality;              /* JPEG, 1 to 100: pixels are encoded with it. 0 (default): 90, or none where a JPEG's
                                      luma is carried over as it is */
    bool reencode;                 /* decode and encode even where a JPEG's luma could be carried over */
    unsigned compression;          /* PNG: 0 fast, 1 default, 2 small */
    enum r2g_orient orient;
    enum r2g_alpha alpha;
    uint8_t background[3];         /* R, G, B, 0 to 255; default white */
    bool keep_exif;                /* carry EXIF beyond the orientation (without its thumbnail) */
    bool overwrite;                /* replace an existing output */
    bool sync;                     /* fsync before the output counts as done */
    uint64_t max_pixels;           /* for decoders that must hold the whole picture; default 2^30; 0: no limit */
    uint64_t mem_limit_nbytes;     /* buffers of one process; default 3/4 of the memory available; 0: no limit */
    /* Called now and then from the converting thread (rank 0); NULL: never. Returning false stops the conversion with
     * R2G_ECANCELED. */
    bool (*progress)(void *user, const struct r2g_progress *progress);
    void *progress_user;
};

R2G_PUBLIC void r2g_options_default(struct r2g_options *options);

/* Converts the file `in_path` to `out_path` ("-": standard input or output; with a standard output options->format must
 * be set). The output appears under its name only when it is whole. Any r2g_status; *err names file and cause. */
R2G_PUBLIC R2G_MUST_CHECK r2g_status r2g_convert_file(const char *in_path, const char *out_path,
                                                      const struct r2g_options *options, struct r2g_error *err);

#endif
