/* Allocator hooks for zlib (and libpng) on a budget, so that a refusal can be told from damaged data.
 *
 * The struct belongs to the owner of the library's state and outlives it; one thread at a time.
 */
#ifndef R2G_DEFLATE_ZLIB_MEMORY_H
#define R2G_DEFLATE_ZLIB_MEMORY_H

#include <stddef.h>

#include "base/buffer.h"

struct r2g_zlib_memory {
    struct r2g_budget *budget; /* NULL: no limit */
    const char *what;          /* for messages: what the memory is for */
    struct r2g_error refusal;  /* the first refusal (R2G_ELIMIT or R2G_ENOMEM); status R2G_OK while there was none */
};

/* Takes nbytes, or returns NULL and notes the refusal: at once, since a library that is refused memory gives back other
 * memory before it reports that, and then the budget no longer shows why. Free with r2g_budget_free. */
void *r2g_zlib_memory_take(struct r2g_zlib_memory *memory, size_t nbytes);

/* For z_stream.zalloc and zfree, with the struct above as z_stream.opaque. */
void *r2g_zlib_alloc(void *memory, unsigned item_count, unsigned item_nbytes);
void r2g_zlib_free(void *memory, void *pointer);

/* Passes the refusal on, after a library said that it was refused memory. */
R2G_MUST_CHECK r2g_status r2g_zlib_memory_refused(const struct r2g_zlib_memory *memory, struct r2g_error *err);

#endif
