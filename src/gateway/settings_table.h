/* The table of settings; settings*.c only. */
#ifndef R2G_GATEWAY_SETTINGS_TABLE_H
#define R2G_GATEWAY_SETTINGS_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum r2g_setting_kind {
    R2G_SETTING_TEXT,    /* const char * */
    R2G_SETTING_PORT,    /* uint16_t */
    R2G_SETTING_NUMBER,  /* unsigned, from least to most */
    R2G_SETTING_SECONDS, /* unsigned, such as 90, 90s, 15m, 24h or 7d */
    R2G_SETTING_COUNT,   /* uint64_t with a decimal suffix */
    R2G_SETTING_SIZE,    /* uint64_t of bytes with a binary suffix */
    R2G_SETTING_FLAG,    /* bool */
    R2G_SETTING_LIST,    /* const char *const *, NULL-terminated; may be repeated */
    R2G_SETTING_LAUNCHER,
    R2G_SETTING_TOKEN,   /* in the file only */
    R2G_SETTING_CONFIG,  /* on the command line only, as what follows */
    R2G_SETTING_COMMAND, /* least: the command; a value is its text */
};

enum r2g_setting_group {
    R2G_SETTING_GROUP_LISTEN,
    R2G_SETTING_GROUP_PLACES,
    R2G_SETTING_GROUP_REQUESTS,
    R2G_SETTING_GROUP_JOBS,
    R2G_SETTING_GROUP_SLURM,
    R2G_SETTING_GROUP_KEEPING,
    R2G_SETTING_GROUP_OTHER,
    R2G_SETTING_GROUPS,
};

struct r2g_setting {
    const char *name;
    char letter;
    const char *argument; /* NULL for flags */
    enum r2g_setting_kind kind;
    enum r2g_setting_group group;
    size_t offset; /* in struct r2g_settings */
    uint64_t least, most;
    const char *standard; /* the default as it would be written; NULL where it is found out, or there is none */
    const char *help;     /* NULL: not listed */
};

/* Ended by one without a name. */
extern const struct r2g_setting r2g_settings_table[];
extern const char *const r2g_setting_group_titles[R2G_SETTING_GROUPS];

#endif
