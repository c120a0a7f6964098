/* What started this process, and the settings that make MPI start faster. Looks at the environment alone and needs no MPI,
 * so that a program can tell whether to load it.
 */
#ifndef R2G_PARALLEL_LAUNCHER_H
#define R2G_PARALLEL_LAUNCHER_H

#include <stdbool.h>

/* What started this process, told by its environment alone: no MPI call. */
enum r2g_launcher {
    R2G_LAUNCHER_NONE,    /* alone: never start MPI */
    R2G_LAUNCHER_OPENMPI, /* Open MPI's mpirun */
    R2G_LAUNCHER_PMIX,    /* srun --mpi=pmix, prun */
    R2G_LAUNCHER_FOREIGN, /* srun without PMIx, or another MPI's launcher: would start copies that know nothing of each
                             other */
};
enum r2g_launcher r2g_launcher_detect(int *rank_count);

/* Sets, where the user has not and all ranks are on one host, the Open MPI settings that save about 200 ms a start (pml
 * ob1: no search for network hardware; hwloc without its OpenCL and GL plugins). Call before r2g_comm_start, or before
 * an mpirun is started with this environment (`one_host`: no host file, no other hosts). */
void r2g_launch_settings(bool one_host);

#endif
