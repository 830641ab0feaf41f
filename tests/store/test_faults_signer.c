/* The signer's work with every fault in it. */
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "faults.h"
#include "log.h"
#include "services/signer/signer.h"
#include "sql.h"
#include "store/audit_seal.h"
#include "store/campaign.h"
#include "store/crl.h"
#include "store/ocsp.h"
#include "store/policy_store.h"
#include "store/revoking.h"
#include "store/signing.h"

static const struct statement *const statements[] = {&job_claim_statement,
                                                     &job_renew_statement,
                                                     &job_release_statement,
                                                     &job_end_statement,
                                                     &policy_get_statement,
                                                     &signing_gate_statement,
                                                     &signing_load_statement,
                                                     &signing_intents_statement,
                                                     &signing_void_statement,
                                                     &signing_record_statement,
                                                     &signing_fail_statement,
                                                     &signing_progress_statement,
                                                     &signing_issuer_statement,
                                                     &revoking_record_statement,
                                                     &revoking_left_statement,
                                                     &issuer_jobs_statement,
                                                     &issuer_all_statement,
                                                     &ocsp_due_statement,
                                                     &ocsp_store_statement,
                                                     &crl_issuer_statement,
                                                     &crl_next_statement,
                                                     &crl_entries_statement,
                                                     &job_again_statement,
                                                     &job_hold_statement,
                                                     &crl_store_statement,
                                                     &campaign_record_statement,
                                                     &campaign_fail_statement,
                                                     &campaign_progress_statement,
                                                     NULL};

static struct signer signer;
static struct context context;
static char key_path[] = "/tmp/inkan-test-key-XXXXXX";
static char issuer[8], organisation[24], domain[24], registrar[24], upload[24], campaign[24];
static struct buf spki; /* of the rows: hex */
/* A point of P-256: its generator. */
static const char responder_point[] = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                                      "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

static void add_extension(X509 *x, int nid, const char *text) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
    assert_true(e && X509_add_ext(x, e, -1));
    X509_EXTENSION_free(e);
}

/* Its key goes into key_path, its certificate into the database. */
static void make_ca(void) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *x = X509_new();
    unsigned char *der = NULL;
    _cleanup_buf_ struct buf hex = {0};
    assert_true(X509_set_version(x, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(x), 1) &&
                X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *) "CA",
                                           -1, -1, 0) &&
                X509_set_issuer_name(x, X509_get_subject_name(x)) && X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
                X509_time_adj_ex(X509_getm_notAfter(x), 3650, 0, NULL) && X509_set_pubkey(x, key));
    add_extension(x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(x, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(x, NID_subject_key_identifier, "hash");
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    int len = i2d_X509(x, &der);
    text_hex(&hex, der, (size_t) len);
    (void) value("UPDATE issuer SET active = false");
    (void) snprintf(
        issuer, sizeof(issuer), "%s",
        value("INSERT INTO issuer (id, name, certificate, root, crl_shards) SELECT COALESCE(max(id), 0) + 1,"
              " 'faults', '\\x%s', '\\x', 2 FROM issuer RETURNING id",
              buf_string(&hex)));
    FILE *file = fdopen(mkstemp(key_path), "we");
    assert_true(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    (void) fclose(file);
    OPENSSL_free(der);
    X509_free(x);
    EVP_PKEY_free(key);
}

static void make_spki(void) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    text_hex(&spki, der, (size_t) len);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}

static int setup(void **state) {
    (void) state;
    char uri[64];
    faults_open();
    log_open("test", LOG_LEVEL_ERROR);
    if (sql_open() < 0)
        return -1;
    static const struct service service = {.name = "signer"};
    context.service = &service;
    context.instance = "test";
    context.shared.lease_usec = 30 * USEC_PER_SEC;
    context.shared.pki_url = "http://pki.example.jp";
    context.state = &signer;
    install_policy("faults");
    make_ca();
    make_spki();
    (void) snprintf(organisation, sizeof(organisation), "%s",
                    value("INSERT INTO organisation (name_ja, name_en, st, l, issue_until)"
                          " VALUES ('申請大学', 'testkikan', 'Tokyo', 'Chiyoda-ku', '2099-12-31') RETURNING id"));
    (void) snprintf(
        domain, sizeof(domain), "%s",
        value("INSERT INTO domain (organisation, name, state) VALUES (%s, 'faults.example.ac.jp', 'permitted')"
              " RETURNING id",
              organisation));
    (void) snprintf(registrar, sizeof(registrar), "%s",
                    value("INSERT INTO registrar (organisation, name, mail, fingerprint)"
                          " VALUES (%s, '登録太郎', 'a@example.jp', sha256('faults')) RETURNING id",
                          organisation));
    (void) snprintf(uri, sizeof(uri), "file:%s", key_path);
    signer.parallel = parallel_new(1);
    return key_source_open(&signer.ca_key, uri) < 0 ||
                   db_new(&context.db, getenv("INKAN_TEST_DATABASE"), "test", statements) < 0
               ? -1
               : 0;
}

static int teardown(void **state) {
    (void) state;
    (void) value("DELETE FROM job");
    (void) value("UPDATE issuer SET active = false");
    (void) value("UPDATE service SET policy = NULL");
    (void) unlink(key_path);
    buf_done(&spki);
    issuer_done(&signer.issuer);
    buf_done(&signer.seen);
    buf_done(&signer.own);
    key_source_free(signer.ca_key);
    parallel_free(signer.parallel);
    db_free(context.db);
    PQfinish(sql);
    return 0;
}

/* ---- issuing */

static void make_upload(const char *kind, unsigned rows) {
    (void) value("DELETE FROM job");
    (void) snprintf(
        upload, sizeof(upload), "%s",
        value("INSERT INTO upload (organisation, registrar, kind, on_error, dry_run, confirmed, filename,"
              " sha256, state, rows_total, rows_ok, open_chunks, policy) SELECT %s, %s, '%s', 'abort', false,"
              " true, 't.tsv', sha256(''), 'accepted', %u, %u, 1, policy FROM service RETURNING id",
              organisation, registrar, kind, rows, rows));
    (void) value("INSERT INTO upload_line SELECT %s, seq, 'x' FROM generate_series(1, %u) seq", upload, rows);
}

static void make_job(const char *stage, unsigned rows) {
    (void) value("INSERT INTO job (stage, organisation, upload, seq_from, seq_to) VALUES ('%s', %s, %s, 1, %u)", stage,
                 organisation, upload, rows);
}

/* Good rows, but the third is of another's domain. */
static void make_applications(unsigned rows) {
    make_upload("server-issue", rows);
    (void) value(
        "INSERT INTO application (upload, seq, organisation, state, dn, match_key, st, l, o, cn, names, domains,"
        " profile, spki, spki_hash, manager_name, manager_mail)"
        " SELECT %s, seq, %s, 'valid', 'x', h, 'Tokyo', 'Chiyoda-ku', 'testkikan', h, ARRAY[h],"
        "  CASE seq WHEN 3 THEN '{0}' ELSE ARRAY[%s] END, 11, '\\x%s', sha256('x'), '管理者', 'm@example.jp'"
        " FROM generate_series(1, %u) seq, LATERAL (SELECT 'h' || seq || '.faults.example.ac.jp') AS name (h)",
        upload, organisation, domain, buf_string(&spki), rows);
    make_job("sign", rows);
}

/* The second has an intent that nobody may sign any more. */
static void arrange_sign(void) {
    make_applications(3);
    (void) value(
        "INSERT INTO intent (application, issuer, serial, policy, tbs, lint)"
        " SELECT a.id, %s, decode(lpad(to_hex(a.id), 32, '0'), 'hex'), u.policy, '\\x', 'test' FROM application a"
        " JOIN upload u ON u.id = a.upload WHERE a.upload = %s AND seq = 2",
        issuer, upload);
}

/* An operator gave them up: that is done without issuer and policy. */
static void arrange_sign_discarded(void) {
    arrange_sign();
    (void) value("UPDATE job SET discarded = true");
}

/* state, certificates, links, notices, rows that failed, intents voided, and the audit */
static const char *told(void) {
    return value(
        "SELECT concat_ws(' ', u.state, u.rows_ok, u.rows_ng,"
        " (SELECT count(*) FROM certificate c JOIN application a ON a.id = c.application WHERE a.upload = u.id),"
        " (SELECT count(*) FROM notice n JOIN link l ON l.id = n.link JOIN certificate c ON c.id = n.certificate"
        "   JOIN application a ON a.id = c.application WHERE a.upload = u.id),"
        " (SELECT count(*) FROM intent i JOIN application a ON a.id = i.application WHERE a.upload = u.id"
        "   AND i.voided IS NOT NULL),"
        " (SELECT string_agg(kind, ' ' ORDER BY kind) FROM audit_event e WHERE e.upload = u.id))"
        " FROM upload u WHERE u.id = %s",
        upload);
}

static void check_signed(void) {
    assert_string_equal(told(), "done 2 1 2 2 1 certificate_issued certificate_issued intent_voided row_failed");
}

static void check_discarded(void) {
    assert_string_equal(told(), "done 0 3 0 0 1 intent_voided row_failed row_failed row_failed");
}

static void test_sign(void **state) {
    (void) state;
    faults_each(&context, &(struct faulty){STAGE_sign, arrange_sign, sign_work, check_signed});
    faults_each(&context, &(struct faulty){STAGE_sign, arrange_sign_discarded, sign_poison, check_discarded});
}

static void test_job_is_kept_while_it_is_signed(void **state) {
    (void) state;
    struct job job;
    int64_t lease_usec = context.shared.lease_usec;
    make_applications(100);
    (void) value("CREATE SEQUENCE kept");
    (void) value("CREATE FUNCTION count_kept() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
                 " 'BEGIN PERFORM nextval(''kept''); RETURN NULL; END'");
    (void) value("CREATE TRIGGER kept AFTER UPDATE ON job FOR EACH ROW WHEN (NEW.token = OLD.token)"
                 " EXECUTE FUNCTION count_kept()");
    assert_int_equal(job_claim(context.db, STAGE_sign, "test", NULL, lease_usec, &job), 1);
    context.job = &job;
    context.shared.lease_usec = 0; /* always about to end */
    assert_int_equal(sign_work(&context, &job), 0);
    context.shared.lease_usec = lease_usec;
    context.job = NULL;
    assert_string_equal(
        value("SELECT count(*) FROM certificate c JOIN application a ON a.id = c.application WHERE a.upload = %s",
              upload),
        "99");
    assert_string_equal(value("SELECT last_value >= 4 FROM kept"), "t");
    (void) value("DROP TRIGGER kept ON job");
    (void) value("DROP FUNCTION count_kept()");
    (void) value("DROP SEQUENCE kept");
}

/* ---- revoking: the two certificates issued first; the second is revoked already */

#define CERTIFICATES                                                                                                   \
    "certificate WHERE id IN (SELECT id FROM certificate WHERE issuer = %s ORDER BY id LIMIT 2) ORDER BY id"

static void forget_revocations(void) {
    (void) value("DELETE FROM notice WHERE kind IN ('revoked', 'campaign')");
    (void) value("DELETE FROM revocation WHERE issuer = %s AND certificate IS NOT NULL", issuer);
}

static void arrange_revoke(void) {
    forget_revocations();
    make_upload("server-revoke", 2);
    (void) value("INSERT INTO application (upload, seq, organisation, state, dn, target, reason)"
                 " SELECT %s, row_number() OVER (ORDER BY id), %s, 'valid', 'x', id, 4 FROM " CERTIFICATES,
                 upload, organisation, issuer);
    (void) value("INSERT INTO revocation (issuer, serial, certificate, shard, reason)"
                 " SELECT issuer, serial, id, crl_shard(serial, 2), 1 FROM " CERTIFICATES " OFFSET 1",
                 issuer);
    make_job("revoke", 2);
}

static void check_revoked(void) {
    assert_string_equal(
        value("SELECT concat_ws(' ', u.state, u.rows_ok, u.rows_ng,"
              " (SELECT count(*) FROM revocation r JOIN application a ON a.id = r.application"
              "   WHERE a.upload = u.id),"
              " (SELECT string_agg(e->>'symbol', ' ') FROM application a, jsonb_array_elements(a.errors) e"
              "   WHERE a.upload = u.id),"
              " (SELECT count(*) FROM notice WHERE kind = 'revoked'),"
              " (SELECT string_agg(kind, ' ' ORDER BY kind) FROM audit_event e WHERE e.upload = u.id))"
              " FROM upload u WHERE u.id = %s",
              upload),
        "done 1 1 1 ALREADY_REVOKED 2 certificate_revoked row_failed");
}

static void check_not_revoked(void) {
    assert_string_equal(value("SELECT concat_ws(' ', u.state, u.rows_ok, u.rows_ng, (SELECT count(*) FROM notice"
                              " WHERE kind = 'revoked')) FROM upload u WHERE u.id = %s",
                              upload),
                        "done 0 2 0");
}

static void test_revoke(void **state) {
    (void) state;
    faults_each(&context, &(struct faulty){STAGE_revoke, arrange_revoke, revoke_work, check_revoked});
    faults_each(&context, &(struct faulty){STAGE_revoke, arrange_revoke, revoke_poison, check_not_revoked});
}

static void arrange_campaign(void) {
    forget_revocations();
    (void) value("DELETE FROM job");
    (void) snprintf(campaign, sizeof(campaign), "%s",
                    value("INSERT INTO campaign (reason, comment, operator, selection, code, certificates,"
                          " already_revoked, expired, in_flight, open_organisations)"
                          " VALUES (4, 'x', 'x', '{}', 'x', 2, 0, 0, 0, 1) RETURNING id"));
    (void) value("INSERT INTO campaign_organisation VALUES (%s, %s, 2, 2)", campaign, organisation);
    (void) value("INSERT INTO campaign_item (campaign, seq, certificate, organisation)"
                 " SELECT %s, row_number() OVER (ORDER BY id), id, %s FROM " CERTIFICATES,
                 campaign, organisation, issuer);
    (void) value("INSERT INTO job (stage, organisation, campaign, seq_from, seq_to) VALUES ('revoke', 0, %s, 1, 2)",
                 campaign);
}

static const char *told_of_campaign(void) {
    return value("SELECT concat_ws(' ', c.ended IS NOT NULL,"
                 " (SELECT count(*) FROM revocation r WHERE r.campaign = c.id),"
                 " (SELECT count(*) FROM campaign_item i WHERE i.campaign = c.id AND i.error IS NOT NULL),"
                 " (SELECT count(*) FROM notice WHERE kind = 'revoked'),"
                 " (SELECT count(*) FROM notice n WHERE n.campaign = c.id),"
                 " (SELECT count(*) FROM audit_event WHERE kind = 'campaign_ended' AND subject = 'campaign ' || c.id))"
                 " FROM campaign c WHERE c.id = %s",
                 campaign);
}

static void check_campaign(void) {
    assert_string_equal(told_of_campaign(), "t 2 0 2 1 1");
}

static void check_campaign_failed(void) {
    assert_string_equal(told_of_campaign(), "t 0 2 0 0 1");
}

static void test_campaign(void **state) {
    (void) state;
    faults_each(&context, &(struct faulty){STAGE_revoke, arrange_campaign, revoke_work, check_campaign});
    faults_each(&context, &(struct faulty){STAGE_revoke, arrange_campaign, revoke_poison, check_campaign_failed});
}

/* ---- periodic work */

static void arrange_crl(void) {
    (void) value("DELETE FROM job");
    (void) value("DELETE FROM crl WHERE issuer = %s", issuer);
    (void) value("INSERT INTO job (stage, subject) VALUES ('crl', '%s-0')", issuer);
}

/* The whole of it: without its point, a CRL would speak for all certificates of the CA. */
static void check_crl(void) {
    _cleanup_buf_ struct buf der = {0};
    char address[64];
    const char *hex = value("SELECT encode(der, 'hex') FROM crl WHERE issuer = %s AND shard = 0", issuer);
    assert_int_equal(text_from_hex(hex, strlen(hex), &der), 0);
    const unsigned char *p = (const unsigned char *) der.data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long) der.len);
    assert_non_null(crl);
    assert_int_equal(X509_CRL_verify(crl, key_source_key(signer.ca_key)), 1);
    char entries[24];
    (void) snprintf(entries, sizeof(entries), "%d", sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)));
    assert_string_equal(entries, value("SELECT count(*) FROM revocation WHERE issuer = %s AND shard = 0", issuer));
    (void) snprintf(address, sizeof(address), "http://pki.example.jp/crl/%s-0.crl", issuer);
    assert_non_null(memmem(der.data, der.len, address, strlen(address)));
    X509_CRL_free(crl);
}

static void test_crl(void **state) {
    (void) state;
    faults_each(&context, &(struct faulty){STAGE_crl, arrange_crl, crl_work, check_crl});
}

static void arrange_ocsp(void) {
    (void) value("DELETE FROM job");
    (void) value("DELETE FROM ocsp_certificate");
    (void) value("DELETE FROM ocsp_responder");
    (void) value(
        "INSERT INTO ocsp_responder (spki) VALUES ('\\x3059301306072a8648ce3d020106082a8648ce3d03010703420004%s')",
        responder_point);
    (void) value("INSERT INTO job (stage, subject) VALUES ('ocsp', '%s')", issuer);
}

static void check_ocsp(void) {
    assert_string_equal(value("SELECT count(*) FROM ocsp_certificate WHERE issuer = %s", issuer), "1");
}

static void test_ocsp(void **state) {
    (void) state;
    faults_each(&context, &(struct faulty){STAGE_ocsp, arrange_ocsp, ocsp_work, check_ocsp});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign),   cmocka_unit_test(test_job_is_kept_while_it_is_signed),
        cmocka_unit_test(test_revoke), cmocka_unit_test(test_campaign),
        cmocka_unit_test(test_crl),    cmocka_unit_test(test_ocsp),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
