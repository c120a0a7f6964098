/* The program: what it was asked for, and who started it.
 *
 * Linked twice: with what needs MPI (ranks.c, doctor.c), and with handover.c in their place.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/conversions.h"
#include "cli/help.h"
#include "base/json.h"
#include "cli/launch.h"
#include "cli/names.h"
#include "cli/options.h"
#include "parallel/launcher.h"

/* A usage error is the same on all ranks: all but the first end without a failure, so that mpirun does not stop that
 * one before it has spoken. Other failures are one rank's own. */
static int fail_early(const struct r2g_error *err) {
    if (!r2g_cli_speaks() && err->status == R2G_EUSAGE)
        return R2G_OK;
    r2g_cli_print_error(err);
    return err->status;
}

/* r2g_convert_alone in the shape of r2g_convert. */
static r2g_status convert_one_alone(struct r2g_comm *comm, const struct r2g_request *request, struct r2g_report *report,
                                    struct r2g_error *err) {
    (void)comm;
    return r2g_convert_alone(request, report, err);
}

static int convert_alone(const struct r2g_cli *cli) {
    if (cli->command == R2G_CLI_POOL)
        return r2g_cli_pool(cli, true);
    if (cli->command == R2G_CLI_BATCH)
        return r2g_cli_batch(cli, true);
    if (cli->compare)
        return r2g_cli_compare_alone(cli);
    r2g_cli_note_isa(cli);
    return (int)r2g_cli_run_alone(cli, convert_one_alone);
}

/* -n: the processes are started by mpirun, which this one waits for. */
static int convert_launched(const struct r2g_cli *cli) {
    struct r2g_error err = {0};
    char **names;
    int exit_code = R2G_OK;
    /* what can be told early needs no launch */
    r2g_status status = R2G_OK;
    if (cli->command == R2G_CLI_CONVERT && (status = r2g_cli_names_make(cli, true, &names, &err)) == R2G_OK)
        r2g_cli_names_free(names, cli->input_count);
    if (status == R2G_OK)
        status = r2g_cli_launch(cli, &exit_code, &err);
    if (status != R2G_OK)
        r2g_cli_print_error(&err);
    return status != R2G_OK ? (int)status : exit_code;
}

/* Conversions, asked for on the command line or later through a socket. */
static int convert(const struct r2g_cli *cli) {
    struct r2g_error err = {0};
    int rank_count = 1;
    bool pool = cli->command == R2G_CLI_POOL; /* in which one rank needs no mpirun */
    enum r2g_launcher launcher = r2g_launcher_detect(&rank_count);
    if (launcher == R2G_LAUNCHER_NONE)
        return cli->rank_count > (pool && !cli->hostfile) ? convert_launched(cli) : convert_alone(cli);
    if (launcher != R2G_LAUNCHER_FOREIGN && cli->rank_count == 0)
        return pool                            ? r2g_cli_pool(cli, false)
               : cli->command == R2G_CLI_BATCH ? r2g_cli_batch(cli, false)
                                               : r2g_cli_among_ranks(cli);
    if (launcher != R2G_LAUNCHER_FOREIGN) {
        (void)!r2g_fail(&err, R2G_EUSAGE, "a launcher has started this program already: leave -n to the launcher");
        return fail_early(&err);
    }
    (void)!r2g_fail(&err, R2G_EMPI,
                    "started %d times by a launcher that does not speak to this program's MPI: use Open MPI's mpirun, "
                    "or srun --mpi=pmix",
                    rank_count);
    if (r2g_cli_speaks())
        r2g_cli_print_error(&err);
    return err.status;
}

/* True if everything printed has reached its place. */
static bool flush_output(void) {
    return fflush(stdout) == 0 && !ferror(stdout);
}

static int run_command(const struct r2g_cli *cli) {
    /* under a launcher once is enough; doctor starts MPI there, on all ranks */
    bool by_all = cli->command == R2G_CLI_CONVERT || cli->command == R2G_CLI_POOL || cli->command == R2G_CLI_BATCH ||
                  cli->command == R2G_CLI_DOCTOR;
    if (!by_all && !r2g_cli_speaks())
        return R2G_OK;
    switch (cli->command) {
    case R2G_CLI_HELP:
        r2g_cli_print_help(stdout);
        return R2G_OK;
    case R2G_CLI_VERSION:
        r2g_cli_print_version(stdout);
        return R2G_OK;
    case R2G_CLI_MAN:
        r2g_cli_print_man(stdout);
        return R2G_OK;
    case R2G_CLI_INFO:
        return r2g_cli_info(cli);
    case R2G_CLI_PREVIEW:
        return r2g_cli_preview(cli);
    case R2G_CLI_BENCH:
        return r2g_cli_bench(cli);
    case R2G_CLI_DOCTOR:
        return r2g_cli_doctor(cli);
    default:
        return convert(cli);
    }
}

int main(int argc, char **argv) {
    struct r2g_cli cli;
    struct r2g_error err = {0};
    /* A closed pipe and a file size limit are write errors with a message, not deaths without one. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    r2g_json_init();
    int exit_code = r2g_cli_parse(&cli, argc, argv, &err) == R2G_OK ? run_command(&cli) : fail_early(&err);
    r2g_cli_free(&cli);
    if (!flush_output() && exit_code == R2G_OK) {
        fprintf(stderr, "rgb2gray: standard output cannot be written\n");
        exit_code = R2G_EOUTPUT;
    }
    return exit_code == R2G_ECANCELED ? 130 : exit_code;
}
