/* Memory under a budget.
 *
 * All memory whose size depends on an input is taken through a struct r2g_budget (--mem-limit) and given back to it.
 * A budget may be shared by threads; a buffer belongs to one owner.
 */
#ifndef R2G_BASE_BUFFER_H
#define R2G_BASE_BUFFER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <rgb2gray/status.h>

struct r2g_budget {
    uint64_t limit_nbytes; /* 0: no limit */
    _Atomic uint64_t used_nbytes;
};

/* Checks that `nbytes` more would fit, without taking them. R2G_ELIMIT names `what` and both sizes. */
R2G_MUST_CHECK r2g_status r2g_budget_check(const struct r2g_budget *budget, uint64_t nbytes, const char *what,
                                           struct r2g_error *err);

/* Raw memory for libraries with allocator hooks: takes nbytes (> 0), 64-byte aligned, not cleared; NULL when over the
 * budget or out of memory. Free with r2g_budget_free (NULL does nothing). budget may be NULL: no limit. */
void *r2g_budget_alloc(struct r2g_budget *budget, size_t nbytes);
void r2g_budget_free(void *pointer);

/* A growable byte buffer. All zero is an empty one; set `budget` before the first use (NULL: no limit). */
struct r2g_buffer {
    uint8_t *bytes;  /* 64-byte aligned, NULL while empty */
    size_t nbytes;   /* used; the owner's to set */
    size_t capacity; /* taken */
    struct r2g_budget *budget;
};

/* Makes capacity >= `capacity`, keeping the first buffer->nbytes bytes. Grows at least by half when it was not empty.
 * `what` names the use in the message. R2G_ELIMIT over the budget, R2G_ENOMEM when the system refuses. */
R2G_MUST_CHECK r2g_status r2g_buffer_reserve(struct r2g_buffer *buffer, size_t capacity, const char *what,
                                             struct r2g_error *err);

/* Appends n bytes, growing as needed. */
R2G_MUST_CHECK r2g_status r2g_buffer_append(struct r2g_buffer *buffer, const void *bytes, size_t nbytes,
                                            struct r2g_error *err);

/* Gives the memory back and leaves the buffer empty (its budget stays). */
void r2g_buffer_free(struct r2g_buffer *buffer);

/* A zeroed small object of fixed size; NULL and R2G_ENOMEM in *err when the system refuses. Free with free(). */
void *r2g_new(size_t nbytes, struct r2g_error *err);

/* A copy of text, or of nbytes of it; the same contract. Free with free(). */
char *r2g_copy_text(const char *text, struct r2g_error *err);
uint8_t *r2g_copy_bytes(const void *bytes, size_t nbytes, struct r2g_error *err);

#endif
