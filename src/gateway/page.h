/* The page: the files of one folder, listed once and held in memory. Only read after that, by any thread.
 *
 * No path of a request reaches the file system: a request's path is looked up in the list.
 */
#ifndef R2G_GATEWAY_PAGE_H
#define R2G_GATEWAY_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include <rgb2gray/status.h>

struct r2g_page;

struct r2g_page_file {
    char path[160]; /* "/index.html", "/scripts/main.js" */
    const char *type;
    char etag[33];
    unsigned char *bytes;
    size_t nbytes;
    unsigned char *packed; /* the same as a gzip file (RFC 1952), for clients that take it; NULL where that is no shorter */
    size_t packed_nbytes;
};

/* Reads regular files with names of [A-Za-z0-9._-] in `folder` and its sub folders, one level deep; hidden ones are
 * left out. R2G_EINPUT where the folder cannot be read, R2G_ELIMIT past 256 files or 16 MiB, R2G_ENOMEM. A folder that
 * is NULL gives an empty page. */
R2G_MUST_CHECK r2g_status r2g_page_read(struct r2g_page **page, const char *folder, struct r2g_error *err);
void r2g_page_free(struct r2g_page *page);
/* "/" is "/index.html". NULL where there is none. */
const struct r2g_page_file *r2g_page_find(const struct r2g_page *page, const char *path);

#endif
