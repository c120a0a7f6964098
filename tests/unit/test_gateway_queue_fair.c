/* The queue: clients take turns whatever one of them sends; positions tell the order in which jobs are taken. */
#include "gateway_jobs.h"

#include "gateway/queue.h"

static void put(struct r2g_queue *queue, const char *client, struct r2g_queued *entry, int64_t number) {
    struct r2g_error err;
    entry->number = number;
    assert_int_equal(r2g_queue_reserve(queue, client, &err), R2G_OK);
    r2g_queue_put(queue, client, entry);
}

static void clients_take_turns(void **state) {
    (void)state;
    struct r2g_queue *queue;
    struct r2g_error err;
    struct r2g_queued a[4] = {0}, b[2] = {0}, c[1] = {0};
    assert_int_equal(r2g_queue_new(&queue, &err), R2G_OK);
    for (int i = 3; i >= 0; i--) /* in whatever order they come */
        put(queue, "a", &a[i], i);
    put(queue, "b", &b[0], 10);
    put(queue, "b", &b[1], 11);
    put(queue, "c", &c[0], 12);
    struct r2g_queued *const order[] = {&a[0], &b[0], &c[0], &a[1], &b[1], &a[2], &a[3]};
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(r2g_queue_position(queue, order[i]), i);
    assert_int_equal(r2g_queue_count(queue), 7);
    assert_int_equal(r2g_queue_client_count(queue, "a"), 4);
    for (size_t i = 0; i < 7; i++) {
        assert_ptr_equal(r2g_queue_take(queue), order[i]);
        for (size_t later = i + 1; later < 7; later++)
            assert_int_equal(r2g_queue_position(queue, order[later]), later - i - 1);
    }
    assert_null(r2g_queue_take(queue));
    assert_int_equal(r2g_queue_position(queue, &a[0]), -1);
    r2g_queue_free(queue);
}

static void places_are_counted_and_given_back(void **state) {
    (void)state;
    struct r2g_queue *queue;
    struct r2g_error err;
    struct r2g_queued one = {0}, two = {0};
    assert_int_equal(r2g_queue_new(&queue, &err), R2G_OK);
    assert_int_equal(r2g_queue_reserve(queue, "x", &err), R2G_OK);
    assert_null(r2g_queue_take(queue));
    put(queue, "y", &one, 1);
    put(queue, "y", &two, 2);
    assert_int_equal(r2g_queue_count(queue), 3);
    assert_true(r2g_queue_remove(queue, &one));
    assert_false(r2g_queue_remove(queue, &one));
    assert_ptr_equal(r2g_queue_take(queue), &two);
    r2g_queue_release(queue, "x");
    assert_int_equal(r2g_queue_count(queue), 0);
    r2g_queue_free(queue);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_take_turns),
        cmocka_unit_test(places_are_counted_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
