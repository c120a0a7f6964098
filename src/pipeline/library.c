/* The public face of librgb2gray: one file after the other, in the calling thread. */
#include <rgb2gray/rgb2gray.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "pipeline/sequential.h"

/* A number of bytes from the first line of a file, or the first line's number after `key` where that is given; 0 where
 * there is none. */
static uint64_t number_in(const char *path, const char *key) {
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    char line[128];
    unsigned long long value = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (key == NULL || strncmp(line, key, strlen(key)) == 0) {
            if (sscanf(line + (key == NULL ? 0 : strlen(key)), "%llu", &value) != 1)
                value = 0;
            break;
        }
    }
    fclose(file);
    return value;
}

/* What the control groups of this process leave: the least of limit less use from its own group up to the root (cgroup
 * v2); UINT64_MAX where there is no limit. */
static uint64_t group_available(void) {
    char line[1024] = "", path[1200];
    FILE *file = fopen("/proc/self/cgroup", "re");
    bool found = false;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        found = strncmp(line, "0::/", 4) == 0;
    if (file != NULL)
        fclose(file);
    uint64_t least = UINT64_MAX;
    char *group = line + 3, *slash = group;
    group[strcspn(group, "\n")] = '\0';
    while (found && slash != NULL) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", group);
        uint64_t limit = number_in(path, NULL);
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.current", group);
        uint64_t used = number_in(path, NULL);
        if (limit > 0)
            least = r2g_u64_min(least, limit > used ? limit - used : 1);
        slash = strrchr(group, '/');
        if (slash != NULL)
            *slash = '\0'; /* the group above; the root's name is empty */
    }
    return least;
}

/* Three quarters of what the machine and the control groups leave, so that a limit is met before the system kills. */
static uint64_t default_mem_limit(void) {
    uint64_t available = number_in("/proc/meminfo", "MemAvailable:") * 1024;
    return r2g_u64_min(available > 0 ? available : UINT64_MAX, group_available()) / 4 * 3;
}

void r2g_options_default(struct r2g_options *options) {
    memset(options, 0, sizeof *options);
    (void)!r2g_luma_from_name(&options->luma, "bt601", NULL);
    options->compression = R2G_COMPRESSION_DEFAULT;
    memset(options->background, 255, sizeof options->background);
    options->max_pixels = UINT64_C(1) << 30;
    options->mem_limit_nbytes = default_mem_limit();
}

r2g_status r2g_convert_file(const char *in_path, const char *out_path, const struct r2g_options *options,
                            struct r2g_error *err) {
    struct r2g_request request = {.in_path = in_path, .out_path = out_path, .options = *options, .run_count = 1};
    struct r2g_run_result result;
    r2g_status status = r2g_sequential_file(&request, &result, NULL, err);
    if (status == R2G_OK)
        status = r2g_result_commit(&result, NULL, err);
    r2g_output_close(result.output);
    return status;
}
