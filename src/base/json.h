/* JSON for programs, through libjansson with memory from base. Main thread only, but for what says otherwise. */
#ifndef R2G_BASE_JSON_H
#define R2G_BASE_JSON_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include <rgb2gray/status.h>

/* Makes jansson take its memory through base/buffer.h. Call once, first. */
void r2g_json_init(void);

/* A string value of any bytes: what is not UTF-8 becomes '?'. NULL when out of memory. */
json_t *r2g_json_text(const char *text);
/* A number, or null where it is below 0 (unknown). */
json_t *r2g_json_known(int64_t value);

/* Parses a whole file of at most max_nbytes; NULL where it is longer, cannot be read or is no JSON. In one read, where
 * jansson's own way from a descriptor takes one for each byte. Any thread. */
json_t *r2g_json_read(int fd, uint64_t max_nbytes);

/* Prints `value` as one line and releases it; NULL is one that there was no memory for. R2G_ENOMEM, R2G_EOUTPUT. */
R2G_MUST_CHECK r2g_status r2g_json_line(FILE *file, json_t *value, struct r2g_error *err);

#endif
