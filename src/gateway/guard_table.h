/* What the guard remembers of clients: a bounded table, which forgets those that were silent longest.
 *
 * Not locked: the guard does that. A client is found by a keyed hash, in a set of a few, so that nobody can choose names
 * that make the search long.
 */
#ifndef R2G_GATEWAY_GUARD_TABLE_H
#define R2G_GATEWAY_GUARD_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define R2G_GUARD_SETS 256
#define R2G_GUARD_WAYS 8

struct r2g_guard_entry {
    char key[80];    /* "": free */
    unsigned inside; /* entered and not left */
    int64_t due_ns;  /* when the last request taken was due at the steady rate */
    int64_t used_ns;
};

struct r2g_guard_table {
    uint64_t seed;
    struct r2g_guard_entry entries[R2G_GUARD_SETS][R2G_GUARD_WAYS];
};

/* Takes one request: `burst` may come at once, else one each `every_ns`. False: *wait_ns until the next. */
bool r2g_guard_table_take(struct r2g_guard_table *table, const char *key, int64_t every_ns, unsigned burst,
                          int64_t *wait_ns);
/* Counts one more inside; false, and not counted, where there are `most` already. */
bool r2g_guard_table_enter(struct r2g_guard_table *table, const char *key, unsigned most);
void r2g_guard_table_leave(struct r2g_guard_table *table, const char *key);

#endif
