/* rgb2gray-gateway: reads its settings, starts the jobs and the server, and waits for a signal. */
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "gateway/http.h"
#include "gateway/jobs.h"
#include "gateway/previews.h"
#include "gateway/settings.h"

static int complain(const struct r2g_error *err) {
    fprintf(stderr, "rgb2gray-gateway: %s\n", err->text);
    return (int)err->status;
}

static void block_signals(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

/* A core would hold patients' pictures; each connection and job needs descriptors. */
static void set_limits(void) {
    struct rlimit limit = {0, 0};
    setrlimit(RLIMIT_CORE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* The first signal asks to end, the second does it; SIGHUP of a closed terminal asks, too. */
static void wait_for_signal(const sigset_t *set) {
    int got;
    while (sigwait(set, &got) != 0)
        continue;
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    pthread_sigmask(SIG_UNBLOCK, set, NULL);
    fprintf(stderr, "rgb2gray-gateway: ending (%s)\n", sigabbrev_np(got));
}

static r2g_status serve(const struct r2g_settings *settings, const sigset_t *set, struct r2g_error *err) {
    struct r2g_jobs *jobs = NULL;
    struct r2g_server *server = NULL;
    r2g_status status = r2g_server_check(settings, err);
    if (status == R2G_OK)
        status = r2g_jobs_open(&jobs, settings, err);
    if (status != R2G_OK)
        return status;
    status = r2g_server_start(&server, settings, jobs, err);
    if (status == R2G_OK) {
        if (!settings->web)
            fputs("rgb2gray-gateway: the page is not installed; there is the API only\n", stderr);
        if (settings->insecure && settings->token_count == 0)
            fputs("rgb2gray-gateway: everyone who reaches this address may use it (--insecure)\n", stderr);
        printf("rgb2gray-gateway: %s\n", r2g_server_address(server));
        if (fflush(stdout) != 0)
            status = r2g_fail_errno(err, R2G_EOUTPUT, errno, "standard output cannot be written");
        else
            wait_for_signal(set);
    }
    r2g_jobs_stop(jobs);
    r2g_previews_stop();
    r2g_server_stop(server);
    r2g_jobs_close(jobs);
    return status;
}

static r2g_status print(const struct r2g_settings *settings, struct r2g_error *err) {
    r2g_status status = R2G_OK;
    switch (settings->command) {
    case R2G_GATEWAY_HELP:
        r2g_settings_print_help(stdout);
        break;
    case R2G_GATEWAY_VERSION:
        r2g_settings_print_version(stdout);
        break;
    case R2G_GATEWAY_MAN:
        r2g_settings_print_man(stdout);
        break;
    default:
        status = r2g_settings_print_token(stdout, settings->new_token, err);
    }
    if (status == R2G_OK && (fflush(stdout) != 0 || ferror(stdout)))
        status = r2g_fail_errno(err, R2G_EOUTPUT, errno, "standard output cannot be written");
    return status;
}

int main(int argc, char **argv) {
    struct r2g_settings settings;
    struct r2g_error err = {0};
    sigset_t set;
    umask(077); /* the program's files, too, are for this user alone */
    block_signals(&set);
    set_limits();
    r2g_json_init();
    json_object_seed(0); /* before there are threads */
    r2g_status status = r2g_settings_read(&settings, argc, argv, &err);
    if (status == R2G_OK)
        status = settings.command == R2G_GATEWAY_SERVE ? serve(&settings, &set, &err) : print(&settings, &err);
    r2g_settings_free(&settings);
    return status == R2G_OK ? 0 : complain(&err);
}
