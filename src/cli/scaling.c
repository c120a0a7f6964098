/* "rgb2gray bench scaling": measures, or reads what was measured, and leaves a table, figures and a page in a folder.
 *
 * The outputs are opened before anything is measured, so that a place that cannot be written is known early, and get their
 * names once all are whole. A signal is noted, ends the run at hand, and is raised again when all that is temporary is
 * gone.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"
#include "cli/commands.h"
#include "cli/conversions.h"
#include "cli/launch.h"
#include "cli/scaling_measure.h"
#include "cli/scaling_page.h"
#include "codec/codec.h"
#include "parallel/launcher.h"

#define FOLDER "rgb2gray-scaling"
#define RUN_COUNT 5

static volatile sig_atomic_t stopped_by;

static void note_signal(int signal_number) {
    stopped_by = signal_number;
}

static void catch_signals(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction before;
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

enum { OUT_CSV, OUT_JSON, OUT_SVG, OUT_HTML, OUT_COUNT };
static const char *const out_names[OUT_COUNT] = {"scaling.csv", "scaling.json", "scaling.svg", "scaling.html"};

struct bench {
    const struct r2g_cli *cli;
    const char *folder;
    bool made_folder;
    struct r2g_output *outputs[OUT_COUNT]; /* NULL: not written */
    char temporary[PATH_MAX];              /* a folder, or "" */
    struct r2g_scaling_runs runs;
    struct r2g_scaling_figures figures;
    struct r2g_error *err;
};

static r2g_status open_outputs(struct bench *bench) {
    struct r2g_output_options options = {.overwrite = bench->cli->options.overwrite};
    r2g_status status = R2G_OK;
    if (mkdir(bench->folder, 0777) == 0)
        bench->made_folder = true;
    else if (errno != EEXIST)
        return r2g_fail_errno(bench->err, R2G_EOUTPUT, errno, "the folder %s cannot be made", bench->folder);
    for (int i = bench->cli->from ? OUT_JSON : OUT_CSV; i < OUT_COUNT && status == R2G_OK; i++) {
        char path[PATH_MAX];
        if (snprintf(path, sizeof path, "%s/%s", bench->folder, out_names[i]) >= (int)sizeof path)
            return r2g_fail(bench->err, R2G_EUSAGE, "the name of the output folder is too long");
        status = r2g_output_create(&bench->outputs[i], path, &options, bench->err);
    }
    return status;
}

static r2g_status make_temporary(struct bench *bench) {
    const char *place = getenv("TMPDIR");
    if (!place || !*place)
        place = bench->folder;
    if (snprintf(bench->temporary, sizeof bench->temporary, "%.3800s/.rgb2gray-scaling.XXXXXX", place) > 0 &&
        mkdtemp(bench->temporary))
        return R2G_OK;
    int code = errno;
    bench->temporary[0] = '\0';
    return r2g_fail_errno(bench->err, R2G_EOUTPUT, code, "no folder for the pictures can be made in %s", place);
}

static void remove_temporary(struct bench *bench) {
    DIR *folder = bench->temporary[0] ? opendir(bench->temporary) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        unlinkat(dirfd(folder), entry->d_name, 0); /* "." and ".." stay, as they must */
    if (folder)
        closedir(folder);
    if (bench->temporary[0])
        rmdir(bench->temporary);
}

/* The most ranks that there is room for. */
static r2g_status slots_here(const struct r2g_cli *cli, int *slots, struct r2g_error *err) {
    const char *tasks = r2g_cli_in_batch_job() ? getenv("SLURM_NTASKS") : NULL;
    *slots = tasks && atoi(tasks) > 0 ? atoi(tasks) : r2g_cli_slots(NULL);
    return cli->hostfile ? r2g_scaling_hostfile_slots(cli->hostfile, slots, err) : R2G_OK;
}

static r2g_status make_plan(const struct r2g_cli *cli, struct r2g_scaling_plan *plan, struct r2g_error *err) {
    int slots = 1;
    const struct r2g_codec *codec = r2g_codec_by_name(cli->options.format ? cli->options.format : "png");
    *plan = (struct r2g_scaling_plan){.in_path = cli->input_count > 1 ? cli->inputs[1] : NULL,
                                      .hostfile = cli->hostfile,
                                      .format = codec ? codec->name : "png",
                                      .ending = codec ? codec->extensions[0] : "png",
                                      .run_count = cli->run_count > 0 ? cli->run_count : RUN_COUNT,
                                      .tell = !cli->quiet && isatty(STDERR_FILENO),
                                      .stop = &stopped_by};
    r2g_status status = slots_here(cli, &slots, err);
    if (status == R2G_OK && cli->ranks_text)
        status = r2g_scaling_parse_ranks(cli->ranks_text, &plan->counts, err);
    else if (status == R2G_OK)
        r2g_scaling_default_ranks(slots, &plan->counts);
    if (status == R2G_OK && cli->size_text)
        status = r2g_scaling_parse_size(cli->size_text, &plan->width, &plan->height, err);
    else if (status == R2G_OK)
        r2g_scaling_default_size(plan->counts.ranks[plan->counts.count - 1], &plan->width, &plan->height);
    return status;
}

static r2g_status load(struct bench *bench) {
    struct r2g_error inner = {0};
    r2g_status status = r2g_scaling_csv_load(&bench->runs, bench->cli->from, &inner);
    if (status == R2G_OK)
        status = r2g_scaling_figure(&bench->figures, &bench->runs, &inner);
    return status == R2G_OK ? R2G_OK : r2g_fail(bench->err, status, "%s: %s", bench->cli->from, inner.text);
}

static r2g_status measure(struct bench *bench, struct r2g_scaling_plan *plan) {
    r2g_status status = make_temporary(bench);
    plan->folder = bench->temporary;
    if (status == R2G_OK)
        status = r2g_scaling_measure(plan, &bench->runs, bench->err);
    return status == R2G_OK ? r2g_scaling_figure(&bench->figures, &bench->runs, bench->err) : status;
}

static r2g_status write_one(struct bench *bench, int which) {
    struct r2g_scaling_about about = r2g_scaling_about(&bench->runs);
    char *text = NULL;
    size_t nbytes = 0;
    r2g_status status = R2G_OK;
    FILE *file = open_memstream(&text, &nbytes);
    if (!file)
        return r2g_fail_errno(bench->err, R2G_ENOMEM, errno, "no memory for %s", out_names[which]);
    if (which == OUT_CSV)
        r2g_scaling_csv_write(file, &bench->runs);
    else if (which == OUT_JSON)
        status = r2g_scaling_json(file, &bench->figures, &about, bench->err);
    else if (which == OUT_SVG)
        r2g_scaling_draw_speed_up(file, &bench->figures, true);
    else
        r2g_scaling_page(file, &bench->figures, &about);
    bool failed = ferror(file) != 0;
    if ((fclose(file) != 0 || failed) && status == R2G_OK)
        status = r2g_fail(bench->err, R2G_ENOMEM, "no memory for %s", out_names[which]);
    if (status == R2G_OK)
        status = r2g_output_write_at(bench->outputs[which], 0, text, nbytes, bench->err);
    free(text);
    return status;
}

static r2g_status write_all(struct bench *bench) {
    r2g_status status = R2G_OK;
    for (int i = 0; i < OUT_COUNT && status == R2G_OK; i++) {
        if (bench->outputs[i])
            status = write_one(bench, i);
    }
    for (int i = 0; i < OUT_COUNT && status == R2G_OK; i++) {
        if (bench->outputs[i])
            status = r2g_output_commit(bench->outputs[i], bench->err);
    }
    if (status == R2G_OK && !bench->cli->quiet) {
        r2g_scaling_print(stdout, &bench->figures);
        printf("\n  The page is %s/%s\n", bench->folder, out_names[OUT_HTML]);
    }
    return status;
}

static void finish(struct bench *bench, r2g_status status) {
    remove_temporary(bench);
    for (int i = 0; i < OUT_COUNT; i++)
        r2g_output_close(bench->outputs[i]);
    if (status != R2G_OK && bench->made_folder)
        rmdir(bench->folder); /* unless there is something in it */
    r2g_scaling_figures_free(&bench->figures);
    r2g_scaling_free(&bench->runs);
}

int r2g_cli_bench(const struct r2g_cli *cli) {
    struct r2g_error err = {0};
    struct r2g_scaling_plan plan;
    int rank_count;
    struct bench bench = {.cli = cli, .folder = cli->output ? cli->output : FOLDER, .err = &err};
    r2g_status status = R2G_OK;
    if (r2g_launcher_detect(&rank_count) != R2G_LAUNCHER_NONE)
        status = r2g_fail(&err, R2G_EUSAGE, "bench starts its processes itself: run it without mpirun or srun");
    catch_signals();
    if (status == R2G_OK)
        status = cli->from ? load(&bench) : make_plan(cli, &plan, &err);
    if (status == R2G_OK)
        status = open_outputs(&bench);
    if (status == R2G_OK && !cli->from)
        status = measure(&bench, &plan);
    if (status == R2G_OK)
        status = write_all(&bench);
    finish(&bench, status);
    if (status == R2G_OK)
        return R2G_OK;
    r2g_cli_print_error(&err);
    if (status == R2G_ECANCELED && stopped_by) {
        int signal_number = stopped_by;
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }
    return status;
}
