/* What computing and files cost in a simulated run of rgb2gray. Linked into the simulated program with --wrap (see
 * build.py), so that the program's own sources stay as they are.
 *
 * In a simulation all ranks run in turn in one process, so that what a rank computes takes no simulated time of its own
 * (smpi/simulate-computation:no). Here each row block is charged instead: reading, luma, encoding and writing by rates
 * that were measured with one process, and what goes to or comes from files by a transfer between this rank's host and
 * the host that stands for the file system. The rates come in the environment:
 *
 *   RGB2GRAY_SIMULATED_READ, _CONVERT, _ENCODE   ns a pixel
 *   RGB2GRAY_SIMULATED_WRITE                     ns a byte written
 *   RGB2GRAY_SIMULATED_IN_NBYTES                 bytes of the input file a pixel
 *   RGB2GRAY_SIMULATED_OUT_NBYTES                bytes of a segment a pixel, where blocks are made up
 *   RGB2GRAY_SIMULATED_SPREAD                    blocks differ by this part: 0.2 makes them cost 0.8 to 1.2 times as much
 *   RGB2GRAY_SIMULATED_STORAGE                   name of the file system's host; empty: files cost no transfer
 *   RGB2GRAY_SIMULATED_MADE_UP                   1: blocks are not really read, converted and written: rows and segments
 *                                                have their sizes, and no content. 0: all is done, and bytes are true
 *   RGB2GRAY_SIMULATED_HIDDEN                    1: only rank 0 sees the input
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <mpi.h>

#include "base/clock.h"
#include "pipeline/block.h"
#include "pipeline/job.h"
#include "storage.h"

struct rates {
    double read_ns, convert_ns, encode_ns, write_ns, in_nbytes, out_nbytes, spread;
    const char *storage;
    bool made_up, hidden;
};

static struct rates rates;
static pthread_once_t read_once = PTHREAD_ONCE_INIT;

static double number(const char *name) {
    const char *text = getenv(name);
    return text != NULL ? strtod(text, NULL) : 0;
}

static void read_rates(void) {
    const char *storage = getenv("RGB2GRAY_SIMULATED_STORAGE");
    rates = (struct rates){
        .read_ns = number("RGB2GRAY_SIMULATED_READ"),
        .convert_ns = number("RGB2GRAY_SIMULATED_CONVERT"),
        .encode_ns = number("RGB2GRAY_SIMULATED_ENCODE"),
        .write_ns = number("RGB2GRAY_SIMULATED_WRITE"),
        .in_nbytes = number("RGB2GRAY_SIMULATED_IN_NBYTES"),
        .out_nbytes = number("RGB2GRAY_SIMULATED_OUT_NBYTES"),
        .spread = number("RGB2GRAY_SIMULATED_SPREAD"),
        .storage = storage != NULL && *storage != '\0' ? storage : NULL,
        .made_up = number("RGB2GRAY_SIMULATED_MADE_UP") > 0,
        .hidden = number("RGB2GRAY_SIMULATED_HIDDEN") > 0,
    };
}

static const struct rates *get_rates(void) {
    pthread_once(&read_once, read_rates);
    return &rates;
}

/* 1 - spread to 1 + spread, by the number of the block alone: the same in every run. */
static double weight(uint32_t block) {
    uint32_t mixed = (block + 1) * 2654435761u;
    mixed ^= mixed >> 15;
    mixed *= 2246822519u;
    mixed ^= mixed >> 13;
    return 1 + get_rates()->spread * (2.0 * mixed / UINT32_MAX - 1);
}

static double pixels(const struct r2g_block_worker *worker, uint32_t block) {
    return (double)worker->raster.width * r2g_raster_block_row_count(&worker->raster, block);
}

r2g_status __real_r2g_block_read(struct r2g_block_worker *, struct r2g_reader *, uint32_t, uint8_t *,
                                 struct r2g_error *);
r2g_status __wrap_r2g_block_read(struct r2g_block_worker *worker, struct r2g_reader *reader, uint32_t block,
                                 uint8_t *rows, struct r2g_error *err) {
    int64_t clock = r2g_clock_ns();
    double count = pixels(worker, block);
    r2g_simulated_transfer(get_rates()->storage, false, get_rates()->in_nbytes * count);
    r2g_simulated_work(get_rates()->read_ns * count);
    r2g_phase_add(&worker->times, R2G_PHASE_READ, &clock);
    return get_rates()->made_up ? R2G_OK : __real_r2g_block_read(worker, reader, block, rows, err);
}

/* A segment of the size that such a block's would have. */
static r2g_status make_up(struct r2g_block_worker *worker, uint32_t block, struct r2g_buffer *out,
                          struct r2g_error *err) {
    size_t nbytes = worker->row_stride != 0
                        ? r2g_raster_row_nbytes(&worker->raster) * r2g_raster_block_row_count(&worker->raster, block)
                        : (size_t)(get_rates()->out_nbytes * weight(block) * pixels(worker, block));
    r2g_status status = r2g_buffer_reserve(out, out->nbytes + nbytes, "output", err);
    if (status == R2G_OK)
        out->nbytes += nbytes;
    worker->times.row_count += r2g_raster_block_row_count(&worker->raster, block);
    return status;
}

static void charge(struct r2g_block_worker *worker, uint32_t block) {
    int64_t clock = r2g_clock_ns();
    r2g_simulated_work(get_rates()->convert_ns * pixels(worker, block));
    r2g_phase_add(&worker->times, R2G_PHASE_CONVERT, &clock);
    if (worker->row_stride == 0)
        r2g_simulated_work(get_rates()->encode_ns * weight(block) * pixels(worker, block));
    r2g_phase_add(&worker->times, R2G_PHASE_ENCODE, &clock);
}

r2g_status __real_r2g_block_worker_run(struct r2g_block_worker *, uint32_t, const uint8_t *, struct r2g_buffer *,
                                       struct r2g_checksum *, struct r2g_error *);
r2g_status __wrap_r2g_block_worker_run(struct r2g_block_worker *worker, uint32_t block, const uint8_t *rows,
                                       struct r2g_buffer *out, struct r2g_checksum *sum, struct r2g_error *err) {
    charge(worker, block);
    return get_rates()->made_up ? make_up(worker, block, out, err)
                                : __real_r2g_block_worker_run(worker, block, rows, out, sum, err);
}

r2g_status __wrap_r2g_output_write_at(struct r2g_output *, uint64_t, const void *, size_t, struct r2g_error *);
r2g_status __real_r2g_block_worker_place(struct r2g_block_worker *, uint32_t, const uint8_t *, struct r2g_output *,
                                         uint64_t, struct r2g_buffer *, uint64_t *, struct r2g_checksum *,
                                         struct r2g_error *);
r2g_status __wrap_r2g_block_worker_place(struct r2g_block_worker *worker, uint32_t block, const uint8_t *rows,
                                         struct r2g_output *output, uint64_t offset, struct r2g_buffer *segment,
                                         uint64_t *segment_nbytes, struct r2g_checksum *sum, struct r2g_error *err) {
    charge(worker, block);
    if (!get_rates()->made_up)
        return __real_r2g_block_worker_place(worker, block, rows, output, offset, segment, segment_nbytes, sum, err);
    segment->nbytes = 0;
    r2g_status status = make_up(worker, block, segment, err);
    *segment_nbytes = segment->nbytes;
    segment->nbytes = 0;
    int64_t clock = r2g_clock_ns();
    if (status == R2G_OK)
        status = __wrap_r2g_output_write_at(output, offset, segment->bytes, *segment_nbytes, err);
    r2g_phase_add(&worker->times, R2G_PHASE_WRITE, &clock);
    return status;
}

r2g_status __real_r2g_output_write_at(struct r2g_output *, uint64_t, const void *, size_t, struct r2g_error *);
r2g_status __wrap_r2g_output_write_at(struct r2g_output *output, uint64_t offset, const void *bytes, size_t nbytes,
                                      struct r2g_error *err) {
    r2g_simulated_work(get_rates()->write_ns * (double)nbytes);
    r2g_simulated_transfer(get_rates()->storage, true, (double)nbytes);
    return get_rates()->made_up ? R2G_OK : __real_r2g_output_write_at(output, offset, bytes, nbytes, err);
}

r2g_status __real_r2g_job_open(struct r2g_job *, const char *, const char *, const struct r2g_options *,
                               struct r2g_error *);
r2g_status __wrap_r2g_job_open(struct r2g_job *job, const char *in_path, const char *out_path,
                               const struct r2g_options *options, struct r2g_error *err) {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (get_rates()->hidden && rank > 0) {
        memset(job, 0, sizeof *job);
        return r2g_fail(err, R2G_EINPUT, "%s: not to be seen from here", in_path);
    }
    return __real_r2g_job_open(job, in_path, out_path, options, err);
}

/* SMPI copies derived types element by element, a row of pixels in minutes: to it a row is so many bytes. */
int __real_MPI_Type_contiguous(int, MPI_Datatype, MPI_Datatype *);
int __wrap_MPI_Type_contiguous(int count, MPI_Datatype element, MPI_Datatype *type);
int __wrap_MPI_Type_contiguous(int count, MPI_Datatype element, MPI_Datatype *type) {
    int nbytes = 0;
    if (MPI_Type_size(element, &nbytes) != MPI_SUCCESS || (int64_t)count * nbytes > INT32_MAX)
        return __real_MPI_Type_contiguous(count, element, type);
    return __real_MPI_Type_contiguous(count * nbytes, MPI_BYTE, type);
}

/* The simulator counts its ranks as processes; other ranks open rank 0's file through the true one's folder in /proc. */
pid_t __wrap_smpi_getpid(void);
pid_t __wrap_smpi_getpid(void) {
    return r2g_simulated_process();
}
