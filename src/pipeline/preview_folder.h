/* A folder of files that appears under its name only when it is whole. One owner, one thread. */
#ifndef R2G_PIPELINE_PREVIEW_FOLDER_H
#define R2G_PIPELINE_PREVIEW_FOLDER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <rgb2gray/status.h>

struct r2g_folder {
    char target[PATH_MAX], temporary[PATH_MAX];
    int fd; /* of the folder while it is made, else -1 */
};

/* Makes an empty folder beside `path`. R2G_EEXISTS if there is something at `path`, R2G_EOUTPUT. Call r2g_folder_close in
 * every case. */
R2G_MUST_CHECK r2g_status r2g_folder_create(struct r2g_folder *folder, const char *path, struct r2g_error *err);
/* Makes a folder in it; writes a file in it, whole. R2G_EOUTPUT. */
R2G_MUST_CHECK r2g_status r2g_folder_add(struct r2g_folder *folder, const char *name, struct r2g_error *err);
R2G_MUST_CHECK r2g_status r2g_folder_write(struct r2g_folder *folder, const char *name, const void *bytes,
                                           size_t nbytes, struct r2g_error *err);
/* Gives the folder its name. R2G_EEXISTS if there is something by now, R2G_EOUTPUT. */
R2G_MUST_CHECK r2g_status r2g_folder_commit(struct r2g_folder *folder, struct r2g_error *err);
/* Without a commit, removes the folder and all in it. */
void r2g_folder_close(struct r2g_folder *folder);

#endif
