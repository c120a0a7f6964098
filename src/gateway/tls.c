#include "gateway/tls.h"

#include <dlfcn.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>

static r2g_status refuse(const char *why, struct r2g_error *err) {
    return r2g_fail(err, R2G_EUSAGE,
                    "--tls-cert cannot be used here: %s; let a proxy speak TLS in front, as scripts/nginx.conf.example "
                    "shows",
                    why);
}

/* A PEM file needs a certificate and its key: civetweb would start all the same, and fail at each connection. */
static r2g_status check_certificate(const char *path, struct r2g_error *err) {
    FILE *file = fopen(path, "re");
    if (!file)
        return r2g_fail(err, R2G_EINPUT, "%s cannot be read: %m", path);
    X509 *certificate = PEM_read_X509(file, NULL, NULL, "");
    rewind(file);
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, "");
    fclose(file);
    bool fit = certificate && key && X509_check_private_key(certificate, key) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return fit ? R2G_OK
               : r2g_fail(err, R2G_EINPUT, "%s holds no certificate (PEM) with the key that belongs to it", path);
}

r2g_status r2g_tls_check(const char *certificate, struct r2g_error *err) {
    /* civetweb opens these libraries by these names, and calls functions by the names of OpenSSL 1.1. Those that are
     * not there it calls all the same, at address 0, when the first client connects. */
    void *ssl = dlopen("libssl.so", RTLD_LAZY);
    void *crypto = ssl ? dlopen("libcrypto.so", RTLD_LAZY) : NULL;
    r2g_status status = R2G_OK;
    if (!ssl || !crypto)
        status = refuse("civetweb looks for libssl.so and libcrypto.so, and they are not installed", err);
    else if (!dlsym(ssl, "SSL_get_peer_certificate"))
        status = refuse("this civetweb was made for OpenSSL 1.1 and would crash with the OpenSSL 3 installed", err);
    if (crypto)
        dlclose(crypto);
    if (ssl)
        dlclose(ssl);
    return status == R2G_OK ? check_certificate(certificate, err) : status;
}
