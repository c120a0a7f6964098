/* Pictures as PNG through the encoder that conversions use, and as JPEG through libjpeg. */
#include "codec/picture.h"

#include "base/size.h"
#include "codec/jpeg_seam.h"
#include "codec/png_parts.h"

/* ---- PNG ---- */

static r2g_status png_segments(const struct r2g_picture *picture, const struct r2g_raster *raster,
                               struct r2g_encoder_state *state, struct r2g_buffer *out, struct r2g_error *err) {
    struct r2g_checksum sum = {0};
    size_t row_nbytes = r2g_raster_row_nbytes(raster);
    r2g_status status = R2G_OK;
    for (uint32_t block = 0; status == R2G_OK && block < raster->block_count; block++) {
        struct r2g_checksum own = {0};
        uint32_t first_row = block * raster->block_rows;
        status = r2g_png_encoder.segment(state, raster, first_row, r2g_raster_block_row_count(raster, block),
                                         picture->pixels + first_row * row_nbytes, out, &own, err);
        r2g_png_encoder.checksum_append(&sum, &own);
    }
    return status == R2G_OK ? r2g_png_encoder.trailer(raster, &sum, out, err) : status;
}

r2g_status r2g_picture_png(const struct r2g_picture *picture, struct r2g_buffer *out, struct r2g_error *err) {
    struct r2g_raster raster = {.width = picture->width,
                                .height = picture->height,
                                .channels = picture->channels,
                                .maxval = 255,
                                .compression = R2G_COMPRESSION_FAST};
    struct r2g_encoder_state *state = NULL;
    struct r2g_metadata nothing;
    r2g_metadata_init(&nothing);
    r2g_raster_cut(&raster, &r2g_png_encoder);
    r2g_status status = r2g_png_encoder.header(&raster, &nothing, out, err);
    if (status == R2G_OK)
        status = r2g_png_encoder.state_new(&state, &raster, out->budget, err);
    if (status == R2G_OK)
        status = png_segments(picture, &raster, state, out, err);
    r2g_png_encoder.state_free(state);
    r2g_metadata_free(&nothing);
    return status;
}

/* ---- JPEG ---- */

struct jpeg_writer {
    struct jpeg_compress_struct cinfo;
    struct jpeg_destination_mgr destination;
    struct r2g_jpeg_seam seam;
    const struct r2g_picture *picture;
    int quality;
    struct r2g_buffer *out;
};

/* Makes room in the output buffer and shows all of it to libjpeg. */
static void make_room(struct jpeg_writer *writer, size_t nbytes) {
    struct r2g_buffer *out = writer->out;
    size_t capacity;
    if (!r2g_size_add(out->nbytes, nbytes, &capacity) ||
        r2g_buffer_reserve(out, capacity, "JPEG output", &writer->seam.failure) != R2G_OK)
        r2g_jpeg_leave(&writer->seam);
    writer->destination.next_output_byte = out->bytes + out->nbytes;
    writer->destination.free_in_buffer = out->capacity - out->nbytes;
}

static void destination_init(j_compress_ptr cinfo) {
    make_room(cinfo->client_data, 4096 + (size_t)cinfo->image_width * cinfo->image_height / 4);
}

static boolean destination_empty(j_compress_ptr cinfo) {
    struct jpeg_writer *writer = cinfo->client_data;
    writer->out->nbytes = writer->out->capacity; /* libjpeg's contract: the whole buffer is used, whatever it says */
    make_room(writer, writer->out->capacity / 2 + 4096);
    return TRUE;
}

static void destination_term(j_compress_ptr cinfo) {
    struct jpeg_writer *writer = cinfo->client_data;
    writer->out->nbytes = (size_t)(writer->destination.next_output_byte - writer->out->bytes);
}

static void step_write(void *object) {
    struct jpeg_writer *writer = object;
    const struct r2g_picture *picture = writer->picture;
    j_compress_ptr cinfo = &writer->cinfo;
    jpeg_create_compress(cinfo);
    r2g_jpeg_watch_memory((j_common_ptr)cinfo);
    cinfo->client_data = writer;
    cinfo->dest = &writer->destination;
    cinfo->image_width = picture->width;
    cinfo->image_height = picture->height;
    cinfo->input_components = (int)picture->channels;
    cinfo->in_color_space = picture->channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_set_defaults(cinfo);
    jpeg_set_quality(cinfo, writer->quality, TRUE);
    jpeg_start_compress(cinfo, TRUE);
    while (cinfo->next_scanline < cinfo->image_height) {
        /* libjpeg's type is not const, but it only reads */
        JSAMPROW row = (JSAMPROW)picture->pixels + (size_t)cinfo->next_scanline * picture->width * picture->channels;
        jpeg_write_scanlines(cinfo, &row, 1);
    }
    jpeg_finish_compress(cinfo);
}

r2g_status r2g_picture_jpeg(const struct r2g_picture *picture, int quality, struct r2g_buffer *out,
                            struct r2g_error *err) {
    struct jpeg_writer writer = {.picture = picture,
                                 .quality = quality,
                                 .out = out,
                                 .destination = {.init_destination = destination_init,
                                                 .empty_output_buffer = destination_empty,
                                                 .term_destination = destination_term}};
    r2g_status status = r2g_budget_check(out->budget, 32 * (uint64_t)picture->width * picture->channels + 65536,
                                         "the JPEG encoder", err);
    if (status != R2G_OK)
        return status;
    r2g_jpeg_seam_init(&writer.seam, NULL, 0);
    writer.cinfo.err = &writer.seam.manager;
    status = r2g_jpeg_guard(&writer.seam, step_write, &writer, err);
    jpeg_destroy_compress(&writer.cinfo);
    return status;
}
