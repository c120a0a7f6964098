/* Option values as people write them. Pure functions; R2G_EUSAGE names the option, which is
 * passed as the user wrote it ("--quality", "-n"), and what it takes. */
#ifndef R2G_BASE_VALUES_H
#define R2G_BASE_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include <rgb2gray/status.h>

/* A whole decimal number from `least` to `most`. */
R2G_MUST_CHECK r2g_status r2g_value_number(const char *option, const char *text, uint64_t least, uint64_t most,
                                         uint64_t *value, struct r2g_error *err);

/* A count with an optional decimal suffix k, M or G (10^3, 10^6, 10^9), such as "500M". */
R2G_MUST_CHECK r2g_status r2g_value_count(const char *option, const char *text, uint64_t *value, struct r2g_error *err);

/* A size in bytes with an optional binary suffix K or KiB, M or MiB, G or GiB (2^10, 2^20, 2^30). */
R2G_MUST_CHECK r2g_status r2g_value_size(const char *option, const char *text, uint64_t *nbytes, struct r2g_error *err);

/* A colour: white, black, #RGB, #RRGGBB, or R,G,B from 0 to 255. */
R2G_MUST_CHECK r2g_status r2g_value_colour(const char *option, const char *text, uint8_t rgb[3], struct r2g_error *err);

/* The index of `text` in a NULL-terminated list of words; the error lists them and offers the nearest. */
R2G_MUST_CHECK r2g_status r2g_value_word(const char *option, const char *text, const char *const *words, int *index,
                                       struct r2g_error *err);

/* The word of a NULL-terminated list that differs from `text` by at most two letters, or NULL. */
const char *r2g_value_nearest(const char *text, const char *const *words);

#endif
