/* The database wrapper against a real PostgreSQL: types, transactions, COPY, lost connections. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/db.h"

static const struct statement echo_statement = {
    "echo", 6, "SELECT $1::bigint, $2::integer, $3::boolean, $4::text, $5::bytea, $6::timestamptz"};
static const struct statement arrays_statement = {
    "arrays", 6,
    "SELECT n, i, b, t, y, at FROM unnest($1::bigint[], $2::integer[], $3::boolean[], $4::text[], $5::bytea[],"
    " $6::timestamptz[]) AS u (n, i, b, t, y, at)"};
static const struct statement list_statement = {
    "list", 0, "SELECT ARRAY['a', NULL, 'c''\"']::text[], ARRAY[1, -2]::bigint[], '{}'::text[]"};
static const struct statement insert_statement = {"thing_insert", 1, "INSERT INTO thing (name) VALUES ($1::text)"};
static const struct statement count_statement = {"thing_count", 0, "SELECT count(*) FROM thing"};
static const struct statement kill_statement = {"kill", 0, "SELECT pg_terminate_backend(pg_backend_pid())"};
static const struct statement *const statements[] = {
    &echo_statement, &arrays_statement, &list_statement, &insert_statement, &count_statement, &kill_statement, NULL};

static struct db *db;

static int setup(void **state) {
    (void) state;
    static const struct statement make = {"make", 0, "CREATE TABLE IF NOT EXISTS thing (name text UNIQUE)"};
    static const struct statement clear = {"clear", 0, "TRUNCATE thing"};
    static const struct statement *const making[] = {&make, NULL}, *const clearing[] = {&clear, NULL};
    const char *uri = getenv("INKAN_TEST_DATABASE");
    struct db *maker = NULL;
    if (!uri || db_new(&maker, uri, "test", making) < 0 || db_run(maker, &make, NULL, NULL) < 0)
        return -1;
    db_free(maker);
    if (db_new(&maker, uri, "test", clearing) < 0 || db_run(maker, &clear, NULL, NULL) < 0)
        return -1;
    db_free(maker);
    return db_new(&db, uri, "test", statements);
}

static int teardown(void **state) {
    (void) state;
    db_free(db);
    return 0;
}

static int64_t count_things(void) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    assert_int_equal(db_run(db, &count_statement, NULL, &rows), 1);
    return db_int64(rows, 0, 0);
}

static void test_types(void **state) {
    (void) state;
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, INT64_MIN);
    db_add_int32(&args, -7);
    db_add_bool(&args, true);
    db_add_text(&args, "印鑑");
    db_add_bytes(&args, "\0\xff", 2);
    db_add_time(&args, INT64_C(1000000000123456));
    assert_int_equal(db_run(db, &echo_statement, &args, &rows), 1);
    assert_true(db_int64(rows, 0, 0) == INT64_MIN);
    assert_int_equal(db_int64(rows, 0, 1), -7);
    assert_true(db_bool(rows, 0, 2));
    assert_string_equal(db_text(rows, 0, 3), "印鑑");
    assert_int_equal(db_bytes(rows, 0, 4).len, 2);
    assert_memory_equal(db_bytes(rows, 0, 4).data, "\0\xff", 2);
    assert_true(db_time(rows, 0, 5) == INT64_C(1000000000123456));
}

static void test_arrays(void **state) {
    (void) state;
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64_array(&args, (const int64_t[]){1, -1}, 2);
    db_add_int32_array(&args, (const int32_t[]){2, -2}, 2);
    db_add_bool_array(&args, (const bool[]){true, false}, 2);
    db_add_text_array(&args, (const char *const[]){"x", NULL}, 2);
    db_add_bytes_array(&args, (const struct db_bytes[]){{"", 0}, {NULL, 0}}, 2);
    db_add_time_array(&args, (const int64_t[]){0, 5}, 2);
    assert_int_equal(db_run(db, &arrays_statement, &args, &rows), 2);
    assert_int_equal(db_int64(rows, 1, 0), -1);
    assert_int_equal(db_int64(rows, 1, 1), -2);
    assert_false(db_bool(rows, 1, 2));
    assert_true(db_is_null(rows, 1, 3));
    assert_false(db_is_null(rows, 0, 4));
    assert_true(db_is_null(rows, 1, 4));
    assert_true(db_time(rows, 1, 5) == 5);
}

static void test_array_results(void **state) {
    (void) state;
    _cleanup_rows_ struct db_rows *rows = NULL;
    size_t n = 0;
    assert_int_equal(db_run(db, &list_statement, NULL, &rows), 1);
    _cleanup_free_
    const char **texts = db_text_array(rows, 0, 0, &n);
    assert_int_equal(n, 3);
    assert_string_equal(texts[0], "a");
    assert_string_equal(texts[1], "");
    assert_string_equal(texts[2], "c'\"");
    _cleanup_free_
    int64_t *numbers = db_int64_array(rows, 0, 1, &n);
    assert_int_equal(n, 2);
    assert_int_equal(numbers[1], -2);
    _cleanup_free_
    const char **empty = db_text_array(rows, 0, 2, &n);
    assert_non_null(empty);
    assert_int_equal(n, 0);
}

static void test_wrong_count_is_refused(void **state) {
    (void) state;
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, 1);
    assert_int_equal(db_run(db, &count_statement, &args, NULL), DB_FAILED);
}

static int insert(struct db *on, void *ctx) {
    _cleanup_args_ struct db_args args = {0};
    db_add_text(&args, ctx);
    return (int) db_run(on, &insert_statement, &args, NULL);
}

static int insert_then_fail(struct db *on, void *ctx) {
    return insert(on, ctx) < 0 ? DB_FAILED : -ECANCELED;
}

static int insert_twice(struct db *on, void *ctx) {
    (void) insert(on, ctx);
    /* The second violates the constraint; a callback that overlooks it must still not commit. */
    (void) insert(on, ctx);
    return 0;
}

struct flaky {
    int calls;
};

static int lose_connection_once(struct db *on, void *ctx) {
    struct flaky *f = ctx;
    char name[] = "after the loss";
    int r = insert(on, name);
    if (r < 0)
        return r;
    return f->calls++ == 0 ? (int) db_run(on, &kill_statement, NULL, NULL) : 0;
}

static void test_transactions(void **state) {
    (void) state;
    char one[] = "one", two[] = "two", three[] = "three";
    int64_t before = count_things();
    assert_int_equal(db_transaction(db, "insert", 0, insert, one), 1);
    assert_int_equal(count_things(), before + 1);
    assert_int_equal(db_transaction(db, "fail", 0, insert_then_fail, two), -ECANCELED);
    assert_int_equal(count_things(), before + 1);
    assert_int_equal(db_transaction(db, "twice", 0, insert_twice, three), DB_FAILED);
    assert_int_equal(count_things(), before + 1);
}

static void test_lost_connection_is_retried(void **state) {
    (void) state;
    struct flaky f = {0};
    int64_t before = count_things();
    assert_int_equal(db_transaction(db, "flaky", 0, lose_connection_once, &f), 0);
    assert_int_equal(f.calls, 2);
    assert_int_equal(count_things(), before + 1);
}

/* A server that went away while nothing was asked of it costs nobody an answer. */
static void test_idle_connection_is_renewed(void **state) {
    (void) state;
    static const struct statement kill_other = {"kill_other", 0,
                                                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                                " WHERE application_name = 'test' AND pid <> pg_backend_pid()"};
    static const struct statement *const killing[] = {&kill_other, NULL};
    struct db *other = NULL;
    int64_t before = count_things();
    assert_int_equal(db_new(&other, getenv("INKAN_TEST_DATABASE"), "killer", killing), 0);
    assert_true(db_run(other, &kill_other, NULL, NULL) > 0);
    db_free(other);
    struct pollfd fd = {.fd = db_socket(db), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 10000), 1);
    assert_int_equal(count_things(), before);
}

static int copy_row(void *ctx, struct db_args *row) {
    static const char *const names[] = {"copied 1", "copied 2", "copied 3"};
    int *i = ctx;
    if (*i == 3)
        return 0;
    db_add_text(row, names[(*i)++]);
    return 1;
}

static int copy_three(struct db *on, void *ctx) {
    int i = *(int *) ctx;
    return (int) db_copy(on, "COPY thing (name) FROM STDIN (FORMAT binary)", copy_row, &i);
}

static void test_copy(void **state) {
    (void) state;
    int from = 0, again = 2;
    int64_t before = count_things();
    assert_int_equal(db_transaction(db, "copy", 0, copy_three, &from), 3);
    assert_int_equal(count_things(), before + 3);
    assert_int_equal(db_transaction(db, "copy again", 0, copy_three, &again), DB_FAILED);
    assert_string_equal(db_last_error(db), "thing_name_key");
    assert_int_equal(count_things(), before + 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_array_results),
        cmocka_unit_test(test_wrong_count_is_refused),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_lost_connection_is_retried),
        cmocka_unit_test(test_idle_connection_is_renewed),
        cmocka_unit_test(test_copy),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
