/* One-time links against a real PostgreSQL, with the rights of the roles that use them. */
#include <libpq-fe.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "sql.h"
#include "store/certificate.h"
#include "store/link.h"
#include "store/pki.h"

#define LEASE_USEC INT64_C(60000000)
#define RIVALS 6
#define RACES 20

static const struct statement *const public_statements[] = {&link_look_statement,
                                                            &link_take_statement,
                                                            &link_burn_statement,
                                                            &link_give_back_statement,
                                                            &pki_crl_statement,
                                                            &pki_issuer_statement,
                                                            NULL};
static const struct statement *const ingress_statements[] = {&link_resend_statement, &certificate_list_statement,
                                                             &certificate_get_statement, NULL};

static struct db *public_db, *ingress_db;
static int64_t organisation, registrar, application, certificate;
static uint8_t hash[LINK_HASH_BYTES], serial[16];

static int64_t number(const char *sql_text) {
    return strtoll(value("%s", sql_text), NULL, 10);
}

static struct db *open_as(const char *role, const struct statement *const *statements) {
    char uri[512];
    struct db *db = NULL;
    (void) snprintf(uri, sizeof(uri), "%s&user=%s", getenv("INKAN_TEST_DATABASE"), role);
    assert_int_equal(db_new(&db, uri, "test", statements), 0);
    assert_int_equal(db_connect(db), 0);
    assert_int_equal(db_check_statements(db), 0);
    return db;
}

static int setup(void **state) {
    (void) state;
    if (sql_open() < 0)
        return -1;
    public_db = open_as("inkan_public", public_statements);
    ingress_db = open_as("inkan_ingress", ingress_statements);
    return 0;
}

static int teardown(void **state) {
    (void) state;
    db_free(public_db);
    db_free(ingress_db);
    PQfinish(sql);
    return 0;
}

static void add_registrar(const char *mail, const char *registrar_state) {
    (void) value("INSERT INTO registrar (organisation, name, mail, fingerprint, state)"
                 " VALUES (%lld, '登録太郎', '%s', sha256(gen_random_uuid()::text::bytea), '%s')",
                 (long long) organisation, mail, registrar_state);
}

/* An organisation with one certificate and its open link. */
static int begin(void **state) {
    (void) state;
    (void) value("DELETE FROM job");
    organisation = number("INSERT INTO organisation (name_ja, name_en, st, l, issue_until)"
                          " VALUES ('申請大学', 'testkikan', 'Tokyo', 'Chiyoda-ku', '2099-12-31') RETURNING id");
    add_registrar("a@example.jp", "active");
    registrar = number("SELECT max(id) FROM registrar");
    add_registrar("b@example.jp", "active");
    add_registrar("b@example.jp", "active");
    add_registrar("gone@example.jp", "removed");
    (void) value("INSERT INTO policy VALUES (sha256('link'), 'link', 'link') ON CONFLICT DO NOTHING");
    (void) value("INSERT INTO issuer (id, name, certificate, root, crl_shards, active)"
                 " VALUES (99, 'test links', '\\x3001', '\\x3002', 4, false) ON CONFLICT DO NOTHING");
    (void) value(
        "INSERT INTO upload (organisation, registrar, kind, on_error, dry_run, confirmed, filename, sha256, state,"
        " rows_total) VALUES (%lld, %lld, 'server-issue', 'abort', false, true, 'a.tsv', sha256('a'), 'done', 1)",
        (long long) organisation, (long long) registrar);
    (void) value("INSERT INTO upload_line SELECT max(id), 1, 'x' FROM upload");
    application =
        number("INSERT INTO application (upload, seq, organisation, state, cn, names, dn, profile, manager_name,"
               " manager_mail) SELECT max(id), 1, max(organisation), 'valid', 'www.example.ac.jp',"
               " '{www.example.ac.jp}', 'CN=www.example.ac.jp', 3, '国立', 'm@example.ac.jp' FROM upload"
               " WHERE id = (SELECT max(id) FROM upload) RETURNING id");
    _cleanup_buf_ struct buf hex = {0};
    (void) memset(serial, 0, sizeof(serial));
    for (size_t i = 0; i < 8; i++)
        serial[15 - i] = (uint8_t) ((uint64_t) application >> (8 * i));
    serial[0] = 1;
    text_hex(&hex, serial, sizeof(serial));
    (void) value("INSERT INTO intent (application, issuer, serial, policy, tbs)"
                 " VALUES (%lld, 99, '\\x%s', sha256('link'), '')",
                 (long long) application, buf_string(&hex));
    char text[600];
    (void) snprintf(
        text, sizeof(text),
        "INSERT INTO certificate (application, organisation, issuer, serial, der, cn, spki_hash, not_before,"
        " not_after) VALUES (%lld, %lld, 99, '\\x%s', '\\x3003', 'www.example.ac.jp', '', now(),"
        " now() + interval '198 days') RETURNING id",
        (long long) application, (long long) organisation, buf_string(&hex));
    certificate = number(text);
    (void) memset(hash, 0, sizeof(hash));
    (void) memcpy(hash, serial, sizeof(serial));
    buf_reset(&hex);
    text_hex(&hex, hash, sizeof(hash));
    (void) value("INSERT INTO link (certificate, organisation, token_hash, expires)"
                 " VALUES (%lld, %lld, '\\x%s', now() + interval '30 days')",
                 (long long) certificate, (long long) organisation, buf_string(&hex));
    return 0;
}

static enum link_status look(void) {
    enum link_status status;
    _cleanup_rows_ struct db_rows *rows = NULL;
    assert_int_equal(link_look(public_db, hash, &status, &rows), 0);
    return status;
}

static enum link_status take(struct db *db, int64_t lease_usec, struct link_taken *ret) {
    enum link_status status;
    _cleanup_rows_ struct db_rows *rows = NULL;
    assert_int_equal(link_take(db, hash, lease_usec, &status, ret, &rows), 0);
    if (status == LINK_OPEN) {
        assert_int_equal(ret->der.len, 2);
        assert_memory_equal(ret->issuer_der.data, "\x30\x01", 2);
        assert_string_equal(ret->cn, "www.example.ac.jp");
    }
    return status;
}

static int burn(const struct link_taken *taken, int64_t *ret_job) {
    static const int32_t days[] = {30, 7};
    const struct link_reminders reminders = {
        .replace_days = 14, .old_reason = 4, .expiry_days = days, .expiry_count = 2};
    return link_burn(public_db, taken->link, taken->delivery, &reminders, ret_job);
}

/* A delivery begun while the clock was an hour ahead holds the link no longer than another. */
static void test_delivery_under_a_wrong_clock(void **state) {
    (void) state;
    struct link_taken first, second;
    int64_t job = -1;
    assert_int_equal(take(public_db, LEASE_USEC, &first), LINK_OPEN);
    assert_int_equal(look(), LINK_BUSY);
    (void) value("UPDATE link SET delivery_until = delivery_until + interval '1 hour' WHERE certificate = %lld",
                 (long long) certificate);
    assert_int_equal(look(), LINK_OPEN);
    assert_int_equal(take(public_db, LEASE_USEC, &second), LINK_OPEN);
    assert_int_equal(burn(&first, &job), 0);
    assert_int_equal(burn(&second, &job), 1);
}

static void test_delivery(void **state) {
    (void) state;
    struct link_taken first, second;
    int64_t job = -1;
    assert_int_equal(look(), LINK_OPEN);
    assert_int_equal(look(), LINK_OPEN);
    assert_int_equal(take(public_db, LEASE_USEC, &first), LINK_OPEN);
    assert_int_equal(take(public_db, LEASE_USEC, &second), LINK_BUSY);
    assert_int_equal(look(), LINK_BUSY);
    assert_int_equal(link_give_back(public_db, first.link, first.delivery), 0);
    assert_int_equal(look(), LINK_OPEN);
    assert_int_equal(take(public_db, LEASE_USEC, &second), LINK_OPEN);

    /* The delivery that was given back holds nothing any more. */
    assert_int_equal(burn(&first, &job), 0);
    assert_int_equal(link_give_back(public_db, first.link, first.delivery), 0);
    assert_int_equal(look(), LINK_BUSY);

    assert_int_equal(burn(&second, &job), 1);
    assert_true(job > 0);
    assert_int_equal(look(), LINK_USED);
    assert_int_equal(burn(&second, &job), 0);
    assert_int_equal(take(public_db, LEASE_USEC, &first), LINK_USED);

    assert_int_equal(number("SELECT count(*) FROM job WHERE stage = 'send'"), 1);
    assert_string_equal(
        value("SELECT string_agg(recipient, ' ' ORDER BY recipient) FROM notice WHERE kind = 'fetched' AND"
              " certificate = %lld",
              (long long) certificate),
        "a@example.jp b@example.jp");
    assert_string_equal(value("SELECT fetched IS NOT NULL FROM certificate WHERE id = %lld", (long long) certificate),
                        "t");
    assert_string_equal(
        value("SELECT count(*) || actor FROM audit_event WHERE kind = 'link_used' AND application = %lld"
              " GROUP BY actor",
              (long long) application),
        "1inkan_public");
}

static void test_lease_that_ran_out(void **state) {
    (void) state;
    struct link_taken slow, next;
    int64_t job;
    assert_int_equal(take(public_db, 0, &slow), LINK_OPEN);
    assert_int_equal(take(public_db, LEASE_USEC, &next), LINK_OPEN);
    assert_int_equal(burn(&slow, &job), 0);
    assert_int_equal(burn(&next, &job), 1);
}

static void test_refusals(void **state) {
    (void) state;
    struct link_taken taken;
    (void) value("UPDATE link SET expires = now() WHERE certificate = %lld", (long long) certificate);
    assert_int_equal(look(), LINK_EXPIRED);
    assert_int_equal(take(public_db, LEASE_USEC, &taken), LINK_EXPIRED);
    (void) value("INSERT INTO revocation (issuer, serial, certificate, shard, reason)"
                 " SELECT issuer, serial, id, 0, 0 FROM certificate WHERE id = %lld",
                 (long long) certificate);
    assert_int_equal(look(), LINK_REVOKED);
    assert_int_equal(take(public_db, LEASE_USEC, &taken), LINK_REVOKED);
    hash[31] ^= 1;
    assert_int_equal(look(), LINK_UNKNOWN);
    assert_int_equal(take(public_db, LEASE_USEC, &taken), LINK_UNKNOWN);
}

static atomic_int opened, failures;

static void *rival(void *ctx) {
    struct db *db = open_as("inkan_public", public_statements);
    struct link_taken taken;
    (void) pthread_barrier_wait(ctx);
    if (take(db, LEASE_USEC, &taken) == LINK_OPEN)
        opened++;
    db_free(db);
    return NULL;
}

static void test_many_at_once(void **state) {
    (void) state;
    pthread_t threads[RIVALS];
    pthread_barrier_t barrier;
    opened = 0;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, RIVALS), 0);
    for (size_t i = 0; i < RIVALS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, rival, &barrier), 0);
    for (size_t i = 0; i < RIVALS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void) pthread_barrier_destroy(&barrier);
    assert_int_equal(opened, 1);
}

struct again {
    int64_t application, registrar;
    const char *new_mail;
    enum link_status status;
    int64_t expires_usec, job;
};

static int resend_work(struct db *db, void *ctx) {
    struct again *a = ctx;
    return link_resend(db, a->application, a->registrar, 30, a->new_mail, &a->status, &a->expires_usec, &a->job);
}

static void test_resend(void **state) {
    (void) state;
    struct again a = {.application = application, .registrar = registrar};
    assert_int_equal(db_transaction(ingress_db, "resend", organisation, resend_work, &a), 0);
    assert_int_equal(a.status, LINK_OPEN);
    assert_true(a.job > 0 && a.expires_usec > 0);
    assert_int_equal(look(), LINK_SUPERSEDED);
    assert_string_equal(value("SELECT recipient || greeting || l.generation || l.state FROM notice n JOIN link l"
                              " ON l.id = n.link WHERE n.certificate = %lld",
                              (long long) certificate),
                        "m@example.ac.jp国立2open");
    assert_string_equal(value("SELECT actor = 'registrar:%lld' FROM audit_event WHERE kind = 'link_resent'"
                              " AND application = %lld",
                              (long long) registrar, (long long) application),
                        "t");
    assert_int_equal(db_transaction(ingress_db, "resend", organisation, resend_work, &a), 0);
    assert_string_equal(value("SELECT string_agg(state, ' ' ORDER BY generation) FROM link WHERE certificate = %lld",
                              (long long) certificate),
                        "superseded superseded open");
}

static void test_resend_to_another_address(void **state) {
    (void) state;
    struct again a = {.application = application, .registrar = registrar, .new_mail = "new@example.ac.jp"};
    assert_int_equal(db_transaction(ingress_db, "resend", organisation, resend_work, &a), 0);
    a.new_mail = NULL;
    assert_int_equal(db_transaction(ingress_db, "resend", organisation, resend_work, &a), 0);
    assert_string_equal(
        value("SELECT string_agg(recipient, ' ') FROM notice WHERE certificate = %lld", (long long) certificate),
        "new@example.ac.jp new@example.ac.jp");
    assert_string_equal(value("SELECT manager_mail FROM application WHERE id = %lld", (long long) application),
                        "m@example.ac.jp");
    assert_string_equal(value("SELECT string_agg(detail::text, '') FROM audit_event WHERE kind = 'manager_changed' AND"
                              " application = %lld",
                              (long long) application),
                        "{\"after\": {\"mail\": \"new@example.ac.jp\"}, \"before\": {\"mail\": \"m@example.ac.jp\"}}");
}

static void test_resend_refusals(void **state) {
    (void) state;
    struct again a = {.application = application, .registrar = registrar};
    /* A registrar of another organisation: not even with its own certificate's number. */
    assert_int_equal(begin(NULL), 0);
    struct again foreign = {.application = a.application, .registrar = registrar};
    assert_int_equal(db_transaction(ingress_db, "resend", organisation, resend_work, &foreign), 0);
    assert_int_equal(foreign.status, LINK_UNKNOWN);
    assert_int_equal(db_transaction(ingress_db, "resend", organisation, resend_work, &a), DB_FAILED);
    assert_int_equal(db_transaction(ingress_db, "resend", 0, resend_work, &a), DB_FAILED);
    /* Not while it is being delivered. */
    struct link_taken taken;
    assert_int_equal(take(public_db, LEASE_USEC, &taken), LINK_OPEN);
    struct again busy = {.application = application, .registrar = registrar};
    assert_int_equal(db_transaction(ingress_db, "resend", organisation, resend_work, &busy), 0);
    assert_int_equal(busy.status, LINK_BUSY);
}

static void *resend_often(void *ctx) {
    struct again a = *(const struct again *) ctx;
    struct db *db = open_as("inkan_ingress", ingress_statements);
    for (int i = 0; i < RACES; i++)
        failures += db_transaction(db, "resend", organisation, resend_work, &a) != 0;
    db_free(db);
    return NULL;
}

static void test_resend_races(void **state) {
    (void) state;
    struct again a = {.application = application, .registrar = registrar};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, resend_often, &a), 0);
    struct link_taken taken;
    for (int i = 0; i < RACES; i++) {
        int64_t job;
        if (take(public_db, LEASE_USEC, &taken) == LINK_OPEN)
            assert_true(burn(&taken, &job) >= 0);
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(failures, 0);
    assert_string_equal(
        value("SELECT count(*) = max(generation) AND count(*) FILTER (WHERE state = 'open') = 1 FROM link"
              " WHERE certificate = %lld",
              (long long) certificate),
        "t");
}

static void test_role_sees_no_table(void **state) {
    (void) state;
    static const char *const refused[] = {"SELECT * FROM link",
                                          "SELECT * FROM certificate",
                                          "SELECT * FROM notice",
                                          "UPDATE link SET state = 'open'",
                                          "SELECT link_resend(1, 1, 30, NULL)",
                                          "SELECT nextval('link_delivery')"};
    char uri[512];
    (void) snprintf(uri, sizeof(uri), "%s&user=inkan_public", getenv("INKAN_TEST_DATABASE"));
    PGconn *conn = PQconnectdb(uri);
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        PGresult *result = PQexec(conn, refused[i]);
        assert_string_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "42501");
        PQclear(result);
    }
    PQfinish(conn);
}

static int count_work(struct db *db, void *ctx) {
    const struct certificate_filter *filter = ctx;
    return (int) certificate_list(db, filter, NULL);
}

static int get_work(struct db *db, void *ctx) {
    (void) ctx;
    return (int) certificate_get(db, serial, NULL);
}

#define listed(...)                                                                                                    \
    db_transaction(ingress_db, "list", organisation, count_work, &(struct certificate_filter){.limit = 10, __VA_ARGS__})

static void test_certificates(void **state) {
    (void) state;
    assert_int_equal(listed(.state = -1), 1);
    assert_int_equal(listed(.state = 4), 1);
    assert_int_equal(listed(.state = 5), 0);
    assert_int_equal(listed(.state = -1, .status = "valid", .part = "www.exa"), 1);
    assert_int_equal(listed(.state = -1, .status = "expired"), 0);
    assert_int_equal(listed(.state = -1, .part = "%"), 0);
    assert_int_equal(listed(.state = -1, .part = "x", .serial = serial), 1);
    assert_int_equal(listed(.state = -1, .expires_before_usec = 1), 0);
    assert_int_equal(listed(.state = -1, .before = certificate), 0);
    assert_int_equal(db_transaction(ingress_db, "get", organisation, get_work, NULL), 1);
    /* Others see nothing. */
    assert_int_equal(db_transaction(ingress_db, "get", organisation + 1, get_work, NULL), 0);
    assert_int_equal(db_transaction(ingress_db, "get", 0, get_work, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_delivery, begin),
        cmocka_unit_test_setup(test_delivery_under_a_wrong_clock, begin),
        cmocka_unit_test_setup(test_lease_that_ran_out, begin),
        cmocka_unit_test_setup(test_refusals, begin),
        cmocka_unit_test_setup(test_many_at_once, begin),
        cmocka_unit_test_setup(test_resend, begin),
        cmocka_unit_test_setup(test_resend_refusals, begin),
        cmocka_unit_test_setup(test_resend_to_another_address, begin),
        cmocka_unit_test_setup(test_resend_races, begin),
        cmocka_unit_test_setup(test_role_sees_no_table, begin),
        cmocka_unit_test_setup(test_certificates, begin),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
