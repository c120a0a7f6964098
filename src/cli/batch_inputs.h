/* The images of a batch, one after the other, as they are found: nothing is listed ahead.
 *
 * An argument is a file, a folder (walked to the bottom; hidden entries, the output folder and names without an image's
 * ending are passed over), a pattern with *, ? or [ (as of glob(7), where no such file is there), "@LIST" (a file with
 * one path a line), or "-" (such a list on standard input). Main thread.
 */
#ifndef R2G_CLI_BATCH_INPUTS_H
#define R2G_CLI_BATCH_INPUTS_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <rgb2gray/status.h>

enum { R2G_BATCH_DEPTH_MAX = 64 };

struct r2g_batch_inputs {
    char *const *arguments;
    int count, next;
    dev_t output_device; /* the folder not to be walked */
    ino_t output_inode;
    FILE *list; /* the one at hand, or NULL */
    const char *list_name;
    bool list_begins; /* no line of it was read */
    char *line;
    size_t line_capacity;
    const char *pattern;                 /* of the argument at hand, or NULL */
    bool fitted;                         /* some name did */
    DIR *folders[R2G_BATCH_DEPTH_MAX];   /* the walk at hand */
    size_t lengths[R2G_BATCH_DEPTH_MAX]; /* of `path`, to the end of each folder's name */
    int depth;
    char path[4096];            /* of the input found last */
    size_t root;                /* where its name below the argument begins in `path` */
    uint64_t passed_over_count; /* files in folders that have no image's name */
    char relative[4096];        /* the input found last, below its argument */
    uint64_t inode;             /* of the input found last; 0 where finding it did not tell */
    bool inodes_told[R2G_BATCH_DEPTH_MAX],
        inodes_tried[R2G_BATCH_DEPTH_MAX]; /* whether a folder's entries tell it right */
};

void r2g_batch_inputs_open(struct r2g_batch_inputs *inputs, char *const *arguments, int count,
                           const char *output_folder);
void r2g_batch_inputs_close(struct r2g_batch_inputs *inputs);

/* Finds the next one: inputs->path and inputs->relative. *found false at the end. R2G_EINPUT naming what cannot be read
 * (a folder, a list, a pattern that nothing fits): call again to go on behind it. */
R2G_MUST_CHECK r2g_status r2g_batch_inputs_next(struct r2g_batch_inputs *inputs, bool *found, struct r2g_error *err);

#endif
