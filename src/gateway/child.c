#include "gateway/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/size.h"

#define KILL_AFTER_MS 3000

/* The sanitizers reserve terabytes of addresses. */
#if defined(__SANITIZE_ADDRESS__)
#define LIMIT_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIMIT_MEMORY 0
#endif
#endif
#ifndef LIMIT_MEMORY
#define LIMIT_MEMORY 1
#endif

#define DESCRIPTORS 4096 /* mpirun holds several for each rank */

/* One of the child's outputs. */
struct stream {
    int fd; /* -1: closed */
    bool is_error;
    size_t used;
    char text[R2G_CHILD_LINE_NBYTES];
};

static void limit(int resource, uint64_t most) {
    struct rlimit now;
    if (most == 0 || getrlimit(resource, &now) != 0)
        return;
    rlim_t value = (rlim_t)most < now.rlim_max ? (rlim_t)most : now.rlim_max;
    /* at the soft limit of processor time comes SIGXCPU, at the hard one, later, SIGKILL */
    now = (struct rlimit){value, resource == RLIMIT_CPU && value < now.rlim_max ? value + 1 : value};
    setrlimit(resource, &now);
}

/* In the child. `fds`: input, output, errors, and where errno goes if exec fails. */
static _Noreturn void become(const struct r2g_child_request *request, const int fds[4], pid_t parent) {
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    setsid();
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &plain, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    limit(RLIMIT_FSIZE, request->file_nbytes);
    limit(RLIMIT_CPU, request->cpu_s);
    limit(RLIMIT_NOFILE, DESCRIPTORS);
    if (LIMIT_MEMORY)
        limit(RLIMIT_AS, request->memory_nbytes);
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    /* the parent may have died before it could be asked to send a signal at its death */
    bool ready = getppid() == parent && chdir(request->folder) == 0;
    for (int i = 0; i < 3 && ready; i++)
        ready = dup2(fds[i], i) >= 0;
    if (ready && dup3(fds[3], 3, O_CLOEXEC) >= 0) {
        close_range(4, ~0U, 0);
        execve(request->arguments[0], (char *const *)request->arguments, (char *const *)request->environment);
    }
    int code = errno;
    ssize_t written = write(ready ? 3 : fds[3], &code, sizeof code);
    _exit(written == (ssize_t)sizeof code ? 127 : 126);
}

/* Descriptors above 3, so that none is in the way of another when the child moves them to 0, 1, 2 and 3. */
static int raise_fd(int fd) {
    int raised = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 10) : -1;
    if (fd >= 0)
        close(fd);
    return raised;
}

static bool make_pipe(int fds[2]) {
    if (pipe2(fds, O_CLOEXEC) != 0)
        return false;
    fds[0] = raise_fd(fds[0]);
    fds[1] = raise_fd(fds[1]);
    return fds[0] >= 0 && fds[1] >= 0;
}

static void close_all(int *fds, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

/* The reading end of what the child shall read. A pipe holds 4 KiB at once without a reader (PIPE_BUF). */
static int make_input(const char *text) {
    int fds[2];
    if (!text)
        return raise_fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!make_pipe(fds))
        return -1;
    size_t nbytes = strlen(text);
    bool written = nbytes <= 4096 && write(fds[1], text, nbytes) == (ssize_t)nbytes;
    close(fds[1]);
    if (!written)
        close_all(fds, 1);
    return fds[0];
}

/* The pipes of a child: input; output, errors, and failure as pairs of reading and writing ends. */
struct pipes {
    int input, out[2], error[2], failure[2];
};

static bool make_pipes(struct pipes *pipes, const char *input) {
    pipes->input = make_input(input);
    return pipes->input >= 0 && make_pipe(pipes->out) && make_pipe(pipes->error) && make_pipe(pipes->failure);
}

static r2g_status start(const struct r2g_child_request *request, struct pipes *pipes, pid_t *child,
                        struct r2g_error *err) {
    if (!make_pipes(pipes, request->input))
        return r2g_fail_errno(err, R2G_EMPI, errno, "cannot start a process");
    const int fds[4] = {pipes->input, pipes->out[1], pipes->error[1], pipes->failure[1]};
    pid_t parent = getpid();
    *child = fork();
    if (*child == 0)
        become(request, fds, parent);
    int error = errno, code = 0;
    close_all(&pipes->input, 1);
    close_all(&pipes->out[1], 1);
    close_all(&pipes->error[1], 1);
    close_all(&pipes->failure[1], 1);
    if (*child < 0)
        return r2g_fail_errno(err, R2G_EMPI, error, "cannot start a process");
    ssize_t got;
    do {
        got = read(pipes->failure[0], &code, sizeof code);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof code)
        return R2G_OK;
    const char *slash = strrchr(request->arguments[0], '/');
    while (waitpid(*child, NULL, 0) < 0 && errno == EINTR)
        ;
    return r2g_fail_errno(err, R2G_EMPI, code, "cannot start %s", slash ? slash + 1 : request->arguments[0]);
}

static void tell(const struct r2g_child_request *request, struct stream *stream) {
    stream->text[stream->used] = '\0';
    if (request->line && stream->used > 0)
        request->line(request->user, stream->is_error, stream->text);
    stream->used = 0;
}

/* Takes what has come on one output. */
static void take(const struct r2g_child_request *request, struct stream *stream) {
    char piece[4096];
    ssize_t got = read(stream->fd, piece, sizeof piece);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
        close_all(&stream->fd, 1);
        tell(request, stream);
    }
    for (ssize_t i = 0; i < got; i++) {
        if (piece[i] == '\n')
            tell(request, stream);
        else if (stream->used + 1 < sizeof stream->text && piece[i] != '\0')
            stream->text[stream->used++] = piece[i];
    }
}

/* What is left in the pipes once the child has ended; others that it started may hold them open, and are not waited for. */
static void drain(const struct r2g_child_request *request, struct stream *stream) {
    for (int pieces = 0; stream->fd >= 0 && pieces < 256; pieces++) {
        struct pollfd ready = {.fd = stream->fd, .events = POLLIN};
        if (poll(&ready, 1, 0) <= 0)
            break;
        take(request, stream);
    }
    tell(request, stream);
    close_all(&stream->fd, 1);
}

/* Waits for the child's end, passing on its lines; ends it where it is told to. */
static void watch(const struct r2g_child_request *request, struct stream streams[2], pid_t child, int pid_fd,
                  struct r2g_child_result *result) {
    int64_t kill_ns = 0, end_ns = request->wall_ms > 0 ? r2g_clock_ns() + request->wall_ms * 1000000 : 0;
    for (;;) {
        struct pollfd waits[4] = {{.fd = pid_fd, .events = POLLIN},
                                  {.fd = kill_ns ? -1 : request->stop_fd, .events = POLLIN},
                                  {.fd = streams[0].fd, .events = POLLIN},
                                  {.fd = streams[1].fd, .events = POLLIN}};
        int64_t now = r2g_clock_ns(), next_ns = kill_ns ? kill_ns : end_ns;
        int64_t left_ms = next_ns == 0 ? 3600000 : (next_ns - now + 999999) / 1000000;
        (void)poll(waits, 4, left_ms < 0 ? 0 : left_ms > 3600000 ? 3600000 : (int)left_ms);
        for (int i = 0; i < 2; i++) {
            if (streams[i].fd >= 0 && waits[2 + i].revents)
                take(request, &streams[i]);
        }
        if (waits[0].revents)
            return;
        now = r2g_clock_ns();
        if (kill_ns && now >= kill_ns) {
            kill(-child, SIGKILL);
            kill_ns = now + (int64_t)KILL_AFTER_MS * 1000000;
        } else if (!kill_ns && ((waits[1].revents & POLLIN) || (end_ns && now >= end_ns))) {
            result->end = waits[1].revents & POLLIN ? R2G_CHILD_STOPPED : R2G_CHILD_TOO_LONG;
            kill(-child, SIGTERM);
            kill_ns = now + (int64_t)KILL_AFTER_MS * 1000000;
        }
    }
}

r2g_status r2g_child_run(const struct r2g_child_request *request, struct r2g_child_result *result,
                         struct r2g_error *err) {
    struct pipes pipes = {-1, {-1, -1}, {-1, -1}, {-1, -1}};
    pid_t child = -1;
    int status_bits = 0;
    *result = (struct r2g_child_result){.end = R2G_CHILD_EXITED, .exit_code = -1};
    r2g_status status = start(request, &pipes, &child, err);
    if (status == R2G_OK) {
        struct stream streams[2] = {{.fd = pipes.out[0]}, {.fd = pipes.error[0], .is_error = true}};
        int pid_fd = pidfd_open(child, 0);
        if (pid_fd < 0) { /* no descriptor to be had: it cannot be watched, so it must not run */
            status = r2g_fail_errno(err, R2G_EMPI, errno, "cannot watch a process");
            kill(-child, SIGKILL);
        } else {
            watch(request, streams, child, pid_fd, result);
            close(pid_fd);
            kill(-child, SIGKILL); /* what it left in its group, whose number is its own until it is waited for */
        }
        while (waitpid(child, &status_bits, 0) < 0 && errno == EINTR)
            ;
        for (int i = 0; i < 2; i++)
            drain(request, &streams[i]);
        pipes.out[0] = pipes.error[0] = -1;
        result->exit_code = WIFEXITED(status_bits) ? WEXITSTATUS(status_bits) : -1;
        result->signal = WIFSIGNALED(status_bits) ? WTERMSIG(status_bits) : 0;
        if (result->end == R2G_CHILD_EXITED && result->signal)
            result->end = R2G_CHILD_SIGNALLED;
    }
    close_all(&pipes.input, 1);
    close_all(pipes.out, 2);
    close_all(pipes.error, 2);
    close_all(pipes.failure, 2);
    return status;
}
