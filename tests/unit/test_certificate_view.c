/* What the link's page shows of a certificate, and the forms it is delivered in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include "services/ingress/certificates/certificate_view.h"

static unsigned char *leaf;
static struct db_bytes leaf_der;

static void add_entry(X509_NAME *name, const char *type, const char *value) {
    assert_int_equal(X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const unsigned char *) value, -1, -1, 0),
                     1);
}

static int setup(void **state) {
    (void) state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);
    add_entry(name, "C", "JP");
    add_entry(name, "O", "国立<b>");
    add_entry(name, "CN", "www.example.ac.jp");
    assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
    assert_int_equal(X509_set_issuer_name(x, name), 1);
    assert_int_equal(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), UINT64_C(18446744073709551615)), 1);
    /* 2026-11-23T01:02:03Z and 198 days less one second later */
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x), 1795395723));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x), 1795395723 + 198 * 86400 - 1));
    assert_int_equal(X509_set_pubkey(x, key), 1);
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:www.example.ac.jp,DNS:example.ac.jp");
    X509_EXTENSION *crl = X509V3_EXT_conf_nid(NULL, NULL, NID_crl_distribution_points, "URI:http://ca.example/1.crl");
    X509_EXTENSION *access = X509V3_EXT_conf_nid(
        NULL, NULL, NID_info_access, "OCSP;URI:http://ca.example/ocsp,caIssuers;URI:http://ca.example/1.cer");
    assert_int_equal(X509_add_ext(x, names, -1), 1);
    assert_int_equal(X509_add_ext(x, crl, -1), 1);
    assert_int_equal(X509_add_ext(x, access, -1), 1);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    int len = i2d_X509(x, &leaf);
    leaf_der = (struct db_bytes){leaf, (size_t) len};
    X509_EXTENSION_free(names);
    X509_EXTENSION_free(crl);
    X509_EXTENSION_free(access);
    X509_free(x);
    EVP_PKEY_free(key);
    return len > 0 ? 0 : -1;
}

static int teardown(void **state) {
    (void) state;
    OPENSSL_free(leaf);
    return 0;
}

static void test_view(void **state) {
    (void) state;
    json_auto_t *view = certificate_view(leaf_der);
    json_auto_t *wanted =
        json_pack("{s:[sss], s:s, s:[ss], s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:[s], s:[s]}", "dn",
                  "CN=www.example.ac.jp", "O=国立<b>", "C=JP", "cn", "www.example.ac.jp", "names", "www.example.ac.jp",
                  "example.ac.jp", "serial", "18446744073709551615", "serial_hex", "0xffffffffffffffff", "issuer",
                  "www.example.ac.jp", "not_before", "2026/11/23 10:02:03", "not_after", "2027/06/09 10:02:02", "key",
                  "ECDSA prime256v1", "signature", "ecdsa-with-SHA256", "crl", "http://ca.example/1.crl", "ocsp",
                  "http://ca.example/ocsp", "ca", "http://ca.example/1.cer");
    const char *sha256 = json_string_value(json_object_get(view, "sha256")),
               *sha1 = json_string_value(json_object_get(view, "sha1"));
    unsigned char digest[EVP_MAX_MD_SIZE];
    char first[4];
    assert_int_equal(EVP_Digest(leaf, leaf_der.len, digest, NULL, EVP_sha256(), NULL), 1);
    (void) snprintf(first, sizeof(first), "%02X:", digest[0]);
    assert_int_equal(strlen(sha256), 32 * 3 - 1);
    assert_memory_equal(sha256, first, 3);
    assert_int_equal(strlen(sha1), 20 * 3 - 1);
    json_object_del(view, "sha256");
    json_object_del(view, "sha1");
    assert_true(json_equal(view, wanted));
}

static void test_unreadable(void **state) {
    (void) state;
    _cleanup_buf_ struct buf to = {0};
    assert_null(certificate_view((struct db_bytes){NULL, 0}));
    assert_null(certificate_view((struct db_bytes){"x", 1}));
    assert_null(certificate_view((struct db_bytes){leaf, leaf_der.len - 1}));
    assert_true(certificate_put(&to, CERTIFICATE_FORM_P7B, leaf_der, (struct db_bytes){"x", 1}) < 0);
}

static void test_pem(void **state) {
    (void) state;
    _cleanup_buf_ struct buf to = {0};
    assert_int_equal(certificate_put(&to, CERTIFICATE_FORM_PEM, leaf_der, leaf_der), 0);
    BIO *bio = BIO_new_mem_buf(to.data, (int) to.len);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    unsigned char *der = NULL;
    assert_int_equal(i2d_X509(x, &der), leaf_der.len);
    assert_memory_equal(der, leaf, leaf_der.len);
    for (const char *line = buf_string(&to); *line; line = strchr(line, '\n') + 1)
        assert_true(strcspn(line, "\n") <= 64);
    OPENSSL_free(der);
    X509_free(x);
    BIO_free(bio);
}

static void test_p7b(void **state) {
    (void) state;
    _cleanup_buf_ struct buf to = {0};
    assert_int_equal(certificate_put(&to, CERTIFICATE_FORM_P7B, leaf_der, leaf_der), 0);
    const unsigned char *p = (const unsigned char *) to.data;
    PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long) to.len);
    assert_non_null(p7);
    assert_int_equal(sk_X509_num(p7->d.sign->cert), 2);
    assert_int_equal(sk_PKCS7_SIGNER_INFO_num(PKCS7_get_signer_info(p7)), 0);
    PKCS7_free(p7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_pem),
        cmocka_unit_test(test_p7b),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
