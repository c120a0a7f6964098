#include "cli/batch_cost.h"

#include <string.h>

#define FILE_NS 300000 /* opening, naming and closing */

/* Medians of one process on one machine, 8000 x 8000 photographs, picoseconds a pixel. */
static const struct {
    const char *format;
    int64_t read_ps, write_ps;
} speeds[] = {{"png", 9000, 11000}, {"jpeg", 6500, 8000}, {"bmp", 400, 350}, {"pgm", 250, 250}};

#define CARRIED_PS 4000 /* a JPEG's luma carried over */
#define KILOPIXELS_MAX UINT64_C(1000000000)

static int64_t picoseconds(const char *format, bool write) {
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (strcmp(speeds[i].format, format) == 0)
            return write ? speeds[i].write_ps : speeds[i].read_ps;
    }
    return 10000; /* a format without an entry */
}

int64_t r2g_batch_cost(const struct r2g_job *job) {
    int64_t each = job->transcode != R2G_TRANSCODE_NONE
                       ? CARRIED_PS
                       : picoseconds(job->decoder->codec->name, false) + picoseconds(job->out_codec->name, true);
    /* what a header declares may be anything: neither a picture's cost nor the sum of very many must overflow */
    uint64_t kilopixels = (uint64_t)job->stored.width * job->stored.height / 1000;
    return FILE_NS + (int64_t)(kilopixels < KILOPIXELS_MAX ? kilopixels : KILOPIXELS_MAX) * each;
}

bool r2g_batch_can_split(const struct r2g_job *job) {
    return job->transcode == R2G_TRANSCODE_NONE && job->raster.block_count > 1 && job->policy.apply_orientation <= 1;
}

/* Speed-up of one conversion over ranks: measured 1.66 at 2; beyond, reading in order holds it. */
static double speed_up(int rank_count) {
    return rank_count * 0.83 < 3 ? rank_count * 0.83 : 3;
}

bool r2g_batch_split(const struct r2g_batch_load *load) {
    if (load->rank_count < 2)
        return false;
    /* Whole: it ends after `largest`, and the others have that long for the rest. Split: the rest first, then its share. */
    double rest = ((double)load->rest + (double)load->busy_sum) / load->rank_count;
    double before = rest > (double)load->busy_longest ? rest : (double)load->busy_longest;
    return (double)load->largest * (1 - 1 / speed_up(load->rank_count)) > before;
}
