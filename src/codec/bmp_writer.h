/* Writes gray pictures as 8-bit BMP with a palette of grays. See struct r2g_encoder for the contract. */
#ifndef R2G_CODEC_BMP_WRITER_H
#define R2G_CODEC_BMP_WRITER_H

#include "codec/codec.h"

extern const struct r2g_encoder r2g_bmp_encoder;

#endif
