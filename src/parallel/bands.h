/* Moves bands of row blocks between ranks: who does what, rows out, segments back.
 *
 * A band is a run of consecutive row blocks; rank r works on share[r] of them, in rank order. For every band all ranks
 * call, in this order: r2g_band_announce, [r2g_band_scatter_start, r2g_band_scatter_finish,] r2g_band_gather. All are
 * collective and each returns the caller's own view of how it went: a rank whose call failed goes on with the sequence
 * and says so in its record, and rank 0 announces the stop to everybody. Used from the main thread only.
 *
 * Counts and displacements are rows of a committed row type, or granules of 64 bytes, so that a band never meets the
 * limit of an int.
 */
#ifndef R2G_PARALLEL_BANDS_H
#define R2G_PARALLEL_BANDS_H

#include "base/buffer.h"
#include "codec/codec.h"
#include "parallel/comm.h"

/* How one rank did in one band. A plain value. */
struct r2g_band_record {
    int32_t status;
    uint32_t block_count;
    uint64_t segment_nbytes; /* bytes it sends to rank 0 */
    struct r2g_checksum sum; /* of its blocks */
    int64_t work_ns;         /* time its blocks took */
    uint64_t row_count;
};

struct r2g_bands {
    struct r2g_comm *comm;
    MPI_Datatype row, granule;
    uint32_t *control;                    /* stop, first block, share of each rank */
    int *counts, *displs;                 /* of the scatter, in rows: MPI's until it is finished */
    struct r2g_band_record *records;      /* of the last gathered band; rank 0 */
    struct r2g_buffer gathered;           /* its segments, those of rank r from granule segment_displs[r] on; rank 0 */
    int *segment_counts, *segment_displs; /* of the gather, in granules; rank 0 */
    MPI_Request scatter;
};

#define R2G_GRANULE_NBYTES 64u

/* Prepares for rows of `width` pixels of pixel_nbytes; width 0: no rows will be scattered. Collective, but
 * returns the caller's own status: agree after. */
R2G_MUST_CHECK r2g_status r2g_bands_open(struct r2g_bands *bands, struct r2g_comm *comm, uint32_t width,
                                         size_t pixel_nbytes, struct r2g_budget *budget, struct r2g_error *err);
void r2g_bands_close(struct r2g_bands *bands);

/* On rank 0, share (of comm->size entries) and first_block tell the band, or `stop` ends the sequence; ignored elsewhere. Afterwards
 * every rank reads them with the functions below. */
R2G_MUST_CHECK r2g_status r2g_band_announce(struct r2g_bands *bands, bool stop, uint32_t first_block,
                                            const uint32_t *share, struct r2g_error *err);
bool r2g_band_stop(const struct r2g_bands *bands);
/* The first block, and the number of blocks, that `rank` works on in the announced band. */
uint32_t r2g_band_first(const struct r2g_bands *bands, int rank);
uint32_t r2g_band_share(const struct r2g_bands *bands, int rank);

/* Starts MPI_Iscatterv of the band's rows from `rows` on rank 0; other ranks receive theirs in `rows`. Rank 0's own share
 * stays where it is. `rows` must not change (rank 0) or be read (others) until r2g_band_scatter_finish. */
R2G_MUST_CHECK r2g_status r2g_band_scatter_start(struct r2g_bands *bands, const struct r2g_raster *raster, void *rows,
                                                 struct r2g_error *err);
/* Lets a started scatter move on; call it now and then in long work. */
void r2g_band_poll(struct r2g_bands *bands);
R2G_MUST_CHECK r2g_status r2g_band_scatter_finish(struct r2g_bands *bands, struct r2g_error *err);

/* Gathers records and segments (MPI_Gatherv) on rank 0. `segment` is grown to whole granules; its nbytes stays. */
R2G_MUST_CHECK r2g_status r2g_band_gather(struct r2g_bands *bands, const struct r2g_band_record *record,
                                          struct r2g_buffer *segment, struct r2g_error *err);

#endif
