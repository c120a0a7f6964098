#include "gateway/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct r2g_problem_text texts[R2G_PROBLEM_COUNT] = {
    [R2G_PROBLEM_NONE] = {"none", 200, "No problem"},
    [R2G_PROBLEM_BAD_REQUEST] = {"bad-request", 400, "The request cannot be read"},
    [R2G_PROBLEM_BAD_OPTION] = {"bad-option", 422, "An option makes no sense"},
    [R2G_PROBLEM_TOKEN_NEEDED] = {"token-needed", 401, "A token is needed"},
    [R2G_PROBLEM_WRONG_HOST] = {"wrong-host", 421, "This server is not known by that name"},
    [R2G_PROBLEM_WRONG_ORIGIN] = {"wrong-origin", 403, "The request was sent by a page of another site"},
    [R2G_PROBLEM_NOT_FOUND] = {"not-found", 404, "There is no such thing here"},
    [R2G_PROBLEM_METHOD_NOT_ALLOWED] = {"method-not-allowed", 405, "This method is not allowed here"},
    [R2G_PROBLEM_NOT_READY] = {"not-ready", 409, "The job has no result"},
    [R2G_PROBLEM_CONFLICT] = {"conflict", 409, "The upload is in another state"},
    [R2G_PROBLEM_GONE] = {"gone", 410, "It has expired or was removed"},
    [R2G_PROBLEM_LENGTH_NEEDED] = {"length-needed", 411, "The length is needed"},
    [R2G_PROBLEM_TUS_VERSION] = {"tus-version", 412, "This version of tus is not spoken"},
    [R2G_PROBLEM_TOO_LARGE] = {"too-large", 413, "More bytes than are allowed"},
    [R2G_PROBLEM_UNSUPPORTED_TYPE] = {"unsupported-type", 415, "This type is not read"},
    [R2G_PROBLEM_BAD_RANGE] = {"bad-range", 416, "The range lies outside"},
    [R2G_PROBLEM_TOO_SLOW] = {"too-slow", 408, "The request did not come in time"},
    [R2G_PROBLEM_TOO_MANY_REQUESTS] = {"too-many-requests", 429, "Too many requests"},
    [R2G_PROBLEM_TOO_MANY_CONNECTIONS] = {"too-many-connections", 503, "Too many connections"},
    [R2G_PROBLEM_NOT_IMPLEMENTED] = {"not-implemented", 501, "This method is not known here"},
    [R2G_PROBLEM_HEADER_TOO_LARGE] = {"header-too-large", 431, "The header is too large"},
    [R2G_PROBLEM_QUEUE_FULL] = {"queue-full", 503, "Too many jobs are waiting"},
    [R2G_PROBLEM_STOPPING] = {"stopping", 503, "The server is being stopped"},
    [R2G_PROBLEM_QUOTA_FULL] = {"quota-full", 507, "There is no space left"},
    [R2G_PROBLEM_INTERNAL] = {"internal", 500, "Something went wrong inside"},
    [R2G_PROBLEM_NOT_SERVING] = {"not-serving", 503, "The server cannot take jobs now"},
    [R2G_PROBLEM_CORRUPT_IMAGE] = {"corrupt-image", 422, "The image is damaged"},
    [R2G_PROBLEM_UNSUPPORTED_IMAGE] = {"unsupported-image", 415, "The image cannot be read"},
    [R2G_PROBLEM_TOO_MANY_PIXELS] = {"too-many-pixels", 413, "The image has too many pixels"},
    [R2G_PROBLEM_OUT_OF_MEMORY] = {"out-of-memory", 413, "The image needs too much memory"},
    [R2G_PROBLEM_TIME_LIMIT] = {"time-limit", 504, "The conversion took too long"},
    [R2G_PROBLEM_CRASHED] = {"crashed", 500, "The conversion crashed"},
    [R2G_PROBLEM_LAUNCH_FAILED] = {"launch-failed", 502, "The conversion could not be started"},
    [R2G_PROBLEM_CANCELLED] = {"cancelled", 409, "The job was cancelled"},
};
/* clang-format on */

const struct r2g_problem_text *r2g_problem_text(enum r2g_problem problem) {
    return (unsigned)problem < R2G_PROBLEM_COUNT ? &texts[problem] : &texts[R2G_PROBLEM_INTERNAL];
}

enum r2g_problem r2g_problem_by_type(const char *type) {
    for (unsigned i = 1; i < R2G_PROBLEM_COUNT; i++) {
        if (strcmp(texts[i].type, type) == 0)
            return (enum r2g_problem)i;
    }
    return R2G_PROBLEM_NONE;
}

enum r2g_problem r2g_problem(struct r2g_error *err, enum r2g_problem problem, const char *format, ...) {
    char text[sizeof((struct r2g_error *)0)->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)!r2g_fail(err, R2G_EINTERNAL, "%s", text);
    return problem;
}
