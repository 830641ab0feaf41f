/* The queue against a real PostgreSQL: claim, lease, fencing, fairness, poison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "store/job.h"

#define LEASE_USEC (30 * USEC_PER_SEC)

static const struct statement clear_statement = {"clear", 0, "TRUNCATE job, upload RESTART IDENTITY CASCADE"};
static const struct statement upload_statement = {
    "make_upload", 0,
    "WITH o AS (INSERT INTO organisation (name_ja, name_en, st, l, issue_until) VALUES ('機関', 'O', 'ST', 'L', "
    "'2099-01-01')"
    "           RETURNING id),"
    "r AS (INSERT INTO registrar (organisation, name, mail, fingerprint) SELECT id, 'n', 'm@example.jp', "
    "sha256(id::text::bytea)"
    "       FROM o RETURNING id, organisation)"
    "INSERT INTO upload (organisation, registrar, kind, on_error, dry_run, confirmed, filename, sha256, state, "
    "rows_total, open_chunks)"
    " SELECT organisation, id, 'server-issue', 'abort', false, true, 'x.tsv', sha256(''), 'checking', 10, 1 FROM r "
    "RETURNING organisation, id"};
static const struct statement chunk_statement = {
    "make_chunk", 4,
    "INSERT INTO job (stage, turn, organisation, upload, seq_from, seq_to)"
    " VALUES ('check', job_turn('check', $1::bigint), $1::bigint, $2::bigint, $3::integer, $4::integer) RETURNING id"};
static const struct statement open_statement = {"open_chunks", 1,
                                                "SELECT open_chunks FROM upload WHERE id = $1::bigint"};
static const struct statement *const statements[] = {
    &clear_statement,       &upload_statement,    &chunk_statement,        &open_statement,
    &job_claim_statement,   &job_renew_statement, &job_release_statement,  &job_end_statement,
    &job_recover_statement, &job_split_statement, &job_next_due_statement, NULL};

static struct db *db, *other;

struct made {
    int64_t organisation, upload;
};

static int setup(void **state) {
    (void) state;
    const char *uri = getenv("INKAN_TEST_DATABASE");
    if (!uri || db_new(&db, uri, "test", statements) < 0 || db_new(&other, uri, "test", statements) < 0)
        return -1;
    return 0;
}

static int teardown(void **state) {
    (void) state;
    db_free(db);
    db_free(other);
    return 0;
}

static int empty(void **state) {
    (void) state;
    return db_run(db, &clear_statement, NULL, NULL) < 0 ? -1 : 0;
}

static struct made make_upload(void) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    assert_int_equal(db_run(db, &upload_statement, NULL, &rows), 1);
    return (struct made){db_int64(rows, 0, 0), db_int64(rows, 0, 1)};
}

static int64_t make_chunk(const struct made *of, int from, int to) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, of->organisation);
    db_add_int64(&args, of->upload);
    db_add_int32(&args, from);
    db_add_int32(&args, to);
    assert_int_equal(db_run(db, &chunk_statement, &args, &rows), 1);
    return db_int64(rows, 0, 0);
}

static int64_t open_chunks(const struct made *of) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, of->upload);
    assert_int_equal(db_run(db, &open_statement, &args, &rows), 1);
    return db_int64(rows, 0, 0);
}

static void test_claim_is_exclusive(void **state) {
    (void) state;
    struct made u = make_upload();
    int64_t id = make_chunk(&u, 1, 10);
    struct job job, second;
    assert_int_equal(job_claim(db, STAGE_check, "a", LEASE_USEC, &job), 1);
    assert_true(job.id == id && job.upload == u.upload && job.seq_from == 1 && job.seq_to == 10 && job.attempt == 1);
    assert_false(job.expired);
    assert_int_equal(job_claim(other, STAGE_check, "b", LEASE_USEC, &second), 0);
    assert_int_equal(job_claim(other, STAGE_sign, "b", LEASE_USEC, &second), 0);
    assert_int_equal(job_end(db, &job), 1);
    assert_int_equal(job_end(db, &job), 0);
}

static void test_old_token_changes_nothing(void **state) {
    (void) state;
    struct made u = make_upload();
    (void) make_chunk(&u, 1, 10);
    struct job slow, quick;
    assert_int_equal(job_claim(db, STAGE_check, "slow", 0, &slow), 1);
    assert_int_equal(job_claim(other, STAGE_check, "quick", LEASE_USEC, &quick), 1);
    assert_true(quick.expired && quick.attempt == 2 && quick.token > slow.token);
    assert_int_equal(job_renew(db, &slow, LEASE_USEC), 0);
    assert_int_equal(job_release(db, &slow, 0, true), 0);
    assert_int_equal(job_split(db, &slow), 0);
    assert_int_equal(job_end(db, &slow), 0);
    assert_int_equal(open_chunks(&u), 1);
    assert_int_equal(job_end(other, &quick), 1);
}

static void test_release_and_recover(void **state) {
    (void) state;
    struct made u = make_upload();
    (void) make_chunk(&u, 1, 10);
    struct job job;
    assert_int_equal(job_claim(db, STAGE_check, "a", LEASE_USEC, &job), 1);
    assert_int_equal(job_release(db, &job, 0, false), 1);
    assert_int_equal(job_claim(db, STAGE_check, "a", LEASE_USEC, &job), 1);
    assert_true(job.attempt == 2 && !job.expired);
    assert_int_equal(job_release(db, &job, 60 * USEC_PER_SEC, true), 1);
    assert_int_equal(job_claim(db, STAGE_check, "a", LEASE_USEC, &job), 0);
    assert_int_equal(job_next_due(db, 1u << STAGE_check), -1);
    (void) make_chunk(&u, 11, 20);
    assert_int_equal(job_next_due(db, 1u << STAGE_check), 0);
    assert_int_equal(job_claim(db, STAGE_check, "a", LEASE_USEC, &job), 1);
    assert_int_equal(job_recover(db, "b"), 0);
    assert_int_equal(job_recover(db, "a"), 1);
    assert_int_equal(job_end(db, &job), 0);
    assert_int_equal(job_claim(other, STAGE_check, "b", LEASE_USEC, &job), 1);
    assert_true(job.expired && job.attempt == 2);
}

static void test_split(void **state) {
    (void) state;
    struct made u = make_upload();
    (void) make_chunk(&u, 1, 10);
    struct job job, line;
    assert_int_equal(job_claim(db, STAGE_check, "a", LEASE_USEC, &job), 1);
    assert_int_equal(job_split(db, &job), 1);
    assert_int_equal(open_chunks(&u), 10);
    for (int seq = 1; seq <= 10; seq++) {
        assert_int_equal(job_claim(db, STAGE_check, "a", LEASE_USEC, &line), 1);
        assert_true(line.seq_from == seq && line.seq_to == seq && line.attempt == 1);
    }
    assert_int_equal(job_claim(db, STAGE_check, "a", LEASE_USEC, &line), 0);
}

/* A small upload that comes after a large one of another organisation is served next, not last. */
static void test_fairness(void **state) {
    (void) state;
    struct made large = make_upload(), small = make_upload();
    for (int i = 0; i < 20; i++)
        (void) make_chunk(&large, i * 10 + 1, i * 10 + 10);
    struct job job;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(job_claim(db, STAGE_check, "a", LEASE_USEC, &job), 1);
        assert_int_equal(job_end(db, &job), 1);
    }
    (void) make_chunk(&small, 1, 1);
    int before = 0;
    do {
        assert_int_equal(job_claim(db, STAGE_check, "a", LEASE_USEC, &job), 1);
        before++;
    } while (job.organisation != small.organisation);
    assert_true(before <= 2);
}

static void test_chunk_lines(void **state) {
    (void) state;
    assert_int_equal(job_chunk_lines(1, 2), 25);
    assert_int_equal(job_chunk_lines(400, 2), 100);
    assert_int_equal(job_chunk_lines(100000, 2), 250);
    assert_int_equal(job_chunk_lines(100, 0), 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_claim_is_exclusive, empty),
        cmocka_unit_test_setup(test_old_token_changes_nothing, empty),
        cmocka_unit_test_setup(test_release_and_recover, empty),
        cmocka_unit_test_setup(test_split, empty),
        cmocka_unit_test_setup(test_fairness, empty),
        cmocka_unit_test(test_chunk_lines),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
