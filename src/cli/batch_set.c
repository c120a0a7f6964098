#include "cli/batch_set.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

#define FIRST_CAPACITY UINT64_C(4096)
#define SLOT_NBYTES (2 * sizeof(uint64_t))

static uint64_t hash_on(uint64_t hash, const char *name) {
    for (const unsigned char *byte = (const unsigned char *)name; *byte; byte++)
        hash = (hash ^ *byte) * UINT64_C(1099511628211);
    /* FNV's low bits are weak: the finalizer of MurmurHash3 */
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    hash ^= hash >> 33;
    return hash ? hash : 1;
}

uint64_t r2g_batch_hash(const char *name) {
    return hash_on(UINT64_C(14695981039346656037), name);
}

uint64_t r2g_batch_key(const char *input, const char *output) {
    return hash_on(r2g_batch_hash(input), output);
}

static r2g_status make_table(struct r2g_batch_set *set, uint64_t capacity, struct r2g_error *err) {
    *set = (struct r2g_batch_set){.capacity = capacity, .fd = -1};
    int error = r2g_file_open_temporary(&set->fd);
    /* allocated, not just long: a full disk would otherwise be a SIGBUS later */
    if (error == 0)
        error = posix_fallocate(set->fd, 0, (off_t)(capacity * SLOT_NBYTES));
    void *mapped = MAP_FAILED;
    if (error == 0) {
        mapped = mmap(NULL, capacity * SLOT_NBYTES, PROT_READ | PROT_WRITE, MAP_SHARED, set->fd, 0);
        error = mapped == MAP_FAILED ? errno : 0;
    }
    if (error == 0) {
        set->slots = mapped;
        return R2G_OK;
    }
    return r2g_fail_errno(err, R2G_EOUTPUT, error,
                          "cannot keep the list of outputs in the temporary folder %s (TMPDIR names another)",
                          r2g_file_temporary_folder());
}

r2g_status r2g_batch_set_open(struct r2g_batch_set *set, struct r2g_error *err) {
    return make_table(set, FIRST_CAPACITY, err);
}

void r2g_batch_set_close(struct r2g_batch_set *set) {
    if (set->slots)
        munmap(set->slots, set->capacity * SLOT_NBYTES);
    if (set->slots || set->fd > 0)
        close(set->fd);
    *set = (struct r2g_batch_set){.fd = -1};
}

/* The key's slot, or the free one where it belongs. */
static uint64_t *slot_of(const struct r2g_batch_set *set, uint64_t key) {
    uint64_t at = key & (set->capacity - 1);
    while (set->slots[2 * at] && set->slots[2 * at] != key)
        at = (at + 1) & (set->capacity - 1);
    return set->slots + 2 * at;
}

static r2g_status grow(struct r2g_batch_set *set, struct r2g_error *err) {
    struct r2g_batch_set larger;
    r2g_status status = make_table(&larger, set->capacity * 4, err);
    if (status != R2G_OK) {
        r2g_batch_set_close(&larger);
        return status;
    }
    for (uint64_t i = 0; i < set->capacity; i++) {
        if (set->slots[2 * i]) {
            uint64_t *slot = slot_of(&larger, set->slots[2 * i]);
            slot[0] = set->slots[2 * i];
            slot[1] = set->slots[2 * i + 1];
        }
    }
    larger.count = set->count;
    r2g_batch_set_close(set);
    *set = larger;
    return R2G_OK;
}

r2g_status r2g_batch_set_mark(struct r2g_batch_set *set, uint64_t key, uint64_t marks, uint64_t *before,
                              struct r2g_error *err) {
    if (set->count * 4 >= set->capacity * 3) {
        r2g_status status = grow(set, err);
        if (status != R2G_OK)
            return status;
    }
    uint64_t *slot = slot_of(set, key);
    set->count += slot[0] == 0;
    slot[0] = key;
    *before = slot[1];
    slot[1] |= marks;
    return R2G_OK;
}

uint64_t r2g_batch_set_marks(const struct r2g_batch_set *set, uint64_t key) {
    return slot_of(set, key)[1];
}
