/* Arithmetic on sizes that come from files: every product and sum is checked. Pure functions. */
#ifndef R2G_BASE_SIZE_H
#define R2G_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* *out = a * b (or a + b); false if it does not fit. */
static inline bool r2g_size_mul(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool r2g_size_add(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }
static inline bool r2g_u64_mul(uint64_t a, uint64_t b, uint64_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool r2g_u64_add(uint64_t a, uint64_t b, uint64_t *out) { return !__builtin_add_overflow(a, b, out); }

static inline uint64_t r2g_u64_min(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t r2g_u64_max(uint64_t a, uint64_t b) { return a > b ? a : b; }

#endif
