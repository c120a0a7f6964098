/* Fault injection: one counter a kind, read from the environment at the first site. Any thread may pass a site. */
#include "base/fault.h"

#ifdef RGB2GRAY_FAULTS

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const kind_names[R2G_FAULT_KINDS] = {
    [R2G_FAULT_ALLOC] = "alloc",
    [R2G_FAULT_READ] = "read",
    [R2G_FAULT_WRITE] = "write",
    [R2G_FAULT_MPI] = "mpi",
};

static _Atomic uint64_t passed[R2G_FAULT_KINDS];
static uint64_t armed[R2G_FAULT_KINDS]; /* the site that fails, from 1; 0: none. Constant once set up. */
static pthread_once_t setup_once = PTHREAD_ONCE_INIT;

/* The launcher's word for it, as text, so that this works before MPI_Init and without MPI. */
static const char *rank_text(void) {
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (rank == NULL) {
        rank = getenv("PMIX_RANK");
    }
    return rank != NULL ? rank : "0";
}

static void write_log(void) {
    const char *path = getenv("RGB2GRAY_FAULT_LOG");
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
    if (fd < 0) {
        return;
    }
    char text[512];
    int nbytes = 0;
    for (int kind = 0; kind < R2G_FAULT_KINDS; kind++) {
        nbytes += snprintf(text + nbytes, sizeof text - (size_t)nbytes, "%.20s %s %" PRIu64 "\n", rank_text(),
                           kind_names[kind], atomic_load(&passed[kind]));
    }
    /* One write, so that the lines of ranks that end together do not mix. */
    if (write(fd, text, (size_t)nbytes) != nbytes) {
        fputs("fault log could not be written\n", stderr);
    }
    close(fd);
}

static void setup(void) {
    if (getenv("RGB2GRAY_FAULT_LOG") != NULL) {
        atexit(write_log);
    }
    const char *fault = getenv("RGB2GRAY_FAULT");
    const char *only_rank = getenv("RGB2GRAY_FAULT_RANK");
    const char *colon = fault != NULL ? strchr(fault, ':') : NULL;
    if (colon == NULL || (only_rank != NULL && strcmp(only_rank, rank_text()) != 0)) {
        return;
    }
    for (int kind = 0; kind < R2G_FAULT_KINDS; kind++) {
        if (strlen(kind_names[kind]) == (size_t)(colon - fault) &&
            strncmp(kind_names[kind], fault, (size_t)(colon - fault)) == 0) {
            armed[kind] = strtoull(colon + 1, NULL, 10);
        }
    }
}

bool r2g_fault(enum r2g_fault_kind kind) {
    pthread_once(&setup_once, setup);
    return atomic_fetch_add(&passed[kind], 1) + 1 == armed[kind];
}

#endif
