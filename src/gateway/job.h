/* A job: one image to convert, and what became of it. A plain value, copied freely.
 *
 * Its files lie in a folder of its own, SPOOL/jobs/ID (0700): `original`, `result` (once it is done), `report.json`
 * (the program's report, one line), previews. Names that clients gave are kept here as data and are never part of a path.
 */
#ifndef R2G_GATEWAY_JOB_H
#define R2G_GATEWAY_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/problem.h"

#define R2G_ID_NBYTES 33 /* 32 hexadecimal digits (128 random bits), and NUL */

enum r2g_job_state {
    R2G_JOB_QUEUED,
    R2G_JOB_RUNNING, /* from the launch on; under Slurm from its submission on, see `slurm_state` */
    R2G_JOB_DONE,
    R2G_JOB_FAILED,
    R2G_JOB_CANCELLED,
    R2G_JOB_STATES,
};

/* What a client may choose. All zero: the defaults. Set by r2g_job_option_set, which lets only sane values in. */
struct r2g_job_options {
    char method[24];     /* a method's name, or "" */
    char weights[64];    /* "R,G,B", or "" */
    char format[8];      /* "png", "jpeg", "bmp", "pgm", or "": the input's own where it can be written, else png */
    char alpha[8];       /* "keep", "flatten" or "" */
    char orient[8];      /* "tag", "apply" or "" */
    char background[32]; /* or "" */
    char compression[8]; /* "fast", "default", "small" or "" */
    char launcher[8];    /* "auto", "mpirun", "pool", "slurm" or "": the server's setting */
    uint8_t quality;     /* 1 to 100, or 0 */
    bool reencode, via_rgb, keep_exif;
    bool compare;   /* also measure one process alone */
    uint16_t ranks; /* 0: the server's setting */
};

struct r2g_job {
    char id[R2G_ID_NBYTES];
    int64_t number;  /* rises with acceptance; also the cursor of pages */
    char client[80]; /* whose it is: the name of a token, or an address */
    enum r2g_job_state state;
    bool one_shot;       /* of POST /convert: not durable, its files go when it has been answered */
    char name[256];      /* UTF-8, as the client called the file; hostile; may be empty */
    char in_format[8];   /* by content: "png", "jpeg", "bmp", "pnm" */
    char out_format[8];  /* once done */
    char out_sha256[65]; /* of the result, hexadecimal, once done */
    uint64_t in_nbytes, out_nbytes;
    uint64_t width, height; /* declared; 0 where not known */
    struct r2g_job_options options;
    char launched_by[8];                                  /* the launcher that ran it last, or "" */
    char external[48];                                    /* the launcher's own name of it: Slurm's job number; or "" */
    char slurm_state[24];                                 /* "PENDING", ...; or "" */
    unsigned attempts;                                    /* launches so far */
    unsigned ranks;                                       /* of the last launch */
    int64_t created_ms, started_ms, ended_ms, expires_ms; /* Unix time; 0: not yet */
    int64_t parallel_ns, sequential_ns, launch_ns;        /* of the report; -1: not measured */
    enum r2g_problem problem;                             /* why it failed or was cancelled */
    int exit_code;                                        /* of the program, or -1 */
    char detail[400];                                     /* one line for a person: the program's own words */
};

/* "queued", ... Never NULL. */
const char *r2g_job_state_name(enum r2g_job_state state);
bool r2g_job_state_final(enum r2g_job_state state);

/* The formats that results can be written in, by their words; NULL-terminated. */
extern const char *const r2g_job_formats[];

/* Sets one option by the name that the API uses ("method", "weights", "format", "alpha", "orient", "background",
 * "compression", "launcher", "quality", "reencode", "via-rgb", "keep-exif", "compare", "ranks"). Booleans are "1", "true",
 * "on", "" or "0", "false", "off". R2G_PROBLEM_BAD_OPTION names option and what it takes. `max_ranks`: the setting. */
R2G_MUST_CHECK enum r2g_problem r2g_job_option_set(struct r2g_job_options *options, const char *name, const char *value,
                                                   unsigned max_ranks, struct r2g_error *err);
/* For records and listings: the name of the i-th option, NULL past the last; its value as r2g_job_option_set takes it ("" for
 * the default), which may be made in `buffer` (64 bytes are enough). */
const char *r2g_job_option_name(unsigned i);
const char *r2g_job_option_get(const struct r2g_job_options *options, unsigned i, char *buffer, size_t buffer_nbytes);
/* Combinations that make no sense (method with weights). */
R2G_MUST_CHECK enum r2g_problem r2g_job_options_check(const struct r2g_job_options *options, struct r2g_error *err);

/* True for 32 hexadecimal digits in lower case. */
bool r2g_id_valid(const char *id);
/* A new random one (of the kernel's generator). R2G_EINTERNAL if there is none. */
R2G_MUST_CHECK r2g_status r2g_id_new(char id[R2G_ID_NBYTES], struct r2g_error *err);

#endif
