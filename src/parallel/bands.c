#include "parallel/bands.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { CONTROL_STOP, CONTROL_FIRST, CONTROL_SHARES };

static r2g_status make_type(MPI_Datatype *type, int count, MPI_Datatype element, struct r2g_error *err) {
    r2g_status status = r2g_mpi_check(MPI_Type_contiguous(count, element, type), "MPI_Type_contiguous", err);
    return status == R2G_OK ? r2g_mpi_check(MPI_Type_commit(type), "MPI_Type_commit", err) : status;
}

r2g_status r2g_bands_open(struct r2g_bands *bands, struct r2g_comm *comm, uint32_t width, size_t pixel_nbytes,
                          struct r2g_budget *budget, struct r2g_error *err) {
    memset(bands, 0, sizeof *bands);
    bands->comm = comm;
    bands->row = bands->granule = MPI_DATATYPE_NULL;
    bands->scatter = MPI_REQUEST_NULL;
    bands->gathered.budget = budget;
    size_t size = (size_t)comm->size;
    bands->control = r2g_new((CONTROL_SHARES + size) * sizeof *bands->control, err);
    bands->counts = r2g_new(size * sizeof *bands->counts, err);
    bands->displs = r2g_new(size * sizeof *bands->displs, err);
    bands->segment_counts = r2g_new(size * sizeof *bands->segment_counts, err);
    bands->segment_displs = r2g_new(size * sizeof *bands->segment_displs, err);
    bands->records = r2g_new(size * sizeof *bands->records, err);
    if (bands->control == NULL || bands->counts == NULL || bands->displs == NULL || bands->segment_counts == NULL ||
        bands->segment_displs == NULL || bands->records == NULL)
        return R2G_ENOMEM;
    if (width == 0)
        return make_type(&bands->granule, R2G_GRANULE_NBYTES, MPI_BYTE, err);
    assert(width <= INT_MAX);
    /* A row is a number of pixels, so that its own count never meets the limit of an int either. */
    MPI_Datatype pixel = MPI_DATATYPE_NULL;
    r2g_status status = make_type(&pixel, (int)pixel_nbytes, MPI_BYTE, err);
    if (status == R2G_OK)
        status = make_type(&bands->row, (int)width, pixel, err);
    if (status == R2G_OK)
        status = make_type(&bands->granule, R2G_GRANULE_NBYTES, MPI_BYTE, err);
    if (pixel != MPI_DATATYPE_NULL)
        MPI_Type_free(&pixel);
    return status;
}

void r2g_bands_close(struct r2g_bands *bands) {
    if (bands->row != MPI_DATATYPE_NULL)
        MPI_Type_free(&bands->row);
    if (bands->granule != MPI_DATATYPE_NULL)
        MPI_Type_free(&bands->granule);
    r2g_buffer_free(&bands->gathered);
    free(bands->control);
    free(bands->counts);
    free(bands->displs);
    free(bands->segment_counts);
    free(bands->segment_displs);
    free(bands->records);
    memset(bands, 0, sizeof *bands);
    bands->row = bands->granule = MPI_DATATYPE_NULL;
}

r2g_status r2g_band_announce(struct r2g_bands *bands, bool stop, uint32_t first_block, const uint32_t *share,
                             struct r2g_error *err) {
    size_t size = (size_t)bands->comm->size;
    /* Whoever does not hear the announcement must not go on. */
    bands->control[CONTROL_STOP] = 1;
    if (bands->comm->rank == 0) {
        bands->control[CONTROL_STOP] = stop;
        bands->control[CONTROL_FIRST] = first_block;
        if (!stop)
            memcpy(bands->control + CONTROL_SHARES, share, size * sizeof *share);
    }
    return r2g_mpi_check(MPI_Bcast(bands->control, (int)(CONTROL_SHARES + size), MPI_UINT32_T, 0, bands->comm->mpi),
                         "MPI_Bcast", err);
}

bool r2g_band_stop(const struct r2g_bands *bands) {
    return bands->control[CONTROL_STOP] != 0;
}

uint32_t r2g_band_first(const struct r2g_bands *bands, int rank) {
    uint32_t first = bands->control[CONTROL_FIRST];
    for (int r = 0; r < rank; r++)
        first += bands->control[CONTROL_SHARES + r];
    return first;
}

uint32_t r2g_band_share(const struct r2g_bands *bands, int rank) {
    return bands->control[CONTROL_SHARES + rank];
}

/* Rows of `count` blocks from `first` on. */
static int rows_of(const struct r2g_raster *raster, uint32_t first, uint32_t count) {
    if (count == 0)
        return 0;
    uint64_t rows = (uint64_t)(count - 1) * raster->block_rows + r2g_raster_block_row_count(raster, first + count - 1);
    return (int)rows;
}

r2g_status r2g_band_scatter_start(struct r2g_bands *bands, const struct r2g_raster *raster, void *rows,
                                  struct r2g_error *err) {
    const struct r2g_comm *comm = bands->comm;
    int displ = 0;
    uint32_t first = bands->control[CONTROL_FIRST];
    for (int r = 0; r < comm->size; r++) {
        uint32_t share = r2g_band_share(bands, r);
        bands->counts[r] = rows_of(raster, first, share);
        bands->displs[r] = displ;
        displ += bands->counts[r];
        first += share;
    }
    int code;
    if (comm->rank == 0)
        code = MPI_Iscatterv(rows, bands->counts, bands->displs, bands->row, MPI_IN_PLACE, 0, bands->row, 0, comm->mpi,
                             &bands->scatter);
    else
        code = MPI_Iscatterv(NULL, NULL, NULL, bands->row, rows, bands->counts[comm->rank], bands->row, 0, comm->mpi,
                             &bands->scatter);
    return r2g_mpi_check(code, "MPI_Iscatterv", err);
}

void r2g_band_poll(struct r2g_bands *bands) {
    int done;
    if (bands->scatter != MPI_REQUEST_NULL && MPI_Request_get_status(bands->scatter, &done, MPI_STATUS_IGNORE) != 0)
        return; /* r2g_band_scatter_finish will meet the same error and report it */
}

r2g_status r2g_band_scatter_finish(struct r2g_bands *bands, struct r2g_error *err) {
    return r2g_mpi_check(MPI_Wait(&bands->scatter, MPI_STATUS_IGNORE), "MPI_Wait (scatter)", err);
}

static int granules(uint64_t nbytes) {
    return (int)((nbytes + R2G_GRANULE_NBYTES - 1) / R2G_GRANULE_NBYTES);
}

/* Rank 0: lays out the parts of all ranks and makes room for them. */
static r2g_status make_room(struct r2g_bands *bands, struct r2g_error *err) {
    uint64_t total = 0;
    for (int r = 0; r < bands->comm->size; r++) {
        bands->segment_counts[r] = granules(bands->records[r].segment_nbytes);
        bands->segment_displs[r] = (int)total;
        total += (uint64_t)bands->segment_counts[r];
        if (total > INT_MAX)
            return r2g_fail(err, R2G_ELIMIT, "the segments of one band are too large to be gathered");
    }
    return r2g_buffer_reserve(&bands->gathered, total * R2G_GRANULE_NBYTES, "gathered segments", err);
}

r2g_status r2g_band_gather(struct r2g_bands *bands, const struct r2g_band_record *record, struct r2g_buffer *segment,
                           struct r2g_error *err) {
    const struct r2g_comm *comm = bands->comm;
    struct r2g_band_record own = *record;
    /* Sent in whole granules: the bytes behind the last one belong to the buffer and mean nothing. */
    r2g_status status = r2g_buffer_reserve(segment, segment->nbytes + R2G_GRANULE_NBYTES, "a segment", err);
    if (status != R2G_OK) {
        own.status = (int32_t)status;
        own.segment_nbytes = 0;
    }
    const int record_nbytes = (int)sizeof own;
    r2g_status sent =
        r2g_mpi_check(MPI_Gather(&own, record_nbytes, MPI_BYTE, bands->records, record_nbytes, MPI_BYTE, 0, comm->mpi),
                      "MPI_Gather", err);
    if (status == R2G_OK)
        status = sent;
    int go = 1;
    if (comm->rank == 0) {
        r2g_status room = make_room(bands, err);
        go = room == R2G_OK;
        if (status == R2G_OK)
            status = room;
    }
    sent = r2g_mpi_check(MPI_Bcast(&go, 1, MPI_INT, 0, comm->mpi), "MPI_Bcast", err);
    if (status == R2G_OK)
        status = sent;
    if (!go)
        return status;
    sent =
        r2g_mpi_check(MPI_Gatherv(segment->bytes, granules(own.segment_nbytes), bands->granule, bands->gathered.bytes,
                                  bands->segment_counts, bands->segment_displs, bands->granule, 0, comm->mpi),
                      "MPI_Gatherv", err);
    return status == R2G_OK ? sent : status;
}
