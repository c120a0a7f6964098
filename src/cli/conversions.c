#include "cli/conversions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/names.h"
#include "cli/report_print.h"

void r2g_cli_error_line(const struct r2g_error *err, char *text, size_t text_nbytes) {
    char rank[32] = "";
    if (err->rank > 0)
        snprintf(rank, sizeof rank, " (on rank %d)", err->rank);
    snprintf(text, text_nbytes, "rgb2gray: %s%s", err->text, rank);
}

void r2g_cli_print_error(const struct r2g_error *err) {
    char line[R2G_CLI_ERROR_NBYTES];
    r2g_cli_error_line(err, line, sizeof line);
    fprintf(stderr, "%s%s", line, err->status == R2G_EUSAGE ? "\nTry 'rgb2gray --help'.\n" : "\n");
}

bool r2g_cli_speaks(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *rank = getenv(names[i]);
        if (rank)
            return strcmp(rank, "0") == 0;
    }
    return true;
}

void r2g_cli_note_isa(const struct r2g_cli *cli) {
    if (r2g_luma_isa_note() && !cli->quiet && r2g_cli_speaks())
        fprintf(stderr, "rgb2gray: note: %s\n", r2g_luma_isa_note());
}

r2g_status r2g_cli_run_prepare(struct r2g_cli_run *run, struct r2g_error *err) {
    r2g_status status = r2g_cli_names_make(run->cli, run->first_rank, &run->names, err);
    if (status != R2G_OK || !run->first_rank)
        return status;
    r2g_cli_progress_init(&run->progress, run->cli);
    if (run->listener) {
        run->progress.event = run->listener->event;
        run->progress.event_user = run->listener->user;
    }
    return r2g_cli_sink_open(&run->sink, run->cli, err);
}

static bool is_broken(const struct r2g_cli_run *run) {
    return run->broken && *run->broken;
}

/* Where even agreeing on a failure has failed, each rank speaks for itself. */
void r2g_cli_run_failed(const struct r2g_cli_run *run, const struct r2g_error *err) {
    if (is_broken(run) || (run->first_rank && !run->listener))
        r2g_cli_print_error(err);
    else if (run->first_rank)
        run->listener->failed(run->listener->user, err);
}

/* One conversion and, on rank 0, its report. */
static r2g_status convert_one(struct r2g_cli_run *run, int index) {
    const struct r2g_cli *cli = run->cli;
    struct r2g_request request = {.in_path = cli->inputs[index],
                                  .out_path = run->names[index],
                                  .options = cli->options,
                                  .mode = cli->explain   ? R2G_MODE_EXPLAIN
                                          : cli->compare ? R2G_MODE_COMPARE
                                                         : R2G_MODE_CONVERT,
                                  .run_count = cli->run_count};
    struct r2g_report report = {0};
    struct r2g_error err = {0};
    if (run->first_rank)
        r2g_cli_progress_begin(&run->progress, request.in_path, request.out_path, &request.options);
    r2g_status status = run->convert(run->comm, &request, &report, &err);
    if (run->first_rank)
        r2g_cli_progress_end(&run->progress, status, &err);
    if (status != R2G_OK)
        r2g_cli_run_failed(run, &err);
    struct r2g_cli_outcome outcome = {&request, &report, status, &err};
    struct r2g_error report_err = {0};
    r2g_status told = R2G_OK;
    if (run->first_rank)
        told = r2g_cli_report(&run->sink, cli->report, &outcome, &report_err);
    if (told != R2G_OK)
        r2g_cli_run_failed(run, &report_err);
    if (run->listener)
        run->listener->converted(run->listener->user, &outcome);
    status = status == R2G_OK ? told : status;
    r2g_report_free(&report);
    return status;
}

r2g_status r2g_cli_run_all(struct r2g_cli_run *run) {
    struct r2g_error err = {0};
    r2g_status first = R2G_OK;
    for (int i = 0; i < run->cli->input_count && !is_broken(run); i++) {
        r2g_status status = convert_one(run, i);
        first = first == R2G_OK ? status : first;
        if (status == R2G_ECANCELED)
            break;
    }
    r2g_status closed = r2g_cli_sink_close(&run->sink, true, &err);
    if (closed != R2G_OK)
        r2g_cli_run_failed(run, &err);
    return first == R2G_OK ? closed : first;
}

void r2g_cli_run_finish(struct r2g_cli_run *run) {
    struct r2g_error err;
    (void)!r2g_cli_sink_close(&run->sink, false, &err);
    r2g_cli_names_free(run->names, run->cli->input_count);
}

r2g_status r2g_cli_run_alone(const struct r2g_cli *cli, r2g_cli_convert *convert) {
    struct r2g_cli_run run = {.cli = cli, .convert = convert, .first_rank = true};
    struct r2g_error err = {0};
    r2g_cleanup_install(r2g_cli_interrupted());
    r2g_status status = r2g_cli_run_prepare(&run, &err);
    if (status == R2G_OK)
        status = r2g_cli_run_all(&run);
    else
        r2g_cli_print_error(&err);
    r2g_cli_run_finish(&run);
    return status;
}
