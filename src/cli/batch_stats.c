#include "cli/batch_stats.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "cli/batch_journal.h"
#include "cli/batch_record.h"

#define CHUNK_NBYTES ((size_t)1 << 18)

r2g_status r2g_batch_digest(const char *path, char text[65], struct r2g_error *err) {
    unsigned char digest[32];
    int fd = open(path, O_RDONLY | O_CLOEXEC), error = fd < 0 ? errno : 0;
    uint8_t *chunk = r2g_new(CHUNK_NBYTES, err);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool sound = chunk && context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    size_t got = CHUNK_NBYTES;
    while (sound && error == 0 && got == CHUNK_NBYTES) {
        error = r2g_file_read_next(fd, chunk, CHUNK_NBYTES, &got);
        /* a short count is the end for a regular file */
        sound = error != 0 || EVP_DigestUpdate(context, chunk, got) == 1;
    }
    sound = sound && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    free(chunk);
    if (fd >= 0)
        close(fd);
    if (error)
        return r2g_fail_errno(err, R2G_EOUTPUT, error, "cannot read %s again for its checksum", path);
    if (!sound)
        return r2g_fail(err, R2G_ENOMEM, "no memory for the checksum of %s", path);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return R2G_OK;
}

r2g_status r2g_batch_stats_open(struct r2g_batch_stats *stats, const struct r2g_cli *cli, bool resumed,
                                struct r2g_error *err) {
    const char *const paths[R2G_BATCH_STATS_COUNT] = {cli->stats_csv, cli->stats_jsonl, cli->manifest};
    struct r2g_output_options options = {.overwrite = cli->options.overwrite || resumed};
    memset(stats, 0, sizeof *stats);
    for (int i = 0; i < R2G_BATCH_STATS_COUNT; i++) {
        r2g_status status = paths[i] ? r2g_output_create(&stats->outputs[i], paths[i], &options, err) : R2G_OK;
        if (status != R2G_OK)
            return status;
    }
    return R2G_OK;
}

void r2g_batch_stats_close(struct r2g_batch_stats *stats) {
    for (int i = 0; i < R2G_BATCH_STATS_COUNT; i++)
        r2g_output_close(stats->outputs[i]);
    memset(stats, 0, sizeof *stats);
}

struct writing {
    struct r2g_batch_stats *stats;
    const struct r2g_cli *cli;
    struct r2g_buffer text[R2G_BATCH_STATS_COUNT]; /* not written yet */
    uint64_t ends[R2G_BATCH_STATS_COUNT];
};

static r2g_status flush(struct writing *writing, int kind, size_t least_nbytes, struct r2g_error *err) {
    struct r2g_buffer *text = &writing->text[kind];
    if (!writing->stats->outputs[kind] || text->nbytes < least_nbytes || text->nbytes == 0)
        return R2G_OK;
    r2g_status status =
        r2g_output_write_at(writing->stats->outputs[kind], writing->ends[kind], text->bytes, text->nbytes, err);
    writing->ends[kind] += text->nbytes;
    text->nbytes = 0;
    return status;
}

/* "DIGEST  NAME", as sha256sum --check reads it: where a name has a backslash or a line break the line begins with a
 * backslash, and they are escaped. */
static r2g_status put_manifest(struct writing *writing, const json_t *line, struct r2g_error *err) {
    struct r2g_buffer *text = &writing->text[R2G_BATCH_MANIFEST];
    char room[R2G_BATCH_NAME_MAX + 1];
    const char *name = r2g_batch_line_name(line, "output", room);
    const char *digest = json_string_value(json_object_get(line, "sha256"));
    const char *outcome = json_string_value(json_object_get(line, "outcome"));
    char path[2 * PATH_MAX], made[65];
    if (!outcome || strcmp(outcome, "done") != 0 || !name)
        return R2G_OK;
    r2g_status status = R2G_OK;
    if (!digest) { /* an earlier run did not want it */
        snprintf(path, sizeof path, "%.4000s/%.4000s", writing->cli->output, name);
        status = r2g_batch_digest(path, made, err);
        digest = made;
    }
    bool escaped = strpbrk(name, "\\\n\r") != NULL;
    if (status == R2G_OK && escaped)
        status = r2g_buffer_append(text, "\\", 1, err);
    if (status == R2G_OK)
        status = r2g_buffer_append(text, digest, 64, err);
    if (status == R2G_OK)
        status = r2g_buffer_append(text, "  ", 2, err);
    for (; *name && status == R2G_OK; name++) {
        const char *pair = *name == '\\' ? "\\\\" : *name == '\n' ? "\\n" : *name == '\r' ? "\\r" : NULL;
        status = pair ? r2g_buffer_append(text, pair, 2, err) : r2g_buffer_append(text, name, 1, err);
    }
    return status == R2G_OK ? r2g_buffer_append(text, "\n", 1, err) : status;
}

static r2g_status put_json(struct writing *writing, const json_t *line, struct r2g_error *err) {
    char *text = json_dumps(line, JSON_COMPACT);
    if (!text)
        return r2g_fail(err, R2G_ENOMEM, "no memory for the statistics");
    r2g_status status = r2g_buffer_append(&writing->text[R2G_BATCH_JSONL], text, strlen(text), err);
    r2g_budget_free(text);
    return status == R2G_OK ? r2g_buffer_append(&writing->text[R2G_BATCH_JSONL], "\n", 1, err) : status;
}

static r2g_status put(void *user, const json_t *line, struct r2g_error *err) {
    struct writing *writing = user;
    struct r2g_output *const *outputs = writing->stats->outputs;
    r2g_status status = R2G_OK;
    if (outputs[R2G_BATCH_CSV])
        status = r2g_batch_csv_row(line, &writing->text[R2G_BATCH_CSV], err);
    if (outputs[R2G_BATCH_JSONL] && status == R2G_OK)
        status = put_json(writing, line, err);
    if (outputs[R2G_BATCH_MANIFEST] && status == R2G_OK)
        status = put_manifest(writing, line, err);
    for (int i = 0; i < R2G_BATCH_STATS_COUNT && status == R2G_OK; i++)
        status = flush(writing, i, CHUNK_NBYTES, err);
    return status;
}

r2g_status r2g_batch_stats_write(struct r2g_batch_stats *stats, const struct r2g_cli *cli, const char *folder,
                                 struct r2g_error *err) {
    struct writing writing = {.stats = stats, .cli = cli};
    r2g_status status = R2G_OK;
    bool wanted = false;
    for (int i = 0; i < R2G_BATCH_STATS_COUNT; i++)
        wanted = wanted || stats->outputs[i];
    if (!wanted)
        return R2G_OK;
    if (stats->outputs[R2G_BATCH_CSV])
        status = r2g_batch_csv_row(NULL, &writing.text[R2G_BATCH_CSV], err);
    if (status == R2G_OK)
        status = r2g_batch_state_each(folder, put, &writing, err);
    for (int i = 0; i < R2G_BATCH_STATS_COUNT; i++) {
        if (status == R2G_OK)
            status = flush(&writing, i, 0, err);
        r2g_buffer_free(&writing.text[i]);
        if (status == R2G_OK && stats->outputs[i])
            status = r2g_output_commit(stats->outputs[i], err);
    }
    return status;
}
