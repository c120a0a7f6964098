/* The world of ranks: starting MPI, errors, who is where.
 *
 * One r2g_comm a process, made by r2g_comm_start and ended by r2g_comm_stop. It owns a duplicate of MPI_COMM_WORLD with
 * MPI_ERRORS_RETURN; nothing else in the program names MPI_COMM_WORLD. Used from the main thread only.
 */
#ifndef R2G_PARALLEL_COMM_H
#define R2G_PARALLEL_COMM_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include <rgb2gray/status.h>

#include "parallel/launcher.h"

struct r2g_comm {
    MPI_Comm mpi;
    int rank, size;
    int host_count;    /* hosts in all */
    int64_t init_ns;   /* what MPI_Init took */
    int64_t launch_ns; /* from the launcher's start to the end of MPI_Init, -1 unknown */
    bool broken;       /* an agreement itself failed: ranks may no longer meet, only r2g_comm_abort is left */
};

/* Starts MPI and fills *comm. Collective over all ranks of the job. R2G_EMPI if MPI cannot start, or if the number of
 * ranks is not what the launcher announced. */
R2G_MUST_CHECK r2g_status r2g_comm_start(struct r2g_comm *comm, struct r2g_error *err);
/* Ends MPI. Collective. A comm that never started (size 0) does nothing. */
void r2g_comm_stop(struct r2g_comm *comm);
/* The program's last resort when comm->broken: ends every rank of the job. Does not return. */
void r2g_comm_abort(struct r2g_comm *comm, int exit_code);

/* Turns an MPI return code into a status: R2G_OK, or R2G_EMPI naming `call`. Also a fault injection site. */
R2G_MUST_CHECK r2g_status r2g_mpi_check(int mpi_code, const char *call, struct r2g_error *err);

/* Agrees on how a step went. Collective. Each rank passes its own status (and err describing it); all return the worst
 * (largest) one, with the text of the lowest rank that has it. R2G_OK only if every rank was well. */
R2G_MUST_CHECK r2g_status r2g_agree(struct r2g_comm *comm, r2g_status status, struct r2g_error *err);

/* Barrier that sleeps instead of spinning: for ranks that wait while rank 0 is being timed alone. Collective. */
R2G_MUST_CHECK r2g_status r2g_quiet_barrier(struct r2g_comm *comm, struct r2g_error *err);

/* Broadcast from rank 0 for which the others may wait for hours: they spin for a moment, in case it comes at once, then
 * sleep. Collective. */
R2G_MUST_CHECK r2g_status r2g_quiet_bcast(struct r2g_comm *comm, void *bytes, int nbytes, struct r2g_error *err);

/* A plain broadcast of bytes from rank 0. Collective. */
R2G_MUST_CHECK r2g_status r2g_bcast(struct r2g_comm *comm, void *bytes, int nbytes, struct r2g_error *err);

/* Lets what was sent before move on, for a rank that makes no MPI call for a while. */
void r2g_comm_poke(struct r2g_comm *comm);

#endif
