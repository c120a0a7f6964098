/* Temporary files that must not outlive a signal.
 *
 * The one piece of process-wide state: a fixed table of paths that the handlers of SIGINT, SIGTERM, SIGHUP and SIGXCPU
 * unlink before they end the process with that same signal. Registering is async-signal-safe against the handler.
 */
#ifndef R2G_BASE_CLEANUP_H
#define R2G_BASE_CLEANUP_H

/* Registers `path` (copied) and returns a slot >= 0, or -1 when the table is full or the path too long. */
int r2g_cleanup_add(const char *path);
/* Forgets the slot; -1 does nothing. */
void r2g_cleanup_remove(int slot);
/* Installs the handlers. They write `line` (static storage; NULL: nothing) to stderr, unlink, and re-raise. */
void r2g_cleanup_install(const char *line);

#endif
