#include "gateway/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>

static const struct {
    const char *name, *help;
} counter_texts[R2G_COUNT_COUNTERS] = {
    [R2G_COUNT_REQUESTS] = {"rgb2gray_requests_total", "Requests answered."},
    [R2G_COUNT_BODY_NBYTES] = {"rgb2gray_received_bytes_total", "Bytes received in bodies."},
    [R2G_COUNT_SENT_NBYTES] = {"rgb2gray_sent_bytes_total", "Bytes sent in bodies."},
    [R2G_COUNT_JOBS_ACCEPTED] = {"rgb2gray_jobs_accepted_total", "Jobs accepted."},
    [R2G_COUNT_JOBS_DONE] = {"rgb2gray_jobs_done_total", "Jobs that ended with a result."},
    [R2G_COUNT_JOBS_FAILED] = {"rgb2gray_jobs_failed_total", "Jobs that failed."},
    [R2G_COUNT_JOBS_CANCELLED] = {"rgb2gray_jobs_cancelled_total", "Jobs that were cancelled."},
    [R2G_COUNT_JOBS_RETRIED] = {"rgb2gray_jobs_retried_total", "Launches that were made once more."},
};

static const struct {
    const char *name, *help;
} histogram_texts[R2G_HISTOGRAM_HISTOGRAMS] = {
    [R2G_HISTOGRAM_REQUEST] = {"rgb2gray_request_seconds", "From a request's header to the end of its answer."},
    [R2G_HISTOGRAM_QUEUED] = {"rgb2gray_job_queued_seconds", "From a job's acceptance to its launch."},
    [R2G_HISTOGRAM_RUN] = {"rgb2gray_job_run_seconds", "From a job's launch to its end."},
    [R2G_HISTOGRAM_CONVERT] = {"rgb2gray_convert_seconds", "Wall time of the conversion alone, as it was reported."},
};

/* Upper bounds in microseconds: from a small picture in the pool to a slide of an hour. */
static const struct {
    int64_t us;
    const char *text;
} bounds[] = {
    {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"},    {25000, "0.025"},     {50000, "0.05"},
    {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},     {2500000, "2.5"},     {5000000, "5"},
    {10000000, "10"}, {30000000, "30"}, {60000000, "60"}, {300000000, "300"}, {1000000000, "1000"},
};
#define BOUND_COUNT (sizeof bounds / sizeof bounds[0])

struct histogram {
    _Atomic uint64_t buckets[BOUND_COUNT + 1]; /* not yet summed up; the last is beyond all bounds */
    _Atomic uint64_t sum_us;
};

static _Atomic uint64_t counters[R2G_COUNT_COUNTERS];
static _Atomic uint64_t refused[R2G_PROBLEM_COUNT];
static struct histogram histograms[R2G_HISTOGRAM_HISTOGRAMS];

void r2g_metrics_add(enum r2g_counter counter, uint64_t n) {
    atomic_fetch_add_explicit(&counters[counter], n, memory_order_relaxed);
}

void r2g_metrics_refused(enum r2g_problem problem) {
    unsigned index = (unsigned)problem < R2G_PROBLEM_COUNT ? (unsigned)problem : R2G_PROBLEM_INTERNAL;
    atomic_fetch_add_explicit(&refused[index], 1, memory_order_relaxed);
}

void r2g_metrics_observe(enum r2g_histogram histogram, int64_t ns) {
    struct histogram *h = &histograms[histogram];
    int64_t us = ns > 0 ? ns / 1000 : 0;
    size_t i = 0;
    while (i < BOUND_COUNT && us > bounds[i].us)
        i++;
    atomic_fetch_add_explicit(&h->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_us, (uint64_t)us, memory_order_relaxed);
}

/* The sums are made from the buckets as they are read, so that a histogram is consistent in itself at any moment. */
static void print_histogram(FILE *file, unsigned index) {
    const char *name = histogram_texts[index].name;
    struct histogram *h = &histograms[index];
    uint64_t sum = 0;
    fprintf(file, "# HELP %s %s\n# TYPE %s histogram\n", name, histogram_texts[index].help, name);
    for (size_t i = 0; i < BOUND_COUNT; i++) {
        sum += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
        fprintf(file, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name, bounds[i].text, sum);
    }
    sum += atomic_load_explicit(&h->buckets[BOUND_COUNT], memory_order_relaxed);
    uint64_t us = atomic_load_explicit(&h->sum_us, memory_order_relaxed);
    fprintf(file, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %" PRIu64 ".%06" PRIu64 "\n%s_count %" PRIu64 "\n", name,
            sum, name, us / 1000000, us % 1000000, name, sum);
}

void r2g_metrics_print(FILE *file) {
    for (unsigned i = 0; i < R2G_COUNT_COUNTERS; i++) {
        const char *name = counter_texts[i].name;
        fprintf(file, "# HELP %s %s\n# TYPE %s counter\n%s %" PRIu64 "\n", name, counter_texts[i].help, name, name,
                atomic_load_explicit(&counters[i], memory_order_relaxed));
    }
    fputs("# HELP rgb2gray_refused_total Requests refused and jobs failed, by the type of the problem.\n"
          "# TYPE rgb2gray_refused_total counter\n",
          file);
    for (unsigned i = 1; i < R2G_PROBLEM_COUNT; i++)
        fprintf(file, "rgb2gray_refused_total{type=\"%s\"} %" PRIu64 "\n", r2g_problem_text((enum r2g_problem)i)->type,
                atomic_load_explicit(&refused[i], memory_order_relaxed));
    for (unsigned i = 0; i < R2G_HISTOGRAM_HISTOGRAMS; i++)
        print_histogram(file, i);
}
