/* What the options of `rgb2gray bench scaling` mean. Pure functions, but for those that read a hosts file or ask the system. */
#ifndef R2G_CLI_SCALING_OPTIONS_H
#define R2G_CLI_SCALING_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <rgb2gray/status.h>

#include "cli/scaling_figures.h"

/* Pixels of a picture that is made where --size does not say: so many for each of the most ranks, within these bounds. */
#define R2G_SCALING_PIXELS_PER_RANK UINT64_C(8000000)
#define R2G_SCALING_PIXELS_LEAST UINT64_C(16000000)
#define R2G_SCALING_PIXELS_MOST UINT64_C(128000000)

struct r2g_scaling_counts {
    int ranks[R2G_SCALING_POINTS_MAX]; /* going up */
    int count;
};

/* "1,2,4": put in order, each once. R2G_EUSAGE. */
R2G_MUST_CHECK r2g_status r2g_scaling_parse_ranks(const char *text, struct r2g_scaling_counts *counts,
                                                  struct r2g_error *err);
/* Powers of two from 1 below `most`, and `most`. */
void r2g_scaling_default_ranks(int most, struct r2g_scaling_counts *counts);

/* "4000x3000", or megapixels such as "16" or "16MP", which are made as wide as high. R2G_EUSAGE. */
R2G_MUST_CHECK r2g_status r2g_scaling_parse_size(const char *text, uint32_t *width, uint32_t *height,
                                                 struct r2g_error *err);
/* The size of the made picture where none is given; width and height. */
void r2g_scaling_default_size(int most_ranks, uint32_t *width, uint32_t *height);
/* Rows of a picture of `height` rows that are one rank's in weak scaling, at least 1: the most ranks have all of them. */
uint32_t r2g_scaling_rows_a_rank(uint32_t height, int most_ranks);

/* The slots of a hosts file's lines: slots=N, or 1. R2G_EINPUT where it cannot be read or names no host. */
R2G_MUST_CHECK r2g_status r2g_scaling_hostfile_slots(const char *path, int *slots, struct r2g_error *err);

/* A line on this computer: processor, CPUs, system. */
void r2g_scaling_machine(char *text, size_t text_nbytes);

#endif
