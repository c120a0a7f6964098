/* Reading and writing whole counts of bytes on a descriptor, for source.c and output.c.
 *
 * Each function goes on after EINTR and short counts, waits where a descriptor is non-blocking, and passes the fault
 * injection sites. They return 0 or an errno value and leave the wording to the caller. Any thread.
 */
#ifndef R2G_BASE_FILE_H
#define R2G_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads up to nbytes at `offset`; *got_nbytes is short only at the end of the file. */
int r2g_file_read_at(int fd, uint64_t offset, void *bytes, size_t nbytes, size_t *got_nbytes);
/* Reads row_count rows of row_nbytes each that begin at `offset`, with gap_nbytes between them in the file: the first one
 * to `rows`, each next one `stride` bytes on (negative: back) in memory. *complete is false if the file ends before. */
int r2g_file_read_rows_at(int fd, uint64_t offset, size_t row_nbytes, size_t gap_nbytes, uint8_t *rows,
                          ptrdiff_t stride, size_t row_count, bool *complete);
/* Reads what is there next, at most nbytes; *got_nbytes is 0 at the end only. */
int r2g_file_read_next(int fd, void *bytes, size_t nbytes, size_t *got_nbytes);
/* Writes all nbytes at `offset`, or next. */
int r2g_file_write_at(int fd, uint64_t offset, const void *bytes, size_t nbytes);
int r2g_file_write_next(int fd, const void *bytes, size_t nbytes);

/* The folder for temporary copies: $TMPDIR, else /tmp. */
const char *r2g_file_temporary_folder(void);
/* Opens a new file without a name in that folder, readable by this user only. */
int r2g_file_open_temporary(int *fd);

#endif
