/* Fault injection: makes the n-th allocation, read, write or MPI call fail, so that tests reach every error path.
 *
 * Compiled in only with -DRGB2GRAY_FAULTS=ON; otherwise r2g_fault() is constant false and costs nothing.
 * Environment: RGB2GRAY_FAULT="kind:n" (kind alloc, read, write or mpi; n counts from 1) arms one site;
 * RGB2GRAY_FAULT_RANK=r arms it on that rank only (OMPI_COMM_WORLD_RANK or PMIX_RANK; without them the rank is 0).
 * RGB2GRAY_FAULT_LOG=FILE appends, at exit, one line "rank kind count" for each kind: how many sites were passed.
 */
#ifndef R2G_BASE_FAULT_H
#define R2G_BASE_FAULT_H

#include <stdbool.h>

enum r2g_fault_kind { R2G_FAULT_ALLOC, R2G_FAULT_READ, R2G_FAULT_WRITE, R2G_FAULT_MPI, R2G_FAULT_KINDS };

#ifdef RGB2GRAY_FAULTS
/* Passes one site of `kind`; true if this is the one that shall fail. */
bool r2g_fault(enum r2g_fault_kind kind);
#else
static inline bool r2g_fault(enum r2g_fault_kind kind) {
    (void)kind;
    return false;
}
#endif

#endif
