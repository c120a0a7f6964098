/* The one place where libjpeg's errors leave it: by longjmp, to r2g_jpeg_guard.
 *
 * A seam belongs to one libjpeg object and lives as long as it. Steps that call libjpeg run inside r2g_jpeg_guard; they
 * own nothing that a jump would lose: everything they take stands in the object that the guard's caller frees.
 */
#ifndef R2G_CODEC_JPEG_SEAM_H
#define R2G_CODEC_JPEG_SEAM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h> /* jpeglib.h needs FILE */

#include <jpeglib.h>

#include <rgb2gray/status.h>

struct r2g_jpeg_seam {
    struct jpeg_error_mgr manager; /* first: libjpeg hands back a pointer to it */
    jmp_buf jump;
    struct r2g_error failure; /* what r2g_jpeg_leave reports */
    char *note;               /* receives tolerated warnings (room for note_nbytes), or NULL */
    size_t note_nbytes;
    /* libjpeg's own allocators, see r2g_jpeg_watch_memory */
    void *(*alloc_small)(j_common_ptr cinfo, int pool, size_t nbytes);
    void *(*alloc_large)(j_common_ptr cinfo, int pool, size_t nbytes);
    JSAMPARRAY (*alloc_rows)(j_common_ptr cinfo, int pool, JDIMENSION row_nbytes, JDIMENSION row_count);
};

/* Prepares *seam; then set the libjpeg object's `err` to &seam->manager before creating the object. */
void r2g_jpeg_seam_init(struct r2g_jpeg_seam *seam, char *note, size_t note_nbytes);

/* Runs step(object). R2G_OK, or what went wrong: libjpeg's errors, its warnings that mean lost pixels (R2G_ECORRUPT),
 * or what a callback left with. */
R2G_MUST_CHECK r2g_status r2g_jpeg_guard(struct r2g_jpeg_seam *seam, void (*step)(void *object), void *object,
                                         struct r2g_error *err);

/* Makes the allocations that libjpeg asks of its memory manager sites of fault injection. Call once in a step, when the
 * object has been created. */
void r2g_jpeg_watch_memory(j_common_ptr cinfo);

/* Ends the step with seam->failure, which was filled before. For callbacks inside a step. */
void r2g_jpeg_leave(struct r2g_jpeg_seam *seam) __attribute__((noreturn));

/* Appends `text` to the note, unless it is there already or does not fit. */
void r2g_jpeg_note(struct r2g_jpeg_seam *seam, const char *text);

#endif
