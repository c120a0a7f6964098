#include "base/json.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/file.h"

static void *take(size_t nbytes) {
    return r2g_budget_alloc(NULL, nbytes);
}

void r2g_json_init(void) {
    json_set_alloc_funcs(take, r2g_budget_free);
}

json_t *r2g_json_text(const char *text) {
    json_t *value = json_string(text);
    if (value)
        return value;
    char *copy = r2g_copy_text(text, NULL);
    if (!copy)
        return NULL;
    for (char *p = copy; *p; p++) {
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    }
    value = json_string(copy);
    free(copy);
    return value;
}

json_t *r2g_json_known(int64_t value) {
    return value < 0 ? json_null() : json_integer(value);
}

json_t *r2g_json_read(int fd, uint64_t max_nbytes) {
    struct stat info;
    json_error_t why;
    size_t got = 0;
    if (fstat(fd, &info) != 0 || info.st_size <= 0 || (uint64_t)info.st_size > max_nbytes)
        return NULL;
    size_t nbytes = (size_t)info.st_size;
    char *text = r2g_budget_alloc(NULL, nbytes);
    json_t *value = NULL;
    if (text && r2g_file_read_at(fd, 0, text, nbytes, &got) == 0)
        value = json_loadb(text, got, 0, &why);
    r2g_budget_free(text);
    return value;
}

r2g_status r2g_json_line(FILE *file, json_t *value, struct r2g_error *err) {
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(value);
    if (!text)
        return r2g_fail(err, R2G_ENOMEM, "out of memory for a line of JSON");
    fputs(text, file);
    putc('\n', file);
    r2g_budget_free(text);
    if (fflush(file) != 0 || ferror(file))
        return r2g_fail(err, R2G_EOUTPUT, "a line of JSON cannot be written");
    return R2G_OK;
}
