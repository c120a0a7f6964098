/* civetweb's threads have 100 KiB of stack, which is fixed when it is compiled and less than handlers, SQLite and a buffer
 * need. So a request is handed to a thread of ours, and civetweb's waits for it. There are as many as there are requests
 * under way; the one that was idle last is taken first, and one that was idle for a while ends. */
#include "gateway/http_parts.h"

#include <stdlib.h>
#include <time.h>

#include "base/buffer.h"

#define STACK_NBYTES ((size_t)1 << 20)
#define IDLE_S 20

/* What is to do: on the stack of the one who waits for it. */
struct work {
    void (*run)(void *argument);
    void *argument;
    bool done;
    pthread_cond_t ended;
};

struct r2g_http_thread {
    struct r2g_http_thread *next; /* in the list of idle ones */
    struct r2g_http_threads *threads;
    pthread_cond_t wake;
    struct work *work; /* NULL: idle */
};

/* Waits until there is something to do; false when it was idle for too long, or all is stopped. Under the lock. */
static bool wait_for_work(struct r2g_http_threads *threads, struct r2g_http_thread *self) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += IDLE_S;
    int error = 0;
    while (!self->work && !threads->stop && error == 0)
        error = pthread_cond_timedwait(&self->wake, &threads->lock, &until);
    if (self->work)
        return true;
    for (struct r2g_http_thread **link = &threads->idle; *link; link = &(*link)->next) {
        if (*link == self) {
            *link = self->next;
            break;
        }
    }
    return false;
}

static void *serve(void *argument) {
    struct r2g_http_thread *self = argument;
    struct r2g_http_threads *threads = self->threads;
    pthread_mutex_lock(&threads->lock);
    while (wait_for_work(threads, self)) {
        pthread_mutex_unlock(&threads->lock);
        self->work->run(self->work->argument);
        pthread_mutex_lock(&threads->lock);
        self->work->done = true;
        pthread_cond_signal(&self->work->ended);
        self->work = NULL;
        self->next = threads->idle;
        threads->idle = self;
    }
    threads->count--;
    pthread_cond_signal(&threads->ended);
    pthread_mutex_unlock(&threads->lock);
    pthread_cond_destroy(&self->wake);
    free(self);
    return NULL;
}

/* A new one with this to do. Under the lock; false where the system refuses. */
static struct r2g_http_thread *start(struct r2g_http_threads *threads) {
    struct r2g_http_thread *thread = r2g_new(sizeof *thread, NULL);
    if (!thread)
        return NULL;
    thread->threads = threads;
    pthread_cond_init(&thread->wake, NULL);
    pthread_attr_t attributes;
    pthread_t id;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_NBYTES);
    int error = pthread_create(&id, &attributes, serve, thread);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        free(thread);
        return NULL;
    }
    threads->count++;
    return thread;
}

void r2g_http_threads_init(struct r2g_http_threads *threads) {
    pthread_mutex_init(&threads->lock, NULL);
    pthread_cond_init(&threads->ended, NULL);
}

bool r2g_http_threads_run(struct r2g_http_threads *threads, void (*run)(void *argument), void *argument) {
    struct work work = {.run = run, .argument = argument};
    pthread_cond_init(&work.ended, NULL);
    pthread_mutex_lock(&threads->lock);
    struct r2g_http_thread *thread = threads->idle;
    if (thread)
        threads->idle = thread->next;
    else
        thread = start(threads);
    if (thread) {
        thread->work = &work;
        pthread_cond_signal(&thread->wake);
        while (!work.done)
            pthread_cond_wait(&work.ended, &threads->lock);
    }
    pthread_mutex_unlock(&threads->lock);
    pthread_cond_destroy(&work.ended);
    return thread != NULL;
}

void r2g_http_threads_stop(struct r2g_http_threads *threads) {
    pthread_mutex_lock(&threads->lock);
    threads->stop = true;
    for (struct r2g_http_thread *thread = threads->idle; thread; thread = thread->next)
        pthread_cond_signal(&thread->wake);
    while (threads->count > 0)
        pthread_cond_wait(&threads->ended, &threads->lock);
    pthread_mutex_unlock(&threads->lock);
    pthread_cond_destroy(&threads->ended);
    pthread_mutex_destroy(&threads->lock);
}
