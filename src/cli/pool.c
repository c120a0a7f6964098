/* "rgb2gray pool SOCKET": a world of ranks that stays, and converts what a server asks for through a socket. What a
 * conversion costs beyond its own work is then a message, and not the start of mpirun and MPI.
 *
 * Rank 0 hears a request, tells the others its arguments, and all of them do what they would do if they had been started
 * with these: parse them, agree, convert. Between requests rank 0 waits in poll, and the others wait, mostly asleep, for the
 * broadcast of the next one. A failed conversion has been agreed on by all ranks before it ends, so the world goes on with
 * the next. What ends it: the other side closing the socket (all is well), a line that is no request, an agreement that
 * fails, or the death of a rank, upon which mpirun ends the others.
 *
 * Nothing outlives a request but the communicator: arguments, options, reports and buffers are made for it and freed.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rgb2gray/rgb2gray.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/pool_socket.h"
#include "cli/ranks.h"

/* So often rank 0 looks after MPI while it waits for a request. */
enum { POKE_MS = 20 };

/* What rank 0 tells the others of the next request. A plain value. */
struct order {
    int32_t stop, status; /* no more requests, and why */
    int32_t word_count, progress;
    uint64_t nbytes; /* of the arguments */
};

struct pool {
    struct r2g_comm *comm; /* NULL: alone */
    bool first_rank;
    struct r2g_pool_socket socket;   /* rank 0's, like the rest */
    struct r2g_pool_request request; /* at work; on other ranks its arguments alone */
    char error[R2G_CLI_ERROR_NBYTES];
    json_t *report; /* of it, or NULL */
};

/* ---- what a request's conversion tells ---- */

static void hear_failure(void *user, const struct r2g_error *err) {
    struct pool *pool = user;
    if (!pool->error[0])
        r2g_cli_error_line(err, pool->error, sizeof pool->error);
}

static void hear_outcome(void *user, const struct r2g_cli_outcome *outcome) {
    struct pool *pool = user;
    json_decref(pool->report);
    pool->report = r2g_cli_report_json(outcome);
}

/* An event that cannot be told is no reason to stop. Begin and end are known from request and answer. */
static void hear_event(void *user, json_t *event) {
    struct pool *pool = user;
    struct r2g_error err;
    const char *kind = json_string_value(json_object_get(event, "event"));
    if (kind && strcmp(kind, "progress") == 0)
        (void)!r2g_pool_say(&pool->socket, json_pack("{s:s, s:O}", "id", pool->request.id, "progress", event), &err);
    json_decref(event);
}

/* ---- one request ---- */

/* What a request may not ask for: another command, other processes, or the standard streams of this one. */
static r2g_status check_conversion(const struct r2g_cli *cli, struct r2g_error *err) {
    if (cli->command != R2G_CLI_CONVERT)
        return r2g_fail(err, R2G_EUSAGE, "a pool does conversions alone");
    if (cli->rank_count > 0)
        return r2g_fail(err, R2G_EUSAGE, "a pool has its processes already: leave out -n");
    if (cli->input_count != 1)
        return r2g_fail(err, R2G_EUSAGE, "a pool converts one picture a request");
    bool standard_output =
        (cli->output && strcmp(cli->output, "-") == 0) || (cli->report_file && strcmp(cli->report_file, "-") == 0);
    if (strcmp(cli->inputs[0], "-") == 0 || standard_output)
        return r2g_fail(err, R2G_EUSAGE, "a pool has no standard input and output for a conversion: name files");
    return R2G_OK;
}

/* The arguments as main gets them, the program's name first; NULL-terminated. Free with free(). */
static char **make_words(const struct r2g_pool_request *request, struct r2g_error *err) {
    static char name[] = "rgb2gray";
    char **words = r2g_new(((size_t)request->word_count + 2) * sizeof words[0], err);
    char *word = request->packed;
    if (!words)
        return NULL;
    words[0] = name;
    for (int i = 1; i <= request->word_count; i++, word += strlen(word) + 1)
        words[i] = word;
    return words;
}

static r2g_status parse(struct r2g_cli *cli, int argc, char **argv, struct r2g_error *err) {
    r2g_status status = r2g_cli_parse(cli, argc, argv, err);
    return status == R2G_OK ? check_conversion(cli, err) : status;
}

/* Does what the request asks for. Its failures have been told. Collective. */
static r2g_status convert(struct pool *pool) {
    struct r2g_cli_listener listener = {
        .user = pool, .failed = hear_failure, .converted = hear_outcome, .event = hear_event};
    struct r2g_cli cli = {0};
    struct r2g_error err = {0};
    struct r2g_cli_run run = {.cli = &cli,
                              .convert = r2g_convert,
                              .comm = pool->comm,
                              .broken = pool->comm ? &pool->comm->broken : NULL,
                              .first_rank = pool->first_rank,
                              .listener = pool->first_rank ? &listener : NULL};
    char **words = make_words(&pool->request, &err);
    r2g_status status = words ? parse(&cli, pool->request.word_count + 1, words, &err) : R2G_ENOMEM;
    if (pool->comm)
        status = r2g_agree(pool->comm, status, &err);
    if (status == R2G_OK) {
        cli.progress = pool->request.progress ? R2G_CLI_PROGRESS_JSON : R2G_CLI_PROGRESS_NONE;
        if (!cli.report_file)
            cli.report = R2G_CLI_REPORT_NONE; /* the answer brings it */
        status = r2g_cli_run_agreed(&run);
    } else {
        r2g_cli_run_failed(&run, &err);
    }
    r2g_cli_free(&cli);
    free(words);
    return status;
}

static r2g_status answer(struct pool *pool, r2g_status outcome, struct r2g_error *err) {
    json_t *report = pool->report ? pool->report : json_null();
    json_t *error = pool->error[0] ? r2g_json_text(pool->error) : json_null();
    pool->report = NULL;
    return r2g_pool_say(&pool->socket,
                        json_pack("{s:s, s:i, s:o, s:o}", "id", pool->request.id, "exit", (int)outcome, "error", error,
                                  "report", report),
                        err);
}

/* ---- from request to request ---- */

/* Rank 0: waits for a request and fills the order that tells of it, or of the end. */
static void await(struct pool *pool, struct order *order, struct r2g_error *err) {
    char *line = NULL;
    size_t nbytes = 0;
    r2g_status status = R2G_OK;
    while (status == R2G_OK && !line && !pool->socket.gone) {
        status = r2g_pool_hear(&pool->socket, pool->comm ? POKE_MS : -1, &line, &nbytes, err);
        if (!line && pool->comm)
            r2g_comm_poke(pool->comm);
    }
    if (status == R2G_OK && line)
        status = r2g_pool_request_read(&pool->request, line, nbytes, err);
    order->stop = status != R2G_OK || !line;
    order->status = (int32_t)status;
    order->word_count = pool->request.word_count;
    order->progress = pool->request.progress;
    order->nbytes = pool->request.nbytes;
}

/* Tells all ranks the order and its arguments. Collective. */
static r2g_status share(struct pool *pool, struct order *order, struct r2g_error *err) {
    if (!pool->comm)
        return R2G_OK;
    r2g_status status = r2g_quiet_bcast(pool->comm, order, (int)sizeof *order, err);
    if (status == R2G_OK && !order->stop && !pool->first_rank) {
        pool->request.word_count = order->word_count;
        pool->request.nbytes = order->nbytes;
        pool->request.packed = r2g_new(order->nbytes + 1, err);
        status = pool->request.packed ? R2G_OK : R2G_ENOMEM;
    }
    if (status == R2G_OK && !order->stop && order->nbytes > 0)
        status = r2g_bcast(pool->comm, pool->request.packed, (int)order->nbytes, err);
    /* the others may be in the next call already, where this rank cannot meet them any more */
    pool->comm->broken = status != R2G_OK;
    return status;
}

/* One request after the other. R2G_OK when the other side has closed the socket; else the failure has been told. */
static r2g_status serve(struct pool *pool) {
    for (;;) {
        struct order order = {0};
        struct r2g_error err = {0};
        if (pool->first_rank)
            await(pool, &order, &err);
        r2g_status status = share(pool, &order, &err);
        if (status != R2G_OK || order.stop) {
            status = status != R2G_OK ? status : (r2g_status)order.status;
            if (status != R2G_OK && (pool->first_rank || pool->comm->broken))
                r2g_cli_print_error(&err);
            return status;
        }
        pool->error[0] = '\0';
        r2g_status outcome = convert(pool);
        if (pool->comm && pool->comm->broken)
            return outcome;
        if (pool->first_rank && answer(pool, outcome, &err) != R2G_OK) {
            r2g_cli_print_error(&err);
            pool->socket.gone = true; /* whoever gets no answer must not wait for one */
        }
        r2g_pool_request_free(&pool->request);
    }
}

/* Rank 0: connects, and says that the world stands. */
static r2g_status open_socket(struct pool *pool, const char *path, struct r2g_error *err) {
    r2g_status status = r2g_pool_connect(&pool->socket, path, err);
    if (status != R2G_OK)
        return status;
    return r2g_pool_say(&pool->socket,
                        json_pack("{s:b, s:i, s:I, s:s}", "ready", 1, "ranks", pool->comm ? pool->comm->size : 1, "pid",
                                  (json_int_t)getpid(), "version", r2g_version()),
                        err);
}

static r2g_status open_and_serve(struct pool *pool, const struct r2g_cli *cli) {
    struct r2g_error err = {0};
    r2g_status status = pool->first_rank ? open_socket(pool, cli->inputs[0], &err) : R2G_OK;
    if (pool->comm)
        status = r2g_agree(pool->comm, status, &err);
    if (status == R2G_OK)
        status = serve(pool);
    else if (pool->first_rank || pool->comm->broken)
        r2g_cli_print_error(&err);
    r2g_pool_request_free(&pool->request);
    json_decref(pool->report);
    r2g_pool_disconnect(&pool->socket);
    return status;
}

int r2g_cli_pool(const struct r2g_cli *cli, bool alone) {
    struct pool pool = {.first_rank = true, .socket = {.fd = -1}};
    if (alone) {
        r2g_cli_note_isa(cli);
        r2g_cleanup_install(r2g_cli_interrupted());
        return (int)open_and_serve(&pool, cli);
    }
    struct r2g_comm comm;
    r2g_status status = r2g_cli_ranks_start(cli, &comm);
    if (status == R2G_OK) {
        pool.comm = &comm;
        pool.first_rank = comm.rank == 0;
        comm.init_ns = comm.launch_ns = -1; /* paid once, and by no request */
        status = open_and_serve(&pool, cli);
    }
    return r2g_cli_ranks_stop(&comm, status);
}
