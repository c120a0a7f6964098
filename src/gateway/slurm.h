/* Slurm's commands: what the gateway asks of a cluster. Any thread; one poll at a time serves all jobs. */
#ifndef R2G_GATEWAY_SLURM_H
#define R2G_GATEWAY_SLURM_H

#include "gateway/launcher.h"

#define R2G_SLURM_NUMBER_NBYTES 24
#define R2G_SLURM_STATE_NBYTES 24

/* Submits the program for this attempt; `number` becomes Slurm's. R2G_EMPI with what sbatch says. */
R2G_MUST_CHECK r2g_status r2g_slurm_submit(struct r2g_slurm *slurm, const struct r2g_attempt *attempt,
                                           char number[R2G_SLURM_NUMBER_NBYTES], struct r2g_error *err);
/* Looks for a job of this attempt's name; "" where Slurm knows none (any more). R2G_EMPI if it cannot be asked. */
R2G_MUST_CHECK r2g_status r2g_slurm_find(struct r2g_slurm *slurm, const struct r2g_attempt *attempt,
                                         char number[R2G_SLURM_NUMBER_NBYTES], struct r2g_error *err);
/* Its state in Slurm's queue, such as "PENDING", as of the last poll, which is at most slurm_poll_s old and not older than
 * since_ns (of r2g_clock_ns, when it was submitted); "" where it has left the queue. R2G_EMPI if Slurm cannot be asked at
 * present. */
R2G_MUST_CHECK r2g_status r2g_slurm_state(struct r2g_slurm *slurm, const char *number, int64_t since_ns,
                                          char state[R2G_SLURM_STATE_NBYTES], struct r2g_error *err);
/* How one that has left the queue ended, such as "TIMEOUT"; "" where Slurm has forgotten it. */
void r2g_slurm_end_state(struct r2g_slurm *slurm, const char *number, char state[R2G_SLURM_STATE_NBYTES]);

#endif
