#include "parallel/comm.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fault.h"

/* How long a rank that is told to sleep stays awake first. */
#define SPIN_NS INT64_C(1000000)

r2g_status r2g_mpi_check(int mpi_code, const char *call, struct r2g_error *err) {
    if (r2g_fault(R2G_FAULT_MPI))
        mpi_code = MPI_ERR_OTHER;
    if (mpi_code == MPI_SUCCESS)
        return R2G_OK;
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    if (MPI_Error_string(mpi_code, text, &length) != MPI_SUCCESS)
        snprintf(text, sizeof text, "error %d", mpi_code);
    r2g_status status = r2g_fail(err, R2G_EMPI, "%s failed: %s", call, text);
    if (err != NULL)
        err->mpi_code = mpi_code;
    return status;
}

/* Counts the hosts: the lowest rank of those that share memory counts as one. */
static r2g_status count_hosts(struct r2g_comm *comm, struct r2g_error *err) {
    MPI_Comm host = MPI_COMM_NULL;
    int host_rank = 0;
    r2g_status status =
        r2g_mpi_check(MPI_Comm_split_type(comm->mpi, MPI_COMM_TYPE_SHARED, comm->rank, MPI_INFO_NULL, &host),
                      "MPI_Comm_split_type", err);
    if (status == R2G_OK)
        status = r2g_mpi_check(MPI_Comm_rank(host, &host_rank), "MPI_Comm_rank", err);
    int first = host_rank == 0;
    if (status == R2G_OK)
        status = r2g_mpi_check(MPI_Allreduce(&first, &comm->host_count, 1, MPI_INT, MPI_SUM, comm->mpi),
                               "MPI_Allreduce", err);
    if (host != MPI_COMM_NULL)
        MPI_Comm_free(&host);
    return status;
}

/* The communicators and who is where; MPI has started. */
static r2g_status make_comms(struct r2g_comm *comm, struct r2g_error *err) {
    r2g_status status =
        r2g_mpi_check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", err);
    if (status == R2G_OK)
        status = r2g_mpi_check(MPI_Comm_dup(MPI_COMM_WORLD, &comm->mpi), "MPI_Comm_dup", err);
    if (status == R2G_OK)
        status = r2g_mpi_check(MPI_Comm_set_errhandler(comm->mpi, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", err);
    if (status == R2G_OK)
        status = r2g_mpi_check(MPI_Comm_rank(comm->mpi, &comm->rank), "MPI_Comm_rank", err);
    if (status == R2G_OK)
        status = r2g_mpi_check(MPI_Comm_size(comm->mpi, &comm->size), "MPI_Comm_size", err);
    return status == R2G_OK ? count_hosts(comm, err) : status;
}

/* MPI_Finalize tells the launcher, over a local TCP connection of PMIx, in several small messages in a row. By default the
 * system holds the later ones back until the first is acknowledged, and the other side delays that by 40 ms: most of what
 * ending takes. With TCP_NODELAY they go at once. Connections of other kinds stay as they are. */
static void send_at_once(void) {
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return; /* then ending takes its 40 ms */
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        int fd = (int)strtol(entry->d_name, NULL, 10), protocol = 0, on = 1;
        socklen_t nbytes = sizeof protocol;
        if (fd > STDERR_FILENO && getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &nbytes) == 0 &&
            protocol == IPPROTO_TCP)
            (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    closedir(folder);
}

r2g_status r2g_comm_start(struct r2g_comm *comm, struct r2g_error *err) {
    memset(comm, 0, sizeof *comm);
    comm->mpi = MPI_COMM_NULL;
    comm->launch_ns = -1;
    int announced = 0, provided = 0;
    (void)r2g_launcher_detect(&announced);
    int64_t start = r2g_clock_ns();
    r2g_status status = r2g_mpi_check(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided), "MPI_Init", err);
    if (status != R2G_OK) {
        /* The others may have come through and wait for this rank. */
        int started = 0;
        comm->broken = MPI_Initialized(&started) == MPI_SUCCESS && started;
        return status;
    }
    comm->init_ns = r2g_clock_ns() - start;
    send_at_once();
    const char *launched = getenv("RGB2GRAY_LAUNCH_NS");
    if (launched != NULL) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        int64_t since = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - strtoll(launched, NULL, 10);
        comm->launch_ns = since >= 0 && since < INT64_C(3600000000000) ? since : -1;
    }
    status = make_comms(comm, err);
    /* Ranks that failed here have left collectives the others may still wait in. */
    comm->broken = status != R2G_OK;
    if (status == R2G_OK && announced > 0 && announced != comm->size)
        status = r2g_fail(err, R2G_EMPI,
                          "the launcher announced %d ranks but MPI sees %d: launcher and MPI library do not match (try "
                          "'rgb2gray doctor')",
                          announced, comm->size);
    return status;
}

void r2g_comm_stop(struct r2g_comm *comm) {
    /* All that is to be said was said: when one rank has left with an error, mpirun ends the others with a signal. */
    r2g_cleanup_install(NULL);
    int started = 0;
    if (MPI_Initialized(&started) != MPI_SUCCESS || !started)
        return;
    if (comm->mpi != MPI_COMM_NULL)
        MPI_Comm_free(&comm->mpi);
    comm->size = 0;
    MPI_Finalize();
}

void r2g_comm_abort(struct r2g_comm *comm, int exit_code) {
    r2g_cleanup_install(NULL);
    MPI_Abort(comm->mpi != MPI_COMM_NULL ? comm->mpi : MPI_COMM_WORLD, exit_code);
}

r2g_status r2g_agree(struct r2g_comm *comm, r2g_status status, struct r2g_error *err) {
    /* After a failed agreement the others are elsewhere: to wait for them would be for ever. */
    if (comm->broken)
        return status != R2G_OK ? status : r2g_fail(err, R2G_EMPI, "an earlier agreement among the ranks failed");
    struct {
        int status, rank;
    } mine = {(int)status, comm->rank}, worst = {(int)R2G_EMPI, comm->rank};
    /* MAXLOC picks the lowest rank among those with the largest status. */
    r2g_status sent =
        r2g_mpi_check(MPI_Allreduce(&mine, &worst, 1, MPI_2INT, MPI_MAXLOC, comm->mpi), "MPI_Allreduce", err);
    if (sent == R2G_OK && worst.status != R2G_OK) {
        struct r2g_error text = {0};
        if (worst.rank == comm->rank && err != NULL)
            text = *err;
        sent = r2g_mpi_check(MPI_Bcast(&text, (int)sizeof text, MPI_BYTE, worst.rank, comm->mpi), "MPI_Bcast", err);
        if (sent == R2G_OK && err != NULL) {
            *err = text;
            err->rank = worst.rank;
            err->status = (r2g_status)worst.status;
        }
    }
    if (sent != R2G_OK) {
        comm->broken = true;
        return sent;
    }
    return (r2g_status)worst.status;
}

/* Tests the request until it is done: for spin_ns without a pause, then with pauses that double up to longest_ns. */
static r2g_status wait_quietly(MPI_Request *request, int64_t spin_ns, long longest_ns, struct r2g_error *err) {
    int64_t start = spin_ns > 0 ? r2g_clock_ns() : 0;
    for (long pause_ns = 20000;;) {
        int done = 0;
        r2g_status status = r2g_mpi_check(MPI_Test(request, &done, MPI_STATUS_IGNORE), "MPI_Test", err);
        if (status != R2G_OK)
            (void)MPI_Wait(request, MPI_STATUS_IGNORE); /* not to be left behind */
        if (status != R2G_OK || done)
            return status;
        if (spin_ns > 0 && r2g_clock_ns() - start < spin_ns) {
            sched_yield(); /* there may be more ranks than CPUs */
            continue;
        }
        struct timespec pause = {.tv_nsec = pause_ns};
        nanosleep(&pause, NULL);
        pause_ns = pause_ns * 2 < longest_ns ? pause_ns * 2 : longest_ns;
    }
}

r2g_status r2g_quiet_barrier(struct r2g_comm *comm, struct r2g_error *err) {
    MPI_Request request;
    r2g_status status = r2g_mpi_check(MPI_Ibarrier(comm->mpi, &request), "MPI_Ibarrier", err);
    return status == R2G_OK ? wait_quietly(&request, 0, 1280000, err) : status;
}

r2g_status r2g_quiet_bcast(struct r2g_comm *comm, void *bytes, int nbytes, struct r2g_error *err) {
    MPI_Request request;
    r2g_status status = r2g_mpi_check(MPI_Ibcast(bytes, nbytes, MPI_BYTE, 0, comm->mpi, &request), "MPI_Ibcast", err);
    return status == R2G_OK ? wait_quietly(&request, SPIN_NS, 1200000, err) : status;
}

r2g_status r2g_bcast(struct r2g_comm *comm, void *bytes, int nbytes, struct r2g_error *err) {
    return r2g_mpi_check(MPI_Bcast(bytes, nbytes, MPI_BYTE, 0, comm->mpi), "MPI_Bcast", err);
}

void r2g_comm_poke(struct r2g_comm *comm) {
    int unused = 0;
    (void)MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm->mpi, &unused, MPI_STATUS_IGNORE);
}
