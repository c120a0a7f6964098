#include "base/values.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/size.h"

#define WORD_NBYTES 32 /* the longest option or word, and room for a typing error */

/* Reads decimal digits and moves *text past them; false if there are none or the number does not fit. */
static bool read_digits(const char **text, uint64_t *value) {
    const char *p = *text;
    *value = 0;
    for (; isdigit((unsigned char)*p); p++) {
        if (!r2g_u64_mul(*value, 10, value) || !r2g_u64_add(*value, (uint64_t)(*p - '0'), value))
            return false;
    }
    bool any = p != *text;
    *text = p;
    return any;
}

r2g_status r2g_value_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *value,
                          struct r2g_error *err) {
    const char *p = text;
    if (!read_digits(&p, value) || *p != '\0' || *value < least || *value > most)
        return r2g_fail(err, R2G_EUSAGE, "%s takes a whole number from %" PRIu64 " to %" PRIu64 ", not \"%.40s\"",
                        option, least, most, text);
    return R2G_OK;
}

struct suffix {
    const char *text;
    uint64_t factor;
};

static bool read_scaled(const char *text, const struct suffix *suffixes, uint64_t *value) {
    if (!read_digits(&text, value))
        return false;
    for (; suffixes->text; suffixes++) {
        if (strcasecmp(text, suffixes->text) == 0)
            return r2g_u64_mul(*value, suffixes->factor, value);
    }
    return false;
}

r2g_status r2g_value_count(const char *option, const char *text, uint64_t *value, struct r2g_error *err) {
    static const struct suffix decimal[] = {{"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {NULL, 0}};
    if (!read_scaled(text, decimal, value))
        return r2g_fail(err, R2G_EUSAGE, "%s takes a number such as 500000, 500k, 500M or 2G, not \"%.40s\"", option,
                        text);
    return R2G_OK;
}

r2g_status r2g_value_size(const char *option, const char *text, uint64_t *nbytes, struct r2g_error *err) {
    static const struct suffix binary[] = {{"", 1},
                                           {"K", UINT64_C(1) << 10},
                                           {"KiB", UINT64_C(1) << 10},
                                           {"M", UINT64_C(1) << 20},
                                           {"MiB", UINT64_C(1) << 20},
                                           {"G", UINT64_C(1) << 30},
                                           {"GiB", UINT64_C(1) << 30},
                                           {NULL, 0}};
    if (!read_scaled(text, binary, nbytes))
        return r2g_fail(err, R2G_EUSAGE, "%s takes a size such as 800MiB or 4GiB, not \"%.40s\"", option, text);
    return R2G_OK;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex_colour(const char *digits, uint8_t rgb[3]) {
    size_t length = strlen(digits);
    if (length != 3 && length != 6)
        return false;
    size_t step = length / 3;
    for (size_t i = 0; i < 3; i++) {
        int high = hex_digit(digits[i * step]), low = hex_digit(digits[i * step + step - 1]);
        if (high < 0 || low < 0)
            return false;
        rgb[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static bool read_triple(const char *text, uint8_t rgb[3]) {
    for (int i = 0; i < 3; i++) {
        uint64_t value;
        if (!read_digits(&text, &value) || value > 255 || *text != (i < 2 ? ',' : '\0'))
            return false;
        rgb[i] = (uint8_t)value;
        text += i < 2;
    }
    return true;
}

r2g_status r2g_value_colour(const char *option, const char *text, uint8_t rgb[3], struct r2g_error *err) {
    if (strcasecmp(text, "white") == 0 || strcasecmp(text, "black") == 0) {
        memset(rgb, tolower((unsigned char)text[0]) == 'w' ? 255 : 0, 3);
        return R2G_OK;
    }
    if (text[0] == '#' ? read_hex_colour(text + 1, rgb) : read_triple(text, rgb))
        return R2G_OK;
    return r2g_fail(err, R2G_EUSAGE, "%s takes white, black, #RRGGBB, #RGB, or R,G,B from 0 to 255, not \"%.40s\"",
                    option, text);
}

/* The least number of letters to add, drop or change that makes a of b (Levenshtein); both shorter than WORD_NBYTES. */
static size_t letters_apart(const char *a, const char *b) {
    size_t row[WORD_NBYTES + 1];
    size_t b_length = strlen(b);
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < shift ? change : shift;
        }
    }
    return row[b_length];
}

const char *r2g_value_nearest(const char *text, const char *const *words) {
    const char *nearest = NULL;
    size_t least = 3;
    if (strlen(text) >= WORD_NBYTES)
        return NULL;
    for (; *words; words++) {
        size_t apart = letters_apart(text, *words);
        if (apart < least && apart < strlen(*words)) {
            least = apart;
            nearest = *words;
        }
    }
    return nearest;
}

r2g_status r2g_value_word(const char *option, const char *text, const char *const *words, int *index,
                        struct r2g_error *err) {
    char list[120] = "";
    size_t used = 0;
    for (int i = 0; words[i]; i++) {
        if (strcmp(text, words[i]) == 0) {
            *index = i;
            return R2G_OK;
        }
        const char *join = i == 0 ? "" : words[i + 1] ? ", " : " or ";
        int added = snprintf(list + used, sizeof list - used, "%s%s", join, words[i]);
        used = used + (size_t)added < sizeof list ? used + (size_t)added : sizeof list - 1;
    }
    const char *nearest = r2g_value_nearest(text, words);
    if (nearest)
        return r2g_fail(err, R2G_EUSAGE, "%s takes %s, not \"%.40s\"; did you mean \"%s\"?", option, list, text,
                        nearest);
    return r2g_fail(err, R2G_EUSAGE, "%s takes %s, not \"%.40s\"", option, list, text);
}
