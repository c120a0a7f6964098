#include "cli/batch_local.h"

static void *do_local(void *user) {
    struct r2g_batch_local *local = user;
    pthread_mutex_lock(&local->lock);
    while (!local->quit) {
        if (!local->given) {
            pthread_cond_wait(&local->wake, &local->lock);
            continue;
        }
        pthread_mutex_unlock(&local->lock);
        r2g_batch_work(local->worker, local->task, &local->outcome);
        pthread_mutex_lock(&local->lock);
        local->given = false;
        atomic_store(&local->done, true);
    }
    pthread_mutex_unlock(&local->lock);
    return NULL;
}

r2g_status r2g_batch_local_begin(struct r2g_batch_local *local, struct r2g_batch_worker *worker,
                                 struct r2g_error *err) {
    pthread_mutex_init(&local->lock, NULL);
    pthread_cond_init(&local->wake, NULL);
    local->worker = worker;
    int error = pthread_create(&local->thread, NULL, do_local, local);
    return error ? r2g_fail_errno(err, R2G_ENOMEM, error, "cannot start a thread") : R2G_OK;
}

void r2g_batch_local_end(struct r2g_batch_local *local) {
    pthread_mutex_lock(&local->lock);
    local->quit = true;
    pthread_cond_signal(&local->wake);
    pthread_mutex_unlock(&local->lock);
    pthread_join(local->thread, NULL);
    pthread_mutex_destroy(&local->lock);
    pthread_cond_destroy(&local->wake);
    r2g_batch_outcome_free(&local->outcome);
}

void r2g_batch_local_give(struct r2g_batch_local *local, struct r2g_batch_task *task) {
    pthread_mutex_lock(&local->lock);
    local->task = task;
    local->given = true;
    pthread_cond_signal(&local->wake);
    pthread_mutex_unlock(&local->lock);
}

bool r2g_batch_local_is_done(struct r2g_batch_local *local) {
    return atomic_exchange(&local->done, false);
}
