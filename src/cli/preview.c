/* "rgb2gray preview": one scaled picture, or a folder of tiles. A signal stops the work between rows, so that the folder is
 * removed before the process ends. */
#include <signal.h>

#include "cli/commands.h"
#include "cli/conversions.h"
#include "pipeline/preview.h"

static volatile sig_atomic_t stopped_by;

static void note_signal(int signal_number) {
    stopped_by = signal_number;
}

static void catch_signals(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART | SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction before;
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

static bool go_on(void *user, const struct r2g_progress *progress) {
    (void)user;
    (void)progress;
    return stopped_by == 0;
}

int r2g_cli_preview(const struct r2g_cli *cli) {
    struct r2g_error err = {0};
    struct r2g_preview_request request = {.in_path = cli->inputs[0],
                                          .out_path = cli->output,
                                          .size = (uint32_t)cli->preview_size,
                                          .options = cli->options};
    request.options.progress = go_on;
    catch_signals();
    r2g_status status = cli->tiles ? r2g_preview_tiles(&request, &err) : r2g_preview_picture(&request, &err);
    if (status == R2G_OK)
        return R2G_OK;
    r2g_cli_print_error(&err);
    if (status == R2G_ECANCELED && stopped_by)
        raise(stopped_by); /* to which the default has come back */
    return status;
}
