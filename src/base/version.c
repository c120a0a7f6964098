/* The version the build was configured with. */
#include <rgb2gray/rgb2gray.h>

const char *r2g_version(void) {
    return R2G_VERSION;
}
