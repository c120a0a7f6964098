/* What a conversion did, measured and in words: filled by the pipeline on rank 0, printed by the program.
 *
 * All times are wall times measured in this run, in nanoseconds. Zero it before use; free with r2g_report_free.
 */
#ifndef R2G_PIPELINE_REPORT_H
#define R2G_PIPELINE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <rgb2gray/image.h>
#include <rgb2gray/luma.h>

#include "pipeline/plan.h"

enum r2g_phase {
    R2G_PHASE_READ,    /* read and decode */
    R2G_PHASE_SCATTER, /* send or receive rows, waiting included */
    R2G_PHASE_CONVERT, /* luma, alpha, range */
    R2G_PHASE_ENCODE,  /* filter and compress */
    R2G_PHASE_GATHER,  /* send or receive segments, waiting included */
    R2G_PHASE_WRITE,   /* write; and give the output its name, except in a comparison */
    R2G_PHASE_COUNT,
};
const char *r2g_phase_name(enum r2g_phase phase); /* "read", "scatter", … */

/* One rank's part of one run. A plain value. */
struct r2g_rank_times {
    int64_t phase_ns[R2G_PHASE_COUNT];
    uint64_t row_count; /* rows it converted */
};

/* Where a rank runs. A plain value. */
struct r2g_rank_place {
    char host[64];
    int cpu;          /* the CPU it was on when asked, -1 unknown */
    int allowed_cpus; /* CPUs it may use: 1 when bound to one */
    int64_t pid;
};

struct r2g_run {
    int64_t
        wall_ns; /* from opening the input until all ranks are done writing, of the median run; naming as in WRITE */
    int64_t min_ns, max_ns; /* over the repeated runs */
    int run_count;
    int rank_count;
    struct r2g_rank_times *ranks; /* rank_count entries, of the median run */
};

enum r2g_fate_kind { R2G_FATE_KEPT, R2G_FATE_APPLIED, R2G_FATE_DROPPED };

/* What became of one thing in the input that is not a colour sample. */
struct r2g_fate {
    enum r2g_fate_kind kind;
    char item[48]; /* "ICC profile" */
    char why[208]; /* "an RGB profile does not fit gray samples" */
};
#define R2G_FATES_MAX 24

struct r2g_report {
    /* the input */
    char *in_name, *out_name;
    uint64_t in_nbytes, out_nbytes;
    struct r2g_image image;
    /* what is made of it */
    struct r2g_luma luma;
    const char *luma_source; /* "formula on RGB", "the JPEG's own luma (JFIF)", "gray input, untouched" */
    const char *out_format;  /* "PNG" */
    uint32_t out_width, out_height, out_channels, out_maxval;
    uint32_t block_rows, block_count;
    struct r2g_fate fates[R2G_FATES_MAX];
    unsigned fate_count;
    /* how */
    struct r2g_plan plan;
    int rank_count, host_count;
    bool input_shared, output_shared;
    struct r2g_rank_place *places; /* rank_count entries */
    const char *isa;
    /* times; run_count 0: not run */
    struct r2g_run parallel;   /* the run that made the output; with one rank, the sequential one */
    struct r2g_run sequential; /* only when compared */
    bool compared, identical;
    /* the kernel and a memory copy moving the same number of bytes over the same buffers, GB/s (10^9); 0: not measured */
    double kernel_gbs, copy_gbs;
    /* what launch cost; -1 unknown */
    int64_t mpi_init_ns; /* MPI_Init on rank 0 */
    int64_t launch_ns;   /* from the launcher's start to the end of MPI_Init */
};

void r2g_report_free(struct r2g_report *report);

#endif
