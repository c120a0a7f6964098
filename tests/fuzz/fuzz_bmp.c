/* BMP files from a fuzzer. */
#include "reader_harness.h"

R2G_FUZZ_READER(r2g_codec_bmp)
