/* Jobs from end to end behind jobs.h, with the real program: results, failures, cancelling, limits, expiry. */
#include "gateway_jobs.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "gateway/times.h"

struct fixture {
    char *folder;
    struct r2g_settings settings;
    struct r2g_jobs *jobs;
};

static int set_up(void **state) {
    if (!getenv("RGB2GRAY"))
        return 0;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->folder = test_folder();
    fixture->settings = test_settings(fixture->folder);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    if (fixture) {
        r2g_jobs_close(fixture->jobs);
        test_remove(fixture->folder);
        free(fixture);
    }
    return 0;
}

static struct r2g_jobs *start(void **state) {
    struct fixture *fixture = *state;
    struct r2g_error err = {0};
    if (!fixture)
        skip();
    r2g_status status = r2g_jobs_open(&fixture->jobs, &fixture->settings, &err);
    if (status != R2G_OK)
        print_message("%s\n", err.text);
    assert_int_equal(status, R2G_OK);
    return fixture->jobs;
}

static void restart(void **state) {
    struct fixture *fixture = *state;
    r2g_jobs_stop(fixture->jobs);
    r2g_jobs_close(fixture->jobs);
    fixture->jobs = NULL;
    start(state);
}

/* What the program alone makes of the same bytes. */
static uint8_t *expected(const char *folder, const void *bytes, size_t nbytes, const char *options,
                         size_t *out_nbytes) {
    char in[4200], out[4200], command[16000];
    snprintf(in, sizeof in, "%s-in", folder);
    snprintf(out, sizeof out, "%s-out", folder);
    FILE *file = fopen(in, "wb");
    assert_int_equal(fwrite(bytes, 1, nbytes, file), nbytes);
    fclose(file);
    snprintf(command, sizeof command, "'%s' %s --force -o '%s' -- '%s'", getenv("RGB2GRAY"), options, out, in);
    assert_int_equal(system(command), 0);
    uint8_t *made = test_read(out, out_nbytes);
    unlink(in);
    unlink(out);
    return made;
}

static void check_result(struct fixture *fixture, struct r2g_job *job, const void *bytes, size_t nbytes,
                         const char *options) {
    struct r2g_error err;
    uint64_t file_nbytes;
    size_t want_nbytes, got_nbytes;
    int fd;
    assert_int_equal(r2g_jobs_open_file(fixture->jobs, job, "result", &fd, &file_nbytes, &err), R2G_PROBLEM_NONE);
    uint8_t *got = test_read_fd(fd, &got_nbytes),
            *want = expected(fixture->folder, bytes, nbytes, options, &want_nbytes);
    close(fd);
    assert_int_equal(got_nbytes, want_nbytes);
    assert_int_equal(file_nbytes, want_nbytes);
    assert_memory_equal(got, want, want_nbytes);
    free(got);
    free(want);
}

static void result_is_the_programs_own(void **state) {
    struct r2g_jobs *jobs = start(state);
    struct fixture *fixture = *state;
    size_t nbytes;
    uint8_t *picture = test_picture(300, 200, &nbytes);
    struct r2g_job job = {.options = {.format = "png", .method = "bt709"}};
    assert_int_equal(test_submit(jobs, "a", picture, nbytes, &job), R2G_PROBLEM_NONE);
    assert_true(r2g_id_valid(job.id));
    assert_int_equal(job.width, 300);
    test_await(jobs, &job, R2G_JOB_DONE);
    check_result(fixture, &job, picture, nbytes, "--format png --method bt709");
    assert_string_equal(job.out_format, "png");
    assert_int_equal(strlen(job.out_sha256), 64);
    assert_true(job.parallel_ns > 0);
    assert_int_equal(job.sequential_ns, -1);
    assert_string_equal(job.launched_by, "mpirun");

    /* over two ranks, compared */
    struct r2g_job compared = {.options = {.compare = true, .ranks = 2}};
    assert_int_equal(test_submit(jobs, "a", picture, nbytes, &compared), R2G_PROBLEM_NONE);
    test_await(jobs, &compared, R2G_JOB_DONE);
    check_result(fixture, &compared, picture, nbytes, "--format pgm");
    assert_true(compared.parallel_ns > 0 && compared.sequential_ns > 0);
    assert_int_equal(compared.ranks, 2);

    /* and it is the same after a restart, as are its events */
    restart(state);
    jobs = fixture->jobs;
    struct r2g_job again;
    struct r2g_error err;
    assert_int_equal(r2g_jobs_get(jobs, job.id, "a", &again, &err), R2G_PROBLEM_NONE);
    assert_int_equal(again.state, R2G_JOB_DONE);
    assert_string_equal(again.out_sha256, job.out_sha256);
    assert_string_equal(again.options.method, "bt709");
    check_result(fixture, &again, picture, nbytes, "--format png --method bt709");
    assert_int_equal(r2g_jobs_get(jobs, job.id, "b", &again, &err), R2G_PROBLEM_NOT_FOUND);
    static const char *const kinds[] = {"queued", "running", "done"};
    int64_t progress_seen = 0;
    for (int64_t i = 0; i < 3; i++) {
        struct r2g_event event;
        bool got;
        assert_int_equal(r2g_jobs_next_event(jobs, job.id, i, &progress_seen, 0, &event, &got, &err), R2G_PROBLEM_NONE);
        assert_true(got);
        assert_int_equal(event.number, i + 1);
        assert_string_equal(event.kind, kinds[i]);
    }
    free(picture);
}

static void bad_input_fails_with_one_line(void **state) {
    struct r2g_jobs *jobs = start(state);
    size_t nbytes;
    uint8_t *picture = test_picture(300, 200, &nbytes);
    struct r2g_job job = {0};
    assert_int_equal(test_submit(jobs, "a", picture, nbytes / 2, &job), R2G_PROBLEM_NONE);
    test_await(jobs, &job, R2G_JOB_FAILED);
    assert_int_equal(job.problem, R2G_PROBLEM_CORRUPT_IMAGE);
    assert_int_equal(job.exit_code, R2G_ECORRUPT);
    assert_true(job.detail[0] != '\0');
    assert_null(strstr(job.detail, ((struct fixture *)*state)->folder));
    assert_null(strstr(job.detail, "original"));
    struct r2g_error err;
    int fd;
    uint64_t file_nbytes;
    assert_int_equal(r2g_jobs_open_file(jobs, &job, "result", &fd, &file_nbytes, &err), R2G_PROBLEM_NOT_READY);

    assert_int_equal(test_submit(jobs, "a", "nonsense", 8, &job), R2G_PROBLEM_UNSUPPORTED_IMAGE);
    assert_int_equal(test_submit(jobs, "a", "", 0, &job), R2G_PROBLEM_CORRUPT_IMAGE);
    static const char bomb[] = "P5\n60000 60000\n255\n";
    assert_int_equal(test_submit(jobs, "a", bomb, sizeof bomb - 1, &job), R2G_PROBLEM_TOO_MANY_PIXELS);
    struct r2g_job wrong = {.options = {.method = "bt601", .weights = "1,1,1"}};
    assert_int_equal(test_submit(jobs, "a", picture, nbytes, &wrong), R2G_PROBLEM_BAD_OPTION);
    struct r2g_job other = {.options = {.launcher = "slurm"}};
    if (test_submit(jobs, "a", picture, nbytes, &other) == R2G_PROBLEM_NONE) /* where Slurm is installed */
        test_await(jobs, &other, R2G_JOB_FAILED);
    free(picture);
}

/* How many processes have the spool's folder among their arguments. */
static unsigned processes_of(const char *folder) {
    unsigned count = 0;
    DIR *dir = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[300], text[8192];
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ? open(path, O_RDONLY) : -1;
        ssize_t got = fd >= 0 ? read(fd, text, sizeof text) : 0;
        if (fd >= 0)
            close(fd);
        if (got > 0 && memmem(text, (size_t)got, folder, strlen(folder)) && atoi(entry->d_name) != getpid())
            count++;
    }
    closedir(dir);
    return count;
}

/* Kills a process of that program with `word` among its arguments, as soon as there is one. */
static bool kill_one(const char *program, const char *word) {
    for (int tries = 0; tries < 20000; tries++) {
        DIR *dir = opendir("/proc");
        pid_t found = 0;
        for (struct dirent *entry; (entry = readdir(dir));) {
            char path[300], text[8192], exe[4200] = "";
            if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
                continue;
            snprintf(path, sizeof path, "/proc/%s/exe", entry->d_name);
            if (readlink(path, exe, sizeof exe - 1) < 0 || !strstr(exe, program))
                continue;
            snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
            int fd = open(path, O_RDONLY);
            ssize_t got = fd >= 0 ? read(fd, text, sizeof text) : 0;
            if (fd >= 0)
                close(fd);
            if (got > 0 && memmem(text, (size_t)got, word, strlen(word)))
                found = atoi(entry->d_name);
        }
        closedir(dir);
        if (found > 1)
            return kill(found, SIGKILL) == 0;
        usleep(1000);
    }
    return false;
}

/* A picture that takes some seconds. */
static uint8_t *slow_picture(size_t *nbytes) {
    return test_picture(6000, 6000, nbytes);
}

static void cancel_leaves_nothing(void **state) {
    struct r2g_jobs *jobs = start(state);
    struct fixture *fixture = *state;
    size_t nbytes;
    uint8_t *picture = slow_picture(&nbytes);
    struct r2g_job job = {.options = {.format = "png", .compression = "small", .ranks = 2}}, waiting = job;
    struct r2g_error err;
    bool removed;
    assert_int_equal(test_submit(jobs, "a", picture, nbytes, &job), R2G_PROBLEM_NONE);
    assert_int_equal(test_submit(jobs, "a", picture, nbytes, &waiting), R2G_PROBLEM_NONE);
    assert_int_equal(r2g_jobs_position(jobs, waiting.id), 0);
    assert_int_equal(r2g_jobs_delete(jobs, waiting.id, "a", &removed, &err), R2G_PROBLEM_NONE);
    assert_false(removed);
    test_await(jobs, &waiting, R2G_JOB_CANCELLED);
    while (processes_of(fixture->folder) < 2)
        usleep(1000);
    assert_int_equal(r2g_jobs_delete(jobs, job.id, "b", &removed, &err), R2G_PROBLEM_NOT_FOUND);
    assert_int_equal(r2g_jobs_delete(jobs, job.id, "a", &removed, &err), R2G_PROBLEM_NONE);
    assert_false(removed);
    test_await(jobs, &job, R2G_JOB_CANCELLED);
    assert_int_equal(job.problem, R2G_PROBLEM_CANCELLED);
    assert_int_equal(processes_of(fixture->folder), 0);
    assert_int_equal(r2g_jobs_delete(jobs, job.id, "a", &removed, &err), R2G_PROBLEM_NONE);
    assert_true(removed);
    assert_int_equal(r2g_jobs_get(jobs, job.id, "a", &job, &err), R2G_PROBLEM_GONE);
    assert_int_equal(r2g_jobs_delete(jobs, waiting.id, "a", &removed, &err), R2G_PROBLEM_NONE);
    struct r2g_jobs_figures figures;
    r2g_jobs_figures(jobs, &figures);
    assert_int_equal(figures.spool_nbytes, 0);
    free(picture);
}

static void killed_processes_are_tried_once_more(void **state) {
    struct r2g_jobs *jobs = start(state);
    struct fixture *fixture = *state;
    size_t nbytes;
    uint8_t *picture = slow_picture(&nbytes);
    static const char *const victims[] = {"orterun", "rgb2gray-mpi"};
    for (size_t i = 0; i < 2; i++) {
        struct r2g_job job = {.options = {.format = "png", .ranks = 2}};
        assert_int_equal(test_submit(jobs, "a", picture, nbytes, &job), R2G_PROBLEM_NONE);
        assert_true(kill_one(victims[i], fixture->folder));
        test_await(jobs, &job, R2G_JOB_DONE);
        assert_int_equal(job.attempts, 2);
        check_result(fixture, &job, picture, nbytes, "--format png");
    }
    assert_int_equal(processes_of(fixture->folder), 0);
    free(picture);
}

static void time_limit_ends_a_job(void **state) {
    struct fixture *fixture = *state;
    if (fixture)
        fixture->settings.job_wall_s = 1;
    struct r2g_jobs *jobs = start(state);
    size_t nbytes;
    uint8_t *picture = slow_picture(&nbytes);
    struct r2g_job job = {.options = {.format = "png", .compression = "small"}};
    assert_int_equal(test_submit(jobs, "a", picture, nbytes, &job), R2G_PROBLEM_NONE);
    test_await(jobs, &job, R2G_JOB_FAILED);
    assert_int_equal(job.problem, R2G_PROBLEM_TIME_LIMIT);
    assert_int_equal(processes_of(fixture->folder), 0);
    free(picture);
}

static void clients_take_turns(void **state) {
    struct r2g_jobs *jobs = start(state);
    size_t nbytes;
    uint8_t *picture = test_picture(50, 50, &nbytes), *slow = test_picture(2500, 2500, &nbytes);
    size_t slow_nbytes = nbytes;
    struct r2g_job first = {.options = {.format = "png", .compression = "small"}}, many[5] = {0}, one = {0};
    free(picture);
    picture = test_picture(50, 50, &nbytes);
    assert_int_equal(test_submit(jobs, "busy", slow, slow_nbytes, &first), R2G_PROBLEM_NONE);
    for (int i = 0; i < 5; i++)
        assert_int_equal(test_submit(jobs, "busy", picture, nbytes, &many[i]), R2G_PROBLEM_NONE);
    assert_int_equal(test_submit(jobs, "other", picture, nbytes, &one), R2G_PROBLEM_NONE);
    assert_true(r2g_jobs_position(jobs, one.id) <= 1);
    test_await(jobs, &one, R2G_JOB_DONE);
    for (int i = 0; i < 5; i++)
        test_await(jobs, &many[i], R2G_JOB_DONE);
    assert_true(one.started_ms <= many[1].started_ms);
    for (int i = 1; i < 5; i++)
        assert_true(many[i - 1].started_ms <= many[i].started_ms);
    free(picture);
    free(slow);
}

static void limits_are_kept(void **state) {
    struct fixture *fixture = *state;
    if (fixture) {
        fixture->settings.quota_nbytes = 3 << 20;
        fixture->settings.queue = 3;
        fixture->settings.client_queue = 2;
        fixture->settings.max_body_nbytes = 2 << 20;
    }
    struct r2g_jobs *jobs = start(state);
    struct r2g_error err;
    assert_int_equal(r2g_jobs_admit(jobs, "a", 3 << 20, &err), R2G_PROBLEM_TOO_LARGE);
    assert_int_equal(r2g_jobs_admit(jobs, "a", 1 << 20, &err), R2G_PROBLEM_NONE);
    struct r2g_upload upload = {.client = "a", .nbytes = 2 << 20};
    assert_int_equal(r2g_upload_create(jobs, &upload, &err), R2G_PROBLEM_NONE);
    assert_int_equal(r2g_jobs_admit(jobs, "a", 2 << 20, &err), R2G_PROBLEM_QUOTA_FULL);
    struct r2g_upload more = {.client = "a", .nbytes = 2 << 20};
    assert_int_equal(r2g_upload_create(jobs, &more, &err), R2G_PROBLEM_QUOTA_FULL);
    assert_int_equal(r2g_upload_remove(jobs, upload.id, "a", &err), R2G_PROBLEM_NONE);
    assert_int_equal(r2g_upload_get(jobs, upload.id, "a", &more, &err), R2G_PROBLEM_GONE);

    size_t nbytes;
    uint8_t *picture = test_picture(10, 10, &nbytes);
    enum r2g_problem problem = R2G_PROBLEM_NONE;
    struct r2g_job job = {0};
    int accepted = 0;
    for (int i = 0; i < 50 && problem == R2G_PROBLEM_NONE; i++) {
        problem = test_submit(jobs, "a", picture, nbytes, &job);
        accepted += problem == R2G_PROBLEM_NONE;
    }
    assert_int_equal(problem, R2G_PROBLEM_QUEUE_FULL);
    assert_true(accepted >= 2);
    free(picture);
}

static void results_and_uploads_expire(void **state) {
    struct fixture *fixture = *state;
    if (fixture)
        fixture->settings.expire_s = fixture->settings.upload_expire_s = 1;
    struct r2g_jobs *jobs = start(state);
    struct r2g_error err;
    size_t nbytes;
    uint8_t *picture = test_picture(10, 10, &nbytes);
    struct r2g_job job = {0};
    struct r2g_upload upload = {.client = "a", .nbytes = 100};
    assert_int_equal(r2g_upload_create(jobs, &upload, &err), R2G_PROBLEM_NONE);
    assert_int_equal(test_submit(jobs, "a", picture, nbytes, &job), R2G_PROBLEM_NONE);
    test_await(jobs, &job, R2G_JOB_DONE);
    struct r2g_event event = {0};
    int64_t after = 0, progress_seen = 0;
    enum r2g_problem problem = R2G_PROBLEM_NONE;
    while (problem == R2G_PROBLEM_NONE && strcmp(event.kind, "expired") != 0) {
        bool got;
        problem = r2g_jobs_next_event(jobs, job.id, after, &progress_seen, WAIT_MS, &event, &got, &err);
        assert_int_equal(problem, R2G_PROBLEM_NONE);
        assert_true(got);
        after = event.number ? event.number : after;
    }
    assert_int_equal(r2g_jobs_get(jobs, job.id, "a", &job, &err), R2G_PROBLEM_GONE);
    int fd;
    uint64_t file_nbytes;
    assert_int_equal(r2g_jobs_open_file(jobs, &job, "original", &fd, &file_nbytes, &err), R2G_PROBLEM_GONE);
    struct r2g_jobs_figures figures;
    do {
        usleep(10000);
        r2g_jobs_figures(jobs, &figures);
    } while (figures.spool_nbytes > 0);
    assert_int_equal(r2g_upload_get(jobs, upload.id, "a", &upload, &err), R2G_PROBLEM_GONE);
    free(picture);
}

static void uploads_resume(void **state) {
    struct r2g_jobs *jobs = start(state);
    struct fixture *fixture = *state;
    struct r2g_error err;
    size_t nbytes;
    uint8_t *picture = test_picture(300, 200, &nbytes);
    struct r2g_upload upload = {.client = "a", .nbytes = nbytes, .metadata = "filename eA=="}, now;
    struct r2g_upload_writer *writer, *second;
    struct r2g_job job = {.options = {.format = "png"}}, again = job;
    bool created;
    assert_int_equal(r2g_upload_create(jobs, &upload, &err), R2G_PROBLEM_NONE);
    assert_int_equal(r2g_upload_writer_open(&writer, jobs, upload.id, "a", 0, &err), R2G_PROBLEM_NONE);
    assert_int_equal(r2g_upload_writer_open(&second, jobs, upload.id, "a", 0, &err), R2G_PROBLEM_CONFLICT);
    assert_int_equal(r2g_upload_writer_append(writer, picture, 1000, &err), R2G_PROBLEM_NONE);
    assert_int_equal(r2g_upload_writer_close(writer, &now, &err), R2G_PROBLEM_NONE);
    assert_int_equal(now.offset, 1000);
    assert_int_equal(r2g_upload_submit(jobs, upload.id, &job, &created, &err), R2G_PROBLEM_CONFLICT);
    restart(state);
    jobs = fixture->jobs;
    assert_int_equal(r2g_upload_get(jobs, upload.id, "a", &now, &err), R2G_PROBLEM_NONE);
    assert_int_equal(now.offset, 1000);
    assert_string_equal(now.metadata, "filename eA==");
    assert_int_equal(r2g_upload_writer_open(&writer, jobs, upload.id, "a", 999, &err), R2G_PROBLEM_CONFLICT);
    assert_int_equal(r2g_upload_writer_open(&writer, jobs, upload.id, "b", 1000, &err), R2G_PROBLEM_NOT_FOUND);
    assert_int_equal(r2g_upload_writer_open(&writer, jobs, upload.id, "a", 1000, &err), R2G_PROBLEM_NONE);
    assert_int_equal(r2g_upload_writer_append(writer, picture + 1000, nbytes - 1000, &err), R2G_PROBLEM_NONE);
    assert_int_equal(r2g_upload_writer_append(writer, picture, 1, &err), R2G_PROBLEM_TOO_LARGE);
    assert_int_equal(r2g_upload_writer_close(writer, &now, &err), R2G_PROBLEM_NONE);
    assert_int_equal(r2g_upload_submit(jobs, upload.id, &job, &created, &err), R2G_PROBLEM_NONE);
    assert_true(created);
    assert_int_equal(r2g_upload_submit(jobs, upload.id, &again, &created, &err), R2G_PROBLEM_NONE);
    assert_false(created);
    assert_string_equal(again.id, job.id);
    test_await(jobs, &job, R2G_JOB_DONE);
    check_result(fixture, &job, picture, nbytes, "--format png");
    free(picture);
}

static void pool_converts_and_is_replaced(void **state) {
    struct fixture *fixture = *state;
    if (fixture) {
        fixture->settings.launcher = "auto";
        fixture->settings.ranks = 2;
    }
    struct r2g_jobs *jobs = start(state);
    struct r2g_jobs_figures figures;
    struct r2g_error err;
    size_t nbytes;
    uint8_t *picture = test_picture(300, 200, &nbytes);
    do {
        usleep(1000);
        r2g_jobs_figures(jobs, &figures);
    } while (figures.pool_ranks == 0);
    assert_int_equal(figures.pool_ranks, 2);
    struct r2g_job job = {.one_shot = true, .options = {.format = "png"}}, cut = {0};
    assert_int_equal(test_submit(jobs, "a", picture, nbytes, &job), R2G_PROBLEM_NONE);
    test_await(jobs, &job, R2G_JOB_DONE);
    assert_string_equal(job.launched_by, "pool");
    check_result(fixture, &job, picture, nbytes, "--format png");
    assert_true(job.parallel_ns > 0);
    bool removed;
    assert_int_equal(r2g_jobs_delete(jobs, job.id, "a", &removed, &err), R2G_PROBLEM_NONE);
    assert_true(removed);
    assert_int_equal(r2g_jobs_get(jobs, job.id, "a", &job, &err), R2G_PROBLEM_NONE); /* the record stays */
    assert_int_equal(test_submit(jobs, "a", picture, nbytes / 2, &cut), R2G_PROBLEM_NONE);
    test_await(jobs, &cut, R2G_JOB_FAILED);
    assert_int_equal(cut.problem, R2G_PROBLEM_CORRUPT_IMAGE);
    assert_string_equal(cut.launched_by, "pool");

    /* a rank is killed: the job is done all the same, and the pool comes up again */
    size_t slow_nbytes;
    uint8_t *slow = test_picture(3500, 3500, &slow_nbytes);
    struct r2g_job killed = {.options = {.format = "png", .compression = "small"}};
    assert_int_equal(test_submit(jobs, "a", slow, slow_nbytes, &killed), R2G_PROBLEM_NONE);
    do {
        usleep(1000);
        assert_int_equal(r2g_jobs_get(jobs, killed.id, NULL, &killed, &err), R2G_PROBLEM_NONE);
    } while (killed.state == R2G_JOB_QUEUED);
    usleep(30000);
    assert_true(kill_one("rgb2gray-mpi", "pool.sock"));
    test_await(jobs, &killed, R2G_JOB_DONE);
    assert_int_equal(killed.attempts, 2);
    assert_string_equal(killed.launched_by, "mpirun");
    check_result(fixture, &killed, slow, slow_nbytes, "--format png --compression small");
    do {
        usleep(1000);
        r2g_jobs_figures(jobs, &figures);
    } while (figures.pool_ranks == 0);
    assert_int_equal(figures.pool_restarts, 1);

    /* cancelling ends the world, and nothing is left behind */
    struct r2g_job cancelled = {.options = {.format = "png", .compression = "small", .launcher = "pool"}};
    assert_int_equal(test_submit(jobs, "a", slow, slow_nbytes, &cancelled), R2G_PROBLEM_NONE);
    do {
        usleep(1000);
        assert_int_equal(r2g_jobs_get(jobs, cancelled.id, NULL, &cancelled, &err), R2G_PROBLEM_NONE);
    } while (cancelled.state == R2G_JOB_QUEUED);
    assert_int_equal(r2g_jobs_delete(jobs, cancelled.id, "a", &removed, &err), R2G_PROBLEM_NONE);
    test_await(jobs, &cancelled, R2G_JOB_CANCELLED);
    struct r2g_job last = {0};
    assert_int_equal(test_submit(jobs, "a", picture, nbytes, &last), R2G_PROBLEM_NONE);
    test_await(jobs, &last, R2G_JOB_DONE);
    free(slow);
    free(picture);
}

/* In a process of its own: submits a job and works until it is killed. */
static _Noreturn void submit_and_work(const struct r2g_settings *settings, int id_fd) {
    struct r2g_jobs *jobs;
    struct r2g_error err;
    struct r2g_job job = {.options = {.format = "png", .compression = "small", .ranks = 2}}, quick = {0};
    size_t nbytes, quick_nbytes;
    uint8_t *picture = test_picture(5000, 5000, &nbytes), *small = test_picture(20, 20, &quick_nbytes);
    if (r2g_jobs_open(&jobs, settings, &err) != R2G_OK || test_submit(jobs, "a", picture, nbytes, &job) ||
        test_submit(jobs, "b", small, quick_nbytes, &quick))
        _exit(1);
    while (r2g_jobs_get(jobs, job.id, NULL, &job, &err) == R2G_PROBLEM_NONE && job.state == R2G_JOB_QUEUED)
        usleep(1000);
    if (write(id_fd, job.id, sizeof job.id) != sizeof job.id || write(id_fd, quick.id, sizeof job.id) != sizeof job.id)
        _exit(1);
    for (;;)
        pause();
}

static void killed_gateway_loses_nothing(void **state) {
    struct fixture *fixture = *state;
    if (!fixture)
        skip();
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t gateway = fork();
    if (gateway == 0)
        submit_and_work(&fixture->settings, fds[1]);
    struct r2g_job job = {0}, quick = {0};
    assert_int_equal(read(fds[0], job.id, sizeof job.id), sizeof job.id);
    assert_int_equal(read(fds[0], quick.id, sizeof quick.id), sizeof quick.id);
    usleep(200000);
    assert_true(processes_of(fixture->folder) > 0);
    kill(gateway, SIGKILL);
    waitpid(gateway, NULL, 0);
    close(fds[0]);
    close(fds[1]);
    struct r2g_jobs *jobs = start(state);
    struct r2g_jobs *other;
    struct r2g_error err;
    assert_int_equal(r2g_jobs_open(&other, &fixture->settings, &err), R2G_EUSAGE); /* the spool is ours */
    test_await(jobs, &quick, R2G_JOB_DONE);
    test_await(jobs, &job, R2G_JOB_DONE);
    size_t nbytes;
    uint8_t *picture = test_picture(5000, 5000, &nbytes);
    check_result(fixture, &job, picture, nbytes, "--format png --compression small");
    assert_int_equal(job.attempts, 2);
    free(picture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* `--only PATTERN` or `--skip PATTERN`, so that several runs share the tests. */
int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--only") == 0)
        cmocka_set_test_filter(argv[2]);
    else if (argc == 3 && strcmp(argv[1], "--skip") == 0)
        cmocka_set_skip_filter(argv[2]);
    const struct CMUnitTest tests[] = {
        TEST(result_is_the_programs_own),
        TEST(bad_input_fails_with_one_line),
        TEST(cancel_leaves_nothing),
        TEST(killed_processes_are_tried_once_more),
        TEST(time_limit_ends_a_job),
        TEST(clients_take_turns),
        TEST(limits_are_kept),
        TEST(results_and_uploads_expire),
        TEST(uploads_resume),
        TEST(pool_converts_and_is_replaced),
        TEST(killed_gateway_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
