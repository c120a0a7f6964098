/* JSON for programs, through libjansson with memory from base. Main thread only. */
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

/* Prints `value` as one line and releases it; NULL is one that there was no memory for. R2G_ENOMEM, R2G_EOUTPUT. */
R2G_MUST_CHECK r2g_status r2g_json_line(FILE *file, json_t *value, struct r2g_error *err);

#endif
