/* Runs one command and measures it: timed RESULT_FILE STDOUT_FILE COMMAND [ARGUMENT]...
 *
 * RESULT_FILE receives one line: wall, user and system time in nanoseconds, the largest resident size of any one
 * process in KiB, and the exit status (128 + n after signal n). Wall time is from just before the command is started
 * until it has ended and been waited for. A program of its own, because Linux counts the size of a process's starter as
 * a lower bound of its own (getrusage(2), ru_maxrss over execve), and a small starter keeps that bound low.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int64_t to_ns(struct timeval time) {
    return (int64_t)time.tv_sec * 1000000000 + (int64_t)time.tv_usec * 1000;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fputs("usage: timed RESULT_FILE STDOUT_FILE COMMAND [ARGUMENT]...\n", stderr);
        return 2;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0666);
    pid_t child;
    int64_t begin = now_ns();
    int failure = posix_spawnp(&child, argv[3], &actions, NULL, argv + 3, environ);
    if (failure != 0) {
        fprintf(stderr, "timed: %s: %s\n", argv[3], strerror(failure));
        return 1;
    }
    int status;
    struct rusage usage;
    pid_t ended;
    do {
        ended = wait4(child, &status, 0, &usage);
    } while (ended < 0 && errno == EINTR);
    int64_t wall = now_ns() - begin;
    posix_spawn_file_actions_destroy(&actions);
    FILE *file = fopen(argv[1], "w");
    if (ended < 0 || file == NULL) {
        perror("timed");
        return 1;
    }
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    fprintf(file, "%" PRId64 " %" PRId64 " %" PRId64 " %ld %d\n", wall, to_ns(usage.ru_utime), to_ns(usage.ru_stime),
            usage.ru_maxrss, code);
    return fclose(file) == 0 ? 0 : 1;
}
