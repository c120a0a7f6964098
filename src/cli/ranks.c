#include "cli/ranks.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/launch.h"

/* The ranks meet in MPI's start and in its first collectives, where one that cannot be reached makes the others wait for
 * ever. Rank 0 says so; where its end does not end the others too, they follow. */
#define START_LIMIT_S 60
#define FOLLOW_S 5

static const char start_line[] = "rgb2gray: the ranks have not reached each other in time: is a host or its network "
                                 "down? 'rgb2gray doctor' may tell more, and RGB2GRAY_START_LIMIT gives them longer\n";
static bool speaks;

static void give_up(int signal_number) {
    (void)signal_number;
    ssize_t written = speaks ? write(STDERR_FILENO, start_line, sizeof start_line - 1) : 0;
    (void)written;
    _exit(R2G_EMPI);
}

static void limit_start(void) {
    const char *text = getenv("RGB2GRAY_START_LIMIT");
    char *end = NULL;
    unsigned long seconds = text ? strtoul(text, &end, 10) : START_LIMIT_S;
    if (text && (end == text || *end != '\0' || seconds > 1000000))
        seconds = START_LIMIT_S;
    speaks = r2g_cli_speaks();
    signal(SIGALRM, give_up);
    alarm(seconds > 0 && !speaks ? (unsigned)seconds + FOLLOW_S : (unsigned)seconds);
}

r2g_status r2g_cli_ranks_start(const struct r2g_cli *cli, struct r2g_comm *comm) {
    struct r2g_error err = {0};
    r2g_cli_note_isa(cli);
    r2g_cleanup_install(r2g_cli_speaks() ? r2g_cli_interrupted() : NULL);
    r2g_launch_settings(false);
    /* A rank whose mpirun was killed while MPI starts would wait for it for ever. */
    if (getenv("OMPI_COMM_WORLD_SIZE") != NULL)
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    limit_start();
    r2g_status status = r2g_comm_start(comm, &err);
    alarm(0);
    if (status != R2G_OK && (comm->broken || r2g_cli_speaks()))
        r2g_cli_print_error(&err);
    return status;
}

/* Where mpirun was started by -n, the process that waits for it takes the exit code from rank 0: with one other than 0
 * mpirun itself ends only a second or two after its ranks. True if this rank may leave with 0. */
static bool hand_over_exit(bool first_rank, r2g_status status) {
    const char *path = getenv(R2G_CLI_EXIT_TO);
    if (!path || !first_rank)
        return path != NULL;
    unsigned char code = (unsigned char)status;
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    bool told = fd >= 0 && write(fd, &code, 1) == 1;
    if (fd >= 0)
        close(fd);
    return told;
}

int r2g_cli_ranks_stop(struct r2g_comm *comm, r2g_status status) {
    bool met = comm->size > 0, first_rank = comm->rank == 0;
    if (comm->broken)
        r2g_comm_abort(comm, status);
    /* All is said and done: the first rank to exit with a failure makes mpirun end the others by SIGTERM. */
    if (status != R2G_OK)
        signal(SIGTERM, SIG_IGN);
    r2g_comm_stop(comm);
    return met && status != R2G_OK && hand_over_exit(first_rank, status) ? R2G_OK : status;
}

r2g_status r2g_cli_run_agreed(struct r2g_cli_run *run) {
    struct r2g_error err = {0};
    r2g_status status = r2g_cli_run_prepare(run, &err);
    if (run->comm)
        status = r2g_agree(run->comm, status, &err);
    if (status == R2G_OK)
        status = r2g_cli_run_all(run);
    else
        r2g_cli_run_failed(run, &err);
    r2g_cli_run_finish(run);
    return status;
}

int r2g_cli_among_ranks(const struct r2g_cli *cli) {
    struct r2g_comm comm;
    r2g_status status = r2g_cli_ranks_start(cli, &comm);
    if (status == R2G_OK) {
        struct r2g_cli_run run = {
            .cli = cli, .convert = r2g_convert, .comm = &comm, .broken = &comm.broken, .first_rank = comm.rank == 0};
        status = r2g_cli_run_agreed(&run);
    }
    return r2g_cli_ranks_stop(&comm, status);
}

int r2g_cli_compare_alone(const struct r2g_cli *cli) {
    r2g_cli_note_isa(cli);
    return (int)r2g_cli_run_alone(cli, r2g_convert);
}
