/* What mpirun says on its standard error, told apart from what its ranks say there.
 *
 * mpirun puts its own words between two lines of 74 dashes. They are kept and looked through for what ended a run; all
 * else is passed on as it comes, bars and JSON events in the middle of a line too. A plain value, owned by the caller;
 * one thread at a time.
 */
#ifndef R2G_CLI_LAUNCH_SAID_H
#define R2G_CLI_LAUNCH_SAID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct r2g_cli_said {
    char text[8192];     /* mpirun's words so far, without the dashes, NUL-terminated; what is too much is dropped */
    size_t nbytes;       /* of them */
    size_t block_nbytes; /* of the block that has begun and not yet ended */
    size_t dashes;       /* at the end of what was read, not yet known to be a line of them */
    bool in_block;
};

/* Takes the next bytes; writes those that are not mpirun's to `out`. *said is zeroed before the first call. */
void r2g_cli_said_take(struct r2g_cli_said *said, const char *bytes, size_t nbytes, FILE *out);

/* There is no more: writes what was held back to `out`, a block without an end too. */
void r2g_cli_said_end(struct r2g_cli_said *said, FILE *out);

/* True if mpirun has lost a host; its name, as mpirun tells it, goes into `host`. */
bool r2g_cli_said_lost_host(const struct r2g_cli_said *said, char *host, size_t host_nbytes);

/* True if mpirun tells of a rank that a signal ended. */
bool r2g_cli_said_killed_rank(const struct r2g_cli_said *said, int *rank, int *signal_number, char *host,
                              size_t host_nbytes);

#endif
