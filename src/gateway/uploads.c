/* Resumable uploads. One thread at a time uses an upload: it is on a list of busy ones meanwhile. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "gateway/jobs_inside.h"
#include "gateway/times.h"

#define UPLOADS_OF_CLIENT 1000 /* unfinished ones, however small */

/* One creation at a time, so that none is missed when a client's are counted. Taken before every other lock. */
static pthread_mutex_t creating = PTHREAD_MUTEX_INITIALIZER;

struct r2g_busy {
    struct r2g_busy *next;
    char id[R2G_ID_NBYTES];
};

struct r2g_upload_writer {
    struct r2g_busy busy; /* first */
    struct r2g_jobs *jobs;
    struct r2g_upload upload;
    int fd;
};

bool r2g_upload_is_busy(const struct r2g_jobs *jobs, const char *id) {
    for (const struct r2g_busy *busy = jobs->busy; busy; busy = busy->next) {
        if (strcmp(busy->id, id) == 0)
            return true;
    }
    return false;
}

/* Makes it busy; false if it is so already. With `wait`, that is waited for first. */
static bool take(struct r2g_jobs *jobs, struct r2g_busy *busy, const char *id, bool wait) {
    snprintf(busy->id, sizeof busy->id, "%s", id);
    pthread_mutex_lock(&jobs->lock);
    while (wait && !jobs->stopping && r2g_upload_is_busy(jobs, id))
        pthread_cond_wait(&jobs->idle, &jobs->lock);
    bool taken = !r2g_upload_is_busy(jobs, id);
    if (taken) {
        busy->next = jobs->busy;
        jobs->busy = busy;
    }
    pthread_mutex_unlock(&jobs->lock);
    return taken;
}

static void give_back(struct r2g_jobs *jobs, struct r2g_busy *busy) {
    pthread_mutex_lock(&jobs->lock);
    struct r2g_busy **place = &jobs->busy;
    while (*place != busy)
        place = &(*place)->next;
    *place = busy->next;
    pthread_cond_broadcast(&jobs->idle);
    pthread_mutex_unlock(&jobs->lock);
}

static enum r2g_problem failed(const struct r2g_error *why, const char *what, struct r2g_error *err) {
    if (why->sys_errno == ENOSPC)
        return r2g_spool_problem(err, ENOSPC, what);
    return r2g_problem(err, R2G_PROBLEM_INTERNAL, "%s", why->text);
}

static int64_t expiry(const struct r2g_jobs *jobs) {
    return r2g_now_ms() + (int64_t)jobs->settings->upload_expire_s * 1000;
}

/* Whether this client may announce so much more: bytes are set aside before any of them comes, and an upload that is
 * never sent holds them until it expires. */
static enum r2g_problem check_share(struct r2g_jobs *jobs, const struct r2g_upload *upload, struct r2g_error *err) {
    uint64_t most = jobs->settings->client_uploads_nbytes, count, nbytes;
    struct r2g_error why;
    if (r2g_store_sum_uploads(jobs->store, upload->client, &count, &nbytes, &why) != R2G_OK)
        return failed(&why, "the upload cannot be kept", err);
    if (count >= UPLOADS_OF_CLIENT || (most > 0 && count > 0 && (nbytes > most || upload->nbytes > most - nbytes)))
        return r2g_problem(err, R2G_PROBLEM_QUOTA_FULL,
                           "your %" PRIu64 " unfinished uploads announce %" PRIu64
                           " bytes already: finish or delete some of them first",
                           count, nbytes);
    return R2G_PROBLEM_NONE;
}

static enum r2g_problem create(struct r2g_jobs *jobs, struct r2g_upload *upload, struct r2g_error *err) {
    struct r2g_error why;
    enum r2g_problem problem = check_share(jobs, upload, err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    if (!r2g_spool_take(jobs->spool, upload->nbytes))
        return r2g_problem(err, R2G_PROBLEM_QUOTA_FULL, "there is no space for %" PRIu64 " bytes at present",
                           upload->nbytes);
    int fd = r2g_spool_open_file(jobs->spool, R2G_SPOOL_UPLOADS, upload->id, true);
    int error = fd < 0 ? errno : r2g_spool_sync(jobs->spool, R2G_SPOOL_UPLOADS);
    if (fd >= 0)
        close(fd);
    if (error != 0)
        problem = r2g_spool_problem(err, error, "the upload cannot be kept");
    else if (r2g_store_put_upload(jobs->store, upload, R2G_STORE_DURABLE, &why) != R2G_OK)
        problem = failed(&why, "the upload cannot be kept", err);
    if (problem != R2G_PROBLEM_NONE) {
        r2g_spool_remove_file(jobs->spool, R2G_SPOOL_UPLOADS, upload->id);
        r2g_spool_give(jobs->spool, upload->nbytes);
    }
    return problem;
}

enum r2g_problem r2g_upload_create(struct r2g_jobs *jobs, struct r2g_upload *upload, struct r2g_error *err) {
    uint64_t most = jobs->settings->max_body_nbytes;
    struct r2g_error why;
    upload->offset = 0;
    upload->job[0] = '\0';
    upload->expires_ms = expiry(jobs);
    pthread_mutex_lock(&jobs->lock);
    bool stopping = jobs->stopping;
    pthread_mutex_unlock(&jobs->lock);
    if (stopping)
        return r2g_problem(err, R2G_PROBLEM_STOPPING, "the server is being stopped");
    if (upload->nbytes > most)
        return r2g_problem(err, R2G_PROBLEM_TOO_LARGE, "%" PRIu64 " bytes are more than the %" PRIu64 " that are taken",
                           upload->nbytes, most);
    if (r2g_id_new(upload->id, &why) != R2G_OK)
        return r2g_problem(err, R2G_PROBLEM_INTERNAL, "%s", why.text);
    pthread_mutex_lock(&creating);
    enum r2g_problem problem = create(jobs, upload, err);
    pthread_mutex_unlock(&creating);
    return problem;
}

/* The row and the offset of an upload. `again`: may look once more where they do not agree. */
static enum r2g_problem find(struct r2g_jobs *jobs, const char *id, const char *client, bool again,
                             struct r2g_upload *upload, struct r2g_error *err) {
    struct r2g_error why;
    struct r2g_removed removed;
    bool found = false, gone = false;
    r2g_status status = r2g_store_get_upload(jobs->store, id, upload, &found, &why);
    if (status == R2G_OK && !found)
        status = r2g_store_removed(jobs->store, id, client, &removed, &gone, &why);
    if (status != R2G_OK)
        return failed(&why, "the upload cannot be looked up", err);
    if (gone)
        return r2g_problem(err, R2G_PROBLEM_GONE, "the upload has been %s", removed.why);
    if (!found || (client && strcmp(client, upload->client) != 0))
        return r2g_problem(err, R2G_PROBLEM_NOT_FOUND, "there is no such upload");
    struct stat is = {0};
    upload->offset = upload->nbytes;
    if (upload->job[0])
        return R2G_PROBLEM_NONE;
    int fd = r2g_spool_open_file(jobs->spool, R2G_SPOOL_UPLOADS, id, false);
    if (fd < 0 && errno == ENOENT && again) /* it became a job, or was removed, since its row was read */
        return find(jobs, id, client, false, upload, err);
    if (fd < 0 || fstat(fd, &is) != 0)
        return r2g_problem(err, R2G_PROBLEM_INTERNAL, "the upload's file has been lost");
    close(fd);
    upload->offset = (uint64_t)is.st_size;
    return R2G_PROBLEM_NONE;
}

enum r2g_problem r2g_upload_get(struct r2g_jobs *jobs, const char *id, const char *client, struct r2g_upload *upload,
                                struct r2g_error *err) {
    return find(jobs, id, client, true, upload, err);
}

/* Another request has it; which is nobody's business but its client's. */
static enum r2g_problem busy_elsewhere(struct r2g_jobs *jobs, const char *id, const char *client,
                                       struct r2g_error *err) {
    struct r2g_upload upload;
    enum r2g_problem problem = find(jobs, id, client, true, &upload, err);
    return problem != R2G_PROBLEM_NONE
               ? problem
               : r2g_problem(err, R2G_PROBLEM_CONFLICT, "the upload is being written to by another request");
}

enum r2g_problem r2g_upload_writer_open(struct r2g_upload_writer **writer, struct r2g_jobs *jobs, const char *id,
                                        const char *client, uint64_t offset, struct r2g_error *err) {
    struct r2g_upload_writer *made = r2g_new(sizeof *made, err);
    *writer = NULL;
    if (!made)
        return r2g_problem(err, R2G_PROBLEM_INTERNAL, "out of memory");
    made->jobs = jobs;
    made->fd = -1;
    if (!take(jobs, &made->busy, id, false)) {
        free(made);
        return busy_elsewhere(jobs, id, client, err);
    }
    enum r2g_problem problem = find(jobs, id, client, true, &made->upload, err);
    if (problem == R2G_PROBLEM_NONE && made->upload.job[0])
        problem = r2g_problem(err, R2G_PROBLEM_CONFLICT, "the upload is complete, and a job by now");
    if (problem == R2G_PROBLEM_NONE && made->upload.offset != offset)
        problem = r2g_problem(err, R2G_PROBLEM_CONFLICT, "the upload is at %" PRIu64 ", not %" PRIu64,
                              made->upload.offset, offset);
    if (problem == R2G_PROBLEM_NONE) {
        made->fd = r2g_spool_open_file(jobs->spool, R2G_SPOOL_UPLOADS, id, false);
        if (made->fd < 0)
            problem = r2g_spool_problem(err, errno, "the upload cannot be written to");
    }
    if (problem == R2G_PROBLEM_NONE) {
        *writer = made;
        return problem;
    }
    give_back(jobs, &made->busy);
    free(made);
    return problem;
}

enum r2g_problem r2g_upload_writer_append(struct r2g_upload_writer *writer, const void *bytes, size_t nbytes,
                                          struct r2g_error *err) {
    struct r2g_upload *upload = &writer->upload;
    if (nbytes > upload->nbytes - upload->offset)
        return r2g_problem(err, R2G_PROBLEM_TOO_LARGE, "more than the %" PRIu64 " bytes that were announced",
                           upload->nbytes);
    int error = r2g_file_write_at(writer->fd, upload->offset, bytes, nbytes);
    if (error != 0) {
        /* a piece that was written in part is not counted */
        if (ftruncate(writer->fd, (off_t)upload->offset) != 0)
            r2g_jobs_log("upload %s: what a failed write left stays", upload->id);
        return r2g_spool_problem(err, error, "the upload cannot be written to");
    }
    upload->offset += nbytes;
    return R2G_PROBLEM_NONE;
}

enum r2g_problem r2g_upload_writer_close(struct r2g_upload_writer *writer, struct r2g_upload *upload,
                                         struct r2g_error *err) {
    struct r2g_jobs *jobs = writer->jobs;
    struct r2g_error why;
    enum r2g_problem problem = R2G_PROBLEM_NONE;
    if (fdatasync(writer->fd) != 0)
        problem = r2g_spool_problem(err, errno, "the upload cannot be kept");
    close(writer->fd);
    writer->upload.expires_ms = expiry(jobs);
    if (problem == R2G_PROBLEM_NONE &&
        r2g_store_put_upload(jobs->store, &writer->upload, R2G_STORE_DURABLE, &why) != R2G_OK)
        problem = failed(&why, "the upload cannot be kept", err);
    *upload = writer->upload;
    give_back(jobs, &writer->busy);
    free(writer);
    return problem;
}

/* Removes file and row of an upload that is taken. One that has become a job has no file, and no bytes set aside. */
static void forget(struct r2g_jobs *jobs, const struct r2g_upload *upload, const char *why) {
    struct r2g_error err;
    if (r2g_store_remove_upload(jobs->store, upload->id, why, &err) != R2G_OK) {
        r2g_jobs_log("upload %s cannot be forgotten: %s", upload->id, err.text);
        return;
    }
    if (upload->job[0])
        return;
    r2g_spool_remove_file(jobs->spool, R2G_SPOOL_UPLOADS, upload->id);
    r2g_spool_give(jobs->spool, upload->nbytes);
}

void r2g_upload_expire(struct r2g_jobs *jobs, const struct r2g_upload *upload) {
    struct r2g_busy busy;
    struct r2g_upload now;
    struct r2g_error err;
    bool found;
    if (!take(jobs, &busy, upload->id, false))
        return;
    /* it may have been written to since it was found to be over */
    if (r2g_store_get_upload(jobs->store, upload->id, &now, &found, &err) == R2G_OK && found &&
        now.expires_ms <= r2g_now_ms())
        forget(jobs, &now, "expired");
    give_back(jobs, &busy);
}

enum r2g_problem r2g_upload_remove(struct r2g_jobs *jobs, const char *id, const char *client, struct r2g_error *err) {
    struct r2g_busy busy;
    struct r2g_upload upload;
    if (!take(jobs, &busy, id, false))
        return busy_elsewhere(jobs, id, client, err);
    enum r2g_problem problem = find(jobs, id, client, true, &upload, err);
    if (problem == R2G_PROBLEM_NONE)
        forget(jobs, &upload, "removed");
    give_back(jobs, &busy);
    return problem;
}

/* The upload is linked into the job's folder and removed here only once the record stands, so that a crash in between
 * leaves the upload as it was. */
static enum r2g_problem become_job(struct r2g_jobs *jobs, const struct r2g_upload *upload, struct r2g_job *job,
                                   struct r2g_error *err) {
    struct r2g_candidate file = {
        .place = R2G_SPOOL_UPLOADS, .file_id = upload->id, .upload = upload->id, .nbytes = upload->nbytes};
    file.fd = r2g_spool_open_file(jobs->spool, R2G_SPOOL_UPLOADS, upload->id, false);
    if (file.fd < 0)
        return r2g_spool_problem(err, errno, "the upload cannot be read");
    snprintf(job->client, sizeof job->client, "%s", upload->client);
    job->one_shot = false; /* its upload is durable, so is the job */
    enum r2g_problem problem = r2g_jobs_accept(jobs, &file, job, err);
    close(file.fd);
    if (problem == R2G_PROBLEM_NONE) /* the bytes set aside for the upload are the job's now */
        r2g_spool_remove_file(jobs->spool, R2G_SPOOL_UPLOADS, upload->id);
    return problem;
}

enum r2g_problem r2g_upload_submit(struct r2g_jobs *jobs, const char *id, struct r2g_job *job, bool *created,
                                   struct r2g_error *err) {
    struct r2g_busy busy;
    struct r2g_upload upload;
    *created = false;
    if (!take(jobs, &busy, id, true))
        return r2g_problem(err, R2G_PROBLEM_STOPPING, "the server is being stopped");
    enum r2g_problem problem = find(jobs, id, NULL, true, &upload, err);
    if (problem == R2G_PROBLEM_NONE && upload.job[0]) {
        problem = r2g_jobs_get(jobs, upload.job, NULL, job, err);
    } else if (problem == R2G_PROBLEM_NONE && upload.offset != upload.nbytes) {
        problem = r2g_problem(err, R2G_PROBLEM_CONFLICT, "the upload is not complete: %" PRIu64 " of %" PRIu64 " bytes",
                              upload.offset, upload.nbytes);
    } else if (problem == R2G_PROBLEM_NONE) {
        problem = become_job(jobs, &upload, job, err);
        *created = problem == R2G_PROBLEM_NONE;
    }
    give_back(jobs, &busy);
    return problem;
}
