/* Writes gray pictures as raw PGM (P5). See struct r2g_encoder for the contract. */
#ifndef R2G_CODEC_PNM_WRITER_H
#define R2G_CODEC_PNM_WRITER_H

#include "codec/codec.h"

extern const struct r2g_encoder r2g_pnm_encoder;

#endif
