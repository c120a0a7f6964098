/* Status codes and errors of librgb2gray.
 *
 * What can fail returns an r2g_status and describes the failure in the caller's struct r2g_error. Nothing here keeps
 * state: an error is a plain value, owned by the caller, and may be used from any thread.
 */
#ifndef RGB2GRAY_STATUS_H
#define RGB2GRAY_STATUS_H

#include <rgb2gray/export.h>

/* The values are also the program's exit codes (see the manual page); R2G_ECANCELED exits with 128 + the signal. */
typedef enum r2g_status {
    R2G_OK = 0,
    R2G_EINTERNAL = 1,  /* a state that should not occur: please report */
    R2G_EUSAGE = 2,     /* options or arguments that make no sense */
    R2G_EINPUT = 3,     /* the input cannot be opened or read */
    R2G_EFORMAT = 4,    /* the input's or output's format, or a feature of it, is not supported */
    R2G_ECORRUPT = 5,   /* the input is damaged or truncated */
    R2G_ELIMIT = 6,     /* a limit (pixels, memory, format) does not allow it */
    R2G_EOUTPUT = 7,    /* the output cannot be created or written */
    R2G_EEXISTS = 8,    /* the output exists and may not be overwritten */
    R2G_ENOMEM = 9,     /* the system refused memory */
    R2G_EMPI = 10,      /* MPI or its launcher failed */
    R2G_EDIFFER = 11,   /* compared outputs are not the same */
    R2G_ECANCELED = 12, /* stopped on request */
    R2G_EPARTIAL = 13,  /* some images of a batch failed; the others are done */
    R2G_ESTOPPED = 14,  /* a batch was stopped by a signal, and can be resumed */
} r2g_status;

/* A failure: what kind, and one line of text for a person. A zeroed struct means "no error". */
struct r2g_error {
    r2g_status status;
    int sys_errno; /* errno of the failed call, or 0 */
    int mpi_code;  /* MPI error code, or 0 */
    int rank;      /* the rank it happened on, 0 when alone */
    char text[400];
};

#define R2G_MUST_CHECK __attribute__((warn_unused_result))

/* Fills *err (may be NULL) with `status` and the formatted text and returns `status`. Call as `return r2g_fail(…)`.
 * Control characters in the text are replaced by '?', since names and messages may come from hostile files. */
R2G_PUBLIC r2g_status r2g_fail(struct r2g_error *err, r2g_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with ": " and the system's text for `sys_errno` appended. */
R2G_PUBLIC r2g_status r2g_fail_errno(struct r2g_error *err, r2g_status status, int sys_errno, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A short constant name, such as "corrupt-input", used in reports. Never NULL. */
R2G_PUBLIC const char *r2g_status_name(r2g_status status);

#endif
