/* Moves bands of row blocks between ranks: who does what, rows out, segments back.
 *
 * A band is a run of consecutive row blocks; rank r works on share[r] of them, in rank order. For every band all ranks
 * call, in this order: r2g_band_announce, [r2g_band_scatter_start, r2g_band_scatter_finish,] r2g_band_gather. The scatter is
 * of one chunk of the band after the other, on rank 0, which need not hold them at once; the others receive their share
 * whole, whatever chunks it is in. All are collective and each returns the caller's own view of how it went: a rank whose
 * call failed goes on with the sequence and says so in its record, and rank 0 announces the stop to everybody. Used from
 * the main thread only.
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
    uint32_t *control;               /* stop, first block, share of each rank */
    int *counts, *displs;            /* of the scatter, in rows: MPI's until it is finished */
    struct r2g_band_record *records; /* of the last gathered band; rank 0 */
    uint64_t *offsets;               /* where each rank's segments begin in the file; rank 0 */
    struct r2g_buffer gathered;      /* what rank 0 writes, that of rank r from granule segment_displs[r] on; rank 0 */
    int *segment_counts, *segment_displs; /* of the gather, in granules; rank 0 */
    uint32_t chunk_blocks;
    size_t row_nbytes;       /* of rows that are scattered */
    size_t page_nbytes;      /* of the file, where ranks write into it; 0: rank 0 writes all */
    struct r2g_buffer edges; /* what of this rank's segments rank 0 writes, then */
    uint64_t offset;         /* where this rank's segments begin in the file */
    bool go;                 /* the last gather took place */
    MPI_Request scatter;     /* of a band that is one chunk */
    MPI_Request *sends;      /* of the chunk on its way, else; rank 0 */
    int send_count;
};

/* What of `nbytes` of segments rank 0 writes, from both ends: all, or where ranks write what shares a page of the file
 * with another rank's. Then each page is written on one host only: network file systems that cache whole pages may
 * lose what two hosts write into the same one. */
struct r2g_band_edges {
    size_t head_nbytes, tail_nbytes;
};
struct r2g_band_edges r2g_band_cut(const struct r2g_bands *bands, uint64_t offset, uint64_t nbytes);

#define R2G_GRANULE_NBYTES 64u

/* Prepares for rows of `width` pixels of pixel_nbytes, chunk_blocks row blocks at a time; width 0: no rows will be
 * scattered. With `place` ranks write their segments themselves, but for their edges. Collective, but returns the caller's
 * own status: agree after. */
struct r2g_bands_options {
    uint32_t width;
    size_t pixel_nbytes;
    uint32_t chunk_blocks;
    bool place;
};
R2G_MUST_CHECK r2g_status r2g_bands_open(struct r2g_bands *bands, struct r2g_comm *comm,
                                         const struct r2g_bands_options *options, struct r2g_budget *budget,
                                         struct r2g_error *err);
void r2g_bands_close(struct r2g_bands *bands);

/* On rank 0, share (of comm->size entries) and first_block tell the band, or `stop` ends the sequence; ignored elsewhere. Afterwards
 * every rank reads them with the functions below. */
R2G_MUST_CHECK r2g_status r2g_band_announce(struct r2g_bands *bands, bool stop, uint32_t first_block,
                                            const uint32_t *share, struct r2g_error *err);
bool r2g_band_stop(const struct r2g_bands *bands);
/* The first block, and the number of blocks, that `rank` works on in the announced band. */
uint32_t r2g_band_first(const struct r2g_bands *bands, int rank);
uint32_t r2g_band_share(const struct r2g_bands *bands, int rank);
/* All its blocks. */
uint32_t r2g_band_block_count(const struct r2g_bands *bands);

/* Sends the rows of a chunk from `rows` on rank 0, which hold the band's blocks from `first` on, counted from the band's own
 * first; other ranks call it once, with first 0, and receive their share in `rows`. A band of one chunk goes by
 * MPI_Iscatterv; of several, rank by rank. Rank 0's own share stays where it is, and is 0 where there are several chunks.
 * `rows` must not change (rank 0) or be read (others) until r2g_band_scatter_finish. */
R2G_MUST_CHECK r2g_status r2g_band_scatter_start(struct r2g_bands *bands, const struct r2g_raster *raster,
                                                 uint32_t first, void *rows, struct r2g_error *err);
/* Lets a started scatter move on; call it now and then in long work. */
void r2g_band_poll(struct r2g_bands *bands);
R2G_MUST_CHECK r2g_status r2g_band_scatter_finish(struct r2g_bands *bands, struct r2g_error *err);

/* Gathers records and what rank 0 writes of the segments (MPI_Gatherv) on rank 0; `end` is where the band's segments begin
 * in the file (rank 0). Afterwards bands->go tells whether it took place, and bands->offset where the caller's begin.
 * `segment` is grown to whole granules; its nbytes stays. */
R2G_MUST_CHECK r2g_status r2g_band_gather(struct r2g_bands *bands, const struct r2g_band_record *record,
                                          struct r2g_buffer *segment, uint64_t end, struct r2g_error *err);

#endif
