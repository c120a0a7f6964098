/* librgb2gray: colour medical images to grayscale, exactly. Includes every public header. */
#ifndef RGB2GRAY_RGB2GRAY_H
#define RGB2GRAY_RGB2GRAY_H

#include <rgb2gray/convert.h>
#include <rgb2gray/export.h>
#include <rgb2gray/image.h>
#include <rgb2gray/luma.h>
#include <rgb2gray/status.h>

/* The version of the library in use, such as "1.2.3". */
R2G_PUBLIC const char *r2g_version(void);

#endif
