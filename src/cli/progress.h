/* Progress on standard error: a line on a terminal, or JSON objects for programs.
 *
 * One struct r2g_cli_progress_state a program, used by rank 0 from the converting thread.
 */
#ifndef R2G_CLI_PROGRESS_H
#define R2G_CLI_PROGRESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <rgb2gray/convert.h>

#include "cli/options.h"

struct r2g_cli_progress_state {
    bool bar, json;
    bool shown;                               /* the bar stands on the line */
    const char *file;                         /* the input at work */
    int64_t begin_ns;                         /* of the file */
    int64_t start_ns;                         /* of the run at hand: --compare makes several */
    int64_t last_ns;                          /* when something was shown last */
    uint64_t done_rows;                       /* at the last call */
    void (*event)(void *user, json_t *event); /* takes the events of --progress=json over; NULL: they are printed */
    void *event_user;
};

/* Decides what to show: nothing when quiet or, under auto, when standard error is no terminal. Installs the clean-up of
 * interrupted runs, too. */
void r2g_cli_progress_init(struct r2g_cli_progress_state *state, const struct r2g_cli *cli);

/* What the clean-up of an interrupted run says, for r2g_cleanup_install; NULL on ranks that were started by -n, whose
 * starter says it. */
const char *r2g_cli_interrupted(void);

/* Before a file; `file` must outlive the matching _end. Sets the callback in *options where something can be shown. */
void r2g_cli_progress_begin(struct r2g_cli_progress_state *state, const char *file, const char *output,
                            struct r2g_options *options);
/* After it; takes the bar away. */
void r2g_cli_progress_end(struct r2g_cli_progress_state *state, r2g_status status, const struct r2g_error *err);

#endif
