/* MPI, its launcher, and Slurm's. */
#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/doctor.h"
#include "cli/launch.h"
#include "base/text.h"
#include "parallel/comm.h"

#define TRIAL_MS 10000
#define ASK_MS 5000

/* Finds the first "digits.digits.digits" in text and copies it; "" if there is none. */
static void find_version(const char *text, char *version, size_t version_nbytes) {
    version[0] = '\0';
    for (; *text; text++) {
        size_t length = strspn(text, "0123456789.");
        if (length >= 5 && length < version_nbytes && memchr(text, '.', length)) {
            memcpy(version, text, length);
            version[length] = '\0';
            return;
        }
        text += length > 0 ? length - 1 : 0;
    }
}

static const char install_remedy[] = "on Debian: apt-get install openmpi-bin libopenmpi3";

/* The launcher must be of the library's version: others may not know each other. */
static void check_launcher(struct r2g_doctor *doctor, const char *mpirun, const char *library_version) {
    const char *const words[] = {mpirun, "--version", NULL};
    char text[1000], version[32];
    int64_t wall_ns;
    int code = r2g_cli_child_run(words, ASK_MS, text, sizeof text, &wall_ns);
    find_version(text, version, sizeof version);
    if (code != 0 || !version[0]) {
        r2g_doctor_add(doctor, R2G_DOCTOR_WARN, "launcher", "put the mpirun of this program's Open MPI first on PATH",
                       "%s does not tell its version", mpirun);
    } else if (!strstr(text, "Open MPI") || strcmp(version, library_version) != 0) {
        r2g_doctor_add(doctor, R2G_DOCTOR_WARN, "launcher", "put the mpirun of this program's Open MPI first on PATH",
                       "%s is %s%s, but the library is %s", mpirun,
                       strstr(text, "Open MPI") ? "" : "not of Open MPI: ", version, library_version);
    } else {
        r2g_doctor_add(doctor, R2G_DOCTOR_OK, "launcher", NULL, "%s, Open MPI %s as well", mpirun, version);
    }
}

/* Two processes of this program that start MPI and end. */
static void try_launch(struct r2g_doctor *doctor, const char *mpirun) {
    char program[PATH_MAX], text[2000], time[32];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    const char *const words[] = {mpirun, "--oversubscribe", "-n", "2", program, "doctor", "--report", "none", NULL};
    int64_t wall_ns;
    r2g_launch_settings(!r2g_cli_in_batch_job());
    r2g_cli_allow_root();
    int code = r2g_cli_child_run(words, TRIAL_MS, text, sizeof text, &wall_ns);
    r2g_text_time(time, sizeof time, wall_ns);
    if (code == 0) {
        r2g_doctor_add(doctor, R2G_DOCTOR_OK, "trial", NULL, "mpirun -n 2 works; starting and ending took %s", time);
        return;
    }
    doctor->mpi_failed = true;
    /* the first line that is words and not a ruler of dashes */
    const char *line = text + strspn(text, "-\n ");
    if (code == R2G_CHILD_TIMED_OUT)
        r2g_doctor_add(doctor, R2G_DOCTOR_FAIL, "trial", "run 'mpirun -n 2 true' to see where it stops",
                       "mpirun -n 2 did not end within %s", time);
    else
        r2g_doctor_add(doctor, R2G_DOCTOR_FAIL, "trial", "run 'mpirun -n 2 true' to see all that it says",
                       "mpirun -n 2 ended with status %d: %.*s", code, (int)strcspn(line, "\n"), line);
}

void r2g_doctor_check_mpi(struct r2g_doctor *doctor) {
    char library[MPI_MAX_LIBRARY_VERSION_STRING] = "", version[32], mpirun[PATH_MAX];
    int length = 0;
    /* one of the few calls allowed before MPI_Init */
    if (MPI_Get_library_version(library, &length) != MPI_SUCCESS)
        library[0] = '\0';
    find_version(library, version, sizeof version);
    library[strcspn(library, ",\n")] = '\0';
    if (!strstr(library, "Open MPI"))
        r2g_doctor_add(doctor, R2G_DOCTOR_WARN, "MPI library", "build with Open MPI: it is the one that was tried",
                       "%s", library[0] ? library : "does not tell its version");
    else
        r2g_doctor_add(doctor, R2G_DOCTOR_OK, "MPI library", NULL, "%s", library);
    if (!r2g_cli_find_program("mpirun", mpirun, sizeof mpirun)) {
        doctor->mpi_failed = true;
        r2g_doctor_add(doctor, R2G_DOCTOR_FAIL, "launcher", install_remedy, "there is no mpirun on PATH");
        return;
    }
    check_launcher(doctor, mpirun, version);
    try_launch(doctor, mpirun);
}

void r2g_doctor_check_root(struct r2g_doctor *doctor) {
    if (geteuid() != 0)
        r2g_doctor_add(doctor, R2G_DOCTOR_OK, "user", NULL, "not root");
    else
        r2g_doctor_add(doctor, R2G_DOCTOR_WARN, "user",
                       "use an ordinary user; or set OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 for "
                       "mpirun (rgb2gray -n does so by itself)",
                       "root, for whom mpirun refuses to work unless told otherwise");
}

void r2g_doctor_check_slurm(struct r2g_doctor *doctor) {
    char srun[PATH_MAX], text[2000];
    const char *job = getenv("SLURM_JOB_ID");
    int64_t wall_ns;
    if (!r2g_cli_find_program("srun", srun, sizeof srun)) {
        r2g_doctor_add(doctor, job ? R2G_DOCTOR_WARN : R2G_DOCTOR_OK, "Slurm",
                       job ? "put srun on PATH, or use mpirun" : NULL, "%s",
                       job ? "this is a Slurm job, but there is no srun on PATH" : "not here, and not needed");
        return;
    }
    const char *const words[] = {srun, "--mpi=list", NULL};
    int code = r2g_cli_child_run(words, ASK_MS, text, sizeof text, &wall_ns);
    if (code != 0)
        r2g_doctor_add(doctor, job ? R2G_DOCTOR_WARN : R2G_DOCTOR_OK, "Slurm", job ? "use mpirun inside the job" : NULL,
                       "srun is installed, but no cluster answers%s", job ? "" : "; not needed outside one");
    else if (strstr(text, "pmix"))
        r2g_doctor_add(doctor, R2G_DOCTOR_OK, "Slurm", NULL, "srun offers PMIx: use srun --mpi=pmix%s%s",
                       job ? "; this is job " : "", job ? job : "");
    else
        r2g_doctor_add(doctor, R2G_DOCTOR_WARN, "Slurm",
                       "use mpirun inside the job, or have Slurm's PMIx plugin installed",
                       "srun does not offer PMIx, without which its processes would not find each other");
}
