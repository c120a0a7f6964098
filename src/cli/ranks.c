/* MPI around the conversions: it is started only where a launcher started this process, and never left without all ranks
 * having agreed on how it went. */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/conversions.h"
#include "parallel/comm.h"

int r2g_cli_among_ranks(const struct r2g_cli *cli) {
    struct r2g_comm comm;
    struct r2g_error err = {0};
    r2g_cli_note_isa(cli);
    r2g_cleanup_install(r2g_cli_speaks() ? r2g_cli_interrupted() : NULL);
    r2g_launch_settings(false);
    /* A rank whose mpirun was killed while MPI starts would wait for it for ever. */
    if (getenv("OMPI_COMM_WORLD_SIZE") != NULL)
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    r2g_status status = r2g_comm_start(&comm, &err);
    struct r2g_cli_run run = {
        .cli = cli, .convert = r2g_convert, .comm = &comm, .broken = &comm.broken, .first_rank = comm.rank == 0};
    if (status != R2G_OK) {
        if (comm.broken || r2g_cli_speaks())
            r2g_cli_print_error(&err);
    } else {
        status = r2g_agree(&comm, r2g_cli_run_prepare(&run, &err), &err);
        if (status == R2G_OK)
            status = r2g_cli_run_all(&run);
        else if (run.first_rank || comm.broken)
            r2g_cli_print_error(&err);
    }
    r2g_cli_run_finish(&run);
    if (comm.broken)
        r2g_comm_abort(&comm, status);
    /* All is said and done: the first rank to exit with a failure makes mpirun end the others by SIGTERM. */
    if (status != R2G_OK)
        signal(SIGTERM, SIG_IGN);
    r2g_comm_stop(&comm);
    return status;
}

int r2g_cli_compare_alone(const struct r2g_cli *cli) {
    r2g_cli_note_isa(cli);
    return (int)r2g_cli_run_alone(cli, r2g_convert);
}
