/* "rgb2gray info": an explained conversion to the default output, for each file, without MPI. */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/names.h"
#include "cli/sink.h"
#include "pipeline/convert.h"

static r2g_status explain_one(const struct r2g_cli *cli, const char *input, struct r2g_cli_sink *sink) {
    char *output = NULL;
    struct r2g_error err = {0};
    struct r2g_report report = {0};
    struct r2g_request request = {.in_path = input, .options = cli->options, .mode = R2G_MODE_EXPLAIN, .run_count = 1};
    /* nothing is written, so an output that exists already is no obstacle */
    request.options.overwrite = true;
    if (strcmp(input, "-") == 0 && !request.options.format)
        request.options.format = "png";
    r2g_status status = r2g_cli_output_name(cli, input, &output, &err);
    if (status == R2G_OK) {
        request.out_path = output;
        status = r2g_convert_alone(&request, &report, &err);
    }
    if (status != R2G_OK)
        fprintf(stderr, "rgb2gray: %s\n", err.text);
    struct r2g_cli_outcome outcome = {&request, &report, status, &err};
    struct r2g_error report_err = {0};
    r2g_status told = R2G_OK;
    /* for people the line on standard error says it all */
    if (status == R2G_OK || cli->report == R2G_CLI_REPORT_JSON)
        told = r2g_cli_report(sink, cli->report, &outcome, &report_err);
    if (told != R2G_OK)
        fprintf(stderr, "rgb2gray: %s\n", report_err.text);
    status = status == R2G_OK ? told : status;
    r2g_report_free(&report);
    free(output);
    return status;
}

int r2g_cli_info(const struct r2g_cli *cli) {
    struct r2g_cli_sink sink;
    struct r2g_error err = {0};
    r2g_status first = R2G_OK, opened = r2g_cli_sink_open(&sink, cli, &err);
    for (int i = 0; i < cli->input_count && opened == R2G_OK; i++) {
        r2g_status status = explain_one(cli, cli->inputs[i], &sink);
        first = first == R2G_OK ? status : first;
    }
    r2g_status closed = r2g_cli_sink_close(&sink, opened == R2G_OK, &err);
    closed = opened == R2G_OK ? closed : opened;
    if (closed != R2G_OK)
        fprintf(stderr, "rgb2gray: %s\n", err.text);
    return first != R2G_OK ? first : closed;
}
