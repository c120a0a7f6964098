/* Images of a simulated batch: they cost time and are not there. Finding them, giving them out and all messages are the
 * program's own; only what a rank does with a task (r2g_batch_work) is replaced, by
 *
 *   RGB2GRAY_SIMULATED_IMAGE_NS    what an image takes, ns; they differ by 0.5 to 1.5 times
 *   RGB2GRAY_SIMULATED_HEADER_NS   what it takes to read one's header, ns
 *
 * and rank 0's second thread becomes a simulated process beside its first, on a core of its own.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli/batch_names.h"
#include "cli/batch_work.h"
#include "storage.h"

static int64_t nanoseconds(const char *name) {
    const char *text = getenv(name);
    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

/* By its name alone, so that it is the same in every run. */
static int64_t cost_ns(const struct r2g_batch_item *item) {
    int64_t usual = nanoseconds("RGB2GRAY_SIMULATED_IMAGE_NS");
    return usual / 2 + (int64_t)(r2g_batch_hash(item->path) % (uint64_t)(usual + 1));
}

void __wrap_r2g_batch_work(struct r2g_batch_worker *worker, struct r2g_batch_task *task,
                           struct r2g_batch_outcome *outcome);
void __wrap_r2g_batch_work(struct r2g_batch_worker *worker, struct r2g_batch_task *task,
                           struct r2g_batch_outcome *outcome) {
    (void)worker;
    memset(outcome, 0, sizeof *outcome);
    int64_t took_ns = 0;
    for (unsigned i = 0; i < task->count; i++) {
        struct r2g_batch_item *item = &task->items[i];
        if (task->kind == R2G_BATCH_HEADERS) {
            outcome->planned[i] = R2G_BATCH_READY;
            item->cost_ns = cost_ns(item);
            took_ns += nanoseconds("RGB2GRAY_SIMULATED_HEADER_NS");
        } else {
            took_ns += cost_ns(item);
            outcome->done_count++;
        }
    }
    r2g_simulated_work((double)took_ns);
    outcome->busy_ns = took_ns;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *user);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *user) {
    (void)attributes;
    memset(thread, 0, sizeof *thread);
    r2g_simulated_thread(run, user);
    return 0;
}

/* All simulated processes are one thread: a lock is never waited for, and one that waits must let the others run. */
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock) {
    (void)condition;
    pthread_mutex_unlock(lock);
    r2g_simulated_pause();
    pthread_mutex_lock(lock);
    return 0;
}

int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result) {
    (void)thread, (void)result;
    r2g_simulated_join();
    return 0;
}
