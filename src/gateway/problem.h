/* What can go wrong, as a client of the API sees it: one table gives each problem its stable type, HTTP status and
 * title (RFC 9457). The same types stand in the record of a failed job and in openapi.json.
 *
 * Functions of this layer whose failure a client may see return an enum r2g_problem, and put one line for a person into
 * the caller's struct r2g_error. Pure; any thread.
 */
#ifndef R2G_GATEWAY_PROBLEM_H
#define R2G_GATEWAY_PROBLEM_H

#include <rgb2gray/status.h>

enum r2g_problem {
    R2G_PROBLEM_NONE,
    /* of a request */
    R2G_PROBLEM_BAD_REQUEST,          /* 400: cannot be read as HTTP, form, JSON or tus */
    R2G_PROBLEM_BAD_OPTION,           /* 422: an option is unknown, or its value makes no sense */
    R2G_PROBLEM_TOKEN_NEEDED,         /* 401 */
    R2G_PROBLEM_WRONG_HOST,           /* 421: the Host header is none of this server's names */
    R2G_PROBLEM_WRONG_ORIGIN,         /* 403: sent by a page of another site */
    R2G_PROBLEM_NOT_FOUND,            /* 404 */
    R2G_PROBLEM_METHOD_NOT_ALLOWED,   /* 405, with Allow */
    R2G_PROBLEM_NOT_READY,            /* 409: the job has no result (yet); its state is in the text */
    R2G_PROBLEM_CONFLICT,             /* 409: the upload is not at that offset, or is complete, or not yet */
    R2G_PROBLEM_GONE,                 /* 410: expired or removed */
    R2G_PROBLEM_LENGTH_NEEDED,        /* 411 */
    R2G_PROBLEM_TUS_VERSION,          /* 412 */
    R2G_PROBLEM_TOO_LARGE,            /* 413: more bytes than the limit */
    R2G_PROBLEM_UNSUPPORTED_TYPE,     /* 415: a Content-Type, or an image format, that is not read */
    R2G_PROBLEM_BAD_RANGE,            /* 416 */
    R2G_PROBLEM_TOO_SLOW,             /* 408: the body did not come in time */
    R2G_PROBLEM_TOO_MANY_REQUESTS,    /* 429, with Retry-After: of this client */
    R2G_PROBLEM_TOO_MANY_CONNECTIONS, /* 503, with Retry-After: of this client, or streams of all */
    R2G_PROBLEM_HEADER_TOO_LARGE,     /* 431 */
    R2G_PROBLEM_NOT_IMPLEMENTED,      /* 501: a method that HTTP may know, and this server does not */
    R2G_PROBLEM_QUEUE_FULL,           /* 503, with Retry-After */
    R2G_PROBLEM_STOPPING,             /* 503, with Retry-After: the server is being stopped */
    R2G_PROBLEM_QUOTA_FULL,           /* 507: the spool's quota, or the disk */
    R2G_PROBLEM_INTERNAL,             /* 500: please report */
    R2G_PROBLEM_NOT_SERVING,          /* 503, with Retry-After: disk, store or launcher is not as it must be */
    /* of a conversion: the program's exit codes; as an HTTP status for POST /convert */
    R2G_PROBLEM_CORRUPT_IMAGE,     /* 422: damaged or cut short */
    R2G_PROBLEM_UNSUPPORTED_IMAGE, /* 415: a format, or a feature of it */
    R2G_PROBLEM_TOO_MANY_PIXELS,   /* 413: more declared pixels than the limit, or than the output format holds */
    R2G_PROBLEM_OUT_OF_MEMORY,     /* 413: the job's memory limit */
    R2G_PROBLEM_TIME_LIMIT,        /* 504: the job's wall limit */
    R2G_PROBLEM_CRASHED,           /* 500: the conversion was ended by a signal, more than once */
    R2G_PROBLEM_LAUNCH_FAILED,     /* 502: mpirun or Slurm did not start or lost it */
    R2G_PROBLEM_CANCELLED,         /* 409: on request */
    R2G_PROBLEM_COUNT,
};

struct r2g_problem_text {
    const char *type; /* "queue-full": stable; the URI is R2G_PROBLEM_URI followed by it */
    int http_status;
    const char *title; /* short, the same for every occurrence */
};

#define R2G_PROBLEM_URI "urn:rgb2gray:problem:"

/* Never NULL; an unknown value is R2G_PROBLEM_INTERNAL's. */
const struct r2g_problem_text *r2g_problem_text(enum r2g_problem problem);
/* R2G_PROBLEM_NONE where there is no such type. */
enum r2g_problem r2g_problem_by_type(const char *type);

/* Fills *err's text as r2g_fail does (its status is R2G_EINTERNAL) and returns `problem`. */
enum r2g_problem r2g_problem(struct r2g_error *err, enum r2g_problem problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
