/* Bands of encoded row blocks, one after the other: rank 0 reads ahead while a band is scattered, converted and encoded.
 *
 * Rank 0, for band k:                              the other ranks:
 *   announce shares (MPI_Bcast)                      hear them
 *   start the scatter of k (MPI_Iscatterv)           receive their rows
 *   write the segments of k-1                        convert and encode
 *   convert and encode its own share of k            .
 *   read band k+1                                    .
 *   gather k (MPI_Gatherv)                           send their segments
 * In a direct run nothing is scattered: each rank reads its share itself, and rank 0 does not read ahead.
 *
 * With many ranks a band of a scatter run may be more than rank 0 holds. It is read and sent in chunks then, each while the
 * one before it is on its way; rank 0 converts nothing, and reads no more than the first chunk of the next band ahead.
 *
 * Where all ranks can write into the output (plan.place), the gather brings rank 0 sizes, and what the segments of two ranks
 * have of a page of the file in common; rank 0 tells each rank where its segments begin, and each writes the rest itself.
 *
 * Memory: rank 0 holds two chunks of input rows (one on its way, one being read) and the segments it gathers; another rank
 * its share, of a chunk of input rows at most, and its segments. Chunk, share and band are bounded by the plan.
 *
 * A rank that fails says so in its record, or in that of the next band; rank 0 then announces the stop, and all leave the
 * loop together.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/size.h"
#include "parallel/bands.h"
#include "parallel/shares.h"
#include "pipeline/distributed.h"
#include "pipeline/sequential.h"

/* Small pieces that follow each other in the file are written together, up to this size. */
#define JOINED_NBYTES ((size_t)256 << 10)

struct band_run {
    struct r2g_distributed *run;
    struct r2g_bands bands;
    struct r2g_buffer rows[2]; /* rank 0: the chunk at work and the one being read; others: rows[0], their share */
    struct r2g_buffer segment; /* what this rank made of its share */
    int at_work;               /* index into rows */
    bool scatter, root;
    int64_t write_ns; /* what this rank wrote itself of the band before took so long */
    /* rank 0 only */
    uint32_t next_block; /* first block of the next band */
    uint32_t *share;
    int *order;               /* scratch */
    bool pending;             /* a band is gathered but not written */
    struct r2g_buffer joined; /* bytes that follow each other in the file, to be written at once */
    uint64_t joined_at;
    uint32_t pending_blocks;
    bool other_failed; /* another rank did: it will describe that in the agreement at the end */
    int64_t *block_ns; /* measured time of one block by rank, 0: not yet */
    int64_t read_block_ns, write_block_ns;
    uint64_t done_rows;
};

/* A moving average that follows changes of pace within a few bands. */
static int64_t average(int64_t old_ns, int64_t new_ns) {
    return old_ns == 0 ? new_ns : (old_ns * 3 + new_ns) / 4;
}

/* Blocks of the band that begins at first_block. The first bands of a scatter run are short, so that the others have
 * something to do soon after the start. */
static uint32_t band_length(const struct band_run *self, uint32_t first_block) {
    uint32_t most = self->run->plan.band_blocks, ramp = (uint32_t)self->run->comm->size - 1 + first_block;
    if (self->scatter && ramp < most)
        most = ramp;
    return (uint32_t)r2g_u64_min(most, self->run->setup.raster.block_count - first_block);
}

/* Blocks of the first chunk of the band that begins at first_block. */
static uint32_t chunk_length(const struct band_run *self, uint32_t first_block) {
    return (uint32_t)r2g_u64_min(band_length(self, first_block), self->run->plan.chunk_blocks);
}

/* Rank 0: reads `count` blocks from `first_block` on, keeping a scatter under way moving between blocks. */
static r2g_status read_chunk(struct band_run *self, uint32_t first_block, uint32_t count, struct r2g_buffer *rows,
                             struct r2g_error *err) {
    size_t block_nbytes = self->run->worker.in_row_nbytes * self->run->setup.raster.block_rows;
    int64_t start = r2g_clock_ns();
    r2g_status status = R2G_OK;
    for (uint32_t i = 0; status == R2G_OK && i < count; i++) {
        status = r2g_distributed_read(self->run, first_block + i, rows->bytes + i * block_nbytes, err);
        r2g_band_poll(&self->bands);
    }
    if (count > 0)
        self->read_block_ns = average(self->read_block_ns, (r2g_clock_ns() - start) / count);
    return status;
}

/* Rank 0: announces the next band, shared out by what was measured, or the stop. */
static r2g_status announce(struct band_run *self, r2g_status status, struct r2g_error *err) {
    uint32_t length = band_length(self, self->next_block);
    bool stop = status != R2G_OK || self->other_failed || length == 0;
    int64_t other_ns = self->write_block_ns * length; /* of the band before, about as long */
    if (!stop && self->scatter)
        other_ns += self->read_block_ns * chunk_length(self, self->next_block + length);
    const struct r2g_plan *plan = &self->run->plan;
    uint32_t root_most = self->scatter && length > plan->chunk_blocks ? 0 : plan->share_blocks;
    if (!stop)
        r2g_shares_assign(self->share, self->order, self->run->comm->size, length, self->block_ns, other_ns, root_most,
                          plan->share_blocks);
    r2g_status sent = r2g_band_announce(&self->bands, stop, self->next_block, self->share, err);
    self->next_block += stop ? 0 : length;
    return sent;
}

/* Rank 0: writes what was joined. */
static r2g_status write_joined(struct band_run *self, struct r2g_error *err) {
    r2g_status status = R2G_OK;
    if (self->joined.nbytes > 0)
        status = r2g_output_write_at(self->run->output, self->joined_at, self->joined.bytes, self->joined.nbytes, err);
    self->joined.nbytes = 0;
    return status;
}

/* Rank 0: writes a piece of a segment; a small one with those that follow it in the file. */
static r2g_status write_piece(struct band_run *self, uint64_t offset, const uint8_t *bytes, size_t nbytes,
                              struct r2g_error *err) {
    r2g_status status = R2G_OK;
    bool follows = self->joined_at + self->joined.nbytes == offset, small = nbytes <= JOINED_NBYTES / 2;
    if (!follows || !small || self->joined.nbytes + nbytes > JOINED_NBYTES)
        status = write_joined(self, err);
    if (status != R2G_OK || nbytes == 0)
        return status;
    if (!small)
        return r2g_output_write_at(self->run->output, offset, bytes, nbytes, err);
    if (self->joined.nbytes == 0)
        self->joined_at = offset;
    return r2g_buffer_append(&self->joined, bytes, nbytes, err);
}

/* Rank 0: writes what was gathered of rank r's part of the band, its segments one after the other. */
static r2g_status write_part(struct band_run *self, int r, struct r2g_error *err) {
    struct r2g_distributed *run = self->run;
    const struct r2g_band_record *record = &self->bands.records[r];
    const uint8_t *bytes = self->bands.gathered.bytes + (size_t)self->bands.segment_displs[r] * R2G_GRANULE_NBYTES;
    struct r2g_band_edges edges = r2g_band_cut(&self->bands, run->end, record->segment_nbytes);
    r2g_block_worker_sum(&run->worker, &run->sum, &record->sum);
    r2g_status status = write_piece(self, run->end, bytes, edges.head_nbytes, err);
    run->end += record->segment_nbytes;
    if (status == R2G_OK)
        status = write_piece(self, run->end - edges.tail_nbytes, bytes + edges.head_nbytes, edges.tail_nbytes, err);
    return status;
}

/* Rank 0: writes the band gathered last, if there is one. */
static r2g_status write_pending(struct band_run *self, struct r2g_error *err) {
    if (!self->pending)
        return R2G_OK;
    self->pending = false;
    int64_t start = r2g_clock_ns(), clock = start;
    r2g_status status = R2G_OK;
    for (int r = 0; status == R2G_OK && r < self->run->comm->size; r++)
        status = write_part(self, r, err);
    if (status == R2G_OK)
        status = write_joined(self, err);
    uint32_t length = self->pending_blocks;
    r2g_phase_add(&self->run->worker.times, R2G_PHASE_WRITE, &clock);
    if (length > 0)
        self->write_block_ns = average(self->write_block_ns, (clock - start) / length);
    return status;
}

/* Rank 0: looks at the records of the band just gathered. */
static r2g_status take_records(struct band_run *self, struct r2g_error *err) {
    self->pending_blocks = 0;
    for (int r = 0; r < self->run->comm->size; r++) {
        const struct r2g_band_record *record = &self->bands.records[r];
        /* A rank that got nothing is tried again after some bands: it may have been slow by accident. */
        if (record->block_count > 0)
            self->block_ns[r] = average(self->block_ns[r], record->work_ns / record->block_count);
        else
            self->block_ns[r] = self->block_ns[r] * 3 / 4;
        self->done_rows += record->row_count;
        self->pending_blocks += r2g_band_share(&self->bands, r);
        self->other_failed = self->other_failed || record->status != (int32_t)R2G_OK;
    }
    self->pending = !self->other_failed;
    if (self->other_failed)
        return R2G_OK;
    return r2g_progress_tell(&self->run->request->options, &self->run->setup.raster, self->done_rows, err);
}

/* Reads (in a direct run), converts and encodes this rank's share of the announced band. */
static r2g_status work(struct band_run *self, struct r2g_band_record *record, struct r2g_error *err) {
    struct r2g_distributed *run = self->run;
    int64_t start = r2g_clock_ns();
    uint64_t rows_before = run->worker.times.row_count;
    uint32_t first = r2g_band_first(&self->bands, run->comm->rank);
    uint32_t share = r2g_band_share(&self->bands, run->comm->rank);
    size_t block_nbytes = run->worker.in_row_nbytes * run->setup.raster.block_rows;
    uint8_t *rows = self->rows[self->at_work].bytes;
    r2g_status status = R2G_OK;
    for (uint32_t i = 0; status == R2G_OK && i < share; i++) {
        uint8_t *block_rows = rows + (self->scatter ? i * block_nbytes : 0);
        if (!self->scatter)
            status = r2g_distributed_read(run, first + i, block_rows, err);
        if (status == R2G_OK)
            status = r2g_distributed_block(run, first + i, block_rows, &self->segment, &record->sum, err);
        if (self->root)
            r2g_band_poll(&self->bands);
    }
    record->block_count = share;
    record->work_ns = r2g_clock_ns() - start + self->write_ns;
    self->write_ns = 0;
    record->row_count = run->worker.times.row_count - rows_before;
    record->segment_nbytes = status == R2G_OK ? self->segment.nbytes : 0;
    return status;
}

/* Where all ranks write: writes this rank's segments, but for what rank 0 writes of them. */
static r2g_status write_own(struct band_run *self, uint64_t nbytes, struct r2g_error *err) {
    struct r2g_distributed *run = self->run;
    struct r2g_band_edges edges = r2g_band_cut(&self->bands, self->bands.offset, nbytes);
    uint64_t own_nbytes = nbytes - edges.head_nbytes - edges.tail_nbytes;
    if (own_nbytes == 0)
        return R2G_OK;
    int64_t start = r2g_clock_ns(), clock = start;
    struct r2g_output *output = self->root ? run->output : run->attached;
    r2g_status status = r2g_output_write_at(output, self->bands.offset + edges.head_nbytes,
                                            self->segment.bytes + edges.head_nbytes, (size_t)own_nbytes, err);
    r2g_phase_add(&run->worker.times, R2G_PHASE_WRITE, &clock);
    self->write_ns = clock - start;
    return status;
}

/* Keeps the first failure; where to describe the next one, so that status and text stay together. */
static void note(r2g_status *status, r2g_status next) {
    if (*status == R2G_OK)
        *status = next;
}

static struct r2g_error *unless_failed(r2g_status status, struct r2g_error *err) {
    return status == R2G_OK ? err : NULL;
}

/* Rank 0 of a scatter run, while the others work: reads the chunks of the announced band that are not read yet, and sends
 * them; then the first chunk of the next band. */
static r2g_status feed(struct band_run *self, r2g_status status, struct r2g_error *err) {
    struct r2g_rank_times *times = &self->run->worker.times;
    uint32_t most = self->run->plan.chunk_blocks, length = r2g_band_block_count(&self->bands);
    for (uint32_t first = most; first < length; first += most) {
        struct r2g_buffer *rows = &self->rows[1 - self->at_work];
        uint32_t count = (uint32_t)r2g_u64_min(most, length - first);
        if (status == R2G_OK)
            status = read_chunk(self, self->next_block - length + first, count, rows, err);
        /* The others wait for rows even where these cannot be read; black ones are in every range. */
        if (status != R2G_OK)
            memset(rows->bytes, 0, self->run->worker.in_row_nbytes * self->run->setup.raster.block_rows * count);
        int64_t clock = r2g_clock_ns();
        note(&status, r2g_band_scatter_finish(&self->bands, unless_failed(status, err)));
        self->at_work = 1 - self->at_work;
        note(&status, r2g_band_scatter_start(&self->bands, &self->run->setup.raster, first, rows->bytes,
                                             unless_failed(status, err)));
        r2g_phase_add(times, R2G_PHASE_SCATTER, &clock);
    }
    if (status == R2G_OK)
        status = read_chunk(self, self->next_block, chunk_length(self, self->next_block),
                            &self->rows[1 - self->at_work], err);
    return status;
}

/* One announced band on one rank. `status` is how this rank fared so far; a rank that failed takes part, but does no
 * work. */
static r2g_status run_band(struct band_run *self, r2g_status status, struct r2g_error *err) {
    struct r2g_distributed *run = self->run;
    struct r2g_rank_times *times = &run->worker.times;
    int64_t clock = r2g_clock_ns();
    if (self->scatter)
        note(&status, r2g_band_scatter_start(&self->bands, &run->setup.raster, 0, self->rows[self->at_work].bytes,
                                             unless_failed(status, err)));
    if (self->scatter && !self->root)
        note(&status, r2g_band_scatter_finish(&self->bands, unless_failed(status, err)));
    r2g_phase_add(times, R2G_PHASE_SCATTER, &clock);
    if (self->root && status == R2G_OK)
        status = write_pending(self, err);
    struct r2g_band_record record = {0};
    self->segment.nbytes = 0;
    if (status == R2G_OK)
        status = work(self, &record, err);
    if (self->root && self->scatter)
        status = feed(self, status, err);
    record.status = (int32_t)status;
    clock = r2g_clock_ns();
    note(&status, r2g_band_gather(&self->bands, &record, &self->segment, run->end, unless_failed(status, err)));
    r2g_phase_add(times, R2G_PHASE_GATHER, &clock);
    if (self->scatter && self->root) {
        note(&status, r2g_band_scatter_finish(&self->bands, unless_failed(status, err)));
        self->at_work = 1 - self->at_work;
        r2g_phase_add(times, R2G_PHASE_SCATTER, &clock);
    }
    if (run->plan.place && self->bands.go && status == R2G_OK)
        status = write_own(self, record.segment_nbytes, err);
    if (self->root)
        note(&status, take_records(self, unless_failed(status, err)));
    return status;
}

static r2g_status prepare(struct band_run *self, struct r2g_error *err) {
    struct r2g_distributed *run = self->run;
    const struct r2g_setup *setup = &run->setup;
    size_t pixel_nbytes = r2g_layout_channels(setup->conversion.layout) * (setup->conversion.maxval > 255 ? 2u : 1u);
    size_t size = (size_t)run->comm->size, blocks = self->scatter ? run->plan.chunk_blocks : 1, chunk_nbytes;
    struct r2g_bands_options options = {.width = self->scatter ? setup->raster.width : 0,
                                        .pixel_nbytes = pixel_nbytes,
                                        .chunk_blocks = run->plan.chunk_blocks,
                                        .place = run->plan.place};
    r2g_status status = r2g_bands_open(&self->bands, run->comm, &options, &run->job.budget, err);
    if (status != R2G_OK)
        return status;
    if (!r2g_size_mul(run->worker.in_row_nbytes, blocks * setup->raster.block_rows, &chunk_nbytes))
        return r2g_fail(err, R2G_ELIMIT, "a band of rows does not fit memory");
    status = r2g_buffer_reserve(&self->rows[0], chunk_nbytes, "a band of rows", err);
    if (status != R2G_OK || !self->root)
        return status;
    if (self->scatter)
        status = r2g_buffer_reserve(&self->rows[1], chunk_nbytes, "a band of rows", err);
    self->share = r2g_new(size * sizeof *self->share, err);
    self->order = r2g_new(size * sizeof *self->order, err);
    self->block_ns = r2g_new(size * sizeof *self->block_ns, err);
    if (self->share == NULL || self->order == NULL || self->block_ns == NULL)
        return R2G_ENOMEM;
    return status;
}

r2g_status r2g_distributed_bands(struct r2g_distributed *run, struct r2g_error *err) {
    struct r2g_budget *budget = &run->job.budget;
    struct band_run self = {.run = run,
                            .rows = {{.budget = budget}, {.budget = budget}},
                            .segment = {.budget = budget},
                            .joined = {.budget = budget},
                            .scatter = run->plan.path == R2G_PATH_SCATTER,
                            .root = run->comm->rank == 0};
    r2g_status status = r2g_agree(run->comm, prepare(&self, err), err);
    bool ready = status == R2G_OK;
    if (ready && self.root && self.scatter)
        status = read_chunk(&self, 0, chunk_length(&self, 0), &self.rows[0], err);
    while (ready) {
        int64_t clock = r2g_clock_ns();
        r2g_status heard = self.root ? announce(&self, status, unless_failed(status, err))
                                     : r2g_band_announce(&self.bands, true, 0, NULL, unless_failed(status, err));
        r2g_phase_add(&run->worker.times, R2G_PHASE_SCATTER, &clock);
        note(&status, heard);
        if (r2g_band_stop(&self.bands))
            break;
        status = run_band(&self, status, err);
    }
    if (status == R2G_OK && self.root)
        status = write_pending(&self, err);
    r2g_bands_close(&self.bands);
    free(self.share);
    free(self.order);
    r2g_buffer_free(&self.joined);
    free(self.block_ns);
    r2g_buffer_free(&self.rows[0]);
    r2g_buffer_free(&self.rows[1]);
    r2g_buffer_free(&self.segment);
    return status;
}
