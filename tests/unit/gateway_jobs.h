/* What tests of the gateway's jobs share: a spool of their own, settings without a configuration file, pictures, waiting. */
#ifndef R2G_TESTS_GATEWAY_JOBS_H
#define R2G_TESTS_GATEWAY_JOBS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/jobs.h"

#define WAIT_MS 60000

/* What a gateway would be told: small limits, mpirun, one rank. */
static inline struct r2g_settings test_settings(const char *spool) {
    return (struct r2g_settings){
        .spool = spool,
        .program = getenv("RGB2GRAY"),
        .launcher = "mpirun",
        .max_body_nbytes = UINT64_C(1) << 30,
        .ranks = 1,
        .max_ranks = 4,
        .pool_max_pixels = UINT64_C(16) << 20,
        .jobs = 1,
        .queue = 100,
        .client_queue = 100,
        .max_pixels = UINT64_C(100) << 20,
        .job_mem_nbytes = UINT64_C(2) << 30,
        .job_wall_s = 60,
        .slurm_poll_s = 1,
        .quota_nbytes = UINT64_C(1) << 30,
        .expire_s = 3600,
        .upload_expire_s = 3600,
    };
}

/* A new folder; the caller frees the name. */
static inline char *test_folder(void) {
    const char *base = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    char *folder = NULL;
    assert_true(asprintf(&folder, "%s/r2g-jobs-XXXXXX", base) > 0);
    assert_non_null(mkdtemp(folder));
    return folder;
}

static inline void test_remove(char *folder) {
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
    free(folder);
}

/* The bytes of a file; the caller frees them. NULL if there is none. */
static inline uint8_t *test_read_fd(int fd, size_t *nbytes) {
    struct stat is;
    assert_int_equal(fstat(fd, &is), 0);
    uint8_t *bytes = malloc((size_t)is.st_size + 1);
    assert_non_null(bytes);
    *nbytes = 0;
    ssize_t got;
    while ((got = pread(fd, bytes + *nbytes, (size_t)is.st_size - *nbytes, (off_t)*nbytes)) > 0)
        *nbytes += (size_t)got;
    return bytes;
}

static inline uint8_t *test_read(const char *path, size_t *nbytes) {
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    uint8_t *bytes = test_read_fd(fileno(file), nbytes);
    fclose(file);
    return bytes;
}

/* Makes a PNM of noise-like rows, so that it needs no other program. */
static inline uint8_t *test_picture(unsigned width, unsigned height, size_t *nbytes) {
    char header[64];
    size_t head = (size_t)snprintf(header, sizeof header, "P6\n%u %u\n255\n", width, height);
    *nbytes = head + (size_t)width * height * 3;
    uint8_t *bytes = malloc(*nbytes);
    assert_non_null(bytes);
    memcpy(bytes, header, head);
    uint32_t state = 1;
    for (size_t i = head; i < *nbytes; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(state >> 24);
    }
    return bytes;
}

static inline enum r2g_problem test_submit(struct r2g_jobs *jobs, const char *client, const void *bytes, size_t nbytes,
                                           struct r2g_job *job) {
    struct r2g_incoming *incoming;
    struct r2g_error err = {0};
    snprintf(job->client, sizeof job->client, "%s", client);
    enum r2g_problem problem = r2g_incoming_new(&incoming, jobs, &err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    problem = r2g_incoming_append(incoming, bytes, nbytes, &err);
    if (problem == R2G_PROBLEM_NONE)
        problem = r2g_jobs_submit(jobs, incoming, job, &err);
    r2g_incoming_free(incoming);
    if (problem != R2G_PROBLEM_NONE)
        print_message("refused: %s\n", err.text);
    return problem;
}

/* Waits for the end and checks the state. */
static inline void test_await(struct r2g_jobs *jobs, struct r2g_job *job, enum r2g_job_state state) {
    struct r2g_error err = {0};
    assert_int_equal(r2g_jobs_wait(jobs, job->id, WAIT_MS, job, &err), R2G_PROBLEM_NONE);
    if (job->state != state)
        print_message("job: %s, %s: %s\n", r2g_job_state_name(job->state), r2g_problem_text(job->problem)->type,
                      job->detail);
    assert_int_equal(job->state, state);
}

#endif
