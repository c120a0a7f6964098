#include "pipeline/report.h"

#include <stdlib.h>
#include <string.h>

const char *r2g_phase_name(enum r2g_phase phase) {
    static const char *const names[R2G_PHASE_COUNT] = {"read", "scatter", "convert", "encode", "gather", "write"};
    return phase < R2G_PHASE_COUNT ? names[phase] : "unknown";
}

void r2g_report_free(struct r2g_report *report) {
    free(report->in_name);
    free(report->out_name);
    free(report->places);
    free(report->parallel.ranks);
    free(report->sequential.ranks);
    memset(report, 0, sizeof *report);
}
