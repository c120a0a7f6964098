/* Allocator hooks on a budget. Ownership and threading: see zlib_memory.h. */
#include "deflate/zlib_memory.h"

#include "base/size.h"

static void note_refusal(struct r2g_zlib_memory *memory, size_t nbytes) {
    struct r2g_error *refusal = &memory->refusal;
    if (refusal->status != R2G_OK) {
        return;
    }
    refusal->status = r2g_budget_check(memory->budget, nbytes, memory->what, refusal);
    if (refusal->status == R2G_OK) {
        refusal->status = r2g_fail(refusal, R2G_ENOMEM, "out of memory: %s needs %zu bytes", memory->what, nbytes);
    }
}

void *r2g_zlib_memory_take(struct r2g_zlib_memory *memory, size_t nbytes) {
    void *pointer = nbytes > 0 ? r2g_budget_alloc(memory->budget, nbytes) : NULL;
    if (pointer == NULL) {
        note_refusal(memory, nbytes);
    }
    return pointer;
}

void *r2g_zlib_alloc(void *memory, unsigned item_count, unsigned item_nbytes) {
    size_t nbytes;
    return r2g_size_mul(item_count, item_nbytes, &nbytes) ? r2g_zlib_memory_take(memory, nbytes) : NULL;
}

void r2g_zlib_free(void *memory, void *pointer) {
    (void)memory;
    r2g_budget_free(pointer);
}

r2g_status r2g_zlib_memory_refused(const struct r2g_zlib_memory *memory, struct r2g_error *err) {
    if (memory->refusal.status == R2G_OK) {
        return r2g_fail(err, R2G_ENOMEM, "out of memory: %s", memory->what);
    }
    if (err != NULL) {
        *err = memory->refusal;
    }
    return memory->refusal.status;
}
