#include "gateway/page.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buffer.h"
#include "base/file.h"

#define FILE_COUNT 256
#define TOTAL_NBYTES ((size_t)16 << 20)

struct r2g_page {
    size_t count, total_nbytes;
    struct r2g_page_file files[FILE_COUNT];
};

static const char *type_of(const char *name) {
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".json", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".txt", "text/plain; charset=utf-8"},
    };
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(ending, types[i].ending) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

static bool name_is_plain(const char *name) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return name[0] != '.' && name[0] != '\0' && name[strspn(name, letters)] == '\0' && strlen(name) < 64;
}

/* An ETag of the content: the first half of its SHA-256. */
static r2g_status make_etag(struct r2g_page_file *file, struct r2g_error *err) {
    unsigned char hash[EVP_MAX_MD_SIZE];
    if (EVP_Digest(file->bytes, file->nbytes, hash, NULL, EVP_sha256(), NULL) != 1)
        return r2g_fail(err, R2G_EINTERNAL, "SHA-256 failed");
    for (size_t i = 0; i < 16; i++)
        snprintf(file->etag + 2 * i, 3, "%02x", hash[i]);
    return R2G_OK;
}

/* Once, so that it costs no request anything. A file that does not get shorter is sent as it is. */
static r2g_status pack(struct r2g_page_file *file, struct r2g_error *err) {
    enum { GZIP = 15 + 16 }; /* the largest window, with gzip's frame: zlib.h, deflateInit2 */
    z_stream stream = {.next_in = file->bytes, .avail_in = (uInt)file->nbytes};
    if (file->nbytes == 0)
        return R2G_OK;
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return r2g_fail(err, R2G_ENOMEM, "no memory to compress the page");
    file->packed = r2g_new(file->nbytes, err);
    stream.next_out = file->packed;
    stream.avail_out = (uInt)file->nbytes;
    bool shorter = file->packed && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    file->packed_nbytes = shorter ? stream.total_out : 0;
    deflateEnd(&stream);
    if (!file->packed)
        return R2G_ENOMEM;
    if (!shorter) {
        free(file->packed);
        file->packed = NULL;
    }
    return R2G_OK;
}

/* Takes the open file into memory. */
static r2g_status add_file(struct r2g_page *page, int fd, size_t nbytes, const char *folder, const char *name,
                           struct r2g_error *err) {
    if (page->count == FILE_COUNT || nbytes > TOTAL_NBYTES - page->total_nbytes)
        return r2g_fail(err, R2G_ELIMIT, "the page's folder has more than %d files or 16 MiB", FILE_COUNT);
    struct r2g_page_file *file = &page->files[page->count];
    snprintf(file->path, sizeof file->path, "/%s%s%s", folder, folder[0] ? "/" : "", name);
    file->type = type_of(name);
    file->bytes = r2g_new(nbytes + 1, err);
    if (!file->bytes)
        return R2G_ENOMEM;
    page->count++;
    size_t got = 0;
    int error = r2g_file_read_at(fd, 0, file->bytes, nbytes, &got);
    if (error != 0)
        return r2g_fail_errno(err, R2G_EINPUT, error, "%s of the page", file->path);
    file->nbytes = got;
    page->total_nbytes += got;
    r2g_status status = pack(file, err);
    return status == R2G_OK ? make_etag(file, err) : status;
}

/* Lists one folder; `folder` is its name within the page, "" for the top. */
static r2g_status list(struct r2g_page *page, int folder_fd, const char *folder, struct r2g_error *err) {
    DIR *dir = fdopendir(folder_fd);
    if (!dir) {
        close(folder_fd);
        return r2g_fail(err, R2G_EINPUT, "the page's folder cannot be read");
    }
    r2g_status status = R2G_OK;
    struct dirent *entry;
    while (status == R2G_OK && (entry = readdir(dir))) {
        if (!name_is_plain(entry->d_name))
            continue;
        int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat about;
        if (fd < 0 || fstat(fd, &about) != 0) {
            if (fd >= 0)
                close(fd);
            continue;
        }
        if (S_ISREG(about.st_mode)) {
            status = add_file(page, fd, (size_t)about.st_size, folder, entry->d_name, err);
        } else if (S_ISDIR(about.st_mode) && folder[0] == '\0') {
            status = list(page, fd, entry->d_name, err);
            continue; /* which closed it */
        }
        close(fd);
    }
    closedir(dir);
    return status;
}

r2g_status r2g_page_read(struct r2g_page **page, const char *folder, struct r2g_error *err) {
    *page = r2g_new(sizeof **page, err);
    if (!*page)
        return R2G_ENOMEM;
    r2g_status status = R2G_OK;
    if (folder) {
        int fd = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
        status = fd < 0 ? r2g_fail(err, R2G_EINPUT, "the page's folder %s cannot be read: %m", folder)
                        : list(*page, fd, "", err);
    }
    if (status != R2G_OK) {
        r2g_page_free(*page);
        *page = NULL;
    }
    return status;
}

void r2g_page_free(struct r2g_page *page) {
    if (!page)
        return;
    for (size_t i = 0; i < page->count; i++) {
        free(page->files[i].bytes);
        free(page->files[i].packed);
    }
    free(page);
}

const struct r2g_page_file *r2g_page_find(const struct r2g_page *page, const char *path) {
    if (strcmp(path, "/") == 0)
        path = "/index.html";
    for (size_t i = 0; i < page->count; i++) {
        if (strcmp(page->files[i].path, path) == 0)
            return &page->files[i];
    }
    return NULL;
}
