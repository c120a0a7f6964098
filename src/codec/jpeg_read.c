/* The JPEG reader, on libjpeg(-turbo).
 *
 * Colour follows libjpeg's own decisions and defaults (exact integer IDCT, smooth chroma upsampling), so that the
 * samples are those of `djpeg`. Sequential one-scan files stream; files of several scans make libjpeg hold all
 * coefficients, which is checked against max_pixels and the budget first. libjpeg takes its memory by itself: what it
 * will need is computed here and held in the budget for the reader's life.
 *
 * Damage: a libjpeg warning after which pixels are made up fails the read; a missing end marker alone does not.
 */
#include "codec/jpeg_parts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>

#include "base/size.h"
#include "codec/jpeg_reader.h"

enum {
    ROWS_A_CALL = 16,
    SCANS_MAX = 500,          /* as libjpeg-turbo's own fuzz targets */
    SCANS_FREE = 100,         /* never looked at more closely: real encoders make about 10 */
    LIBJPEG_NBYTES = 1 << 18, /* its tables and small things */
};

/* Block visits past SCANS_FREE scans: some seconds' work. */
static const uint64_t visits_max = UINT64_C(1) << 30;

void r2g_jpeg_reader_leave(struct r2g_jpeg_reader *self, const char *text) {
    (void)r2g_fail(&self->seam.failure, R2G_ECORRUPT, "damaged JPEG data: %s", text);
    r2g_jpeg_leave(&self->seam);
}

static void input_nothing(j_decompress_ptr cinfo) {
    (void)cinfo;
}

static boolean input_fill(j_decompress_ptr cinfo) {
    static const JOCTET end[2] = {0xFF, JPEG_EOI};
    struct r2g_jpeg_reader *self = cinfo->client_data;
    size_t got = 0;
    if (r2g_source_read_at(self->base.source, self->offset, self->buffer, R2G_JPEG_INPUT_NBYTES, &got,
                           &self->seam.failure) != R2G_OK)
        r2g_jpeg_leave(&self->seam);
    /* an arithmetic decoder goes on with zeros behind the end and cannot say that it did (T.81, D.2.6) */
    if (got == 0 && cinfo->arith_code)
        r2g_jpeg_reader_leave(self, "the file ends without an end marker");
    self->offset += got;
    self->past_end = got == 0;
    self->input.next_input_byte = got == 0 ? end : self->buffer;
    self->input.bytes_in_buffer = got == 0 ? sizeof end : got;
    return TRUE;
}

static void input_skip(j_decompress_ptr cinfo, long nbytes) {
    struct r2g_jpeg_reader *self = cinfo->client_data;
    if (nbytes <= 0)
        return;
    size_t buffered = r2g_u64_min((uint64_t)nbytes, self->input.bytes_in_buffer);
    self->input.next_input_byte += buffered;
    self->input.bytes_in_buffer -= buffered;
    self->offset += (uint64_t)nbytes - buffered;
}

/* Called for every line of blocks, so also while all scans of a progressive file are taken in. */
static void watch_scans(j_common_ptr common) {
    struct r2g_jpeg_reader *self = common->client_data;
    uint64_t scans = (uint64_t)self->cinfo.input_scan_number;
    if (scans <= SCANS_FREE || (scans <= SCANS_MAX && scans * self->block_count <= visits_max))
        return;
    (void)r2g_fail(&self->seam.failure, R2G_ELIMIT, "more than %d scans", scans > SCANS_MAX ? SCANS_MAX : SCANS_FREE);
    r2g_jpeg_leave(&self->seam);
}

void r2g_jpeg_reader_create(struct r2g_jpeg_reader *self) {
    j_decompress_ptr cinfo = &self->cinfo;
    jpeg_create_decompress(cinfo);
    r2g_jpeg_watch_memory((j_common_ptr)cinfo);
    cinfo->client_data = self;
    self->input = (struct jpeg_source_mgr){.init_source = input_nothing,
                                           .fill_input_buffer = input_fill,
                                           .skip_input_data = input_skip,
                                           .resync_to_restart = jpeg_resync_to_restart,
                                           .term_source = input_nothing};
    cinfo->src = &self->input;
    self->progress.progress_monitor = watch_scans;
    cinfo->progress = &self->progress;
}

static void step_read_header(void *object) {
    struct r2g_jpeg_reader *self = object;
    r2g_jpeg_reader_create(self);
    jpeg_read_header(&self->cinfo, TRUE);
}

/* "YCbCr 4:2:0", or every component's sampling factors where no such name is usual. */
static void describe_sampling(const struct jpeg_decompress_struct *cinfo, char *text, size_t text_nbytes) {
    static const struct {
        int across, down;
        const char *name;
    } usual[] = {{1, 1, "4:4:4"}, {2, 1, "4:2:2"}, {2, 2, "4:2:0"}, {4, 1, "4:1:1"}, {1, 2, "4:4:0"}, {4, 2, "4:1:0"}};
    const jpeg_component_info *c = cinfo->comp_info;
    if (c[1].h_samp_factor == c[2].h_samp_factor && c[1].v_samp_factor == c[2].v_samp_factor)
        for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
            if (c[0].h_samp_factor == usual[i].across * c[1].h_samp_factor &&
                c[0].v_samp_factor == usual[i].down * c[1].v_samp_factor) {
                snprintf(text, text_nbytes, "YCbCr %s", usual[i].name);
                return;
            }
    snprintf(text, text_nbytes, "YCbCr %dx%d,%dx%d,%dx%d", c[0].h_samp_factor, c[0].v_samp_factor, c[1].h_samp_factor,
             c[1].v_samp_factor, c[2].h_samp_factor, c[2].v_samp_factor);
}

static void describe_coding(struct r2g_jpeg_reader *self) {
    struct r2g_image *image = &self->base.image;
    const char *process = self->header.sof == 0xC0   ? "baseline"
                          : self->header.sof == 0xC1 ? "extended"
                          : self->header.sof == 0xC2 ? "progressive"
                          : self->header.sof == 0xC9 ? "arithmetic"
                                                     : "arithmetic, progressive";
    if (self->cinfo.restart_interval > 0)
        snprintf(image->coding, sizeof image->coding, "%s, restart interval %u", process, self->cinfo.restart_interval);
    else
        snprintf(image->coding, sizeof image->coding, "%s", process);
    if (!self->header.huffman_tables && !self->cinfo.arith_code)
        r2g_jpeg_note(&self->seam, "no Huffman tables in the file: the standard ones are used");
}

/* Chooses what libjpeg shall deliver and says so in the image. */
static r2g_status choose_colour(struct r2g_jpeg_reader *self, bool own_luma, struct r2g_error *err) {
    j_decompress_ptr cinfo = &self->cinfo;
    struct r2g_image *image = &self->base.image;
    const char *colour = NULL;
    image->layout = R2G_LAYOUT_RGB;
    cinfo->out_color_space = JCS_RGB;
    switch (cinfo->jpeg_color_space) {
    case JCS_GRAYSCALE:
        colour = "gray";
        image->layout = R2G_LAYOUT_GRAY;
        cinfo->out_color_space = JCS_GRAYSCALE;
        break;
    case JCS_YCbCr:
        describe_sampling(cinfo, image->colour, sizeof image->colour);
        if (own_luma) {
            image->own_luma = true;
            image->layout = R2G_LAYOUT_GRAY;
            cinfo->out_color_space = JCS_GRAYSCALE;
        }
        break;
    case JCS_RGB:
        colour = "RGB";
        break;
    case JCS_CMYK:
        colour = cinfo->saw_Adobe_marker ? "CMYK (Adobe, inverted)" : "CMYK";
        cinfo->out_color_space = JCS_CMYK;
        break;
    case JCS_YCCK:
        colour = "YCCK (Adobe, inverted)";
        cinfo->out_color_space = JCS_CMYK;
        break;
    default:
        return r2g_fail(err, R2G_EFORMAT, "JPEG with an unknown colour space is not supported");
    }
    if (colour != NULL)
        snprintf(image->colour, sizeof image->colour, "%s", colour);
    return R2G_OK;
}

/* Blocks of all components, padded to whole MCUs as libjpeg stores them. */
static uint64_t count_blocks(const struct jpeg_decompress_struct *cinfo) {
    uint64_t count = 0;
    uint64_t mcus_across = ((uint64_t)cinfo->image_width + DCTSIZE * (uint64_t)cinfo->max_h_samp_factor - 1) /
                           (DCTSIZE * (uint64_t)cinfo->max_h_samp_factor);
    uint64_t mcus_down = ((uint64_t)cinfo->image_height + DCTSIZE * (uint64_t)cinfo->max_v_samp_factor - 1) /
                         (DCTSIZE * (uint64_t)cinfo->max_v_samp_factor);
    for (int i = 0; i < cinfo->num_components; i++)
        count += mcus_across * (uint64_t)cinfo->comp_info[i].h_samp_factor * mcus_down *
                 (uint64_t)cinfo->comp_info[i].v_samp_factor;
    return count;
}

/* Checks what libjpeg will need, counts it in the budget, and forbids it more. */
static r2g_status hold_memory(struct r2g_jpeg_reader *self, const struct r2g_read_options *options,
                              struct r2g_error *err) {
    j_decompress_ptr cinfo = &self->cinfo;
    struct r2g_image *image = &self->base.image;
    self->block_count = count_blocks(cinfo);
    /* rows in work: for each component an MCU line of samples with context rows on both sides, its pointers, and the
     * upsampled rows; and pointers to the rows of blocks */
    uint64_t padded_width = cinfo->image_width + DCTSIZE * 2 * (uint64_t)cinfo->max_h_samp_factor;
    uint64_t nbytes =
        LIBJPEG_NBYTES + padded_width * (uint64_t)cinfo->num_components * 12 * (uint64_t)cinfo->max_v_samp_factor;
    r2g_status status;
    if (jpeg_has_multiple_scans(cinfo)) {
        nbytes += self->block_count * R2G_JPEG_BLOCK_NBYTES + cinfo->image_height * sizeof(void *);
        image->whole_nbytes = nbytes;
        status = r2g_check_whole(options, cinfo->image_width, cinfo->image_height, nbytes, err);
    } else {
        status = r2g_budget_check(self->budget, nbytes, "the JPEG decoder", err);
    }
    if (status != R2G_OK)
        return status;
    self->held_nbytes = nbytes;
    atomic_fetch_add(&self->budget->used_nbytes, nbytes);
    cinfo->mem->max_memory_to_use = (long)r2g_u64_min(nbytes, LONG_MAX);
    return R2G_OK;
}

static r2g_status open_reader(struct r2g_jpeg_reader *self, const struct r2g_read_options *options,
                              struct r2g_error *err) {
    struct r2g_image *image = &self->base.image;
    r2g_status status =
        r2g_jpeg_read_markers(self->base.source, self->budget, &self->header, &self->base.metadata, err);
    if (status == R2G_OK)
        status = r2g_jpeg_guard(&self->seam, step_read_header, self, err);
    if (status == R2G_OK)
        status = choose_colour(self, options->own_luma, err);
    if (status != R2G_OK)
        return status;
    image->width = self->cinfo.image_width;
    image->height = self->cinfo.image_height;
    image->maxval = 255;
    image->stored_bits = 8;
    image->format = "JPEG";
    describe_coding(self);
    self->max_pixels = options->max_pixels;
    status = hold_memory(self, options, err);
    if (status == R2G_OK && self->cinfo.out_color_space == JCS_CMYK)
        status = r2g_buffer_reserve(&self->cmyk_row, 4 * (size_t)image->width, "a CMYK row", err);
    return status;
}

r2g_status r2g_jpeg_open(struct r2g_reader **reader, const struct r2g_source *source,
                         const struct r2g_read_options *options, struct r2g_error *err) {
    *reader = NULL;
    struct r2g_jpeg_reader *self = r2g_new(sizeof *self, err);
    if (self == NULL)
        return R2G_ENOMEM;
    self->base.codec = &r2g_codec_jpeg;
    self->base.source = source;
    r2g_metadata_init(&self->base.metadata);
    self->budget = options->budget;
    self->cmyk_row.budget = options->budget;
    r2g_jpeg_seam_init(&self->seam, self->base.image.note, sizeof self->base.image.note);
    self->cinfo.err = &self->seam.manager;
    r2g_status status = open_reader(self, options, err);
    if (status != R2G_OK) {
        r2g_jpeg_close(&self->base);
        return status;
    }
    *reader = &self->base;
    return R2G_OK;
}

void r2g_jpeg_close(struct r2g_reader *reader) {
    if (reader == NULL)
        return;
    struct r2g_jpeg_reader *self = (struct r2g_jpeg_reader *)reader;
    jpeg_destroy_decompress(&self->cinfo);
    atomic_fetch_sub(&self->budget->used_nbytes, self->held_nbytes);
    r2g_buffer_free(&self->cmyk_row);
    r2g_metadata_free(&self->base.metadata);
    free(self);
}

void r2g_jpeg_reader_check_scans(struct r2g_jpeg_reader *self) {
    const struct jpeg_decompress_struct *cinfo = &self->cinfo;
    bool complete = true;
    for (int i = 0; i < cinfo->num_components; i++) {
        if (cinfo->comp_info[i].quant_table == NULL)
            r2g_jpeg_reader_leave(self, "no scan for one of the colour components");
        for (int k = 0; cinfo->coef_bits != NULL && k < DCTSIZE2; k++)
            complete = complete && cinfo->coef_bits[i][k] == 0;
    }
    if (complete)
        return;
    if (self->past_end)
        r2g_jpeg_reader_leave(self, "the file ends before the last scan");
    r2g_jpeg_note(&self->seam, "the progressive scans are not complete: fine detail is missing");
}

static void start(struct r2g_jpeg_reader *self) {
    self->started = true;
    jpeg_start_decompress(&self->cinfo);
    if (jpeg_has_multiple_scans(&self->cinfo))
        r2g_jpeg_reader_check_scans(self);
}

/* Reads on to the end marker, for damage behind the last row. */
static void finish(struct r2g_jpeg_reader *self) {
    jpeg_finish_decompress(&self->cinfo);
    if (self->past_end)
        r2g_jpeg_note(&self->seam, "the end marker is missing");
}

/* Adobe stores CMYK inverted: C' = 255 - C and so on. R = (255 - C) (255 - K) / 255, which is C' K' / 255 of inverted
 * values, rounded to nearest (a half cannot occur, 255 being odd); G from M, B from Y. */
static void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, uint32_t width, bool inverted) {
    unsigned flip = inverted ? 0 : 255;
    for (uint32_t x = 0; x < width; x++) {
        unsigned k = cmyk[4 * (size_t)x + 3] ^ flip;
        for (unsigned i = 0; i < 3; i++)
            rgb[3 * (size_t)x + i] = (uint8_t)(((cmyk[4 * (size_t)x + i] ^ flip) * k + 127) / 255);
    }
}

static void read_cmyk(struct r2g_jpeg_reader *self) {
    bool inverted = self->cinfo.saw_Adobe_marker || self->cinfo.jpeg_color_space == JCS_YCCK;
    for (uint32_t i = 0; i < self->row_count; i++) {
        JSAMPROW row = self->cmyk_row.bytes;
        jpeg_read_scanlines(&self->cinfo, &row, 1);
        cmyk_to_rgb(row, self->rows + i * self->stride, self->cinfo.image_width, inverted);
    }
}

static void step_read_rows(void *object) {
    struct r2g_jpeg_reader *self = object;
    j_decompress_ptr cinfo = &self->cinfo;
    if (!self->started)
        start(self);
    if (cinfo->out_color_space == JCS_CMYK) {
        read_cmyk(self);
    } else {
        for (uint32_t done = 0; done < self->row_count;) {
            JSAMPROW pointers[ROWS_A_CALL];
            uint32_t count = (uint32_t)r2g_u64_min(self->row_count - done, ROWS_A_CALL);
            for (uint32_t i = 0; i < count; i++)
                pointers[i] = self->rows + (done + i) * self->stride;
            done += jpeg_read_scanlines(cinfo, pointers, count);
        }
    }
    if (cinfo->output_scanline == cinfo->output_height)
        finish(self);
}

r2g_status r2g_jpeg_read_rows(struct r2g_reader *reader, uint32_t first_row, uint32_t row_count, void *rows,
                              size_t stride, struct r2g_error *err) {
    struct r2g_jpeg_reader *self = (struct r2g_jpeg_reader *)reader;
    if (self->failed) {
        if (err != NULL)
            *err = self->seam.failure;
        return self->seam.failure.status;
    }
    if (row_count == 0)
        return R2G_OK;
    if (first_row != self->cinfo.output_scanline || row_count > self->base.image.height - first_row)
        return r2g_fail(err, R2G_EINTERNAL, "JPEG rows asked for out of order");
    self->rows = rows;
    self->stride = stride;
    self->row_count = row_count;
    r2g_status status = r2g_jpeg_guard(&self->seam, step_read_rows, self, err);
    self->failed = status != R2G_OK;
    return status;
}
