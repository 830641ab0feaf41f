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

/* The sample with another SubjectPublicKeyInfo, signed by the sample's key. */
static void sign_with_spki(const struct sample *s, const struct buf *spki, struct buf *ret) {
    _cleanup_buf_ struct buf fields = {0}, info = {0};
    struct der whole = s->info, parts = der_get(&whole, DER_SEQUENCE);
    size_t before = (size_t) (s->spki.at - parts.at);
    buf_add(&fields, parts.at, before);
    buf_add(&fields, spki->data, spki->len);
    buf_add(&fields, s->spki.at + s->spki.left, parts.left - before - s->spki.left);
    der_wrap(&info, DER_SEQUENCE, &fields);
    sign(s, info.data, info.len, ret);
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
        der_wrap(&info, DER_SEQUENCE, &made);
        sign_with_spki(s, &info, &der);
        bool good = both(&der, s->profile);
        if (good != (i + 1 == sizeof(forms) / sizeof(forms[0])))
            fail_msg("%s", forms[i].what);
    }
}

/* The codes of the errors, "916 915". */
static void expect_codes(const char *what, const struct buf *der, const struct policy_profile *profile,
                         const char *expected) {
    _cleanup_buf_ struct buf text = {0}, found = {0};
    struct problems problems = {.format = tsv_format("server-issue")};
    struct csr csr;
    size_t i;
    json_t *e;
    text_base64(&text, der->data, der->len);
    assert_int_equal(csr_check(&csr, text.data, text.len, NULL, profile, 7, &problems), 0);
    json_array_foreach(problems.list, i, e) {
        buf_printf(&found, "%s%d", i ? " " : "", (int) json_integer_value(json_object_get(e, "code")));
    }
    if (strcmp(buf_string(&found), expected) != 0)
        fail_msg("%s: expected \"%s\", found \"%s\"", what, expected, buf_string(&found));
    problems_done(&problems);
    csr_done(&csr);
}

static void spki_of(const void *algorithm, size_t algorithm_len, const void *key, size_t key_len, struct buf *ret) {
    _cleanup_buf_ struct buf fields = {0}, bits = {0};
    buf_add(&fields, algorithm, algorithm_len);
    buf_char(&bits, 0);
    buf_add(&bits, key, key_len);
    der_wrap(&fields, DER_BIT_STRING, &bits);
    der_wrap(ret, DER_SEQUENCE, &fields);
}

#define POINT 97 /* of P-384: 04, x, y */

/* SP 800-56A 5.6.2.3: points that are none, and the right point in forms that BR 7.1.3.1 does not have. */
static void test_ec_points(void **state) {
    (void) state;
    const struct sample *s = &samples[1];
    struct der spki = s->spki, fields = der_get(&spki, DER_SEQUENCE), algorithm = der_get_any(&fields);
    struct der bits = der_get(&fields, DER_BIT_STRING);
    assert_int_equal(bits.left, 1 + POINT);
    uint8_t right[POINT], off[POINT], compressed[49], hybrid[POINT], large[POINT], zero[POINT] = {0x04};
    memcpy(right, bits.at + 1, POINT);
    memcpy(off, right, POINT);
    off[POINT - 1] ^= 1;
    memcpy(compressed, right, sizeof(compressed));
    compressed[0] = (uint8_t) (0x02 | (right[POINT - 1] & 1));
    memcpy(hybrid, right, POINT);
    hybrid[0] = (uint8_t) (0x06 | (right[POINT - 1] & 1));
    memset(large, 0xFF, POINT);
    large[0] = 0x04;
    const struct {
        const char *what, *codes;
        const uint8_t *point;
        size_t len;
    } points[] = {
        {"as it must be", "", right, POINT},
        {"off the curve", "914", off, POINT},
        {"compressed", "916", compressed, sizeof(compressed)},
        {"hybrid", "916", hybrid, POINT},
        {"at infinity", "916 915", (const uint8_t *) "", 1},
        {"zeros", "914", zero, POINT},
        {"coordinates out of range", "914", large, POINT},
        {"cut", "914", right, POINT - 1},
        {"of nothing", "914", right, 0},
    };
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        _cleanup_buf_ struct buf made = {0}, der = {0};
        spki_of(algorithm.at, algorithm.left, points[i].point, points[i].len, &made);
        sign_with_spki(s, &made, &der);
        expect_codes(points[i].what, &der, s->profile, points[i].codes);
    }
}

/* The right key under another AlgorithmIdentifier: the certificate would carry it. */
static void test_algorithms(void **state) {
    (void) state;
    static const char oid_rsa[] = "1.2.840.113549.1.1.1", oid_pss[] = "1.2.840.113549.1.1.10";
    static const char oid_ec[] = "1.2.840.10045.2.1", p_256[] = "1.2.840.10045.3.1.7", p_384_oid[] = "1.3.132.0.34";
    static const struct {
        const char *what, *oid, *curve;
        int sample;
        const char *tail; /* after the OIDs */
        size_t tail_len;
        const char *codes;
    } algorithms[] = {
        {"RSA", oid_rsa, NULL, 0, "\x05\x00", 2, ""},
        {"RSA without NULL", oid_rsa, NULL, 0, "", 0, "916"},
        {"RSA with an empty SEQUENCE", oid_rsa, NULL, 0, "\x30\x00", 2, "916"},
        {"RSA with NULL twice", oid_rsa, NULL, 0, "\x05\x00\x05\x00", 4, "914"},
        {"RSA-PSS", oid_pss, NULL, 0, "", 0, "916"},
        {"EC", oid_ec, p_384_oid, 1, "", 0, ""},
        {"EC with NULL", oid_ec, NULL, 1, "\x05\x00", 2, "914"},
        {"EC without parameters", oid_ec, NULL, 1, "", 0, "914"},
        {"EC of another curve", oid_ec, p_256, 1, "", 0, "914"},
        {"EC and a tail", oid_ec, p_384_oid, 1, "\x05\x00", 2, "914"},
        {"RSA's for EC", oid_rsa, NULL, 1, "\x05\x00", 2, "914"},
    };
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        const struct sample *s = &samples[algorithms[i].sample];
        struct der spki = s->spki, fields = der_get(&spki, DER_SEQUENCE);
        (void) der_get_any(&fields);
        struct der bits = der_get(&fields, DER_BIT_STRING);
        _cleanup_buf_ struct buf inside = {0}, algorithm = {0}, made = {0}, der = {0};
        der_put_oid(&inside, algorithms[i].oid);
        if (algorithms[i].curve)
            der_put_oid(&inside, algorithms[i].curve);
        buf_add(&inside, algorithms[i].tail, algorithms[i].tail_len);
        der_wrap(&algorithm, DER_SEQUENCE, &inside);
        spki_of(algorithm.data, algorithm.len, bits.at + 1, bits.left - 1, &made);
        sign_with_spki(s, &made, &der);
        expect_codes(algorithms[i].what, &der, s->profile, algorithms[i].codes);
    }
}

/* P-384 by its numbers instead of its name: the same key, and a door for other curves (CVE-2020-0601). */
static void test_explicit_curve(void **state) {
    (void) state;
    const struct sample *s = &samples[1];
    EVP_PKEY *copy = EVP_PKEY_dup(s->key);
    unsigned char *spki = NULL;
    assert_non_null(copy);
    assert_int_equal(EVP_PKEY_set_utf8_string_param(copy, "encoding", "explicit"), 1);
    int len = i2d_PUBKEY(copy, &spki);
    assert_true(len > 200); /* the numbers are in it */
    _cleanup_buf_ struct buf made = {0}, der = {0};
    buf_add(&made, spki, (size_t) len);
    sign_with_spki(s, &made, &der);
    expect_codes("explicit", &der, s->profile, "916");
    OPENSSL_free(spki);
    EVP_PKEY_free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_changed_and_signed_anew),
        cmocka_unit_test(test_changed_afterwards),
        cmocka_unit_test(test_rsa_key_forms),
        cmocka_unit_test(test_ec_points),
        cmocka_unit_test(test_algorithms),
        cmocka_unit_test(test_explicit_curve),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
