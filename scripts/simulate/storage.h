/* Simulated time, for model.c: what SMPI offers to C++ alone. */
#ifndef R2G_SIMULATE_STORAGE_H
#define R2G_SIMULATE_STORAGE_H

#include <stdbool.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Keeps this rank's core busy for so long. */
void r2g_simulated_work(double ns);

/* Moves nbytes between this rank's host and the host `storage` (NULL: takes no time), over the simulated network. */
void r2g_simulated_transfer(const char *storage, bool to_storage, double nbytes);

/* Runs a function in a simulated process of its own on this rank's host; waits a little; waits for its end. One at a
 * time. */
void r2g_simulated_thread(void *(*run)(void *), void *user);
void r2g_simulated_pause(void);
void r2g_simulated_join(void);

/* The id of the process in which all ranks run. */
pid_t r2g_simulated_process(void);

#ifdef __cplusplus
}
#endif

#endif
