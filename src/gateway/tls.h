/* Whether civetweb's TLS can be used on this machine. */
#ifndef R2G_GATEWAY_TLS_H
#define R2G_GATEWAY_TLS_H

#include <rgb2gray/status.h>

/* R2G_EUSAGE, with what to do instead, where it would not work or would crash; R2G_EINPUT where the certificate cannot
 * be read. Main thread, before the server is started. */
R2G_MUST_CHECK r2g_status r2g_tls_check(const char *certificate, struct r2g_error *err);

#endif
