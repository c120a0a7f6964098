/* The pieces of a batch that need no ranks: which pictures are split, the order of work, names, the set of outputs, messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/batch_cost.h"
#include "cli/batch_names.h"
#include "cli/batch_parcel.h"
#include "cli/batch_record.h"
#include "cli/batch_set.h"
#include "cli/batch_task.h"

static void one_rank_splits_nothing(void **state) {
    (void)state;
    struct r2g_batch_load load = {.rank_count = 1, .largest = 1000};
    assert_false(r2g_batch_split(&load));
}

static void what_would_keep_the_others_waiting_is_split(void **state) {
    (void)state;
    struct r2g_batch_load load = {.rank_count = 4, .largest = 1000};
    assert_true(r2g_batch_split(&load)); /* nothing else is left */
    load.rest = 100000;
    assert_false(r2g_batch_split(&load)); /* the others have plenty */
    load.rest = 0;
    load.busy_sum = load.busy_longest = 900;
    assert_false(r2g_batch_split(&load)); /* all would wait for the one at work nearly as long */
    load.busy_sum = load.busy_longest = 100;
    assert_true(r2g_batch_split(&load));
}

static void more_other_work_never_makes_a_split_better(void **state) {
    (void)state;
    for (int ranks = 2; ranks < 300; ranks = ranks * 2 + 1) {
        bool before = true;
        for (int64_t rest = 0; rest < INT64_C(2000000); rest += 500) {
            struct r2g_batch_load load = {.rank_count = ranks, .largest = 1000, .rest = rest};
            bool now = r2g_batch_split(&load);
            assert_true(before || !now);
            before = now;
        }
        assert_false(before);
    }
}

static struct r2g_batch_item item_of(int64_t cost_ns, const char *output) {
    struct r2g_batch_item item = {.cost_ns = cost_ns, .path = strdup("in"), .output = strdup(output)};
    return item;
}

static void the_longest_comes_first_in_whatever_order_they_came(void **state) {
    (void)state;
    struct r2g_batch_queue queue = {0};
    struct r2g_error err;
    int64_t sum_ns = 0;
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "%03d", i);
        struct r2g_batch_item item = item_of((int64_t)i * 7919 % 101, name);
        sum_ns += item.cost_ns;
        assert_int_equal(r2g_batch_queue_put(&queue, &item, &err), R2G_OK);
        assert_null(item.path);
        assert_int_equal(queue.cost_ns, sum_ns);
    }
    struct r2g_batch_item before = r2g_batch_queue_take(&queue);
    while (queue.count > 0) {
        struct r2g_batch_item next = r2g_batch_queue_take(&queue);
        assert_true(before.cost_ns > next.cost_ns ||
                    (before.cost_ns == next.cost_ns && strcmp(before.output, next.output) < 0));
        r2g_batch_item_free(&before);
        before = next;
    }
    r2g_batch_item_free(&before);
    assert_int_equal(queue.cost_ns, 0);
    r2g_batch_queue_free(&queue);
}

static void check_name(const char *template, const char *relative, const char *format, const char *expected) {
    char name[64];
    struct r2g_error err;
    r2g_status status = r2g_batch_output_name(template, relative, format, name, sizeof name, &err);
    if (expected) {
        assert_int_equal(status, R2G_OK);
        assert_string_equal(name, expected);
    } else {
        assert_int_equal(status, R2G_EUSAGE);
    }
}

static void outputs_lie_below_their_folder_whatever_the_names(void **state) {
    (void)state;
    check_name(R2G_BATCH_TEMPLATE, "a/b.png", NULL, "a/b.png");
    check_name(R2G_BATCH_TEMPLATE, "a/b.ppm", NULL, "a/b.png");
    check_name(R2G_BATCH_TEMPLATE, "a/b.png", "jpeg", "a/b.jpg");
    check_name(R2G_BATCH_TEMPLATE, "a/b.c.bmp", NULL, "a/b.c.bmp");
    check_name(R2G_BATCH_TEMPLATE, "a/b", NULL, "a/b.png");
    check_name(R2G_BATCH_TEMPLATE, "a/.hidden", NULL, "a/.hidden.png");
    check_name("{dir}/gray-{name}", "x.png", NULL, "gray-x.png");
    check_name("../../{stem}.{ext}", "a/b.png", NULL, "b.png");
    check_name("/etc/{stem}", "a/b.png", NULL, "etc/b");
    check_name("{dir}/../{stem}.{ext}", "a/b/c.png", NULL, "a/c.png");
    check_name("{stem}/..", "a.png", NULL, NULL);
    check_name(R2G_BATCH_TEMPLATE, "a-very-long-name-of-a-folder/a-very-long-name-of-an-image-in-it.png", NULL, NULL);
}

static void templates_are_checked(void **state) {
    (void)state;
    struct r2g_error err;
    assert_int_equal(r2g_batch_template_check(R2G_BATCH_TEMPLATE, &err), R2G_OK);
    static const char *const wrong[] = {"", "fixed.png", "{dir}/{ext}", "{stem", "{stem}}", "{Stem}", "{stem}{"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(r2g_batch_template_check(wrong[i], &err), R2G_EUSAGE);
}

static void the_set_remembers_as_it_grows(void **state) {
    (void)state;
    struct r2g_batch_set set;
    struct r2g_error err;
    uint64_t before;
    char name[32];
    enum { COUNT = 200000 };
    assert_int_equal(r2g_batch_set_open(&set, &err), R2G_OK);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++) {
            snprintf(name, sizeof name, "folder/%d.png", i);
            uint64_t marks = round == 0 && i % 3 == 0 ? R2G_BATCH_DONE : R2G_BATCH_SEEN;
            assert_int_equal(r2g_batch_set_mark(&set, r2g_batch_hash(name), marks, &before, &err), R2G_OK);
            assert_int_equal(before, round == 0 ? 0 : i % 3 == 0 ? R2G_BATCH_DONE : R2G_BATCH_SEEN);
        }
        assert_int_equal(set.count, COUNT);
    }
    r2g_batch_set_close(&set);
}

static void make_task(struct r2g_batch_task *task) {
    struct r2g_error err;
    memset(task, 0, sizeof *task);
    task->kind = R2G_BATCH_CONVERT;
    task->sent = true;
    for (unsigned i = 0; i < 3; i++) {
        task->items[i] = item_of(100 + i, i == 1 ? "with \"quotes\", and\nlines.png" : "plain.png");
        task->items[i].inode = UINT64_MAX - i;
        task->items[i].nbytes = i;
        task->items[i].mtime_ns = -5;
        task->items[i].width = 7 + i;
        assert_int_equal(r2g_buffer_append(&task->contents[i], "pixels", i * 3, &err), R2G_OK);
        task->count++;
    }
}

static void a_task_travels_whole_and_a_cut_one_is_refused(void **state) {
    (void)state;
    struct r2g_batch_task task, other = {0};
    struct r2g_buffer bytes = {0};
    struct r2g_error err;
    make_task(&task);
    assert_int_equal(r2g_batch_task_pack(&task, &bytes, &err), R2G_OK);
    assert_int_equal(r2g_batch_task_unpack(&other, &bytes, &err), R2G_OK);
    assert_int_equal(other.count, 3);
    assert_true(other.sent);
    for (unsigned i = 0; i < 3; i++) {
        assert_string_equal(other.items[i].output, task.items[i].output);
        assert_int_equal(other.items[i].cost_ns, task.items[i].cost_ns);
        assert_true(other.items[i].inode == task.items[i].inode && other.items[i].mtime_ns == -5);
        assert_int_equal(other.contents[i].nbytes, i * 3);
        assert_memory_equal(other.contents[i].bytes ? other.contents[i].bytes : (const void *)"", "pixels", i * 3);
    }
    r2g_batch_task_free(&other);
    for (size_t whole = bytes.nbytes; bytes.nbytes > 0;) {
        bytes.nbytes--;
        assert_int_equal(r2g_batch_task_unpack(&other, &bytes, &err), R2G_EINTERNAL);
        r2g_batch_task_free(&other);
        assert_true(bytes.nbytes < whole);
    }
    r2g_buffer_free(&bytes);
    r2g_batch_task_free(&task);
}

static void an_outcome_travels_with_lines_and_outputs(void **state) {
    (void)state;
    struct r2g_batch_task task;
    struct r2g_batch_outcome outcome = {.done_count = 2, .busy_ns = 5}, other;
    struct r2g_batch_return next;
    struct r2g_buffer bytes = {0};
    struct r2g_error err;
    char path[] = "/tmp/r2g_test_XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "output", 6), 6);
    close(fd);
    make_task(&task);
    outcome.planned[1] = R2G_BATCH_UNSEEN;
    assert_int_equal(r2g_buffer_append(&outcome.lines, "a line\n", 7, &err), R2G_OK);
    assert_int_equal(r2g_batch_add_return(&outcome.returns, 2, "{}", 77, path, &err), R2G_OK);
    assert_int_equal(r2g_batch_add_return(&outcome.returns, 0, "{\"failed\":1}", 0, NULL, &err), R2G_OK);
    unlink(path);
    size_t before = outcome.returns.nbytes;
    assert_int_equal(r2g_batch_add_return(&outcome.returns, 0, "{}", 77, path, &err), R2G_EINPUT); /* it is gone */
    assert_int_equal(outcome.returns.nbytes, before);
    assert_int_equal(r2g_batch_outcome_pack(&task, &outcome, &bytes, &err), R2G_OK);
    assert_int_equal(r2g_batch_outcome_unpack(&task, &other, &bytes, &err), R2G_OK);
    assert_int_equal(other.done_count, 2);
    assert_int_equal(other.planned[1], R2G_BATCH_UNSEEN);
    assert_int_equal(other.lines.nbytes, 7);
    size_t at = 0;
    assert_true(r2g_batch_next_return(&other.returns, &at, &next));
    assert_int_equal(next.index, 2);
    assert_int_equal(next.in_nbytes, 77);
    assert_int_equal(next.output_nbytes, 6);
    assert_memory_equal(next.output, "output", 6);
    assert_true(r2g_batch_next_return(&other.returns, &at, &next));
    assert_string_equal(next.line, "{\"failed\":1}");
    assert_null(next.output);
    assert_false(r2g_batch_next_return(&other.returns, &at, &next));
    for (at = 0; other.returns.nbytes > 0; at = 0) { /* a cut one gives whole returns or none */
        other.returns.nbytes--;
        int count = 0;
        while (r2g_batch_next_return(&other.returns, &at, &next))
            count++;
        assert_true(count < 2);
    }
    r2g_batch_outcome_free(&other);
    r2g_batch_outcome_free(&outcome);
    r2g_buffer_free(&bytes);
    r2g_batch_task_free(&task);
}

static void csv_is_quoted_as_rfc_4180_wants_it(void **state) {
    (void)state;
    struct r2g_buffer text = {0};
    struct r2g_error err;
    json_t *line =
        json_pack("{s:s, s:s, s:i, s:n}", "input", "a \"b\", c\r\nd", "output", "plain", "width", 12, "error");
    assert_int_equal(r2g_batch_csv_row(line, &text, &err), R2G_OK);
    assert_int_equal(r2g_buffer_append(&text, "", 1, &err), R2G_OK);
    const char *expected = "\"a \"\"b\"\", c\r\nd\",plain,,,,12,,";
    assert_memory_equal(text.bytes, expected, strlen(expected));
    assert_string_equal((const char *)text.bytes + text.nbytes - 3, "\r\n");
    json_decref(line);
    r2g_buffer_free(&text);
}

static void another_file_under_the_same_name_is_found_out(void **state) {
    (void)state;
    char path[] = "/tmp/r2g_test_XXXXXX", other[] = "/tmp/r2g_test_XXXXXX";
    close(mkstemp(path));
    close(mkstemp(other));
    struct r2g_batch_item item = {.path = path};
    assert_true(r2g_batch_identify(&item));
    assert_true(r2g_batch_same_file(&item));
    item.nbytes++; /* another size */
    assert_false(r2g_batch_same_file(&item));
    item.nbytes--;
    item.mtime_ns++; /* another time */
    assert_false(r2g_batch_same_file(&item));
    item.mtime_ns = 0; /* only its inode was told */
    assert_true(r2g_batch_same_file(&item));
    assert_int_equal(rename(other, path), 0);
    assert_false(r2g_batch_same_file(&item));
    unlink(path);
    assert_false(r2g_batch_same_file(&item));
    assert_false(r2g_batch_identify(&item));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_rank_splits_nothing),
        cmocka_unit_test(what_would_keep_the_others_waiting_is_split),
        cmocka_unit_test(more_other_work_never_makes_a_split_better),
        cmocka_unit_test(the_longest_comes_first_in_whatever_order_they_came),
        cmocka_unit_test(outputs_lie_below_their_folder_whatever_the_names),
        cmocka_unit_test(templates_are_checked),
        cmocka_unit_test(the_set_remembers_as_it_grows),
        cmocka_unit_test(a_task_travels_whole_and_a_cut_one_is_refused),
        cmocka_unit_test(an_outcome_travels_with_lines_and_outputs),
        cmocka_unit_test(csv_is_quoted_as_rfc_4180_wants_it),
        cmocka_unit_test(another_file_under_the_same_name_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
