/* Memory: one row block of input rows, one of gray rows, one segment; each about 1 to 4 MiB, reused from block to block,
 * so that it does not depend on the height of the picture.
 */
#include "pipeline/sequential.h"

#include <string.h>

#include "base/clock.h"
#include "base/size.h"
#include "pipeline/block.h"
#include "pipeline/transcode.h"

r2g_status r2g_progress_tell(const struct r2g_options *options, const struct r2g_raster *raster, uint64_t done_rows,
                             struct r2g_error *err) {
    if (options->progress == NULL)
        return R2G_OK;
    struct r2g_progress progress = {
        .done_rows = done_rows, .total_rows = raster->height, .pixel_count = (uint64_t)raster->width * raster->height};
    if (options->progress(options->progress_user, &progress))
        return R2G_OK;
    return r2g_fail(err, R2G_ECANCELED, "stopped on request");
}

struct run {
    struct r2g_job *job;
    struct r2g_output *output;
    struct r2g_block_worker worker;
    struct r2g_buffer rows, segment;
    struct r2g_checksum sum;
    uint64_t header_nbytes, end; /* where segments begin, and where the next one follows */
};

static r2g_status run_block(struct run *run, uint32_t block, struct r2g_error *err) {
    const struct r2g_raster *raster = &run->job->raster;
    uint32_t first_row = block * raster->block_rows, row_count = r2g_raster_block_row_count(raster, block);
    r2g_status status = r2g_block_read(&run->worker, run->job->reader, block, run->rows.bytes, err);
    if (status != R2G_OK)
        return status;
    const struct r2g_encoder *encoder = run->job->out_codec->encoder;
    uint64_t offset = run->end;
    if (encoder->segment_offset != NULL)
        offset = run->header_nbytes + encoder->segment_offset(raster, first_row, row_count);
    uint64_t nbytes = 0;
    status = r2g_block_worker_place(&run->worker, block, run->rows.bytes, run->output, offset, &run->segment, &nbytes,
                                    &run->sum, err);
    run->end += nbytes;
    return status;
}

r2g_status r2g_sequential_run(struct r2g_job *job, struct r2g_output *output, const struct r2g_options *options,
                              struct r2g_rank_times *times, struct r2g_error *err) {
    if (job->transcode != R2G_TRANSCODE_NONE)
        return r2g_transcode_run(job, output, options, times, err);
    struct run run = {
        .job = job, .output = output, .rows = {.budget = &job->budget}, .segment = {.budget = &job->budget}};
    size_t rows_nbytes;
    r2g_status status =
        r2g_block_worker_start(&run.worker, job->out_codec, &job->raster, &job->conversion, &job->budget, err);
    if (status == R2G_OK &&
        !r2g_size_mul(run.worker.in_row_nbytes, r2g_raster_block_row_count(&job->raster, 0), &rows_nbytes))
        status = r2g_fail(err, R2G_ELIMIT, "rows of %u pixels do not fit memory", job->raster.width);
    if (status == R2G_OK)
        status = r2g_buffer_reserve(&run.rows, rows_nbytes, "a block of rows", err);
    if (status == R2G_OK)
        status = r2g_job_write_header(job, output, &run.header_nbytes, err);
    run.end = run.header_nbytes;
    for (uint32_t block = 0; status == R2G_OK && block < job->raster.block_count; block++) {
        status = run_block(&run, block, err);
        if (status == R2G_OK)
            status = r2g_progress_tell(options, &job->raster, run.worker.times.row_count, err);
    }
    if (status == R2G_OK)
        status = r2g_job_write_trailer(job, output, run.end, &run.sum, err);
    if (status != R2G_OK)
        r2g_error_name(err, job->in_name);
    *times = run.worker.times;
    r2g_buffer_free(&run.segment);
    r2g_buffer_free(&run.rows);
    r2g_block_worker_stop(&run.worker);
    return status;
}

r2g_status r2g_request_output(const struct r2g_request *request, bool named, struct r2g_output **output,
                              struct r2g_error *err) {
    struct r2g_output_options options = {
        .overwrite = request->options.overwrite, .sync = request->options.sync, .named = named};
    return r2g_output_create(output, request->out_path, &options, err);
}

r2g_status r2g_sequential_file(const struct r2g_request *request, struct r2g_run_result *result,
                               struct r2g_report *report, struct r2g_error *err) {
    memset(result, 0, sizeof *result);
    int64_t start = r2g_clock_ns();
    struct r2g_job job;
    r2g_status status = r2g_job_open(&job, request->in_path, request->out_path, &request->options, err);
    if (status == R2G_OK && report != NULL) {
        struct r2g_plan_facts facts = {
            .rank_count = 1, .transcode = job.transcode, .block_count = job.raster.block_count};
        report->plan = r2g_plan_make(&facts);
        status = r2g_job_report(&job, request->out_path, &request->options, report, err);
    }
    if (status == R2G_OK && request->mode != R2G_MODE_EXPLAIN) {
        status = r2g_request_output(request, false, &result->output, err);
        if (status == R2G_OK)
            status = r2g_sequential_run(&job, result->output, &request->options, &result->times, err);
        if (report != NULL)
            r2g_job_report_notes(&job, report);
    }
    r2g_job_close(&job);
    result->wall_ns = r2g_clock_ns() - start;
    return status;
}

r2g_status r2g_result_commit(struct r2g_run_result *result, struct r2g_report *report, struct r2g_error *err) {
    int64_t start = r2g_clock_ns(), clock = start;
    if (report != NULL)
        report->out_nbytes = r2g_output_nbytes(result->output);
    r2g_status status = r2g_output_commit(result->output, err);
    r2g_phase_add(&result->times, R2G_PHASE_WRITE, &clock);
    result->wall_ns += clock - start;
    return status;
}
