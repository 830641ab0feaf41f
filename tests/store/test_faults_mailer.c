/* The mailer's work with every fault in it; each mail that is offered to the relay is the whole mail. */
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "faults.h"
#include "log.h"
#include "services/mailer/mailer.h"
#include "sql.h"
#include "store/audit_seal.h"
#include "store/policy_store.h"
#include "store/remind.h"

#define MAILS_MAX 8

static const struct statement *const statements[] = {
    &job_claim_statement,     &job_renew_statement,     &job_release_statement,  &job_end_statement,
    &job_again_statement,     &job_hold_statement,      &policy_get_statement,   &notice_load_statement,
    &notice_tokens_statement, &notice_record_statement, &notice_later_statement, &notice_move_statement,
    &seal_last_statement,     &head_kept_statement,     &remind_due_statement,   NULL};

static struct mailer mailer;
static struct context context;
static char directory[] = "/tmp/inkan-test-XXXXXX", key_path[64], certificate_path[64], head_path[64];
static char organisation[24], certificate[24], job[24];

/* ---- the relay */

static struct whole {
    char to[64];
    size_t len;
    uint8_t hash[SHA256_DIGEST_LENGTH];
} whole[MAILS_MAX]; /* each mail as it was when nothing failed */
static size_t wholes;
static enum smtp_outcome outcome;

static void look_at(const struct smtp_mail *mail) {
    struct whole it = {.len = mail->bytes->len};
    (void) snprintf(it.to, sizeof(it.to), "%s", mail->to);
    if (strcmp(it.to, mailer.head_to) != 0) /* whose mail has the time of its line in the file */
        (void) SHA256((const unsigned char *) mail->bytes->data, mail->bytes->len, it.hash);
    for (size_t i = 0; i < wholes; i++)
        if (strcmp(whole[i].to, it.to) == 0) {
            assert_memory_equal(&whole[i], &it, sizeof(it));
            return;
        }
    assert_true(wholes < MAILS_MAX);
    whole[wholes++] = it;
}

int smtp_open(struct smtp **ret, const struct smtp_options *options) {
    (void) options;
    *ret = NULL;
    return 0;
}

void smtp_free(struct smtp *smtp) {
    (void) smtp;
}

void smtp_send(struct smtp *smtp, struct smtp_mail *mails, size_t n, int (*keep)(void *ctx), void *ctx) {
    (void) smtp;
    (void) keep(ctx);
    for (size_t i = 0; i < n; i++) {
        look_at(&mails[i]);
        mails[i].outcome = outcome;
        (void) snprintf(mails[i].reply, sizeof(mails[i].reply), "%s", outcome == SMTP_SENT ? "250 ok" : "550 no");
    }
}

bool smtp_is_down(const struct smtp *smtp) {
    (void) smtp;
    return false;
}

/* ---- */

static void make_identity(void) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 2048); /* whose signatures are always the same */
    X509 *x = X509_new();
    X509_EXTENSION *mail = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "email:ca@example.jp");
    assert_true(key && x && mail && X509_set_version(x, X509_VERSION_3) &&
                ASN1_INTEGER_set(X509_get_serialNumber(x), 1) &&
                X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                                           (const unsigned char *) "mailer", -1, -1, 0) &&
                X509_set_issuer_name(x, X509_get_subject_name(x)) && X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
                X509_time_adj_ex(X509_getm_notAfter(x), 3650, 0, NULL) && X509_set_pubkey(x, key) &&
                X509_add_ext(x, mail, -1) && X509_sign(x, key, EVP_sha256()) > 0);
    X509_EXTENSION_free(mail);
    FILE *file = fopen(certificate_path, "we");
    assert_true(file && PEM_write_X509(file, x));
    (void) fclose(file);
    file = fopen(key_path, "we");
    assert_true(file && chmod(key_path, S_IRUSR | S_IWUSR) == 0 &&
                PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    (void) fclose(file);
    X509_free(x);
    EVP_PKEY_free(key);
}

/* A certificate whose registrar and manager can be told of it. */
static void make_certificate(void) {
    (void) snprintf(organisation, sizeof(organisation), "%s",
                    value("INSERT INTO organisation (name_ja, name_en, st, l, issue_until)"
                          " VALUES ('申請大学', 'testkikan', 'Tokyo', 'Chiyoda-ku', '2099-12-31') RETURNING id"));
    (void) value("UPDATE issuer SET active = false");
    (void) snprintf(
        certificate, sizeof(certificate), "%s",
        value("WITH i AS (INSERT INTO issuer (id, name, certificate, root, crl_shards)"
              "  SELECT COALESCE(max(id), 0) + 1, 'faults-mailer', 'm', '', 2 FROM issuer RETURNING id),"
              " r AS (INSERT INTO registrar (organisation, name, mail, fingerprint)"
              "  VALUES (%s, '登録太郎', 'a@example.jp', sha256('faults-mailer')) RETURNING id),"
              " u AS (INSERT INTO upload (organisation, registrar, kind, on_error, dry_run, confirmed,"
              "  filename, sha256, state, rows_total) SELECT %s, id, 'server-issue', 'abort', false, true, 't',"
              "  sha256(''), 'done', 1 FROM r RETURNING id),"
              " l AS (INSERT INTO upload_line SELECT id, 1, 'x' FROM u RETURNING upload)"
              "INSERT INTO application (upload, seq, organisation, state, dn, match_key, st, l, o, cn, names,"
              "  profile, spki_hash, manager_name, manager_mail) SELECT l.upload, 1, %s, 'valid', 'CN=h', 'h', 'Tokyo',"
              "  'Chiyoda-ku', 'testkikan', 'h.example.jp', '{h.example.jp}', 11, sha256('m'), '管理者',"
              "  'm@example.jp' FROM l RETURNING id",
              organisation, organisation, organisation));
    (void) value("INSERT INTO intent (application, issuer, serial, policy, tbs, lint) SELECT %s, i.id,"
                 " '\\x00000000000000000000000000000001', s.policy, '', 'test' FROM issuer i, service s"
                 " WHERE i.name = 'faults-mailer'",
                 certificate);
    (void) snprintf(
        certificate, sizeof(certificate), "%s",
        value("INSERT INTO certificate (application, organisation, issuer, serial, der, cn, spki_hash,"
              " not_before, not_after) SELECT application, %s, issuer, serial, '', 'h.example.jp', sha256('m'),"
              " now(), now() + interval '90 days' FROM intent WHERE application = %s RETURNING id",
              organisation, certificate));
    (void) value("INSERT INTO link (certificate, organisation, expires) VALUES (%s, %s, now() + interval '30 days')",
                 certificate, organisation);
}

static int setup(void **state) {
    (void) state;
    _cleanup_buf_ struct buf errors = {0};
    char uri[72];
    faults_open();
    log_open("test", LOG_LEVEL_ERROR);
    if (sql_open() < 0 || !mkdtemp(directory))
        return -1;
    (void) snprintf(key_path, sizeof(key_path), "%s/key.pem", directory);
    (void) snprintf(certificate_path, sizeof(certificate_path), "%s/certificate.pem", directory);
    (void) snprintf(head_path, sizeof(head_path), "%s/heads", directory);
    (void) snprintf(uri, sizeof(uri), "file:%s", key_path);
    make_identity();
    install_policy("faults");
    make_certificate();
    static const struct service service = {.name = "mailer"};
    context.service = &service;
    context.instance = "test";
    context.shared.lease_usec = 30 * USEC_PER_SEC;
    context.state = &mailer;
    mailer.parallel = parallel_new(1);
    mailer.head_file = head_path;
    mailer.head_to = "watch@example.jp";
    mailer.retry_min_usec = mailer.retry_max_usec = 60 * USEC_PER_SEC;
    mailer.give_up_usec = INT64_MAX;
    mailer.link_key.len = sizeof(mailer.link_key.bytes);
    if (cms_open(&mailer.cms, certificate_path, uri, "ca@example.jp", &errors) < 0)
        return -1;
    mailer.composer = (struct composer){.cms = mailer.cms,
                                        .link_key = &mailer.link_key,
                                        .from_name = "印鑑",
                                        .from_address = "ca@example.jp",
                                        .public_url = "https://links.example.jp"};
    return db_new(&context.db, getenv("INKAN_TEST_DATABASE"), "test", statements);
}

static int teardown(void **state) {
    (void) state;
    (void) value("DELETE FROM job");
    (void) value("DELETE FROM audit_seal");
    (void) value("UPDATE issuer SET active = false");
    (void) value("UPDATE service SET policy = NULL");
    (void) unlink(key_path);
    (void) unlink(certificate_path);
    (void) unlink(head_path);
    (void) rmdir(directory);
    cms_free(mailer.cms);
    parallel_free(mailer.parallel);
    db_free(context.db);
    PQfinish(sql);
    return 0;
}

/* ---- sending: the manager's link, and a renewal's notice with its file */

static void make_send_job(void) {
    (void) value("DELETE FROM job");
    (void) snprintf(job, sizeof(job), "%s",
                    value("INSERT INTO job (stage, organisation) VALUES ('send', %s) RETURNING id", organisation));
}

/* Sealed as far as the transactions go that are over. */
static void seal_all(void) {
    (void) value("INSERT INTO audit_key (id, public) VALUES (sha256('m'), sha256('m')) ON CONFLICT DO NOTHING");
    (void) value(
        "INSERT INTO audit_seal (number, xid_from, xid_to, events, digest, previous, key, signature)"
        " SELECT COALESCE(max(number), 0) + 1, COALESCE(max(xid_to), '0'), pg_current_xact_id(), 0, sha256(''),"
        "  sha256(''), sha256('m'), '' FROM audit_seal");
}

static void arrange_send(void) {
    make_send_job();
    (void) value("DELETE FROM reminder");
    (void) value("UPDATE link SET token_hash = NULL");
    (void) value("DELETE FROM notice WHERE certificate = %s", certificate);
    (void) value(
        "INSERT INTO notice (kind, organisation, certificate, link, replaced, attached, recipient, greeting,"
        " message_id, dated, job) SELECT k.kind, %s, c.id, CASE k.kind WHEN 'issued' THEN l.id END,"
        " CASE k.kind WHEN 'renewed' THEN c.id END, k.attached, k.recipient, 'x', k.id::uuid, '2026-11-01', %s"
        " FROM certificate c JOIN link l ON l.certificate = c.id CROSS JOIN (VALUES"
        "  ('issued', NULL::smallint, 'm@example.jp', '00000000-0000-4000-8000-000000000001'),"
        "  ('renewed', 4, 'a@example.jp', '00000000-0000-4000-8000-000000000002')) AS k (kind, attached, recipient, id)"
        " WHERE c.id = %s",
        organisation, job, certificate);
    seal_all();
}

static const char *told(void) {
    return value("SELECT concat_ws(' ', (SELECT count(*) FROM notice WHERE certificate = %s AND state = 'sent'),"
                 " (SELECT count(*) FROM notice WHERE certificate = %s AND state = 'failed'),"
                 " (SELECT count(*) FROM link WHERE certificate = %s AND token_hash IS NOT NULL),"
                 " (SELECT count(*) FROM reminder WHERE certificate = %s))",
                 certificate, certificate, certificate, certificate);
}

/* A mail that could not be made is put off; the others went. */
static void send_later(void) {
    struct job later;
    (void) value("UPDATE job SET due = clock_timestamp()");
    while (job_claim(context.db, STAGE_send, "test", NULL, context.shared.lease_usec, &later) > 0)
        assert_int_equal(send_work(&context, &later), 0);
}

static void check_sent(void) {
    send_later();
    assert_string_equal(told(), "2 0 1 2");
}

static void check_refused(void) {
    send_later();
    assert_string_equal(told(), "0 2 1 2");
}

/* In a job of its own, for a while. */
static void check_later(void) {
    assert_string_equal(value("SELECT string_agg(concat_ws(' ', n.state, n.job <> %s, j.due > now()), ', ')"
                              " FROM notice n JOIN job j ON j.id = n.job WHERE n.certificate = %s",
                              job, certificate),
                        "queued t t, queued t t");
}

static void check_apart(void) {
    assert_string_equal(
        value("SELECT concat_ws(' ', count(*), count(DISTINCT n.job), bool_or(n.job = %s))"
              " FROM notice n JOIN job j ON j.id = n.job WHERE n.certificate = %s AND n.state = 'queued'",
              job, certificate),
        "2 2 f");
}

static void arrange_one(void) {
    arrange_send();
    (void) value("DELETE FROM notice WHERE certificate = %s AND kind = 'renewed'", certificate);
}

static void check_given_up(void) {
    assert_string_equal(value("SELECT concat_ws(' ', state, reply) FROM notice WHERE certificate = %s", certificate),
                        "failed internal");
}

static void test_send(void **state) {
    (void) state;
    arrange_send();
    faults_each(&context, &(struct faulty){STAGE_send, arrange_send, send_work, check_sent});
    outcome = SMTP_REFUSED;
    faults_each(&context, &(struct faulty){STAGE_send, arrange_send, send_work, check_refused});
    outcome = SMTP_LATER;
    faults_each(&context, &(struct faulty){STAGE_send, arrange_send, send_work, check_later});
    outcome = SMTP_SENT;
}

static void test_send_poison(void **state) {
    (void) state;
    faults_each(&context, &(struct faulty){STAGE_send, arrange_send, send_poison, check_apart});
    faults_each(&context, &(struct faulty){STAGE_send, arrange_one, send_poison, check_given_up});
}

/* ---- periodic work */

static void arrange_head(void) {
    (void) value("DELETE FROM job");
    (void) value("INSERT INTO job (stage, subject) VALUES ('head', 'daily')");
    (void) unlink(head_path);
}

/* One line, of the last seal, with the whole of its hash. */
static void check_head(void) {
    char line[200] = "", time[32], text[100], more[2], number[24];
    FILE *file = fopen(head_path, "re");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    assert_null(fgets(more, sizeof(more), file));
    (void) fclose(file);
    assert_int_equal(sscanf(line, "%31s %99s", time, text), 2); // NOLINT(cert-err34-c)
    (void) snprintf(number, sizeof(number), "%s:", value("SELECT max(number) FROM audit_seal"));
    assert_memory_equal(text, number, strlen(number));
    assert_int_equal(strlen(text), strlen(number) + 2UL * SEAL_HASH_BYTES);
    assert_string_equal(
        value("SELECT detail->>'head' FROM audit_event WHERE kind = 'head_kept' ORDER BY id DESC LIMIT 1"), text);
}

static void test_head(void **state) {
    (void) state;
    seal_all();
    faults_each(&context, &(struct faulty){STAGE_head, arrange_head, head_work, check_head});
}

/* No directory, no room: nothing is mailed that is not kept. */
static void test_head_not_kept(void **state) {
    (void) state;
    static const char *const bad[] = {"/nonexistent/heads", "/dev/full"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct job head;
        arrange_head();
        mailer.head_file = bad[i];
        wholes = 0;
        assert_int_equal(job_claim(context.db, STAGE_head, "test", NULL, context.shared.lease_usec, &head), 1);
        assert_int_equal(head_work(&context, &head), 0);
        assert_string_equal(value("SELECT concat_ws(' ', token IS NULL, failing IS NOT NULL) FROM job"), "t t");
        assert_int_equal(wholes, 0);
    }
    mailer.head_file = head_path;
}

static void arrange_remind(void) {
    (void) value("DELETE FROM job");
    (void) value("DELETE FROM notice WHERE certificate = %s", certificate);
    (void) value("DELETE FROM reminder");
    (void) value("INSERT INTO reminder (certificate, kind, due) VALUES (%s, 'expiring', now())", certificate);
    (void) value("INSERT INTO job (stage, subject) VALUES ('remind', 'due')");
}

/* Manager and registrar, and the next notice's time. */
static void check_reminded(void) {
    assert_string_equal(value("SELECT concat_ws(' ', count(*), count(DISTINCT n.recipient),"
                              " (SELECT count(*) FROM reminder WHERE round = 2 AND due > now()))"
                              " FROM notice n WHERE n.certificate = %s AND n.kind = 'expiring'",
                              certificate),
                        "2 2 1");
}

static void test_remind(void **state) {
    (void) state;
    faults_each(&context, &(struct faulty){STAGE_remind, arrange_remind, remind_work, check_reminded});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send),          cmocka_unit_test(test_send_poison), cmocka_unit_test(test_head),
        cmocka_unit_test(test_head_not_kept), cmocka_unit_test(test_remind),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
