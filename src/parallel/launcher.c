#include "parallel/launcher.h"

#include <stdbool.h>
#include <stdlib.h>

/* The count in environment variable `name`, or 0. */
static int env_count(const char *name) {
    const char *text = getenv(name);
    if (text == NULL)
        return 0;
    char *end;
    long value = strtol(text, &end, 10);
    return end != text && *end == '\0' && value > 0 && value < 1000000000 ? (int)value : 0;
}

enum r2g_launcher r2g_launcher_detect(int *rank_count) {
    *rank_count = env_count("OMPI_COMM_WORLD_SIZE");
    if (*rank_count > 0)
        return R2G_LAUNCHER_OPENMPI;
    /* A batch script inherits SLURM_* of its job but is no task of a step: only srun's tasks have a step id below the
     * reserved ones (slurm.h: SLURM_BATCH_SCRIPT 0xfffffffb and above). */
    int tasks = env_count("SLURM_STEP_NUM_TASKS");
    const char *step = getenv("SLURM_STEP_ID");
    bool in_step = tasks > 0 && getenv("SLURM_PROCID") != NULL && step != NULL && strtoul(step, NULL, 10) < 0xfffffff0u;
    if (getenv("PMIX_RANK") != NULL || getenv("PMIX_NAMESPACE") != NULL) {
        *rank_count = in_step ? tasks : 0;
        return R2G_LAUNCHER_PMIX;
    }
    int others = env_count("PMI_SIZE");
    if (others == 0 && in_step)
        others = tasks;
    *rank_count = others > 1 ? others : 1;
    return others > 1 ? R2G_LAUNCHER_FOREIGN : R2G_LAUNCHER_NONE;
}

/* True if the launcher's environment says that all ranks are on one host. */
static bool launched_on_one_host(void) {
    int size = env_count("OMPI_COMM_WORLD_SIZE");
    if (size > 0)
        return size == env_count("OMPI_COMM_WORLD_LOCAL_SIZE");
    return env_count("SLURM_STEP_NUM_NODES") == 1;
}

void r2g_launch_settings(bool one_host) {
    setenv("HWLOC_COMPONENTS", "-opencl,-gl", 0);
    if ((one_host || launched_on_one_host()) && getenv("OMPI_MCA_mtl") == NULL)
        setenv("OMPI_MCA_pml", "ob1", 0);
}
