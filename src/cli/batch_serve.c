/* Messages between rank 0 and the others, and the others' loop. */
#include <string.h>
#include <time.h>

#include "cli/batch_messages.h"

static void pause_ns(long ns) {
    struct timespec pause = {.tv_nsec = ns};
    nanosleep(&pause, NULL);
}

r2g_status r2g_batch_send(struct r2g_comm *comm, int rank, const struct r2g_buffer *bytes, struct r2g_error *err) {
    return r2g_mpi_check(MPI_Send(bytes->bytes, (int)bytes->nbytes, MPI_BYTE, rank, R2G_BATCH_TAG, comm->mpi),
                         "MPI_Send", err);
}

r2g_status r2g_batch_poll(struct r2g_comm *comm, int *rank, struct r2g_buffer *bytes, struct r2g_error *err) {
    MPI_Status about;
    int there = 0, nbytes = 0, from = *rank < 0 ? MPI_ANY_SOURCE : *rank;
    *rank = -1;
    r2g_status status = r2g_mpi_check(MPI_Iprobe(from, R2G_BATCH_TAG, comm->mpi, &there, &about), "MPI_Iprobe", err);
    if (status != R2G_OK || !there)
        return status;
    status = r2g_mpi_check(MPI_Get_count(&about, MPI_BYTE, &nbytes), "MPI_Get_count", err);
    bytes->nbytes = 0;
    if (status == R2G_OK)
        status = r2g_buffer_reserve(bytes, (size_t)nbytes + 1, "a message", err);
    if (status != R2G_OK)
        return status;
    *rank = about.MPI_SOURCE;
    bytes->nbytes = (size_t)nbytes;
    return r2g_mpi_check(
        MPI_Recv(bytes->bytes, nbytes, MPI_BYTE, about.MPI_SOURCE, R2G_BATCH_TAG, comm->mpi, MPI_STATUS_IGNORE),
        "MPI_Recv", err);
}

/* Waits for rank 0's next task, asleep most of the time: others may need the core. */
static r2g_status await_task(struct r2g_comm *comm, struct r2g_buffer *bytes, struct r2g_error *err) {
    for (long ns = 20000;; ns = ns < 1000000 ? ns * 2 : ns) {
        int rank = 0;
        r2g_status status = r2g_batch_poll(comm, &rank, bytes, err);
        if (status != R2G_OK || rank == 0)
            return status;
        pause_ns(ns);
    }
}

r2g_status r2g_batch_serve(struct r2g_comm *comm, struct r2g_batch_worker *worker, struct r2g_error *err) {
    struct r2g_batch_task task = {.kind = R2G_BATCH_CONVERT};
    struct r2g_batch_outcome outcome = {0};
    struct r2g_buffer bytes = {0};
    r2g_status status = R2G_OK;
    while (status == R2G_OK) {
        status = r2g_batch_outcome_pack(&task, &outcome, &bytes, err);
        if (status == R2G_OK)
            status = r2g_batch_send(comm, 0, &bytes, err);
        r2g_batch_task_free(&task);
        r2g_batch_outcome_free(&outcome);
        if (status == R2G_OK)
            status = await_task(comm, &bytes, err);
        if (status == R2G_OK)
            status = r2g_batch_task_unpack(&task, &bytes, err);
        if (status != R2G_OK || task.kind == R2G_BATCH_END)
            break;
        r2g_batch_work(worker, &task, &outcome);
    }
    r2g_batch_task_free(&task);
    r2g_batch_outcome_free(&outcome);
    r2g_buffer_free(&bytes);
    return status;
}
