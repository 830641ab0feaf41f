/*
 * CSRs are taken apart by the validator's own reader. Whatever it accepts, OpenSSL must accept too and find the same key in:
 * real requests are changed at every byte, signed anew, and shown to both.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "der.h"
#include "services/validator/csr.h"

static struct policy_profile rsa_2048 = {3, POLICY_KEY_RSA, 2048, "RSA 2048"},
                             p_384 = {11, POLICY_KEY_EC, 384, "ECDSA P-384"};

struct sample {
    EVP_PKEY *key;
    const struct policy_profile *profile;
    unsigned char *der;
    size_t len;
    struct der info, spki, algorithm; /* inside der */
};

static void make(struct sample *s, EVP_PKEY *key, const struct policy_profile *profile) {
    X509_REQ *req = X509_REQ_new();
    X509_NAME *name = X509_REQ_get_subject_name(req);
    assert_non_null(key);
    assert_true(
        X509_NAME_add_entry_by_txt(name, "C", MBSTRING_UTF8, (const unsigned char *) "JP", -1, -1, 0) &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *) "www.example.ac.jp", -1, -1, 0));
    assert_true(X509_REQ_add1_attr_by_txt(req, "challengePassword", MBSTRING_UTF8, (const unsigned char *) "abc", -1));
    assert_true(X509_REQ_set_pubkey(req, key) && X509_REQ_sign(req, key, EVP_sha256()) > 0);
    *s = (struct sample){.key = key, .profile = profile};
    s->len = (size_t) i2d_X509_REQ(req, &s->der);
    X509_REQ_free(req);
    struct der all = der_of(s->der, s->len), fields = der_get(&all, DER_SEQUENCE);
    s->info = der_get_any(&fields);
    s->algorithm = der_get_any(&fields);
    struct der info = s->info, parts = der_get(&info, DER_SEQUENCE);
    (void) der_get_any(&parts);
    (void) der_get_any(&parts);
    s->spki = der_get_any(&parts);
    assert_false(s->spki.failed);
}

static void sign(const struct sample *s, const void *info, size_t len, struct buf *ret) {
    unsigned char signature[1 + 512] = {0};
    size_t signature_len = sizeof(signature) - 1;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_true(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, s->key) == 1 &&
                EVP_DigestSign(ctx, signature + 1, &signature_len, info, len) == 1);
    EVP_MD_CTX_free(ctx);
    _cleanup_buf_ struct buf fields = {0};
    buf_add(&fields, info, len);
    buf_add(&fields, s->algorithm.at, s->algorithm.left);
    der_put(&fields, DER_BIT_STRING, signature, signature_len + 1);
    buf_reset(ret);
    der_wrap(ret, DER_SEQUENCE, &fields);
}

static bool accepted(const struct buf *der, const struct policy_profile *profile, struct csr *ret) {
    _cleanup_buf_ struct buf text = {0};
    struct problems problems = {.format = tsv_format("server-issue")};
    text_base64(&text, der->data, der->len);
    assert_int_equal(csr_check(ret, text.data, text.len, NULL, profile, 7, &problems), 0);
    bool good = !problems_any(&problems);
    problems_done(&problems);
    return good;
}

/* True when the reader accepts; fails the test where OpenSSL does not or finds another key. */
static bool both(const struct buf *der, const struct policy_profile *profile) {
    struct csr csr;
    bool good = accepted(der, profile, &csr);
    if (good) {
        const unsigned char *p = (const unsigned char *) der->data;
        unsigned char *spki = NULL;
        X509_REQ *req = d2i_X509_REQ(NULL, &p, (long) der->len);
        assert_non_null(req);
        assert_ptr_equal(p, der->data + der->len);
        assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
        int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &spki);
        assert_int_equal(csr.spki_len, len);
        assert_memory_equal(csr.spki, spki, (size_t) len);
        OPENSSL_free(spki);
        X509_REQ_free(req);
    }
    csr_done(&csr);
    return good;
}

static struct sample samples[2];

static int begin(void **state) {
    (void) state;
    make(&samples[0], EVP_RSA_gen(2048), &rsa_2048);
    make(&samples[1], EVP_EC_gen("P-384"), &p_384);
    return 0;
}

static int end(void **state) {
    (void) state;
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY_free(samples[i].key);
        OPENSSL_free(samples[i].der);
    }
    return 0;
}

static void test_good(void **state) {
    (void) state;
    for (size_t i = 0; i < 2; i++) {
        struct buf der = {.data = (char *) samples[i].der, .len = samples[i].len};
        assert_true(both(&der, samples[i].profile));
    }
}

/* The signed part changed at every byte (the key aside, which then would not be the signer's) and signed anew. */
static void test_changed_and_signed_anew(void **state) {
    (void) state;
    static const uint8_t flips[] = {0x01, 0x20, 0x80};
    for (size_t i = 0; i < 2; i++) {
        const struct sample *s = &samples[i];
        _cleanup_buf_ struct buf info = {0}, der = {0};
        int good = 0, bad = 0;
        for (size_t at = 0; at < s->info.left; at++) {
            if (s->info.at + at >= s->spki.at && s->info.at + at < s->spki.at + s->spki.left)
                continue;
            for (size_t flip = 0; flip < sizeof(flips); flip++) {
                buf_reset(&info);
                buf_add(&info, s->info.at, s->info.left);
                info.data[at] = (char) (info.data[at] ^ (char) flips[flip]);
                sign(s, info.data, info.len, &der);
                *(both(&der, s->profile) ? &good : &bad) += 1;
            }
        }
        assert_true(good > 20 && bad > 20);
    }
}

/* Every byte of the whole changed, left out or doubled: never accepted, unless it is outside of what is signed and harmless. */
static void test_changed_afterwards(void **state) {
    (void) state;
    for (size_t i = 0; i < 2; i++) {
        const struct sample *s = &samples[i];
        _cleanup_buf_ struct buf der = {0};
        for (size_t at = 0; at < s->len; at++) {
            buf_reset(&der);
            buf_add(&der, s->der, s->len);
            der.data[at] = (char) (der.data[at] ^ 0x01);
            assert_false(both(&der, s->profile));
            buf_reset(&der);
            buf_add(&der, s->der, at);
            buf_add(&der, s->der + at + 1, s->len - at - 1);
            assert_false(both(&der, s->profile));
            buf_reset(&der);
            buf_add(&der, s->der, at);
            assert_false(both(&der, s->profile));
        }
    }
}

/* Numbers of an RSA key that are not in their shortest form, negative, or followed by something. */
static void test_rsa_key_forms(void **state) {
    (void) state;
    static const struct {
        const char *what;
        uint8_t e[8];
        size_t e_len;
    } forms[] = {
        {"zero in front", {0x02, 0x04, 0x00, 0x01, 0x00, 0x01}, 6},
        {"no number", {0x02, 0x00}, 2},
        {"another tag", {0x04, 0x03, 0x01, 0x00, 0x01}, 5},
        {"a tail", {0x02, 0x03, 0x01, 0x00, 0x01, 0x05, 0x00}, 7},
        {"long length", {0x02, 0x81, 0x03, 0x01, 0x00, 0x01}, 6},
        {"as it must be", {0x02, 0x03, 0x01, 0x00, 0x01}, 5},
    };
    const struct sample *s = &samples[0];
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct der spki = s->spki, fields = der_get(&spki, DER_SEQUENCE), algorithm = der_get_any(&fields);
        struct der bits = der_get(&fields, DER_BIT_STRING);
        bits.at++;
        bits.left--;
        struct der pair = der_get(&bits, DER_SEQUENCE), n = der_get_any(&pair);
        _cleanup_buf_ struct buf numbers = {0}, key = {0}, made = {0}, info = {0}, der = {0};
        buf_add(&numbers, n.at, n.left);
        buf_add(&numbers, forms[i].e, forms[i].e_len);
        buf_char(&key, 0);
        der_wrap(&key, DER_SEQUENCE, &numbers);
        buf_add(&made, algorithm.at, algorithm.left);
        der_wrap(&made, DER_BIT_STRING, &key);
        struct der whole = s->info, parts = der_get(&whole, DER_SEQUENCE);
        size_t before = (size_t) (s->spki.at - parts.at);
        buf_add(&numbers, parts.at, before);
        der_wrap(&numbers, DER_SEQUENCE, &made);
        buf_add(&numbers, s->spki.at + s->spki.left, parts.left - before - s->spki.left);
        der_wrap(&info, DER_SEQUENCE, &numbers);
        sign(s, info.data, info.len, &der);
        bool good = both(&der, s->profile);
        if (good != (i + 1 == sizeof(forms) / sizeof(forms[0])))
            fail_msg("%s", forms[i].what);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_changed_and_signed_anew),
        cmocka_unit_test(test_changed_afterwards),
        cmocka_unit_test(test_rsa_key_forms),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
