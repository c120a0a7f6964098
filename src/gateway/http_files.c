/* Sending files: conditional requests and one range (RFC 9110, sections 13 and 14). */
#include "gateway/http_parts.h"

#include <civetweb.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* The bytes to send: all of them, or a part. */
struct range {
    uint64_t first, nbytes;
    bool part, impossible;
};

/* Whether a list such as `"a", W/"b", *` names the tag; weak comparison, as If-None-Match wants it. */
static bool list_has_tag(const char *list, const char *etag) {
    char quoted[160];
    snprintf(quoted, sizeof quoted, "\"%s\"", etag);
    for (const char *p = list; *p;) {
        p += strspn(p, " \t,");
        if (*p == '*')
            return true;
        if (strncmp(p, "W/", 2) == 0)
            p += 2;
        size_t length = strlen(quoted);
        if (strncmp(p, quoted, length) == 0 && (p[length] == '\0' || strchr(" \t,", p[length])))
            return true;
        p += strcspn(p, ",");
    }
    return false;
}

static bool read_digits(const char **text, uint64_t *value) {
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > 18)
        return false;
    *value = strtoull(*text, NULL, 10);
    *text += digits;
    return true;
}

/* Reads "bytes=a-b", "bytes=a-" or "bytes=-n". What is malformed, or asks for several parts, is passed over, as
 * RFC 9110 allows: then all is sent. */
static struct range parse_range(const char *text, uint64_t nbytes) {
    struct range all = {0, nbytes, false, false}, range = {0, nbytes, true, false};
    uint64_t first, last = 0;
    if (strncmp(text, "bytes=", 6) != 0)
        return all;
    text += 6;
    if (*text == '-') {
        text++;
        if (!read_digits(&text, &last) || *text != '\0')
            return all;
        range.nbytes = last < nbytes ? last : nbytes;
        range.first = nbytes - range.nbytes;
        range.impossible = range.nbytes == 0;
        return range;
    }
    if (!read_digits(&text, &first) || *text++ != '-')
        return all;
    bool open = *text == '\0';
    if (!open && (!read_digits(&text, &last) || *text != '\0' || last < first))
        return all;
    if (first >= nbytes) {
        range.impossible = true;
        return range;
    }
    range.first = first;
    range.nbytes = (open || last >= nbytes ? nbytes : last + 1) - first;
    return range;
}

/* Content-Disposition with a name for old programs, in ASCII, and one in UTF-8 (RFC 6266, RFC 8187). */
static void add_disposition(struct r2g_http *http, const struct r2g_http_file *file) {
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    static const char digits[] = "0123456789ABCDEF";
    char ascii[128], utf8[3 * 128 + 1];
    size_t length = 0, encoded = 0;
    const char *name = file->download_name;
    const char *base = strrchr(name, '/');
    name = base ? base + 1 : name;
    bool well_formed = r2g_http_is_utf8(name);
    for (const char *p = name; *p && length + 1 < sizeof ascii; p++) {
        unsigned char c = (unsigned char)*p;
        bool plain = strchr(safe, c) != NULL;
        if (plain || c == ' ')
            ascii[length++] = (char)c;
        else if ((c & 0xC0) != 0x80) /* one '_' for a letter of several bytes */
            ascii[length++] = '_';
    }
    ascii[length] = '\0';
    /* whole letters only: the last one that fits entirely */
    for (const char *p = name; *p;) {
        size_t letter = 1;
        while (((unsigned char)p[letter] & 0xC0) == 0x80)
            letter++;
        if (encoded + 3 * letter >= sizeof utf8)
            break;
        for (size_t i = 0; i < letter; i++, p++) {
            unsigned char c = (unsigned char)(*p == '\\' || (unsigned char)*p < 0x20 || *p == 0x7F ? '_' : *p);
            if (strchr(safe, c)) {
                utf8[encoded++] = (char)c;
            } else {
                utf8[encoded++] = '%';
                utf8[encoded++] = digits[c >> 4];
                utf8[encoded++] = digits[c & 15];
            }
        }
    }
    utf8[encoded] = '\0';
    const char *kind = file->attachment ? "attachment" : "inline";
    if (length == 0)
        r2g_http_add_header(http, "Content-Disposition", "%s", kind);
    else if (!well_formed || encoded == 0)
        r2g_http_add_header(http, "Content-Disposition", "%s; filename=\"%s\"", kind, ascii);
    else
        r2g_http_add_header(http, "Content-Disposition", "%s; filename=\"%s\"; filename*=UTF-8''%s", kind, ascii, utf8);
}

static void send_bytes(struct r2g_http *http, int fd, struct range range) {
    char bytes[R2G_HTTP_PIECE_NBYTES];
    while (range.nbytes > 0) {
        size_t wanted = range.nbytes < sizeof bytes ? (size_t)range.nbytes : sizeof bytes, got = 0;
        if (r2g_file_read_at(fd, range.first, bytes, wanted, &got) != 0 || got != wanted) {
            http->close = true; /* the client sees that less came than was announced */
            return;
        }
        if (!r2g_http_send(http, bytes, got))
            return;
        range.first += got;
        range.nbytes -= got;
    }
}

void r2g_http_send_file(struct r2g_http *http, const struct r2g_http_file *file) {
    struct r2g_http_state *state = http->state;
    /* conditions and ranges are for reading: they do not concern the file that a POST is answered with */
    bool reads = state->head || strcmp(http->method, "GET") == 0;
    const char *none_match = reads ? r2g_http_header(http, "If-None-Match") : NULL;
    const char *if_range = reads ? r2g_http_header(http, "If-Range") : NULL;
    const char *wanted = reads ? r2g_http_header(http, "Range") : NULL;
    struct range range = {0, file->nbytes, false, false};
    char quoted[160] = "";
    if (file->etag) {
        snprintf(quoted, sizeof quoted, "\"%s\"", file->etag);
        r2g_http_add_header(http, "ETag", "%s", quoted);
    }
    r2g_http_add_header(http, "Cache-Control", "%s", file->cache ? file->cache : "no-store");
    if (file->etag && none_match && list_has_tag(none_match, file->etag)) {
        r2g_http_answer(http, 304, NULL, NULL, 0);
        return;
    }
    if (wanted && (!if_range || (quoted[0] && strcmp(if_range, quoted) == 0)))
        range = parse_range(wanted, file->nbytes);
    if (reads)
        r2g_http_add_header(http, "Accept-Ranges", "bytes");
    if (range.impossible) {
        struct r2g_error err;
        r2g_http_add_header(http, "Content-Range", "bytes */%" PRIu64, file->nbytes);
        enum r2g_problem problem =
            r2g_problem(&err, R2G_PROBLEM_BAD_RANGE, "there are %" PRIu64 " bytes", file->nbytes);
        r2g_http_problem(http, problem, &err);
        return;
    }
    if (file->download_name)
        add_disposition(http, file);
    if (range.part)
        r2g_http_add_header(http, "Content-Range", "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range.first,
                            range.first + range.nbytes - 1, file->nbytes);
    r2g_http_send_header(http, range.part ? 206 : 200, file->type, (int64_t)range.nbytes);
    if (!state->head)
        send_bytes(http, file->fd, range);
}
