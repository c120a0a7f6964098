/* The JPEG encoder: 8-bit gray, baseline Huffman, one restart interval (ITU-T T.81, E.1.4) for each row block.
 *
 * libjpeg writes everything. The header is what it writes for the whole picture before the first row. A segment is what
 * it writes for a picture of the block's rows alone, less that picture's header and end: since DC prediction starts
 * afresh at each restart marker, and a block is a whole number of 8-row block lines, those bytes are what belongs there.
 * Rows missing to a multiple of 8 occur at the bottom of the last block only, and libjpeg fills them by repeating the
 * last row just as it does for the whole picture.
 */
#include "codec/jpeg_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "codec/jpeg_metadata.h"
#include "codec/jpeg_seam.h"

enum { EOI_NBYTES = 2 };

struct r2g_encoder_state {
    struct jpeg_compress_struct cinfo;
    struct jpeg_destination_mgr destination;
    struct r2g_jpeg_seam seam;
    const struct r2g_raster *raster;

    struct r2g_buffer *out; /* the rest: one call's arguments */
    const struct r2g_metadata *metadata;
    bool front_only; /* of a header: no tables */
    const uint8_t *rows;
    uint32_t row_count;
    size_t out_start;
};

static uint32_t restart_interval(const struct r2g_raster *raster) {
    uint64_t interval = ((uint64_t)raster->width + 7) / 8 * (raster->block_rows / 8);
    return interval <= UINT16_MAX ? (uint32_t)interval : 0;
}

static r2g_status check_raster(const struct r2g_raster *raster, struct r2g_error *err) {
    if (raster->width == 0 || raster->height == 0 || raster->width > JPEG_MAX_DIMENSION ||
        raster->height > JPEG_MAX_DIMENSION)
        return r2g_fail(err, R2G_ELIMIT, "%u x %u pixels do not fit a JPEG, which ends at %ld a side", raster->width,
                        raster->height, JPEG_MAX_DIMENSION);
    if (raster->channels != 1 || raster->maxval != 255 || raster->quality < 1 || raster->quality > 100)
        return r2g_fail(err, R2G_EINTERNAL, "JPEG encoder asked for %u channels, maxval %u, quality %u",
                        raster->channels, raster->maxval, raster->quality);
    if (raster->block_count > 1 && (raster->block_rows % 8 != 0 || restart_interval(raster) == 0))
        return r2g_fail(err, R2G_EINTERNAL, "row blocks of %u x %u pixels cannot be JPEG restart intervals",
                        raster->width, raster->block_rows);
    return R2G_OK;
}

/* Makes room in the output buffer and shows all of it to libjpeg. */
static void make_room(struct r2g_encoder_state *state, size_t nbytes) {
    struct r2g_buffer *out = state->out;
    size_t capacity;
    if (!r2g_size_add(out->nbytes, nbytes, &capacity) ||
        r2g_buffer_reserve(out, capacity, "JPEG output", &state->seam.failure) != R2G_OK)
        r2g_jpeg_leave(&state->seam);
    state->destination.next_output_byte = out->bytes + out->nbytes;
    state->destination.free_in_buffer = out->capacity - out->nbytes;
}

static void destination_init(j_compress_ptr cinfo) {
    struct r2g_encoder_state *state = cinfo->client_data;
    /* gray photographs take about 2 bits a pixel; the buffer grows where that is not enough */
    make_room(state, 4096 + (size_t)state->row_count * cinfo->image_width / 4);
}

static boolean destination_empty(j_compress_ptr cinfo) {
    struct r2g_encoder_state *state = cinfo->client_data;
    state->out->nbytes = state->out->capacity; /* libjpeg's contract: the whole buffer is used, whatever it says */
    make_room(state, state->out->capacity / 2 + 4096);
    return TRUE;
}

static void destination_term(j_compress_ptr cinfo) {
    struct r2g_encoder_state *state = cinfo->client_data;
    state->out->nbytes = (size_t)(state->destination.next_output_byte - state->out->bytes);
}

static void step_create(void *object) {
    struct r2g_encoder_state *state = object;
    j_compress_ptr cinfo = &state->cinfo;
    jpeg_create_compress(cinfo);
    r2g_jpeg_watch_memory((j_common_ptr)cinfo);
    cinfo->client_data = state;
    cinfo->dest = &state->destination;
    cinfo->in_color_space = JCS_GRAYSCALE;
    cinfo->input_components = 1;
    cinfo->image_width = state->raster->width;
    jpeg_set_defaults(cinfo);
    cinfo->dct_method = JDCT_ISLOW; /* the same result on every instruction set */
    jpeg_set_quality(cinfo, (int)state->raster->quality, TRUE);
}

static r2g_status state_open(struct r2g_encoder_state *state, const struct r2g_raster *raster, struct r2g_error *err) {
    r2g_jpeg_seam_init(&state->seam, NULL, 0);
    state->cinfo.err = &state->seam.manager;
    state->raster = raster;
    state->destination.init_destination = destination_init;
    state->destination.empty_output_buffer = destination_empty;
    state->destination.term_destination = destination_term;
    return r2g_jpeg_guard(&state->seam, step_create, state, err);
}

static void state_free(struct r2g_encoder_state *state) {
    if (state == NULL)
        return;
    jpeg_destroy_compress(&state->cinfo);
    free(state);
}

static r2g_status state_new(struct r2g_encoder_state **state, const struct r2g_raster *raster,
                            struct r2g_budget *budget, struct r2g_error *err) {
    *state = NULL;
    r2g_status status = check_raster(raster, err);
    /* libjpeg's own: a line of 8 rows of samples and a line of blocks' pointers, with room to spare */
    if (status == R2G_OK)
        status = r2g_budget_check(budget, 32 * (uint64_t)raster->width + 65536, "the JPEG encoder", err);
    if (status != R2G_OK)
        return status;
    struct r2g_encoder_state *fresh = r2g_new(sizeof *fresh, err);
    if (fresh == NULL)
        return R2G_ENOMEM;
    status = state_open(fresh, raster, err);
    if (status != R2G_OK) {
        state_free(fresh);
        return status;
    }
    fresh->raster = NULL; /* the caller's, not to outlive this call */
    *state = fresh;
    return R2G_OK;
}

static void step_header(void *object) {
    struct r2g_encoder_state *state = object;
    j_compress_ptr cinfo = &state->cinfo;
    const struct r2g_metadata *metadata = state->metadata;
    cinfo->image_height = state->raster->height;
    if (state->raster->block_count > 1)
        cinfo->restart_interval = restart_interval(state->raster);
    r2g_jpeg_set_density(cinfo, metadata);
    jpeg_start_compress(cinfo, TRUE);
    r2g_jpeg_put_markers(cinfo, metadata);
    if (!state->front_only)
        jpeg_write_scanlines(cinfo, NULL, 0); /* no rows, but the tables and the frame and scan headers before them */
    destination_term(cinfo);
}

static r2g_status write_header(const struct r2g_raster *raster, const struct r2g_metadata *metadata, bool front_only,
                               struct r2g_buffer *out, struct r2g_error *err) {
    r2g_status status = check_raster(raster, err);
    if (status != R2G_OK)
        return status;
    status = r2g_jpeg_check_metadata(metadata, err);
    if (status != R2G_OK)
        return status;
    struct r2g_encoder_state *state = r2g_new(sizeof *state, err);
    if (state == NULL)
        return R2G_ENOMEM;
    status = state_open(state, raster, err);
    if (status == R2G_OK) {
        size_t start = out->nbytes;
        state->out = out;
        state->metadata = metadata;
        state->front_only = front_only;
        status = r2g_jpeg_guard(&state->seam, step_header, state, err);
        if (status != R2G_OK)
            out->nbytes = start;
    }
    state_free(state);
    return status;
}

static r2g_status header(const struct r2g_raster *raster, const struct r2g_metadata *metadata, struct r2g_buffer *out,
                         struct r2g_error *err) {
    return write_header(raster, metadata, false, out, err);
}

r2g_status r2g_jpeg_write_front(const struct r2g_raster *raster, const struct r2g_metadata *metadata,
                                struct r2g_buffer *out, struct r2g_error *err) {
    return write_header(raster, metadata, true, out, err);
}

static void step_segment(void *object) {
    struct r2g_encoder_state *state = object;
    j_compress_ptr cinfo = &state->cinfo;
    cinfo->image_height = state->row_count;
    jpeg_start_compress(cinfo, TRUE);
    jpeg_write_scanlines(cinfo, NULL, 0);
    state->out->nbytes = state->out_start; /* the block's own header is of no use */
    make_room(state, 0);
    while (cinfo->next_scanline < cinfo->image_height) {
        /* libjpeg's type is not const, but it only reads */
        JSAMPROW row = (JSAMPROW)(uintptr_t)(state->rows + (size_t)cinfo->next_scanline * cinfo->image_width);
        jpeg_write_scanlines(cinfo, &row, 1);
    }
    jpeg_finish_compress(cinfo);
}

static r2g_status segment(struct r2g_encoder_state *state, const struct r2g_raster *raster, uint32_t first_row,
                          uint32_t row_count, const void *rows, struct r2g_buffer *out, struct r2g_checksum *checksum,
                          struct r2g_error *err) {
    (void)checksum;
    state->out = out;
    state->out_start = out->nbytes;
    state->rows = rows;
    state->row_count = row_count;
    r2g_status status = r2g_jpeg_guard(&state->seam, step_segment, state, err);
    if (status != R2G_OK) {
        jpeg_abort_compress(&state->cinfo);
        out->nbytes = state->out_start;
        return status;
    }
    uint32_t block = first_row / raster->block_rows;
    if (block + 1 < raster->block_count)
        out->bytes[out->nbytes - 1] = (uint8_t)(JPEG_RST0 + block % 8); /* in place of the block's EOI */
    else
        out->nbytes -= EOI_NBYTES;
    return R2G_OK;
}

static r2g_status trailer(const struct r2g_raster *raster, const struct r2g_checksum *sum, struct r2g_buffer *out,
                          struct r2g_error *err) {
    static const uint8_t end[EOI_NBYTES] = {0xFF, JPEG_EOI};
    (void)raster;
    (void)sum;
    return r2g_buffer_append(out, end, sizeof end, err);
}

const struct r2g_encoder r2g_jpeg_encoder = {
    .max_width = JPEG_MAX_DIMENSION,
    .max_height = JPEG_MAX_DIMENSION,
    .max_maxval = 255,
    .row_multiple = 8,
    .orientation = true,
    .density = true,
    .aspect = true,
    .density_max = UINT16_MAX,
    .icc = true,
    .exif = true,
    .texts = true,
    .state_new = state_new,
    .state_free = state_free,
    .header = header,
    .segment = segment,
    .trailer = trailer,
};
