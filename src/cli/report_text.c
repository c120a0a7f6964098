/* The report as a page of text. Columns are 80 wide; a label stands in the first 12. */
#include <inttypes.h>
#include <string.h>

#include "cli/report_print.h"
#include "base/text.h"

#define LABEL 12
#define WIDTH 80

/* A labelled line, wrapped. */
static void print_line(FILE *file, const char *label, const char *text) {
    char plain[700];
    r2g_text_plain(plain, sizeof plain, text);
    fprintf(file, "%-*s", LABEL, label);
    r2g_text_wrap(file, plain, LABEL, LABEL, WIDTH);
}

static unsigned bits_of(uint32_t maxval) {
    unsigned bits = 0;
    for (; maxval; maxval >>= 1)
        bits++;
    return bits;
}

/* "8 bits", or "samples 0 to 1000" where the largest is not 2^n - 1. */
static void text_samples(char *text, size_t text_nbytes, uint32_t maxval) {
    unsigned bits = bits_of(maxval);
    if (maxval == (UINT32_C(1) << bits) - 1)
        snprintf(text, text_nbytes, "%u bit%s", bits, bits == 1 ? "" : "s");
    else
        snprintf(text, text_nbytes, "samples 0 to %" PRIu32, maxval);
}

static void print_input(FILE *file, const struct r2g_report *report) {
    const struct r2g_image *image = &report->image;
    char size[32], text[600], bits[40];
    r2g_text_size(size, sizeof size, report->in_nbytes);
    if (image->stored_bits && bits_of(image->maxval) != image->stored_bits)
        snprintf(bits, sizeof bits, "%u bit%s", image->stored_bits, image->stored_bits == 1 ? "" : "s");
    else
        text_samples(bits, sizeof bits, image->maxval);
    print_line(file, "input", report->in_name);
    snprintf(text, sizeof text, "%s, %" PRIu32 " x %" PRIu32 ", %s, %s%s%s, %s", image->format, image->width,
             image->height, image->colour, bits, image->coding[0] ? ", " : "", image->coding, size);
    print_line(file, "", text);
    if (image->note[0]) {
        snprintf(text, sizeof text, "note: %s", image->note);
        print_line(file, "", text);
    }
}

static void print_output(FILE *file, const struct r2g_report *report) {
    char size[32] = "", text[600], bits[40];
    if (!report->out_name || !report->out_format)
        return;
    text_samples(bits, sizeof bits, report->out_maxval);
    if (report->out_nbytes > 0) {
        memcpy(size, ", ", 3);
        r2g_text_size(size + 2, sizeof size - 2, report->out_nbytes);
    }
    print_line(file, "output", report->out_name);
    snprintf(text, sizeof text, "%s, %" PRIu32 " x %" PRIu32 ", gray%s, %s%s", report->out_format, report->out_width,
             report->out_height, report->out_channels == 2 ? " with alpha" : "", bits, size);
    print_line(file, "", text);
}

static void print_method(FILE *file, const struct r2g_report *report) {
    char formula[160], text[400];
    r2g_luma_formula(&report->luma, formula, sizeof formula);
    snprintf(text, sizeof text, "%s = %s", r2g_luma_name(&report->luma), formula);
    print_line(file, "method", text);
    if (report->luma_source) {
        snprintf(text, sizeof text, "from %s", report->luma_source);
        print_line(file, "", text);
    }
}

static void print_metadata(FILE *file, const struct r2g_report *report) {
    static const char *const kinds[] = {
        [R2G_FATE_KEPT] = "kept", [R2G_FATE_APPLIED] = "applied", [R2G_FATE_DROPPED] = "dropped"};
    for (unsigned i = 0; i < report->fate_count; i++) {
        const struct r2g_fate *fate = &report->fates[i];
        char text[320], plain[320];
        snprintf(text, sizeof text, "%s%s%s", fate->item, fate->why[0] ? ": " : "", fate->why);
        r2g_text_plain(plain, sizeof plain, text);
        int column = fprintf(file, "%-*s%-8s ", LABEL, i == 0 ? "metadata" : "", kinds[fate->kind]);
        r2g_text_wrap(file, plain, column, column, WIDTH);
    }
}

static void print_plan(FILE *file, const struct r2g_report *report) {
    char text[600];
    snprintf(text, sizeof text, "%s: %s", r2g_path_name(report->plan.path), report->plan.why ? report->plan.why : "");
    print_line(file, "path", text);
    if (report->rank_count > 1) {
        snprintf(text, sizeof text, "%d on %d host%s; %s, %s", report->rank_count, report->host_count,
                 report->host_count == 1 ? "" : "s", report->plan.path == R2G_PATH_DIRECT ? "all read" : "rank 0 reads",
                 report->plan.place ? "all write" : "rank 0 writes");
        print_line(file, "ranks", text);
    }
    if (report->plan.path == R2G_PATH_TRANSCODE)
        return; /* no rows are cut into blocks, and no kernel runs */
    snprintf(text, sizeof text, "%" PRIu32 " block%s of %" PRIu32 " row%s", report->block_count,
             report->block_count == 1 ? "" : "s", report->block_rows, report->block_rows == 1 ? "" : "s");
    print_line(file, "rows", text);
    int used = snprintf(text, sizeof text, "%s instructions", report->isa ? report->isa : "unknown");
    if (report->kernel_gbs > 0 && report->copy_gbs > 0)
        snprintf(text + used, sizeof text - (size_t)used,
                 ", %.1f GB/s (a memory copy of as many bytes: %.1f GB/s, ratio %.2f)", report->kernel_gbs,
                 report->copy_gbs, report->kernel_gbs / report->copy_gbs);
    print_line(file, "kernel", text);
}

static void print_run(FILE *file, const char *label, const struct r2g_run *run) {
    char median[32], least[32], most[32];
    r2g_text_time(median, sizeof median, run->wall_ns);
    r2g_text_time(least, sizeof least, run->min_ns);
    r2g_text_time(most, sizeof most, run->max_ns);
    if (run->run_count == 1)
        fprintf(file, "  %-20s %11s\n", label, median);
    else
        fprintf(file, "  %-20s %11s   %11s %11s   %5d\n", label, median, least, most, run->run_count);
}

static void print_times(FILE *file, const struct r2g_report *report) {
    char label[32], launch[32], init[32];
    bool many = report->parallel.run_count > 1;
    if (report->parallel.run_count == 0)
        return;
    if (many)
        fprintf(file, "\n%-22s %11s   %11s %11s   %5s\n", "wall time", "median", "least", "most", "runs");
    else
        fputs("\nwall time\n", file);
    if (report->sequential.run_count > 0)
        print_run(file, "one process", &report->sequential);
    int ranks = report->parallel.rank_count;
    if (ranks == 1)
        snprintf(label, sizeof label, "one process%s", report->compared ? ", again" : "");
    else
        snprintf(label, sizeof label, "%d ranks", ranks);
    print_run(file, label, &report->parallel);
    if (report->mpi_init_ns < 0)
        return;
    r2g_text_time(init, sizeof init, report->mpi_init_ns);
    if (report->launch_ns >= 0) {
        r2g_text_time(launch, sizeof launch, report->launch_ns);
        fprintf(file, "  %-20s %11s   (not counted above; %s of it in MPI_Init)\n", "launch", launch, init);
    } else {
        fprintf(file, "  %-20s %11s   (not counted above, nor is the launcher's start)\n", "MPI_Init", init);
    }
}

static void print_rank(FILE *file, const char *name, const struct r2g_rank_times *times) {
    fprintf(file, "  %-5s %9" PRIu64, name, times->row_count);
    for (int phase = 0; phase < R2G_PHASE_COUNT; phase++)
        fprintf(file, " %8.1f", (double)times->phase_ns[phase] / 1e6);
    putc('\n', file);
}

static void print_ranks(FILE *file, const struct r2g_report *report) {
    const struct r2g_run *run = &report->parallel;
    if (run->run_count == 0 || !run->ranks)
        return;
    fprintf(file, "\n%-7s %9s", run->rank_count > 1 ? "rank" : "", "rows");
    for (int phase = 0; phase < R2G_PHASE_COUNT; phase++)
        fprintf(file, " %8s", r2g_phase_name((enum r2g_phase)phase));
    fputs("  ms\n", file);
    if (report->sequential.run_count > 0 && report->sequential.ranks)
        print_rank(file, "alone", &report->sequential.ranks[0]);
    for (int i = 0; i < run->rank_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        print_rank(file, run->rank_count == 1 ? "" : name, &run->ranks[i]);
    }
}

static void print_places(FILE *file, const struct r2g_report *report) {
    for (int i = 0; report->rank_count > 1 && report->places && i < report->rank_count; i++) {
        const struct r2g_rank_place *place = &report->places[i];
        char host[64];
        r2g_text_plain(host, sizeof host, place->host);
        fprintf(file, "%-*srank %d: %s, ", LABEL, i == 0 ? "placement" : "", i, host);
        if (place->allowed_cpus == 1)
            fprintf(file, "bound to CPU %d\n", place->cpu);
        else
            fprintf(file, "any of %d CPUs\n", place->allowed_cpus);
    }
}

/* One plain sentence or two: what the ranks brought. */
static void print_verdict(FILE *file, const struct r2g_report *report) {
    double speed_up = r2g_cli_speed_up(report);
    int ranks = report->parallel.rank_count;
    char text[500];
    if (!report->compared)
        return;
    fputs("\n", file);
    print_line(file, "outputs", report->identical ? "the same, byte for byte" : "DIFFERENT");
    if (speed_up <= 0)
        return;
    int used;
    if (ranks == 1)
        used = snprintf(text, sizeof text,
                        "there was one process only, so this shows how much times vary here: a factor of %.2f. Give -n "
                        "to compare",
                        speed_up > 1 ? speed_up : 1 / speed_up);
    else if (speed_up >= 1.02)
        used = snprintf(text, sizeof text, "%d ranks were %.2f times as fast as one process (efficiency %.0f %%)",
                        ranks, speed_up, 100 * speed_up / ranks);
    else if (speed_up > 0.98)
        used = snprintf(text, sizeof text, "%d ranks were no faster than one process (efficiency %.0f %%)", ranks,
                        100 * speed_up / ranks);
    else
        used = snprintf(text, sizeof text,
                        "%d ranks were slower: they took %.2f times as long as one process (efficiency %.0f %%)", ranks,
                        1 / speed_up, 100 * speed_up / ranks);
    if (ranks > 1 && report->launch_ns >= 0) {
        double with_launch =
            (double)report->sequential.wall_ns / (double)(report->parallel.wall_ns + report->launch_ns);
        snprintf(text + used, sizeof text - (size_t)used, ". With the launch counted, they %s %.2f times as %s",
                 with_launch >= 1 ? "were" : "took", with_launch >= 1 ? with_launch : 1 / with_launch,
                 with_launch >= 1 ? "fast" : "long");
    } else if (ranks > 1) {
        snprintf(text + used, sizeof text - (size_t)used, ", launch not counted");
    }
    print_line(file, "verdict", text);
}

void r2g_cli_report_text(FILE *file, const struct r2g_cli_outcome *outcome) {
    const struct r2g_report *report = outcome->report;
    if (!report->in_name || !report->image.format) {
        print_line(file, "input", outcome->request->in_path);
        if (outcome->status != R2G_OK)
            print_line(file, "failed", outcome->err->text);
        return;
    }
    print_input(file, report);
    print_output(file, report);
    print_method(file, report);
    print_metadata(file, report);
    if (report->places) {
        print_plan(file, report);
        if (outcome->request->mode != R2G_MODE_CONVERT)
            print_places(file, report);
    }
    print_times(file, report);
    print_ranks(file, report);
    print_verdict(file, report);
    if (outcome->status != R2G_OK)
        print_line(file, "failed", outcome->err->text);
}
