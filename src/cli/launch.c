/* mpirun is a child and not this process itself, since it prints a banner of fifteen lines below our one whenever a
 * rank exits with a code other than 0. It is therefore run with -q, which also hides what it says of its own troubles.
 * So this process looks at the exit code; where no rank can have explained it, mpirun is asked once more, without -q
 * and without work to do, and what it says then is shown.
 */
#include "cli/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
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
#include "cli/child.h"
#include "parallel/launcher.h"

/* Beyond this, sharing CPUs only costs; far beyond it, the machine drowns in processes. */
#define RANKS_PER_CPU_MAX 64

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
    const char **words; /* NULL-terminated; -q is the second */
    int count;
    int program_index; /* of this program's path in them */
    char ranks[16];
    char program[PATH_MAX];
};

static void add(struct command *command, const char *word) {
    command->words[command->count++] = word;
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
    add(command, "-q");
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
    command->program_index = command->count;
    add(command, command->program);
    /* a rank's standard error is a pipe, so it cannot see by itself that it ends at a terminal */
    if (cli->command == R2G_CLI_CONVERT && cli->progress == R2G_CLI_PROGRESS_AUTO && isatty(STDERR_FILENO))
        add(command, "--progress=bar");
    for (int i = 0; i < cli->forward_count; i++)
        add(command, cli->forward[i]);
    add(command, NULL);
    return R2G_OK;
}

static volatile sig_atomic_t stopped_by; /* a signal that asked this process to end */
static volatile pid_t launched;          /* mpirun, once it runs */
static char ranks_path[64];              /* where the kernel lists its child processes */

/* mpirun lets its processes work on for a second before it passes a signal on: so they are told here, too. Only what is
 * allowed in a signal handler. */
static void stop_ranks(void) {
    char text[4096];
    int fd = launched > 0 ? open(ranks_path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    pid_t pid = 0;
    for (ssize_t i = 0; i < length; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            pid = pid * 10 + (text[i] - '0');
            continue;
        }
        if (pid > 0)
            kill(pid, SIGTERM);
        pid = 0;
    }
}

static void pass_on(int signal_number, siginfo_t *info, void *context) {
    (void)context;
    stopped_by = signal_number;
    stop_ranks();
    /* What a terminal sends (SI_KERNEL) has reached mpirun as well; a second Ctrl-C would make it skip its clean-up. */
    if (launched > 0 && info->si_code != SI_KERNEL)
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
static _Noreturn void become(const struct command *command, pid_t parent, int report_fd) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_DFL); /* ignored signals stay ignored across exec */
    signal(SIGXFSZ, SIG_DFL);
    if (getppid() == parent)
        execv(command->words[0], (char *const *)command->words);
    int code = errno;
    ssize_t written = write(report_fd, &code, sizeof code);
    _exit(written == (ssize_t)sizeof code ? 127 : 126);
}

static r2g_status start(const struct command *command, pid_t *child, struct r2g_error *err) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return r2g_fail_errno(err, R2G_EMPI, errno, "cannot start mpirun");
    pid_t parent = getpid();
    handle_signals();
    *child = fork();
    if (*child == 0)
        become(command, parent, fds[1]);
    int fork_errno = errno, code = 0;
    snprintf(ranks_path, sizeof ranks_path, "/proc/%d/task/%d/children", (int)*child, (int)*child);
    launched = *child;
    close(fds[1]);
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

#define ASK_MS 20000

/* Starts the same processes again, to say their version only, and shows what mpirun has to say to that. */
static void ask_mpirun(struct command *command) {
    char text[4000];
    int64_t wall_ns;
    command->words[1] = command->words[0];
    command->words[command->program_index + 1] = "--version";
    command->words[command->program_index + 2] = NULL;
    int code = r2g_cli_child_run(command->words + 1, ASK_MS, text, sizeof text, &wall_ns);
    if (code != 0)
        fputs(text, stderr);
}

/* What the exit code of mpirun means: a rank's own code was explained by the rank itself. */
static r2g_status explain(int code, struct command *command, const struct r2g_cli *cli, struct r2g_error *err) {
    if (code <= R2G_ECANCELED && code != R2G_EINTERNAL)
        return R2G_OK;
    /* 132 is also what mpirun answers when it cannot run the program at all */
    if (code > 128 && code < 128 + NSIG && code - 128 != SIGILL && sigabbrev_np(code - 128))
        return r2g_fail(err, R2G_EMPI, "one of the %d processes was ended by signal %d (%s)%s", cli->rank_count,
                        code - 128, sigdescr_np(code - 128), code - 128 == SIGKILL ? ": is there enough memory?" : "");
    ask_mpirun(command);
    return r2g_fail(err, R2G_EMPI, "mpirun ended with status %d; 'rgb2gray doctor' may tell more", code);
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
    struct command command = {0};
    r2g_status status = make_command(&command, cli, mpirun, err);
    pid_t child = -1;
    if (status == R2G_OK) {
        struct timespec now;
        char text[32];
        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(text, sizeof text, "%" PRId64, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
        setenv("RGB2GRAY_LAUNCH_NS", text, 1);
        status = start(&command, &child, err);
    }
    int ended = 0;
    while (status == R2G_OK && waitpid(child, &ended, 0) < 0) {
        if (errno != EINTR)
            status = r2g_fail_errno(err, R2G_EMPI, errno, "cannot wait for mpirun");
    }
    if (status == R2G_OK && stopped_by)
        end_by(stopped_by);
    if (status == R2G_OK && WIFSIGNALED(ended))
        status = r2g_fail(err, R2G_EMPI, "mpirun was ended by signal %d (%s)", WTERMSIG(ended),
                          sigdescr_np(WTERMSIG(ended)));
    if (status == R2G_OK) {
        *exit_code = WEXITSTATUS(ended);
        status = explain(*exit_code, &command, cli, err);
    }
    free(command.words);
    return status;
}
