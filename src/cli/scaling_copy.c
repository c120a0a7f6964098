/* Each process has its buffers filled before it says that it is ready, and begins when all are: memory that is touched for
 * the first time would be measured with the system's work on it. */
#include "cli/scaling_copy.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/copy_speed.h"

#define LOOP_NS INT64_C(100000000)
#define WAIT_NS INT64_C(10000000000)
#define PROCESSES_MAX 1024

/* All buffers together: well above the caches of a server of today; and one of them at most and at least. */
#define TOGETHER_NBYTES ((size_t)1 << 30)
#define BUFFER_NBYTES_MAX ((size_t)32 << 20)
#define BUFFER_NBYTES_MIN ((size_t)1 << 20)

/* In memory that the processes share. */
struct shared {
    atomic_int ready;
    atomic_bool go, given_up;
    double gbs[PROCESSES_MAX];
};

static void copy(struct shared *shared, int index, size_t nbytes) {
    uint8_t *in = r2g_budget_alloc(NULL, nbytes), *out = r2g_budget_alloc(NULL, nbytes);
    if (!in || !out) {
        atomic_store(&shared->given_up, true);
        return;
    }
    memset(in, index + 1, nbytes);
    memset(out, 0, nbytes);
    atomic_fetch_add(&shared->ready, 1);
    while (!atomic_load(&shared->go)) {
        if (atomic_load(&shared->given_up))
            return;
        sched_yield();
    }
    shared->gbs[index] = r2g_copy_gbs(in, out, nbytes, LOOP_NS);
}

double r2g_scaling_copy_gbs(int processes) {
    if (processes < 1 || processes > PROCESSES_MAX)
        return NAN;
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return NAN;
    size_t nbytes = TOGETHER_NBYTES / 2 / (size_t)processes;
    nbytes = nbytes > BUFFER_NBYTES_MAX ? BUFFER_NBYTES_MAX : nbytes < BUFFER_NBYTES_MIN ? BUFFER_NBYTES_MIN : nbytes;
    pid_t pids[PROCESSES_MAX];
    int count = 0;
    while (count < processes && (pids[count] = fork()) >= 0) {
        if (pids[count] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            copy(shared, count, nbytes);
            _exit(0);
        }
        count++;
    }
    int64_t end_ns = r2g_clock_ns() + WAIT_NS;
    while (count == processes && atomic_load(&shared->ready) < count && !atomic_load(&shared->given_up) &&
           r2g_clock_ns() < end_ns)
        sched_yield();
    bool good = count == processes && atomic_load(&shared->ready) == count;
    atomic_store(good ? &shared->go : &shared->given_up, true);
    for (int i = 0; i < count; i++) {
        int ended = 0;
        pid_t got;
        do {
            got = waitpid(pids[i], &ended, 0);
        } while (got < 0 && errno == EINTR);
        good = good && got == pids[i] && WIFEXITED(ended) && shared->gbs[i] > 0;
    }
    double sum = 0;
    for (int i = 0; i < count && good; i++)
        sum += shared->gbs[i];
    munmap(shared, sizeof *shared);
    return good ? sum : NAN;
}
