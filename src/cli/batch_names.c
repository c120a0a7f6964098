#include "cli/batch_names.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "codec/codec.h"

static const char *const fields[] = {"{dir}", "{stem}", "{ext}", "{name}"};
enum { DIR, STEM, EXT, NAME, FIELD_COUNT };

/* The field that text begins with, or FIELD_COUNT. */
static size_t field_of(const char *text) {
    size_t field = 0;
    while (field < FIELD_COUNT && strncmp(text, fields[field], strlen(fields[field])) != 0)
        field++;
    return field;
}

r2g_status r2g_batch_template_check(const char *text, struct r2g_error *err) {
    bool names = false;
    for (const char *at = text; *at;) {
        size_t field = *at == '{' ? field_of(at) : FIELD_COUNT;
        if ((*at == '{' && field == FIELD_COUNT) || *at == '}')
            return r2g_fail(err, R2G_EUSAGE, "--name knows {dir}, {stem}, {ext} and {name}, not \"%.20s\"", at);
        names = names || field == STEM || field == NAME;
        at += field < FIELD_COUNT ? strlen(fields[field]) : 1;
    }
    if (!names)
        return r2g_fail(err, R2G_EUSAGE, "--name needs {stem} or {name}, or all pictures would have one name");
    return R2G_OK;
}

void r2g_batch_below(char *path) {
    char *end = path;
    for (const char *part = path; *part;) {
        size_t length = strcspn(part, "/");
        const char *next = part + length + (part[length] == '/');
        if (length == 2 && memcmp(part, "..", 2) == 0) {
            while (end > path && *--end != '/') { /* the part before goes */
            }
        } else if (length > 0 && !(length == 1 && *part == '.')) {
            if (end > path)
                *end++ = '/';
            memmove(end, part, length); /* never to the right of where it was */
            end += length;
        }
        part = next;
    }
    *end = '\0';
}

static const char *ending_for(const char *base, const char *dot, const char *format) {
    const struct r2g_codec *codec = format ? r2g_codec_by_name(format) : NULL;
    if (codec)
        return codec->extensions[0];
    return *dot && r2g_codec_by_file_name(base) ? dot + 1 : "png";
}

r2g_status r2g_batch_output_name(const char *template, const char *relative, const char *format, char *name,
                                 size_t name_nbytes, struct r2g_error *err) {
    const char *slash = strrchr(relative, '/'), *base = slash ? slash + 1 : relative, *dot = strrchr(base, '.');
    if (!dot || dot == base)
        dot = base + strlen(base);
    const char *values[FIELD_COUNT] = {relative, base, ending_for(base, dot, format), base};
    size_t lengths[FIELD_COUNT] = {slash ? (size_t)(slash - relative) : 0, (size_t)(dot - base), strlen(values[EXT]),
                                   strlen(base)};
    size_t used = 0;
    for (const char *at = template; *at;) {
        size_t field = *at == '{' ? field_of(at) : FIELD_COUNT;
        const char *piece = field < FIELD_COUNT ? values[field] : at;
        size_t length = field < FIELD_COUNT ? lengths[field] : 1;
        if (used + length + 1 >= name_nbytes)
            return r2g_fail(err, R2G_EUSAGE, "the output's name would be too long");
        memcpy(name + used, piece, length);
        used += length;
        at += field < FIELD_COUNT ? strlen(fields[field]) : 1;
    }
    name[used] = '\0';
    r2g_batch_below(name);
    return name[0] ? R2G_OK : r2g_fail(err, R2G_EUSAGE, "the output would have no name");
}

bool r2g_batch_is_image_name(const char *name) {
    static const char *const read_only[] = {".ppm", ".pam"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof read_only / sizeof read_only[0]; i++) {
        if (strcasecmp(dot, read_only[i]) == 0)
            return true;
    }
    return r2g_codec_by_file_name(name) != NULL;
}
