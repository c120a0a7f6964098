/* The program: what it was asked for, who started it, and one conversion after the other.
 *
 * Every rank walks through the same inputs in the same order; only rank 0 prints. MPI is started only where a launcher
 * started this process, and never left without all ranks having agreed on how it went.
 */
#include <signal.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/json.h"
#include "cli/launch.h"
#include "cli/names.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report_print.h"
#include "cli/sink.h"
#include "parallel/comm.h"
#include "pipeline/convert.h"

static void print_error(const struct r2g_error *err) {
    fprintf(stderr, "rgb2gray: %s", err->text);
    if (err->rank > 0)
        fprintf(stderr, " (on rank %d)", err->rank);
    fputs(err->status == R2G_EUSAGE ? "\nTry 'rgb2gray --help'.\n" : "\n", stderr);
}

/* True on the one rank that complains before MPI has started: a launcher tells the ranks apart by its environment. */
static bool speaks(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *rank = getenv(names[i]);
        if (rank)
            return strcmp(rank, "0") == 0;
    }
    return true;
}

/* A usage error is the same on all ranks: all but the first end without a failure, so that mpirun does not stop that
 * one before it has spoken. Other failures are one rank's own. */
static int fail_early(const struct r2g_error *err) {
    if (!speaks() && err->status == R2G_EUSAGE)
        return R2G_OK;
    print_error(err);
    return err->status;
}

/* What is made before the first conversion. The sink is rank 0's. */
struct run {
    const struct r2g_cli *cli;
    struct r2g_comm *comm; /* NULL: alone */
    bool first_rank;
    char **names; /* of the outputs */
    struct r2g_cli_sink sink;
    struct r2g_cli_progress_state progress;
};

static r2g_status prepare(struct run *run, struct r2g_error *err) {
    r2g_status status = r2g_cli_names_make(run->cli, run->first_rank, &run->names, err);
    if (status != R2G_OK || !run->first_rank)
        return status;
    r2g_cli_progress_init(&run->progress, run->cli);
    return r2g_cli_sink_open(&run->sink, run->cli, err);
}

/* One conversion and, on rank 0, its report. */
static r2g_status convert_one(struct run *run, int index) {
    const struct r2g_cli *cli = run->cli;
    struct r2g_request request = {.in_path = cli->inputs[index],
                                  .out_path = run->names[index],
                                  .options = cli->options,
                                  .mode = cli->explain   ? R2G_MODE_EXPLAIN
                                          : cli->compare ? R2G_MODE_COMPARE
                                                         : R2G_MODE_CONVERT,
                                  .run_count = cli->run_count};
    struct r2g_report report = {0};
    struct r2g_error err = {0};
    if (run->first_rank)
        r2g_cli_progress_begin(&run->progress, request.in_path, request.out_path, &request.options);
    r2g_status status = r2g_convert(run->comm, &request, &report, &err);
    if (run->first_rank)
        r2g_cli_progress_end(&run->progress, status, &err);
    /* where even agreeing on a failure has failed, each rank speaks for itself */
    if (status != R2G_OK && (run->first_rank || run->comm->broken))
        print_error(&err);
    struct r2g_cli_outcome outcome = {&request, &report, status, &err};
    struct r2g_error report_err = {0};
    r2g_status told = R2G_OK;
    if (run->first_rank)
        told = r2g_cli_report(&run->sink, cli->report, &outcome, &report_err);
    if (told != R2G_OK)
        print_error(&report_err);
    status = status == R2G_OK ? told : status;
    r2g_report_free(&report);
    return status;
}

/* All inputs; the rest goes on after a failure, and the first failure counts. */
static r2g_status convert_all(struct run *run) {
    struct r2g_error err = {0};
    r2g_status first = R2G_OK;
    for (int i = 0; i < run->cli->input_count && !(run->comm && run->comm->broken); i++) {
        r2g_status status = convert_one(run, i);
        first = first == R2G_OK ? status : first;
        if (status == R2G_ECANCELED)
            break;
    }
    r2g_status closed = r2g_cli_sink_close(&run->sink, true, &err);
    if (closed != R2G_OK)
        print_error(&err);
    return first == R2G_OK ? closed : first;
}

static void finish(struct run *run) {
    struct r2g_error err;
    (void)!r2g_cli_sink_close(&run->sink, false, &err);
    r2g_cli_names_free(run->names, run->cli->input_count);
}

static r2g_status convert_alone(const struct r2g_cli *cli) {
    struct run run = {.cli = cli, .first_rank = true};
    struct r2g_error err = {0};
    r2g_cleanup_install(r2g_cli_interrupted());
    r2g_status status = prepare(&run, &err);
    if (status == R2G_OK)
        status = convert_all(&run);
    else
        print_error(&err);
    finish(&run);
    return status;
}

/* Under a launcher: MPI around the conversions. */
static r2g_status convert_among_ranks(const struct r2g_cli *cli) {
    struct r2g_comm comm;
    struct r2g_error err = {0};
    r2g_cleanup_install(speaks() ? r2g_cli_interrupted() : NULL);
    r2g_launch_settings(false);
    /* A rank whose mpirun was killed while MPI starts would wait for it for ever. */
    if (getenv("OMPI_COMM_WORLD_SIZE") != NULL)
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    r2g_status status = r2g_comm_start(&comm, &err);
    struct run run = {.cli = cli, .comm = &comm, .first_rank = comm.rank == 0};
    if (status != R2G_OK) {
        if (comm.broken || speaks())
            print_error(&err);
    } else {
        status = r2g_agree(&comm, prepare(&run, &err), &err);
        if (status == R2G_OK)
            status = convert_all(&run);
        else if (run.first_rank || comm.broken)
            print_error(&err);
    }
    finish(&run);
    if (comm.broken)
        r2g_comm_abort(&comm, status);
    /* All is said and done: the first rank to exit with a failure makes mpirun end the others by SIGTERM. */
    if (status != R2G_OK)
        signal(SIGTERM, SIG_IGN);
    r2g_comm_stop(&comm);
    return status;
}

/* -n: the processes are started by mpirun, which this one waits for. */
static int convert_launched(const struct r2g_cli *cli) {
    struct r2g_error err = {0};
    char **names;
    int exit_code = R2G_OK;
    /* what can be told early needs no launch */
    r2g_status status = r2g_cli_names_make(cli, true, &names, &err);
    if (status == R2G_OK) {
        r2g_cli_names_free(names, cli->input_count);
        status = r2g_cli_launch(cli, &exit_code, &err);
    }
    if (status != R2G_OK)
        print_error(&err);
    return status != R2G_OK ? (int)status : exit_code;
}

static int convert(const struct r2g_cli *cli) {
    struct r2g_error err = {0};
    if (r2g_luma_isa_note() && !cli->quiet && speaks())
        fprintf(stderr, "rgb2gray: note: %s\n", r2g_luma_isa_note());
    int rank_count = 1;
    enum r2g_launcher launcher = r2g_launcher_detect(&rank_count);
    if (launcher == R2G_LAUNCHER_NONE)
        return cli->rank_count > 0 ? convert_launched(cli) : (int)convert_alone(cli);
    if (launcher != R2G_LAUNCHER_FOREIGN && cli->rank_count == 0)
        return convert_among_ranks(cli);
    if (launcher != R2G_LAUNCHER_FOREIGN) {
        (void)!r2g_fail(&err, R2G_EUSAGE, "a launcher has started this program already: leave -n to the launcher");
        return fail_early(&err);
    }
    (void)!r2g_fail(&err, R2G_EMPI,
                    "started %d times by a launcher that does not speak to this program's MPI: use Open MPI's mpirun, "
                    "or srun --mpi=pmix",
                    rank_count);
    if (speaks())
        print_error(&err);
    return err.status;
}

/* True if everything printed has reached its place. */
static bool flush_output(void) {
    return fflush(stdout) == 0 && !ferror(stdout);
}

static int run_command(const struct r2g_cli *cli) {
    /* under a launcher once is enough; doctor starts MPI there, on all ranks */
    if (cli->command != R2G_CLI_CONVERT && cli->command != R2G_CLI_DOCTOR && !speaks())
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
    r2g_cli_json_init();
    int exit_code = r2g_cli_parse(&cli, argc, argv, &err) == R2G_OK ? run_command(&cli) : fail_early(&err);
    r2g_cli_free(&cli);
    if (!flush_output() && exit_code == R2G_OK) {
        fprintf(stderr, "rgb2gray: standard output cannot be written\n");
        exit_code = R2G_EOUTPUT;
    }
    return exit_code == R2G_ECANCELED ? 130 : exit_code;
}
