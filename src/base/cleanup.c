/* Temporary files that must not outlive a signal.
 *
 * Each slot is free, busy (being filled, or being unlinked by the handler) or used; every change of state is one atomic
 * step. The handler makes a slot busy before it reads the path, so no other thread can refill it meanwhile, and never
 * gives it back, since the process is ending. A slot belongs to the process that filled it: a forked child
 * inherits the table, but must not remove its parent's files.
 */
#include "base/cleanup.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define SLOTS 64
#define PATH_NBYTES 4096

enum { SLOT_FREE, SLOT_BUSY, SLOT_USED };

struct slot {
    atomic_int state;
    pid_t owner;
    char path[PATH_NBYTES];
};

static struct slot slots[SLOTS];
static const char *last_line;
static size_t last_line_nbytes;
static atomic_bool ending;

static const int caught_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};

int r2g_cleanup_add(const char *path) {
    size_t nbytes = strlen(path) + 1;
    if (nbytes > PATH_NBYTES) {
        return -1;
    }
    for (int i = 0; i < SLOTS; i++) {
        int expected = SLOT_FREE;
        if (atomic_compare_exchange_strong(&slots[i].state, &expected, SLOT_BUSY)) {
            memcpy(slots[i].path, path, nbytes);
            slots[i].owner = getpid();
            atomic_store(&slots[i].state, SLOT_USED);
            return i;
        }
    }
    return -1;
}

void r2g_cleanup_remove(int slot) {
    if (slot >= 0 && slot < SLOTS) {
        int expected = SLOT_USED; /* if the handler has it, it stays with the handler */
        atomic_compare_exchange_strong(&slots[slot].state, &expected, SLOT_FREE);
    }
}

/* Calls async-signal-safe functions only. Unlinks first: writing to a full terminal or pipe may block. A second signal
 * may reach another thread meanwhile (the death of a parent with threads is told once for each of them): the first one's
 * handler ends the process. */
static void handle(int signal_number) {
    if (atomic_exchange(&ending, true)) {
        return;
    }
    int saved_errno = errno;
    pid_t self = getpid();
    for (int i = 0; i < SLOTS; i++) {
        int expected = SLOT_USED;
        if (atomic_compare_exchange_strong(&slots[i].state, &expected, SLOT_BUSY) && slots[i].owner == self) {
            unlink(slots[i].path);
        }
    }
    if (last_line != NULL) {
        ssize_t written = write(STDERR_FILENO, last_line, last_line_nbytes);
        if (written == (ssize_t)last_line_nbytes && last_line[last_line_nbytes - 1] != '\n') {
            written = write(STDERR_FILENO, "\n", 1);
        }
        (void)written; /* nobody is left to tell */
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number); /* stays pending until this handler returns, then ends the process */
    errno = saved_errno;
}

void r2g_cleanup_install(const char *line) {
    last_line = line != NULL && line[0] != '\0' ? line : NULL;
    last_line_nbytes = last_line != NULL ? strlen(last_line) : 0;
    struct sigaction action = {.sa_handler = handle};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof caught_signals / sizeof caught_signals[0]; i++) {
        sigaddset(&action.sa_mask, caught_signals[i]);
    }
    for (size_t i = 0; i < sizeof caught_signals / sizeof caught_signals[0]; i++) {
        /* What the parent chose to ignore (nohup, a shell's background job) stays ignored. */
        struct sigaction before;
        if (sigaction(caught_signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(caught_signals[i], &action, NULL);
        }
    }
}
