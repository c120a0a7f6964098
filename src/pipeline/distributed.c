#include "pipeline/distributed.h"

#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/clock.h"
#include "pipeline/sequential.h"

#define HEAD_NBYTES 65536u

/* How rank 0 sees the input, so that others can tell whether theirs is the same file: inode, size, time and content.
 * (The device number differs from host to host on network file systems.) */
static r2g_status identify(const struct r2g_source *source, struct r2g_setup *setup, struct r2g_error *err) {
    struct stat info;
    if (fstat(source->fd, &info) != 0)
        return r2g_fail(err, R2G_EINPUT, "%s: cannot be examined", source->name);
    struct r2g_buffer head = {0};
    size_t got = 0;
    r2g_status status = r2g_buffer_reserve(&head, HEAD_NBYTES, "the head of the input", err);
    if (status == R2G_OK)
        status = r2g_source_read_at(source, 0, head.bytes, HEAD_NBYTES, &got, err);
    if (status == R2G_OK) {
        setup->in_nbytes = (uint64_t)info.st_size;
        setup->in_inode = info.st_ino;
        setup->in_mtime_s = info.st_mtim.tv_sec;
        setup->in_mtime_ns = info.st_mtim.tv_nsec;
        setup->in_head_crc = (uint32_t)crc32(0, head.bytes, (uInt)got);
    }
    r2g_buffer_free(&head);
    return status;
}

static uint32_t codec_row(const struct r2g_codec *codec) {
    uint32_t i = 0;
    while (r2g_codecs[i] != codec)
        i++;
    return i;
}

/* Rank 0's part: opens the input, fills the set-up, makes the output. */
static r2g_status open_root(struct r2g_distributed *run, struct r2g_error *err) {
    const struct r2g_request *request = run->request;
    struct r2g_setup *setup = &run->setup;
    r2g_status status = r2g_job_open(&run->job, request->in_path, request->out_path, &request->options, err);
    if (status != R2G_OK)
        return status;
    setup->codec = codec_row(run->job.out_codec);
    setup->raster = run->job.raster;
    setup->conversion = run->job.conversion;
    setup->transcode = run->job.transcode;
    setup->random_access = run->job.reader->image.random_access;
    setup->private_input = run->job.source->spooled;
    status = identify(run->job.source, setup, err);
    if (status == R2G_OK && request->mode != R2G_MODE_EXPLAIN)
        status = r2g_request_output(request, run->comm->host_count > 1, &run->output, err);
    return status;
}

/* On the other ranks: opens the same input if it is to be seen from here; false if not. Not an error: then rank 0 sends
 * the rows. */
static bool open_same_input(struct r2g_distributed *run) {
    struct r2g_setup seen = {0};
    const struct r2g_request *request = run->request;
    const struct r2g_setup *setup = &run->setup;
    if (r2g_job_open(&run->job, request->in_path, request->out_path, &request->options, NULL) != R2G_OK)
        return false;
    if (identify(run->job.source, &seen, NULL) != R2G_OK)
        return false;
    return seen.in_nbytes == setup->in_nbytes && seen.in_inode == setup->in_inode &&
           seen.in_mtime_s == setup->in_mtime_s && seen.in_mtime_ns == setup->in_mtime_ns &&
           seen.in_head_crc == setup->in_head_crc &&
           memcmp(&run->job.raster, &setup->raster, sizeof setup->raster) == 0;
}

/* *all becomes true if `mine` is on every rank. */
static r2g_status agree_all(struct r2g_distributed *run, bool mine, bool *all, struct r2g_error *err) {
    int in = mine, out = 0;
    r2g_status status =
        r2g_mpi_check(MPI_Allreduce(&in, &out, 1, MPI_INT, MPI_LAND, run->comm->mpi), "MPI_Allreduce", err);
    *all = out != 0;
    return status;
}

static r2g_status find_input(struct r2g_distributed *run, struct r2g_error *err) {
    run->input_shared = false;
    if (!run->setup.random_access || run->setup.private_input)
        return R2G_OK;
    bool mine = run->comm->rank == 0 || open_same_input(run);
    r2g_status status = agree_all(run, mine, &run->input_shared, err);
    if (!run->input_shared && run->comm->rank != 0)
        r2g_job_close(&run->job);
    return status;
}

/* Opens rank 0's output on the other ranks, where it is to be seen and the format lets them write in place. Over several
 * hosts the output has a temporary name; then all open it, so that whoever is left removes it if rank 0 is killed. */
static r2g_status find_output(struct r2g_distributed *run, struct r2g_error *err) {
    run->output_shared = false;
    if (run->out_codec->encoder->segment_offset == NULL && run->comm->host_count == 1)
        return R2G_OK;
    if (run->request->mode == R2G_MODE_EXPLAIN) {
        run->output_shared = run->comm->host_count == 1;
        return R2G_OK;
    }
    struct r2g_output_address address = {0};
    r2g_status status = R2G_OK;
    if (run->comm->rank == 0)
        status = r2g_output_address(run->output, &address, err);
    r2g_status sent =
        r2g_mpi_check(MPI_Bcast(&address, (int)sizeof address, MPI_BYTE, 0, run->comm->mpi), "MPI_Bcast", err);
    bool mine = status == R2G_OK;
    if (run->comm->rank != 0)
        mine = r2g_output_attach(&run->attached, &address, run->request->out_path, NULL) == R2G_OK;
    r2g_status agreed = agree_all(run, mine, &run->output_shared, err);
    return status != R2G_OK ? status : sent != R2G_OK ? sent : agreed;
}

static r2g_status plan(struct r2g_distributed *run, struct r2g_error *err) {
    const struct r2g_setup *setup = &run->setup;
    r2g_status status = find_input(run, err);
    if (status == R2G_OK)
        status = find_output(run, err);
    else {
        struct r2g_error ignored;
        (void)!find_output(run, &ignored); /* the others are in there too */
    }
    uint64_t row_nbytes = (uint64_t)setup->raster.width * r2g_layout_channels(setup->conversion.layout) *
                          (setup->conversion.maxval > 255 ? 2 : 1);
    struct r2g_plan_facts facts = {
        .rank_count = run->comm->size,
        .host_count = run->comm->host_count,
        .transcode = setup->transcode,
        .random_access = setup->random_access,
        .input_shared = run->input_shared,
        .fixed_offsets = run->out_codec->encoder->segment_offset != NULL,
        .output_shared = run->output_shared,
        .block_count = setup->raster.block_count,
        .block_nbytes = row_nbytes * setup->raster.block_rows,
        .gray_block_nbytes = (uint64_t)r2g_raster_row_nbytes(&setup->raster) * setup->raster.block_rows,
        .sendable_rows = setup->raster.width <= INT32_MAX,
        .mem_limit_nbytes = run->request->options.mem_limit_nbytes,
    };
    run->plan = r2g_plan_make(&facts);
    return status;
}

r2g_status r2g_distributed_open(struct r2g_distributed *run, struct r2g_comm *comm, const struct r2g_request *request,
                                struct r2g_error *err) {
    memset(run, 0, sizeof *run);
    run->comm = comm;
    run->request = request;
    r2g_status status = r2g_agree(comm, comm->rank == 0 ? open_root(run, err) : R2G_OK, err);
    if (status != R2G_OK)
        return status;
    status = r2g_mpi_check(MPI_Bcast(&run->setup, (int)sizeof run->setup, MPI_BYTE, 0, comm->mpi), "MPI_Bcast", err);
    status = r2g_agree(comm, status, err);
    if (status != R2G_OK)
        return status;
    run->out_codec = r2g_codecs[run->setup.codec];
    return r2g_agree(comm, plan(run, err), err);
}

void r2g_distributed_close(struct r2g_distributed *run) {
    r2g_output_close(run->attached);
    r2g_job_close(&run->job);
    memset(run, 0, sizeof *run);
}

r2g_status r2g_distributed_read(struct r2g_distributed *run, uint32_t block, uint8_t *rows, struct r2g_error *err) {
    return r2g_block_read(&run->worker, run->job.reader, block, rows, err);
}

r2g_status r2g_distributed_block(struct r2g_distributed *run, uint32_t block, const uint8_t *rows,
                                 struct r2g_buffer *segment, struct r2g_checksum *sum, struct r2g_error *err) {
    if (!run->plan.place || run->plan.appended)
        return r2g_block_worker_run(&run->worker, block, rows, segment, sum, err);
    const struct r2g_raster *raster = &run->setup.raster;
    uint64_t offset =
        run->header_nbytes + run->out_codec->encoder->segment_offset(raster, block * raster->block_rows,
                                                                     r2g_raster_block_row_count(raster, block));
    struct r2g_output *output = run->comm->rank == 0 ? run->output : run->attached;
    uint64_t nbytes;
    return r2g_block_worker_place(&run->worker, block, rows, output, offset, segment, &nbytes, sum, err);
}

/* Rank 0 works alone; the others sleep until it is done. */
static r2g_status run_alone(struct r2g_distributed *run, struct r2g_rank_times *times, struct r2g_error *err) {
    r2g_status status = R2G_OK;
    if (run->comm->rank == 0)
        status = r2g_sequential_run(&run->job, run->output, &run->request->options, times, err);
    r2g_status met = r2g_quiet_barrier(run->comm, err);
    return r2g_agree(run->comm, status != R2G_OK ? status : met, err);
}

/* Agrees on how a step went; a failure's text names the input. */
static r2g_status agree_named(struct r2g_distributed *run, r2g_status status, struct r2g_error *err) {
    const char *path = run->request->in_path;
    if (status != R2G_OK)
        r2g_error_name(err, strcmp(path, "-") == 0 ? "standard input" : path);
    return r2g_agree(run->comm, status, err);
}

/* Before the blocks: the header on rank 0, where segments begin on all, scratch memory. */
static r2g_status prepare(struct r2g_distributed *run, struct r2g_error *err) {
    run->job.budget.limit_nbytes = run->request->options.mem_limit_nbytes;
    r2g_status status = r2g_block_worker_start(&run->worker, run->out_codec, &run->setup.raster, &run->setup.conversion,
                                               &run->job.budget, err);
    if (status == R2G_OK && run->comm->rank == 0)
        status = r2g_job_write_header(&run->job, run->output, &run->header_nbytes, err);
    int code = MPI_Bcast(&run->header_nbytes, 1, MPI_UINT64_T, 0, run->comm->mpi);
    r2g_status sent = r2g_mpi_check(code, "MPI_Bcast", status == R2G_OK ? err : NULL);
    run->end = run->header_nbytes;
    return agree_named(run, status != R2G_OK ? status : sent, err);
}

static r2g_status finish(struct r2g_distributed *run, r2g_status status, struct r2g_error *err) {
    if (status == R2G_OK && run->comm->rank == 0)
        status = r2g_job_write_trailer(&run->job, run->output, run->end, &run->sum, err);
    if (status == R2G_OK && run->plan.place && run->comm->rank != 0)
        status = r2g_output_settle(run->attached, run->request->options.sync, err);
    return agree_named(run, status, err);
}

r2g_status r2g_distributed_run(struct r2g_distributed *run, struct r2g_rank_times *times, struct r2g_error *err) {
    memset(times, 0, sizeof *times);
    if (run->plan.path == R2G_PATH_SEQUENTIAL || run->plan.path == R2G_PATH_TRANSCODE)
        return run_alone(run, times, err);
    r2g_status status = prepare(run, err);
    if (status == R2G_OK) {
        status =
            run->plan.place && !run->plan.appended ? r2g_distributed_place(run, err) : r2g_distributed_bands(run, err);
        status = finish(run, status, err);
    }
    *times = run->worker.times;
    r2g_block_worker_stop(&run->worker);
    return status;
}
