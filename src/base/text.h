/* Words and figures for people. Pure functions; a text is cut to the size given and always ends in NUL. */
#ifndef R2G_BASE_TEXT_H
#define R2G_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* "512 bytes", "85.2 MB" (decimal), "3.50 GiB" (binary). */
void r2g_text_size(char *text, size_t text_nbytes, uint64_t nbytes);
void r2g_text_memory(char *text, size_t text_nbytes, uint64_t nbytes);

/* A duration with about three figures: "0.412 ms", "41.2 ms", "4.12 s", "3 min 5 s". */
void r2g_text_time(char *text, size_t text_nbytes, int64_t ns);

/* Bytes of the well-formed UTF-8 character that text begins with (Unicode, table 3-7; NUL is one), or 0 if there is none. */
size_t r2g_text_character(const char *text);

/* Copies at most 400 bytes of `from`, with control characters and what is not UTF-8 replaced by '?', so that a file
 * name cannot steer a terminal. */
void r2g_text_plain(char *text, size_t text_nbytes, const char *from);

/* Prints `text` word by word within `width` columns. The first line goes on at column `column`; the next ones begin at
 * `indent`. Ends the last line. */
void r2g_text_wrap(FILE *file, const char *text, int column, int indent, int width);

#endif
