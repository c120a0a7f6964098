/* GET /jobs/{id}/events: server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
#include "gateway/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/values.h"

#define PING_MS 15000

static bool ends_stream(const char *kind) {
    static const char *const last[] = {"done", "failed", "cancelled", "removed", "expired", NULL};
    for (int i = 0; last[i]; i++) {
        if (strcmp(kind, last[i]) == 0)
            return true;
    }
    return false;
}

/* The number of the last event that the client has: of the header that a browser sends when it comes again, or of the
 * query. Both are a hint: what makes no sense means from the beginning. */
static int64_t last_seen(const struct r2g_http *http) {
    char text[24];
    uint64_t number = 0;
    const char *header = r2g_http_header(http, "Last-Event-ID");
    if (!header && r2g_http_query(http, "after", text, sizeof text))
        header = text;
    struct r2g_error ignored;
    if (!header || r2g_value_number("after", header, 0, INT64_MAX, &number, &ignored) != R2G_OK)
        return 0;
    return (int64_t)number;
}

/* Progress has no number: a client that comes again goes on behind the last event that is kept. */
static bool send_event(struct r2g_http *http, const struct r2g_event *event) {
    char id[32] = "", text[sizeof event->data + 100];
    if (event->number > 0)
        snprintf(id, sizeof id, "id: %" PRId64 "\n", event->number);
    int nbytes = snprintf(text, sizeof text, "%sevent: %s\ndata: %s\n\n", id, event->kind, event->data);
    return r2g_http_stream(http, text, (size_t)nbytes);
}

static void follow(struct r2g_http *http, const char *id, int64_t after, int64_t progress_seen, struct r2g_event *event,
                   bool got) {
    static const char opening[] = "retry: 2000\n\n", ping[] = ": ping\n\n";
    struct r2g_error ignored;
    r2g_http_stream_begin(http, 200, "text/event-stream");
    bool open = r2g_http_stream(http, opening, sizeof opening - 1);
    while (open) {
        if (got) {
            open = send_event(http, event) && !ends_stream(event->kind);
            after = event->number > 0 ? event->number : after;
        }
        if (!open)
            break;
        int64_t before_ns = r2g_clock_ns();
        if (r2g_jobs_next_event(http->jobs, id, after, &progress_seen, PING_MS, event, &got, &ignored) !=
            R2G_PROBLEM_NONE)
            break;
        if (got)
            continue;
        /* a wait that ended early with nothing was woken by r2g_jobs_stop */
        open =
            r2g_clock_ns() - before_ns > (int64_t)PING_MS * 1000000 / 2 && r2g_http_stream(http, ping, sizeof ping - 1);
    }
    r2g_http_stream_end(http);
}

void r2g_api_events(struct r2g_http *http) {
    struct r2g_error err = {0};
    struct r2g_job job;
    bool got = false;
    int64_t progress_seen = 0, after = last_seen(http);
    if (!r2g_api_find_job(http, &job))
        return;
    if (r2g_api_is_head(http)) {
        r2g_http_answer(http, 200, "text/event-stream", NULL, 0);
        return;
    }
    struct r2g_event *event = calloc(1, sizeof *event);
    enum r2g_problem problem =
        event ? r2g_jobs_next_event(http->jobs, job.id, after, &progress_seen, 0, event, &got, &err)
              : r2g_problem(&err, R2G_PROBLEM_INTERNAL, "out of memory");
    if (problem != R2G_PROBLEM_NONE)
        r2g_http_problem(http, problem, &err);
    else if (!got && r2g_job_state_final(job.state))
        r2g_http_answer(http, 204, NULL, NULL, 0); /* all told: a browser that gets 204 does not come again */
    else
        follow(http, job.id, after, progress_seen, event, got);
    free(event);
}
