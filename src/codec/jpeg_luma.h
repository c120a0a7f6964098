/* What the luma transcode decides from a JPEG's header: shape of the MCUs, tables, and what stands before the bits. */
#ifndef R2G_CODEC_JPEG_LUMA_H
#define R2G_CODEC_JPEG_LUMA_H

#include "codec/jpeg_reader.h"
#include "codec/jpeg_walk.h"

struct r2g_jpeg_luma_plan {
    unsigned across, down, chroma[2]; /* as in struct r2g_jpeg_shape */
    uint32_t mcus_across, mcus_down;
    uint32_t blocks_across, blocks_down; /* of luma, without padding */
    uint32_t restart_interval;           /* of the input, MCUs; 0: none */
    bool same_order;                     /* luma blocks stand in the output in the order of the input, restarts too */
    struct r2g_jpeg_codes dc, ac;        /* luma's tables, completed where the order changes */
    struct r2g_jpeg_dc_codes dc_codes;
};

/* Whether the picture's luma bits can be copied; then *plan is filled. */
bool r2g_jpeg_luma_plan_make(struct r2g_jpeg_luma_plan *plan, const struct r2g_jpeg_reader *reader);

/* The Huffman tables of one of the scan's components: the file's, or the standard's where it has none. R2G_ECORRUPT. */
R2G_MUST_CHECK r2g_status r2g_jpeg_luma_codes(const struct r2g_jpeg_reader *reader, int component,
                                              struct r2g_jpeg_codes *dc, struct r2g_jpeg_codes *ac,
                                              struct r2g_error *err);

/* Checks what libjpeg checks before it decodes: R2G_ECORRUPT. */
R2G_MUST_CHECK r2g_status r2g_jpeg_luma_check(const struct r2g_jpeg_reader *reader, struct r2g_error *err);

/* Appends all that stands before the gray scan's bits. */
R2G_MUST_CHECK r2g_status r2g_jpeg_luma_head(const struct r2g_jpeg_luma_plan *plan,
                                             const struct r2g_jpeg_reader *reader, const struct r2g_metadata *metadata,
                                             struct r2g_buffer *out, struct r2g_error *err);

#endif
