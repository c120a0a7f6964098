/* What a request says: headers, query, and whether its framing can be trusted. */
#include "gateway/http_parts.h"

#include <civetweb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

const char *r2g_http_header(const struct r2g_http *http, const char *name) {
    return r2g_http_header_count(http, name, NULL);
}

const char *r2g_http_header_last(const struct r2g_http *http, const char *name) {
    const struct mg_request_info *info = mg_get_request_info(http->connection);
    for (int i = info->num_headers - 1; i >= 0; i--) {
        if (strcasecmp(info->http_headers[i].name, name) == 0)
            return info->http_headers[i].value;
    }
    return NULL;
}

const char *r2g_http_header_count(const struct r2g_http *http, const char *name, int *count) {
    const struct mg_request_info *info = mg_get_request_info(http->connection);
    const char *value = NULL;
    int found = 0;
    for (int i = 0; i < info->num_headers; i++) {
        if (strcasecmp(info->http_headers[i].name, name) == 0) {
            value = value ? value : info->http_headers[i].value;
            found++;
        }
    }
    if (count)
        *count = found;
    return value;
}

int64_t r2g_http_body_nbytes(const struct r2g_http *http) {
    const char *encoding = r2g_http_header(http, "Transfer-Encoding");
    const char *length = r2g_http_header(http, "Content-Length");
    if (encoding)
        return -1;
    return length ? strtoll(length, NULL, 10) : 0;
}

/* Digits only, and few enough for 64 bits with a sign. */
static bool is_length(const char *text) {
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 18 && text[digits] == '\0';
}

/* civetweb takes a line that begins with a blank, or the 65th header, for the end of them and drops the rest without a
 * word. Another server on the way may have read those lines, and then the two do not agree on where the body ends. Its
 * buffer holds the lines one after the other, each end of line turned into NULs, so what follows the last one it kept
 * tells whether it was the last. */
static bool headers_sound(const struct mg_request_info *info) {
    if (info->num_headers == 0)
        return true;
    /* a blank between name and colon, which civetweb passes over, is a second NUL there */
    for (int i = 0; i < info->num_headers; i++) {
        const char *behind = info->http_headers[i].name + strlen(info->http_headers[i].name) + 1;
        if (behind < info->http_headers[i].value && *behind == '\0')
            return false;
    }
    const char *end = info->http_headers[info->num_headers - 1].value;
    end += strlen(end) + 1;
    if (*end == '\0')
        end++;
    return *end == '\r' || *end == '\n';
}

enum r2g_problem r2g_http_check_framing(struct r2g_http *http, struct r2g_error *err) {
    const struct mg_request_info *info = mg_get_request_info(http->connection);
    struct r2g_http_state *state = http->state;
    int lengths, encodings, expects;
    const char *length = r2g_http_header_count(http, "Content-Length", &lengths);
    const char *encoding = r2g_http_header_count(http, "Transfer-Encoding", &encodings);
    const char *expect = r2g_http_header_count(http, "Expect", &expects);
    state->broken = true; /* until it is found to be sound: nothing is read of it, and the connection is closed */
    if (info->num_headers >= MG_MAX_HEADERS)
        return r2g_problem(err, R2G_PROBLEM_HEADER_TOO_LARGE, "a request has at most %d header lines",
                           MG_MAX_HEADERS - 1);
    if (!headers_sound(info))
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "a header line is folded or malformed");
    if (encodings > 0 && lengths > 0)
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "Content-Length and Transfer-Encoding exclude each other");
    if (encodings > 1 || lengths > 1)
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "the length of the body is told more than once");
    if (length && !is_length(length))
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "Content-Length is not a number");
    if (encoding && state->http10)
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "HTTP/1.0 knows no Transfer-Encoding");
    if (encoding && strcasecmp(encoding, "chunked") != 0)
        return r2g_problem(err, R2G_PROBLEM_NOT_IMPLEMENTED, "the only Transfer-Encoding known here is chunked");
    if (expects > 1 || (expect && strcasecmp(expect, "100-continue") != 0))
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "the only expectation known here is 100-continue");
    state->broken = false;
    state->body_left = r2g_http_body_nbytes(http);
    state->body_ended = state->body_left == 0;
    state->expects = expect && !state->http10 && !state->body_ended;
    return R2G_PROBLEM_NONE;
}

bool r2g_http_is_utf8(const char *text) {
    while (*text) {
        size_t nbytes = r2g_text_character(text);
        if (nbytes == 0)
            return false;
        text += nbytes;
    }
    return true;
}

static int hex_digit(char c) {
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Decodes application/x-www-form-urlencoded; false where it is malformed, holds a NUL, is too long or no UTF-8. */
static bool decode(const char *from, size_t from_nbytes, char *text, size_t text_nbytes) {
    size_t used = 0;
    for (size_t i = 0; i < from_nbytes; i++) {
        char c = from[i] == '+' ? ' ' : from[i];
        if (c == '%') {
            int high = i + 2 < from_nbytes ? hex_digit(from[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(from[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0' || used + 1 >= text_nbytes)
            return false;
        text[used++] = c;
    }
    text[used] = '\0';
    return r2g_http_is_utf8(text);
}

/* One name=value of the query, undecoded. */
struct parameter {
    const char *name, *value;
    size_t name_nbytes, value_nbytes;
};

/* Moves *query past the next parameter that is not empty; false at the end. */
static bool next_parameter(const char **query, struct parameter *parameter) {
    while (**query == '&')
        (*query)++;
    if (**query == '\0')
        return false;
    size_t nbytes = strcspn(*query, "&");
    const char *equals = memchr(*query, '=', nbytes);
    parameter->name = *query;
    parameter->name_nbytes = equals ? (size_t)(equals - *query) : nbytes;
    parameter->value = equals ? equals + 1 : *query + nbytes;
    parameter->value_nbytes = equals ? nbytes - parameter->name_nbytes - 1 : 0;
    *query += nbytes;
    return true;
}

static const char *query_of(const struct r2g_http *http) {
    const char *query = mg_get_request_info(http->connection)->query_string;
    return query ? query : "";
}

bool r2g_http_query(const struct r2g_http *http, const char *name, char *text, size_t text_nbytes) {
    const char *query = query_of(http);
    struct parameter parameter;
    char found[64];
    while (next_parameter(&query, &parameter)) {
        if (!decode(parameter.name, parameter.name_nbytes, found, sizeof found) || strcmp(found, name) != 0)
            continue;
        if (decode(parameter.value, parameter.value_nbytes, text, text_nbytes))
            return true;
        break;
    }
    text[0] = '\0';
    return false;
}

enum r2g_problem r2g_http_query_each(const struct r2g_http *http,
                                     enum r2g_problem (*each)(void *user, const char *name, const char *value,
                                                              struct r2g_error *err),
                                     void *user, struct r2g_error *err) {
    const char *query = query_of(http);
    struct parameter parameter;
    char name[128], value[1025];
    while (next_parameter(&query, &parameter)) {
        if (!decode(parameter.name, parameter.name_nbytes, name, sizeof name) ||
            !decode(parameter.value, parameter.value_nbytes, value, sizeof value))
            return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "the query cannot be decoded");
        enum r2g_problem problem = each(user, name, value, err);
        if (problem != R2G_PROBLEM_NONE)
            return problem;
    }
    return R2G_PROBLEM_NONE;
}
