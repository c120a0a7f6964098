/* Runs of `rgb2gray bench scaling`: what was measured of each, as one row of scaling.csv holds it.
 *
 * Plain values in a growing array; one owner, one thread. Texts are kept once each, so that equal ones are one pointer.
 */
#ifndef R2G_CLI_SCALING_RUNS_H
#define R2G_CLI_SCALING_RUNS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <rgb2gray/status.h>

/* Limits of a file that is read, well above what a machine can be measured at. */
#define R2G_SCALING_RUNS_MAX 100000u
#define R2G_SCALING_FILE_NBYTES_MAX ((uint64_t)32 << 20)
#define R2G_SCALING_RANKS_MAX 1000000
#define R2G_SCALING_TEXTS_MAX 512

/* How numbers are written: nanoseconds of times below a second. */
#define R2G_SCALING_NUMBER_FORMAT "%.9g"

enum r2g_scaling_kind {
    R2G_SCALING_STRONG, /* the same picture on more and more ranks */
    R2G_SCALING_WEAK,   /* a picture that grows with the ranks */
};
const char *r2g_scaling_kind_name(enum r2g_scaling_kind kind); /* "strong", "weak" */

/* Figures of a run: seconds, unless it says otherwise. NAN is unknown. */
enum r2g_scaling_number {
    R2G_SCALING_WALL,        /* from opening the input until the last rank has done writing */
    R2G_SCALING_LAUNCH,      /* from the launcher's start to the end of MPI_Init; not in WALL */
    R2G_SCALING_MPI_INIT,    /* of this in MPI_Init, on rank 0 */
    R2G_SCALING_USEFUL_MEAN, /* read, convert, encode and write of a rank: mean over the ranks */
    R2G_SCALING_USEFUL_MAX,  /* the same of the busiest rank */
    R2G_SCALING_READ_MEAN,   /* from here on, each phase of r2g_phase: mean over the ranks, then the greatest */
    R2G_SCALING_READ_MAX,
    R2G_SCALING_SCATTER_MEAN,
    R2G_SCALING_SCATTER_MAX,
    R2G_SCALING_CONVERT_MEAN,
    R2G_SCALING_CONVERT_MAX,
    R2G_SCALING_ENCODE_MEAN,
    R2G_SCALING_ENCODE_MAX,
    R2G_SCALING_GATHER_MEAN,
    R2G_SCALING_GATHER_MAX,
    R2G_SCALING_WRITE_MEAN,
    R2G_SCALING_WRITE_MAX,
    R2G_SCALING_BYTES_PER_PIXEL, /* that the kernel reads and writes */
    R2G_SCALING_COPY_GBS,        /* memory copy by as many processes at once, 10^9 bytes a second, read + written */
    R2G_SCALING_NUMBERS,
};

enum r2g_scaling_text {
    R2G_SCALING_SETTING,
    R2G_SCALING_INPUT,
    R2G_SCALING_FROM,
    R2G_SCALING_TO,
    R2G_SCALING_PATH,
    R2G_SCALING_MACHINE,
    R2G_SCALING_PROGRAM,
    R2G_SCALING_WHEN,
    R2G_SCALING_TEXTS,
};

struct r2g_scaling_run {
    enum r2g_scaling_kind kind;
    uint64_t width, height;              /* pixels */
    int hosts, ranks, repeat;            /* from 1 */
    const char *text[R2G_SCALING_TEXTS]; /* never NULL once added; owned by the runs */
    double number[R2G_SCALING_NUMBERS];
};

struct r2g_scaling_runs {
    struct r2g_scaling_run *items;
    size_t count, capacity;
    char *texts[R2G_SCALING_TEXTS_MAX];
    size_t text_count;
};

/* Appends a copy of *run, with numbers as R2G_SCALING_NUMBER_FORMAT leaves them; its texts may be NULL (empty) and are
 * copied, made plain. R2G_ELIMIT beyond the limits above,
 * R2G_ENOMEM. All zero is an empty set. */
R2G_MUST_CHECK r2g_status r2g_scaling_add(struct r2g_scaling_runs *runs, const struct r2g_scaling_run *run,
                                          struct r2g_error *err);
void r2g_scaling_free(struct r2g_scaling_runs *runs);

/* Writes all of them as RFC 4180, a header first. Look at ferror(file) afterwards. */
void r2g_scaling_csv_write(FILE *file, const struct r2g_scaling_runs *runs);

/* Reads what r2g_scaling_csv_write has written, or someone by hand: columns in any order, unknown ones ignored. `bytes` are
 * changed, and one more behind them is written. R2G_ECORRUPT tells line and column of what makes no sense, R2G_ELIMIT, R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_scaling_csv_read(struct r2g_scaling_runs *runs, char *bytes, size_t nbytes,
                                               struct r2g_error *err);
/* The same from a file; messages do not name it. R2G_EINPUT too. */
R2G_MUST_CHECK r2g_status r2g_scaling_csv_load(struct r2g_scaling_runs *runs, const char *path, struct r2g_error *err);

#endif
