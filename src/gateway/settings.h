/* What the gateway is told to do: one table of settings makes the command line, the configuration file (`name = value`
 * lines with the same names, '#' comments), --help and the manual page.
 *
 * Filled once, then only read, by any thread. Texts point into memory that r2g_settings_free releases.
 */
#ifndef R2G_GATEWAY_SETTINGS_H
#define R2G_GATEWAY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <rgb2gray/status.h>

enum r2g_gateway_command {
    R2G_GATEWAY_SERVE,
    R2G_GATEWAY_HELP,
    R2G_GATEWAY_VERSION,
    R2G_GATEWAY_MAN,
    R2G_GATEWAY_NEW_TOKEN /* prints a new token and the line that lets it in */
};

#define R2G_TOKEN_HASH_NBYTES 32

struct r2g_token {
    char name[64]; /* of the client, [A-Za-z0-9._-]+ */
    uint8_t sha256[R2G_TOKEN_HASH_NBYTES];
};

struct r2g_settings {
    enum r2g_gateway_command command;
    const char *new_token; /* --new-token: whose it will be */
    /* where it listens */
    const char *bind;            /* address; default 127.0.0.1 */
    uint16_t port;               /* default 8080; 0: one that is free */
    const char *tls_certificate; /* PEM with key and chain, or NULL */
    const char *const *hosts;    /* further names it is reached by (Host header), NULL-terminated; --host, repeatable */
    const char *trusted_proxy;   /* the address whose X-Forwarded-For and -Proto are believed, or NULL */
    bool quiet;                  /* no line in the log for each request */
    bool insecure;               /* let everyone in at an address other than loopback */
    struct r2g_token *tokens;    /* token = NAME:SHA256HEX, repeatable; in the configuration file only */
    size_t token_count;
    /* where things lie */
    const char
        *spool;      /* default: $XDG_STATE_HOME/rgb2gray, else ~/.local/state/rgb2gray, or /var/lib/rgb2gray as root */
    const char *web; /* the page's folder; default beside the program, or installed */
    const char *program; /* rgb2gray; default beside the gateway, or in PATH */
    /* limits of requests */
    uint64_t max_body_nbytes;    /* default 8 GiB */
    unsigned connections;        /* at once; default 512 */
    unsigned client_connections; /* of one client at once; default 256 */
    unsigned requests_a_minute;  /* of one client; default 6000; 0: no limit */
    unsigned header_timeout_s;   /* for the whole header; default 10 */
    unsigned body_rate;          /* bytes a second that a body must bring on average after 10 s; default 1024 */
    /* jobs */
    const char *launcher;     /* auto, mpirun, pool or slurm; default auto */
    unsigned ranks;           /* of a job, where it names none; default: the cores that may be used */
    unsigned max_ranks;       /* a job may ask for; default: ranks */
    const char *hostfile;     /* or NULL */
    const char *const *mca;   /* Open MPI's parameters, such as hwloc_base_binding_policy=core, for every job;
                                          NULL-terminated; --mca NAME=VALUE, repeatable */
    uint64_t pool_max_pixels; /* auto: up to this the pool; default 16 M */
    unsigned jobs;            /* at once; default 1, under slurm 16 */
    unsigned queue;           /* waiting at most; default 1000 */
    unsigned client_queue;    /* waiting at most of one client; default: queue */
    uint64_t max_pixels;      /* declared, x frames, and x samples up to 3 of these; default 2 G; 0: no limit */
    uint64_t job_mem_nbytes;  /* buffers of one rank (--mem-limit); default 2 GiB */
    unsigned job_wall_s;      /* default 3600 */
    const char *const *sbatch_options; /* such as --partition=imaging; --sbatch-option, repeatable, one word each */
    unsigned slurm_poll_s;             /* default 2 */
    /* how long things are kept */
    uint64_t quota_nbytes;          /* of the spool; default 64 GiB */
    uint64_t client_uploads_nbytes; /* announced by one client's unfinished uploads; default: a quarter of quota */
    unsigned expire_s;              /* results, after the job ended; default 24 h */
    unsigned upload_expire_s;       /* unfinished uploads, after the last byte; default 24 h */
    void *owned;                    /* everything the texts point into */
};

/* Fills *settings: defaults, then the configuration file (--config FILE; none is read unless named), then the command
 * line, which wins. R2G_EUSAGE with one line that names option, or file and line; R2G_EINPUT, R2G_ENOMEM.
 * Call r2g_settings_free afterwards in every case. */
R2G_MUST_CHECK r2g_status r2g_settings_read(struct r2g_settings *settings, int argc, char **argv,
                                            struct r2g_error *err);
void r2g_settings_free(struct r2g_settings *settings);

/* --help, --version, and the manual page as troff source. */
void r2g_settings_print_help(FILE *file);
void r2g_settings_print_version(FILE *file);
void r2g_settings_print_man(FILE *file);
/* --new-token: a new random token, and the line of the configuration file. R2G_EINTERNAL without randomness. */
R2G_MUST_CHECK r2g_status r2g_settings_print_token(FILE *file, const char *name, struct r2g_error *err);

#endif
