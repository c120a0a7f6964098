/* --help, --version and the manual page, from the option table and the list of methods. Main thread only. */
#ifndef R2G_CLI_HELP_H
#define R2G_CLI_HELP_H

#include <stdio.h>

void r2g_cli_print_help(FILE *file);
void r2g_cli_print_version(FILE *file);
/* Troff source with man macros. */
void r2g_cli_print_man(FILE *file);

/* What an exit status means, for the manual page and its test; NULL past the last. */
struct r2g_cli_exit {
    int code;
    const char *meaning;
};
const struct r2g_cli_exit *r2g_cli_exit_at(size_t i);

#endif
