/* An input file, read at any offset.
 *
 * Regular files are read where they lie. Standard input ("-"), pipes and FIFOs are first copied to an unlinked
 * temporary file in $TMPDIR (default /tmp), so that every reader can seek and memory stays flat. Not thread-safe only
 * in open and close; read_at may be called from any thread.
 */
#ifndef R2G_BASE_SOURCE_H
#define R2G_BASE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rgb2gray/status.h>

struct r2g_source {
    int fd;
    uint64_t nbytes;  /* size when opened */
    char *name;       /* for messages: the path, or "standard input" */
    bool spooled;     /* a private copy that only this process can read */
};

/* Opens `path` ("-" is standard input). R2G_EINPUT if it cannot be opened or is a folder; R2G_ECORRUPT if empty. */
R2G_MUST_CHECK r2g_status r2g_source_open(struct r2g_source **source, const char *path, struct r2g_error *err);
void r2g_source_close(struct r2g_source *source);

/* Reads up to nbytes at `offset`; *got_nbytes is short only at the end of the file. R2G_EINPUT on a read error. */
R2G_MUST_CHECK r2g_status r2g_source_read_at(const struct r2g_source *source, uint64_t offset, void *bytes,
                                             size_t nbytes, size_t *got_nbytes, struct r2g_error *err);

/* The same for exactly nbytes: R2G_ECORRUPT "file ends early" if the file is shorter. */
R2G_MUST_CHECK r2g_status r2g_source_read_exact(const struct r2g_source *source, uint64_t offset, void *bytes,
                                                size_t nbytes, struct r2g_error *err);

/* Reads row_count rows of row_nbytes each that begin at `offset`, gap_nbytes apart in the file: the first one to `rows`,
 * each next one `stride` bytes on (negative: back) in memory. Errors as of r2g_source_read_exact. */
R2G_MUST_CHECK r2g_status r2g_source_read_rows(const struct r2g_source *source, uint64_t offset, size_t row_nbytes,
                                               size_t gap_nbytes, void *rows, ptrdiff_t stride, size_t row_count,
                                               struct r2g_error *err);

#endif
