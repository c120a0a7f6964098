/* The sub-commands, and conversions that need MPI. Main thread only; they return the program's exit code and print their own errors. */
#ifndef R2G_CLI_COMMANDS_H
#define R2G_CLI_COMMANDS_H

#include "cli/options.h"

/* What each file holds, and what a conversion with these options would make of it. */
int r2g_cli_info(const struct r2g_cli *cli);

/* A scaled picture, or tiles of one. */
int r2g_cli_preview(const struct r2g_cli *cli);

/* How conversions scale with the number of ranks: cli->inputs[0] is "scaling". See scaling.c. */
int r2g_cli_bench(const struct r2g_cli *cli);

/* The next five need MPI. In the program that is started they are in handover.c and become the program that has it. */

/* Conversions under a launcher. */
int r2g_cli_among_ranks(const struct r2g_cli *cli);

/* --compare in one process. */
int r2g_cli_compare_alone(const struct r2g_cli *cli);

/* Whether MPI and this machine are fit: 0, R2G_EMPI when MPI cannot be used, or 1 when something else failed. */
int r2g_cli_doctor(const struct r2g_cli *cli);

/* Conversions that a server asks for, one after the other, in a world of ranks that stays: cli->inputs[0] is the socket
 * to connect to. `alone`: no launcher started this process, and MPI is not started either. See pool.c. */
int r2g_cli_pool(const struct r2g_cli *cli, bool alone);

/* Many images, each whole on one rank or split over all. `alone`: no launcher started this process. See batch.c. */
int r2g_cli_batch(const struct r2g_cli *cli, bool alone);

#endif
