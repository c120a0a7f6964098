/* A process of its own: started with nothing of ours but what it is told, watched, and ended for sure.
 *
 * The child leads a session and process group of its own, is killed when the thread that started it ends (so that thread
 * must wait for it), has limits on memory, file size, time and descriptors, an environment made from nothing, a working
 * folder, no descriptor but 0, 1 and 2, and no way to a shell. What it prints comes to the caller line by line; nothing
 * is kept. Between fork and exec only async-signal-safe functions are called, since other threads may hold locks.
 */
#ifndef R2G_GATEWAY_CHILD_H
#define R2G_GATEWAY_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <rgb2gray/status.h>

#include "gateway/settings.h"

#define R2G_CHILD_LINE_NBYTES 4096 /* longer ones are cut */

struct r2g_child_request {
    const char *const *arguments;   /* the first is the program's path; NULL-terminated */
    const char *const *environment; /* NULL-terminated */
    const char *folder;             /* to work in */
    const char *input;              /* text for its standard input (at most 4 KiB), or NULL: empty */
    uint64_t memory_nbytes;         /* address space of each process; 0: no limit */
    uint64_t file_nbytes;           /* of one file; 0: no limit */
    uint64_t cpu_s;                 /* of each process; 0: no limit */
    int64_t wall_ms;                /* 0: no limit */
    int stop_fd;                    /* readable: to be ended; -1: none */
    void (*line)(void *user, bool is_error, const char *line); /* a line of its output, or NULL */
    void *user;
};

enum r2g_child_end {
    R2G_CHILD_EXITED,    /* with exit_code */
    R2G_CHILD_SIGNALLED, /* by `signal` */
    R2G_CHILD_STOPPED,   /* through stop_fd */
    R2G_CHILD_TOO_LONG,  /* wall_ms */
};

struct r2g_child_result {
    enum r2g_child_end end;
    int exit_code;
    int signal;
};

/* Starts it and waits for its end: SIGTERM to its group when it is to end, SIGKILL three seconds later. R2G_EMPI with a
 * line where it cannot be started. */
R2G_MUST_CHECK r2g_status r2g_child_run(const struct r2g_child_request *request, struct r2g_child_result *result,
                                        struct r2g_error *err);

/* An environment of PATH, HOME, LANG, TMPDIR=`tmp`, Open MPI's parameters of the settings, what of the gateway's own concerns
 * Open MPI, Slurm and the sanitizers, and RGB2GRAY_JOB=`mark` (NULL: none). One block: free() it. NULL: no memory. */
const char **r2g_child_environment(const struct r2g_settings *settings, const char *tmp, const char *mark,
                                   struct r2g_error *err);

/* Kills every process of this user that has RGB2GRAY_JOB=`mark` in its environment, or, with a '.' at its end, any mark that
 * begins so; looks again until there is none, for at most timeout_ms. False if some are left. */
bool r2g_child_kill_marked(const char *mark, int timeout_ms);

#endif
