/* Counters and histograms for /metrics. Process-wide on purpose, all atomic; any thread. */
#ifndef R2G_GATEWAY_METRICS_H
#define R2G_GATEWAY_METRICS_H

#include <stdint.h>
#include <stdio.h>

#include "gateway/problem.h"

enum r2g_counter {
    R2G_COUNT_REQUESTS,
    R2G_COUNT_BODY_NBYTES, /* received in bodies */
    R2G_COUNT_SENT_NBYTES, /* sent in bodies */
    R2G_COUNT_JOBS_ACCEPTED,
    R2G_COUNT_JOBS_DONE,
    R2G_COUNT_JOBS_FAILED,
    R2G_COUNT_JOBS_CANCELLED,
    R2G_COUNT_JOBS_RETRIED,
    R2G_COUNT_COUNTERS,
};

enum r2g_histogram {                        /* of seconds */
                     R2G_HISTOGRAM_REQUEST, /* from header to the end of the answer, without event streams */
                     R2G_HISTOGRAM_QUEUED,  /* a job from acceptance to its launch */
                     R2G_HISTOGRAM_RUN,     /* a job from its launch to its end */
                     R2G_HISTOGRAM_CONVERT, /* the parallel wall time of the report */
                     R2G_HISTOGRAM_HISTOGRAMS,
};

void r2g_metrics_add(enum r2g_counter counter, uint64_t n);
void r2g_metrics_refused(enum r2g_problem problem); /* one answer, or failed job, of this type */
void r2g_metrics_observe(enum r2g_histogram histogram, int64_t ns);
/* Appends all of them in Prometheus' text format, version 0.0.4. */
void r2g_metrics_print(FILE *file);

#endif
