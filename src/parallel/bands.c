#include "parallel/bands.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"

enum { CONTROL_STOP, CONTROL_FIRST, CONTROL_SHARES };

/* Of rows that go rank by rank. */
enum { TAG_ROWS = 17 };

/* Instead of an offset: the gather does not take place. */
#define NO_OFFSET UINT64_MAX

static r2g_status make_type(MPI_Datatype *type, int count, MPI_Datatype element, struct r2g_error *err) {
    r2g_status status = r2g_mpi_check(MPI_Type_contiguous(count, element, type), "MPI_Type_contiguous", err);
    return status == R2G_OK ? r2g_mpi_check(MPI_Type_commit(type), "MPI_Type_commit", err) : status;
}

r2g_status r2g_bands_open(struct r2g_bands *bands, struct r2g_comm *comm, const struct r2g_bands_options *options,
                          struct r2g_budget *budget, struct r2g_error *err) {
    uint32_t width = options->width;
    memset(bands, 0, sizeof *bands);
    bands->comm = comm;
    bands->row = bands->granule = MPI_DATATYPE_NULL;
    bands->scatter = MPI_REQUEST_NULL;
    bands->gathered.budget = bands->edges.budget = budget;
    bands->chunk_blocks = options->chunk_blocks;
    bands->row_nbytes = options->width * options->pixel_nbytes;
    bands->page_nbytes = options->place ? (size_t)sysconf(_SC_PAGESIZE) : 0;
    size_t size = (size_t)comm->size;
    bands->control = r2g_new((CONTROL_SHARES + size) * sizeof *bands->control, err);
    bands->counts = r2g_new(size * sizeof *bands->counts, err);
    bands->displs = r2g_new(size * sizeof *bands->displs, err);
    bands->segment_counts = r2g_new(size * sizeof *bands->segment_counts, err);
    bands->segment_displs = r2g_new(size * sizeof *bands->segment_displs, err);
    bands->records = r2g_new(size * sizeof *bands->records, err);
    bands->offsets = r2g_new(size * sizeof *bands->offsets, err);
    bands->sends = r2g_new(size * sizeof *bands->sends, err);
    if (bands->control == NULL || bands->offsets == NULL || bands->sends == NULL || bands->counts == NULL ||
        bands->displs == NULL || bands->segment_counts == NULL || bands->segment_displs == NULL ||
        bands->records == NULL)
        return R2G_ENOMEM;
    if (width == 0)
        return make_type(&bands->granule, R2G_GRANULE_NBYTES, MPI_BYTE, err);
    assert(width <= INT_MAX);
    /* A row is a number of pixels, so that its own count never meets the limit of an int either. */
    MPI_Datatype pixel = MPI_DATATYPE_NULL;
    r2g_status status = make_type(&pixel, (int)options->pixel_nbytes, MPI_BYTE, err);
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
    free(bands->offsets);
    free(bands->sends);
    r2g_buffer_free(&bands->edges);
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

uint32_t r2g_band_block_count(const struct r2g_bands *bands) {
    return r2g_band_first(bands, bands->comm->size) - bands->control[CONTROL_FIRST];
}

/* Rows of `count` blocks from `first` on. */
static int rows_of(const struct r2g_raster *raster, uint32_t first, uint32_t count) {
    if (count == 0)
        return 0;
    uint64_t rows = (uint64_t)(count - 1) * raster->block_rows + r2g_raster_block_row_count(raster, first + count - 1);
    return (int)rows;
}

/* A band that is one chunk. */
static r2g_status scatter_whole(struct r2g_bands *bands, const struct r2g_raster *raster, void *rows,
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

/* A rank's share in one chunk, in blocks counted from the band's first. */
struct piece {
    uint32_t first, count;
};

static struct piece piece_of(uint32_t share_first, uint32_t share, uint32_t chunk_first, uint32_t chunk_blocks) {
    uint32_t first = share_first > chunk_first ? share_first : chunk_first;
    uint32_t last = (uint32_t)r2g_u64_min(share_first + share, (uint64_t)chunk_first + chunk_blocks);
    return (struct piece){first, last > first ? last - first : 0};
}

/* Rank 0, a band of several chunks: starts sending one. After a failure too the others get what they wait for. */
static r2g_status send_chunk(struct r2g_bands *bands, const struct r2g_raster *raster, uint32_t chunk_first,
                             const uint8_t *rows, struct r2g_error *err) {
    uint32_t band_first = bands->control[CONTROL_FIRST], share_first = 0;
    size_t block_nbytes = bands->row_nbytes * raster->block_rows;
    r2g_status status = R2G_OK;
    for (int r = 0; r < bands->comm->size; r++) {
        uint32_t share = r2g_band_share(bands, r);
        struct piece piece = piece_of(share_first, share, chunk_first, bands->chunk_blocks);
        share_first += share;
        if (piece.count == 0)
            continue;
        MPI_Request *request = &bands->sends[bands->send_count++];
        *request = MPI_REQUEST_NULL;
        int code = MPI_Isend(rows + (piece.first - chunk_first) * block_nbytes,
                             rows_of(raster, band_first + piece.first, piece.count), bands->row, r, TAG_ROWS,
                             bands->comm->mpi, request);
        r2g_status sent = r2g_mpi_check(code, "MPI_Isend", status == R2G_OK ? err : NULL);
        status = status == R2G_OK ? sent : status;
    }
    return status;
}

/* Another rank, a band of several chunks: its share, a piece of each chunk that it is in. */
static r2g_status receive_share(struct r2g_bands *bands, const struct r2g_raster *raster, uint8_t *rows,
                                struct r2g_error *err) {
    int rank = bands->comm->rank;
    uint32_t band_first = bands->control[CONTROL_FIRST], share = r2g_band_share(bands, rank);
    uint32_t share_first = r2g_band_first(bands, rank) - band_first;
    uint32_t chunk = share_first / bands->chunk_blocks * bands->chunk_blocks;
    r2g_status status = R2G_OK;
    for (; share > 0 && chunk < share_first + share; chunk += bands->chunk_blocks) {
        struct piece piece = piece_of(share_first, share, chunk, bands->chunk_blocks);
        int count = rows_of(raster, band_first + piece.first, piece.count);
        int code = MPI_Recv(rows, count, bands->row, 0, TAG_ROWS, bands->comm->mpi, MPI_STATUS_IGNORE);
        r2g_status received = r2g_mpi_check(code, "MPI_Recv", status == R2G_OK ? err : NULL);
        status = status == R2G_OK ? received : status;
        rows += bands->row_nbytes * (size_t)count;
    }
    return status;
}

r2g_status r2g_band_scatter_start(struct r2g_bands *bands, const struct r2g_raster *raster, uint32_t first, void *rows,
                                  struct r2g_error *err) {
    if (r2g_band_block_count(bands) <= bands->chunk_blocks)
        return scatter_whole(bands, raster, rows, err);
    return bands->comm->rank == 0 ? send_chunk(bands, raster, first, rows, err)
                                  : receive_share(bands, raster, rows, err);
}

void r2g_band_poll(struct r2g_bands *bands) {
    int done;
    if (bands->scatter != MPI_REQUEST_NULL && MPI_Request_get_status(bands->scatter, &done, MPI_STATUS_IGNORE) != 0)
        return; /* r2g_band_scatter_finish will meet the same error and report it */
    if (bands->send_count > 0)
        (void)MPI_Request_get_status(bands->sends[bands->send_count - 1], &done, MPI_STATUS_IGNORE);
}

r2g_status r2g_band_scatter_finish(struct r2g_bands *bands, struct r2g_error *err) {
    r2g_status status = r2g_mpi_check(MPI_Wait(&bands->scatter, MPI_STATUS_IGNORE), "MPI_Wait (scatter)", err);
    if (bands->send_count == 0)
        return status;
    int code = MPI_Waitall(bands->send_count, bands->sends, MPI_STATUSES_IGNORE);
    bands->send_count = 0;
    r2g_status sent = r2g_mpi_check(code, "MPI_Waitall (scatter)", status == R2G_OK ? err : NULL);
    return status == R2G_OK ? sent : status;
}

static int granules(uint64_t nbytes) {
    return (int)((nbytes + R2G_GRANULE_NBYTES - 1) / R2G_GRANULE_NBYTES);
}

struct r2g_band_edges r2g_band_cut(const struct r2g_bands *bands, uint64_t offset, uint64_t nbytes) {
    uint64_t page = bands->page_nbytes;
    if (page == 0)
        return (struct r2g_band_edges){(size_t)nbytes, 0};
    uint64_t first = (offset + page - 1) / page * page, last = (offset + nbytes) / page * page;
    if (first >= last)
        return (struct r2g_band_edges){(size_t)nbytes, 0};
    return (struct r2g_band_edges){(size_t)(first - offset), (size_t)(offset + nbytes - last)};
}

/* Rank 0: lays out the parts of all ranks, in the file and in what is gathered, and makes room for them. */
static r2g_status make_room(struct r2g_bands *bands, uint64_t end, struct r2g_error *err) {
    uint64_t total = 0;
    for (int r = 0; r < bands->comm->size; r++) {
        uint64_t nbytes = bands->records[r].segment_nbytes;
        struct r2g_band_edges edges = r2g_band_cut(bands, end, nbytes);
        bands->offsets[r] = end;
        end += nbytes;
        bands->segment_counts[r] = granules((uint64_t)edges.head_nbytes + edges.tail_nbytes);
        bands->segment_displs[r] = (int)total;
        total += (uint64_t)bands->segment_counts[r];
        if (total > INT_MAX)
            return r2g_fail(err, R2G_ELIMIT, "the segments of one band are too large to be gathered");
    }
    return r2g_buffer_reserve(&bands->gathered, total * R2G_GRANULE_NBYTES, "gathered segments", err);
}

/* Makes room for what this rank will send, so that nothing can fail any more once all send. Sent in whole granules: the
 * bytes behind the last one belong to the buffer and mean nothing. */
static r2g_status reserve_sent(struct r2g_bands *bands, struct r2g_buffer *segment, struct r2g_error *err) {
    if (bands->page_nbytes > 0)
        return r2g_buffer_reserve(&bands->edges, 2 * bands->page_nbytes + R2G_GRANULE_NBYTES, "a segment", err);
    return r2g_buffer_reserve(segment, segment->nbytes + R2G_GRANULE_NBYTES, "a segment", err);
}

/* What this rank sends of its nbytes of segments; *sent_nbytes receives its size. */
static const uint8_t *sent_bytes(struct r2g_bands *bands, const struct r2g_buffer *segment, uint64_t nbytes,
                                 uint64_t *sent_nbytes) {
    struct r2g_band_edges edges = r2g_band_cut(bands, bands->offset, nbytes);
    *sent_nbytes = (uint64_t)edges.head_nbytes + edges.tail_nbytes;
    if (bands->page_nbytes == 0)
        return segment->bytes;
    if (edges.head_nbytes > 0)
        memcpy(bands->edges.bytes, segment->bytes, edges.head_nbytes);
    if (edges.tail_nbytes > 0)
        memcpy(bands->edges.bytes + edges.head_nbytes, segment->bytes + nbytes - edges.tail_nbytes, edges.tail_nbytes);
    return bands->edges.bytes;
}

r2g_status r2g_band_gather(struct r2g_bands *bands, const struct r2g_band_record *record, struct r2g_buffer *segment,
                           uint64_t end, struct r2g_error *err) {
    const struct r2g_comm *comm = bands->comm;
    struct r2g_band_record own = *record;
    r2g_status status = reserve_sent(bands, segment, err);
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
    if (comm->rank == 0) {
        r2g_status room = make_room(bands, end, err);
        for (int r = 0; r < comm->size && room != R2G_OK; r++)
            bands->offsets[r] = NO_OFFSET;
        if (status == R2G_OK)
            status = room;
    }
    bands->offset = NO_OFFSET;
    sent = r2g_mpi_check(MPI_Scatter(bands->offsets, 1, MPI_UINT64_T, &bands->offset, 1, MPI_UINT64_T, 0, comm->mpi),
                         "MPI_Scatter", err);
    if (status == R2G_OK)
        status = sent;
    bands->go = bands->offset != NO_OFFSET;
    if (!bands->go)
        return status;
    uint64_t sent_nbytes = 0;
    const uint8_t *bytes = sent_bytes(bands, segment, own.segment_nbytes, &sent_nbytes);
    sent = r2g_mpi_check(MPI_Gatherv(bytes, granules(sent_nbytes), bands->granule, bands->gathered.bytes,
                                     bands->segment_counts, bands->segment_displs, bands->granule, 0, comm->mpi),
                         "MPI_Gatherv", err);
    return status == R2G_OK ? sent : status;
}
