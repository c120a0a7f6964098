#include "pipeline/compare.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/copy_speed.h"
#include "base/size.h"
#include "pipeline/distributed.h"
#include "pipeline/sequential.h"

/* Several runs of one kind, of which the median is reported. */
struct runs {
    int count, rank_count;
    int64_t *wall_ns;
    struct r2g_rank_times *times; /* rank_count entries a run */
};

static r2g_status runs_new(struct runs *runs, int capacity, int rank_count, struct r2g_error *err) {
    *runs = (struct runs){.rank_count = rank_count};
    runs->wall_ns = r2g_new((size_t)capacity * sizeof *runs->wall_ns, err);
    runs->times = r2g_new((size_t)capacity * (size_t)rank_count * sizeof *runs->times, err);
    return runs->wall_ns != NULL && runs->times != NULL ? R2G_OK : R2G_ENOMEM;
}

static void runs_free(struct runs *runs) {
    free(runs->wall_ns);
    free(runs->times);
}

/* Fills *run with the median by wall time (the lower one of an even count), and the extremes. */
static r2g_status runs_median(const struct runs *runs, struct r2g_run *run, struct r2g_error *err) {
    int middle = 0;
    for (int i = 0; i < runs->count; i++) {
        int before = 0;
        for (int j = 0; j < runs->count; j++)
            before += runs->wall_ns[j] < runs->wall_ns[i] || (runs->wall_ns[j] == runs->wall_ns[i] && j < i);
        if (before == (runs->count - 1) / 2)
            middle = i;
    }
    *run = (struct r2g_run){.wall_ns = runs->wall_ns[middle],
                            .min_ns = runs->wall_ns[middle],
                            .max_ns = runs->wall_ns[middle],
                            .run_count = runs->count,
                            .rank_count = runs->rank_count};
    for (int i = 0; i < runs->count; i++) {
        run->min_ns = runs->wall_ns[i] < run->min_ns ? runs->wall_ns[i] : run->min_ns;
        run->max_ns = runs->wall_ns[i] > run->max_ns ? runs->wall_ns[i] : run->max_ns;
    }
    size_t nbytes = (size_t)runs->rank_count * sizeof *run->ranks;
    run->ranks =
        (struct r2g_rank_times *)r2g_copy_bytes(runs->times + (size_t)middle * (size_t)runs->rank_count, nbytes, err);
    return run->ranks != NULL ? R2G_OK : R2G_ENOMEM;
}

/* Opens an uncommitted output for reading; -1 on failure. */
static int open_again(const struct r2g_output *output, struct r2g_error *err) {
    struct r2g_output_address address;
    if (r2g_output_address(output, &address, err) != R2G_OK)
        return -1;
    return open(address.path, O_RDONLY | O_CLOEXEC);
}

#define PIECE_NBYTES ((size_t)1 << 20)

/* *same: whether both outputs hold the same bytes. */
static r2g_status compare_outputs(const struct r2g_output *a, const struct r2g_output *b, bool *same,
                                  struct r2g_error *err) {
    struct r2g_buffer pieces = {0};
    r2g_status status = r2g_buffer_reserve(&pieces, 2 * PIECE_NBYTES, "comparing", err);
    if (status != R2G_OK)
        return status;
    int fd_a = open_again(a, err), fd_b = open_again(b, err);
    *same = false;
    if (fd_a < 0 || fd_b < 0)
        status = r2g_fail(err, R2G_EOUTPUT, "the outputs cannot be read back");
    for (off_t offset = 0; status == R2G_OK;) {
        ssize_t got_a = pread(fd_a, pieces.bytes, PIECE_NBYTES, offset);
        ssize_t got_b = pread(fd_b, pieces.bytes + PIECE_NBYTES, PIECE_NBYTES, offset);
        if (got_a < 0 || got_b < 0)
            status = r2g_fail(err, R2G_EOUTPUT, "the outputs cannot be read back");
        *same = got_a == got_b && got_a >= 0 && memcmp(pieces.bytes, pieces.bytes + PIECE_NBYTES, (size_t)got_a) == 0;
        if (!*same || got_a == 0)
            break;
        offset += got_a;
    }
    if (fd_a >= 0)
        close(fd_a);
    if (fd_b >= 0)
        close(fd_b);
    r2g_buffer_free(&pieces);
    return status;
}

/* How long a timed loop lasts at least: long enough that the clock and a moved process do not matter. */
#define LOOP_NS INT64_C(60000000)

static double converter_gbs(const struct r2g_job *job, const struct r2g_converter *converter, const uint8_t *in,
                            size_t in_row_nbytes, uint8_t *out, uint32_t row_count) {
    size_t out_row_nbytes = r2g_raster_row_nbytes(&job->raster);
    double moved = 0;
    int64_t start = r2g_clock_ns(), now = start;
    while (now - start < LOOP_NS) {
        if (!r2g_converter_rows(converter, in, in_row_nbytes, out, out_row_nbytes, job->raster.width, row_count))
            return 0;
        moved += (double)(in_row_nbytes + out_row_nbytes) * row_count;
        now = r2g_clock_ns();
    }
    return moved / (double)(now - start);
}

/* Rank 0: the kernel on the picture's first row block, and a memory copy that moves as many bytes between the same two
 * buffers. */
static r2g_status measure_kernel(const struct r2g_request *request, struct r2g_report *report, struct r2g_error *err) {
    struct r2g_job job;
    struct r2g_converter *converter = NULL;
    struct r2g_buffer in = {0}, out = {0};
    r2g_status status = r2g_job_open(&job, request->in_path, request->out_path, &request->options, err);
    if (status != R2G_OK || job.reader != job.decoder || job.transcode != R2G_TRANSCODE_NONE)
        goto done; /* rows that come gray already, or not at all, say nothing of the kernel */
    const struct r2g_image *image = &job.reader->image;
    size_t in_row_nbytes = r2g_image_row_nbytes(image), out_row_nbytes = r2g_raster_row_nbytes(&job.raster);
    uint32_t row_count = r2g_raster_block_row_count(&job.raster, 0);
    size_t copy_nbytes = (in_row_nbytes + out_row_nbytes) * row_count / 2;
    in.budget = out.budget = &job.budget;
    status = r2g_buffer_reserve(&in, r2g_u64_max(in_row_nbytes * row_count, copy_nbytes), "measuring", err);
    if (status == R2G_OK)
        status = r2g_buffer_reserve(&out, r2g_u64_max(out_row_nbytes * row_count, copy_nbytes), "measuring", err);
    if (status == R2G_OK)
        status = job.reader->codec->read_rows(job.reader, 0, row_count, in.bytes, in_row_nbytes, err);
    if (status == R2G_OK)
        status = r2g_converter_new(&converter, &job.conversion, err);
    if (status == R2G_OK) {
        report->kernel_gbs = converter_gbs(&job, converter, in.bytes, in_row_nbytes, out.bytes, row_count);
        report->copy_gbs = r2g_copy_gbs(in.bytes, out.bytes, copy_nbytes, LOOP_NS);
    }
    r2g_converter_free(converter);
    r2g_buffer_free(&in);
    r2g_buffer_free(&out);
done:
    r2g_job_close(&job);
    return status;
}

/* Both ways in turn, several times. */
struct rounds {
    struct r2g_comm *comm;
    const struct r2g_request *request;
    struct runs sequential, parallel;
    struct r2g_run_result result; /* of the last parallel run */
};

/* Rank 0 runs alone while the others sleep. The output stays in *output for the comparison. */
static r2g_status sequential_round(struct rounds *rounds, struct r2g_output **output, struct r2g_error *err) {
    bool root = rounds->comm == NULL || rounds->comm->rank == 0;
    r2g_status status = R2G_OK, met = R2G_OK;
    if (root) {
        struct r2g_run_result result;
        status = r2g_sequential_file(rounds->request, &result, NULL, err);
        *output = result.output;
        rounds->sequential.wall_ns[rounds->sequential.count] = result.wall_ns;
        rounds->sequential.times[rounds->sequential.count] = result.times;
        rounds->sequential.count++;
    }
    if (rounds->comm == NULL)
        return status;
    met = r2g_quiet_barrier(rounds->comm, err);
    return r2g_agree(rounds->comm, status != R2G_OK ? status : met, err);
}

static r2g_status parallel_round(struct rounds *rounds, struct r2g_report *report, struct r2g_error *err) {
    struct r2g_comm *comm = rounds->comm;
    struct runs *runs = &rounds->parallel;
    r2g_status status = comm != NULL ? r2g_distributed_file(comm, rounds->request, &rounds->result, report, err)
                                     : r2g_sequential_file(rounds->request, &rounds->result, report, err);
    if (status != R2G_OK)
        return status;
    runs->wall_ns[runs->count] = rounds->result.wall_ns;
    status = r2g_gather_times(comm, &rounds->result.times, runs->times + (size_t)runs->count * (size_t)runs->rank_count,
                              err);
    runs->count++;
    return comm != NULL ? r2g_agree(comm, status, err) : status;
}

static r2g_status round_trip(struct rounds *rounds, struct r2g_report *report, struct r2g_error *err) {
    struct r2g_comm *comm = rounds->comm;
    struct r2g_output *alone = NULL;
    r2g_output_close(rounds->result.output);
    rounds->result.output = NULL;
    r2g_status status = sequential_round(rounds, &alone, err);
    if (status == R2G_OK) {
        /* The report is that of the last round: an earlier one's texts go first. */
        r2g_report_free(report);
        status = parallel_round(rounds, report, err);
    }
    if (status == R2G_OK && (comm == NULL || comm->rank == 0)) {
        report->compared = true;
        status = compare_outputs(alone, rounds->result.output, &report->identical, err);
        if (status == R2G_OK && !report->identical)
            status = r2g_fail(err, R2G_EDIFFER, "%s: the parallel output differs from the sequential one",
                              rounds->request->in_path);
    }
    r2g_output_close(alone);
    return status;
}

r2g_status r2g_compare(struct r2g_comm *comm, const struct r2g_request *request, struct r2g_run_result *result,
                       struct r2g_report *report, struct r2g_error *err) {
    struct rounds rounds = {.comm = comm, .request = request};
    bool root = comm == NULL || comm->rank == 0;
    int size = comm != NULL ? comm->size : 1;
    r2g_status status = runs_new(&rounds.sequential, request->run_count, 1, err);
    if (status == R2G_OK)
        status = runs_new(&rounds.parallel, request->run_count, size, err);
    if (comm != NULL)
        status = r2g_agree(comm, status, err);
    for (int i = 0; status == R2G_OK && i < request->run_count; i++) {
        status = round_trip(&rounds, report, err);
        if (comm != NULL)
            status = r2g_agree(comm, status, err);
    }
    if (status == R2G_OK && root) {
        status = runs_median(&rounds.sequential, &report->sequential, err);
        if (status == R2G_OK)
            status = runs_median(&rounds.parallel, &report->parallel, err);
        if (status == R2G_OK)
            status = measure_kernel(request, report, err);
    }
    runs_free(&rounds.sequential);
    runs_free(&rounds.parallel);
    *result = rounds.result;
    return comm != NULL ? r2g_agree(comm, status, err) : status;
}
