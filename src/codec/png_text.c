/* The character sets of PNG's texts: Latin-1 (tEXt, zTXt, keywords) and UTF-8 (iTXt). */
#include "codec/png_parts.h"

#include <stdlib.h>
#include <string.h>

char *r2g_png_latin1_to_utf8(const uint8_t *latin1, size_t nbytes, struct r2g_error *err) {
    char *utf8 = r2g_new(2 * nbytes + 1, err);
    if (utf8 == NULL) {
        return NULL;
    }
    size_t at = 0;
    for (size_t i = 0; i < nbytes; i++) {
        if (latin1[i] < 0x80) {
            utf8[at++] = (char)latin1[i];
        } else {
            utf8[at++] = (char)(0xc0 | latin1[i] >> 6);
            utf8[at++] = (char)(0x80 | (latin1[i] & 0x3f));
        }
    }
    return utf8;
}

/* Bytes of the well-formed sequence at the start of the nbytes (> 0) bytes, with its code point; 0 if there is none. */
static size_t decode_utf8(const uint8_t *bytes, size_t nbytes, uint32_t *code) {
    uint8_t lead = bytes[0];
    if (lead < 0x80) {
        *code = lead;
        return 1;
    }
    size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || length > nbytes) {
        return 0;
    }
    uint32_t value = lead & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (bytes[i] & 0x3f);
    }
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
        return 0;
    }
    *code = value;
    return length;
}

bool r2g_png_is_utf8(const uint8_t *bytes, size_t nbytes) {
    for (size_t i = 0; i < nbytes;) {
        uint32_t code;
        size_t length = decode_utf8(bytes + i, nbytes - i, &code);
        if (length == 0 || code == 0) {
            return false;
        }
        i += length;
    }
    return true;
}

size_t r2g_png_utf8_to_latin1(const char *utf8, uint8_t *latin1, bool *exact) {
    const uint8_t *bytes = (const uint8_t *)utf8;
    size_t nbytes = strlen(utf8), count = 0;
    *exact = true;
    for (size_t i = 0; i < nbytes;) {
        uint32_t code = 0;
        size_t length = decode_utf8(bytes + i, nbytes - i, &code);
        if (length == 0 || code > 0xff) {
            *exact = false;
            code = '?';
        }
        latin1[count++] = (uint8_t)code;
        i += length == 0 ? 1 : length;
    }
    return count;
}

r2g_status r2g_png_clean_key(const char *utf8, uint8_t key[PNG_KEY_NBYTES_MAX], size_t *key_nbytes,
                             struct r2g_error *err) {
    char *copy = r2g_copy_text(utf8, err);
    if (copy == NULL) {
        return R2G_ENOMEM;
    }
    bool exact;
    uint8_t *latin1 = (uint8_t *)copy;
    size_t nbytes = r2g_png_utf8_to_latin1(copy, latin1, &exact), count = 0;
    for (size_t i = 0; i < nbytes && count < PNG_KEY_NBYTES_MAX; i++) {
        bool printable = (latin1[i] >= 32 && latin1[i] <= 126) || latin1[i] >= 161;
        uint8_t c = printable ? latin1[i] : (uint8_t)' ';
        if (c != ' ' || (count > 0 && key[count - 1] != ' ')) {
            key[count++] = c;
        }
    }
    free(copy);
    if (count > 0 && key[count - 1] == ' ') {
        count--;
    }
    if (count == 0) {
        memcpy(key, "Comment", 7);
        count = 7;
    }
    *key_nbytes = count;
    return R2G_OK;
}
