/* "rgb2gray doctor": findings in lines for people or as JSON, and the exit code they lead to. */
#include "cli/doctor.h"

#include <stdarg.h>
#include <string.h>

#include <rgb2gray/rgb2gray.h>

#include "cli/commands.h"
#include "base/json.h"
#include "cli/sink.h"
#include "base/text.h"
#include "parallel/comm.h"

#define NAME_COLUMN 6
#define TEXT_COLUMN 22
#define WIDTH 80

static const char *const levels[] = {[R2G_DOCTOR_OK] = "ok", [R2G_DOCTOR_WARN] = "warn", [R2G_DOCTOR_FAIL] = "fail"};

void r2g_doctor_add(struct r2g_doctor *doctor, enum r2g_doctor_level level, const char *name, const char *remedy,
                    const char *format, ...) {
    char text[400], plain[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    r2g_text_plain(plain, sizeof plain, text);
    doctor->fail_count += level == R2G_DOCTOR_FAIL;
    doctor->warn_count += level == R2G_DOCTOR_WARN;
    if (doctor->file && !doctor->checks) {
        fprintf(doctor->file, "%-*s%-*s", NAME_COLUMN, levels[level], TEXT_COLUMN - NAME_COLUMN, name);
        r2g_text_wrap(doctor->file, plain, TEXT_COLUMN, TEXT_COLUMN, WIDTH);
        if (remedy) {
            fprintf(doctor->file, "%*s-> ", TEXT_COLUMN, "");
            r2g_text_wrap(doctor->file, remedy, TEXT_COLUMN + 3, TEXT_COLUMN + 3, WIDTH);
        }
    }
    if (doctor->checks) {
        json_t *check = json_pack("{s:s, s:s, s:o, s:s?}", "name", name, "level", levels[level], "text",
                                  r2g_json_text(plain), "remedy", remedy);
        if (json_array_append_new(doctor->checks, check) != 0)
            doctor->fail_count++; /* out of memory: nothing here is well */
    }
}

/* Under a launcher: starts MPI among its ranks and says how that went. False on ranks that shall stay silent. */
static bool check_ranks(struct r2g_doctor *doctor) {
    struct r2g_comm comm;
    struct r2g_error err = {0};
    r2g_launch_settings(false);
    r2g_status status = r2g_comm_start(&comm, &err);
    bool first_rank = comm.rank == 0;
    char time[32];
    r2g_text_time(time, sizeof time, comm.init_ns);
    if (!first_rank)
        doctor->file = NULL;
    if (status == R2G_OK) {
        r2g_doctor_add(doctor, R2G_DOCTOR_OK, "MPI start", NULL, "%d rank%s on %d host%s, MPI_Init took %s", comm.size,
                       comm.size == 1 ? "" : "s", comm.host_count, comm.host_count == 1 ? "" : "s", time);
    } else {
        doctor->mpi_failed = true;
        r2g_doctor_add(doctor, R2G_DOCTOR_FAIL, "MPI start",
                       "use the launcher of the same MPI: Open MPI's mpirun, or srun --mpi=pmix", "%s", err.text);
        if (comm.broken)
            r2g_comm_abort(&comm, R2G_EMPI);
    }
    r2g_comm_stop(&comm);
    return first_rank;
}

static void check_all(struct r2g_doctor *doctor) {
    int rank_count;
    enum r2g_launcher launcher = r2g_launcher_detect(&rank_count);
    if (launcher == R2G_LAUNCHER_FOREIGN) {
        doctor->mpi_failed = true;
        r2g_doctor_add(doctor, R2G_DOCTOR_FAIL, "launcher", "use Open MPI's mpirun, or srun --mpi=pmix",
                       "started %d times by a launcher that does not speak to this program's MPI", rank_count);
    } else if (launcher != R2G_LAUNCHER_NONE) {
        if (!check_ranks(doctor))
            return;
    } else {
        r2g_doctor_check_mpi(doctor);
        r2g_doctor_check_root(doctor);
    }
    if (!doctor->file)
        return;
    r2g_doctor_check_cpus(doctor, launcher != R2G_LAUNCHER_NONE);
    r2g_doctor_check_memory(doctor);
    r2g_doctor_check_folders(doctor);
    r2g_doctor_check_slurm(doctor);
}

static void print_summary(const struct r2g_doctor *doctor) {
    if (doctor->fail_count + doctor->warn_count == 0)
        fputs("\nAll is well.\n", doctor->file);
    else if (doctor->fail_count == 0)
        fprintf(doctor->file, "\nrgb2gray can work here; %u thing%s could be better.\n", doctor->warn_count,
                doctor->warn_count == 1 ? "" : "s");
    else if (doctor->mpi_failed)
        fputs("\nMPI cannot be used here. Without -n and mpirun, rgb2gray works all the same.\n", doctor->file);
    else
        fprintf(doctor->file, "\n%u thing%s will not work.\n", doctor->fail_count, doctor->fail_count == 1 ? "" : "s");
}

static r2g_status print_json(const struct r2g_doctor *doctor, struct r2g_error *err) {
    json_t *object = json_pack("{s:s, s:i, s:s, s:i, s:i, s:O}", "schema", "rgb2gray-doctor", "version", 1,
                               "program_version", r2g_version(), "fail_count", (int)doctor->fail_count, "warn_count",
                               (int)doctor->warn_count, "checks", doctor->checks);
    return r2g_json_line(doctor->file, object, err);
}

int r2g_cli_doctor(const struct r2g_cli *cli) {
    struct r2g_cli_sink sink;
    struct r2g_error err = {0};
    struct r2g_doctor doctor = {0};
    r2g_status status = r2g_cli_sink_open(&sink, cli, &err);
    bool opened = status == R2G_OK;
    if (opened) {
        doctor.file = sink.file;
        doctor.checks = cli->report == R2G_CLI_REPORT_JSON ? json_array() : NULL;
        check_all(&doctor);
        if (doctor.file && doctor.checks)
            status = print_json(&doctor, &err);
        else if (doctor.file && !doctor.checks)
            print_summary(&doctor);
        json_decref(doctor.checks);
    }
    /* under a launcher the other ranks leave the report file to the first */
    r2g_status closed = r2g_cli_sink_close(&sink, opened && doctor.file, &err);
    status = status == R2G_OK ? closed : status;
    if (status != R2G_OK)
        fprintf(stderr, "rgb2gray: %s\n", err.text);
    return status != R2G_OK ? status : doctor.mpi_failed ? R2G_EMPI : doctor.fail_count > 0 ? R2G_EINTERNAL : R2G_OK;
}
