#include "gateway/guard_table.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* FNV-1a, begun with the seed. */
static uint64_t hash(uint64_t seed, const char *key) {
    uint64_t value = seed ^ UINT64_C(0xcbf29ce484222325);
    for (; *key; key++)
        value = (value ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
    return value ^ value >> 32;
}

/* The entry of this key; a new one, in place of the one unused longest, unless `only_known`. NULL where there is none. */
static struct r2g_guard_entry *find(struct r2g_guard_table *table, const char *key, bool only_known) {
    struct r2g_guard_entry *set = table->entries[hash(table->seed, key) % R2G_GUARD_SETS];
    struct r2g_guard_entry *oldest = NULL;
    for (int i = 0; i < R2G_GUARD_WAYS; i++) {
        if (strcmp(set[i].key, key) == 0)
            return &set[i];
        if (set[i].inside == 0 && (!oldest || set[i].used_ns < oldest->used_ns))
            oldest = &set[i];
    }
    if (!oldest || only_known)
        return NULL;
    memset(oldest, 0, sizeof *oldest);
    snprintf(oldest->key, sizeof oldest->key, "%s", key);
    return oldest;
}

bool r2g_guard_table_take(struct r2g_guard_table *table, const char *key, int64_t every_ns, unsigned burst,
                          int64_t *wait_ns) {
    struct r2g_guard_entry *entry = find(table, key, false);
    int64_t now = r2g_clock_ns(), ahead_ns = every_ns * (burst - 1);
    *wait_ns = every_ns;
    if (!entry)
        return false;
    entry->used_ns = now;
    int64_t due = entry->due_ns > now ? entry->due_ns : now;
    *wait_ns = due - now - ahead_ns;
    if (*wait_ns > 0)
        return false;
    entry->due_ns = due + every_ns;
    return true;
}

bool r2g_guard_table_enter(struct r2g_guard_table *table, const char *key, unsigned most) {
    struct r2g_guard_entry *entry = find(table, key, false);
    if (!entry)
        return false;
    bool allowed = entry->inside < most;
    if (allowed) {
        entry->inside++;
        entry->used_ns = r2g_clock_ns();
    }
    return allowed;
}

void r2g_guard_table_leave(struct r2g_guard_table *table, const char *key) {
    struct r2g_guard_entry *entry = find(table, key, true);
    if (entry && entry->inside > 0)
        entry->inside--;
}
