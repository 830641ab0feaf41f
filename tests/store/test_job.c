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
static const struct statement periodic_statement = {
    "make_periodic", 0, "INSERT INTO job (stage, subject) VALUES ('crl', '1-3'), ('crl', '12-0'), ('ocsp', '12')"};
static const struct statement stamp_statement = {
    "stamp", 1, "UPDATE job SET stamped = clock_timestamp() + $1::bigint * interval '1 second'"};
static const struct statement migration_statement = {
    "migration", 0,
    "INSERT INTO schema_migration (number, name, digest) SELECT max(number) + 1, 'next', '' FROM schema_migration"};
static const struct statement one_periodic_statement = {"make_one_periodic", 0,
                                                        "INSERT INTO job (stage, subject) VALUES ('crl', '1-3')"};
static const struct statement failing_statement = {"failing", 0, "SELECT failing IS NOT NULL FROM job"};
static const struct statement *const statements[] = {
    &migration_statement,   &one_periodic_statement, &failing_statement,
    &job_again_statement,   &periodic_statement,     &stamp_statement,
    &clear_statement,       &upload_statement,       &chunk_statement,
    &open_statement,        &job_claim_statement,    &job_renew_statement,
    &job_release_statement, &job_end_statement,      &job_recover_statement,
    &job_split_statement,   &job_next_due_statement, NULL};

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
    assert_int_equal(job_claim(db, STAGE_check, "a", NULL, LEASE_USEC, &job), 1);
    assert_true(job.id == id && job.upload == u.upload && job.seq_from == 1 && job.seq_to == 10 && job.attempt == 1);
    assert_false(job.expired);
    assert_int_equal(job_claim(other, STAGE_check, "b", NULL, LEASE_USEC, &second), 0);
    assert_int_equal(job_claim(other, STAGE_sign, "b", NULL, LEASE_USEC, &second), 0);
    assert_int_equal(job_end(db, &job), 1);
    assert_int_equal(job_end(db, &job), 0);
}

static void stamp(int64_t ahead_sec) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, ahead_sec);
    assert_int_equal(db_run(db, &stamp_statement, &args, NULL), 1);
}

/* A clock that is put back: a lease that it gave before ends now, not after its own hour. A second worker is no harm. */
static void test_a_clock_that_was_ahead(void **state) {
    (void) state;
    struct made u = make_upload();
    (void) make_chunk(&u, 1, 10);
    struct job held, job;
    assert_int_equal(job_claim(db, STAGE_check, "a", NULL, 3600 * USEC_PER_SEC, &held), 1);
    assert_int_equal(job_claim(other, STAGE_check, "b", NULL, LEASE_USEC, &job), 0);
    stamp(50); /* two servers' clocks may differ a little */
    assert_int_equal(job_claim(other, STAGE_check, "b", NULL, LEASE_USEC, &job), 0);
    stamp(3600);
    assert_int_equal(job_claim(other, STAGE_check, "b", NULL, LEASE_USEC, &job), 1);
    assert_int_equal(job_claim(db, STAGE_check, "c", NULL, LEASE_USEC, &held), 0);
    assert_int_equal(job_end(db, &held), 0);
    assert_int_equal(job_end(other, &job), 1);
}

static void test_old_token_changes_nothing(void **state) {
    (void) state;
    struct made u = make_upload();
    (void) make_chunk(&u, 1, 10);
    struct job slow, quick;
    assert_int_equal(job_claim(db, STAGE_check, "slow", NULL, 0, &slow), 1);
    assert_int_equal(job_claim(other, STAGE_check, "quick", NULL, LEASE_USEC, &quick), 1);
    assert_true(quick.expired && quick.attempt == 2 && quick.token > slow.token);
    assert_int_equal(job_renew(db, &slow, LEASE_USEC), 0);
    assert_int_equal(job_release(db, &slow, 0, JOB_WAITS), 0);
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
    assert_int_equal(job_claim(db, STAGE_check, "a", NULL, LEASE_USEC, &job), 1);
    assert_int_equal(job_release(db, &job, 0, JOB_FAILED), 1);
    assert_int_equal(job_claim(db, STAGE_check, "a", NULL, LEASE_USEC, &job), 1);
    assert_true(job.attempt == 2 && !job.expired);
    assert_int_equal(job_release(db, &job, 60 * USEC_PER_SEC, JOB_HAPLESS), 1);
    assert_int_equal(job_claim(db, STAGE_check, "a", NULL, LEASE_USEC, &job), 0);
    assert_int_equal(job_next_due(db, 1u << STAGE_check, NULL), -1);
    (void) make_chunk(&u, 11, 20);
    assert_int_equal(job_next_due(db, 1u << STAGE_check, NULL), 0);
    assert_int_equal(job_claim(db, STAGE_check, "a", NULL, LEASE_USEC, &job), 1);
    assert_int_equal(job_recover(db, "b"), 0);
    assert_int_equal(job_recover(db, "a"), 1);
    assert_int_equal(job_end(db, &job), 0);
    assert_int_equal(job_claim(other, STAGE_check, "b", NULL, LEASE_USEC, &job), 1);
    assert_true(job.expired && job.attempt == 2);
}

static bool is_failing(void) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    assert_int_equal(db_run(db, &failing_statement, NULL, &rows), 1);
    return db_bool(rows, 0, 0);
}

/* From the first failure until it goes well, whoever works it; waiting is no failure, a worker that died is one. */
static void test_failing(void **state) {
    (void) state;
    assert_int_equal(db_run(db, &one_periodic_statement, NULL, NULL), 1);
    struct job job;
    static const struct {
        enum job_why why;
        bool failing;
    } given_back[] = {{JOB_WAITS, false}, {JOB_HAPLESS, true}, {JOB_WAITS, false}, {JOB_FAILED, true}};
    for (size_t i = 0; i < sizeof(given_back) / sizeof(given_back[0]); i++) {
        assert_int_equal(job_claim(db, STAGE_crl, "a", NULL, LEASE_USEC, &job), 1);
        assert_int_equal(job_release(db, &job, 0, given_back[i].why), 1);
        assert_int_equal(is_failing(), given_back[i].failing);
    }
    assert_int_equal(job_claim(other, STAGE_crl, "b", NULL, LEASE_USEC, &job), 1);
    assert_true(is_failing());
    assert_int_equal(job_again(other, &job, 0), 1);
    assert_false(is_failing());
    assert_int_equal(job_claim(db, STAGE_crl, "a", NULL, 0, &job), 1);
    assert_false(is_failing());
    assert_int_equal(job_claim(other, STAGE_crl, "b", NULL, 0, &job), 1);
    assert_true(is_failing());
}

static void test_split(void **state) {
    (void) state;
    struct made u = make_upload();
    (void) make_chunk(&u, 1, 10);
    struct job job, line;
    assert_int_equal(job_claim(db, STAGE_check, "a", NULL, LEASE_USEC, &job), 1);
    assert_int_equal(job_split(db, &job), 1);
    assert_int_equal(open_chunks(&u), 10);
    for (int seq = 1; seq <= 10; seq++) {
        assert_int_equal(job_claim(db, STAGE_check, "a", NULL, LEASE_USEC, &line), 1);
        assert_true(line.seq_from == seq && line.seq_to == seq && line.attempt == 1);
    }
    assert_int_equal(job_claim(db, STAGE_check, "a", NULL, LEASE_USEC, &line), 0);
}

/* A small upload that comes after a large one of another organisation is served next, not last. */
static void test_fairness(void **state) {
    (void) state;
    struct made large = make_upload(), small = make_upload();
    for (int i = 0; i < 20; i++)
        (void) make_chunk(&large, i * 10 + 1, i * 10 + 10);
    struct job job;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(job_claim(db, STAGE_check, "a", NULL, LEASE_USEC, &job), 1);
        assert_int_equal(job_end(db, &job), 1);
    }
    (void) make_chunk(&small, 1, 1);
    int before = 0;
    do {
        assert_int_equal(job_claim(db, STAGE_check, "a", NULL, LEASE_USEC, &job), 1);
        before++;
    } while (job.organisation != small.organisation);
    assert_true(before <= 2);
}

/* Periodic work of a CA is left to those who have its key, and does not wake the others. */
static void test_issuers(void **state) {
    (void) state;
    const unsigned both = 1u << STAGE_crl | 1u << STAGE_ocsp;
    struct job job;
    assert_int_equal(db_run(db, &periodic_statement, NULL, NULL), 3);
    for (const char *const *none = (const char *const[]){"", "2", "3 11 121", NULL}; *none; none++) {
        assert_int_equal(job_claim(db, STAGE_crl, "a", *none, LEASE_USEC, &job), 0);
        assert_int_equal(job_next_due(db, both, *none), -1);
    }
    assert_int_equal(job_next_due(db, both, "12"), 0);
    assert_int_equal(job_claim(db, STAGE_crl, "a", "2 12", LEASE_USEC, &job), 1);
    assert_string_equal(job.subject, "12-0");
    assert_int_equal(job_claim(db, STAGE_crl, "a", "2 12", LEASE_USEC, &job), 0);
    assert_int_equal(job_claim(db, STAGE_ocsp, "a", "12", LEASE_USEC, &job), 1);
    assert_int_equal(job_next_due(db, both, "12"), -1);
    assert_int_equal(job_claim(other, STAGE_crl, "b", NULL, LEASE_USEC, &job), 1);
    assert_string_equal(job.subject, "1-3");
}

static int claim_after_migration(struct db *in, void *ctx) {
    int *ret = ctx;
    struct job job;
    assert_int_equal(db_run(in, &migration_statement, NULL, NULL), 1);
    *ret = job_claim(in, STAGE_check, "old", NULL, LEASE_USEC, &job);
    return DB_FAILED; /* nothing of it stays */
}

static void test_another_version_is_given_nothing(void **state) {
    (void) state;
    struct made u = make_upload();
    struct job job;
    int got = -1;
    make_chunk(&u, 1, 10);
    assert_int_equal(db_transaction(db, "migration", 0, claim_after_migration, &got), DB_FAILED);
    assert_int_equal(got, 0);
    assert_int_equal(job_claim(db, STAGE_check, "ours", NULL, LEASE_USEC, &job), 1);
}

static void test_chunk_lines(void **state) {
    (void) state;
    assert_int_equal(job_chunk_lines(1, 2, 1000), 25);
    assert_int_equal(job_chunk_lines(400, 2, 1000), 100);
    assert_int_equal(job_chunk_lines(100000, 2, 1000), 1000);
    assert_int_equal(job_chunk_lines(100000, 2, 250), 250);
    assert_int_equal(job_chunk_lines(100, 0, 1000), 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_claim_is_exclusive, empty),
        cmocka_unit_test_setup(test_old_token_changes_nothing, empty),
        cmocka_unit_test_setup(test_a_clock_that_was_ahead, empty),
        cmocka_unit_test_setup(test_release_and_recover, empty),
        cmocka_unit_test_setup(test_failing, empty),
        cmocka_unit_test_setup(test_split, empty),
        cmocka_unit_test_setup(test_fairness, empty),
        cmocka_unit_test_setup(test_issuers, empty),
        cmocka_unit_test_setup(test_another_version_is_given_nothing, empty),
        cmocka_unit_test(test_chunk_lines),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
