/* Error texts. Pure functions over the caller's struct; errno is left as it was found. */
#include <rgb2gray/status.h>

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define TEXT_NBYTES sizeof(((struct r2g_error *)0)->text)

/* Length of the well-formed UTF-8 sequence at `s` (Unicode, table 3-7), 0 if there is none. The terminating NUL stops
 * the look ahead. */
static size_t sequence_nbytes(const unsigned char *s) {
    if (s[0] < 0x80) {
        return 1;
    }
    size_t nbytes = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4) {
        return 0;
    }
    unsigned char low = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < low || s[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < nbytes; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return nbytes;
}

/* U+0000..U+001F, U+007F, and U+0080..U+009F, which some terminals obey too. */
static bool is_control(const unsigned char *s) {
    return s[0] < 0x20 || s[0] == 0x7F || (s[0] == 0xC2 && s[1] < 0xA0);
}

/* Drops the beginning of a sequence cut off at the end of `text`, so that half a letter does not become '?'. */
static void drop_cut_sequence(char *text) {
    size_t nbytes = strlen(text);
    size_t start = nbytes;
    while (start > 0 && nbytes - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) {
        start--;
    }
    if (start > 0 && (unsigned char)text[start - 1] >= 0xC2 &&
        sequence_nbytes((const unsigned char *)text + start - 1) == 0) {
        text[start - 1] = '\0';
    }
}

/* Replaces what is not printable UTF-8. Never makes the text longer. */
static void sanitise(char *text) {
    const unsigned char *in = (const unsigned char *)text;
    char *out = text;
    while (*in != '\0') {
        size_t nbytes = sequence_nbytes(in);
        if (nbytes == 0 || is_control(in)) {
            *out++ = '?';
            in += nbytes == 0 ? 1 : nbytes;
        } else {
            memmove(out, in, nbytes);
            out += nbytes;
            in += nbytes;
        }
    }
    *out = '\0';
}

/* `suffix` is kept whole when the rest must be cut: the cause matters more than the end of a long name. The text is
 * made apart, since the arguments may point into err->text. */
static __attribute__((format(printf, 5, 0))) void fill(struct r2g_error *err, r2g_status status, int sys_errno,
                                                       const char *suffix, const char *format, va_list arguments) {
    if (err == NULL) {
        return;
    }
    char text[TEXT_NBYTES];
    size_t suffix_nbytes = strnlen(suffix, sizeof text / 2);
    size_t room = sizeof text - suffix_nbytes;
    int wanted = vsnprintf(text, room, format, arguments);
    if (wanted < 0) {
        text[0] = '\0';
    } else if ((size_t)wanted >= room) {
        drop_cut_sequence(text);
    }
    size_t nbytes = strlen(text);
    memcpy(text + nbytes, suffix, suffix_nbytes);
    text[nbytes + suffix_nbytes] = '\0';
    sanitise(text);

    memset(err, 0, sizeof *err);
    err->status = status;
    err->sys_errno = sys_errno;
    memcpy(err->text, text, strlen(text));
}

r2g_status r2g_fail(struct r2g_error *err, r2g_status status, const char *format, ...) {
    int saved_errno = errno;
    va_list arguments;
    va_start(arguments, format);
    fill(err, status, 0, "", format, arguments);
    va_end(arguments);
    errno = saved_errno;
    return status;
}

r2g_status r2g_fail_errno(struct r2g_error *err, r2g_status status, int sys_errno, const char *format, ...) {
    int saved_errno = errno;
    char room[128];
    char suffix[sizeof room + 2];
    snprintf(suffix, sizeof suffix, ": %s", strerror_r(sys_errno, room, sizeof room));
    va_list arguments;
    va_start(arguments, format);
    fill(err, status, sys_errno, suffix, format, arguments);
    va_end(arguments);
    errno = saved_errno;
    return status;
}

const char *r2g_status_name(r2g_status status) {
    static const char *const names[] = {
        [R2G_OK] = "ok",
        [R2G_EINTERNAL] = "internal-error",
        [R2G_EUSAGE] = "usage",
        [R2G_EINPUT] = "input",
        [R2G_EFORMAT] = "unsupported",
        [R2G_ECORRUPT] = "corrupt-input",
        [R2G_ELIMIT] = "limit",
        [R2G_EOUTPUT] = "output",
        [R2G_EEXISTS] = "output-exists",
        [R2G_ENOMEM] = "out-of-memory",
        [R2G_EMPI] = "mpi",
        [R2G_EDIFFER] = "outputs-differ",
        [R2G_ECANCELED] = "cancelled",
        [R2G_EPARTIAL] = "some-failed",
        [R2G_ESTOPPED] = "stopped",
    };
    size_t index = (size_t)status;
    return index < sizeof names / sizeof names[0] ? names[index] : "unknown";
}
