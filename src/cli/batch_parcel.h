/* Images and outputs inside messages, for ranks that do not see what rank 0 sees.
 *
 * Whether a rank sees the inputs is found out, not assumed: rank 0 tells with each image which file it means, and a rank that
 * finds none, or another one, under that path gets this image and all later ones sent. Whether it sees the output folder is
 * known from the start; if not, its outputs come back with what it would have written into its journal.
 */
#ifndef R2G_CLI_BATCH_PARCEL_H
#define R2G_CLI_BATCH_PARCEL_H

#include "cli/batch_task.h"

/* Larger files are not sent: a message has to fit memory twice, and its count of bytes an int. */
#define R2G_BATCH_SEND_MAX_NBYTES ((uint64_t)1 << 30)

/* Rank 0: which file an item means: inode, size, time of the last change. False where there is none (any more). */
bool r2g_batch_identify(struct r2g_batch_item *item);

/* A rank: whether that is the file found here; then its size and time are filled in. */
bool r2g_batch_same_file(struct r2g_batch_item *item);

/* Rank 0: reads the item's file, whose size is known, into *content. R2G_EINPUT, R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_batch_load(const struct r2g_batch_item *item, struct r2g_buffer *content,
                                         struct r2g_error *err);

/* A rank: an unlinked temporary file with these bytes, to be opened at `path` while *fd is open; close that. R2G_EOUTPUT. */
R2G_MUST_CHECK r2g_status r2g_batch_unload(const struct r2g_buffer *content, int *fd, char path[64],
                                           struct r2g_error *err);

/* What comes back for one image of a task: its line for the journal, and its output where it was converted. */
struct r2g_batch_return {
    unsigned index; /* of the item in the task */
    const char *line;
    uint64_t in_nbytes;
    const uint8_t *output; /* NULL: none */
    size_t output_nbytes;
};

/* A rank: appends one, with the output that lies at `output_path` (NULL: none). R2G_EINPUT, with EFBIG for one that is
 * larger than R2G_BATCH_SEND_MAX_NBYTES; R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_batch_add_return(struct r2g_buffer *returns, unsigned index, const char *line,
                                               uint64_t in_nbytes, const char *output_path, struct r2g_error *err);
/* Rank 0: the next one from *at on; false at the end. */
bool r2g_batch_next_return(const struct r2g_buffer *returns, size_t *at, struct r2g_batch_return *next);

#endif
