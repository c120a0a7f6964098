/* Starting mpirun on this program: what -n does. Main thread only, before MPI starts. */
#ifndef R2G_CLI_LAUNCH_H
#define R2G_CLI_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"

/* Environment variable for the ranks: the path of a pipe in which rank 0 leaves an exit code other than 0. */
#define R2G_CLI_EXIT_TO "RGB2GRAY_EXIT_TO"

/* Processes mpirun starts on this host without being told to oversubscribe: its slots, one a core that this process may
 * use. *cpus (may be NULL) receives the CPUs it may use. */
int r2g_cli_slots(int *cpus);

/* True where a batch system (Slurm, PBS, LSF, Grid Engine) tells mpirun the hosts. */
bool r2g_cli_in_batch_job(void);

/* Finds `name` on PATH, or with a '/' as it is; false if no such program can be run. */
bool r2g_cli_find_program(const char *name, char *path, size_t path_nbytes);

/* Lets mpirun run as root, where this is root and the user has not set it. True if something was set. */
bool r2g_cli_allow_root(void);

/* Runs "mpirun -n N … this program" with cli->forward and waits for it; signals sent here go on to it. *exit_code is
 * what this program shall exit with. R2G_EMPI if mpirun cannot be started, or ended in a way that the ranks cannot have
 * explained; R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_cli_launch(const struct r2g_cli *cli, int *exit_code, struct r2g_error *err);

#endif
