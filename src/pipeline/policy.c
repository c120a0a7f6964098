#include "pipeline/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rgb2gray/rgb2gray.h>

#include "codec/exif.h"

static void add_fate(struct r2g_policy *policy, enum r2g_fate_kind kind, const char *item, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add_fate(struct r2g_policy *policy, enum r2g_fate_kind kind, const char *item, const char *format, ...) {
    if (policy->fate_count == R2G_FATES_MAX)
        return;
    struct r2g_fate *fate = &policy->fates[policy->fate_count++];
    fate->kind = kind;
    snprintf(fate->item, sizeof fate->item, "%s", item);
    va_list args;
    va_start(args, format);
    vsnprintf(fate->why, sizeof fate->why, format, args);
    va_end(args);
}

static void drop_blob(struct r2g_blob *blob) {
    free(blob->bytes);
    *blob = (struct r2g_blob){0};
}

static void drop_texts(struct r2g_metadata *metadata) {
    for (size_t i = 0; i < metadata->text_count; i++) {
        free(metadata->texts[i].key);
        free(metadata->texts[i].value);
    }
    free(metadata->texts);
    metadata->texts = NULL;
    metadata->text_count = 0;
}

static void decide_samples(struct r2g_policy *policy, const struct r2g_image *image, const struct r2g_encoder *encoder,
                           const struct r2g_options *options) {
    bool has_alpha = r2g_layout_has_alpha(image->layout);
    policy->keep_alpha = has_alpha && encoder->alpha && options->alpha == R2G_ALPHA_KEEP;
    if (has_alpha) {
        if (policy->keep_alpha)
            add_fate(policy, R2G_FATE_KEPT, "alpha", "the output has an alpha channel");
        else
            add_fate(policy, R2G_FATE_APPLIED, "alpha", "laid on the background #%02x%02x%02x", options->background[0],
                     options->background[1], options->background[2]);
    }
    if (encoder->any_maxval && image->maxval <= encoder->max_maxval)
        policy->out_maxval = image->maxval;
    else
        policy->out_maxval = image->maxval <= 255 || encoder->max_maxval < 65535 ? 255 : 65535;
    if (policy->out_maxval < image->maxval)
        add_fate(policy, R2G_FATE_APPLIED, "depth", "samples of 0 to %u scaled to 0 to %u: the output has no more",
                 image->maxval, policy->out_maxval);
    else if (policy->out_maxval > image->maxval)
        add_fate(policy, R2G_FATE_APPLIED, "range", "samples of 0 to %u scaled to 0 to %u", image->maxval,
                 policy->out_maxval);
}

/* Swaps what belongs to the axes when rows become columns. */
static void turn_density(struct r2g_metadata *metadata) {
    uint32_t x = metadata->density_x;
    metadata->density_x = metadata->density_y;
    metadata->density_y = x;
}

static void decide_orientation(struct r2g_policy *policy, struct r2g_metadata *metadata,
                               const struct r2g_encoder *encoder, const struct r2g_options *options) {
    policy->apply_orientation = 1;
    if (metadata->orientation < 2)
        return;
    if (encoder->orientation && options->orient == R2G_ORIENT_TAG) {
        add_fate(policy, R2G_FATE_KEPT, "orientation", "kept as a tag (%u)", metadata->orientation);
        return;
    }
    policy->apply_orientation = metadata->orientation;
    add_fate(policy, R2G_FATE_APPLIED, "orientation", "%u applied to the pixels", metadata->orientation);
    if (metadata->orientation >= 5)
        turn_density(metadata);
    metadata->orientation = 1;
    r2g_exif_set_orientation(&metadata->exif, 1);
}

static void decide_profile(struct r2g_policy *policy, const struct r2g_image *image, struct r2g_metadata *metadata,
                           const struct r2g_encoder *encoder) {
    if (metadata->icc.bytes == NULL)
        return;
    bool gray_input = r2g_layout_channels(image->layout) <= 2 && !image->own_luma;
    bool gray_profile = metadata->icc.nbytes >= 128 && memcmp(metadata->icc.bytes + 16, "GRAY", 4) == 0;
    if (gray_input && gray_profile && encoder->icc) {
        add_fate(policy, R2G_FATE_KEPT, "ICC profile", "a gray profile on gray samples");
        return;
    }
    char space[5] = "?";
    if (metadata->icc.nbytes >= 20)
        snprintf(space, sizeof space, "%.4s", (const char *)metadata->icc.bytes + 16);
    for (char *c = space; *c != '\0'; c++)
        if (*c < 32 || *c > 126)
            *c = '?';
    if (gray_profile && gray_input)
        add_fate(policy, R2G_FATE_DROPPED, "ICC profile", "the output format has no place for it");
    else if (gray_profile)
        add_fate(policy, R2G_FATE_DROPPED, "ICC profile", "a gray profile on a colour picture: it fits neither");
    else
        add_fate(policy, R2G_FATE_DROPPED, "ICC profile", "a profile for %s samples does not describe gray ones",
                 space);
    drop_blob(&metadata->icc);
}

static void decide_exif(struct r2g_policy *policy, struct r2g_metadata *metadata, const struct r2g_encoder *encoder,
                        const struct r2g_options *options) {
    if (metadata->xmp.bytes != NULL) {
        add_fate(policy, R2G_FATE_DROPPED, "XMP", "it describes the picture as it was");
        drop_blob(&metadata->xmp);
    }
    if (metadata->exif.bytes == NULL)
        return;
    if (options->keep_exif && encoder->exif) {
        add_fate(policy, R2G_FATE_KEPT, "EXIF", "on request");
        if (r2g_exif_drop_thumbnail(&metadata->exif))
            add_fate(policy, R2G_FATE_DROPPED, "EXIF thumbnail", "it is a colour picture");
        return;
    }
    add_fate(policy, R2G_FATE_DROPPED, "EXIF",
             encoder->exif ? "other than the orientation; --keep-exif keeps it"
                           : "the output format has no place for it");
    drop_blob(&metadata->exif);
}

/* Whether the output can say the density with its own units and numbers. */
static bool density_fits(const struct r2g_metadata *metadata, const struct r2g_encoder *encoder) {
    uint64_t x = metadata->density_x, y = metadata->density_y;
    if (metadata->density_unit == R2G_DENSITY_ASPECT && !encoder->aspect)
        return false;
    if (encoder->density_max == 0)
        return true;
    if (metadata->density_unit == R2G_DENSITY_PER_METRE)
        /* Formats with a limit count per inch or per cm: at least 1 per cm, and no more than fits per inch. */
        return x >= 50 && y >= 50 && x * 254 / 10000 < encoder->density_max && y * 254 / 10000 < encoder->density_max;
    return x > 0 && y > 0 && x <= encoder->density_max && y <= encoder->density_max;
}

static void decide_density(struct r2g_policy *policy, struct r2g_metadata *metadata,
                           const struct r2g_encoder *encoder) {
    static const char *const units[] = {"", "(shape of a pixel)", "per inch", "per cm", "per metre"};
    if (metadata->density_unit == R2G_DENSITY_NONE)
        return;
    if (encoder->density && density_fits(metadata, encoder)) {
        add_fate(policy, R2G_FATE_KEPT, "density", "%u x %u %s", metadata->density_x, metadata->density_y,
                 units[metadata->density_unit]);
    } else if (encoder->density && encoder->aspect) {
        add_fate(policy, R2G_FATE_APPLIED, "density",
                 "%u x %u %s does not fit the output: the shape of a pixel is kept", metadata->density_x,
                 metadata->density_y, units[metadata->density_unit]);
        metadata->density_unit = R2G_DENSITY_ASPECT;
        uint64_t x = metadata->density_x, y = metadata->density_y, most = x > y ? x : y;
        if (most > encoder->density_max) { /* scaled together, to the nearest, at least 1 */
            x = (x * encoder->density_max + most / 2) / most;
            y = (y * encoder->density_max + most / 2) / most;
            metadata->density_x = (uint32_t)(x > 0 ? x : 1);
            metadata->density_y = (uint32_t)(y > 0 ? y : 1);
        }
    } else {
        add_fate(policy, R2G_FATE_DROPPED, "density", "the output format has no place for it");
        metadata->density_unit = R2G_DENSITY_NONE;
    }
}

static void decide_rest(struct r2g_policy *policy, struct r2g_metadata *metadata, const struct r2g_encoder *encoder) {
    bool has_gamma = metadata->gamma_100000 != 0 || metadata->srgb_intent >= 0;
    if (has_gamma && encoder->gamma) {
        add_fate(policy, R2G_FATE_KEPT, "gamma", "the samples stay as they were coded");
    } else if (has_gamma) {
        add_fate(policy, R2G_FATE_DROPPED, "gamma", "the output format has no place for it");
        metadata->gamma_100000 = 0;
        metadata->srgb_intent = -1;
    }
    if (metadata->text_count > 0 && encoder->texts) {
        add_fate(policy, R2G_FATE_KEPT, "text", "%zu entr%s", metadata->text_count,
                 metadata->text_count == 1 ? "y" : "ies");
    } else if (metadata->text_count > 0) {
        add_fate(policy, R2G_FATE_DROPPED, "text", "%zu entr%s: the output format has no place for them",
                 metadata->text_count, metadata->text_count == 1 ? "y" : "ies");
        drop_texts(metadata);
    }
    if (metadata->ignored[0] != '\0')
        add_fate(policy, R2G_FATE_DROPPED, "other", "%s", metadata->ignored);
}

#define METHOD_KEY "Grayscale"

/* Says in the file which method made it: it is a scientific parameter. */
static r2g_status add_method_text(const struct r2g_image *image, struct r2g_metadata *metadata,
                                  const struct r2g_options *options, struct r2g_error *err) {
    char formula[96], value[192];
    r2g_luma_formula(&options->luma, formula, sizeof formula);
    snprintf(value, sizeof value, "%s%s: %s (rgb2gray)", r2g_luma_name(&options->luma),
             image->own_luma ? ", the JPEG's own luma" : "", formula);
    char *key_copy = r2g_copy_text(METHOD_KEY, err), *value_copy = r2g_copy_text(value, err);
    struct r2g_text *texts = r2g_new((metadata->text_count + 1) * sizeof *texts, err);
    if (key_copy == NULL || value_copy == NULL || texts == NULL) {
        free(key_copy);
        free(value_copy);
        free(texts);
        return R2G_ENOMEM;
    }
    if (metadata->text_count > 0)
        memcpy(texts, metadata->texts, metadata->text_count * sizeof *texts);
    free(metadata->texts);
    texts[metadata->text_count++] = (struct r2g_text){key_copy, value_copy};
    metadata->texts = texts;
    return R2G_OK;
}

r2g_status r2g_policy_decide(struct r2g_policy *policy, const struct r2g_image *image, struct r2g_metadata *metadata,
                             const struct r2g_encoder *encoder, const struct r2g_options *options,
                             struct r2g_error *err) {
    memset(policy, 0, sizeof *policy);
    decide_samples(policy, image, encoder, options);
    decide_orientation(policy, metadata, encoder, options);
    decide_profile(policy, image, metadata, encoder);
    decide_exif(policy, metadata, encoder, options);
    decide_density(policy, metadata, encoder);
    decide_rest(policy, metadata, encoder);
    bool gray_input = r2g_layout_channels(image->layout) <= 2 && !image->own_luma;
    if (gray_input || !encoder->texts)
        return R2G_OK;
    return add_method_text(image, metadata, options, err);
}
