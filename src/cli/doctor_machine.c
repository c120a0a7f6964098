/* CPUs, memory and folders. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <rgb2gray/rgb2gray.h>

#include "base/file.h"
#include "cli/doctor.h"
#include "cli/launch.h"
#include "base/text.h"

/* The rest of the first line of `path` that begins with `key`, without blanks and colon in front; false: none does. */
static bool read_entry(const char *path, const char *key, char *text, size_t text_nbytes) {
    FILE *file = fopen(path, "r");
    char line[4096]; /* the flags of a CPU take 2000 */
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        found = strncmp(line, key, strlen(key)) == 0;
        if (found) {
            const char *value = line + strlen(key);
            value += strspn(value, " \t:");
            snprintf(text, text_nbytes, "%.*s", (int)strcspn(value, "\n"), value);
        }
    }
    if (file)
        fclose(file);
    return found;
}

/* A setting of this process's control group (version 2, then 1); false where there is none. */
static bool read_cgroup(const char *v2_name, const char *v1_name, char *text, size_t text_nbytes) {
    char group[1024] = "", path[PATH_MAX];
    if (read_entry("/proc/self/cgroup", "0::", group, sizeof group)) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/%s", group, v2_name);
        if (read_entry(path, "", text, text_nbytes))
            return true;
    }
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s", v2_name);
    if (read_entry(path, "", text, text_nbytes))
        return true;
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s", v1_name);
    return read_entry(path, "", text, text_nbytes);
}

/* CPUs' worth of time that the control group allows, 0 for no limit. */
static double cpu_quota(void) {
    char text[64], period[64];
    if (!read_cgroup("cpu.max", "cpu/cpu.cfs_quota_us", text, sizeof text))
        return 0;
    double quota = strtod(text, NULL);
    const char *second = strchr(text, ' ');
    if (!second) {
        if (!read_entry("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "", period, sizeof period))
            return 0;
        second = period;
    }
    double length = strtod(second, NULL);
    return quota > 0 && length > 0 ? quota / length : 0; /* "max" reads as 0, version 1 says -1 */
}

static void check_instructions(struct r2g_doctor *doctor) {
    char model[120] = "unknown model";
    read_entry("/proc/cpuinfo", "model name", model, sizeof model);
    const char *note = r2g_luma_isa_note();
    if (note)
        r2g_doctor_add(doctor, R2G_DOCTOR_WARN, "CPU", "unset RGB2GRAY_ISA, or set it to one this CPU has",
                       "%s; kernels for %s; %s", model, r2g_luma_isa(), note);
    else
        r2g_doctor_add(doctor, R2G_DOCTOR_OK, "CPU", NULL, "%s; kernels for %s%s", model, r2g_luma_isa(),
                       getenv("RGB2GRAY_ISA") ? ", forced by RGB2GRAY_ISA" : "");
}

static void check_cpu_count(struct r2g_doctor *doctor, bool launched) {
    int cpus, slots = r2g_cli_slots(&cpus);
    double quota = cpu_quota();
    if (quota > 0 && quota < cpus)
        r2g_doctor_add(doctor, R2G_DOCTOR_WARN, "CPUs", "use no more processes than the quota, or raise it",
                       "%d usable, but the control group allows the time of %.1f only", cpus, quota);
    else if (launched)
        r2g_doctor_add(doctor, R2G_DOCTOR_OK, "CPUs", NULL, "%d usable by rank 0%s", cpus,
                       cpus == 1 ? ", which is bound to it" : "");
    else
        r2g_doctor_add(doctor, R2G_DOCTOR_OK, "CPUs", NULL,
                       "%d usable; -n takes up to %d process%s without making them share", cpus, slots,
                       slots == 1 ? "" : "es");
}

void r2g_doctor_check_cpus(struct r2g_doctor *doctor, bool launched) {
    const char *policy = getenv("OMPI_MCA_hwloc_base_binding_policy");
    check_instructions(doctor);
    check_cpu_count(doctor, launched);
    if (!launched)
        r2g_doctor_add(doctor, R2G_DOCTOR_OK, "binding", NULL, "%s",
                       policy ? policy : "as mpirun does it: up to 2 processes are tied to a core each");
}

static void check_shared_memory(struct r2g_doctor *doctor) {
    struct statvfs info;
    char size[32], left[32];
    if (statvfs("/dev/shm", &info) != 0) {
        r2g_doctor_add(doctor, R2G_DOCTOR_WARN, "/dev/shm", "mount a tmpfs at /dev/shm",
                       "not there: processes of one host talk through the temporary folder, more slowly");
        return;
    }
    uint64_t size_nbytes = (uint64_t)info.f_blocks * info.f_frsize,
             left_nbytes = (uint64_t)info.f_bavail * info.f_frsize;
    r2g_text_memory(size, sizeof size, size_nbytes);
    r2g_text_memory(left, sizeof left, left_nbytes);
    bool small = left_nbytes < UINT64_C(64) << 20;
    r2g_doctor_add(doctor, small ? R2G_DOCTOR_WARN : R2G_DOCTOR_OK, "/dev/shm",
                   small ? "free some, or in a container: docker run --shm-size=1g" : NULL, "%s free of %s", left,
                   size);
}

void r2g_doctor_check_memory(struct r2g_doctor *doctor) {
    char text[64] = "", available[32] = "an unknown amount", limit[32], most[64] = "no limit by a control group";
    struct r2g_options options;
    if (read_entry("/proc/meminfo", "MemAvailable", text, sizeof text))
        r2g_text_memory(available, sizeof available, strtoull(text, NULL, 10) * 1024);
    /* version 1 says "no limit" with a number close to 2^63 */
    if (read_cgroup("memory.max", "memory/memory.limit_in_bytes", text, sizeof text) && strtoull(text, NULL, 10) > 0 &&
        strtoull(text, NULL, 10) < UINT64_C(1) << 60) {
        r2g_text_memory(limit, sizeof limit, strtoull(text, NULL, 10));
        snprintf(most, sizeof most, "control group's limit %s", limit);
    }
    r2g_options_default(&options);
    r2g_text_memory(limit, sizeof limit, options.mem_limit_nbytes);
    r2g_doctor_add(doctor, R2G_DOCTOR_OK, "memory", NULL, "%s available, %s; --mem-limit is %s unless given", available,
                   most, options.mem_limit_nbytes ? limit : "off");
    check_shared_memory(doctor);
}

static void check_temporary(struct r2g_doctor *doctor) {
    const char *folder = r2g_file_temporary_folder();
    struct statvfs info;
    char left[32];
    int fd = -1, code = r2g_file_open_temporary(&fd);
    if (code != 0) {
        r2g_doctor_add(doctor, R2G_DOCTOR_FAIL, "temporary files", "set TMPDIR to a folder that can be written",
                       "%s cannot be written: %s", folder, strerror(code));
        return;
    }
    close(fd);
    uint64_t left_nbytes = statvfs(folder, &info) == 0 ? (uint64_t)info.f_bavail * info.f_frsize : 0;
    bool small = left_nbytes < UINT64_C(256) << 20;
    r2g_text_memory(left, sizeof left, left_nbytes);
    r2g_doctor_add(doctor, small ? R2G_DOCTOR_WARN : R2G_DOCTOR_OK, "temporary files",
                   small ? "free some, or set TMPDIR to a folder with more room" : NULL, "%s, %s free", folder, left);
}

static void check_current(struct r2g_doctor *doctor) {
    int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        r2g_doctor_add(doctor, R2G_DOCTOR_OK, "this folder", NULL,
                       "has files without a name (O_TMPFILE): even a killed run leaves nothing behind");
    } else if (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT) {
        r2g_doctor_add(doctor, R2G_DOCTOR_OK, "this folder", NULL,
                       "has no files without a name (O_TMPFILE): a run ended by SIGKILL may leave a .part file behind");
    } else {
        r2g_doctor_add(doctor, R2G_DOCTOR_WARN, "this folder", "give outputs a place elsewhere with -o",
                       "cannot be written: %s", strerror(errno));
    }
}

void r2g_doctor_check_folders(struct r2g_doctor *doctor) {
    check_temporary(doctor);
    check_current(doctor);
}
