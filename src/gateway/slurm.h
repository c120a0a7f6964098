/* Slurm's commands: what the gateway asks of a cluster. Any thread; one poll at a time serves all jobs. */
#ifndef R2G_GATEWAY_SLURM_H
#define R2G_GATEWAY_SLURM_H

#include "gateway/launcher.h"

#define R2G_SLURM_NUMBER_NBYTES 24
#define R2G_SLURM_STATE_NBYTES 24

/* A job as Slurm's queue shows it. */
struct r2g_slurm_queued {
    char number[R2G_SLURM_NUMBER_NBYTES];
    char state[R2G_SLURM_STATE_NBYTES]; /* such as "PENDING"; "" where it has left the queue */
    char reason[64];                    /* why it waits, such as "Resources"; "None" */
    int64_t run_s;                      /* since it was started, or started again, last */
};

/* Submits the program for this attempt; `number` becomes Slurm's. R2G_EMPI with what sbatch says. */
R2G_MUST_CHECK r2g_status r2g_slurm_submit(struct r2g_slurm *slurm, const struct r2g_attempt *attempt,
                                           char number[R2G_SLURM_NUMBER_NBYTES], struct r2g_error *err);
/* Looks for a job of this attempt's name; "" where Slurm knows none (any more). R2G_EMPI if it cannot be asked. */
R2G_MUST_CHECK r2g_status r2g_slurm_find(struct r2g_slurm *slurm, const struct r2g_attempt *attempt,
                                         char number[R2G_SLURM_NUMBER_NBYTES], struct r2g_error *err);
/* Looks it up in Slurm's queue as of the last poll, which is at most slurm_poll_s old and not older than since_ns (of
 * r2g_clock_ns, when it was submitted). R2G_EMPI if Slurm cannot be asked at present. */
R2G_MUST_CHECK r2g_status r2g_slurm_look(struct r2g_slurm *slurm, const char *number, int64_t since_ns,
                                         struct r2g_slurm_queued *queued, struct r2g_error *err);
/* Whether a job that waits for this reason waits for ever, unless somebody changes it or Slurm's settings. Pure. */
bool r2g_slurm_hopeless(const char *reason);
/* How one that has left the queue ended, such as "TIMEOUT"; "" where Slurm has forgotten it. */
void r2g_slurm_end_state(struct r2g_slurm *slurm, const char *number, char state[R2G_SLURM_STATE_NBYTES]);

#endif
