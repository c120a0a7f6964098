#include "gateway/guard.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "gateway/guard_table.h"

#define SECOND_NS INT64_C(1000000000)
#define MINUTE_NS (60 * SECOND_NS)
#define SESSION_COUNT 256
#define SESSIONS_A_CLIENT 32 /* past that it pushes out its own, not others' */
#define SESSION_COOKIE "r2g_session="
/* Wrong tokens an address may show in a minute. A right one is let in all the same. */
#define FAILURES_A_MINUTE 10

struct session {
    uint8_t sha256[R2G_TOKEN_HASH_NBYTES];
    char client[80];
    int64_t expires_ns; /* 0: none */
};

struct r2g_guard {
    const struct r2g_settings *settings;
    atomic_uint port;
    pthread_mutex_t lock;             /* of all below */
    struct r2g_guard_table clients;   /* rates, and requests under way */
    struct r2g_guard_table strangers; /* addresses: wrong tokens, and connections */
    struct session sessions[SESSION_COUNT];
};

r2g_status r2g_guard_new(struct r2g_guard **guard, const struct r2g_settings *settings, struct r2g_error *err) {
    *guard = r2g_new(sizeof **guard, err);
    if (!*guard)
        return R2G_ENOMEM;
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed) {
        free(*guard);
        *guard = NULL;
        return r2g_fail(err, R2G_EINTERNAL, "the kernel gives no random bytes");
    }
    (*guard)->settings = settings;
    (*guard)->clients.seed = (*guard)->strangers.seed = seed;
    pthread_mutex_init(&(*guard)->lock, NULL);
    return R2G_OK;
}

void r2g_guard_free(struct r2g_guard *guard) {
    if (!guard)
        return;
    pthread_mutex_destroy(&guard->lock);
    OPENSSL_cleanse(guard->sessions, sizeof guard->sessions);
    free(guard);
}

void r2g_guard_set_port(struct r2g_guard *guard, unsigned port) {
    atomic_store(&guard->port, port);
}

static bool is_loopback(const char *address) {
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "localhost") == 0 || strcmp(address, "::1") == 0;
}

r2g_status r2g_guard_check_settings(const struct r2g_settings *settings, struct r2g_error *err) {
    if (is_loopback(settings->bind) || settings->token_count > 0 || settings->insecure)
        return R2G_OK;
    return r2g_fail(
        err, R2G_EUSAGE,
        "--bind %s lets other computers in, and no token is set: make one with --new-token NAME and put its "
        "line into the configuration file, or give --insecure to let everyone in",
        settings->bind);
}

/* ---- hosts and origins ---- */

/* Splits "name:port", "name" or "[v6]:port"; port is -1 where there is none. False where it is neither. */
static bool split_host(const char *host, char *name, size_t name_nbytes, long *port) {
    const char *colon = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');
    if (colon && host[0] == '[')
        colon++;
    size_t length = colon ? (size_t)(colon - host) : strlen(host);
    if (length == 0 || length >= name_nbytes)
        return false;
    memcpy(name, host, length);
    name[length] = '\0';
    *port = -1;
    if (!colon || *colon == '\0')
        return host[0] != '[' || colon;
    size_t digits = strspn(colon + 1, "0123456789");
    if (*colon != ':' || digits == 0 || digits > 5 || colon[1 + digits] != '\0')
        return false;
    *port = strtol(colon + 1, NULL, 10);
    return true;
}

/* One of --host, with any port unless it names one. */
static bool is_named_host(const struct r2g_settings *settings, const char *host, const char *name) {
    for (const char *const *one = settings->hosts; one && *one; one++) {
        if (strcasecmp(*one, name) == 0 || strcasecmp(*one, host) == 0)
            return true;
    }
    return false;
}

static bool is_address(const char *name) {
    unsigned char address[sizeof(struct in6_addr)];
    char v6[64];
    if (inet_pton(AF_INET, name, address) == 1)
        return true;
    if (sscanf(name, "[%60[0-9a-fA-F:.]]", v6) != 1)
        return false;
    return inet_pton(AF_INET6, v6, address) == 1;
}

static bool host_is_ours(struct r2g_guard *guard, const char *host, bool tls) {
    const struct r2g_settings *settings = guard->settings;
    unsigned ours = atomic_load(&guard->port);
    char name[256];
    long port;
    if (!split_host(host, name, sizeof name, &port) || ours == 0)
        return false;
    if (is_named_host(settings, host, name))
        return true;
    if (port == -1)
        port = tls ? 443 : 80;
    if (port != (long)ours)
        return false;
    if (strcmp(name, "127.0.0.1") == 0 || strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 ||
        strcasecmp(name, settings->bind) == 0)
        return true;
    /* A page of another site reaches us by a name that it lets point here, never by an address. */
    return !is_loopback(settings->bind) && is_address(name);
}

/* Whether a page with this origin is one of ours: that of the Host it asked, or one of --host. */
static bool origin_is_ours(struct r2g_guard *guard, const char *origin, const char *host, bool secure) {
    bool https = strncasecmp(origin, "https://", 8) == 0;
    if (!https && strncasecmp(origin, "http://", 7) != 0)
        return false;
    const char *rest = origin + (https ? 8 : 7);
    char name[256];
    long port;
    if (!split_host(rest, name, sizeof name, &port))
        return false;
    /* a proxy that is not declared may speak TLS for us, so https is right either way */
    return (strcasecmp(rest, host) == 0 && (https || !secure)) || is_named_host(guard->settings, rest, name);
}

static bool only_reads(const char *method) {
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static enum r2g_problem check_site(struct r2g_guard *guard, const struct r2g_guard_request *request, bool secure,
                                   struct r2g_error *err) {
    if (!request->host)
        return r2g_problem(err, R2G_PROBLEM_BAD_REQUEST, "a Host header is needed");
    if (!host_is_ours(guard, request->host, secure))
        return r2g_problem(err, R2G_PROBLEM_WRONG_HOST,
                           "the Host header names another server; names that this one is reached by are given with "
                           "--host");
    bool reads = only_reads(request->method);
    if (request->origin && !reads && !origin_is_ours(guard, request->origin, request->host, secure))
        return r2g_problem(err, R2G_PROBLEM_WRONG_ORIGIN, "a page of another site may not ask for this");
    bool page = strncmp(request->path, "/api/", 5) != 0 && strcmp(request->path, "/metrics") != 0;
    if (request->fetch_site && strcasecmp(request->fetch_site, "cross-site") == 0 && !(reads && page))
        return r2g_problem(err, R2G_PROBLEM_WRONG_ORIGIN, "a page of another site may not ask for this");
    return R2G_PROBLEM_NONE;
}

/* ---- who it is ---- */

/* The last address that the trusted proxy added, or the connection's. */
static void find_address(const struct r2g_guard *guard, const struct r2g_guard_request *request, char *address,
                         size_t address_nbytes) {
    unsigned char parsed[sizeof(struct in6_addr)];
    snprintf(address, address_nbytes, "%s", request->address);
    const char *proxy = guard->settings->trusted_proxy;
    if (!proxy || strcmp(proxy, request->address) != 0 || !request->forwarded_for)
        return;
    const char *comma = strrchr(request->forwarded_for, ',');
    const char *last = comma ? comma + 1 : request->forwarded_for;
    last += strspn(last, " \t");
    size_t length = strcspn(last, " \t");
    char text[64];
    if (length >= sizeof text)
        return;
    memcpy(text, last, length);
    text[length] = '\0';
    if (inet_pton(AF_INET, text, parsed) == 1 || inet_pton(AF_INET6, text, parsed) == 1)
        snprintf(address, address_nbytes, "%s", text);
}

static bool sha256(const char *text, size_t nbytes, uint8_t hash[R2G_TOKEN_HASH_NBYTES]) {
    return EVP_Digest(text, nbytes, hash, NULL, EVP_sha256(), NULL) == 1;
}

/* Goes through all tokens in any case, so that the time tells nothing. */
static const struct r2g_token *find_token(const struct r2g_settings *settings, const char *authorization) {
    uint8_t hash[R2G_TOKEN_HASH_NBYTES];
    const struct r2g_token *found = NULL;
    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
        return NULL;
    const char *token = authorization + 7 + strspn(authorization + 7, " ");
    if (!sha256(token, strlen(token), hash))
        return NULL;
    for (size_t i = 0; i < settings->token_count; i++) {
        if (CRYPTO_memcmp(hash, settings->tokens[i].sha256, sizeof hash) == 0)
            found = &settings->tokens[i];
    }
    return found;
}

/* The session that a Cookie header names, or NULL. Under the lock. */
static struct session *find_session(struct r2g_guard *guard, const char *cookie) {
    uint8_t hash[R2G_TOKEN_HASH_NBYTES];
    struct session *found = NULL;
    const char *value = NULL;
    for (const char *p = cookie; p && *p; p += *p == ';') {
        p += strspn(p, " \t");
        if (strncmp(p, SESSION_COOKIE, sizeof SESSION_COOKIE - 1) == 0)
            value = p + sizeof SESSION_COOKIE - 1;
        p += strcspn(p, ";");
    }
    size_t length = value ? strcspn(value, "; \t") : 0;
    if (length != R2G_SESSION_NBYTES - 1 || !sha256(value, length, hash))
        return NULL;
    int64_t now = r2g_clock_ns();
    for (size_t i = 0; i < SESSION_COUNT; i++) {
        struct session *session = &guard->sessions[i];
        if (CRYPTO_memcmp(hash, session->sha256, sizeof hash) == 0 && session->expires_ns > now)
            found = session;
    }
    return found;
}

/* Sets verdict->client and with_token; false where a token is needed and none was shown. Under the lock. */
static bool identify(struct r2g_guard *guard, const struct r2g_guard_request *request,
                     struct r2g_guard_verdict *verdict) {
    if (guard->settings->token_count == 0 || request->public_path)
        return true;
    const struct r2g_token *token = find_token(guard->settings, request->authorization);
    struct session *session = request->authorization ? NULL : find_session(guard, request->cookie);
    if (token)
        snprintf(verdict->client, sizeof verdict->client, "%s", token->name);
    else if (session)
        snprintf(verdict->client, sizeof verdict->client, "%s", session->client);
    verdict->with_token = token || session;
    return verdict->with_token;
}

/* ---- the whole ---- */

static unsigned seconds_up(int64_t ns) {
    return (unsigned)((ns + SECOND_NS - 1) / SECOND_NS);
}

static enum r2g_problem check_client(struct r2g_guard *guard, const struct r2g_guard_request *request,
                                     struct r2g_guard_verdict *verdict, struct r2g_error *err) {
    int64_t wait_ns;
    if (!identify(guard, request, verdict)) {
        bool shown = request->authorization || request->cookie;
        if (shown && !r2g_guard_table_take(&guard->strangers, verdict->client, MINUTE_NS / FAILURES_A_MINUTE,
                                           FAILURES_A_MINUTE, &wait_ns)) {
            verdict->retry_after_s = seconds_up(wait_ns);
            return r2g_problem(err, R2G_PROBLEM_TOO_MANY_REQUESTS, "too many wrong tokens");
        }
        return r2g_problem(err, R2G_PROBLEM_TOKEN_NEEDED,
                           shown ? "the token or session is not known"
                                 : "this needs a token: Authorization: Bearer TOKEN");
    }
    unsigned rate = guard->settings->requests_a_minute;
    /* ten seconds' worth at once, so that a page can load */
    unsigned burst = rate / 6 > 10 ? rate / 6 : 10;
    if (rate > 0 && !r2g_guard_table_take(&guard->clients, verdict->client, MINUTE_NS / rate, burst, &wait_ns)) {
        verdict->retry_after_s = seconds_up(wait_ns);
        return r2g_problem(err, R2G_PROBLEM_TOO_MANY_REQUESTS, "a client may ask %u times a minute", rate);
    }
    return R2G_PROBLEM_NONE;
}

enum r2g_problem r2g_guard_admit(struct r2g_guard *guard, const struct r2g_guard_request *request,
                                 struct r2g_guard_verdict *verdict, struct r2g_error *err) {
    memset(verdict, 0, sizeof *verdict);
    find_address(guard, request, verdict->client, sizeof verdict->client);
    const char *proxy = guard->settings->trusted_proxy;
    verdict->secure = request->tls || (proxy && strcmp(proxy, request->address) == 0 && request->forwarded_proto &&
                                       strcasecmp(request->forwarded_proto, "https") == 0);
    enum r2g_problem problem = check_site(guard, request, verdict->secure, err);
    if (problem != R2G_PROBLEM_NONE)
        return problem;
    pthread_mutex_lock(&guard->lock);
    problem = check_client(guard, request, verdict, err);
    pthread_mutex_unlock(&guard->lock);
    return problem;
}

bool r2g_guard_enter(struct r2g_guard *guard, const char *client) {
    pthread_mutex_lock(&guard->lock);
    bool entered = r2g_guard_table_enter(&guard->clients, client, guard->settings->client_connections);
    pthread_mutex_unlock(&guard->lock);
    return entered;
}

void r2g_guard_leave(struct r2g_guard *guard, const char *client) {
    pthread_mutex_lock(&guard->lock);
    r2g_guard_table_leave(&guard->clients, client);
    pthread_mutex_unlock(&guard->lock);
}

bool r2g_guard_connect(struct r2g_guard *guard, const char *address) {
    const char *proxy = guard->settings->trusted_proxy;
    unsigned most = proxy && strcmp(proxy, address) == 0 ? UINT32_MAX : guard->settings->client_connections;
    pthread_mutex_lock(&guard->lock);
    bool entered = r2g_guard_table_enter(&guard->strangers, address, most);
    pthread_mutex_unlock(&guard->lock);
    return entered;
}

void r2g_guard_disconnect(struct r2g_guard *guard, const char *address) {
    pthread_mutex_lock(&guard->lock);
    r2g_guard_table_leave(&guard->strangers, address);
    pthread_mutex_unlock(&guard->lock);
}

enum r2g_problem r2g_guard_session_new(struct r2g_guard *guard, const char *client, char text[R2G_SESSION_NBYTES],
                                       struct r2g_error *err) {
    unsigned char random[32];
    struct session fresh = {.expires_ns = r2g_clock_ns() + R2G_SESSION_S * SECOND_NS};
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return r2g_problem(err, R2G_PROBLEM_INTERNAL, "the kernel gives no random bytes");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(text + 2 * i, 3, "%02x", random[i]);
    if (!sha256(text, R2G_SESSION_NBYTES - 1, fresh.sha256))
        return r2g_problem(err, R2G_PROBLEM_INTERNAL, "SHA-256 failed");
    snprintf(fresh.client, sizeof fresh.client, "%s", client);
    pthread_mutex_lock(&guard->lock);
    struct session *oldest = &guard->sessions[0], *own = NULL;
    unsigned own_count = 0;
    for (size_t i = 0; i < SESSION_COUNT; i++) {
        struct session *session = &guard->sessions[i];
        oldest = session->expires_ns < oldest->expires_ns ? session : oldest;
        if (session->expires_ns == 0 || strcmp(session->client, client) != 0)
            continue;
        own_count++;
        own = !own || session->expires_ns < own->expires_ns ? session : own;
    }
    *(own_count >= SESSIONS_A_CLIENT ? own : oldest) = fresh;
    pthread_mutex_unlock(&guard->lock);
    return R2G_PROBLEM_NONE;
}

void r2g_guard_session_end(struct r2g_guard *guard, const char *cookie) {
    pthread_mutex_lock(&guard->lock);
    struct session *session = find_session(guard, cookie);
    if (session)
        memset(session, 0, sizeof *session);
    pthread_mutex_unlock(&guard->lock);
}
