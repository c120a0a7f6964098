/* What needs MPI, in the program that is started by its name: to load Open MPI's libraries takes longer than to convert a
 * small picture, so that program is linked without them. Where they are needed it becomes its twin, which is linked with
 * them and lies beside it in a build folder, and in libexec where it is installed. Nothing has been printed or opened by
 * then; arguments, environment, process id and name stay. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/conversions.h"

#define TWIN "rgb2gray-mpi"

/* From the folder of this program; the second is set by the build, by where programs and their helpers are installed. */
static const char *const places[] = {TWIN, R2G_LIBEXEC_FROM_BIN "/" TWIN};

static bool is_same_file(const char *path, const char *other) {
    struct stat one, two;
    return stat(path, &one) == 0 && stat(other, &two) == 0 && one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

static int hand_over(const struct r2g_cli *cli) {
    char self[PATH_MAX], path[PATH_MAX] = TWIN, host[HOST_NAME_MAX + 1] = "";
    struct r2g_error err = {0};
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(self, '/');
    int error = ENOENT;
    for (size_t i = 0; slash && i < sizeof places / sizeof places[0]; i++) {
        int folder_nbytes = (int)(slash - self);
        if (snprintf(path, sizeof path, "%.*s/%s", folder_nbytes, self, places[i]) >= (int)sizeof path)
            continue;
        if (is_same_file(path, self)) { /* a link to this program would become itself for ever */
            error = ELOOP;
            break;
        }
        execv(path, cli->argv);
        error = errno;
        if (error != ENOENT)
            break;
    }
    (void)gethostname(host, sizeof host - 1);
    r2g_status status = r2g_fail_errno(&err, R2G_EMPI, error,
                                       "on %s, cannot start " TWIN ", the part of this program that uses MPI, which "
                                       "belongs beside %s or at %s",
                                       host, self, path);
    /* whatever the rank: perhaps it is missing on one host only */
    r2g_cli_print_error(&err);
    return status;
}

int r2g_cli_among_ranks(const struct r2g_cli *cli) {
    return hand_over(cli);
}

int r2g_cli_compare_alone(const struct r2g_cli *cli) {
    return hand_over(cli);
}

int r2g_cli_pool(const struct r2g_cli *cli, bool alone) {
    (void)alone; /* found out again there */
    return hand_over(cli);
}

int r2g_cli_batch(const struct r2g_cli *cli, bool alone) {
    (void)alone;
    return hand_over(cli);
}

int r2g_cli_doctor(const struct r2g_cli *cli) {
    return hand_over(cli);
}
