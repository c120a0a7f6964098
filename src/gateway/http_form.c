/* multipart/form-data (RFC 7578, RFC 2046 section 5.1), read as a stream.
 *
 * civetweb has a parser of its own, which reads from the connection itself: no deadline could be put around its reads,
 * and no 100 Continue before them. This one is fed by r2g_http_body_next and holds one window of the body.
 *
 * The window begins with a line end that was never sent, so that a delimiter is "\r\n--boundary" everywhere.
 */
#include "gateway/http_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"

#define WINDOW_NBYTES (2 * R2G_HTTP_PIECE_NBYTES)
#define PART_HEADER_NBYTES 4096
#define FIELD_NBYTES 1024
#define FIELD_COUNT 32
#define PREAMBLE_NBYTES 1024 /* nobody sends one; nor an epilogue */

struct form {
    struct r2g_http *http;
    const struct r2g_http_form *user;
    struct r2g_error *err;
    uint64_t total, max_nbytes;
    size_t begin, end; /* of what is in the window */
    bool ended;        /* the body was read to its end */
    char delimiter[80];
    size_t delimiter_nbytes;
    unsigned fields;
    bool file_seen;
    char window[WINDOW_NBYTES];
};

/* What a part's header says. */
struct part {
    char name[128], file_name[512];
    bool has_name, is_file;
};

static enum r2g_problem bad(struct form *form, const char *what) {
    return r2g_problem(form->err, R2G_PROBLEM_BAD_REQUEST, "the form cannot be read: %s", what);
}

/* Brings more of the body into the window, which must not be full. */
static enum r2g_problem fill(struct form *form) {
    if (form->begin > 0) {
        memmove(form->window, form->window + form->begin, form->end - form->begin);
        form->end -= form->begin;
        form->begin = 0;
    }
    size_t got;
    enum r2g_problem problem =
        r2g_http_body_next(form->http, form->window + form->end, WINDOW_NBYTES - form->end, &got, form->err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    if (got == 0)
        form->ended = true;
    form->end += got;
    form->total += got;
    if (form->total > form->max_nbytes)
        return r2g_problem(form->err, R2G_PROBLEM_TOO_LARGE, "the form has more than %" PRIu64 " bytes",
                           form->max_nbytes);
    return R2G_PROBLEM_NONE;
}

/* Makes sure that n bytes are in the window. */
static enum r2g_problem need(struct form *form, size_t nbytes) {
    while (form->end - form->begin < nbytes) {
        if (form->ended)
            return bad(form, "it ends early");
        enum r2g_problem problem = fill(form);
        if (problem != R2G_PROBLEM_NONE)
            return problem;
    }
    return R2G_PROBLEM_NONE;
}

/* The boundary of a Content-Type header: 1 to 70 characters, perhaps quoted. */
static bool read_boundary(struct form *form, const char *type) {
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? ";
    if (!type || strncasecmp(type, "multipart/form-data", 19) != 0)
        return false;
    const char *p = type + 19;
    for (;;) {
        p += strspn(p, " \t");
        if (*p++ != ';')
            return false;
        p += strspn(p, " \t");
        if (strncasecmp(p, "boundary=", 9) == 0)
            break;
        p += strcspn(p, ";");
    }
    p += 9;
    bool quoted = *p == '"';
    p += quoted;
    size_t length = quoted ? strcspn(p, "\"") : strcspn(p, "; \t");
    if (length < 1 || length > 70 || strspn(p, letters) < length || p[length - 1] == ' ' || (quoted && !p[length]))
        return false;
    memcpy(form->delimiter, "\r\n--", 4);
    memcpy(form->delimiter + 4, p, length);
    form->delimiter_nbytes = length + 4;
    return true;
}

/* Copies a parameter such as name="..." out of Content-Disposition's value; false where it is absent. *ok is cleared
 * where it is malformed or too long. */
static bool take_parameter(const char *value, const char *wanted, char *text, size_t text_nbytes, bool *ok) {
    const char *p = value + strcspn(value, ";");
    while (*p == ';') {
        p++;
        p += strspn(p, " \t");
        size_t name_nbytes = strcspn(p, "=;\" ");
        bool match = strlen(wanted) == name_nbytes && strncasecmp(p, wanted, name_nbytes) == 0;
        p += name_nbytes;
        if (*p != '=')
            break;
        p++;
        bool quoted = *p == '"';
        p += quoted;
        size_t used = 0;
        while (*p && (quoted ? *p != '"' : !strchr("; \t", *p))) {
            if (quoted && *p == '\\' && (p[1] == '"' || p[1] == '\\'))
                p++;
            if (match && used + 1 < text_nbytes)
                text[used++] = *p;
            else if (match)
                *ok = false;
            p++;
        }
        if (quoted && *p++ != '"')
            break;
        if (match) {
            text[used] = '\0';
            return true;
        }
        p += strspn(p, " \t");
    }
    *ok = *ok && *p == '\0';
    return false;
}

static enum r2g_problem read_disposition(struct form *form, struct part *part, const char *value) {
    bool ok = true;
    if (part->has_name || strncasecmp(value, "form-data", 9) != 0)
        return bad(form, "a part is not form-data");
    part->has_name = take_parameter(value, "name", part->name, sizeof part->name, &ok);
    part->is_file = take_parameter(value, "filename", part->file_name, sizeof part->file_name, &ok);
    if (!part->has_name || !ok || !r2g_http_is_utf8(part->name) || !r2g_http_is_utf8(part->file_name))
        return bad(form, "the name of a part");
    return R2G_PROBLEM_NONE;
}

/* One line of a part's header, NUL-terminated. */
static enum r2g_problem read_line(struct form *form, struct part *part, char *line) {
    char *colon = strchr(line, ':');
    if (!colon || colon == line || *line == ' ' || *line == '\t')
        return bad(form, "a header line of a part");
    *colon = '\0';
    char *value = colon + 1 + strspn(colon + 1, " \t");
    if (strcasecmp(line, "Content-Disposition") == 0)
        return read_disposition(form, part, value);
    if (strcasecmp(line, "Content-Type") == 0 && strncasecmp(value, "multipart/", 10) == 0)
        return bad(form, "a part that has parts");
    if (strcasecmp(line, "Content-Transfer-Encoding") == 0 && strcasecmp(value, "binary") != 0 &&
        strcasecmp(value, "8bit") != 0 && strcasecmp(value, "7bit") != 0)
        return bad(form, "a part that is encoded");
    return R2G_PROBLEM_NONE;
}

/* Reads the header of a part, up to the empty line. */
static enum r2g_problem read_header(struct form *form, struct part *part) {
    memset(part, 0, sizeof *part);
    char *stop;
    while (!(stop = memmem(form->window + form->begin, form->end - form->begin, "\r\n\r\n", 4))) {
        if (form->end - form->begin > PART_HEADER_NBYTES)
            return bad(form, "the header of a part is too long");
        enum r2g_problem problem = need(form, form->end - form->begin + 1);
        if (problem != R2G_PROBLEM_NONE)
            return problem;
    }
    size_t nbytes = (size_t)(stop - (form->window + form->begin));
    char *line = form->window + form->begin;
    if (nbytes > PART_HEADER_NBYTES || memchr(line, '\0', nbytes))
        return bad(form, "the header of a part");
    form->begin += nbytes + 4;
    *stop = '\0';
    while (line) {
        char *end = strstr(line, "\r\n");
        if (end)
            *end = '\0';
        enum r2g_problem problem = read_line(form, part, line);
        if (problem != R2G_PROBLEM_NONE)
            return problem;
        line = end ? end + 2 : NULL;
    }
    return part->has_name ? R2G_PROBLEM_NONE : bad(form, "a part without a name");
}

/* Hands what comes before the next delimiter to `piece`, and leaves the window behind the delimiter. */
static enum r2g_problem read_content(struct form *form, r2g_http_piece *piece, void *user) {
    for (;;) {
        char *begin = form->window + form->begin;
        size_t held = form->end - form->begin;
        char *found = memmem(begin, held, form->delimiter, form->delimiter_nbytes);
        /* without one, its beginning may be at the end of the window */
        size_t sure = found                           ? (size_t)(found - begin)
                      : held < form->delimiter_nbytes ? 0
                                                      : held - form->delimiter_nbytes + 1;
        enum r2g_problem problem = sure > 0 ? piece(user, begin, sure, form->err) : R2G_PROBLEM_NONE;
        form->begin += sure + (found ? form->delimiter_nbytes : 0);
        if (problem != R2G_PROBLEM_NONE || found)
            return problem;
        if (form->ended)
            return bad(form, "it ends early");
        problem = fill(form);
        if (problem != R2G_PROBLEM_NONE)
            return problem;
    }
}

/* Behind a delimiter: "--" ends the form, a line end begins a part. */
static enum r2g_problem read_delimiter_end(struct form *form, bool *last) {
    enum r2g_problem problem = need(form, 2);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    *last = memcmp(form->window + form->begin, "--", 2) == 0;
    bool line_end = memcmp(form->window + form->begin, "\r\n", 2) == 0;
    form->begin += 2;
    return *last || line_end ? R2G_PROBLEM_NONE : bad(form, "a delimiter");
}

/* A field's value. */
struct value {
    char text[FIELD_NBYTES + 1];
    size_t used;
};

static enum r2g_problem add_value(void *user, const void *bytes, size_t nbytes, struct r2g_error *err) {
    struct value *value = user;
    if (nbytes > FIELD_NBYTES - value->used)
        return r2g_problem(err, R2G_PROBLEM_TOO_LARGE, "a field of the form has more than %d bytes", FIELD_NBYTES);
    if (memchr(bytes, '\0', nbytes))
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "a field of the form is not text");
    memcpy(value->text + value->used, bytes, nbytes);
    value->used += nbytes;
    return R2G_PROBLEM_NONE;
}

static enum r2g_problem read_part(struct form *form) {
    struct part part;
    enum r2g_problem problem = read_header(form, &part);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    if (part.is_file) {
        if (form->file_seen)
            return bad(form, "it has more than one file");
        form->file_seen = true;
        problem = form->user->file(form->user->user, part.file_name, form->err);
        return problem == R2G_PROBLEM_NONE ? read_content(form, form->user->piece, form->user->user) : problem;
    }
    if (++form->fields > FIELD_COUNT)
        return bad(form, "it has too many fields");
    struct value value = {.used = 0};
    problem = read_content(form, add_value, &value);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    value.text[value.used] = '\0';
    if (!r2g_http_is_utf8(value.text))
        return bad(form, "a field is not UTF-8");
    return form->user->field(form->user->user, part.name, value.text, form->err);
}

/* What comes before the first delimiter and after the last is ignored, but has a limit. */
static enum r2g_problem skip(void *user, const void *bytes, size_t nbytes, struct r2g_error *err) {
    size_t *skipped = user;
    (void)bytes;
    *skipped += nbytes;
    return *skipped > PREAMBLE_NBYTES
               ? r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "the form cannot be read: text outside of its parts")
               : R2G_PROBLEM_NONE;
}

static enum r2g_problem read_epilogue(struct form *form) {
    size_t skipped = form->end - form->begin;
    while (!form->ended && skipped <= PREAMBLE_NBYTES) {
        form->begin = form->end;
        enum r2g_problem problem = fill(form);
        if (problem != R2G_PROBLEM_NONE)
            return problem;
        skipped += form->end - form->begin;
    }
    return skipped > PREAMBLE_NBYTES ? bad(form, "text outside of its parts") : R2G_PROBLEM_NONE;
}

static enum r2g_problem read_all(struct form *form) {
    size_t skipped = 0;
    bool last = false;
    memcpy(form->window, "\r\n", 2);
    form->end = 2;
    enum r2g_problem problem = read_content(form, skip, &skipped);
    if (problem == R2G_PROBLEM_NONE)
        problem = read_delimiter_end(form, &last);
    while (problem == R2G_PROBLEM_NONE && !last) {
        problem = read_part(form);
        if (problem == R2G_PROBLEM_NONE)
            problem = read_delimiter_end(form, &last);
    }
    if (problem == R2G_PROBLEM_NONE)
        problem = read_epilogue(form);
    if (problem == R2G_PROBLEM_NONE && !form->file_seen)
        return bad(form, "it has no file");
    return problem;
}

enum r2g_problem r2g_http_read_form(struct r2g_http *http, uint64_t max_nbytes, const struct r2g_http_form *user,
                                    struct r2g_error *err) {
    enum r2g_problem problem = r2g_http_body_check(http, max_nbytes, err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    struct form *form = r2g_new(sizeof *form, err);
    if (!form)
        return R2G_PROBLEM_INTERNAL;
    form->http = http;
    form->user = user;
    form->err = err;
    form->max_nbytes = max_nbytes;
    if (read_boundary(form, r2g_http_header(http, "Content-Type")))
        problem = read_all(form);
    else
        problem = r2g_problem(err, R2G_PROBLEM_UNSUPPORTED_TYPE,
                              "a form is multipart/form-data with a boundary of 1 to 70 characters");
    free(form);
    return problem;
}
