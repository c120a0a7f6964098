/* What a batch has done, kept so that another run can go on where this one ended.
 *
 * A folder: run.json says what was asked for, lock keeps a second run out, and a file a rank (rank-N.jsonl; one more for
 * rank 0's main thread, which records what ranks return and what none of them has met) has a line for each image, appended
 * when it stands under its name. Nobody waits for another rank. From time to time a rank syncs the output folder's file
 * system and appends a line that says so: what stands before it survives a crash of the machine. What stands behind it
 * survives the death of a process, so it counts while the machine has not been started anew
 * (/proc/sys/kernel/random/boot_id). A line that was cut off is no line.
 * To resume is to keep the lines that count, whose output is there and was not changed, and whose input is the same file,
 * in one new file.
 */
#ifndef R2G_CLI_BATCH_JOURNAL_H
#define R2G_CLI_BATCH_JOURNAL_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <rgb2gray/status.h>

#include "cli/batch_set.h"
#include "cli/options.h"

/* ---- rank 0: the folder ---- */

struct r2g_batch_state {
    char folder[PATH_MAX];
    int lock_fd;                        /* -1: not open */
    bool resumed;                       /* an earlier run's lines were there */
    int64_t began_ns;                   /* of the first run, in the file system's time: what is newer was made by it */
    uint64_t kept_count, dropped_count; /* lines of images that count, and that do not (any more) */
};

/* The folder as the command line asks for it: --journal, or in the output folder. */
void r2g_batch_state_folder(const struct r2g_cli *cli, char folder[PATH_MAX]);

/* Makes or resumes it; with --resume marks what is done in `done`. R2G_EEXISTS where there is one and neither --resume nor
 * --force was given; R2G_EUSAGE where another run is at work in it, or what was asked for differs (naming the
 * difference); R2G_EOUTPUT. Call r2g_batch_state_close in every case. */
R2G_MUST_CHECK r2g_status r2g_batch_state_open(struct r2g_batch_state *state, const struct r2g_cli *cli,
                                               struct r2g_batch_set *done, struct r2g_error *err);
void r2g_batch_state_close(struct r2g_batch_state *state);

/* Calls `image` with the line of each image; a status other than R2G_OK ends it and is returned. */
R2G_MUST_CHECK r2g_status r2g_batch_state_each(const char *folder,
                                               r2g_status (*image)(void *user, const json_t *line,
                                                                   struct r2g_error *err),
                                               void *user, struct r2g_error *err);

/* ---- every rank: its file. One thread ---- */

struct r2g_batch_journal {
    int fd, output_fd; /* its file, and the output folder; -1: not open */
    int64_t synced_ns;
    unsigned unsynced_count;
};

/* Opens rank `rank`'s file in `folder` for outputs in `output_folder`. R2G_EOUTPUT. Close it in every case. */
R2G_MUST_CHECK r2g_status r2g_batch_journal_open(struct r2g_batch_journal *journal, const char *folder,
                                                 const char *output_folder, int rank, struct r2g_error *err);
/* Syncs a last time. R2G_EOUTPUT. */
R2G_MUST_CHECK r2g_status r2g_batch_journal_close(struct r2g_batch_journal *journal, struct r2g_error *err);

/* Appends a line (without its end), and syncs where that was long ago. R2G_EOUTPUT. */
R2G_MUST_CHECK r2g_status r2g_batch_journal_add(struct r2g_batch_journal *journal, const char *line,
                                                struct r2g_error *err);

#endif
