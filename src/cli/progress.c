/* The bar appears only half a second into a file, so that quick runs print nothing, and is redrawn ten times a second
 * at most. */
#include "cli/progress.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

#define FIRST_NS INT64_C(500000000)
#define STEP_NS INT64_C(100000000)
#define CLEAR_LINE "\r\033[K"

#define INTERRUPTED "rgb2gray: interrupted"

const char *r2g_cli_interrupted(void) {
    return getenv("RGB2GRAY_LAUNCH_NS") ? NULL : INTERRUPTED;
}

void r2g_cli_progress_init(struct r2g_cli_progress_state *state, const struct r2g_cli *cli) {
    memset(state, 0, sizeof *state);
    bool automatic = cli->progress == R2G_CLI_PROGRESS_AUTO && !cli->quiet && isatty(STDERR_FILENO);
    state->bar = automatic || (cli->progress == R2G_CLI_PROGRESS_BAR && !cli->quiet);
    state->json = cli->progress == R2G_CLI_PROGRESS_JSON;
    r2g_cleanup_install(r2g_cli_interrupted());
}

static int terminal_width(void) {
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 80;
}

static void draw(struct r2g_cli_progress_state *state, double part, double pixels_per_second, double seconds_left) {
    char left[32], name[256], figures[96];
    if (seconds_left < 120)
        snprintf(left, sizeof left, "%d s", (int)seconds_left + 1);
    else
        r2g_text_time(left, sizeof left, (int64_t)(seconds_left < 1e9 ? seconds_left * 1e9 : 1e18));
    int used =
        snprintf(figures, sizeof figures, "%3.0f %%  %.1f Mpx/s  %s left", part * 100, pixels_per_second / 1e6, left);
    r2g_text_plain(name, sizeof name, state->file);
    int room = terminal_width() - used - 3;
    int length = (int)strlen(name);
    /* the end of a long path says more than its beginning */
    const char *tail = length <= room ? name : name + length - (room > 3 ? room - 3 : 0);
    if (!state->shown && r2g_cli_interrupted())
        r2g_cleanup_install(CLEAR_LINE INTERRUPTED);
    state->shown = true;
    fprintf(stderr, CLEAR_LINE "%s  %s%s", figures, length > room ? "..." : "", tail);
    fflush(stderr);
}

/* An event that cannot be told is no reason to stop. */
static void tell_event(const struct r2g_cli_progress_state *state, json_t *event) {
    struct r2g_error err;
    if (state->event) {
        state->event(state->event_user, event);
        return;
    }
    (void)!r2g_json_line(stderr, event, &err);
}

static bool advance(void *user, const struct r2g_progress *progress) {
    struct r2g_cli_progress_state *state = user;
    int64_t now = r2g_clock_ns();
    if (progress->done_rows < state->done_rows) /* the next run of a comparison */
        state->start_ns = now;
    state->done_rows = progress->done_rows;
    int64_t since_start = now - state->start_ns;
    bool last = progress->done_rows == progress->total_rows;
    if (now - state->last_ns < STEP_NS || (state->bar && since_start < FIRST_NS) || progress->total_rows == 0)
        return true;
    state->last_ns = now;
    double part = (double)progress->done_rows / (double)progress->total_rows;
    double seconds = (double)since_start / 1e9;
    double pixels_per_second = seconds > 0 ? part * (double)progress->pixel_count / seconds : 0;
    double seconds_left = part > 0 ? seconds * (1 - part) / part : 0;
    if (state->bar && part > 0 && !last)
        draw(state, part, pixels_per_second, seconds_left);
    if (state->json)
        tell_event(state, json_pack("{s:s, s:o, s:I, s:I, s:f, s:f}", "event", "progress", "file",
                                    r2g_json_text(state->file), "done_rows", (json_int_t)progress->done_rows,
                                    "total_rows", (json_int_t)progress->total_rows, "pixels_per_second",
                                    pixels_per_second, "seconds_left", seconds_left));
    return true;
}

void r2g_cli_progress_begin(struct r2g_cli_progress_state *state, const char *file, const char *output,
                            struct r2g_options *options) {
    state->file = file;
    state->begin_ns = state->start_ns = r2g_clock_ns();
    state->last_ns = 0;
    state->done_rows = 0;
    if (state->bar || state->json) {
        options->progress = advance;
        options->progress_user = state;
    }
    if (state->json)
        tell_event(state, json_pack("{s:s, s:o, s:o}", "event", "start", "file", r2g_json_text(file), "output",
                                    r2g_json_text(output)));
}

void r2g_cli_progress_end(struct r2g_cli_progress_state *state, r2g_status status, const struct r2g_error *err) {
    if (state->shown) {
        fputs(CLEAR_LINE, stderr);
        r2g_cleanup_install(r2g_cli_interrupted());
    }
    state->shown = false;
    double seconds = (double)(r2g_clock_ns() - state->begin_ns) / 1e9;
    if (state->json && status == R2G_OK)
        tell_event(state, json_pack("{s:s, s:o, s:f}", "event", "done", "file", r2g_json_text(state->file), "seconds",
                                    seconds));
    else if (state->json)
        tell_event(state, json_pack("{s:s, s:o, s:s, s:i, s:o}", "event", "failed", "file", r2g_json_text(state->file),
                                    "status", r2g_status_name(status), "exit_code", (int)status, "text",
                                    r2g_json_text(err->text)));
}
