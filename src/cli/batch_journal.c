#include "cli/batch_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/batch_files.h"

#define SYNC_NS INT64_C(2000000000)

r2g_status r2g_batch_journal_open(struct r2g_batch_journal *journal, const char *folder, const char *output_folder,
                                  int rank, struct r2g_error *err) {
    char path[PATH_MAX + 32], boot[64], head[96];
    *journal = (struct r2g_batch_journal){.fd = -1, .output_fd = -1, .synced_ns = r2g_clock_ns()};
    snprintf(path, sizeof path, "%s/rank-%d.jsonl", folder, rank);
    r2g_batch_boot_id(boot);
    snprintf(head, sizeof head, "{\"boot\":\"%s\"}\n", boot);
    journal->output_fd = open(output_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal->output_fd < 0)
        return r2g_fail_errno(err, R2G_EOUTPUT, errno, "cannot open %s", output_folder);
    journal->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    int error = journal->fd >= 0 ? r2g_file_write_next(journal->fd, head, strlen(head)) : errno;
    return error ? r2g_fail_errno(err, R2G_EOUTPUT, error, "cannot write the journal %s", path) : R2G_OK;
}

static r2g_status fail(int error, const char *what, struct r2g_error *err) {
    return r2g_fail_errno(err, R2G_EOUTPUT, error, "cannot %s", what);
}

/* All that was written into the outputs' file system, and then that this is so. */
static r2g_status sync_now(struct r2g_batch_journal *journal, struct r2g_error *err) {
    static const char line[] = R2G_BATCH_SYNCED "\n";
    if (syncfs(journal->output_fd) != 0)
        return fail(errno, "sync the output folder", err);
    int error = r2g_file_write_next(journal->fd, line, strlen(line));
    if (error || fdatasync(journal->fd) != 0)
        return fail(error ? error : errno, "write the journal", err);
    journal->unsynced_count = 0;
    journal->synced_ns = r2g_clock_ns();
    return R2G_OK;
}

r2g_status r2g_batch_journal_add(struct r2g_batch_journal *journal, const char *line, struct r2g_error *err) {
    char end = '\n';
    size_t nbytes = strlen(line);
    int error = r2g_file_write_next(journal->fd, line, nbytes);
    if (!error)
        error = r2g_file_write_next(journal->fd, &end, 1);
    if (error)
        return fail(error, "write the journal", err);
    journal->unsynced_count++;
    return r2g_clock_ns() - journal->synced_ns >= SYNC_NS ? sync_now(journal, err) : R2G_OK;
}

r2g_status r2g_batch_journal_close(struct r2g_batch_journal *journal, struct r2g_error *err) {
    r2g_status status = R2G_OK;
    if (journal->fd >= 0) {
        if (journal->unsynced_count > 0)
            status = sync_now(journal, err);
        if (close(journal->fd) != 0 && status == R2G_OK)
            status = fail(errno, "write the journal", err);
    }
    if (journal->output_fd >= 0)
        close(journal->output_fd);
    journal->fd = journal->output_fd = -1;
    return status;
}
