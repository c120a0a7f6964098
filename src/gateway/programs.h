/* Finding programs. */
#ifndef R2G_GATEWAY_PROGRAMS_H
#define R2G_GATEWAY_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>

/* The absolute path of a program: of `name` where it has a '/', else by PATH. False, and "", if there is none that may be run. */
bool r2g_program_find(const char *name, char *path, size_t path_nbytes);

#endif
