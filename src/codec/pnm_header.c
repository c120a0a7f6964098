#include "codec/pnm_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"

#define HEADER_MAX_NBYTES (UINT64_C(1) << 20) /* a header longer than this is not searched to its end */
#define COMMENTS_MAX_NBYTES 65536             /* of comments kept, in all */
#define COMMENTS_MAX_COUNT 256
#define LINE_NBYTES 256 /* a PAM header line; longer ones are only allowed as comments */

/* Everything that parsing a header needs. */
struct parser {
    struct r2g_pnm_header *header;
    struct r2g_pnm_stream *stream;
    struct r2g_metadata *metadata;
    struct r2g_buffer comment; /* the one being read */
    size_t comment_nbytes;     /* of all kept so far */
    struct r2g_error *err;
    r2g_status status; /* the first failure */
};

int r2g_pnm_stream_get_slowly(struct r2g_pnm_stream *stream, struct r2g_error *err) {
    if (stream->status != R2G_OK)
        return R2G_PNM_NO_BYTE;
    stream->offset += stream->nbytes;
    stream->next = stream->nbytes = 0;
    stream->status =
        r2g_source_read_at(stream->source, stream->offset, stream->bytes, sizeof stream->bytes, &stream->nbytes, err);
    if (stream->status != R2G_OK)
        stream->nbytes = 0;
    return stream->nbytes > 0 ? stream->bytes[stream->next++] : R2G_PNM_NO_BYTE;
}

r2g_status r2g_pnm_stream_end(const struct r2g_pnm_stream *stream, const char *where, struct r2g_error *err) {
    if (stream->status != R2G_OK)
        return stream->status; /* *err was filled by the read */
    return r2g_fail(err, R2G_ECORRUPT, "file ends early, in %s", where);
}

static uint64_t stream_position(const struct r2g_pnm_stream *stream) {
    return stream->offset + stream->next;
}

static bool is_space(int c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(int c) {
    return c >= '0' && c <= '9';
}

/* The next header byte; R2G_PNM_NO_BYTE with parser->status set when there is none. */
static int header_get(struct parser *parser) {
    if (stream_position(parser->stream) >= HEADER_MAX_NBYTES) {
        parser->status = r2g_fail(parser->err, R2G_ECORRUPT, "header does not end within 1 MiB");
        return R2G_PNM_NO_BYTE;
    }
    int c = r2g_pnm_stream_get(parser->stream, parser->err);
    if (c == R2G_PNM_NO_BYTE)
        parser->status = r2g_pnm_stream_end(parser->stream, "the header", parser->err);
    return c;
}

/* Length of the UTF-8 sequence (Unicode 15.0, table 3-7) at `text`, or 0 if it is not one. */
static size_t utf8_sequence(const uint8_t *text, size_t nbytes) {
    if (text[0] < 0x80)
        return 1;
    size_t need = text[0] >= 0xC2 && text[0] <= 0xDF ? 2 : (text[0] & 0xF0) == 0xE0 ? 3 : 4;
    if (text[0] < 0xC2 || text[0] > 0xF4 || nbytes < need)
        return 0;
    for (size_t i = 1; i < need; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    }
    bool overlong = (text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xF0 && text[1] < 0x90);
    bool past_end = (text[0] == 0xED && text[1] > 0x9F) || (text[0] == 0xF4 && text[1] > 0x8F);
    return overlong || past_end ? 0 : need;
}

static bool is_utf8(const uint8_t *text, size_t nbytes) {
    for (size_t i = 0, step; i < nbytes; i += step) {
        step = utf8_sequence(text + i, nbytes - i);
        if (step == 0)
            return false;
    }
    return true;
}

/* A new string of the comment: as it is if that is UTF-8, else taken as Latin-1; control characters become spaces. */
static char *comment_text(const uint8_t *bytes, size_t nbytes, struct r2g_error *err) {
    char *text = r2g_new(2 * nbytes + 1, err);
    if (!text)
        return NULL;
    bool utf8 = is_utf8(bytes, nbytes);
    char *end = text;
    for (size_t i = 0; i < nbytes; i++) {
        if (bytes[i] >= 0x80 && !utf8) {
            *end++ = (char)(0xC0 | bytes[i] >> 6);
            *end++ = (char)(0x80 | (bytes[i] & 0x3F));
        } else {
            *end++ = bytes[i] < ' ' && bytes[i] != '\t' ? ' ' : (char)bytes[i];
        }
    }
    *end = '\0';
    return text;
}

/* Adds the comment to the metadata; an empty one is not worth it. */
static r2g_status keep_comment(struct parser *parser) {
    struct r2g_metadata *metadata = parser->metadata;
    const uint8_t *bytes = parser->comment.bytes;
    size_t nbytes = parser->comment.nbytes;
    while (nbytes > 0 && (is_space(bytes[0]))) {
        bytes++;
        nbytes--;
    }
    while (nbytes > 0 && is_space(bytes[nbytes - 1]))
        nbytes--;
    if (nbytes == 0)
        return R2G_OK;
    struct r2g_text *texts = r2g_new((metadata->text_count + 1) * sizeof *texts, parser->err);
    if (!texts)
        return R2G_ENOMEM;
    struct r2g_text text = {r2g_copy_text("Comment", parser->err), NULL};
    if (text.key)
        text.value = comment_text(bytes, nbytes, parser->err);
    if (!text.value) {
        free(text.key);
        free(texts);
        return R2G_ENOMEM;
    }
    if (metadata->texts)
        memcpy(texts, metadata->texts, metadata->text_count * sizeof *texts);
    texts[metadata->text_count++] = text;
    free(metadata->texts);
    metadata->texts = texts;
    parser->comment_nbytes += nbytes;
    return R2G_OK;
}

/* Reads on from behind a '#' to the end of that line, and returns the byte that ends it. */
static int skip_comment(struct parser *parser) {
    parser->comment.nbytes = 0;
    bool dropped = parser->metadata->text_count >= COMMENTS_MAX_COUNT;
    int c = header_get(parser);
    for (; c != R2G_PNM_NO_BYTE && c != '\n' && c != '\r'; c = header_get(parser)) {
        dropped = dropped || parser->comment_nbytes + parser->comment.nbytes >= COMMENTS_MAX_NBYTES;
        if (dropped)
            continue;
        uint8_t byte = (uint8_t)c;
        parser->status = r2g_buffer_append(&parser->comment, &byte, 1, parser->err);
        if (parser->status != R2G_OK)
            return R2G_PNM_NO_BYTE;
    }
    if (c == R2G_PNM_NO_BYTE)
        return c;
    if (dropped)
        snprintf(parser->metadata->ignored, sizeof parser->metadata->ignored, "comments beyond 64 KiB or %d lines",
                 COMMENTS_MAX_COUNT);
    parser->status = dropped ? R2G_OK : keep_comment(parser);
    return parser->status == R2G_OK ? c : R2G_PNM_NO_BYTE;
}

/* The next header byte of P1 to P6, where a comment counts as the byte that ends its line. */
static int header_get_plain(struct parser *parser) {
    int c = header_get(parser);
    return c == '#' ? skip_comment(parser) : c;
}

/* Turns digits into 1 to `max`. */
static r2g_status check_number(struct parser *parser, uint64_t value, uint64_t max, const char *what,
                               uint32_t *number) {
    if (value == 0)
        return r2g_fail(parser->err, R2G_ECORRUPT, "%s is 0", what);
    if (value > max)
        return r2g_fail(parser->err, max == UINT32_MAX ? R2G_ELIMIT : R2G_ECORRUPT, "%s is larger than %llu", what,
                        (unsigned long long)max);
    *number = (uint32_t)value;
    return R2G_OK;
}

/* One number of a P1 to P6 header, with the white space before it and the one white space byte behind it. */
static r2g_status read_number(struct parser *parser, uint64_t max, const char *what, uint32_t *number) {
    int c;
    do
        c = header_get_plain(parser);
    while (is_space(c));
    if (c == R2G_PNM_NO_BYTE)
        return parser->status;
    uint64_t value = 0;
    if (!is_digit(c))
        return r2g_fail(parser->err, R2G_ECORRUPT, "%s in the header is not a number", what);
    for (; is_digit(c); c = header_get_plain(parser))
        value =
            r2g_u64_min(value * 10 + (uint64_t)(c - '0'), UINT64_C(1) << 40); /* past every limit, short of overflow */
    if (c == R2G_PNM_NO_BYTE)
        return parser->status;
    if (!is_space(c))
        return r2g_fail(parser->err, R2G_ECORRUPT, "%s in the header is followed by a stray character", what);
    return check_number(parser, value, max, what, number);
}

static r2g_status read_pnm(struct parser *parser) {
    struct r2g_pnm_header *header = parser->header;
    bool bitmap = header->kind == '1' || header->kind == '4';
    header->layout = header->kind == '3' || header->kind == '6' ? R2G_LAYOUT_RGB : R2G_LAYOUT_GRAY;
    header->maxval = 1;
    r2g_status status = read_number(parser, UINT32_MAX, "width", &header->width);
    if (status == R2G_OK)
        status = read_number(parser, UINT32_MAX, "height", &header->height);
    if (status == R2G_OK && !bitmap)
        status = read_number(parser, 65535, "maxval", &header->maxval);
    return status;
}

/* One line of a PAM header, without white space around it; comments are kept and come back as empty lines. */
static r2g_status read_line(struct parser *parser, char line[LINE_NBYTES]) {
    size_t nbytes = 0;
    int c = header_get(parser);
    for (; c != '\n'; c = header_get(parser)) {
        if (c == '#' && nbytes == 0)
            c = skip_comment(parser);
        if (c == R2G_PNM_NO_BYTE)
            return parser->status;
        if (c == '\n')
            break;
        if (c == 0 || nbytes == LINE_NBYTES - 1)
            return r2g_fail(parser->err, R2G_ECORRUPT, "header has a line that is no PAM header line");
        if (nbytes > 0 || !is_space(c))
            line[nbytes++] = (char)c;
    }
    while (nbytes > 0 && is_space(line[nbytes - 1]))
        nbytes--;
    line[nbytes] = '\0';
    return R2G_OK;
}

static const struct tuple_type {
    const char *name;
    uint32_t depth;
    enum r2g_layout layout;
    bool black_and_white;
} tuple_types[] = {
    {"GRAYSCALE", 1, R2G_LAYOUT_GRAY, false},    {"GRAYSCALE_ALPHA", 2, R2G_LAYOUT_GRAYA, false},
    {"RGB", 3, R2G_LAYOUT_RGB, false},           {"RGB_ALPHA", 4, R2G_LAYOUT_RGBA, false},
    {"BLACKANDWHITE", 1, R2G_LAYOUT_GRAY, true}, {"BLACKANDWHITE_ALPHA", 2, R2G_LAYOUT_GRAYA, true},
};

/* Finds the layout of a tuple type; where none is given, the depth tells. */
static r2g_status find_layout(struct parser *parser, const char *name, uint32_t depth) {
    for (size_t i = 0; i < sizeof tuple_types / sizeof tuple_types[0]; i++) {
        const struct tuple_type *type = &tuple_types[i];
        if (*name ? strcmp(type->name, name) != 0 : type->depth != depth)
            continue;
        if (type->depth != depth)
            return r2g_fail(parser->err, R2G_ECORRUPT, "PAM tuple type %s and depth %u do not fit each other", name,
                            depth);
        parser->header->layout = type->layout;
        parser->header->black_and_white = type->black_and_white;
        return R2G_OK;
    }
    if (*name)
        return r2g_fail(parser->err, R2G_EFORMAT, "PAM of tuple type \"%.40s\", which this program does not read",
                        name);
    return r2g_fail(parser->err, R2G_EFORMAT, "PAM of depth %u, which this program does not read", depth);
}

static r2g_status read_field(struct parser *parser, const char *text, uint64_t max, const char *what,
                             uint32_t *number) {
    if (*number != 0)
        return r2g_fail(parser->err, R2G_ECORRUPT, "%s stands twice in the header", what);
    uint64_t value = 0;
    const char *digit = text;
    for (; is_digit(*digit); digit++)
        value = r2g_u64_min(value * 10 + (uint64_t)(*digit - '0'), UINT64_C(1) << 40);
    if (digit == text || *digit)
        return r2g_fail(parser->err, R2G_ECORRUPT, "%s in the header is not a number", what);
    return check_number(parser, value, max, what, number);
}

/* Takes one line of a PAM header, cut into its word and the rest. */
static r2g_status take_line(struct parser *parser, const char *word, const char *rest, uint32_t *depth,
                            char tuple_type[LINE_NBYTES]) {
    struct r2g_pnm_header *header = parser->header;
    if (strcmp(word, "WIDTH") == 0)
        return read_field(parser, rest, UINT32_MAX, "width", &header->width);
    if (strcmp(word, "HEIGHT") == 0)
        return read_field(parser, rest, UINT32_MAX, "height", &header->height);
    if (strcmp(word, "DEPTH") == 0)
        return read_field(parser, rest, 65535, "depth", depth);
    if (strcmp(word, "MAXVAL") == 0)
        return read_field(parser, rest, 65535, "maxval", &header->maxval);
    if (strcmp(word, "TUPLTYPE") != 0)
        return r2g_fail(parser->err, R2G_ECORRUPT, "header has the unknown line \"%.40s\"", word);
    /* "If there are multiple TUPLTYPE header lines, the tuple type is the concatenation of all, separated by blanks" */
    size_t length = strlen(tuple_type);
    int needed = snprintf(tuple_type + length, LINE_NBYTES - length, "%s%s", length ? " " : "", rest);
    if (needed < 0 || (size_t)needed >= LINE_NBYTES - length)
        return r2g_fail(parser->err, R2G_ECORRUPT, "PAM tuple type is too long");
    return R2G_OK;
}

static r2g_status read_pam(struct parser *parser) {
    struct r2g_pnm_header *header = parser->header;
    char line[LINE_NBYTES], tuple_type[LINE_NBYTES] = "";
    uint32_t depth = 0;
    r2g_status status = read_line(parser, line); /* what stands behind "P7" */
    if (status == R2G_OK && strncmp(line, "332", 3) == 0)
        return r2g_fail(parser->err, R2G_EFORMAT, "an XV thumbnail, which this program does not read");
    if (status == R2G_OK && *line)
        return r2g_fail(parser->err, R2G_ECORRUPT, "\"P7\" is not followed by the end of the line");
    while (status == R2G_OK) {
        status = read_line(parser, line);
        if (status != R2G_OK || strcmp(line, "ENDHDR") == 0)
            break;
        char *rest = line + strcspn(line, " \t\r");
        if (*rest)
            *rest++ = '\0';
        rest += strspn(rest, " \t\r");
        if (*line)
            status = take_line(parser, line, rest, &depth, tuple_type);
    }
    if (status != R2G_OK)
        return status;
    if (!header->width || !header->height || !depth || !header->maxval)
        return r2g_fail(parser->err, R2G_ECORRUPT, "PAM header lacks %s",
                        !header->width    ? "WIDTH"
                        : !header->height ? "HEIGHT"
                        : !depth          ? "DEPTH"
                                          : "MAXVAL");
    return find_layout(parser, tuple_type, depth);
}

r2g_status r2g_pnm_header_read(struct r2g_pnm_header *header, struct r2g_pnm_stream *stream,
                               struct r2g_metadata *metadata, struct r2g_budget *budget, struct r2g_error *err) {
    *header = (struct r2g_pnm_header){0};
    struct parser parser = {
        .header = header, .stream = stream, .metadata = metadata, .comment = {.budget = budget}, .err = err};
    int letter = header_get(&parser);
    int digit = letter == R2G_PNM_NO_BYTE ? letter : header_get(&parser);
    if (digit == R2G_PNM_NO_BYTE)
        return parser.status;
    if (letter == 'P' && (digit == 'f' || digit == 'F'))
        return r2g_fail(err, R2G_EFORMAT, "a PFM (floating point) file, which this program does not read");
    if (letter != 'P' || digit < '1' || digit > '7')
        return r2g_fail(err, R2G_ECORRUPT, "not a PNM or PAM file");
    header->kind = (char)digit;
    r2g_status status = digit == '7' ? read_pam(&parser) : read_pnm(&parser);
    header->data_offset = stream_position(stream);
    r2g_buffer_free(&parser.comment);
    return status;
}
