/* Every rank reads its own row blocks and writes them in place: nothing is scattered or gathered.
 *
 * Each rank has one contiguous run of blocks. In rounds of about ROUND_NBYTES a non-blocking sum tells every rank how many
 * failed and how many rows are done; it is looked at one round later, so that nobody waits for it. All ranks see the
 * same sum in the same round and so leave together. Memory: one row block of input, of gray, and of output a rank.
 */
#include "base/size.h"
#include "pipeline/distributed.h"
#include "pipeline/sequential.h"

/* Gray rows a round, about: so much that the sum costs nothing beside it. */
#define ROUND_NBYTES (UINT64_C(16) << 20)

struct tally {
    int64_t failed, row_count;
};

struct place {
    struct r2g_distributed *run;
    struct r2g_buffer rows, segment;
    uint32_t next, last; /* this rank's blocks still to do */
    uint32_t round_blocks;
    struct tally mine, sum;
    MPI_Request request;
    bool stop; /* some rank failed: known to all in the same round */
};

static r2g_status run_round(struct place *place, struct r2g_error *err) {
    struct r2g_distributed *run = place->run;
    struct r2g_checksum unused = {0};
    r2g_status status = R2G_OK;
    for (uint32_t i = 0; status == R2G_OK && i < place->round_blocks && place->next < place->last; i++, place->next++) {
        status = r2g_distributed_read(run, place->next, place->rows.bytes, err);
        if (status == R2G_OK)
            status = r2g_distributed_block(run, place->next, place->rows.bytes, &place->segment, &unused, err);
    }
    return status;
}

/* Waits for the sum of the round before and starts this round's. */
static r2g_status exchange(struct place *place, r2g_status mine, struct r2g_error *err) {
    struct r2g_error *unless_failed = mine == R2G_OK ? err : NULL;
    r2g_status status = r2g_mpi_check(MPI_Wait(&place->request, MPI_STATUS_IGNORE), "MPI_Wait", unless_failed);
    int64_t done_rows = place->sum.row_count;
    place->stop = place->sum.failed > 0;
    if (!place->stop) {
        place->mine.failed = mine != R2G_OK;
        place->mine.row_count = (int64_t)place->run->worker.times.row_count;
        r2g_status started = r2g_mpi_check(
            MPI_Iallreduce(&place->mine, &place->sum, 2, MPI_INT64_T, MPI_SUM, place->run->comm->mpi, &place->request),
            "MPI_Iallreduce", status == R2G_OK ? unless_failed : NULL);
        status = status == R2G_OK ? started : status;
    }
    if (status == R2G_OK && mine == R2G_OK && place->run->comm->rank == 0)
        status = r2g_progress_tell(&place->run->request->options, &place->run->setup.raster, (uint64_t)done_rows, err);
    return mine != R2G_OK ? mine : status;
}

r2g_status r2g_distributed_place(struct r2g_distributed *run, struct r2g_error *err) {
    const struct r2g_raster *raster = &run->setup.raster;
    uint64_t size = (uint64_t)run->comm->size, rank = (uint64_t)run->comm->rank, blocks = raster->block_count;
    uint64_t block_nbytes = (uint64_t)r2g_raster_row_nbytes(raster) * raster->block_rows;
    struct place place = {.run = run,
                          .rows = {.budget = &run->job.budget},
                          .segment = {.budget = &run->job.budget},
                          .next = (uint32_t)(blocks * rank / size),
                          .last = (uint32_t)(blocks * (rank + 1) / size),
                          .round_blocks = (uint32_t)r2g_u64_max(ROUND_NBYTES / block_nbytes, 1),
                          .request = MPI_REQUEST_NULL};
    r2g_status status =
        r2g_buffer_reserve(&place.rows, run->worker.in_row_nbytes * raster->block_rows, "a block of rows", err);
    uint64_t most = (blocks + size - 1) / size, rounds = (most + place.round_blocks - 1) / place.round_blocks;
    for (uint64_t round = 0; round <= rounds && !place.stop; round++) {
        if (status == R2G_OK)
            status = run_round(&place, err);
        status = exchange(&place, status, err);
    }
    r2g_status last =
        r2g_mpi_check(MPI_Wait(&place.request, MPI_STATUS_IGNORE), "MPI_Wait", status == R2G_OK ? err : NULL);
    r2g_buffer_free(&place.segment);
    r2g_buffer_free(&place.rows);
    return status != R2G_OK ? status : last;
}
