/* The roof of memory: how fast several processes at once can copy. */
#ifndef R2G_CLI_SCALING_COPY_H
#define R2G_CLI_SCALING_COPY_H

/* 10^9 bytes a second, read and written, of `processes` copies (memcpy) at once, each between two buffers of its own that
 * together are larger than caches are: the sum of their rates over the same tenth of a second. NAN where it cannot be
 * measured (no memory, no processes). Starts child processes and waits for them; call from the main thread, before there
 * are others. */
double r2g_scaling_copy_gbs(int processes);

#endif
