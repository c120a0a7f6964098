#include "cli/names.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "codec/codec.h"

static bool is_folder(const char *path) {
    size_t length = strlen(path);
    struct stat info;
    return (length > 0 && path[length - 1] == '/') || (stat(path, &info) == 0 && S_ISDIR(info.st_mode));
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Where the ending of a file name begins (its last dot, not one in front), or the end of the name. */
static const char *ending_of(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? dot : name + strlen(name);
}

static const char *new_ending(const struct r2g_cli *cli, const char *input) {
    if (cli->options.format) {
        const struct r2g_codec *codec = r2g_codec_by_name(cli->options.format);
        return codec ? codec->extensions[0] : cli->options.format;
    }
    const char *ending = ending_of(base_name(input));
    return *ending == '.' && r2g_codec_by_file_name(input) ? ending + 1 : "png";
}

r2g_status r2g_cli_output_name(const struct r2g_cli *cli, const char *input, char **name, struct r2g_error *err) {
    bool from_stdin = strcmp(input, "-") == 0;
    *name = NULL;
    bool into_folder = cli->output && (cli->input_count > 1 || is_folder(cli->output));
    if (cli->output ? !into_folder || strcmp(cli->output, "-") == 0 : from_stdin) {
        *name = r2g_copy_text(cli->output ? cli->output : "-", err);
        return *name ? R2G_OK : R2G_ENOMEM;
    }
    const char *base = from_stdin ? "stdin" : base_name(input);
    const char *ending = new_ending(cli, input);
    const char *folder = cli->output ? cli->output : input;
    size_t folder_length = cli->output ? strlen(cli->output) : (size_t)(base - input);
    const char *slash = folder_length > 0 && folder[folder_length - 1] != '/' ? "/" : "";
    int stem_length = (int)(ending_of(base) - base);
    size_t nbytes = folder_length + strlen(base) + strlen(ending) + sizeof "/-gray.";
    *name = r2g_new(nbytes, err);
    if (!*name)
        return R2G_ENOMEM;
    snprintf(*name, nbytes, "%.*s%s%.*s-gray.%s", (int)folder_length, folder, slash, stem_length, base, ending);
    return R2G_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The name with its folder resolved, so that ./a and a are seen to be one; as it is where the folder does not exist. NULL
 * when out of memory. */
static char *resolved(const char *name, struct r2g_error *err) {
    char folder[PATH_MAX], real[PATH_MAX];
    const char *base = base_name(name);
    int length = (int)(base - name);
    if (snprintf(folder, sizeof folder, "%.*s", length > 0 ? length : 1, length > 0 ? name : ".") >= PATH_MAX ||
        !realpath(folder, real))
        return r2g_copy_text(name, err);
    size_t nbytes = strlen(real) + strlen(base) + 2;
    char *full = r2g_new(nbytes, err);
    if (full)
        snprintf(full, nbytes, "%s/%s", real, base);
    return full;
}

/* Two inputs with one output would silently lose one of the pictures under --force. */
static r2g_status check_distinct(char *const *names, int count, struct r2g_error *err) {
    char **sorted = r2g_new((size_t)count * sizeof sorted[0], err);
    if (!sorted)
        return R2G_ENOMEM;
    r2g_status status = R2G_OK;
    for (int i = 0; i < count && status == R2G_OK; i++) {
        sorted[i] = resolved(names[i], err);
        status = sorted[i] ? R2G_OK : R2G_ENOMEM;
    }
    if (status == R2G_OK)
        qsort(sorted, (size_t)count, sizeof sorted[0], by_name);
    for (int i = 1; i < count && status == R2G_OK; i++) {
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            status = r2g_fail(err, R2G_EUSAGE, "two of the inputs would both become %s", sorted[i]);
    }
    r2g_cli_names_free(sorted, count);
    return status;
}

static bool same_file(const char *a, const char *b) {
    struct stat info_a, info_b;
    return stat(a, &info_a) == 0 && stat(b, &info_b) == 0 && info_a.st_dev == info_b.st_dev &&
           info_a.st_ino == info_b.st_ino;
}

/* A report that went over a picture would be a picture lost. */
static r2g_status check_report_file(const struct r2g_cli *cli, char *const *names, struct r2g_error *err) {
    char *report = resolved(cli->report_file, err);
    r2g_status status = report ? R2G_OK : R2G_ENOMEM;
    for (int i = 0; i < cli->input_count && status == R2G_OK; i++) {
        char *output = resolved(names[i], err);
        if (!output)
            status = R2G_ENOMEM;
        else if (strcmp(report, output) == 0 || same_file(report, output) || same_file(report, cli->inputs[i]))
            status = r2g_fail(err, R2G_EUSAGE, "the report would go over a picture: %s", cli->report_file);
        free(output);
    }
    free(report);
    return status;
}

/* Makes the folder that -o names with a '/' at its end, unless it is there. */
static r2g_status make_folder(const char *path, struct r2g_error *err) {
    size_t length = strlen(path);
    if (length == 0 || path[length - 1] != '/' || mkdir(path, 0777) == 0 || errno == EEXIST)
        return R2G_OK;
    return r2g_fail_errno(err, R2G_EOUTPUT, errno, "cannot create the folder %s", path);
}

r2g_status r2g_cli_names_make(const struct r2g_cli *cli, bool look, char ***names, struct r2g_error *err) {
    *names = NULL;
    if (look && cli->input_count > 1 && cli->output && !is_folder(cli->output))
        return r2g_fail(
            err, R2G_EUSAGE,
            "several inputs need a folder for their outputs, and %s is none (end it in '/' to have it made)",
            cli->output);
    char **made = r2g_new((size_t)cli->input_count * sizeof made[0], err);
    if (!made)
        return R2G_ENOMEM;
    r2g_status status = R2G_OK;
    for (int i = 0; i < cli->input_count && status == R2G_OK; i++)
        status = r2g_cli_output_name(cli, cli->inputs[i], &made[i], err);
    if (status == R2G_OK)
        status = check_distinct(made, cli->input_count, err);
    if (status == R2G_OK && look && cli->report_file)
        status = check_report_file(cli, made, err);
    if (status == R2G_OK && look && cli->output && !cli->explain)
        status = make_folder(cli->output, err);
    if (status == R2G_OK)
        *names = made;
    else
        r2g_cli_names_free(made, cli->input_count);
    return status;
}

void r2g_cli_names_free(char **names, int count) {
    for (int i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
}
