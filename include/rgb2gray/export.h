/* Marks what librgb2gray exports; everything else is hidden. */
#ifndef RGB2GRAY_EXPORT_H
#define RGB2GRAY_EXPORT_H

#define R2G_PUBLIC __attribute__((visibility("default")))

#endif
