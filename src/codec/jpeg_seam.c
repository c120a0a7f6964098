/* libjpeg's error manager and its setjmp. See jpeg_seam.h. */
#include "codec/jpeg_seam.h"

#include <ctype.h>
#include <string.h>

#include <jerror.h>

#include "base/fault.h"

/* libjpeg's own text without its prefixes, starting in lower case unless it starts with a name. */
static const char *message(j_common_ptr cinfo, char text[JMSG_LENGTH_MAX]) {
    static const char *const prefixes[] = {"Corrupt JPEG data: ", "Warning: ", "Invalid JPEG file structure: "};
    cinfo->err->format_message(cinfo, text);
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
            return text + strlen(prefixes[i]);
    if (isupper((unsigned char)text[0]) && islower((unsigned char)text[1]))
        text[0] = (char)tolower((unsigned char)text[0]);
    return text;
}

static void on_error(j_common_ptr cinfo) {
    struct r2g_jpeg_seam *seam = (struct r2g_jpeg_seam *)cinfo->err;
    char text[JMSG_LENGTH_MAX];
    const char *words = message(cinfo, text);
    switch (seam->manager.msg_code) {
    case JERR_OUT_OF_MEMORY:
        (void)r2g_fail(&seam->failure, R2G_ENOMEM, "out of memory in libjpeg");
        break;
    case JERR_NO_BACKING_STORE:
        (void)r2g_fail(&seam->failure, R2G_ELIMIT, "the JPEG's coefficients do not fit the memory limit");
        break;
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
        (void)r2g_fail(&seam->failure, R2G_ELIMIT, "JPEG is too large for libjpeg: %s", words);
        break;
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED:
        (void)r2g_fail(&seam->failure, R2G_EFORMAT, "this kind of JPEG is not supported by libjpeg: %s", words);
        break;
    default:
        (void)r2g_fail(&seam->failure, R2G_ECORRUPT, "damaged JPEG data: %s", words);
    }
    r2g_jpeg_leave(seam);
}

/* Warnings after which libjpeg makes up pixels, as opposed to oddities that change nothing. */
static bool loses_pixels(int code) {
    return code == JWRN_HIT_MARKER || code == JWRN_JPEG_EOF || code == JWRN_HUFF_BAD_CODE || code == JWRN_MUST_RESYNC ||
           code == JWRN_ARITH_BAD_CODE || code == JWRN_BOGUS_PROGRESSION;
}

static void on_message(j_common_ptr cinfo, int level) {
    struct r2g_jpeg_seam *seam = (struct r2g_jpeg_seam *)cinfo->err;
    char text[JMSG_LENGTH_MAX];
    if (level >= 0)
        return;
    if (loses_pixels(seam->manager.msg_code))
        on_error(cinfo);
    /* without its figures, so that a file with many such places leaves room for other notes */
    bool extraneous = seam->manager.msg_code == JWRN_EXTRANEOUS_DATA;
    r2g_jpeg_note(seam, extraneous ? "extraneous bytes before a marker" : message(cinfo, text));
}

static void on_output(j_common_ptr cinfo) {
    (void)cinfo;
}

void r2g_jpeg_seam_init(struct r2g_jpeg_seam *seam, char *note, size_t note_nbytes) {
    jpeg_std_error(&seam->manager);
    seam->manager.error_exit = on_error;
    seam->manager.emit_message = on_message;
    seam->manager.output_message = on_output;
    seam->note = note;
    seam->note_nbytes = note_nbytes;
}

r2g_status r2g_jpeg_guard(struct r2g_jpeg_seam *seam, void (*step)(void *object), void *object, struct r2g_error *err) {
    if (setjmp(seam->jump) == 0) {
        step(object);
        return R2G_OK;
    }
    if (err != NULL)
        *err = seam->failure;
    return seam->failure.status;
}

/* Fails as libjpeg does when malloc refuses. */
static struct r2g_jpeg_seam *pass_site(j_common_ptr cinfo) {
    if (r2g_fault(R2G_FAULT_ALLOC))
        ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0);
    return (struct r2g_jpeg_seam *)cinfo->err;
}

static void *watched_small(j_common_ptr cinfo, int pool, size_t nbytes) {
    return pass_site(cinfo)->alloc_small(cinfo, pool, nbytes);
}

static void *watched_large(j_common_ptr cinfo, int pool, size_t nbytes) {
    return pass_site(cinfo)->alloc_large(cinfo, pool, nbytes);
}

static JSAMPARRAY watched_rows(j_common_ptr cinfo, int pool, JDIMENSION row_nbytes, JDIMENSION row_count) {
    return pass_site(cinfo)->alloc_rows(cinfo, pool, row_nbytes, row_count);
}

void r2g_jpeg_watch_memory(j_common_ptr cinfo) {
    struct r2g_jpeg_seam *seam = pass_site(cinfo);
    seam->alloc_small = cinfo->mem->alloc_small;
    seam->alloc_large = cinfo->mem->alloc_large;
    seam->alloc_rows = cinfo->mem->alloc_sarray;
    cinfo->mem->alloc_small = watched_small;
    cinfo->mem->alloc_large = watched_large;
    cinfo->mem->alloc_sarray = watched_rows;
}

void r2g_jpeg_leave(struct r2g_jpeg_seam *seam) {
    longjmp(seam->jump, 1);
}

void r2g_jpeg_note(struct r2g_jpeg_seam *seam, const char *text) {
    if (seam->note == NULL || strstr(seam->note, text) != NULL)
        return;
    size_t used = strlen(seam->note);
    const char *gap = used > 0 ? "; " : "";
    if (used + strlen(gap) + strlen(text) < seam->note_nbytes)
        snprintf(seam->note + used, seam->note_nbytes - used, "%s%s", gap, text);
}
