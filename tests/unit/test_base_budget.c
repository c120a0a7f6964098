/* Memory never passes its budget, comes back to it, and a refusal leaves everything as it was. */
#include "base/buffer.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Under AddressSanitizer a refused allocation is to return NULL, as it does everywhere else. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

static void what_is_taken_comes_back(void **state) {
    (void)state;
    struct r2g_budget budget = {.limit_nbytes = 1000};
    unsigned char *a = r2g_budget_alloc(&budget, 600);
    assert_non_null(a);
    assert_int_equal((uintptr_t)a % 64, 0);
    memset(a, 1, 600);
    assert_int_equal(budget.used_nbytes, 600);
    assert_null(r2g_budget_alloc(&budget, 401));
    assert_int_equal(budget.used_nbytes, 600);
    void *b = r2g_budget_alloc(&budget, 400); /* exactly the rest */
    assert_non_null(b);
    r2g_budget_free(a);
    assert_int_equal(budget.used_nbytes, 400);
    r2g_budget_free(b);
    r2g_budget_free(NULL);
    assert_int_equal(budget.used_nbytes, 0);
}

static void no_limit_and_no_budget(void **state) {
    (void)state;
    struct r2g_budget unlimited = {0};
    void *a = r2g_budget_alloc(&unlimited, (size_t)5 << 20); /* large enough for huge pages */
    assert_non_null(a);
    memset(a, 1, (size_t)5 << 20);
    assert_int_equal(unlimited.used_nbytes, (size_t)5 << 20);
    assert_int_equal(r2g_budget_check(&unlimited, UINT64_MAX / 2, "row", NULL), R2G_OK);
    assert_int_equal(r2g_budget_check(NULL, UINT64_MAX, "row", NULL), R2G_OK);
    r2g_budget_free(a);
    void *b = r2g_budget_alloc(NULL, 1);
    assert_non_null(b);
    r2g_budget_free(b);
}

static void the_message_tells_what_and_how_much(void **state) {
    (void)state;
    struct r2g_budget budget = {.limit_nbytes = 1000, .used_nbytes = 17};
    struct r2g_error err = {0};
    assert_int_equal(r2g_budget_check(&budget, 983, "row band", &err), R2G_OK);
    assert_int_equal(r2g_budget_check(&budget, 984, "row band", &err), R2G_ELIMIT);
    assert_non_null(strstr(err.text, "row band"));
    assert_non_null(strstr(err.text, "984"));
    assert_non_null(strstr(err.text, "1000"));
    assert_non_null(strstr(err.text, "--mem-limit"));
    assert_int_equal(r2g_budget_check(&budget, UINT64_MAX, "row band", &err), R2G_ELIMIT); /* the sum wraps */
    assert_int_equal(budget.used_nbytes, 17);
}

static void refusal_by_the_system_is_another_status(void **state) {
    (void)state;
    struct r2g_budget budget = {0};
    struct r2g_error err = {0};
    struct r2g_buffer buffer = {.budget = &budget};
    assert_int_equal(r2g_buffer_reserve(&buffer, SIZE_MAX, "row band", &err), R2G_ENOMEM);
    assert_int_equal(r2g_buffer_reserve(&buffer, SIZE_MAX / 4, "row band", &err), R2G_ENOMEM);
    assert_non_null(strstr(err.text, "row band"));
    assert_int_equal(budget.used_nbytes, 0);
    assert_null(buffer.bytes);
}

static void a_buffer_keeps_its_bytes_while_it_grows(void **state) {
    (void)state;
    struct r2g_budget budget = {.limit_nbytes = 1 << 20};
    struct r2g_buffer buffer = {.budget = &budget};
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t bytes[3] = {(uint8_t)i, (uint8_t)(i >> 8), 7};
        assert_int_equal(r2g_buffer_append(&buffer, bytes, 3, NULL), R2G_OK);
    }
    assert_int_equal(r2g_buffer_append(&buffer, NULL, 0, NULL), R2G_OK);
    assert_int_equal(buffer.nbytes, 30000);
    assert_int_equal(budget.used_nbytes, buffer.capacity);
    for (unsigned i = 0; i < 10000; i++) {
        assert_int_equal(buffer.bytes[3 * i] | buffer.bytes[3 * i + 1] << 8, i);
    }
    size_t before = buffer.capacity;
    assert_int_equal(r2g_buffer_reserve(&buffer, before + 1, "x", NULL), R2G_OK);
    assert_true(buffer.capacity >= before + before / 2);
    struct r2g_error err = {0};
    before = buffer.capacity;
    assert_int_equal(r2g_buffer_reserve(&buffer, 2 << 20, "x", &err), R2G_ELIMIT);
    assert_int_equal(buffer.capacity, before);
    assert_int_equal(buffer.nbytes, 30000);
    assert_int_equal(buffer.bytes[2], 7);
    r2g_buffer_free(&buffer);
    assert_ptr_equal(buffer.budget, &budget);
    assert_null(buffer.bytes);
    assert_int_equal(budget.used_nbytes, 0);
    r2g_buffer_free(&buffer);
}

static void growing_by_half_gives_way_to_the_limit(void **state) {
    (void)state;
    struct r2g_budget budget = {.limit_nbytes = 1000};
    struct r2g_buffer buffer = {.budget = &budget};
    assert_int_equal(r2g_buffer_reserve(&buffer, 480, "x", NULL), R2G_OK);
    buffer.nbytes = 480;
    memset(buffer.bytes, 3, 480);
    assert_int_equal(r2g_buffer_reserve(&buffer, 500, "x", NULL), R2G_OK); /* 480 + 720 is too much, 480 + 500 not */
    assert_int_equal(buffer.capacity, 500);
    assert_int_equal(buffer.bytes[479], 3);
    buffer.nbytes = 0;
    assert_int_equal(r2g_buffer_reserve(&buffer, 1000, "x", NULL), R2G_OK); /* nothing to keep: not both at once */
    assert_int_equal(budget.used_nbytes, 1000);
    r2g_buffer_free(&buffer);
}

struct contest {
    struct r2g_budget budget;
    pthread_barrier_t start;
    atomic_int threads;
    _Atomic uint64_t most_nbytes;
};

/* Puts the calling thread on the n-th processor it may use: on one and the same the threads would never meet. */
static void pin(int n) {
    cpu_set_t allowed, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &allowed) && n-- == 0) {
                CPU_SET(cpu, &one);
                (void)sched_setaffinity(0, sizeof one, &one);
                return;
            }
        }
    }
}

static void *take_and_give(void *data) {
    struct contest *contest = data;
    pin(atomic_fetch_add(&contest->threads, 1));
    pthread_barrier_wait(&contest->start);
    for (unsigned i = 0; i < 500000; i++) {
        void *block = r2g_budget_alloc(&contest->budget, 100);
        uint64_t used_nbytes = atomic_load(&contest->budget.used_nbytes);
        if (used_nbytes > atomic_load(&contest->most_nbytes)) {
            atomic_store(&contest->most_nbytes, used_nbytes);
        }
        r2g_budget_free(block);
    }
    return NULL;
}

static void two_threads_never_pass_the_limit(void **state) {
    (void)state;
    struct contest contest = {.budget = {.limit_nbytes = 150}}; /* two blocks are wanted, one fits */
    pthread_t other;
    assert_int_equal(pthread_barrier_init(&contest.start, NULL, 2), 0);
    assert_int_equal(pthread_create(&other, NULL, take_and_give, &contest), 0);
    take_and_give(&contest);
    assert_int_equal(pthread_join(other, NULL), 0);
    pthread_barrier_destroy(&contest.start);
    assert_int_equal(contest.most_nbytes, 100);
    assert_int_equal(contest.budget.used_nbytes, 0);
}

static void copies_and_objects(void **state) {
    (void)state;
    struct r2g_error err = {0};
    unsigned char *object = r2g_new(100, &err);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(object[i], 0);
    }
    free(object);
    char *text = r2g_copy_text("word", &err);
    assert_string_equal(text, "word");
    free(text);
    uint8_t *bytes = r2g_copy_bytes("a\0b", 3, &err);
    assert_memory_equal(bytes, "a\0b", 3);
    free(bytes);
    bytes = r2g_copy_bytes(NULL, 0, &err);
    assert_non_null(bytes);
    free(bytes);
    assert_null(r2g_new(SIZE_MAX / 2, &err));
    assert_int_equal(err.status, R2G_ENOMEM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_comes_back),
        cmocka_unit_test(no_limit_and_no_budget),
        cmocka_unit_test(the_message_tells_what_and_how_much),
        cmocka_unit_test(refusal_by_the_system_is_another_status),
        cmocka_unit_test(a_buffer_keeps_its_bytes_while_it_grows),
        cmocka_unit_test(growing_by_half_gives_way_to_the_limit),
        cmocka_unit_test(two_threads_never_pass_the_limit),
        cmocka_unit_test(copies_and_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
