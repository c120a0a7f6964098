#include "cli/sink.h"

#include <errno.h>
#include <stdlib.h>

#include "base/output.h"
#include "base/json.h"

r2g_status r2g_cli_sink_open(struct r2g_cli_sink *sink, const struct r2g_cli *cli, struct r2g_error *err) {
    *sink = (struct r2g_cli_sink){0};
    if (cli->report == R2G_CLI_REPORT_NONE)
        return R2G_OK;
    if (!cli->report_file) {
        sink->file = stdout;
        return R2G_OK;
    }
    struct r2g_output_options options = {.overwrite = cli->options.overwrite};
    r2g_status status = r2g_output_create(&sink->output, cli->report_file, &options, err);
    if (status != R2G_OK)
        return status;
    sink->file = open_memstream(&sink->bytes, &sink->nbytes);
    return sink->file ? R2G_OK : r2g_fail_errno(err, R2G_ENOMEM, errno, "no memory for the report");
}

r2g_status r2g_cli_sink_close(struct r2g_cli_sink *sink, bool keep, struct r2g_error *err) {
    r2g_status status = R2G_OK;
    if (sink->output && sink->file && fclose(sink->file) != 0)
        status = r2g_fail(err, R2G_ENOMEM, "no memory for the report");
    if (sink->output && keep && status == R2G_OK)
        status = r2g_output_write_at(sink->output, 0, sink->bytes, sink->nbytes, err);
    if (sink->output && keep && status == R2G_OK)
        status = r2g_output_commit(sink->output, err);
    r2g_output_close(sink->output);
    free(sink->bytes);
    *sink = (struct r2g_cli_sink){0};
    return status;
}

r2g_status r2g_cli_report(struct r2g_cli_sink *sink, enum r2g_cli_report kind, const struct r2g_cli_outcome *outcome,
                          struct r2g_error *err) {
    if (!sink->file)
        return R2G_OK;
    if (kind == R2G_CLI_REPORT_JSON)
        return r2g_json_line(sink->file, r2g_cli_report_json(outcome), err);
    fputs(sink->report_count++ > 0 ? "\n" : "", sink->file);
    r2g_cli_report_text(sink->file, outcome);
    if (fflush(sink->file) != 0 || ferror(sink->file))
        return r2g_fail(err, R2G_EOUTPUT, "the report cannot be written");
    return R2G_OK;
}
