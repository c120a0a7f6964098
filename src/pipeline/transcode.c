#include "pipeline/transcode.h"

#include <string.h>

#include "base/clock.h"
#include "pipeline/sequential.h"

struct run {
    const struct r2g_raster *raster;
    const struct r2g_options *options;
    struct r2g_output *output;
    uint64_t end; /* of what is written */
    int64_t write_ns;
};

static r2g_status write_bytes(void *user, const void *bytes, size_t nbytes, struct r2g_error *err) {
    struct run *run = user;
    int64_t start = r2g_clock_ns();
    r2g_status status = r2g_output_write_at(run->output, run->end, bytes, nbytes, err);
    run->end += nbytes;
    run->write_ns += r2g_clock_ns() - start;
    return status;
}

static r2g_status rows_done(void *user, uint32_t done_rows, struct r2g_error *err) {
    struct run *run = user;
    return r2g_progress_tell(run->options, run->raster, done_rows, err);
}

r2g_status r2g_transcode_run(struct r2g_job *job, struct r2g_output *output, const struct r2g_options *options,
                             struct r2g_rank_times *times, struct r2g_error *err) {
    struct run run = {.raster = &job->raster, .options = options, .output = output};
    struct r2g_transcode_io io = {.user = &run, .write = write_bytes, .rows_done = rows_done};
    memset(times, 0, sizeof *times);
    int64_t start = r2g_clock_ns();
    r2g_status status = job->decoder->codec->transcode(job->decoder, job->metadata, &io, err);
    times->phase_ns[R2G_PHASE_READ] = io.read_ns;
    times->phase_ns[R2G_PHASE_WRITE] = run.write_ns;
    times->phase_ns[R2G_PHASE_ENCODE] = r2g_clock_ns() - start - io.read_ns - run.write_ns;
    if (status == R2G_OK) {
        times->row_count = job->raster.height;
        status = rows_done(&run, job->raster.height, err);
    }
    if (status != R2G_OK)
        r2g_error_name(err, job->in_name);
    return status;
}
