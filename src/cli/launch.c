/* mpirun is a child and not this process itself, since it prints a banner of fifteen lines below our one whenever a
 * rank exits with a code other than 0, and has much to say of a host that it lost, but for the code nothing to tell it
 * by. So its standard error comes here through a pipe: what the ranks say is passed on, what mpirun says is kept, and
 * at the end told in one line; in full only where nothing in it is known and no rank can have explained the exit code.
 *
 * A batch that is stopped ends by itself, with a code of its own, once the images at hand are done. mpirun leaves its
 * ranks a second or two, so it is kept from hearing of the signal, and is told only if the ranks take too long.
 */
#include "cli/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "cli/launch_said.h"
#include "parallel/launcher.h"

/* Beyond this, sharing CPUs only costs; far beyond it, the machine drowns in processes. */
#define RANKS_PER_CPU_MAX 64

/* How long the ranks of a batch may take to end by themselves, and mpirun after it was told to end them. */
#define BATCH_END_NS INT64_C(15000000000)
#define BATCH_KILL_NS INT64_C(18500000000)

int r2g_cli_slots(int *cpus) {
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    int usable = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)(online > 0 ? online : 1);
    if (cpus)
        *cpus = usable;
    FILE *file = fopen("/sys/devices/system/cpu/smt/active", "r");
    int two_threads = file && getc(file) == '1';
    if (file)
        fclose(file);
    return two_threads && usable > 1 ? usable / 2 : usable;
}

bool r2g_cli_in_batch_job(void) {
    return getenv("SLURM_JOB_ID") || getenv("PBS_NODEFILE") || getenv("LSB_HOSTS") || getenv("PE_HOSTFILE");
}

bool r2g_cli_find_program(const char *name, char *path, size_t path_nbytes) {
    const char *folders = getenv("PATH");
    if (strchr(name, '/') || !folders)
        return snprintf(path, path_nbytes, "%s", name) < (int)path_nbytes && access(path, X_OK) == 0;
    while (*folders) {
        size_t length = strcspn(folders, ":");
        int needed = snprintf(path, path_nbytes, "%.*s/%s", (int)length, folders, name);
        if (needed < (int)path_nbytes && access(path, X_OK) == 0)
            return true;
        folders += length + (folders[length] == ':');
    }
    return false;
}

bool r2g_cli_allow_root(void) {
    if (geteuid() != 0 || (getenv("OMPI_ALLOW_RUN_AS_ROOT") && getenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM")))
        return false;
    return setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0) == 0 && setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0) == 0;
}

/* The arguments of mpirun: pointers into cli and the buffers given. */
struct command {
    const char **words; /* NULL-terminated */
    int count;
    bool own_group;         /* mpirun shall not get the signals of this process's terminal */
    int exit_from, exit_to; /* a pipe for rank 0's exit code; -1: mpirun's is taken */
    char ranks[16];
    char program[PATH_MAX];
};

static void add(struct command *command, const char *word) {
    command->words[command->count++] = word;
}

/* Whether the ranks shall run a batch: the first word of the command line that is no option's says so. */
static bool is_batch(const struct r2g_cli *cli) {
    for (int i = 0; i + 1 < cli->forward_count; i++) {
        if (strcmp(cli->forward[i], "--") == 0)
            return strcmp(cli->forward[i + 1], "batch") == 0;
    }
    return false;
}

/* Whether rank 0 reads what is typed at the terminal: that needs mpirun in the terminal's process group. */
static bool reads_terminal(const struct r2g_cli *cli) {
    bool reads = false;
    for (int i = 0; i < cli->forward_count; i++)
        reads = reads || strcmp(cli->forward[i], "-") == 0;
    return reads && isatty(STDIN_FILENO);
}

static r2g_status make_command(struct command *command, const struct r2g_cli *cli, const char *mpirun,
                               struct r2g_error *err) {
    ssize_t length = readlink("/proc/self/exe", command->program, sizeof command->program - 1);
    if (length < 0)
        return r2g_fail_errno(err, R2G_EMPI, errno, "cannot tell where this program lies");
    command->program[length] = '\0';
    command->words = r2g_new(((size_t)cli->forward_count + 20) * sizeof command->words[0], err);
    if (!command->words)
        return R2G_ENOMEM;
    bool one_host = !cli->hostfile && !r2g_cli_in_batch_job();
    snprintf(command->ranks, sizeof command->ranks, "%d", cli->rank_count);
    add(command, mpirun);
    /* so that one who says the same as another is not told of outside mpirun's dashes */
    add(command, "--mca");
    add(command, "orte_base_help_aggregate");
    add(command, "0");
    if (one_host && cli->rank_count > r2g_cli_slots(NULL))
        add(command, "--oversubscribe");
    if (cli->hostfile) {
        add(command, "--hostfile");
        add(command, cli->hostfile);
        /* mpirun carries only its own variables to other hosts */
        add(command, "-x");
        add(command, "RGB2GRAY_LAUNCH_NS");
        if (getenv("RGB2GRAY_ISA")) {
            add(command, "-x");
            add(command, "RGB2GRAY_ISA");
        }
    }
    add(command, "-n");
    add(command, command->ranks);
    add(command, command->program);
    /* a rank's standard error is a pipe, so it cannot see by itself that it ends at a terminal */
    if ((cli->command == R2G_CLI_CONVERT || cli->command == R2G_CLI_BATCH) && cli->progress == R2G_CLI_PROGRESS_AUTO &&
        isatty(STDERR_FILENO))
        add(command, "--progress=bar");
    for (int i = 0; i < cli->forward_count; i++)
        add(command, cli->forward[i]);
    add(command, NULL);
    command->own_group = is_batch(cli) && !reads_terminal(cli);
    return R2G_OK;
}

/* Open MPI notices a host that is cut off after eight minutes; with these settings after about eight seconds. What the
 * user has set stays. The connections between ranks need none: once mpirun has noticed, it ends the ranks. */
static void watch_hosts(void) {
    setenv("OMPI_MCA_oob_tcp_keepalive_time", "4", 0);
    setenv("OMPI_MCA_oob_tcp_keepalive_intvl", "1", 0);
    setenv("OMPI_MCA_oob_tcp_keepalive_probes", "3", 0);
}

static volatile sig_atomic_t stopped_by; /* a signal that asked this process to end */
static volatile pid_t launched;          /* mpirun, once it runs */
static char ranks_path[64];              /* where the kernel lists its child processes */
static bool batch, own_group;            /* of what runs */

/* Whether a child of mpirun is a rank. Others (srun, ssh) are its way to other hosts, whose ranks would end with them.
 * `pid` are its digits. Only what is allowed in a signal handler. */
static bool is_rank(const char *pid, size_t length) {
    char path[40] = "/proc/", name[8];
    size_t nbytes = strlen(path);
    if (length > 16)
        return false;
    memcpy(path + nbytes, pid, length);
    memcpy(path + nbytes + length, "/comm", sizeof "/comm");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, name, sizeof name) : 0;
    if (fd >= 0)
        close(fd);
    return got == (ssize_t)sizeof name && memcmp(name, "rgb2gray", sizeof name) == 0;
}

/* mpirun lets its processes work on for a second before it passes a signal on: so they are told here, too. Whether there were
 * any. Only what is allowed in a signal handler. */
static bool signal_ranks(int signal_number) {
    bool told = false;
    char text[4096];
    int fd = launched > 0 ? open(ranks_path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[length > 0 ? length : 0] = '\0';
    for (const char *digits = text; *digits;) {
        size_t count = strspn(digits, "0123456789");
        pid_t pid = 0;
        for (size_t i = 0; i < count; i++)
            pid = pid * 10 + (digits[i] - '0');
        if (count > 0 && is_rank(digits, count))
            told = kill(pid, signal_number) == 0 || told;
        digits += count > 0 ? count : 1;
    }
    return told;
}

static void pass_on(int signal_number, siginfo_t *info, void *context) {
    (void)context;
    bool first = !stopped_by;
    stopped_by = signal_number;
    bool told = signal_ranks(SIGTERM);
    if (batch && first && told)
        return;
    /* What a terminal sends (SI_KERNEL) has reached mpirun as well; a second Ctrl-C would make it skip its clean-up. */
    if (launched > 0 && (own_group || info->si_code != SI_KERNEL))
        kill(launched, signal_number == SIGHUP ? SIGTERM : signal_number);
}

static const int passed_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};

static void handle_signals(void) {
    struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof passed_signals / sizeof passed_signals[0]; i++) {
        struct sigaction before;
        if (sigaction(passed_signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(passed_signals[i], &action, NULL);
    }
}

/* In the child: becomes mpirun, or writes errno to `report_fd`, which closes by itself on success. */
static _Noreturn void become(const struct command *command, pid_t parent, int said_fd, int report_fd) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (command->own_group)
        setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL); /* ignored signals stay ignored across exec */
    signal(SIGXFSZ, SIG_DFL);
    if (getppid() == parent && dup2(said_fd, STDERR_FILENO) >= 0)
        execv(command->words[0], (char *const *)command->words);
    int code = errno;
    ssize_t written = write(report_fd, &code, sizeof code);
    _exit(written == (ssize_t)sizeof code ? 127 : 126);
}

/* All ranks being here, rank 0 opens the pipe by its name below /proc; where it cannot, mpirun tells its exit code. */
static void open_exit_pipe(struct command *command) {
    int fds[2];
    char path[64];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    command->exit_from = fds[0];
    command->exit_to = fds[1];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), fds[1]);
    setenv(R2G_CLI_EXIT_TO, path, 1);
}

/* The exit code that rank 0 has handed over; 0 if it has not. */
static int take_exit(const struct command *command) {
    unsigned char code;
    return command->exit_from >= 0 && read(command->exit_from, &code, 1) == 1 ? code : 0;
}

static void free_command(struct command *command) {
    if (command->exit_from >= 0) {
        close(command->exit_from);
        close(command->exit_to);
    }
    free(command->words);
}

/* Starts mpirun. Its standard error can be read from *said_fd, without waiting; the caller closes it. */
static r2g_status start(const struct command *command, pid_t *child, int *said_fd, struct r2g_error *err) {
    int fds[2], said[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return r2g_fail_errno(err, R2G_EMPI, errno, "cannot start mpirun");
    if (pipe2(said, O_CLOEXEC) != 0) {
        int code = errno;
        close(fds[0]);
        close(fds[1]);
        return r2g_fail_errno(err, R2G_EMPI, code, "cannot start mpirun");
    }
    pid_t parent = getpid();
    handle_signals();
    *child = fork();
    if (*child == 0)
        become(command, parent, said[1], fds[1]);
    int fork_errno = errno, code = 0;
    snprintf(ranks_path, sizeof ranks_path, "/proc/%d/task/%d/children", (int)*child, (int)*child);
    launched = *child;
    close(fds[1]);
    close(said[1]);
    fcntl(said[0], F_SETFL, O_NONBLOCK);
    *said_fd = said[0];
    ssize_t got = *child > 0 ? read(fds[0], &code, sizeof code) : 0;
    close(fds[0]);
    if (*child < 0)
        return r2g_fail_errno(err, R2G_EMPI, fork_errno, "cannot start mpirun");
    if (got != (ssize_t)sizeof code) {
        if (stopped_by) /* before there was anyone to pass it on to */
            kill(*child, SIGTERM);
        return R2G_OK;
    }
    waitpid(*child, NULL, 0);
    return r2g_fail_errno(err, R2G_EMPI, code, "cannot start %s", command->words[0]);
}

/* Takes what there is to read; false once there never will be more. */
static bool listen(int fd, struct r2g_cli_said *said) {
    char bytes[4096];
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0 || (got < 0 && errno == EINTR)) {
        if (got > 0)
            r2g_cli_said_take(said, bytes, (size_t)got, stderr);
    }
    return got < 0 && errno == EAGAIN;
}

/* Ends a batch whose ranks were told to stop at start_ns and have not: first through mpirun, then all of it. */
static void press(pid_t child, int64_t start_ns, int *step) {
    int64_t waited_ns = r2g_clock_ns() - start_ns;
    if (*step == 0 && waited_ns > BATCH_END_NS) {
        kill(child, SIGTERM);
        *step = 1;
    }
    if (*step == 1 && waited_ns > BATCH_KILL_NS) {
        (void)signal_ranks(SIGKILL);
        kill(child, SIGKILL);
        *step = 2;
    }
}

/* Waits for mpirun's end and passes on what its ranks say meanwhile. What mpirun itself has started may hold the pipe
 * for longer: its end alone counts. */
static r2g_status wait_for(pid_t child, int fd, struct r2g_cli_said *said, int *ended, struct r2g_error *err) {
    bool more = true;
    int64_t stopped_ns = 0;
    int step = 0;
    pid_t got = 0;
    while (got == 0) {
        struct pollfd waiting = {.fd = more ? fd : -1, .events = POLLIN};
        poll(&waiting, 1, more ? 200 : 5);
        more = more && listen(fd, said);
        if (batch && stopped_by) {
            stopped_ns = stopped_ns ? stopped_ns : r2g_clock_ns();
            press(child, stopped_ns, &step);
        }
        got = waitpid(child, ended, WNOHANG);
        if (got < 0 && errno == EINTR)
            got = 0;
    }
    if (got < 0)
        return r2g_fail_errno(err, R2G_EMPI, errno, "cannot wait for mpirun");
    if (more)
        listen(fd, said);
    r2g_cli_said_end(said, stderr);
    return R2G_OK;
}

/* A code that a rank has chosen, and explained itself. */
static bool is_ranks_own(int code) {
    return (code >= 0 && code <= R2G_ECANCELED && code != R2G_EINTERNAL) ||
           (batch && (code == R2G_EPARTIAL || code == R2G_ESTOPPED));
}

/* What the exit code of mpirun means. */
static r2g_status explain(int code, const struct r2g_cli_said *said, const struct r2g_cli *cli, struct r2g_error *err) {
    const char *hint = batch ? "; --resume goes on" : "";
    char host[128];
    int rank, signal_number;
    if (code != 0 && r2g_cli_said_lost_host(said, host, sizeof host))
        return r2g_fail(err, R2G_EMPI,
                        "the host %s was lost: it is cut off or down, or Open MPI's daemon on it was ended%s", host,
                        hint);
    if (is_ranks_own(code))
        return R2G_OK;
    if (code > 128 && r2g_cli_said_killed_rank(said, &rank, &signal_number, host, sizeof host))
        return r2g_fail(err, R2G_EMPI, "rank %d on host %s was ended by signal %d (%s%s)%s", rank, host, signal_number,
                        sigdescr_np(signal_number), signal_number == SIGKILL ? "; is there enough memory?" : "", hint);
    /* 132 is also what mpirun answers when it cannot run the program at all */
    if (code > 128 && code < 128 + NSIG && code - 128 != SIGILL && sigabbrev_np(code - 128))
        return r2g_fail(err, R2G_EMPI, "one of the %d processes was ended by signal %d (%s%s)%s", cli->rank_count,
                        code - 128, sigdescr_np(code - 128), code - 128 == SIGKILL ? "; is there enough memory?" : "",
                        hint);
    fputs(said->text, stderr);
    return r2g_fail(err, R2G_EMPI, "mpirun ended with status %d; 'rgb2gray doctor' may tell more%s", code, hint);
}

/* The end of a batch that was asked to stop: the ranks' own code, or, where they were ended, the one that they would have
 * had: their journal tells what is done. */
static int batch_end(int ended) {
    int code = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    if (is_ranks_own(code))
        return code;
    fputs("rgb2gray: stopped before the images at hand were done; --resume goes on\n", stderr);
    return R2G_ESTOPPED;
}

/* Ends this process as one who was asked to: shells and schedulers look at it. */
static void end_by(int signal_number) {
    /* mpirun no longer passes on what its ranks say, so this is said here */
    fprintf(stderr, "%srgb2gray: interrupted\n", isatty(STDERR_FILENO) ? "\r\033[K" : "");
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

r2g_status r2g_cli_launch(const struct r2g_cli *cli, int *exit_code, struct r2g_error *err) {
    char mpirun[PATH_MAX];
    *exit_code = R2G_EMPI;
    if (cli->hostfile && access(cli->hostfile, R_OK) != 0)
        return r2g_fail_errno(err, R2G_EINPUT, errno, "the host file %s cannot be read", cli->hostfile);
    int slots = r2g_cli_slots(NULL);
    if (!cli->hostfile && !r2g_cli_in_batch_job() && cli->rank_count > slots * RANKS_PER_CPU_MAX)
        return r2g_fail(err, R2G_EUSAGE, "%d processes are too many for this machine's %d CPUs (at most %d for each)",
                        cli->rank_count, slots, RANKS_PER_CPU_MAX);
    if (!r2g_cli_find_program("mpirun", mpirun, sizeof mpirun))
        return r2g_fail(err, R2G_EMPI, "-n needs mpirun, which is not on PATH; on Debian: apt-get install openmpi-bin");
    bool one_host = !cli->hostfile && !r2g_cli_in_batch_job();
    r2g_launch_settings(one_host);
    if (r2g_cli_allow_root() && !cli->quiet)
        fputs("rgb2gray: note: running as root, so mpirun was told to allow that\n", stderr);
    if (!one_host)
        watch_hosts();
    struct command command = {.exit_from = -1, .exit_to = -1};
    r2g_status status = make_command(&command, cli, mpirun, err);
    pid_t child = -1;
    int said_fd = -1, ended = 0;
    struct r2g_cli_said said = {0};
    batch = is_batch(cli);
    own_group = command.own_group;
    unsetenv(R2G_CLI_EXIT_TO);
    if (status == R2G_OK && one_host)
        open_exit_pipe(&command);
    if (status == R2G_OK) {
        struct timespec now;
        char text[32];
        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(text, sizeof text, "%" PRId64, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
        setenv("RGB2GRAY_LAUNCH_NS", text, 1);
        status = start(&command, &child, &said_fd, err);
    }
    if (status == R2G_OK)
        status = wait_for(child, said_fd, &said, &ended, err);
    if (said_fd >= 0)
        close(said_fd);
    if (status == R2G_OK && WIFEXITED(ended) && WEXITSTATUS(ended) == 0)
        ended = W_EXITCODE(take_exit(&command), 0);
    free_command(&command);
    if (status != R2G_OK)
        return status;
    if (stopped_by && batch) {
        *exit_code = batch_end(ended);
        return R2G_OK;
    }
    if (stopped_by)
        end_by(stopped_by);
    if (WIFSIGNALED(ended))
        return r2g_fail(err, R2G_EMPI, "mpirun was ended by signal %d (%s)", WTERMSIG(ended),
                        sigdescr_np(WTERMSIG(ended)));
    *exit_code = WEXITSTATUS(ended);
    return explain(*exit_code, &said, cli, err);
}
