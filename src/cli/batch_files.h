/* Small things with files that the parts of a batch share. */
#ifndef R2G_CLI_BATCH_FILES_H
#define R2G_CLI_BATCH_FILES_H

#include <stdint.h>
#include <sys/stat.h>

#include <rgb2gray/status.h>

#define R2G_BATCH_SYNCED "{\"synced\":true}" /* the journal's line */

/* What differs each time this machine is started; "" where the system does not say. */
void r2g_batch_boot_id(char text[64]);

/* Makes the folder and those above it. R2G_EOUTPUT naming it. */
R2G_MUST_CHECK r2g_status r2g_batch_make_folder(const char *path, struct r2g_error *err);

/* When the file was last written, nanoseconds since 1970. */
int64_t r2g_batch_mtime_ns(const struct stat *info);

#endif
