/* The places of the options in their table, for the parser. */
#ifndef R2G_CLI_OPTIONS_TABLE_H
#define R2G_CLI_OPTIONS_TABLE_H

/* Indices of r2g_cli_options, in its order. */
enum {
    OPT_OUTPUT,
    OPT_FORMAT,
    OPT_QUALITY,
    OPT_REENCODE,
    OPT_COMPRESSION,
    OPT_FORCE,
    OPT_SYNC,
    OPT_METHOD,
    OPT_WEIGHTS,
    OPT_VIA_RGB,
    OPT_ALPHA,
    OPT_BACKGROUND,
    OPT_ORIENT,
    OPT_KEEP_EXIF,
    OPT_MAX_PIXELS,
    OPT_MEM_LIMIT,
    OPT_RANKS,
    OPT_HOSTFILE,
    OPT_COMPARE,
    OPT_REPEAT,
    OPT_EXPLAIN,
    OPT_REPORT,
    OPT_REPORT_FILE,
    OPT_PROGRESS,
    OPT_SIZE,
    OPT_TILES,
    OPT_RESUME,
    OPT_JOURNAL,
    OPT_PART,
    OPT_NAME,
    OPT_STATS,
    OPT_MANIFEST,
    OPT_FROM,
    OPT_QUIET,
    OPT_HELP,
    OPT_VERSION,
    OPT_MAN,
    OPT_COUNT,
};

#endif
