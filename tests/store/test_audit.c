/* Seals against a real PostgreSQL: whatever an owner of the database changes afterwards is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "services/ctl/audit_walk.h"
#include "store/audit_seal.h"

#define EVENTS_EACH 5
#define SEALS 4

static const struct statement clear_statement = {
    "clear", 0, "TRUNCATE audit_event, audit_seal, audit_key, certificate RESTART IDENTITY CASCADE"};
static const struct statement key_statement = {"key", 2, "INSERT INTO audit_key VALUES ($1::bytea, $2::bytea)"};
static const struct statement event_statement = {
    "event", 2,
    "INSERT INTO audit_event (kind, organisation, subject, detail)"
    " SELECT 'register_changed', NULLIF(n % 3, 0), CASE WHEN n % 2 = 0 THEN '日本 ' || n END,"
    "  jsonb_build_object('b', n, 'a', $2::text) FROM generate_series(1, $1::bigint) AS n"};
static const struct statement *const statements[] = {&clear_statement,        &key_statement,
                                                     &event_statement,        &seal_next_statement,
                                                     &seal_insert_statement,  &audit_seals_statement,
                                                     &audit_events_statement, &audit_tail_statement,
                                                     &audit_counts_statement, NULL};

static struct db *db;
static EVP_PKEY *key;
static uint8_t key_public[32], key_id[SEAL_HASH_BYTES];

static int make_seal(struct db *conn, void *ctx) {
    uint8_t signature[SEAL_SIGNATURE_BYTES];
    struct seal seal;
    (void) ctx;
    int r = seal_next(conn, &seal);
    if (r <= 0)
        return r;
    if (seal_sign(&seal, key, signature) < 0)
        return DB_FAILED;
    return seal_insert(conn, &seal, key_id, signature);
}

static void make_events(int64_t n, const char *text) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, n);
    db_add_text(&args, text);
    assert_int_equal(db_run(db, &event_statement, &args, NULL), n);
}

static int begin(void **state) {
    (void) state;
    if (db_run(db, &clear_statement, NULL, NULL) < 0)
        return -1;
    _cleanup_args_ struct db_args args = {0};
    db_add_bytes(&args, key_id, sizeof(key_id));
    db_add_bytes(&args, key_public, sizeof(key_public));
    if (db_run(db, &key_statement, &args, NULL) != 1)
        return -1;
    for (int i = 0; i < SEALS; i++) {
        make_events(EVENTS_EACH, "x\n\"日本\"");
        make_events(EVENTS_EACH, "y");
        if (db_transaction(db, "seal", 0, make_seal, NULL) != 1)
            return -1;
    }
    return 0;
}

static int run_script(struct db *conn, void *ctx) {
    return db_script(conn, "tampering", ctx);
}

static void tamper(const char *sql) {
    char copy[1000];
    (void) snprintf(copy, sizeof(copy), "%s", sql);
    assert_int_equal(db_transaction(db, "tampering", 0, run_script, copy), 0);
}

/* The number of troubles; the first contains `first` (NULL: any). */
static unsigned verify_with(struct audit_walk walk, const char *first) {
    walk.check = audit_check_new();
    assert_non_null(walk.check);
    assert_int_equal(audit_check_key(walk.check, key_id, sizeof(key_id), key_public, sizeof(key_public)), 0);
    assert_int_equal(audit_walk(db, &walk), 0);
    json_decref(walk.counts);
    unsigned n = audit_check_standing(walk.check).troubles;
    if (first && !strstr(audit_check_troubles(walk.check), first))
        fail_msg("\"%s\" does not tell \"%s\"", audit_check_troubles(walk.check), first);
    audit_check_free(walk.check);
    return n;
}

static unsigned verify(const char *first) {
    return verify_with((struct audit_walk){.grace_sec = 60}, first);
}

static void test_untouched(void **state) {
    (void) state;
    assert_int_equal(verify(""), 0);
    make_events(3, "not yet sealed");
    assert_int_equal(verify(""), 0);
    assert_int_equal(verify_with((struct audit_walk){.grace_sec = 0}, "3 events after"), 1);
}

static void test_many_events(void **state) {
    (void) state;
    make_events(4500, "more than a page");
    assert_int_equal(db_transaction(db, "seal", 0, make_seal, NULL), 1);
    assert_int_equal(verify(""), 0);
    tamper("DELETE FROM audit_event WHERE id = 4000");
    assert_int_equal(verify("seal 5: 4499 events"), 1);
}

static void test_changed_row(void **state) {
    (void) state;
    static const char *const changes[] = {
        "kind = 'x'",        "actor = 'x'", "subject = 'x'",   "detail = '{}'",
        "organisation = 99", "upload = 1",  "application = 1", "at = at + interval '1 microsecond'"};
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        char sql[200];
        tamper("CREATE TABLE saved AS SELECT * FROM audit_event WHERE id = 13");
        (void) snprintf(sql, sizeof(sql), "UPDATE audit_event SET %s WHERE id = 13", changes[i]);
        tamper(sql);
        assert_int_equal(verify("seal 2: an event of the transactions"), 1);
        tamper("DELETE FROM audit_event WHERE id = 13; INSERT INTO audit_event OVERRIDING SYSTEM VALUE SELECT * FROM "
               "saved;"
               "DROP TABLE saved");
        assert_int_equal(verify(""), 0);
    }
}

static void test_deleted_row(void **state) {
    (void) state;
    tamper("DELETE FROM audit_event WHERE id = 22");
    assert_int_equal(verify("seal 3: 9 events"), 1);
}

static void test_inserted_row(void **state) {
    (void) state;
    tamper("INSERT INTO audit_event (xid, kind) SELECT xid, 'forged' FROM audit_event WHERE id = 22");
    assert_int_equal(verify("seal 3: 11 events"), 1);
}

static void test_swapped_rows(void **state) {
    (void) state;
    tamper("UPDATE audit_event a SET subject = b.subject, detail = b.detail, organisation = b.organisation, at = b.at"
           " FROM audit_event b WHERE (a.id, b.id) IN ((2, 3), (3, 2))");
    assert_int_equal(verify("seal 1: an event"), 1);
}

/* A row moved to another transaction, still within its seal. */
static void test_moved_row(void **state) {
    (void) state;
    tamper("UPDATE audit_event SET xid = (SELECT xid FROM audit_event WHERE id = 10) WHERE id = 1");
    assert_int_equal(verify("seal 1: an event"), 1);
}

static void test_cut_last_seal(void **state) {
    (void) state;
    struct audit_head head = {.number = SEALS};
    struct audit_walk known = {.grace_sec = 60, .heads = &head, .heads_count = 1};
    {
        _cleanup_rows_ struct db_rows *rows = NULL;
        struct seal last = {.number = SEALS};
        assert_int_equal(audit_seals(db, SEALS - 1, 1, &rows), 1);
        last.xid_from = (uint64_t) db_int64(rows, 0, 1);
        last.xid_to = (uint64_t) db_int64(rows, 0, 2);
        last.events = db_int64(rows, 0, 3);
        memcpy(last.digest, db_bytes(rows, 0, 4).data, SEAL_HASH_BYTES);
        memcpy(last.previous, db_bytes(rows, 0, 5).data, SEAL_HASH_BYTES);
        seal_hash(&last, head.hash);
    }
    assert_int_equal(verify_with(known, ""), 0);
    tamper("DELETE FROM audit_seal WHERE number = 4");
    assert_int_equal(verify_with((struct audit_walk){.grace_sec = 0}, "10 events after"), 1);
    /* With its events, nothing but a head kept elsewhere tells. */
    tamper("DELETE FROM audit_event WHERE xid >= audit_sealed()");
    assert_int_equal(verify(""), 0);
    assert_int_equal(verify_with(known, "seal 4: was known, and is missing"), 1);
    make_events(2, "instead");
    assert_int_equal(db_transaction(db, "seal", 0, make_seal, NULL), 1);
    assert_int_equal(verify(""), 0);
    assert_int_equal(verify_with(known, "seal 4: is not the one that was known"), 1);
}

static void test_cut_first_and_middle_seal(void **state) {
    (void) state;
    tamper("DELETE FROM audit_seal WHERE number = 2");
    assert_true(verify("seal 3: comes after seal 1: seals are missing") >= 3);
    tamper("DELETE FROM audit_seal WHERE number = 1");
    assert_true(verify("seal 3: comes after seal 0") >= 2);
}

static void test_changed_seal(void **state) {
    (void) state;
    tamper("UPDATE audit_seal SET events = events + 1 WHERE number = 2");
    assert_true(verify("seal 2: the signature does not fit") >= 2);
}

/* An event changed and its seal made to fit: only the private key can do that. */
static void test_resealed_without_key(void **state) {
    (void) state;
    tamper("UPDATE audit_event SET kind = 'forged' WHERE id = 33;"
           "UPDATE audit_seal s SET digest = d.digest FROM audit_digest("
           "  (SELECT xid_from FROM audit_seal WHERE number = 4), (SELECT xid_to FROM audit_seal WHERE number = 4)) d"
           " WHERE s.number = 4");
    assert_int_equal(verify("seal 4: the signature does not fit"), 1);
}

static void test_unknown_key(void **state) {
    (void) state;
    struct audit_walk walk = {.grace_sec = 60, .check = audit_check_new()};
    assert_int_equal(audit_walk(db, &walk), 0);
    assert_int_equal(audit_check_standing(walk.check).troubles, SEALS);
    assert_non_null(strstr(audit_check_troubles(walk.check), "seal 1: signed by an unknown key"));
    json_decref(walk.counts);
    audit_check_free(walk.check);
}

/* Each kind of event that tells of something stored; certificate_issued and certificate_revoked tell of mails too. */
static void test_counts(void **state) {
    (void) state;
    static const struct {
        const char *kind, *said;
        unsigned troubles;
    } cases[] = {{"certificate_issued", "0 certificates, but 1 events", 2},
                 {"certificate_revoked", "0 revocations, but 1 events", 2},
                 {"intent_voided", "0 serials given up, but 1 events", 1},
                 {"link_used", "0 links used, but 1 events", 1},
                 {"link_resent", "0 mails with a link, but 1 events", 1},
                 {"row_failed", "0 rows failed, but 1 events", 1},
                 {"epoch_opened", "0 epochs, but 1 events", 1}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char insert[200], take_back[200];
        (void) snprintf(insert, sizeof(insert), "INSERT INTO audit_event (kind) VALUES ('%s')", cases[i].kind);
        (void) snprintf(take_back, sizeof(take_back), "DELETE FROM audit_event WHERE kind = '%s'", cases[i].kind);
        tamper(insert);
        assert_int_equal(verify(cases[i].said), cases[i].troubles);
        tamper(take_back);
    }
    assert_int_equal(verify(""), 0);
}

static int setup(void **state) {
    (void) state;
    const char *uri = getenv("INKAN_TEST_DATABASE");
    size_t len = sizeof(key_public);
    key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (!uri || !key || EVP_PKEY_get_raw_public_key(key, key_public, &len) != 1)
        return -1;
    (void) SHA256(key_public, sizeof(key_public), key_id);
    return db_new(&db, uri, "test", statements) < 0 ? -1 : 0;
}

static int teardown(void **state) {
    (void) state;
    if (db)
        (void) db_run(db, &clear_statement, NULL, NULL);
    db_free(db);
    EVP_PKEY_free(key);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_untouched, begin),
        cmocka_unit_test_setup(test_many_events, begin),
        cmocka_unit_test_setup(test_changed_row, begin),
        cmocka_unit_test_setup(test_deleted_row, begin),
        cmocka_unit_test_setup(test_inserted_row, begin),
        cmocka_unit_test_setup(test_swapped_rows, begin),
        cmocka_unit_test_setup(test_moved_row, begin),
        cmocka_unit_test_setup(test_cut_last_seal, begin),
        cmocka_unit_test_setup(test_cut_first_and_middle_seal, begin),
        cmocka_unit_test_setup(test_changed_seal, begin),
        cmocka_unit_test_setup(test_resealed_without_key, begin),
        cmocka_unit_test_setup(test_unknown_key, begin),
        cmocka_unit_test_setup(test_counts, begin),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
