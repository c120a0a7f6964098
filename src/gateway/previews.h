/* Small pictures and tiles of a job's images, made when first asked for by a child process and kept in the job's folder.
 *
 * Each is made once even when many ask at the same time, in a thread of its own; at most two children run at once, under
 * a limit of time and memory. What they write counts against the quota. Process-wide state, because they stand for one
 * machine's processor; any thread. Call r2g_previews_stop after r2g_jobs_stop and before the server and the jobs are
 * stopped: it ends the children and waits for the threads.
 */
#ifndef R2G_GATEWAY_PREVIEWS_H
#define R2G_GATEWAY_PREVIEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/jobs.h"

enum r2g_preview_of { R2G_PREVIEW_ORIGINAL, R2G_PREVIEW_RESULT };

/* The sides that previews have at most: what is asked for is made larger up to one of these. */
unsigned r2g_preview_size(uint64_t asked);

/* Opens the preview of that size, making it if need be. Waits for it at most wait_ms: then *fd is -1 and the return is
 * R2G_PROBLEM_NONE. NOT_READY where there is no result yet, QUEUE_FULL where too many are being made, QUOTA_FULL,
 * STOPPING, and what the image itself is refused for. */
R2G_MUST_CHECK enum r2g_problem r2g_preview_open(struct r2g_jobs *jobs, const struct r2g_settings *settings,
                                                 const struct r2g_job *job, enum r2g_preview_of of, unsigned size,
                                                 int wait_ms, int *fd, uint64_t *nbytes, struct r2g_error *err);
/* The same for tiles.json, the last file of a folder of tiles to be written. */
R2G_MUST_CHECK enum r2g_problem r2g_tiles_open(struct r2g_jobs *jobs, const struct r2g_settings *settings,
                                               const struct r2g_job *job, enum r2g_preview_of of, int wait_ms, int *fd,
                                               uint64_t *nbytes, struct r2g_error *err);
void r2g_previews_stop(void);

#endif
