/* Certificates as built: read back by OpenSSL, byte for byte; and the lint that must notice every change. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "../services/signer/certificate.h"
#include "../services/signer/lint.h"
#include "base/clock.h"
#include "base/text.h"
#include "der.h"

static const char policy_text[] =
    "[policy]\nname = test\n[validity]\n2026-03-04 = 198\n[subject]\nou = refuse\nlocality = true\nstate_or_province = "
    "true\n"
    "[match]\nkey = cn\n[profiles]\n3 = rsa:2048\n11 = ec:secp384r1\n[names]\nmax = 8\n[extensions]\n"
    "policies = 2.23.140.1.2.2 1.2.392.200091.100.901.11\ncps = https://example.jp/cps\nclient_auth = false\n"
    "subject_key_identifier = true\n[crl]\ndays = 7\nhours = 24\n[holder]\ncheck = true\n[delivery]\ndays = 30\nremind "
    "= 7\nlapsed = 1\n"
    "[renewal]\nremind = 14\nreason = 4\n[expiry]\ndays = 30 7\n";

static struct policy policy;
static struct issuer issuer;
static struct profile profile;
static EVP_PKEY *ca_key, *leaf_key;
static struct buf spki;
static const char *const names[] = {"www.example.ac.jp", "xn--eckwd4c7c.example.jp"};

static void make_ca(struct buf *to) {
    X509 *x = X509_new();
    X509V3_CTX ctx;
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const unsigned char *) "印鑑 CA", -1, -1,
                               0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_time_adj_ex(X509_getm_notAfter(x), 3650, 0, NULL);
    X509_set_pubkey(x, ca_key);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    static const struct {
        int nid;
        const char *value;
    } extensions[] = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                      {NID_key_usage, "critical,keyCertSign,cRLSign"},
                      {NID_subject_key_identifier, "hash"}};
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, extensions[i].nid, extensions[i].value);
        X509_add_ext(x, e, -1);
        X509_EXTENSION_free(e);
    }
    X509_sign(x, ca_key, EVP_sha256());
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    buf_add(to, der, (size_t) len);
    OPENSSL_free(der);
    X509_free(x);
}

static int setup(void **state) {
    (void) state;
    _cleanup_buf_ struct buf errors = {0}, ca = {0};
    if (policy_parse(&policy, policy_text, strlen(policy_text), &errors) < 0)
        return -1;
    ca_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    leaf_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    make_ca(&ca);
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(leaf_key, &der);
    buf_add(&spki, der, (size_t) len);
    OPENSSL_free(der);
    if (issuer_load(&issuer, 7, (struct db_bytes){ca.data, ca.len}, 16, ca_key) < 0)
        return -1;
    return profile_make(&profile, &issuer, &policy, "http://pki.example.jp");
}

static int teardown(void **state) {
    (void) state;
    profile_done(&profile);
    issuer_done(&issuer);
    buf_done(&spki);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(leaf_key);
    return 0;
}

static struct content content_now(void) {
    int64_t now = clock_realtime_usec() / USEC_PER_SEC * USEC_PER_SEC;
    return (struct content){.serial = {0x00, 0x80, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0x12, 0x34},
                            .not_before_usec = now,
                            .not_after_usec = now + (198 * SEC_PER_DAY - 1) * USEC_PER_SEC,
                            .st = "Tokyo",
                            .l = "Chiyoda-ku",
                            .o = "testkikan",
                            .cn = names[0],
                            .names = names,
                            .names_count = ARRAY_SIZE(names),
                            .spki = {spki.data, spki.len}};
}

static X509 *build_and_sign(const struct content *content, struct buf *tbs) {
    _cleanup_buf_ struct buf der = {0};
    assert_int_equal(certificate_build(tbs, &profile, content), 0);
    assert_int_equal(issuer_sign(&der, &issuer, tbs->data, tbs->len), 0);
    const unsigned char *p = (const unsigned char *) der.data;
    X509 *x = d2i_X509(NULL, &p, (long) der.len);
    assert_non_null(x);
    unsigned char *again = NULL;
    int len = i2d_X509(x, &again);
    assert_int_equal(len, der.len);
    assert_memory_equal(again, der.data, der.len);
    OPENSSL_free(again);
    return x;
}

static void test_read_back(void **state) {
    (void) state;
    _cleanup_buf_ struct buf tbs = {0};
    struct content content = content_now();
    X509 *x = build_and_sign(&content, &tbs);
    assert_int_equal(X509_verify(x, ca_key), 1);
    assert_int_equal(X509_get_version(x), X509_VERSION_3);
    assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(issuer.certificate)), 0);
    char *subject = X509_NAME_oneline(X509_get_subject_name(x), NULL, 0);
    assert_string_equal(subject, "/C=JP/ST=Tokyo/L=Chiyoda-ku/O=testkikan/CN=www.example.ac.jp");
    OPENSSL_free(subject);
    assert_int_equal(X509_check_host(x, names[1], 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL), 1);
    assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0), 1);
    assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_extended_key_usage(x), XKU_SSL_SERVER);
    assert_int_equal(X509_check_issued(issuer.certificate, x), X509_V_OK);
    int days = 0, seconds = 0;
    assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(x), X509_get0_notAfter(x)), 1);
    assert_int_equal(days * SEC_PER_DAY + seconds, 198 * SEC_PER_DAY - 1);
    X509_free(x);
}

static void test_addresses(void **state) {
    (void) state;
    _cleanup_buf_ struct buf tbs = {0};
    struct content content = content_now();
    X509 *x = build_and_sign(&content, &tbs);
    CRL_DIST_POINTS *points = X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);
    assert_int_equal(sk_DIST_POINT_num(points), 1);
    const GENERAL_NAME *uri = sk_GENERAL_NAME_value(sk_DIST_POINT_value(points, 0)->distpoint->name.fullname, 0);
    /* 0x1234 mod 16 */
    assert_string_equal((const char *) ASN1_STRING_get0_data(uri->d.ia5), "http://pki.example.jp/crl/7-4.crl");
    AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(x, NID_info_access, NULL, NULL);
    static const char *const wanted[] = {"http://pki.example.jp/ocsp", "http://pki.example.jp/ca/7.cer"};
    assert_int_equal(sk_ACCESS_DESCRIPTION_num(access), ARRAY_SIZE(wanted));
    for (int i = 0; i < (int) ARRAY_SIZE(wanted); i++)
        assert_string_equal(
            (const char *) ASN1_STRING_get0_data(sk_ACCESS_DESCRIPTION_value(access, i)->location->d.ia5), wanted[i]);
    CERTIFICATEPOLICIES *policies = X509_get_ext_d2i(x, NID_certificate_policies, NULL, NULL);
    assert_int_equal(sk_POLICYINFO_num(policies), 2);
    CRL_DIST_POINTS_free(points);
    AUTHORITY_INFO_ACCESS_free(access);
    CERTIFICATEPOLICIES_free(policies);
    X509_free(x);
}

static const char *lint(const struct buf *tbs, size_t len, const struct content *content, const struct policy *under) {
    const struct lint against = {&issuer, under, "http://pki.example.jp", content};
    return lint_tbs(tbs->data, len, &against);
}

static void test_lint_accepts(void **state) {
    (void) state;
    _cleanup_buf_ struct buf tbs = {0};
    struct content content = content_now();
    assert_int_equal(certificate_build(&tbs, &profile, &content), 0);
    assert_null(lint(&tbs, tbs.len, &content, &policy));
    int64_t from = 0, to = 0;
    assert_int_equal(lint_validity(tbs.data, tbs.len, &from, &to), 0);
    assert_true(from == content.not_before_usec && to == content.not_after_usec);
}

static void test_lint_refuses_other_contents(void **state) {
    (void) state;
    static const char *const other_names[] = {"www.example.ac.jp", "evil.example.com"}, *const ous[] = {"Lab"};
    _cleanup_buf_ struct buf tbs = {0}, other_spki = {0};
    struct content content = content_now(), other;
    assert_int_equal(certificate_build(&tbs, &profile, &content), 0);
    buf_add(&other_spki, spki.data, spki.len);
    other_spki.data[other_spki.len - 1] ^= 1;
#define REFUSED(field, value)                                                                                          \
    other = content;                                                                                                   \
    other.field = value;                                                                                               \
    assert_non_null(lint(&tbs, tbs.len, &other, &policy))
    REFUSED(serial[15], 0x35);
    REFUSED(not_before_usec, content.not_before_usec + USEC_PER_SEC);
    REFUSED(st, "Osaka");
    REFUSED(l, NULL);
    REFUSED(o, "testkikan2");
    REFUSED(cn, "ww.example.ac.jp");
    REFUSED(names, other_names);
    REFUSED(names_count, 1);
    REFUSED(rsa, true);
    REFUSED(spki.data, other_spki.data);
    other = content;
    other.ous = ous;
    other.ous_count = 1;
    assert_non_null(lint(&tbs, tbs.len, &other, &policy));
}

/* The same bytes under a policy that would have had them otherwise, each in one point. */
static void test_policy_refuses_what_is_no_oid(void **state) {
    (void) state;
    static const char *const wrong[] = {"2.4294967295", "1.40.1", "2.01", "1", "1..2", "3.1", "1.2.x"};
    const char *at = strstr(policy_text, "1.2.392.200091.100.901.11");
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct policy refused;
        _cleanup_buf_ struct buf text = {0}, errors = {0};
        buf_add(&text, policy_text, (size_t) (at - policy_text));
        buf_text(&text, wrong[i]);
        buf_text(&text, at + strlen("1.2.392.200091.100.901.11"));
        assert_int_equal(policy_parse(&refused, text.data, text.len, &errors), -EINVAL);
        assert_non_null(strstr(buf_string(&errors), "policies"));
    }
}

static void test_lint_refuses_other_policies(void **state) {
    (void) state;
    _cleanup_buf_ struct buf tbs = {0};
    struct content content = content_now();
    struct policy other;
    assert_int_equal(certificate_build(&tbs, &profile, &content), 0);
#define REFUSED_UNDER(change)                                                                                          \
    other = policy;                                                                                                    \
    change;                                                                                                            \
    assert_non_null(lint(&tbs, tbs.len, &content, &other))
    REFUSED_UNDER(other.periods[0].validity_days = 199);
    REFUSED_UNDER(other.locality = false);
    REFUSED_UNDER(other.state_or_province = false);
    REFUSED_UNDER(other.client_auth = true);
    REFUSED_UNDER(other.subject_key_identifier = false);
    REFUSED_UNDER(other.policy_oids_count = 1);
    REFUSED_UNDER(other.policy_oids[1][0] = '2');
    REFUSED_UNDER(other.cps_uri[0] = '\0');
    REFUSED_UNDER(other.cps_uri[8] = 'x');
    REFUSED_UNDER(other.profiles[1].key = POLICY_KEY_RSA);
    REFUSED_UNDER(other.profiles_count = 1);
    const struct lint elsewhere = {&issuer, &policy, "http://pki.example.org", &content};
    assert_non_null(lint_tbs(tbs.data, tbs.len, &elsewhere));
}

/* What the builder would put in although no certificate may have it: the lint knows the rules by itself. */
static void test_lint_knows_the_rules(void **state) {
    (void) state;
    static const char *const bad[] = {"under_score.example.ac.jp", "Www.example.ac.jp",  "*.example.ac.jp",
                                      "-www.example.ac.jp",        "www-.example.ac.jp", "www..example.ac.jp",
                                      "ab--c.example.jp",          "localhost",          "192.0.2.1",
                                      "www.example.ac.jp."};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_buf_ struct buf tbs = {0};
        struct content content = content_now();
        content.cn = bad[i];
        content.names = &bad[i];
        content.names_count = 1;
        assert_int_equal(certificate_build(&tbs, &profile, &content), 0);
        assert_string_equal(lint(&tbs, tbs.len, &content, &policy), "subjectAltName");
    }
    static const char *const twice[] = {"www.example.ac.jp", "www.example.ac.jp"}, *const without_cn[] = {
                                                                                       "a.example.jp"};
    _cleanup_buf_ struct buf tbs = {0};
    struct content content = content_now();
    content.names = twice;
    assert_int_equal(certificate_build(&tbs, &profile, &content), 0);
    assert_string_equal(lint(&tbs, tbs.len, &content, &policy), "subjectAltName");
    content.names = without_cn;
    content.names_count = 1;
    assert_int_equal(certificate_build(&tbs, &profile, &content), 0);
    assert_string_equal(lint(&tbs, tbs.len, &content, &policy), "subjectAltName");
    content = content_now();
    content.o = "An organisation whose name has sixty-five characters, one too many";
    assert_int_equal(certificate_build(&tbs, &profile, &content), 0);
    assert_string_equal(lint(&tbs, tbs.len, &content, &policy), "subject");
}

/* No byte goes unread: each one changed, in each of its bits, is refused. */
static void refuse_every_change(const struct content *content, const struct policy *under) {
    _cleanup_buf_ struct buf tbs = {0};
    struct profile constants;
    assert_int_equal(profile_make(&constants, &issuer, under, "http://pki.example.jp"), 0);
    assert_int_equal(certificate_build(&tbs, &constants, content), 0);
    assert_null(lint(&tbs, tbs.len, content, under));
    for (size_t i = 0; i < tbs.len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            tbs.data[i] = (char) (tbs.data[i] ^ 1 << bit);
            if (!lint(&tbs, tbs.len, content, under))
                fail_msg("byte %zu bit %u: not noticed", i, bit);
            tbs.data[i] = (char) (tbs.data[i] ^ 1 << bit);
        }
    for (size_t cut = 0; cut < tbs.len; cut++)
        assert_non_null(lint(&tbs, cut, content, under));
    buf_char(&tbs, 0);
    assert_non_null(lint(&tbs, tbs.len, content, under));
    profile_done(&constants);
}

static void test_lint_reads_every_byte(void **state) {
    (void) state;
    static const char *const ous[] = {"Media Center", "Network"};
    struct content content = content_now();
    refuse_every_change(&content, &policy);
    struct policy manual = policy;
    manual.ou = POLICY_OU_LISTED;
    manual.client_auth = true;
    manual.policy_oids_count = 1;
    manual.cps_uri[0] = '\0';
    EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 2048);
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(rsa, &der);
    content.spki = (struct db_bytes){der, (size_t) len};
    content.rsa = true;
    content.ous = ous;
    content.ous_count = ARRAY_SIZE(ous);
    refuse_every_change(&content, &manual);
    OPENSSL_free(der);
    EVP_PKEY_free(rsa);
}

static void test_serial_encoding(void **state) {
    (void) state;
    static const uint8_t serials[][SERIAL_BYTES] = {
        {[15] = 1}, {[14] = 0x80}, {0x7f, [15] = 0xff}, {[0] = 0, [1] = 0x7f}, {[8] = 0xff}};
    for (size_t i = 0; i < ARRAY_SIZE(serials); i++) {
        _cleanup_buf_ struct buf tbs = {0};
        struct content content = content_now();
        memcpy(content.serial, serials[i], SERIAL_BYTES);
        X509 *x = build_and_sign(&content, &tbs);
        BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
        uint8_t back[SERIAL_BYTES];
        assert_int_equal(BN_is_negative(n), 0);
        assert_int_equal(BN_bn2binpad(n, back, SERIAL_BYTES), SERIAL_BYTES);
        assert_memory_equal(back, serials[i], SERIAL_BYTES);
        BN_free(n);
        X509_free(x);
    }
}

static void test_dates_from_2050(void **state) {
    (void) state;
    _cleanup_buf_ struct buf tbs = {0};
    struct content content = content_now();
    int64_t first = 0;
    assert_int_equal(clock_parse_date("2049-12-31", &first), 0);
    content.not_before_usec = first;
    content.not_after_usec = first + (198 * SEC_PER_DAY - 1) * USEC_PER_SEC;
    X509 *x = build_and_sign(&content, &tbs);
    assert_int_equal(X509_get0_notBefore(x)->type, V_ASN1_UTCTIME);
    assert_int_equal(X509_get0_notAfter(x)->type, V_ASN1_GENERALIZEDTIME);
    X509_free(x);
}

static void test_policy_dates(void **state) {
    (void) state;
    int64_t day = 0;
    assert_int_equal(clock_parse_date("2026-03-04", &day), 0);
    assert_int_equal(policy_validity_days(&policy, day - 1), 0);
    assert_int_equal(policy_validity_days(&policy, day), 198);
}

static void test_der_reader(void **state) {
    (void) state;
    static const struct {
        const char *bytes;
        size_t len;
        bool good;
    } cases[] = {{"\x30\x00", 2, true},          {"\x30\x81\x01\x00", 4, false},
                 {"\x30\x80\x00\x00", 4, false}, {"\x30\x01", 2, false},
                 {"\x31\x00", 2, false},         {"", 0, false},
                 {"\x30\x82\x00\x81", 4, false}, {"\x30\x84\xff\xff\xff\xff", 6, false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct der d = der_of(cases[i].bytes, cases[i].len);
        struct der got = der_get(&d, DER_SEQUENCE);
        assert_int_equal(!got.failed && !d.failed, cases[i].good);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_lint_accepts),
        cmocka_unit_test(test_lint_refuses_other_contents),
        cmocka_unit_test(test_policy_refuses_what_is_no_oid),
        cmocka_unit_test(test_lint_refuses_other_policies),
        cmocka_unit_test(test_lint_knows_the_rules),
        cmocka_unit_test(test_lint_reads_every_byte),
        cmocka_unit_test(test_serial_encoding),
        cmocka_unit_test(test_dates_from_2050),
        cmocka_unit_test(test_policy_dates),
        cmocka_unit_test(test_der_reader),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
