/* The loop of a daemon over real jobs: what it makes of a stage's result, and of jobs that killed their workers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "log.h"
#include "service_internal.h"
#include "sql.h"
#include "store/schema.h"

static const struct statement *const statements[] = {
    &job_claim_statement,    &job_renew_statement,      &job_release_statement,
    &job_end_statement,      &job_recover_statement,    &job_split_statement,
    &job_next_due_statement, &schema_version_statement, NULL};

static int (*told)(struct context *c, const struct job *job); /* what the stage does */
static atomic_int worked, poisoned;

static int work(struct context *c, const struct job *job) {
    worked++;
    return told(c, job);
}

static int poison(struct context *c, const struct job *job) {
    poisoned++;
    return job_end(c->db, job) == 1 ? 0 : DB_FAILED;
}

static const struct stage_work stages[] = {{STAGE_check, work, poison}, {.work = NULL}};
static const struct service service = {.name = "validator", .stages = stages};
static struct context context = {.service = &service, .instance = "test", .once = true};

static int setup(void **state) {
    (void) state;
    log_open("test", LOG_LEVEL_ERROR);
    context.shared.lease_usec = 3600 * USEC_PER_SEC; /* nothing here waits for its end */
    return sql_open() < 0 || db_new(&context.db, getenv("INKAN_TEST_DATABASE"), "test", statements) < 0 ||
                   db_connect(context.db) < 0
               ? -1
               : 0;
}

static int teardown(void **state) {
    (void) state;
    (void) value("DELETE FROM job");
    db_free(context.db);
    PQfinish(sql);
    return 0;
}

/* A job as it would be after attempt attempts; until none is due. */
static void run(int (*does)(struct context *c, const struct job *job), int attempt, const char *more) {
    (void) value("DELETE FROM job");
    (void) value("INSERT INTO job (stage, attempt) VALUES ('check', %d)", attempt);
    (void) value("UPDATE job SET %s", more);
    told = does;
    worked = poisoned = 0;
    assert_int_equal(worker_loop(&context), 0);
}

static int end(struct context *c, const struct job *job) {
    return job_end(c->db, job) == 1 ? 0 : DB_FAILED;
}

static int lose_connection(struct context *c, const struct job *job) {
    (void) job;
    (void) shutdown(db_socket(c->db), SHUT_RDWR);
    return DB_UNSURE;
}

static int run_out_of_memory(struct context *c, const struct job *job) {
    (void) c;
    (void) job;
    return -ENOMEM;
}

static int lose_job(struct context *c, const struct job *job) {
    (void) c;
    (void) value("UPDATE job SET token = nextval('job_token'), worker = 'other' WHERE id = %lld", (long long) job->id);
    return job_end(c->db, job) == 0 ? JOB_LOST : DB_FAILED;
}

/* attempt, whose it is, whether it has failed, after how many seconds it is due again */
static void expect_job(const char *expected) {
    assert_string_equal(
        value("SELECT concat_ws(' ', attempt, COALESCE(worker, '-'), token IS NULL, failing IS NOT NULL,"
              " round(extract(epoch FROM due - stamped))) FROM job"),
        expected);
}

static void test_ended(void **state) {
    (void) state;
    run(end, 0, "seq_from = 1");
    assert_int_equal(worked, 1);
    expect_job("");
}

/* Given back on a new connection: nobody waits for the lease of a worker that lives. */
static void test_connection_lost(void **state) {
    (void) state;
    run(lose_connection, 0, "seq_from = 1");
    assert_int_equal(worked, 1);
    expect_job("0 - t t 1");
}

/* Each failure keeps it away for longer. */
static void test_failed(void **state) {
    (void) state;
    static const char *const after[] = {"1 - t t 1", "2 - t t 2", "3 - t t 4"};
    for (int i = 0; i < 3; i++) {
        run(run_out_of_memory, i, "seq_from = 1");
        expect_job(after[i]);
    }
    assert_int_equal(poisoned, 0);
}

static void test_lost_to_another(void **state) {
    (void) state;
    run(lose_job, 0, "seq_from = 1");
    assert_int_equal(value("SELECT count(*) FROM job WHERE worker = 'other'")[0], '1');
}

static void test_poison(void **state) {
    (void) state;
    run(end, JOB_ATTEMPTS_MAX, "worker = 'dead'");
    assert_true(worked == 0 && poisoned == 1);
    expect_job("");
}

/* A line each, of which the good ones go on. */
static void test_poisoned_chunk(void **state) {
    (void) state;
    char upload[80];
    (void) snprintf(
        upload, sizeof(upload), "worker = 'dead', seq_from = 1, seq_to = 2, upload = %s",
        value("WITH o AS (INSERT INTO organisation (name_ja, name_en, st, l, issue_until)"
              "  VALUES ('x', 'x', 'x', 'x', '2099-12-31') RETURNING id),"
              " r AS (INSERT INTO registrar (organisation, name, mail, fingerprint)"
              "  SELECT id, 'x', 'x', sha256('worker') FROM o RETURNING id, organisation)"
              "INSERT INTO upload (organisation, registrar, kind, on_error, dry_run, confirmed, filename,"
              "  sha256, state, rows_total, open_chunks) SELECT organisation, id, 'server-issue', 'abort', true,"
              "  true, 'x', sha256(''), 'checking', 2, 1 FROM r RETURNING id"));
    run(end, JOB_ATTEMPTS_MAX, upload);
    assert_true(worked == 2 && poisoned == 0);
    expect_job("");
}

static void test_discarded(void **state) {
    (void) state;
    run(end, 0, "discarded = true");
    assert_true(worked == 0 && poisoned == 1);
    expect_job("");
}

/* ---- lanes */

#define PATIENCE_MSEC 10000

static atomic_int inside;
static atomic_bool released;

static void pause_msec(long msec) {
    struct timespec ts = {.tv_nsec = msec * 1000000};
    (void) nanosleep(&ts, NULL);
}

static bool wait_inside(int n) {
    for (int msec = 0; atomic_load(&inside) < n; msec++) {
        if (msec == PATIENCE_MSEC)
            return false;
        pause_msec(1);
    }
    return true;
}

/* Each waits for the other one. */
static int meet(struct context *c, const struct job *job) {
    atomic_fetch_add(&inside, 1);
    return wait_inside(2) ? end(c, job) : DB_FAILED;
}

static int hang(struct context *c, const struct job *job) {
    atomic_fetch_add(&inside, 1);
    while (!atomic_load(&released))
        pause_msec(1);
    return end(c, job);
}

static void arrange_jobs(int (*does)(struct context *c, const struct job *job), int n) {
    (void) value("DELETE FROM job");
    told = does;
    worked = 0;
    atomic_store(&inside, 0);
    (void) value("INSERT INTO job (stage) SELECT 'check' FROM generate_series(1, %d)", n);
}

/* Two jobs are in work at a time, one is done once, and a lane that hangs is seen. Last: nothing begins after worker_stop(). */
static void test_lanes(void **state) {
    (void) state;
    struct context first = context;
    int turn = 0;
    first.once = false;
    first.lanes = 2;
    first.shared.database = getenv("INKAN_TEST_DATABASE");
    arrange_jobs(meet, 2);
    assert_int_equal(lanes_open(&first), 0);
    assert_true(worker_one(&first, &turn));
    assert_int_equal(atomic_load(&inside), 2);

    arrange_jobs(hang, 1);
    lanes_wake();
    assert_true(wait_inside(1));
    assert_false(worker_one(&first, &turn));
    pause_msec(5);
    assert_false(lanes_alive(USEC_PER_MSEC));
    assert_true(lanes_alive(3600 * USEC_PER_SEC));
    atomic_store(&released, true);
    worker_stop();
    lanes_close();
    assert_int_equal(worked, 1);
    expect_job("");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ended),          cmocka_unit_test(test_connection_lost),
        cmocka_unit_test(test_failed),         cmocka_unit_test(test_lost_to_another),
        cmocka_unit_test(test_poison),         cmocka_unit_test(test_discarded),
        cmocka_unit_test(test_poisoned_chunk), cmocka_unit_test(test_lanes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
