/* RGB2GRAY_ISA chooses the instruction set once; what it cannot choose is said in one line and replaced by the best. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rgb2gray/luma.h>

#include "pixel/isa.h"

static const char *best_name(void) {
    size_t i = 0;
    while (!r2g_isa_at(i)->available()) {
        i++;
    }
    return r2g_isa_at(i)->name;
}

static void *name_in_use(void *unused) {
    (void)unused;
    return (void *)(size_t)r2g_luma_isa();
}

/* In a process of its own, since the choice is made once: exits with 0 if all is as expected. */
static int choose(const char *forced, const char *expected, bool noted) {
    if (forced) {
        setenv("RGB2GRAY_ISA", forced, 1);
    } else {
        unsetenv("RGB2GRAY_ISA");
    }
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        if (pthread_create(&threads[i], NULL, name_in_use, NULL) != 0) {
            return 1;
        }
    }
    for (size_t i = 0; i < 4; i++) {
        void *name;
        if (pthread_join(threads[i], &name) != 0 || strcmp(name, expected) != 0) {
            return 2;
        }
    }
    setenv("RGB2GRAY_ISA", "scalar", 1); /* too late to change anything */
    const char *note = r2g_luma_isa_note();
    if (strcmp(r2g_luma_isa(), expected) != 0 || strcmp(r2g_isa_current()->name, expected) != 0) {
        return 3;
    }
    if (noted ? !note || !strstr(note, expected) || strchr(note, '\n') : note != NULL) {
        return 4;
    }
    return 0;
}

static void assert_choice(const char *forced, const char *expected, bool noted) {
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(choose(forced, expected, noted));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void every_name(void **state) {
    (void)state;
    for (size_t i = 0; r2g_isa_at(i); i++) {
        const struct r2g_isa *isa = r2g_isa_at(i);
        assert_choice(isa->name, isa->available() ? isa->name : best_name(), !isa->available());
    }
}

static void no_name_or_a_wrong_one(void **state) {
    (void)state;
    assert_choice(NULL, best_name(), false);
    assert_choice("", best_name(), false);
    assert_choice("mmx", best_name(), true);
    assert_choice("AVX2", best_name(), true);
    assert_choice("a\nb\x1b[2J", best_name(), true);
    assert_choice("a name that is longer than any message could hold, a name that is longer than any message could "
                  "hold, a name that is longer than any message could hold, a name that is longer than any message "
                  "could hold, a name that is longer than any message could hold, a name that is longer than",
                  best_name(), true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name),
        cmocka_unit_test(no_name_or_a_wrong_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
