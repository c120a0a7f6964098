/* Troff source with man macros, for manual pages made from tables. Pure but for the file they print to. */
#ifndef R2G_BASE_TROFF_H
#define R2G_BASE_TROFF_H

#include <stdio.h>

/* One character, written so that troff takes it as it is: hyphens stay hyphens. */
void r2g_troff_char(FILE *file, char c);
/* Text as source lines of at most about 70 characters, a new one for each sentence. */
void r2g_troff_text(FILE *file, const char *text);
/* A section of paragraphs, NULL-terminated. */
void r2g_troff_section(FILE *file, const char *title, const char *const *paragraphs);
/* A bold term and what it means. */
void r2g_troff_entry(FILE *file, const char *term, const char *text);
/* An option: letter or 0, its long name without dashes, what it takes or NULL, and its help. */
void r2g_troff_option(FILE *file, char letter, const char *name, const char *argument, const char *help);
/* A command, set apart as it is typed. */
void r2g_troff_example(FILE *file, const char *command);

#endif
