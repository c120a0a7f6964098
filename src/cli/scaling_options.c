#include "cli/scaling_options.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/values.h"
#include "cli/launch.h"

/* Wider pictures need more memory a row than a measurement is worth. */
#define SIDE_MAX 1000000u
#define PIXELS_MAX UINT64_C(100000000000)

static int by_count(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

r2g_status r2g_scaling_parse_ranks(const char *text, struct r2g_scaling_counts *counts, struct r2g_error *err) {
    const char *rest = text;
    memset(counts, 0, sizeof *counts);
    for (bool more = true; more;) {
        char word[16];
        size_t length = strcspn(rest, ",");
        more = rest[length] == ',';
        uint64_t value = 0;
        snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word), rest);
        if (r2g_value_number("--ranks", word, 1, 100000, &value, NULL) != R2G_OK)
            return r2g_fail(err, R2G_EUSAGE, "--ranks takes numbers of processes, such as 1,2,4, not \"%s\"", text);
        if (counts->count == R2G_SCALING_POINTS_MAX)
            return r2g_fail(err, R2G_EUSAGE, "--ranks takes at most %d numbers", R2G_SCALING_POINTS_MAX);
        counts->ranks[counts->count++] = (int)value;
        rest += length + more;
    }
    qsort(counts->ranks, (size_t)counts->count, sizeof counts->ranks[0], by_count);
    int kept = 1;
    for (int i = 1; i < counts->count; i++) {
        if (counts->ranks[i] != counts->ranks[kept - 1])
            counts->ranks[kept++] = counts->ranks[i];
    }
    counts->count = kept;
    return R2G_OK;
}

void r2g_scaling_default_ranks(int most, struct r2g_scaling_counts *counts) {
    memset(counts, 0, sizeof *counts);
    for (int ranks = 1; ranks < most && counts->count + 1 < R2G_SCALING_POINTS_MAX; ranks *= 2)
        counts->ranks[counts->count++] = ranks;
    counts->ranks[counts->count++] = most;
}

r2g_status r2g_scaling_parse_size(const char *text, uint32_t *width, uint32_t *height, struct r2g_error *err) {
    unsigned wide = 0, high = 0;
    int used = 0;
    char *end = NULL;
    bool plain = strspn(text, "0123456789.") > 0 && strlen(text) < 24;
    if (plain && sscanf(text, "%7u%*1[xX]%7u%n", &wide, &high, &used) == 2 && !text[used] && wide >= 1 && high >= 1 &&
        wide <= SIDE_MAX && high <= SIDE_MAX) {
        *width = wide;
        *height = high;
        return R2G_OK;
    }
    size_t digits = strspn(text, "0123456789."); /* strtod would take more */
    double megapixels = plain && (!text[digits] || strcmp(text + digits, "MP") == 0) ? strtod(text, &end) : 0;
    if (megapixels >= 0.01 && megapixels * 1e6 <= (double)PIXELS_MAX && end == text + digits) {
        *width = *height = (uint32_t)lround(sqrt(megapixels * 1e6));
        return R2G_OK;
    }
    return r2g_fail(err, R2G_EUSAGE, "--size takes WIDTHxHEIGHT or megapixels, such as 8000x6000 or 16MP, not \"%s\"",
                    text);
}

void r2g_scaling_default_size(int most_ranks, uint32_t *width, uint32_t *height) {
    uint64_t pixels = R2G_SCALING_PIXELS_PER_RANK * (uint64_t)most_ranks;
    pixels = pixels < R2G_SCALING_PIXELS_LEAST  ? R2G_SCALING_PIXELS_LEAST
             : pixels > R2G_SCALING_PIXELS_MOST ? R2G_SCALING_PIXELS_MOST
                                                : pixels;
    *width = *height = (uint32_t)lround(sqrt((double)pixels));
}

uint32_t r2g_scaling_rows_a_rank(uint32_t height, int most_ranks) {
    uint32_t rows = height / (uint32_t)most_ranks;
    return rows > 0 ? rows : 1;
}

/* The slots that a line of a hosts file gives, 0 where it names no host. */
static int slots_of(const char *line) {
    line += strspn(line, " \t");
    if (!*line || *line == '#' || *line == '\n')
        return 0;
    const char *slots = strstr(line, "slots");
    /* not those of max_slots or max-slots */
    while (slots && slots > line && slots[-1] != ' ' && slots[-1] != '\t')
        slots = strstr(slots + 1, "slots");
    int value = 0;
    if (slots && sscanf(slots, "slots = %6d", &value) == 1 && value > 0)
        return value;
    return 1;
}

r2g_status r2g_scaling_hostfile_slots(const char *path, int *slots, struct r2g_error *err) {
    char line[1024];
    FILE *file = fopen(path, "re");
    if (!file)
        return r2g_fail_errno(err, R2G_EINPUT, errno, "the host file %s cannot be read", path);
    int sum = 0;
    while (fgets(line, sizeof line, file) && sum < R2G_SCALING_RANKS_MAX)
        sum += slots_of(line);
    bool failed = ferror(file);
    fclose(file);
    if (failed || sum == 0)
        return r2g_fail(err, R2G_EINPUT, "the host file %s %s", path, failed ? "cannot be read" : "names no host");
    *slots = sum;
    return R2G_OK;
}

void r2g_scaling_machine(char *text, size_t text_nbytes) {
    char line[512], model[160] = "a processor without a name";
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (colon && strncmp(line, "model name", strlen("model name")) == 0) {
            snprintf(model, sizeof model, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
            break;
        }
    }
    if (file)
        fclose(file);
    struct utsname system;
    bool named = uname(&system) == 0;
    int cpus;
    (void)r2g_cli_slots(&cpus);
    snprintf(text, text_nbytes, "%s, %d CPU%s that may be used, %s %s", model, cpus, cpus == 1 ? "" : "s",
             named ? system.sysname : "unknown system", named ? system.machine : "");
}
