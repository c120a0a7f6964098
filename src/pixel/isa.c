/* Picks the instruction set once, at first use, by any thread. */
#include "pixel/isa.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <rgb2gray/luma.h>

#include "pixel/kernels.h"

/* Best first; the last is always available. */
static const struct r2g_isa *const table[] = {
#ifdef R2G_PIXEL_X86
    &r2g_isa_avx512, &r2g_isa_avx2, &r2g_isa_sse4,
#endif
#ifdef R2G_PIXEL_NEON
    &r2g_isa_neon,
#endif
    &r2g_isa_scalar,
};

#define TABLE_COUNT (sizeof table / sizeof table[0])

/* Written once by pick(), read only afterwards. */
static pthread_once_t picked = PTHREAD_ONCE_INIT;
static const struct r2g_isa *current;
static struct r2g_error note; /* r2g_fail() makes the name of the environment fit for a terminal */

static const struct r2g_isa *best(void) {
    size_t i = 0;
    while (!table[i]->available()) {
        i++;
    }
    return table[i];
}

static void pick(void) {
    current = best();
    const char *forced = getenv("RGB2GRAY_ISA");
    if (!forced || !*forced) {
        return;
    }
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (strcmp(forced, table[i]->name) == 0) {
            if (table[i]->available()) {
                current = table[i];
                return;
            }
            r2g_fail(&note, R2G_EUSAGE, "RGB2GRAY_ISA: this processor has no %s, using %s", forced, current->name);
            return;
        }
    }
    r2g_fail(&note, R2G_EUSAGE, "RGB2GRAY_ISA: this program has no instruction set \"%.40s\", using %s", forced,
             current->name);
}

const struct r2g_isa *r2g_isa_current(void) {
    pthread_once(&picked, pick);
    return current;
}

const struct r2g_isa *r2g_isa_at(size_t i) {
    return i < TABLE_COUNT ? table[i] : NULL;
}

const char *r2g_luma_isa(void) {
    return r2g_isa_current()->name;
}

const char *r2g_luma_isa_note(void) {
    r2g_isa_current();
    return note.text[0] ? note.text : NULL;
}
