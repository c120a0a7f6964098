/* By ISA-L, whose inflate keeps a window of its own. */
#include "deflate/inflate.h"

#include <stdlib.h>

#include <isa-l/igzip_lib.h>

#include "base/size.h"

struct r2g_inflater {
    struct inflate_state state;
    const char *damage;
};

r2g_status r2g_inflater_new(struct r2g_inflater **inflater, struct r2g_budget *budget, struct r2g_error *err) {
    r2g_status status = r2g_budget_check(budget, sizeof **inflater, "inflate", err);
    if (status != R2G_OK)
        return status;
    *inflater = r2g_budget_alloc(budget, sizeof **inflater);
    if (*inflater == NULL)
        return r2g_fail(err, R2G_ENOMEM, "the system refused memory for inflate");
    isal_inflate_init(&(*inflater)->state);
    (*inflater)->state.crc_flag = ISAL_ZLIB;
    (*inflater)->damage = NULL;
    return R2G_OK;
}

void r2g_inflater_free(struct r2g_inflater *inflater) {
    r2g_budget_free(inflater);
}

static const char *describe(int result) {
    switch (result) {
    case ISAL_INVALID_BLOCK:
        return "invalid deflate block";
    case ISAL_INVALID_SYMBOL:
        return "invalid deflate symbol";
    case ISAL_INVALID_LOOKBACK:
        return "invalid distance too far back";
    case ISAL_INCORRECT_CHECKSUM:
        return "incorrect data check";
    default:
        return "incorrect zlib header";
    }
}

enum r2g_inflate_result r2g_inflater_run(struct r2g_inflater *inflater, struct r2g_inflate_span *span) {
    struct inflate_state *state = &inflater->state;
    while (inflater->damage == NULL && state->block_state != ISAL_BLOCK_FINISH) {
        uint32_t in_nbytes = (uint32_t)r2g_u64_min(span->in_nbytes, UINT32_C(1) << 30);
        uint32_t out_nbytes = (uint32_t)r2g_u64_min(span->out_nbytes, UINT32_C(1) << 30);
        state->next_in = (uint8_t *)(uintptr_t)span->in; /* ISA-L only reads */
        state->avail_in = in_nbytes;
        state->next_out = span->out;
        state->avail_out = out_nbytes;
        int result = isal_inflate(state);
        in_nbytes -= state->avail_in;
        out_nbytes -= state->avail_out;
        span->in += in_nbytes;
        span->in_nbytes -= in_nbytes;
        span->out += out_nbytes;
        span->out_nbytes -= out_nbytes;
        if (result != ISAL_DECOMP_OK && result != ISAL_END_INPUT)
            inflater->damage = describe(result);
        else if (in_nbytes == 0 && out_nbytes == 0)
            break;
    }
    if (inflater->damage != NULL)
        return R2G_INFLATE_DAMAGED;
    return state->block_state == ISAL_BLOCK_FINISH ? R2G_INFLATE_END : R2G_INFLATE_MORE;
}

const char *r2g_inflater_damage(const struct r2g_inflater *inflater) {
    return inflater->damage;
}
