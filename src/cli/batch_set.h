/* A set of names that lies on disk, so that a rank's memory does not grow with the number of images.
 *
 * Names are known by a 64-bit hash (FNV-1a, mixed): with a million of them two are taken for one with a chance of
 * 3 in 10^8. The table is an unlinked file in $TMPDIR, mapped; 21 to 85 bytes a name. One thread.
 */
#ifndef R2G_CLI_BATCH_SET_H
#define R2G_CLI_BATCH_SET_H

#include <stdint.h>

#include <rgb2gray/status.h>

enum {
    R2G_BATCH_SEEN = 1, /* some input becomes this output (r2g_batch_hash) */
    R2G_BATCH_DONE = 2, /* an earlier run has made it of this input (r2g_batch_key) */
};

struct r2g_batch_set {
    uint64_t *slots; /* pairs of key and marks; key 0: free */
    uint64_t capacity, count;
    int fd;
};

/* Never 0. Pure. */
uint64_t r2g_batch_hash(const char *name);
/* Of an input and what it becomes, by which an earlier run's work is known again. Never 0. Pure. */
uint64_t r2g_batch_key(const char *input, const char *output);

/* Makes an empty set. R2G_EOUTPUT naming the temporary folder. Call r2g_batch_set_close in every case. */
R2G_MUST_CHECK r2g_status r2g_batch_set_open(struct r2g_batch_set *set, struct r2g_error *err);
void r2g_batch_set_close(struct r2g_batch_set *set);

/* Adds `marks` to the key's; *before receives what it had (0: it was not there). R2G_EOUTPUT where the table cannot grow. */
R2G_MUST_CHECK r2g_status r2g_batch_set_mark(struct r2g_batch_set *set, uint64_t key, uint64_t marks, uint64_t *before,
                                             struct r2g_error *err);

/* The key's marks; 0 where it is not there. */
uint64_t r2g_batch_set_marks(const struct r2g_batch_set *set, uint64_t key);

#endif
