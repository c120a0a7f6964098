#include "pipeline/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rgb2gray/rgb2gray.h>

#include "pipeline/orient.h"

void r2g_error_name(struct r2g_error *err, const char *name) {
    if (err == NULL || err->text[0] == '\0')
        return;
    /* Those of outputs name their own file; those of options and MPI are about none. */
    if (err->status == R2G_EOUTPUT || err->status == R2G_EEXISTS || err->status == R2G_EUSAGE ||
        err->status == R2G_EMPI)
        return;
    size_t name_nbytes = strlen(name);
    if (strncmp(err->text, name, name_nbytes) == 0 && err->text[name_nbytes] == ':')
        return;
    struct r2g_error old = *err;
    (void)r2g_fail(err, old.status, "%s: %s", name, old.text);
    err->sys_errno = old.sys_errno;
    err->mpi_code = old.mpi_code;
    err->rank = old.rank;
}

static r2g_status choose_output(struct r2g_job *job, const char *out_path, const struct r2g_options *options,
                                struct r2g_error *err) {
    job->out_codec = options->format != NULL ? r2g_codec_by_name(options->format) : r2g_codec_by_file_name(out_path);
    if (job->out_codec != NULL && job->out_codec->encoder != NULL)
        return R2G_OK;
    if (options->format != NULL)
        return r2g_fail(err, R2G_EUSAGE, "there is no output format '%s' (png, jpeg, bmp, pgm)", options->format);
    return r2g_fail(err, R2G_EUSAGE,
                    "%s: the name does not tell the output format; end it in .png, .jpg, .bmp or .pgm, or use --format",
                    out_path);
}

/* A JPEG's own luma is BT.601's by definition (JFIF 1.02, page 3), so it stands for that method alone. */
static bool wants_own_luma(const struct r2g_options *options) {
    return options->luma.method == R2G_METHOD_BT601 && !options->via_rgb;
}

/* Whether the output is the input's compressed luma and nothing else is asked for. A quality can only be given to pixels
 * that are encoded anew; turning them means decoding, too. */
static enum r2g_transcode choose_transcode(const struct r2g_job *job, const struct r2g_options *options) {
    const struct r2g_codec *codec = job->decoder->codec;
    if (codec->transcode_way == NULL || codec != job->out_codec || job->reader != job->decoder || options->reencode ||
        options->quality != 0)
        return R2G_TRANSCODE_NONE;
    return codec->transcode_way(job->decoder);
}

static uint16_t background_gray(const struct r2g_options *options, uint32_t out_maxval) {
    uint8_t gray;
    r2g_luma_rgb8(&options->luma, options->background, &gray, 1);
    return (uint16_t)((gray * out_maxval + 127) / 255);
}

static r2g_status check_geometry(const struct r2g_job *job, struct r2g_error *err) {
    const struct r2g_encoder *encoder = job->out_codec->encoder;
    const struct r2g_raster *raster = &job->raster;
    if (raster->width > encoder->max_width || raster->height > encoder->max_height)
        return r2g_fail(err, R2G_ELIMIT,
                        "%u x %u pixels are too many for %s, which ends at %u x %u; another --format can",
                        raster->width, raster->height, job->out_codec->label, encoder->max_width, encoder->max_height);
    return R2G_OK;
}

/* Puts the turning reader in front, after which rows are gray already. */
static r2g_status turn(struct r2g_job *job, const struct r2g_read_options *read_options, struct r2g_error *err) {
    struct r2g_reader *upright;
    r2g_status status =
        r2g_orient_open(&upright, job->reader, job->policy.apply_orientation, &job->conversion, read_options, err);
    if (status != R2G_OK)
        return status;
    job->reader = upright;
    job->conversion.layout = upright->image.layout;
    job->conversion.maxval = upright->image.maxval;
    return R2G_OK;
}

static r2g_status open_input(struct r2g_job *job, const char *in_path, const struct r2g_options *options,
                             struct r2g_error *err) {
    r2g_status status = r2g_source_open(&job->source, in_path, err);
    if (status != R2G_OK)
        return status;
    job->in_name = job->source->name;
    struct r2g_read_options read_options = {
        .budget = &job->budget, .max_pixels = options->max_pixels, .own_luma = wants_own_luma(options)};
    status = r2g_reader_open(&job->reader, job->source, &read_options, err);
    if (status != R2G_OK)
        return status;
    job->decoder = job->reader;
    job->stored = job->decoder->image;
    job->metadata = &job->decoder->metadata;
    status = r2g_policy_decide(&job->policy, &job->stored, job->metadata, job->out_codec->encoder, options, err);
    if (status != R2G_OK)
        return status;
    job->conversion = (struct r2g_conversion){
        .luma = options->luma,
        .layout = job->stored.layout,
        .maxval = job->stored.maxval,
        .out_maxval = job->policy.out_maxval,
        .keep_alpha = job->policy.keep_alpha,
        .background = background_gray(options, job->policy.out_maxval),
    };
    return job->policy.apply_orientation > 1 ? turn(job, &read_options, err) : R2G_OK;
}

r2g_status r2g_job_open(struct r2g_job *job, const char *in_path, const char *out_path,
                        const struct r2g_options *options, struct r2g_error *err) {
    memset(job, 0, sizeof *job);
    job->in_name = in_path;
    job->budget.limit_nbytes = options->mem_limit_nbytes;
    r2g_status status = choose_output(job, out_path, options, err);
    if (status != R2G_OK)
        return status;
    status = open_input(job, in_path, options, err);
    if (status == R2G_OK) {
        job->raster = (struct r2g_raster){
            .width = job->reader->image.width,
            .height = job->reader->image.height,
            .channels = r2g_conversion_out_channels(&job->conversion),
            .maxval = job->policy.out_maxval,
            .quality = options->quality != 0 ? options->quality : R2G_QUALITY_DEFAULT,
            .compression = options->compression,
        };
        r2g_raster_cut(&job->raster, job->out_codec->encoder);
        job->transcode = choose_transcode(job, options);
        status = check_geometry(job, err);
    }
    if (status != R2G_OK)
        r2g_error_name(err, job->in_name);
    return status;
}

void r2g_job_close(struct r2g_job *job) {
    r2g_reader_close(job->reader);
    r2g_source_close(job->source);
    memset(job, 0, sizeof *job);
}

static const char *luma_source(const struct r2g_image *image) {
    if (image->own_luma)
        return "the JPEG's own luma (JFIF)";
    return r2g_layout_channels(image->layout) <= 2 ? "gray input, untouched" : "formula on RGB";
}

r2g_status r2g_job_report(const struct r2g_job *job, const char *out_path, const struct r2g_options *options,
                          struct r2g_report *report, struct r2g_error *err) {
    report->in_name = r2g_copy_text(job->in_name, err);
    report->out_name = r2g_copy_text(strcmp(out_path, "-") == 0 ? "standard output" : out_path, err);
    if (report->in_name == NULL || report->out_name == NULL)
        return R2G_ENOMEM;
    report->in_nbytes = job->source->nbytes;
    report->image = job->stored;
    report->luma = options->luma;
    report->luma_source = luma_source(&job->stored);
    report->out_format = job->out_codec->label;
    report->out_width = job->raster.width;
    report->out_height = job->raster.height;
    report->out_channels = job->raster.channels;
    report->out_maxval = job->raster.maxval;
    report->block_rows = job->raster.block_rows;
    report->block_count = job->raster.block_count;
    memcpy(report->fates, job->policy.fates, sizeof report->fates);
    report->fate_count = job->policy.fate_count;
    report->isa = r2g_luma_isa();
    return R2G_OK;
}

void r2g_job_report_notes(const struct r2g_job *job, struct r2g_report *report) {
    memcpy(report->image.note, job->decoder->image.note, sizeof report->image.note);
}

r2g_status r2g_job_write_header(struct r2g_job *job, struct r2g_output *output, uint64_t *header_nbytes,
                                struct r2g_error *err) {
    struct r2g_buffer bytes = {.budget = &job->budget};
    r2g_status status = job->out_codec->encoder->header(&job->raster, job->metadata, &bytes, err);
    if (status == R2G_OK)
        status = r2g_output_write_at(output, 0, bytes.bytes, bytes.nbytes, err);
    *header_nbytes = bytes.nbytes;
    r2g_buffer_free(&bytes);
    return status;
}

r2g_status r2g_job_write_trailer(struct r2g_job *job, struct r2g_output *output, uint64_t offset,
                                 const struct r2g_checksum *sum, struct r2g_error *err) {
    struct r2g_buffer bytes = {.budget = &job->budget};
    r2g_status status = job->out_codec->encoder->trailer(&job->raster, sum, &bytes, err);
    if (status == R2G_OK && bytes.nbytes > 0)
        status = r2g_output_write_at(output, offset, bytes.bytes, bytes.nbytes, err);
    r2g_buffer_free(&bytes);
    return status;
}
