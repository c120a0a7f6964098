/* The checks of "rgb2gray doctor". Each function adds one or more findings. Main thread only. */
#ifndef R2G_CLI_DOCTOR_H
#define R2G_CLI_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum r2g_doctor_level { R2G_DOCTOR_OK, R2G_DOCTOR_WARN, R2G_DOCTOR_FAIL };

struct r2g_doctor {
    FILE *file;     /* where lines for people go; NULL: nowhere */
    json_t *checks; /* an array that collects the findings for programs; NULL: not wanted */
    unsigned fail_count, warn_count;
    bool mpi_failed;
};

/* Adds a finding: what was looked at, how it is, and what to do about it (NULL: nothing). */
void r2g_doctor_add(struct r2g_doctor *doctor, enum r2g_doctor_level level, const char *name, const char *remedy,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* doctor_mpi.c */
void r2g_doctor_check_mpi(struct r2g_doctor *doctor);
void r2g_doctor_check_root(struct r2g_doctor *doctor);
void r2g_doctor_check_slurm(struct r2g_doctor *doctor);

/* doctor_machine.c */
void r2g_doctor_check_cpus(struct r2g_doctor *doctor, bool launched);
void r2g_doctor_check_memory(struct r2g_doctor *doctor);
void r2g_doctor_check_folders(struct r2g_doctor *doctor);

#endif
