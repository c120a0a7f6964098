/* Memory under a budget.
 *
 * Each block has a header of 64 bytes in front that holds its size and budget, so that freeing needs only the pointer
 * and the block stays aligned to 64 bytes. What counts against the budget is what was asked for, without headers.
 */
#include "base/buffer.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fault.h"
#include "base/size.h"

#define ALIGNMENT 64
#define HUGE_PAGES_FROM ((size_t)4 << 20)
#define PAGE_NBYTES ((uintptr_t)4096)

struct block_header {
    alignas(ALIGNMENT) struct r2g_budget *budget;
    size_t nbytes;
};
_Static_assert(sizeof(struct block_header) == ALIGNMENT, "the block after the header must stay aligned");

static bool fits(const struct r2g_budget *budget, uint64_t used_nbytes, uint64_t nbytes) {
    uint64_t sum;
    return r2g_u64_add(used_nbytes, nbytes, &sum) && (budget->limit_nbytes == 0 || sum <= budget->limit_nbytes);
}

static r2g_status fail_limit(const struct r2g_budget *budget, uint64_t used_nbytes, uint64_t nbytes, const char *what,
                             struct r2g_error *err) {
    return r2g_fail(err, R2G_ELIMIT,
                    "%s needs %" PRIu64 " bytes, but %" PRIu64 " of the memory limit of %" PRIu64
                    " bytes are in use (--mem-limit sets it)",
                    what, nbytes, used_nbytes, budget->limit_nbytes);
}

r2g_status r2g_budget_check(const struct r2g_budget *budget, uint64_t nbytes, const char *what, struct r2g_error *err) {
    if (budget == NULL) {
        return R2G_OK;
    }
    uint64_t used_nbytes = atomic_load_explicit(&budget->used_nbytes, memory_order_relaxed);
    return fits(budget, used_nbytes, nbytes) ? R2G_OK : fail_limit(budget, used_nbytes, nbytes, what, err);
}

/* Counts nbytes in one atomic step, so that threads together never pass the limit. */
static r2g_status budget_take(struct r2g_budget *budget, uint64_t nbytes, const char *what, struct r2g_error *err) {
    if (budget == NULL) {
        return R2G_OK;
    }
    uint64_t used_nbytes = atomic_load_explicit(&budget->used_nbytes, memory_order_relaxed);
    do {
        if (!fits(budget, used_nbytes, nbytes)) {
            return fail_limit(budget, used_nbytes, nbytes, what, err);
        }
    } while (!atomic_compare_exchange_weak(&budget->used_nbytes, &used_nbytes, used_nbytes + nbytes));
    return R2G_OK;
}

static void budget_give(struct r2g_budget *budget, uint64_t nbytes) {
    if (budget != NULL) {
        atomic_fetch_sub(&budget->used_nbytes, nbytes);
    }
}

/* Asks for huge pages: large buffers are walked from end to end, and page faults cost more than the copy itself. */
static void advise_huge_pages(void *block, size_t nbytes) {
    uintptr_t start = ((uintptr_t)block + PAGE_NBYTES - 1) & ~(PAGE_NBYTES - 1);
    uintptr_t end = ((uintptr_t)block + nbytes) & ~(PAGE_NBYTES - 1);
    (void)madvise((void *)start, end - start, MADV_HUGEPAGE); /* a hint: where it is refused nothing is lost */
}

static r2g_status block_take(struct r2g_budget *budget, size_t nbytes, const char *what, void **block,
                             struct r2g_error *err) {
    r2g_status status = budget_take(budget, nbytes, what, err);
    if (status != R2G_OK) {
        return status;
    }
    /* aligned_alloc wants a multiple of the alignment. */
    size_t total_nbytes;
    struct block_header *header = NULL;
    if (r2g_size_add(nbytes, sizeof *header + ALIGNMENT - 1, &total_nbytes) && !r2g_fault(R2G_FAULT_ALLOC)) {
        header = aligned_alloc(ALIGNMENT, total_nbytes & ~(size_t)(ALIGNMENT - 1));
    }
    if (header == NULL) {
        budget_give(budget, nbytes);
        return r2g_fail(err, R2G_ENOMEM, "out of memory: %s needs %zu bytes", what, nbytes);
    }
    header->budget = budget;
    header->nbytes = nbytes;
    *block = header + 1;
    if (nbytes >= HUGE_PAGES_FROM) {
        advise_huge_pages(*block, nbytes);
    }
    return R2G_OK;
}

void *r2g_budget_alloc(struct r2g_budget *budget, size_t nbytes) {
    void *block = NULL;
    return block_take(budget, nbytes, "", &block, NULL) == R2G_OK ? block : NULL;
}

void r2g_budget_free(void *pointer) {
    if (pointer != NULL) {
        struct block_header *header = (struct block_header *)pointer - 1;
        budget_give(header->budget, header->nbytes);
        free(header);
    }
}

r2g_status r2g_buffer_reserve(struct r2g_buffer *buffer, size_t capacity, const char *what, struct r2g_error *err) {
    if (capacity <= buffer->capacity) {
        return R2G_OK;
    }
    size_t old_capacity = buffer->capacity;
    if (buffer->nbytes == 0) {
        r2g_buffer_free(buffer); /* nothing to keep, so old and new need not fit into the budget together */
    }
    size_t grown;
    void *block = NULL;
    r2g_status status = R2G_ELIMIT;
    /* Growing by half makes appending linear; where only that is too much, the wanted size may still fit. */
    if (r2g_size_add(old_capacity, old_capacity / 2, &grown) && grown > capacity) {
        status = block_take(buffer->budget, grown, what, &block, NULL);
    }
    if (status == R2G_OK) {
        capacity = grown;
    } else {
        status = block_take(buffer->budget, capacity, what, &block, err);
        if (status != R2G_OK) {
            return status;
        }
    }
    if (buffer->nbytes > 0) {
        memcpy(block, buffer->bytes, buffer->nbytes);
    }
    r2g_budget_free(buffer->bytes);
    buffer->bytes = block;
    buffer->capacity = capacity;
    return R2G_OK;
}

r2g_status r2g_buffer_append(struct r2g_buffer *buffer, const void *bytes, size_t nbytes, struct r2g_error *err) {
    size_t total_nbytes;
    if (!r2g_size_add(buffer->nbytes, nbytes, &total_nbytes)) {
        return r2g_fail(err, R2G_ELIMIT, "data is too long for this machine");
    }
    r2g_status status = r2g_buffer_reserve(buffer, total_nbytes, "data", err);
    if (status != R2G_OK) {
        return status;
    }
    if (nbytes > 0) {
        memcpy(buffer->bytes + buffer->nbytes, bytes, nbytes);
    }
    buffer->nbytes = total_nbytes;
    return R2G_OK;
}

void r2g_buffer_free(struct r2g_buffer *buffer) {
    r2g_budget_free(buffer->bytes);
    buffer->bytes = NULL;
    buffer->nbytes = 0;
    buffer->capacity = 0;
}

void *r2g_new(size_t nbytes, struct r2g_error *err) {
    void *object = r2g_fault(R2G_FAULT_ALLOC) ? NULL : calloc(1, nbytes > 0 ? nbytes : 1);
    if (object == NULL) {
        (void)r2g_fail(err, R2G_ENOMEM, "out of memory: %zu bytes were refused", nbytes);
    }
    return object;
}

char *r2g_copy_text(const char *text, struct r2g_error *err) {
    return (char *)r2g_copy_bytes(text, strlen(text) + 1, err);
}

uint8_t *r2g_copy_bytes(const void *bytes, size_t nbytes, struct r2g_error *err) {
    uint8_t *copy = r2g_new(nbytes, err);
    if (copy != NULL && nbytes > 0) {
        memcpy(copy, bytes, nbytes);
    }
    return copy;
}
