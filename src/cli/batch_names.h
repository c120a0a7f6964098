/* Names of a batch's outputs, below the output folder. Pure. */
#ifndef R2G_CLI_BATCH_NAMES_H
#define R2G_CLI_BATCH_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include <rgb2gray/status.h>

#define R2G_BATCH_TEMPLATE "{dir}/{stem}.{ext}"

/* Whether `text` is a template: fields {dir} (the input's folder below the one that was named), {stem} (its name without
 * the ending), {ext} (the output format's ending) and {name} (its whole name), and other text. R2G_EUSAGE naming what is
 * wrong. */
R2G_MUST_CHECK r2g_status r2g_batch_template_check(const char *text, struct r2g_error *err);

/* The output of the input that is `relative` ("a/b.png") below what was named, written as `format` (NULL: the input's own
 * where it can be written, else png). The result is relative, without ".", ".." and doubled slashes. R2G_EUSAGE where
 * nothing is left or it is too long. */
R2G_MUST_CHECK r2g_status r2g_batch_output_name(const char *template, const char *relative, const char *format,
                                                char *name, size_t name_nbytes, struct r2g_error *err);

/* Takes "." and "..", leading and doubled slashes out of a path, so that it lies below where it is put. */
void r2g_batch_below(char *path);

/* Whether a file's name has the ending of a format that is read, also where it is not written. */
bool r2g_batch_is_image_name(const char *name);

#endif
