/* The luma transcode by libjpeg: all coefficients are read into memory, and the luma's coded anew with Huffman tables made
 * for them. For progressive and arithmetic coding, several scans, and other kinds whose bits cannot be copied. */
#include "codec/jpeg_metadata.h"
#include "codec/jpeg_reader.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/size.h"

enum { OUTPUT_NBYTES = 1 << 17 };

struct coefficients;

/* libjpeg's view of the progress, with the way back from it. */
struct watch {
    struct jpeg_progress_mgr manager; /* first */
    struct coefficients *self;
};

struct coefficients {
    struct r2g_jpeg_reader *reader;
    struct r2g_transcode_io *io;
    struct jpeg_compress_struct out; /* shares the reader's seam: one of both runs at a time */
    struct jpeg_destination_mgr destination;
    jvirt_barray_ptr *arrays;
    const struct r2g_metadata *metadata;
    struct r2g_buffer bytes;
    struct watch reading, writing;
};

static void write_bytes(struct coefficients *self, const uint8_t *bytes, size_t nbytes) {
    if (self->io->write(self->io->user, bytes, nbytes, &self->reader->seam.failure) != R2G_OK)
        r2g_jpeg_leave(&self->reader->seam);
}

static void destination_init(j_compress_ptr cinfo) {
    struct coefficients *self = cinfo->client_data;
    self->destination.next_output_byte = self->bytes.bytes;
    self->destination.free_in_buffer = OUTPUT_NBYTES;
}

static boolean destination_empty(j_compress_ptr cinfo) {
    struct coefficients *self = cinfo->client_data;
    write_bytes(self, self->bytes.bytes, OUTPUT_NBYTES);
    destination_init(cinfo);
    return TRUE;
}

static void destination_term(j_compress_ptr cinfo) {
    struct coefficients *self = cinfo->client_data;
    write_bytes(self, self->bytes.bytes, OUTPUT_NBYTES - self->destination.free_in_buffer);
}

/* Tells the rows done: half of the work is reading. */
static void tell(const struct watch *watch, bool writing) {
    struct coefficients *self = watch->self;
    uint64_t height = self->reader->base.image.height, done = 0;
    long counter = watch->manager.pass_counter, limit = watch->manager.pass_limit;
    if (limit > 0 && counter > 0)
        done = height * r2g_u64_min((uint64_t)counter, (uint64_t)limit) / (uint64_t)limit / 2;
    if (writing) /* of two passes: the first counts symbols */
        done = height / 2;
    if (self->io->rows_done(self->io->user, (uint32_t)done, &self->reader->seam.failure) != R2G_OK)
        r2g_jpeg_leave(&self->reader->seam);
}

static void watch_reading(j_common_ptr common) {
    const struct watch *watch = (const struct watch *)common->progress;
    watch->self->reader->progress.progress_monitor(common);
    tell(watch, false);
}

static void watch_writing(j_common_ptr common) {
    tell((const struct watch *)common->progress, true);
}

static void step_read(void *object) {
    struct coefficients *self = object;
    struct r2g_jpeg_reader *reader = self->reader;
    self->reading = (struct watch){.manager.progress_monitor = watch_reading, .self = self};
    reader->cinfo.progress = &self->reading.manager;
    self->arrays = jpeg_read_coefficients(&reader->cinfo);
    if (jpeg_has_multiple_scans(&reader->cinfo))
        r2g_jpeg_reader_check_scans(reader);
    if (reader->past_end)
        r2g_jpeg_note(&reader->seam, "the end marker is missing");
}

static void step_write(void *object) {
    struct coefficients *self = object;
    const struct jpeg_decompress_struct *in = &self->reader->cinfo;
    j_compress_ptr out = &self->out;
    jpeg_create_compress(out);
    r2g_jpeg_watch_memory((j_common_ptr)out);
    out->client_data = self;
    self->destination = (struct jpeg_destination_mgr){.init_destination = destination_init,
                                                      .empty_output_buffer = destination_empty,
                                                      .term_destination = destination_term};
    out->dest = &self->destination;
    self->writing = (struct watch){.manager.progress_monitor = watch_writing, .self = self};
    out->progress = &self->writing.manager;
    out->in_color_space = JCS_GRAYSCALE;
    out->input_components = 1;
    out->image_width = in->image_width;
    out->image_height = in->image_height;
    jpeg_set_defaults(out);
    memcpy(out->quant_tbl_ptrs[0]->quantval, in->comp_info[0].quant_table->quantval,
           sizeof out->quant_tbl_ptrs[0]->quantval);
    out->optimize_coding = TRUE;
    r2g_jpeg_set_density(out, self->metadata);
    jpeg_write_coefficients(out, self->arrays);
    r2g_jpeg_put_markers(out, self->metadata);
    jpeg_finish_compress(out);
}

/* A file of several scans is held anyway; one of a single scan is not when it is decoded. */
static r2g_status hold_memory(struct r2g_jpeg_reader *reader, struct r2g_error *err) {
    j_decompress_ptr cinfo = &reader->cinfo;
    if (jpeg_has_multiple_scans(cinfo))
        return R2G_OK;
    struct r2g_read_options options = {.budget = reader->budget, .max_pixels = reader->max_pixels};
    uint64_t nbytes = reader->block_count * R2G_JPEG_BLOCK_NBYTES + cinfo->image_height * sizeof(void *);
    r2g_status status = r2g_check_whole(&options, cinfo->image_width, cinfo->image_height, nbytes, err);
    if (status != R2G_OK)
        return status;
    reader->held_nbytes += nbytes;
    atomic_fetch_add(&reader->budget->used_nbytes, nbytes);
    cinfo->mem->max_memory_to_use = (long)r2g_u64_min(reader->held_nbytes, LONG_MAX);
    return R2G_OK;
}

static r2g_status copy(struct coefficients *self, struct r2g_error *err) {
    struct r2g_jpeg_reader *reader = self->reader;
    r2g_status status = r2g_jpeg_check_metadata(self->metadata, err);
    if (status == R2G_OK)
        status = hold_memory(reader, err);
    if (status == R2G_OK)
        status = r2g_buffer_reserve(&self->bytes, OUTPUT_NBYTES, "JPEG output", err);
    int64_t start = r2g_clock_ns();
    if (status == R2G_OK)
        status = r2g_jpeg_guard(&reader->seam, step_read, self, err);
    self->io->read_ns = r2g_clock_ns() - start;
    if (status == R2G_OK)
        status = r2g_jpeg_guard(&reader->seam, step_write, self, err);
    return status;
}

r2g_status r2g_jpeg_copy_coefficients(struct r2g_jpeg_reader *reader, const struct r2g_metadata *metadata,
                                      struct r2g_transcode_io *io, struct r2g_error *err) {
    struct coefficients *self = r2g_new(sizeof *self, err);
    if (self == NULL)
        return R2G_ENOMEM;
    self->reader = reader;
    self->io = io;
    self->metadata = metadata;
    self->bytes.budget = reader->budget;
    self->out.err = &reader->seam.manager;
    r2g_status status = copy(self, err);
    jpeg_destroy_compress(&self->out);
    reader->cinfo.progress = &reader->progress;
    r2g_buffer_free(&self->bytes);
    free(self);
    return status;
}
