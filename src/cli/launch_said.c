#include "cli/launch_said.h"

#include <stdlib.h>
#include <string.h>

#define DASHES 74

static void keep(struct r2g_cli_said *said, char c) {
    if (said->nbytes + 1 >= sizeof said->text)
        return;
    said->text[said->nbytes++] = c;
    said->text[said->nbytes] = '\0';
    said->block_nbytes++;
}

/* Dashes that turned out to be no line of their own. */
static void release_dashes(struct r2g_cli_said *said, FILE *out) {
    for (; said->dashes > 0; said->dashes--) {
        if (said->in_block)
            keep(said, '-');
        else
            putc('-', out);
    }
}

void r2g_cli_said_take(struct r2g_cli_said *said, const char *bytes, size_t nbytes, FILE *out) {
    size_t from = 0; /* of what is to be written in one go */
    for (size_t i = 0; i < nbytes; i++) {
        if (bytes[i] == '-') {
            if (said->dashes++ == 0 && !said->in_block)
                fwrite(bytes + from, 1, i - from, out);
            from = i + 1;
            continue;
        }
        if (said->dashes == DASHES && bytes[i] == '\n') {
            said->in_block = !said->in_block;
            said->block_nbytes = 0;
            said->dashes = 0;
            from = i + 1;
            continue;
        }
        release_dashes(said, out);
        if (said->in_block) {
            keep(said, bytes[i]);
            from = i + 1;
        }
    }
    fwrite(bytes + from, 1, nbytes - from, out);
}

void r2g_cli_said_end(struct r2g_cli_said *said, FILE *out) {
    release_dashes(said, out);
    if (said->in_block)
        fwrite(said->text + said->nbytes - said->block_nbytes, 1, said->block_nbytes, out);
    said->in_block = false;
}

/* The word after `before`, from `text` on; NULL if there is none. */
static const char *word_after(const char *text, const char *before, char *word, size_t word_nbytes) {
    const char *start = text ? strstr(text, before) : NULL;
    if (!start)
        return NULL;
    start += strlen(before);
    size_t length = strcspn(start, " \r\n");
    if (length == 0 || length >= word_nbytes)
        return NULL;
    memcpy(word, start, length);
    word[length] = '\0';
    return start + length;
}

bool r2g_cli_said_lost_host(const struct r2g_cli_said *said, char *host, size_t host_nbytes) {
    const char *told = strstr(said->text, "lost communication with a remote daemon");
    return word_after(told ? strstr(told, "Remote daemon:") : NULL, " on node ", host, host_nbytes) != NULL;
}

bool r2g_cli_said_killed_rank(const struct r2g_cli_said *said, int *rank, int *signal_number, char *host,
                              size_t host_nbytes) {
    char number[16];
    const char *rest = word_after(said->text, "noticed that process rank ", number, sizeof number);
    *rank = rest ? atoi(number) : 0;
    rest = word_after(rest, " on node ", host, host_nbytes);
    rest = word_after(rest, " exited on signal ", number, sizeof number);
    *signal_number = rest ? atoi(number) : 0;
    return *signal_number > 0;
}
