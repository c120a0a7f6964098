/* Which way a JPEG is transcoded. */
#include "codec/jpeg_luma.h"

enum r2g_transcode r2g_jpeg_transcode_way(const struct r2g_reader *base) {
    const struct r2g_jpeg_reader *reader = (const struct r2g_jpeg_reader *)base;
    const struct jpeg_decompress_struct *cinfo = &reader->cinfo;
    const jpeg_component_info *luma = cinfo->comp_info;
    bool gray = cinfo->jpeg_color_space == JCS_GRAYSCALE;
    if (!gray && !(cinfo->jpeg_color_space == JCS_YCbCr && base->image.own_luma))
        return R2G_TRANSCODE_NONE;
    /* luma of fewer pixels than the picture has is not the gray picture */
    if (luma->h_samp_factor != cinfo->max_h_samp_factor || luma->v_samp_factor != cinfo->max_v_samp_factor)
        return R2G_TRANSCODE_NONE;
    struct r2g_jpeg_luma_plan plan;
    return r2g_jpeg_luma_plan_make(&plan, reader) ? R2G_TRANSCODE_BITS : R2G_TRANSCODE_COEFFICIENTS;
}

r2g_status r2g_jpeg_transcode(struct r2g_reader *base, const struct r2g_metadata *metadata, struct r2g_transcode_io *io,
                              struct r2g_error *err) {
    struct r2g_jpeg_reader *reader = (struct r2g_jpeg_reader *)base;
    switch (r2g_jpeg_transcode_way(base)) {
    case R2G_TRANSCODE_BITS:
        return r2g_jpeg_copy_luma(reader, metadata, io, err);
    case R2G_TRANSCODE_COEFFICIENTS:
        return r2g_jpeg_copy_coefficients(reader, metadata, io, err);
    default:
        return r2g_fail(err, R2G_EINTERNAL, "this JPEG cannot be transcoded");
    }
}
