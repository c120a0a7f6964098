/* Messages between rank 0 and the others. Main threads. */
#ifndef R2G_CLI_BATCH_MESSAGES_H
#define R2G_CLI_BATCH_MESSAGES_H

#include "cli/batch_coordinator.h"

enum { R2G_BATCH_TAG = 61 };

R2G_MUST_CHECK r2g_status r2g_batch_send(struct r2g_comm *comm, int rank, const struct r2g_buffer *bytes,
                                         struct r2g_error *err);
/* Takes a message that is there: from *rank, or from any where that is -1. *rank receives whose, -1: none is there. */
R2G_MUST_CHECK r2g_status r2g_batch_poll(struct r2g_comm *comm, int *rank, struct r2g_buffer *bytes,
                                         struct r2g_error *err);

#endif
