#include "gateway/programs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_program(const char *path) {
    struct stat is;
    return stat(path, &is) == 0 && S_ISREG(is.st_mode) && access(path, X_OK) == 0;
}

bool r2g_program_find(const char *name, char *path, size_t path_nbytes) {
    char found[PATH_MAX], absolute[PATH_MAX];
    const char *folders = getenv("PATH");
    bool there = false;
    path[0] = '\0';
    if (strchr(name, '/')) {
        there = snprintf(found, sizeof found, "%s", name) < (int)sizeof found && is_program(found);
        folders = "";
    }
    for (folders = folders ? folders : "/usr/local/bin:/usr/bin:/bin"; !there && *folders;) {
        size_t length = strcspn(folders, ":");
        there = snprintf(found, sizeof found, "%.*s/%s", (int)length, folders, name) < (int)sizeof found &&
                is_program(found);
        folders += length + (folders[length] == ':');
    }
    if (!there || !realpath(found, absolute))
        return false;
    int needed = snprintf(path, path_nbytes, "%s", absolute);
    return needed > 0 && (size_t)needed < path_nbytes;
}
