/* What a child's environment holds, and the processes that are known by theirs. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "gateway/child.h"

#define MARK "RGB2GRAY_JOB="
#define VARIABLES_MAX 200

extern char **environ;

/* Of the gateway's own variables, those that the administrator sets for Open MPI, for Slurm's commands, and for finding
 * mistakes. A name that ends in '_' stands for all that begin so. */
static const char *const passed[] = {
    "PATH",
    "HOME",
    "OMPI_MCA_",
    "PMIX_MCA_",
    "PRTE_MCA_",
    "OMPI_ALLOW_RUN_AS_ROOT",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM",
    "HWLOC_COMPONENTS",
    "SLURM_CONF",
    "RGB2GRAY_ISA",
    "ASAN_OPTIONS",
    "LSAN_OPTIONS",
    "UBSAN_OPTIONS",
};

/* What is set for Open MPI unless the administrator has. The ranks share their cores with the gateway and its clients, so
 * one that waits lets others run; and a host that is cut off, which is never noticed otherwise, ends the job after some
 * seconds. */
static const struct {
    const char *name, *value;
    bool for_hosts; /* with a host file alone */
} defaults[] = {{"OMPI_MCA_mpi_yield_when_idle=", "1", false},
                {"OMPI_MCA_oob_tcp_keepalive_time=", "4", true},
                {"OMPI_MCA_oob_tcp_keepalive_intvl=", "1", true},
                {"OMPI_MCA_oob_tcp_keepalive_probes=", "3", true}};

static bool is_passed(const char *variable) {
    size_t length = strcspn(variable, "=");
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        size_t known = strlen(passed[i]);
        bool family = passed[i][known - 1] == '_';
        if ((family ? length > known : length == known) && strncmp(variable, passed[i], known) == 0)
            return true;
    }
    return false;
}

/* A growing list of variables: pointers in front, their texts behind, in one block. */
struct list {
    const char **variables;
    size_t count;
    char *text, *end;
};

static void add(struct list *list, const char *name, const char *value) {
    size_t nbytes = strlen(name) + strlen(value) + 1;
    if (list->count + 1 >= VARIABLES_MAX || nbytes > (size_t)(list->end - list->text))
        return;
    snprintf(list->text, nbytes, "%s%s", name, value);
    list->variables[list->count++] = list->text;
    list->text += nbytes;
}

static bool has(const struct list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++) {
        if (strncmp(list->variables[i], name, strlen(name)) == 0)
            return true;
    }
    return false;
}

const char **r2g_child_environment(const struct r2g_settings *settings, const char *tmp, const char *mark,
                                   struct r2g_error *err) {
    size_t nbytes = VARIABLES_MAX * sizeof(char *) + strlen(tmp) + 1024;
    for (char **variable = environ; *variable; variable++)
        nbytes += is_passed(*variable) ? strlen(*variable) + 1 : 0;
    for (const char *const *mca = settings->mca; mca && *mca; mca++)
        nbytes += strlen(*mca) + 16;
    struct list list = {.variables = r2g_new(nbytes, err)};
    if (!list.variables)
        return NULL;
    list.text = (char *)(list.variables + VARIABLES_MAX);
    list.end = (char *)list.variables + nbytes;
    add(&list, "LANG=", "C");
    add(&list, "TMPDIR=", tmp);
    for (const char *const *mca = settings->mca; mca && *mca; mca++)
        add(&list, "OMPI_MCA_", *mca);
    if (mark)
        add(&list, MARK, mark);
    for (char **variable = environ; *variable; variable++) {
        char name[128];
        int length = (int)strcspn(*variable, "=") + 1;
        snprintf(name, sizeof name, "%.*s", length, *variable);
        if (is_passed(*variable) && !has(&list, name)) /* the settings win */
            add(&list, *variable, "");
    }
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        if ((settings->hostfile || !defaults[i].for_hosts) && !has(&list, defaults[i].name))
            add(&list, defaults[i].name, defaults[i].value);
    }
    if (!has(&list, "PATH="))
        add(&list, "PATH=", "/usr/local/bin:/usr/bin:/bin");
    if (!has(&list, "HOME="))
        add(&list, "HOME=", "/");
    if (geteuid() == 0) {
        if (!has(&list, "OMPI_ALLOW_RUN_AS_ROOT="))
            add(&list, "OMPI_ALLOW_RUN_AS_ROOT=", "1");
        if (!has(&list, "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="))
            add(&list, "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=", "1");
    }
    list.variables[list.count] = NULL;
    return list.variables;
}

/* While a process becomes another program, the kernel shows an empty environment of it. So one that has a program and
 * no environment is looked at again, for about twenty milliseconds, which no exec takes; it may really have none. */
#define LOOKS 20
#define LOOKS_US 1000
#define LOOKS_IN_ALL 400 /* of one pass over all processes */

/* The environment of a process as it was when the process began, at most `room` - 1 bytes of it; its length, 0 for none. */
static size_t read_environment(const char *pid, char *text, size_t room, unsigned *looks_left) {
    char path[64], program[16];
    size_t used = 0;
    for (int look = 0; look < LOOKS; look++) {
        snprintf(path, sizeof path, "/proc/%.20s/environ", pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return 0;
        ssize_t got;
        while (used < room - 1 && (got = read(fd, text + used, room - 1 - used)) > 0)
            used += (size_t)got;
        close(fd);
        snprintf(path, sizeof path, "/proc/%.20s/exe", pid);
        /* those of the kernel, and those that have ended, have no program */
        if (used > 0 || *looks_left == 0 || readlink(path, program, sizeof program) < 0)
            break;
        --*looks_left;
        usleep(LOOKS_US);
    }
    text[used] = '\0';
    return used;
}

static bool is_marked(const char *pid, const char *mark, unsigned *looks_left) {
    char text[65536];
    size_t used = read_environment(pid, text, sizeof text, looks_left);
    size_t length = strlen(mark);
    bool family = mark[length - 1] == '.';
    for (size_t at = 0; at < used; at += strlen(text + at) + 1) {
        const char *variable = text + at;
        if (strncmp(variable, MARK, sizeof MARK - 1) != 0)
            continue;
        variable += sizeof MARK - 1;
        if (strncmp(variable, mark, length) == 0 && (family || variable[length] == '\0'))
            return true;
    }
    return false;
}

/* A process that has ended, but has not been waited for, has no environment any more, and so is not counted. */
static unsigned kill_once(const char *mark) {
    unsigned count = 0, looks_left = LOOKS_IN_ALL;
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)atol(entry->d_name) : 0;
        if (pid > 1 && pid != getpid() && is_marked(entry->d_name, mark, &looks_left)) {
            kill(pid, SIGKILL);
            count++;
        }
    }
    if (dir)
        closedir(dir);
    return count;
}

bool r2g_child_kill_marked(const char *mark, int timeout_ms) {
    int64_t end_ns = r2g_clock_ns() + (int64_t)timeout_ms * 1000000;
    while (kill_once(mark) > 0) {
        if (r2g_clock_ns() >= end_ns)
            return false;
        usleep(5000);
    }
    return true;
}
