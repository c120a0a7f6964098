/* Running another program for a moment and reading what it prints. Main thread only. */
#ifndef R2G_CLI_CHILD_H
#define R2G_CLI_CHILD_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

enum { R2G_CHILD_NOT_STARTED = -1, R2G_CHILD_TIMED_OUT = -2, R2G_CHILD_STOPPED = -3 };

/* Runs words[0] (a path) with empty standard input and waits at most timeout_ms; then it is ended. What it prints on
 * standard output and error goes to `text`, cut to text_nbytes. Returns its exit code, 128 + the signal that ended it,
 * or one of the values above. *wall_ns is how long it took. */
int r2g_cli_child_run(const char *const *words, int timeout_ms, char *text, size_t text_nbytes, int64_t *wall_ns);

/* The same, until *stop is set (by a signal's handler): then the child is ended, and what it started with it. */
int r2g_cli_child_run_until(const char *const *words, int timeout_ms, const volatile sig_atomic_t *stop, char *text,
                            size_t text_nbytes, int64_t *wall_ns);

#endif
