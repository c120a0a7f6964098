#include "gateway/outcome.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "gateway/jobs_inside.h"

#define REPORT_MAX_NBYTES ((off_t)16 << 20)

const char *r2g_outcome_format(const struct r2g_job *job) {
    if (job->options.format[0])
        return job->options.format;
    return strcmp(job->in_format, "pnm") == 0 ? "pgm" : job->in_format;
}

void r2g_outcome_clean(const char *folder, const char *from, char *text, size_t text_nbytes) {
    char prefix[PATH_MAX + 1];
    size_t used = 0;
    snprintf(prefix, sizeof prefix, "%s/", folder);
    size_t length = strlen(prefix);
    while (*from && used + 1 < text_nbytes) {
        if (strncmp(from, prefix, length) == 0)
            from += length;
        else
            text[used++] = *from++;
    }
    text[used] = '\0';
    static const char *const names[] = {"original: ", "result: "};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t nbytes = strlen(names[i]);
        if (strncmp(text, names[i], nbytes) == 0)
            memmove(text, text + nbytes, strlen(text + nbytes) + 1);
    }
}

/* The program's exit codes: include/rgb2gray/status.h. */
static enum r2g_problem by_exit_code(int exit_code, const char *text) {
    switch (exit_code) {
    case R2G_EUSAGE:
        return R2G_PROBLEM_BAD_OPTION;
    case R2G_EINPUT:
    case R2G_ECORRUPT:
        return R2G_PROBLEM_CORRUPT_IMAGE;
    case R2G_EFORMAT:
        return R2G_PROBLEM_UNSUPPORTED_IMAGE;
    case R2G_ELIMIT:
        return strstr(text, "--mem-limit") ? R2G_PROBLEM_OUT_OF_MEMORY : R2G_PROBLEM_TOO_MANY_PIXELS;
    case R2G_ENOMEM:
        return R2G_PROBLEM_OUT_OF_MEMORY;
    case R2G_EOUTPUT:
        return strstr(text, strerrordesc_np(ENOSPC)) || strstr(text, strerrordesc_np(EDQUOT)) ||
                       strstr(text, strerrordesc_np(EFBIG))
                   ? R2G_PROBLEM_QUOTA_FULL
                   : R2G_PROBLEM_INTERNAL;
    case R2G_EMPI:
        return R2G_PROBLEM_LAUNCH_FAILED;
    default:
        return R2G_PROBLEM_INTERNAL;
    }
}

/* The program names its own options, which who asked over HTTP cannot give. */
static void drop_advice(char *text) {
    char *from = strstr(text, " (--m"), *to = from ? strchr(from, ')') : NULL;
    if (to)
        memmove(from, to + 1, strlen(to + 1) + 1);
}

void r2g_outcome_fill(struct r2g_job *job, const struct r2g_attempt *attempt) {
    char text[sizeof job->detail];
    r2g_outcome_clean(attempt->folder, attempt->text, text, sizeof text);
    job->exit_code = attempt->end == R2G_ATTEMPT_EXITED ? attempt->exit_code : -1;
    switch (attempt->end) {
    case R2G_ATTEMPT_EXITED:
        job->problem = by_exit_code(attempt->exit_code, text);
        break;
    case R2G_ATTEMPT_TOO_LONG:
        job->problem = R2G_PROBLEM_TIME_LIMIT;
        break;
    case R2G_ATTEMPT_NOT_LAUNCHED:
        job->problem = R2G_PROBLEM_LAUNCH_FAILED;
        break;
    default:
        job->problem = R2G_PROBLEM_CRASHED;
    }
    drop_advice(text);
    snprintf(job->detail, sizeof job->detail, "%s", text[0] ? text : r2g_problem_text(job->problem)->title);
}

bool r2g_outcome_retry(const struct r2g_attempt *attempt) {
    return attempt->end == R2G_ATTEMPT_CRASHED;
}

static int64_t number_at(const json_t *report, const char *group, const char *part, const char *name) {
    const json_t *at = json_object_get(report, group);
    at = part ? json_object_get(at, part) : at;
    at = json_object_get(at, name);
    return json_is_integer(at) ? (int64_t)json_integer_value(at) : -1;
}

/* Counts a file in the job's folder; false, and the file is gone, where there is no room. */
static bool count_file(struct r2g_attempt *attempt, int folder_fd, const char *name, uint64_t nbytes) {
    struct r2g_jobs *jobs = attempt->jobs;
    if (!r2g_spool_take(jobs->spool, nbytes)) {
        unlinkat(folder_fd, name, 0);
        return false;
    }
    pthread_mutex_lock(&jobs->lock);
    attempt->live->stored.space_nbytes += nbytes;
    pthread_mutex_unlock(&jobs->lock);
    return true;
}

void r2g_outcome_report(struct r2g_attempt *attempt, struct r2g_job *job) {
    struct stat is;
    int folder_fd = r2g_spool_open_job(attempt->jobs->spool, job->id);
    int fd =
        folder_fd >= 0 ? openat(folder_fd, "report.json.part", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    json_t *report = NULL;
    if (fd >= 0 && fstat(fd, &is) == 0 && S_ISREG(is.st_mode) && is.st_size > 0 && is.st_size <= REPORT_MAX_NBYTES)
        report = r2g_json_read(fd, REPORT_MAX_NBYTES);
    if (report) {
        job->parallel_ns = number_at(report, "runs", "parallel", "wall_ns");
        job->sequential_ns = number_at(report, "runs", "sequential", "wall_ns");
        job->launch_ns = number_at(report, "launch", NULL, "launch_ns");
        if (job->width == 0 && number_at(report, "input", NULL, "width") > 0) {
            job->width = (uint64_t)number_at(report, "input", NULL, "width");
            job->height = (uint64_t)number_at(report, "input", NULL, "height");
        }
        if (!job->one_shot)
            (void)fsync(fd); /* a lost report is no lost job */
        if (count_file(attempt, folder_fd, "report.json.part", (uint64_t)is.st_size))
            renameat(folder_fd, "report.json.part", folder_fd, "report.json");
    }
    json_decref(report);
    if (fd >= 0)
        close(fd);
    if (folder_fd >= 0)
        close(folder_fd);
}

static bool checksum(int fd, char text[65]) {
    unsigned char bytes[EVP_MAX_MD_SIZE], piece[65536];
    unsigned nbytes = 0;
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    bool good = sum && EVP_DigestInit_ex(sum, EVP_sha256(), NULL) == 1;
    ssize_t got = 0;
    while (good && (got = read(fd, piece, sizeof piece)) > 0)
        good = EVP_DigestUpdate(sum, piece, (size_t)got) == 1;
    good = good && got == 0 && EVP_DigestFinal_ex(sum, bytes, &nbytes) == 1 && nbytes == 32;
    EVP_MD_CTX_free(sum);
    for (unsigned i = 0; good && i < nbytes; i++)
        snprintf(text + 2 * (size_t)i, 3, "%02x", bytes[i]);
    return good;
}

static bool fail(struct r2g_job *job, enum r2g_problem problem, const char *text) {
    job->problem = problem;
    snprintf(job->detail, sizeof job->detail, "%s", text);
    return false;
}

bool r2g_outcome_take(struct r2g_attempt *attempt, struct r2g_job *job) {
    struct stat is;
    r2g_outcome_report(attempt, job);
    int folder_fd = r2g_spool_open_job(attempt->jobs->spool, job->id);
    int fd = folder_fd >= 0 ? openat(folder_fd, "result", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    bool good = fd >= 0 && fstat(fd, &is) == 0 && S_ISREG(is.st_mode);
    if (!good)
        (void)fail(job, R2G_PROBLEM_INTERNAL, "the program ended well, but there is no result");
    /* who sent a one-shot job is waiting */
    if (good && !job->one_shot && !checksum(fd, job->out_sha256))
        good = fail(job, R2G_PROBLEM_INTERNAL, "the result cannot be read");
    if (good && !count_file(attempt, folder_fd, "result", (uint64_t)is.st_size))
        good = fail(job, R2G_PROBLEM_QUOTA_FULL, "there is no space for the result");
    if (good) {
        job->exit_code = 0;
        job->out_nbytes = (uint64_t)is.st_size;
        job->detail[0] = '\0';
        snprintf(job->out_format, sizeof job->out_format, "%s", r2g_outcome_format(job));
    }
    if (fd >= 0)
        close(fd);
    if (folder_fd >= 0)
        close(folder_fd);
    return good;
}
