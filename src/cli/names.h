/* Names of outputs.
 *
 * Decided from the command line and the inputs' names alone, besides asking whether -o is a folder. Where another host
 * cannot see that folder its ranks come to another name; that of rank 0 counts.
 */
#ifndef R2G_CLI_NAMES_H
#define R2G_CLI_NAMES_H

#include "cli/options.h"

/* The output for one input, to be freed with free(): -o as it is, or "NAME-gray.EXT" in the folder -o, or beside the
 * input; "-" for standard output. EXT is the format's usual ending under --format, else the input's own where it can be
 * written, else "png". R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_cli_output_name(const struct r2g_cli *cli, const char *input, char **name,
                                              struct r2g_error *err);

/* The outputs of all inputs, cli->input_count of them; free with r2g_cli_names_free. R2G_EUSAGE if two inputs would
 * have the same output, or, where `look`, if several are given and -o is not a folder; R2G_ENOMEM. */
R2G_MUST_CHECK r2g_status r2g_cli_names_make(const struct r2g_cli *cli, bool look, char ***names,
                                             struct r2g_error *err);
void r2g_cli_names_free(char **names, int count);

#endif
