#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static _Noreturn void become(const char *const *words, int write_fd) {
    int empty = open("/dev/null", O_RDONLY);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_DFL); /* ignored signals stay ignored across exec */
    signal(SIGXFSZ, SIG_DFL);
    if (empty >= 0 && dup2(empty, STDIN_FILENO) >= 0 && dup2(write_fd, STDOUT_FILENO) >= 0 &&
        dup2(write_fd, STDERR_FILENO) >= 0)
        execv(words[0], (char *const *)words);
    _exit(127);
}

/* How long a wait may be that a signal could just have missed. */
#define STOP_LOOK_MS 200

/* Reads into text until the writers close (0), time is up, or *stop is set. */
static int read_all(int fd, int64_t end_ns, const volatile sig_atomic_t *stop, char *text, size_t text_nbytes) {
    size_t used = 0;
    for (;;) {
        int64_t left_ms = (end_ns - r2g_clock_ns()) / 1000000;
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        char piece[1024];
        if (stop && *stop)
            return R2G_CHILD_STOPPED;
        if (left_ms <= 0)
            return R2G_CHILD_TIMED_OUT;
        if (poll(&waiting, 1, (int)(stop && left_ms > STOP_LOOK_MS ? STOP_LOOK_MS : left_ms)) <= 0)
            continue;
        ssize_t got = read(fd, piece, sizeof piece);
        if (got == 0 || (got < 0 && errno != EINTR))
            return 0;
        for (ssize_t i = 0; i < got && used + 1 < text_nbytes; i++)
            text[used++] = piece[i];
        text[used] = '\0';
    }
}

/* Ends a child that took too long: first politely, then not. An mpirun needs a second or two for its processes. */
static void end(pid_t child) {
    kill(child, SIGTERM);
    for (int i = 0; i < 500; i++) {
        if (waitpid(child, NULL, WNOHANG) == child)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

int r2g_cli_child_run(const char *const *words, int timeout_ms, char *text, size_t text_nbytes, int64_t *wall_ns) {
    return r2g_cli_child_run_until(words, timeout_ms, NULL, text, text_nbytes, wall_ns);
}

int r2g_cli_child_run_until(const char *const *words, int timeout_ms, const volatile sig_atomic_t *stop, char *text,
                            size_t text_nbytes, int64_t *wall_ns) {
    int fds[2];
    int64_t start_ns = r2g_clock_ns();
    text[0] = '\0';
    *wall_ns = 0;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return R2G_CHILD_NOT_STARTED;
    pid_t child = fork();
    if (child == 0)
        become(words, fds[1]);
    close(fds[1]);
    int64_t end_ns = start_ns + (int64_t)timeout_ms * 1000000;
    int cut_short = child < 0 ? R2G_CHILD_NOT_STARTED : read_all(fds[0], end_ns, stop, text, text_nbytes);
    close(fds[0]);
    *wall_ns = r2g_clock_ns() - start_ns;
    if (child < 0)
        return R2G_CHILD_NOT_STARTED;
    if (cut_short) {
        end(child);
        return cut_short;
    }
    int ended = 0;
    while (waitpid(child, &ended, 0) < 0) {
        if (errno != EINTR)
            return R2G_CHILD_NOT_STARTED;
    }
    *wall_ns = r2g_clock_ns() - start_ns;
    return WIFSIGNALED(ended) ? 128 + WTERMSIG(ended) : WEXITSTATUS(ended);
}
