/* One conversion after the other, alone or among ranks, and what is said about them. Main thread only. */
#ifndef R2G_CLI_CONVERSIONS_H
#define R2G_CLI_CONVERSIONS_H

#include "cli/options.h"
#include "cli/progress.h"
#include "cli/sink.h"
#include "pipeline/convert.h"

enum { R2G_CLI_ERROR_NBYTES = 480 };

/* The line that tells a failure, without its end; R2G_CLI_ERROR_NBYTES suffice. */
void r2g_cli_error_line(const struct r2g_error *err, char *text, size_t text_nbytes);
void r2g_cli_print_error(const struct r2g_error *err);
/* True on the one rank that complains before MPI has started: a launcher tells the ranks apart by its environment. */
bool r2g_cli_speaks(void);
/* Says, once, where RGB2GRAY_ISA could not be followed. */
void r2g_cli_note_isa(const struct r2g_cli *cli);

/* r2g_convert, or what takes its place in a program without MPI. */
typedef r2g_status r2g_cli_convert(struct r2g_comm *comm, const struct r2g_request *request, struct r2g_report *report,
                                   struct r2g_error *err);

/* Whoever is told what else would be printed. `event` takes the event over. */
struct r2g_cli_listener {
    void *user;
    void (*failed)(void *user, const struct r2g_error *err);
    void (*converted)(void *user, const struct r2g_cli_outcome *outcome); /* also on a failure */
    void (*event)(void *user, json_t *event); /* of --progress=json; NULL when out of memory */
};

/* The caller sets the first six. The sink is rank 0's. */
struct r2g_cli_run {
    const struct r2g_cli *cli;
    r2g_cli_convert *convert;
    struct r2g_comm *comm; /* NULL: alone */
    const bool *broken;    /* comm->broken; NULL: alone */
    bool first_rank;
    const struct r2g_cli_listener *listener; /* rank 0's; NULL: standard error */
    char **names;                            /* of the outputs */
    struct r2g_cli_sink sink;
    struct r2g_cli_progress_state progress;
};

/* What is made before the first conversion. Call r2g_cli_run_finish afterwards in every case. */
R2G_MUST_CHECK r2g_status r2g_cli_run_prepare(struct r2g_cli_run *run, struct r2g_error *err);
/* Tells a failure to whom it concerns: the listener, or people, through rank 0. */
void r2g_cli_run_failed(const struct r2g_cli_run *run, const struct r2g_error *err);
/* All inputs; the rest goes on after a failure, and the first failure counts. */
R2G_MUST_CHECK r2g_status r2g_cli_run_all(struct r2g_cli_run *run);
void r2g_cli_run_finish(struct r2g_cli_run *run);

/* All of this in one process. */
R2G_MUST_CHECK r2g_status r2g_cli_run_alone(const struct r2g_cli *cli, r2g_cli_convert *convert);

#endif
