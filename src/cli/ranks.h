/* MPI around the conversions: started only where a launcher started this process, and never left without all ranks
 * having agreed on how it went. Main thread only.
 */
#ifndef R2G_CLI_RANKS_H
#define R2G_CLI_RANKS_H

#include "cli/conversions.h"
#include "parallel/comm.h"

/* Starts MPI and says what goes wrong with it. Collective; call r2g_cli_ranks_stop afterwards in every case. */
R2G_MUST_CHECK r2g_status r2g_cli_ranks_start(const struct r2g_cli *cli, struct r2g_comm *comm);
/* Ends MPI, or every rank where they can no longer meet, and returns `status`: what the process shall exit with.
 * Collective. */
int r2g_cli_ranks_stop(struct r2g_comm *comm, r2g_status status);

/* From r2g_cli_run_prepare to r2g_cli_run_finish, with all ranks agreeing before the first conversion; run->comm NULL:
 * alone. Failures have been told. Collective. */
R2G_MUST_CHECK r2g_status r2g_cli_run_agreed(struct r2g_cli_run *run);

#endif
