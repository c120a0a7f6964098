#include "cli/pool_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/json.h"

r2g_status r2g_pool_connect(struct r2g_pool_socket *self, const char *path, struct r2g_error *err) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    self->fd = -1;
    self->answers = NULL;
    self->gone = false;
    self->nbytes = self->taken = 0;
    if (strlen(path) >= sizeof address.sun_path)
        return r2g_fail(err, R2G_EUSAGE, "the socket's path has %zu bytes, and a socket's path can have %zu at most",
                        strlen(path), sizeof address.sun_path - 1);
    strcpy(address.sun_path, path);
    self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (self->fd < 0 || connect(self->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return r2g_fail_errno(err, R2G_EINPUT, errno, "cannot connect to the socket %s", path);
    self->answers = fdopen(self->fd, "w");
    return self->answers ? R2G_OK : r2g_fail_errno(err, R2G_ENOMEM, errno, "no memory for the socket");
}

void r2g_pool_disconnect(struct r2g_pool_socket *self) {
    if (self->answers)
        fclose(self->answers);
    else if (self->fd >= 0)
        close(self->fd);
    self->answers = NULL;
    self->fd = -1;
}

/* Gives out the next line of what has come, if it is whole. */
static bool take_line(struct r2g_pool_socket *self, char **line, size_t *nbytes) {
    char *start = self->bytes + self->taken;
    const char *end = memchr(start, '\n', self->nbytes - self->taken);
    if (!end)
        return false;
    *line = start;
    *nbytes = (size_t)(end - start);
    self->taken += *nbytes + 1;
    return true;
}

r2g_status r2g_pool_hear(struct r2g_pool_socket *self, int timeout_ms, char **line, size_t *nbytes,
                         struct r2g_error *err) {
    *line = NULL;
    if (self->gone || take_line(self, line, nbytes))
        return R2G_OK;
    self->nbytes -= self->taken;
    memmove(self->bytes, self->bytes + self->taken, self->nbytes);
    self->taken = 0;
    if (self->nbytes == sizeof self->bytes)
        return r2g_fail(err, R2G_EUSAGE, "a request is longer than %d bytes", R2G_POOL_LINE_NBYTES);
    struct pollfd waited = {.fd = self->fd, .events = POLLIN};
    int ready = poll(&waited, 1, timeout_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return R2G_OK;
    ssize_t got = ready < 0 ? -1 : read(self->fd, self->bytes + self->nbytes, sizeof self->bytes - self->nbytes);
    if (got < 0 && errno == EINTR)
        return R2G_OK;
    if (got < 0 && errno != ECONNRESET)
        return r2g_fail_errno(err, R2G_EINPUT, errno, "the socket cannot be read");
    self->gone = got <= 0;
    self->nbytes += got > 0 ? (size_t)got : 0;
    (void)take_line(self, line, nbytes);
    return R2G_OK;
}

r2g_status r2g_pool_say(struct r2g_pool_socket *self, json_t *value, struct r2g_error *err) {
    if (self->gone) {
        json_decref(value);
        return R2G_OK;
    }
    r2g_status status = r2g_json_line(self->answers, value, err);
    self->gone = status == R2G_EOUTPUT;
    return self->gone ? R2G_OK : status;
}

/* Copies the arguments into request->packed. */
static r2g_status pack(struct r2g_pool_request *request, const json_t *arguments, struct r2g_error *err) {
    size_t count = json_array_size(arguments);
    for (size_t i = 0; i < count; i++) {
        const json_t *word = json_array_get(arguments, i);
        if (!json_is_string(word))
            return r2g_fail(err, R2G_EUSAGE, "a request's arguments are not all texts");
        request->nbytes += json_string_length(word) + 1;
    }
    request->packed = r2g_new(request->nbytes + 1, err);
    if (!request->packed)
        return R2G_ENOMEM;
    char *to = request->packed;
    for (size_t i = 0; i < count; i++) {
        const json_t *word = json_array_get(arguments, i);
        size_t nbytes = json_string_length(word) + 1;
        memcpy(to, json_string_value(word), nbytes); /* jansson accepts no NUL within a text */
        to += nbytes;
    }
    request->word_count = (int)count;
    return R2G_OK;
}

r2g_status r2g_pool_request_read(struct r2g_pool_request *request, const char *line, size_t nbytes,
                                 struct r2g_error *err) {
    json_error_t where;
    memset(request, 0, sizeof *request);
    json_t *value = json_loadb(line, nbytes, JSON_REJECT_DUPLICATES, &where);
    if (!value)
        return r2g_fail(err, R2G_EUSAGE, "a request is not JSON: %s", where.text);
    const json_t *id = json_object_get(value, "id"), *arguments = json_object_get(value, "arguments");
    request->progress = json_is_true(json_object_get(value, "progress"));
    r2g_status status = R2G_OK;
    if (!json_is_string(id) || json_string_length(id) >= sizeof request->id || !json_is_array(arguments))
        status =
            r2g_fail(err, R2G_EUSAGE, "a request needs a text \"id\" of fewer than %d bytes and a list \"arguments\"",
                     R2G_POOL_ID_NBYTES);
    if (status == R2G_OK) {
        memcpy(request->id, json_string_value(id), json_string_length(id) + 1);
        status = pack(request, arguments, err);
    }
    json_decref(value);
    return status;
}

void r2g_pool_request_free(struct r2g_pool_request *request) {
    free(request->packed);
    memset(request, 0, sizeof *request);
}
