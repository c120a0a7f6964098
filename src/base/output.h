/* An output file that appears under its name only when it is whole.
 *
 * The file is written without a name (O_TMPFILE in the target's folder) and linked at the end, so that even a killed
 * process leaves nothing. Where the file system has no O_TMPFILE, or other hosts must open it while it is written, it
 * has the temporary name ".NAME.XXXXXXXX.part" beside the target; such names are registered with r2g_cleanup and
 * removed when the process is ended by a signal. "-" is standard output: spooled, and copied out at the commit.
 * One owner; write_at may be called from any thread.
 */
#ifndef R2G_BASE_OUTPUT_H
#define R2G_BASE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rgb2gray/status.h>

struct r2g_output;

struct r2g_output_options {
    bool overwrite; /* replace an existing target; else R2G_EEXISTS, found at the start and again at the commit */
    bool sync;      /* fsync file and folder before the commit returns */
    bool named;     /* always use a temporary name (other hosts must find it) */
};

/* Creates the output for `path`. R2G_EEXISTS if it exists and may not be replaced, R2G_EOUTPUT if it cannot be
 * created or the target is not a regular file (or is a folder). */
R2G_MUST_CHECK r2g_status r2g_output_create(struct r2g_output **output, const char *path,
                                            const struct r2g_output_options *options, struct r2g_error *err);

/* Writes all nbytes at `offset`. R2G_EOUTPUT naming the target and the cause. */
R2G_MUST_CHECK r2g_status r2g_output_write_at(struct r2g_output *output, uint64_t offset, const void *bytes,
                                              size_t nbytes, struct r2g_error *err);

/* Gives the file its name (or copies it to standard output). On failure the target is as it was before, but for one
 * case that the message tells: a target was replaced and then its folder could not be fsynced. After a commit only
 * r2g_output_close may follow. SIGPIPE must be ignored for a closed standard output to be R2G_EOUTPUT. */
R2G_MUST_CHECK r2g_status r2g_output_commit(struct r2g_output *output, struct r2g_error *err);

/* Closes; without a successful commit nothing is left behind. NULL does nothing. */
void r2g_output_close(struct r2g_output *output);

/* The size reached so far, in bytes, by all processes that write into it. Before the commit. */
uint64_t r2g_output_nbytes(const struct r2g_output *output);

/* What another process needs to write into the same file: a path to open (the temporary name, or /proc/PID/fd/N on the
 * same host), and device and inode to check that it is the same file. */
struct r2g_output_address {
    char path[4096];
    uint64_t device, inode;
};
R2G_MUST_CHECK r2g_status r2g_output_address(const struct r2g_output *output, struct r2g_output_address *address,
                                             struct r2g_error *err);

/* Opens the same file for write_at from another process; `name` is the output's, for messages. R2G_EOUTPUT if it is not
 * to be seen from here. Such a handle cannot commit, and closing it removes nothing; but a named temporary is registered
 * for removal on a signal. */
R2G_MUST_CHECK r2g_status r2g_output_attach(struct r2g_output **output, const struct r2g_output_address *address,
                                            const char *name, struct r2g_error *err);

/* Asks for write errors that come late (network file systems report them at close), and with `sync` fsyncs: to be called
 * on every attached handle before the creator commits. R2G_EOUTPUT. */
R2G_MUST_CHECK r2g_status r2g_output_settle(const struct r2g_output *output, bool sync, struct r2g_error *err);

#endif
