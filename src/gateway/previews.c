/* How previews are made.
 *
 * A making is one preview that is wanted and not yet there. It is in a list from the first request for it until its
 * thread has ended and nobody waits for it any more. The lock guards the list, the makings in it and the number of
 * children; it is held for moments only. A request that finds the file there does not take it at all.
 */
#include "gateway/previews.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "gateway/child.h"
#include "gateway/outcome.h"
#include "gateway/programs.h"
#include "gateway/times.h"

#define CHILDREN 2
#define MAKINGS 64
#define PREVIEW_WALL_MS 30000
#define TILES_WALL_MS 600000
#define PREVIEW_MAX_NBYTES ((uint64_t)64 << 20)

struct making {
    struct making *next;
    struct r2g_jobs *jobs;
    const struct r2g_settings *settings;
    struct r2g_job job;
    enum r2g_preview_of of;
    unsigned size; /* 0: tiles */
    bool ended;
    unsigned waiters;
    enum r2g_problem problem;
    struct r2g_error err;
    char last_line[sizeof((struct r2g_error *)0)->text]; /* of the child's errors */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed; /* of the clock that never goes back: set up before the first use */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct making *makings;
static unsigned making_count, children, threads;
static bool stopping;
static int stop_fd = -1;

static void set_up(void) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &attributes);
    pthread_condattr_destroy(&attributes);
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

unsigned r2g_preview_size(uint64_t asked) {
    unsigned size = 256;
    while (size < asked && size < 2048)
        size *= 2;
    return size;
}

static const char *word(enum r2g_preview_of of) {
    return of == R2G_PREVIEW_RESULT ? "result" : "original";
}

/* The file whose being there says that all is made. */
static void file_name(enum r2g_preview_of of, unsigned size, char name[64]) {
    if (size)
        snprintf(name, 64, "preview-%s-%u.jpg", word(of), size);
    else
        snprintf(name, 64, "tiles-%s/tiles.json", word(of));
}

/* ---- in the thread of a making ---- */

static void take_line(void *user, bool is_error, const char *line) {
    struct making *making = user;
    if (is_error)
        snprintf(making->last_line, sizeof making->last_line, "%s", line);
}

/* What the program's exit code means (see rgb2gray/status.h). */
static enum r2g_problem problem_of(const struct r2g_child_result *result) {
    switch (result->end) {
    case R2G_CHILD_STOPPED:
        return R2G_PROBLEM_STOPPING;
    case R2G_CHILD_TOO_LONG:
        return R2G_PROBLEM_TIME_LIMIT;
    case R2G_CHILD_SIGNALLED:
        return R2G_PROBLEM_CRASHED;
    case R2G_CHILD_EXITED:
        break;
    }
    switch (result->exit_code) {
    case R2G_OK:
    case R2G_EEXISTS: /* tiles of before a crash: whole, as they have their name */
        return R2G_PROBLEM_NONE;
    case R2G_EINPUT:
        return R2G_PROBLEM_GONE; /* removed meanwhile */
    case R2G_EFORMAT:
        return R2G_PROBLEM_UNSUPPORTED_IMAGE;
    case R2G_ECORRUPT:
        return R2G_PROBLEM_CORRUPT_IMAGE;
    case R2G_ELIMIT:
        return R2G_PROBLEM_TOO_MANY_PIXELS;
    case R2G_ENOMEM:
        return R2G_PROBLEM_OUT_OF_MEMORY;
    default:
        return R2G_PROBLEM_INTERNAL;
    }
}

static enum r2g_problem run(struct making *making, const char *in, const char *out, const char *folder) {
    char size[16], memory[32], pixels[32], program[PATH_MAX];
    struct r2g_child_result result;
    const struct r2g_settings *settings = making->settings;
    struct r2g_error *err = &making->err;
    if (!r2g_program_find(settings->program, program, sizeof program))
        return r2g_problem(err, R2G_PROBLEM_INTERNAL, "the program for previews cannot be found");
    snprintf(size, sizeof size, "%u", making->size);
    snprintf(memory, sizeof memory, "%llu", (unsigned long long)settings->job_mem_nbytes);
    snprintf(pixels, sizeof pixels, "%llu", (unsigned long long)settings->max_pixels);
    const char *const preview[] = {program,  "preview", "--max-pixels", pixels, "--mem-limit", memory,
                                   "--size", size,      "--force",      "-o",   out,           in,
                                   NULL};
    const char *const tiles[] = {
        program, "preview", "--max-pixels", pixels, "--mem-limit", memory, "--tiles", "-o", out, in, NULL};
    const char **environment = r2g_child_environment(settings, folder, NULL, err);
    if (!environment)
        return R2G_PROBLEM_INTERNAL;
    const struct r2g_child_request request = {
        .arguments = making->size ? preview : tiles,
        .environment = environment,
        .folder = folder,
        .memory_nbytes = settings->job_mem_nbytes + ((uint64_t)1 << 30),
        .file_nbytes = PREVIEW_MAX_NBYTES,
        .cpu_s = (making->size ? PREVIEW_WALL_MS : TILES_WALL_MS) / 1000 * 2,
        .wall_ms = making->size ? PREVIEW_WALL_MS : TILES_WALL_MS,
        .stop_fd = stop_fd,
        .line = take_line,
        .user = making,
    };
    r2g_status status = r2g_child_run(&request, &result, err);
    free(environment);
    enum r2g_problem problem = status == R2G_OK ? problem_of(&result) : R2G_PROBLEM_INTERNAL;
    if (problem == R2G_PROBLEM_NONE)
        return problem;
    /* Removed meanwhile, perhaps before the program could begin in it. */
    if (access(folder, F_OK) != 0 && errno == ENOENT)
        return r2g_problem(err, R2G_PROBLEM_GONE, "no preview: the job was removed");
    if (status != R2G_OK)
        return problem;
    static const char prefix[] = "rgb2gray: ";
    const char *line = making->last_line;
    char said[sizeof making->last_line];
    r2g_outcome_clean(folder, strncmp(line, prefix, strlen(prefix)) == 0 ? line + strlen(prefix) : line, said,
                      sizeof said);
    return r2g_problem(err, problem, "no preview: %s", said[0] ? said : r2g_problem_text(problem)->title);
}

/* Bytes of a file, or of the files of a folder and of the folders in it; with `remove`, all of it goes. */
static uint64_t measure(int parent, const char *name, int depth, bool removing) {
    struct stat info;
    uint64_t nbytes = 0;
    if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    if (!S_ISDIR(info.st_mode)) {
        if (removing)
            unlinkat(parent, name, 0);
        return (uint64_t)info.st_size;
    }
    int fd = depth > 0 ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            nbytes += measure(fd, entry->d_name, depth - 1, removing);
    }
    if (folder)
        closedir(folder);
    else if (fd >= 0)
        close(fd);
    if (removing)
        unlinkat(parent, name, AT_REMOVEDIR);
    return nbytes;
}

/* What cannot be paid for is removed again, so that it is either counted or not there. */
static enum r2g_problem make(struct making *making) {
    char in[PATH_MAX], out[PATH_MAX], folder[PATH_MAX], name[64];
    file_name(making->of, making->size, name);
    if (!making->size)
        *strchr(name, '/') = '\0';
    r2g_jobs_path(making->jobs, making->job.id, word(making->of), in);
    r2g_jobs_path(making->jobs, making->job.id, name, out);
    r2g_jobs_path(making->jobs, making->job.id, "", folder);
    folder[strlen(folder) - 1] = '\0';
    enum r2g_problem problem = run(making, in, out, folder);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    problem = r2g_jobs_take_space(making->jobs, making->job.id, measure(AT_FDCWD, out, 2, false), &making->err);
    if (problem != R2G_PROBLEM_NONE)
        measure(AT_FDCWD, out, 2, true);
    return problem;
}

static void *make_thread(void *user) {
    struct making *making = user;
    pthread_mutex_lock(&lock);
    while (children >= CHILDREN && !stopping)
        pthread_cond_wait(&changed, &lock);
    bool go = !stopping;
    children += go;
    pthread_mutex_unlock(&lock);
    enum r2g_problem problem =
        go ? make(making) : r2g_problem(&making->err, R2G_PROBLEM_STOPPING, "the server is being stopped");
    pthread_mutex_lock(&lock);
    children -= go;
    making->problem = problem;
    making->ended = true;
    threads--;
    pthread_cond_broadcast(&changed);
    struct making **at = &makings;
    while (*at != making)
        at = &(*at)->next;
    *at = making->next;
    making_count--;
    bool last = making->waiters == 0;
    pthread_mutex_unlock(&lock);
    if (last)
        free(making);
    return NULL;
}

/* ---- in the thread of a request; with the lock held ---- */

static struct making *find(const char *id, enum r2g_preview_of of, unsigned size) {
    struct making *making = makings;
    while (making && (making->of != of || making->size != size || strcmp(making->job.id, id) != 0))
        making = making->next;
    return making;
}

static enum r2g_problem begin(const struct making *wanted, struct making **begun, struct r2g_error *err) {
    pthread_t thread;
    pthread_attr_t attributes;
    if (stopping)
        return r2g_problem(err, R2G_PROBLEM_STOPPING, "the server is being stopped");
    if (making_count >= MAKINGS)
        return r2g_problem(err, R2G_PROBLEM_QUEUE_FULL, "too many previews are being made");
    struct making *making = r2g_new(sizeof *making, err);
    if (!making)
        return R2G_PROBLEM_INTERNAL;
    *making = *wanted;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int failed = pthread_create(&thread, &attributes, make_thread, making);
    pthread_attr_destroy(&attributes);
    if (failed) {
        free(making);
        return r2g_problem(err, R2G_PROBLEM_INTERNAL, "no thread for a preview");
    }
    making->next = makings;
    makings = making;
    making_count++;
    threads++;
    *begun = making;
    return R2G_PROBLEM_NONE;
}

/* Waits for the making's end; *ended tells whether it came. */
static enum r2g_problem wait_for(struct making *making, int wait_ms, bool *ended, struct r2g_error *err) {
    enum r2g_problem problem = R2G_PROBLEM_NONE;
    struct timespec until = r2g_in_ms(wait_ms);
    making->waiters++;
    while (!making->ended && pthread_cond_timedwait(&changed, &lock, &until) != ETIMEDOUT)
        ;
    *ended = making->ended;
    making->waiters--;
    if (!making->ended)
        return problem;
    problem = making->problem;
    if (problem != R2G_PROBLEM_NONE)
        *err = making->err;
    if (making->waiters == 0)
        free(making); /* its thread has left it to us */
    return problem;
}

/* ---- */

static enum r2g_problem open_made(const struct making *wanted, int wait_ms, int *fd, uint64_t *nbytes,
                                  struct r2g_error *err) {
    char name[64];
    bool ended = false;
    struct making *making;
    *fd = -1;
    file_name(wanted->of, wanted->size, name);
    if (wanted->of == R2G_PREVIEW_RESULT && wanted->job.state != R2G_JOB_DONE)
        return r2g_problem(err, R2G_PROBLEM_NOT_READY, "the job is %s", r2g_job_state_name(wanted->job.state));
    pthread_once(&once, set_up);
    pthread_mutex_lock(&lock);
    making = find(wanted->job.id, wanted->of, wanted->size);
    pthread_mutex_unlock(&lock);
    /* a file that is being made may be there already, and not yet be paid for */
    if (!making && r2g_jobs_open_file(wanted->jobs, &wanted->job, name, fd, nbytes, err) == R2G_PROBLEM_NONE)
        return R2G_PROBLEM_NONE;
    pthread_mutex_lock(&lock);
    making = find(wanted->job.id, wanted->of, wanted->size);
    enum r2g_problem problem = making ? R2G_PROBLEM_NONE : begin(wanted, &making, err);
    if (problem == R2G_PROBLEM_NONE)
        problem = wait_for(making, wait_ms, &ended, err);
    pthread_mutex_unlock(&lock);
    if (problem == R2G_PROBLEM_NONE && ended)
        problem = r2g_jobs_open_file(wanted->jobs, &wanted->job, name, fd, nbytes, err);
    return problem;
}

enum r2g_problem r2g_preview_open(struct r2g_jobs *jobs, const struct r2g_settings *settings, const struct r2g_job *job,
                                  enum r2g_preview_of of, unsigned size, int wait_ms, int *fd, uint64_t *nbytes,
                                  struct r2g_error *err) {
    const struct making wanted = {.jobs = jobs, .settings = settings, .job = *job, .of = of, .size = size};
    return open_made(&wanted, wait_ms, fd, nbytes, err);
}

enum r2g_problem r2g_tiles_open(struct r2g_jobs *jobs, const struct r2g_settings *settings, const struct r2g_job *job,
                                enum r2g_preview_of of, int wait_ms, int *fd, uint64_t *nbytes, struct r2g_error *err) {
    return r2g_preview_open(jobs, settings, job, of, 0, wait_ms, fd, nbytes, err);
}

void r2g_previews_stop(void) {
    const uint64_t one = 1;
    pthread_once(&once, set_up);
    pthread_mutex_lock(&lock);
    stopping = true;
    if (write(stop_fd, &one, sizeof one) != sizeof one)
        stop_fd = -1; /* then children end at their own limit of time */
    pthread_cond_broadcast(&changed);
    while (threads > 0)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}
