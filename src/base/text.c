#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#include <rgb2gray/status.h>

static void with_unit(char *text, size_t text_nbytes, uint64_t nbytes, double step, const char *const *units) {
    double value = (double)nbytes;
    size_t unit = 0;
    while (value >= step * 0.9995 && units[unit + 1]) {
        value /= step;
        unit++;
    }
    if (unit == 0)
        snprintf(text, text_nbytes, "%" PRIu64 " %s", nbytes, nbytes == 1 ? "byte" : units[0]);
    else
        snprintf(text, text_nbytes, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, units[unit]);
}

void r2g_text_size(char *text, size_t text_nbytes, uint64_t nbytes) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", NULL};
    with_unit(text, text_nbytes, nbytes, 1000, units);
}

void r2g_text_memory(char *text, size_t text_nbytes, uint64_t nbytes) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", NULL};
    with_unit(text, text_nbytes, nbytes, 1024, units);
}

void r2g_text_time(char *text, size_t text_nbytes, int64_t ns) {
    double ms = (double)ns / 1e6, s = ms / 1e3;
    if (ms < 999.5)
        snprintf(text, text_nbytes, "%.*f ms", ms < 0.9995 ? 3 : ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0, ms);
    else if (s < 119.5)
        snprintf(text, text_nbytes, "%.*f s", s < 9.995 ? 2 : s < 99.95 ? 1 : 0, s);
    else if (s < 7200)
        snprintf(text, text_nbytes, "%d min %d s", (int)s / 60, (int)s % 60);
    else
        snprintf(text, text_nbytes, "%" PRId64 " h %d min", ns / INT64_C(3600000000000),
                 (int)(ns / INT64_C(60000000000) % 60));
}

size_t r2g_text_character(const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4)
        return 0;
    size_t nbytes = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    unsigned char least = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char most = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < least || s[1] > most)
        return 0;
    for (size_t i = 2; i < nbytes; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    }
    return nbytes;
}

void r2g_text_plain(char *text, size_t text_nbytes, const char *from) {
    struct r2g_error cleaned; /* where such texts are made fit for a terminal already */
    (void)!r2g_fail(&cleaned, R2G_OK, "%s", from);
    snprintf(text, text_nbytes, "%s", cleaned.text);
}

void r2g_text_wrap(FILE *file, const char *text, int column, int indent, int width) {
    for (int first = 1; *text; first = 0) {
        int length = (int)strcspn(text, " ");
        if (!first && column + 1 + length > width) {
            fprintf(file, "\n%*s", indent, "");
            column = indent;
        } else if (!first) {
            putc(' ', file);
            column++;
        }
        fprintf(file, "%.*s", length, text);
        column += length;
        text += length;
        text += strspn(text, " ");
    }
    putc('\n', file);
}
