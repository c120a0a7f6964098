/* Preloaded into a program that uses MPI: a rank other than 0 that has started never comes to its first communicator, as if
 * the others could not reach it. */
#include <mpi.h>
#include <unistd.h>

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm *copy) {
    int rank = 0;
    PMPI_Comm_rank(comm, &rank);
    while (rank > 0)
        pause();
    return PMPI_Comm_dup(comm, copy);
}
