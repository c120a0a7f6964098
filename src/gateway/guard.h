/* Who may ask, from where, and how often: the checks that every request passes before its route is looked at.
 *
 * Knows HTTP's words, not the server: a request comes as a plain value. One guard a server; any thread; it remembers
 * a bounded number of clients and sessions and forgets the oldest. Tokens and sessions are kept as SHA-256 only.
 */
#ifndef R2G_GATEWAY_GUARD_H
#define R2G_GATEWAY_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/problem.h"
#include "gateway/settings.h"

struct r2g_guard;

struct r2g_guard_request {
    const char *method, *path;
    const char *address; /* of the other end, such as "127.0.0.1" */
    bool tls;            /* of this connection */
    bool public_path;    /* needs no token */
    const char *host;    /* headers; NULL where absent */
    const char *origin;
    const char *fetch_site; /* Sec-Fetch-Site */
    const char *authorization;
    const char *cookie;
    const char *forwarded_for; /* X-Forwarded-For, believed of the trusted proxy only */
    const char *forwarded_proto;
};

struct r2g_guard_verdict {
    char client[80];        /* the key of rates and jobs: the token's name, or an address; set in every case */
    bool with_token;        /* let in by a token or session */
    bool secure;            /* TLS on the way to the client: here, or at the trusted proxy */
    unsigned retry_after_s; /* with TOO_MANY_REQUESTS */
};

#define R2G_SESSION_NBYTES 65 /* 64 hexadecimal digits (256 random bits), and NUL */
#define R2G_SESSION_S (12 * 3600)

/* `settings` must outlive it. R2G_ENOMEM, R2G_EINTERNAL where there is no randomness. */
R2G_MUST_CHECK r2g_status r2g_guard_new(struct r2g_guard **guard, const struct r2g_settings *settings,
                                        struct r2g_error *err);
/* Tells the port that is listened on; until then every Host is wrong. */
void r2g_guard_set_port(struct r2g_guard *guard, unsigned port);
void r2g_guard_free(struct r2g_guard *guard);
/* R2G_EUSAGE: an address other than loopback, no token, and not --insecure. Needs no guard. */
R2G_MUST_CHECK r2g_status r2g_guard_check_settings(const struct r2g_settings *settings, struct r2g_error *err);
/* Whether a request may go on. WRONG_HOST, WRONG_ORIGIN, TOKEN_NEEDED, TOO_MANY_REQUESTS. */
R2G_MUST_CHECK enum r2g_problem r2g_guard_admit(struct r2g_guard *guard, const struct r2g_guard_request *request,
                                                struct r2g_guard_verdict *verdict, struct r2g_error *err);
/* Counts a request of this client as under way; false where there are as many as the settings allow. */
R2G_MUST_CHECK bool r2g_guard_enter(struct r2g_guard *guard, const char *client);
void r2g_guard_leave(struct r2g_guard *guard, const char *client);
/* Counts a connection of this address, whatever it will ask; false, and not counted, where there are too many. The
 * trusted proxy has no limit. */
R2G_MUST_CHECK bool r2g_guard_connect(struct r2g_guard *guard, const char *address);
void r2g_guard_disconnect(struct r2g_guard *guard, const char *address);

/* A session in place of the token, for browsers. R2G_PROBLEM_INTERNAL where there is no randomness. */
R2G_MUST_CHECK enum r2g_problem r2g_guard_session_new(struct r2g_guard *guard, const char *client,
                                                      char session[R2G_SESSION_NBYTES], struct r2g_error *err);
/* Ends the one that the Cookie header names, if any; NULL does nothing. */
void r2g_guard_session_end(struct r2g_guard *guard, const char *cookie);

#endif
