/* Bands of encoded row blocks, one after the other: rank 0 reads band k+1 while band k is scattered, converted and encoded.
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
 * Memory: rank 0 holds two bands of input rows (one on its way, one being read) and one band of segments; another rank
 * one band of input rows at most, and its segments. A band is bounded by the plan.
 *
 * A rank that fails says so in its record; rank 0 then announces the stop, and all leave the loop together.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/size.h"
#include "parallel/bands.h"
#include "parallel/shares.h"
#include "pipeline/distributed.h"
#include "pipeline/sequential.h"

struct band_run {
    struct r2g_distributed *run;
    struct r2g_bands bands;
    struct r2g_buffer rows[2]; /* rank 0: the band at work and the one being read; others: rows[0], their share */
    struct r2g_buffer segment; /* what this rank made of its share */
    int at_work;               /* index into rows */
    bool scatter, root;
    /* rank 0 only */
    uint32_t next_block; /* first block of the next band */
    uint32_t *share;
    bool pending; /* a band is gathered but not written */
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

/* Rank 0: reads the band that begins at next_block, keeping a scatter under way moving between blocks. */
static r2g_status read_band(struct band_run *self, struct r2g_buffer *rows, struct r2g_error *err) {
    uint32_t length = band_length(self, self->next_block);
    size_t block_nbytes = self->run->worker.in_row_nbytes * self->run->setup.raster.block_rows;
    int64_t start = r2g_clock_ns();
    r2g_status status = R2G_OK;
    for (uint32_t i = 0; status == R2G_OK && i < length; i++) {
        status = r2g_distributed_read(self->run, self->next_block + i, rows->bytes + i * block_nbytes, err);
        r2g_band_poll(&self->bands);
    }
    if (length > 0)
        self->read_block_ns = average(self->read_block_ns, (r2g_clock_ns() - start) / length);
    return status;
}

/* Rank 0: announces the next band, shared out by what was measured, or the stop. */
static r2g_status announce(struct band_run *self, r2g_status status, struct r2g_error *err) {
    uint32_t length = band_length(self, self->next_block);
    bool stop = status != R2G_OK || self->other_failed || length == 0;
    int64_t other_ns = self->write_block_ns * length; /* of the band before, about as long */
    if (!stop && self->scatter)
        other_ns += self->read_block_ns * band_length(self, self->next_block + length);
    if (!stop)
        r2g_shares_assign(self->share, self->run->comm->size, length, self->block_ns, other_ns);
    r2g_status sent = r2g_band_announce(&self->bands, stop, self->next_block, self->share, err);
    self->next_block += stop ? 0 : length;
    return sent;
}

/* Rank 0: writes rank r's part of the gathered band, its segments one after the other. */
static r2g_status write_part(struct band_run *self, int r, struct r2g_error *err) {
    struct r2g_distributed *run = self->run;
    const struct r2g_band_record *record = &self->bands.records[r];
    const uint8_t *bytes = self->bands.gathered.bytes + (size_t)self->bands.segment_displs[r] * R2G_GRANULE_NBYTES;
    r2g_block_worker_sum(&run->worker, &run->sum, &record->sum);
    r2g_status status = r2g_output_write_at(run->output, run->end, bytes, record->segment_nbytes, err);
    run->end += record->segment_nbytes;
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
    record->work_ns = r2g_clock_ns() - start;
    record->row_count = run->worker.times.row_count - rows_before;
    record->segment_nbytes = status == R2G_OK ? self->segment.nbytes : 0;
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

/* One announced band on one rank. `status` is how this rank fared so far; a rank that failed takes part, but does no
 * work. */
static r2g_status run_band(struct band_run *self, r2g_status status, struct r2g_error *err) {
    struct r2g_distributed *run = self->run;
    struct r2g_rank_times *times = &run->worker.times;
    int64_t clock = r2g_clock_ns();
    if (self->scatter)
        note(&status, r2g_band_scatter_start(&self->bands, &run->setup.raster, self->rows[self->at_work].bytes,
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
    record.status = (int32_t)status;
    if (self->root && self->scatter && status == R2G_OK)
        status = read_band(self, &self->rows[1 - self->at_work], err);
    clock = r2g_clock_ns();
    note(&status, r2g_band_gather(&self->bands, &record, &self->segment, unless_failed(status, err)));
    r2g_phase_add(times, R2G_PHASE_GATHER, &clock);
    if (self->scatter && self->root) {
        note(&status, r2g_band_scatter_finish(&self->bands, unless_failed(status, err)));
        self->at_work = 1 - self->at_work;
        r2g_phase_add(times, R2G_PHASE_SCATTER, &clock);
    }
    if (self->root)
        note(&status, take_records(self, unless_failed(status, err)));
    return status;
}

static r2g_status prepare(struct band_run *self, struct r2g_error *err) {
    struct r2g_distributed *run = self->run;
    const struct r2g_setup *setup = &run->setup;
    size_t pixel_nbytes = r2g_layout_channels(setup->conversion.layout) * (setup->conversion.maxval > 255 ? 2u : 1u);
    size_t size = (size_t)run->comm->size, blocks = self->scatter ? run->plan.band_blocks : 1, band_nbytes;
    r2g_status status = r2g_bands_open(&self->bands, run->comm, self->scatter ? setup->raster.width : 0, pixel_nbytes,
                                       &run->job.budget, err);
    if (status != R2G_OK)
        return status;
    if (!r2g_size_mul(run->worker.in_row_nbytes, blocks * setup->raster.block_rows, &band_nbytes))
        return r2g_fail(err, R2G_ELIMIT, "a band of rows does not fit memory");
    status = r2g_buffer_reserve(&self->rows[0], band_nbytes, "a band of rows", err);
    if (status != R2G_OK || !self->root)
        return status;
    if (self->scatter)
        status = r2g_buffer_reserve(&self->rows[1], band_nbytes, "a band of rows", err);
    self->share = r2g_new(size * sizeof *self->share, err);
    self->block_ns = r2g_new(size * sizeof *self->block_ns, err);
    if (self->share == NULL || self->block_ns == NULL)
        return R2G_ENOMEM;
    return status;
}

r2g_status r2g_distributed_bands(struct r2g_distributed *run, struct r2g_error *err) {
    struct r2g_budget *budget = &run->job.budget;
    struct band_run self = {.run = run,
                            .rows = {{.budget = budget}, {.budget = budget}},
                            .segment = {.budget = budget},
                            .scatter = run->plan.path == R2G_PATH_SCATTER,
                            .root = run->comm->rank == 0};
    r2g_status status = r2g_agree(run->comm, prepare(&self, err), err);
    bool ready = status == R2G_OK;
    if (ready && self.root && self.scatter)
        status = read_band(&self, &self.rows[0], err);
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
    free(self.block_ns);
    r2g_buffer_free(&self.rows[0]);
    r2g_buffer_free(&self.rows[1]);
    r2g_buffer_free(&self.segment);
    return status;
}
