/* The line that is kept of one image: of the journal, and so of the statistics. */
#ifndef R2G_CLI_BATCH_RECORD_H
#define R2G_CLI_BATCH_RECORD_H

#include <jansson.h>
#include <limits.h>
#include <stdint.h>

#include "base/buffer.h"
#include "cli/batch_queue.h"
#include "pipeline/report.h"

struct r2g_batch_record {
    const struct r2g_batch_item *item; /* known by r2g_batch_identify, from before the work */
    const struct r2g_report *report;   /* zeroed where the work did not come so far */
    const struct r2g_error *err;       /* status R2G_OK: done */
    int rank;                          /* that converted it, or rank 0 for a split one */
    const char *host;                  /* of that rank */
    const char *sha256;                /* of the output, hexadecimal; "" where none was wanted */
};

/* JSON in one line, without its end; NULL when out of memory. Free with r2g_budget_free. */
char *r2g_batch_record_line(const struct r2g_batch_record *record);

/* The string `member` of a line, "input" and "output" byte for byte: in member_hex, two hexadecimal digits a byte, where
 * they are no UTF-8. In `room`, or in the line; NULL where there is none. */
enum { R2G_BATCH_NAME_MAX = PATH_MAX };
const char *r2g_batch_line_name(const json_t *line, const char *member, char room[R2G_BATCH_NAME_MAX + 1]);

/* The statistics' columns, in order, NULL-terminated: names of the line's members. Times are nanoseconds (_ns): wall time
 * of the conversion, and by phase the most that one rank took. */
extern const char *const r2g_batch_columns[];

/* One row of CSV (RFC 4180), or with line NULL the row of names, appended to *text. R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_batch_csv_row(const json_t *line, struct r2g_buffer *text, struct r2g_error *err);

#endif
