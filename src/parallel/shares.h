/* How many row blocks of a band each rank gets. A pure function of what was measured; no MPI. */
#ifndef R2G_PARALLEL_SHARES_H
#define R2G_PARALLEL_SHARES_H

#include <stdint.h>

/* Shares out `block_count` blocks so that all ranks finish together as nearly as whole blocks allow: block_ns[r] is what
 * one block takes rank r (0: not measured yet, taken as the mean of the measured ones, or else as rank 0's other work
 * for a block), and rank 0 has root_ns of other work in the same time. Rank 0 gets root_most blocks at most, another rank
 * `most`; together no fewer than block_count. Writes share[0 .. size); order[0 .. size) is scratch. Pure. */
void r2g_shares_assign(uint32_t *share, int *order, int size, uint32_t block_count, const int64_t *block_ns,
                       int64_t root_ns, uint32_t root_most, uint32_t most);

#endif
