/* Which way a conversion goes. A pure function of the facts, so that it can be printed (--explain) and tested as a table.
 */
#ifndef R2G_PIPELINE_PLAN_H
#define R2G_PIPELINE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/codec.h"

enum r2g_path {
    R2G_PATH_SEQUENTIAL, /* one process does everything; no MPI call between reading and writing */
    R2G_PATH_SCATTER,    /* rank 0 reads; bands of row blocks are scattered, converted and encoded by all */
    R2G_PATH_DIRECT,     /* every rank reads its own row blocks */
    R2G_PATH_TRANSCODE,  /* one process carries the compressed luma over; no pixel is decoded */
};

struct r2g_plan_facts {
    int rank_count, host_count;
    enum r2g_transcode transcode; /* how the compressed luma can become the output, where nothing is asked for beyond */
    bool random_access;           /* the reader can read any block of rows */
    bool input_shared;            /* every rank sees the same input file */
    bool fixed_offsets;           /* the output's segments have places of their own: rows are not encoded */
    bool output_shared;           /* every rank sees the output file while it is written */
    uint32_t block_count;
    uint64_t block_nbytes, gray_block_nbytes; /* rows of one block, bytes: input and output samples */
    bool sendable_rows;                       /* a row's pixels can be counted by an int, as MPI wants */
    uint64_t mem_limit_nbytes;                /* of one process; 0: none */
};

struct r2g_plan {
    enum r2g_path path;
    bool place;            /* every rank writes its own segments in place; else rank 0 gathers and writes them */
    bool appended;         /* with place: where a segment goes is known once those before it have their sizes */
    uint32_t band_blocks;  /* row blocks in flight at once, over all ranks */
    uint32_t chunk_blocks; /* of which rank 0 reads and scatters so many at a time */
    uint32_t share_blocks; /* and one rank is given so many at most */
    const char *why;       /* one sentence, static */
};

struct r2g_plan r2g_plan_make(const struct r2g_plan_facts *facts);

/* "sequential", "scatter", "direct", "transcode". */
const char *r2g_path_name(enum r2g_path path);

#endif
