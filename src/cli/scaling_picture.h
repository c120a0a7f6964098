/* The picture that `rgb2gray bench scaling` makes where none is given. */
#ifndef R2G_CLI_SCALING_PICTURE_H
#define R2G_CLI_SCALING_PICTURE_H

#include <signal.h>
#include <stdint.h>

#include <rgb2gray/status.h>

#define R2G_SCALING_PICTURE_NAME "made picture, 8-bit RGB"

/* Writes a PPM (P6, maximum 255) of something photo-like: smooth shades, edges, texture and grain, everywhere alike, so that
 * rows take equally long. The same arguments give the same bytes, and a lower picture is the upper part of a higher one
 * of the same width. R2G_EOUTPUT, R2G_ENOMEM, R2G_ECANCELED once *stop is set. */
R2G_MUST_CHECK r2g_status r2g_scaling_picture(const char *path, uint32_t width, uint32_t height,
                                              const volatile sig_atomic_t *stop, struct r2g_error *err);

#endif
