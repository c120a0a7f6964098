/* The command line: one table of options makes the parser, --help and the manual page.
 *
 * A struct r2g_cli is filled once by r2g_cli_parse and then only read. Its pointers point into argv, except `forward`,
 * which r2g_cli_free releases. Main thread only.
 */
#ifndef R2G_CLI_OPTIONS_H
#define R2G_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <rgb2gray/convert.h>

enum r2g_cli_command {
    R2G_CLI_CONVERT, /* a conversion, or --explain or --compare of one */
    R2G_CLI_INFO,
    R2G_CLI_DOCTOR,
    R2G_CLI_POOL, /* inputs[0] is the socket */
    R2G_CLI_PREVIEW,
    R2G_CLI_BATCH, /* inputs: see batch_inputs.h */
    R2G_CLI_BENCH, /* inputs[0] is "scaling" */
    R2G_CLI_HELP,
    R2G_CLI_VERSION,
    R2G_CLI_MAN,
};

enum r2g_cli_report { R2G_CLI_REPORT_DEFAULT, R2G_CLI_REPORT_NONE, R2G_CLI_REPORT_TEXT, R2G_CLI_REPORT_JSON };

enum r2g_cli_progress { R2G_CLI_PROGRESS_AUTO, R2G_CLI_PROGRESS_NONE, R2G_CLI_PROGRESS_BAR, R2G_CLI_PROGRESS_JSON };

struct r2g_cli {
    char **argv; /* all of it, NULL-terminated */
    enum r2g_cli_command command;
    char **inputs; /* input_count paths, "-" is standard input */
    int input_count;
    const char *output; /* -o, or NULL */
    struct r2g_options options;
    bool explain, compare, quiet;
    bool tiles;                 /* of a preview */
    int preview_size;           /* --size */
    int run_count;              /* --repeat; of a bench 0 where not given */
    int rank_count;             /* -n, 0 where not given */
    const char *ranks_text;     /* -n as it was given, which may be a list for a bench, or NULL */
    const char *size_text;      /* --size as it was given, or NULL */
    const char *hostfile;       /* or NULL */
    enum r2g_cli_report report; /* never R2G_CLI_REPORT_DEFAULT after parsing */
    const char *report_file;    /* or NULL */
    enum r2g_cli_progress progress;
    bool resume;                                    /* of a batch, as all to `manifest` */
    const char *journal;                            /* --journal, or NULL */
    int part, part_count;                           /* --part, or 0 */
    const char *name_template;                      /* never NULL */
    const char *stats_csv, *stats_jsonl, *manifest; /* or NULL */
    const char *from;                               /* of a bench, or NULL */
    char **
        forward; /* the arguments without -n and --hostfile, after the command if there is one, for the program that mpirun starts; NULL-terminated */
    int forward_count;
};

/* Sections of --help and the manual page, in this order. */
enum r2g_cli_group {
    R2G_CLI_GROUP_OUTPUT,
    R2G_CLI_GROUP_GRAY,
    R2G_CLI_GROUP_METADATA,
    R2G_CLI_GROUP_LIMITS,
    R2G_CLI_GROUP_PARALLEL,
    R2G_CLI_GROUP_REPORT,
    R2G_CLI_GROUP_PREVIEW,
    R2G_CLI_GROUP_BATCH,
    R2G_CLI_GROUP_BENCH,
    R2G_CLI_GROUP_OTHER,
    R2G_CLI_GROUP_COUNT,
};

struct r2g_cli_option {
    const char *name;     /* without the dashes */
    char letter;          /* or 0 */
    const char *argument; /* "FILE", or NULL where it takes none */
    enum r2g_cli_group group;
    const char *help; /* one or two sentences without line breaks; NULL: not listed */
};

/* The table, ended by an entry without a name. */
extern const struct r2g_cli_option r2g_cli_options[];
/* Headings of the groups. */
extern const char *const r2g_cli_group_titles[R2G_CLI_GROUP_COUNT];

/* Fills *cli from the arguments. R2G_EUSAGE with one line in *err; R2G_ENOMEM. Reorders argv as getopt does. Call
 * r2g_cli_free afterwards in every case. */
R2G_MUST_CHECK r2g_status r2g_cli_parse(struct r2g_cli *cli, int argc, char **argv, struct r2g_error *err);
void r2g_cli_free(struct r2g_cli *cli);

#endif
