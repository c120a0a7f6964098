/* What becomes of everything in a picture that is not a colour sample: the written rules, as one pure function.
 *
 * alpha        kept where the output has it (unless flattening is asked for), else the picture is laid on the background
 * depth        kept; scaled to 8 bits where the output has no more
 * orientation  kept as a tag where the output has one, else (or on request) applied to the pixels
 * ICC profile  a gray profile stays on gray input; any other is dropped, since it does not describe gray samples
 * gAMA, sRGB   kept in PNG
 * EXIF         its orientation as above; all else kept on request only, without the thumbnail (a colour picture)
 * XMP          dropped: it describes the picture as it was
 * density, text  kept where the output has a place for them
 * all else     dropped
 */
#ifndef R2G_PIPELINE_POLICY_H
#define R2G_PIPELINE_POLICY_H

#include <rgb2gray/convert.h>

#include "codec/codec.h"
#include "pipeline/report.h"

struct r2g_policy {
    unsigned apply_orientation; /* 1 to 8: to be applied to the pixels; 1: nothing to do */
    bool keep_alpha;
    uint32_t out_maxval;
    struct r2g_fate fates[R2G_FATES_MAX];
    unsigned fate_count;
};

/* Decides for `image` with `metadata`, going to the format of `encoder` under `options`. *metadata is changed to what
 * the output shall carry. R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_policy_decide(struct r2g_policy *policy, const struct r2g_image *image,
                                            struct r2g_metadata *metadata, const struct r2g_encoder *encoder,
                                            const struct r2g_options *options, struct r2g_error *err);

#endif
