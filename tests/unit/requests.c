#include "requests.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

/* Published keys of Debian's broken generator: of Boulder's tests and of badkeys'. */
const char requests_debian[] =
    "D673252AF6723C3F72529403EAB7C30DEF3C52F97E799825F4A70191C616ADCF1ECE1113F1625971074C492C592025FD"
    "EADBDB146A081826BDF0D77C3C913DCF1B6F0B3B78F5108D2E493AD0EEE8CA5C021711ADC13D358E61133870FCD19C8E"
    "5C22403959782AA82E72AEE53A3D491E3912CE27B27E1A85EA69C19A527D28F7934C9823B7E56FDD657DAC83FDC65BB2"
    "2A98D843DF73238919781B714C81A5E2AFEC71F5C54AA2A27C590AD94C03C1062D50EFCFFAC743E3C8A3AE056846A1D7"
    "56EB862BF4224169D467C35215ADE0AFCC11E85FE629AFB802C4786FF2E9C929BCCF502B3D3B8876C6A11785CC398B38"
    "9F1D86BDD9CB0BD4EC13956EC3FA270D";
const char requests_debian_b[] =
    "C096530C4C4A343FC388FF8B6E14C88B617485966DD0F757F3DECB2F03DFDFE6F518E0948F5387059BD5AA124F26D38F"
    "139DD6EBC234360561689758E9B14E03F714508167374CBF64E24E26C3CD95ED5A5D04E3C404BE157BB8090E9ADA9CDC"
    "53EF7E806C1E77B5F10242150A24E9ADF991088DAF20A75BEB54BC91FE43DD8755447FD3ABDEFB9F1C987A8B04198245"
    "04E213F8DD26A9C6B7ED2F2103D8422720F7A7400CE34743E4CE40440C69013EFEA2A39790FCDFCCBB424DA1D824ADFE"
    "58071ED76D41AF836E4093EA60F5719E250FA214F8631153A81EEFC17D82E3F819DA57691ED9602550074FDEA73AC9E5"
    "CFE10F6B91ADC31B402C3E370B03A559";

static EVP_PKEY *keys[KEYS];

static EVP_PKEY *rsa_with_exponent(unsigned bits, unsigned long exponent) {
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    BIGNUM *e = BN_new();
    assert_true(BN_set_word(e, exponent));
    assert_true(EVP_PKEY_keygen_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int) bits) > 0 &&
                EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) > 0 && EVP_PKEY_generate(ctx, &key) > 0);
    BN_free(e);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* A public key that nobody holds: its request is signed by another one. */
static EVP_PKEY *rsa_of_modulus(const BIGNUM *n) {
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *e = BN_new();
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    assert_true(BN_set_word(e, 65537) && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
                OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e));
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    assert_true(EVP_PKEY_fromdata_init(ctx) > 0 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) > 0);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    BN_free(e);
    return key;
}

bool has_small_factor(const BIGNUM *n) {
    for (unsigned d = 2; d < 752; d++)
        if (BN_mod_word(n, d) == 0)
            return true;
    return false;
}

static EVP_PKEY *weak_key(enum key kind) {
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = BN_new(), *a = BN_new(), *b = BN_new();
    if (kind == SMALL_FACTOR) {
        do
            assert_true(BN_rand(n, 2048, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD));
        while (BN_mod_word(n, 3) == 0 || BN_mod_word(n, 5) == 0 || BN_mod_word(n, 7) != 0);
    } else if (kind == EVEN) {
        assert_true(BN_rand(n, 2048, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY) && BN_clear_bit(n, 0));
    } else if (kind == DEBIAN || kind == DEBIAN_B) {
        assert_int_equal(BN_hex2bn(&n, kind == DEBIAN ? requests_debian : requests_debian_b), 512);
    } else if (kind == SQUARE) {
        assert_true(BN_generate_prime_ex(a, 1024, 0, NULL, NULL, NULL) && BN_sqr(n, a, ctx));
    } else if (kind == CUBE) {
        do
            assert_true(BN_generate_prime_ex(a, 683, 0, NULL, NULL, NULL) && BN_sqr(n, a, ctx) && BN_mul(n, n, a, ctx));
        while (BN_num_bits(n) != 2048);
    } else if (kind == POWER) {
        assert_true(BN_set_word(a, 1249) && BN_set_word(b, 199) && BN_exp(n, a, b, ctx)); /* 2048 bits, of primes */
    } else if (kind == FERMAT) {
        do {
            assert_true(BN_rand(a, 1024, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD) && BN_set_word(b, 4096));
            assert_true(BN_sqr(n, a, ctx) && BN_sqr(b, b, ctx) && BN_sub(n, n, b));
        } while (has_small_factor(n));
    } else {
        /* k M + 65537^x with M the product of the first primes, as the chips made them */
        assert_true(BN_one(a) && BN_set_word(b, 65537));
        for (unsigned prime = 2; prime <= 701; prime++) {
            bool is_prime = true;
            for (unsigned d = 2; d * d <= prime; d++)
                is_prime = is_prime && prime % d != 0;
            if (is_prime)
                assert_true(BN_mul_word(a, prime));
        }
        BIGNUM *x = BN_new();
        do {
            assert_true(BN_rand(x, 200, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) && BN_mod_exp(n, b, x, a, ctx));
            assert_true(BN_rand(x, 2048 - BN_num_bits(a), BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY) &&
                        BN_mul(x, x, a, ctx) && BN_add(n, n, x));
        } while (has_small_factor(n) || BN_num_bits(n) != 2048);
        BN_free(x);
    }
    EVP_PKEY *key = rsa_of_modulus(n);
    BN_free(n);
    BN_free(a);
    BN_free(b);
    BN_CTX_free(ctx);
    return key;
}

static EVP_PKEY *make_key(enum key kind) {
    switch (kind) {
    case RSA2048:
    case RSA2048_B:
        return EVP_RSA_gen(2048);
    case RSA1024:
        return EVP_RSA_gen(1024);
    case RSA4096:
        return EVP_RSA_gen(4096);
    case RSA_E3:
        return rsa_with_exponent(2048, 3);
    case RSA_E_LARGE:
        return rsa_with_exponent(2048, 65539);
    case P384:
        return EVP_EC_gen("P-384");
    case P256:
        return EVP_EC_gen("P-256");
    case ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    default:
        return weak_key(kind);
    }
}

EVP_PKEY *requests_key(enum key kind) {
    if (!keys[kind])
        keys[kind] = make_key(kind);
    assert_non_null(keys[kind]);
    return keys[kind];
}

void requests_done(void) {
    for (size_t i = 0; i < KEYS; i++) {
        EVP_PKEY_free(keys[i]);
        keys[i] = NULL;
    }
}

/* One value in a string type, most of which OpenSSL does not write by itself. */
static void add_value(X509_NAME *name, const char *attribute, const char *value, int type, int set) {
    unsigned char bytes[400];
    size_t width = type == V_ASN1_BMPSTRING ? 2 : type == V_ASN1_UNIVERSALSTRING ? 4 : 1, len = 0;
    for (const char *p = value; *p; p++) {
        for (size_t i = 1; i < width; i++)
            bytes[len++] = 0;
        bytes[len++] = *p == '~' ? '\0' : (unsigned char) *p;
    }
    assert_true(X509_NAME_add_entry_by_txt(name, attribute, type ? type : MBSTRING_UTF8, bytes, (int) len, -1, set));
}

static X509_REQ *request_build(const struct request *r) {
    X509_REQ *req = X509_REQ_new();
    X509_NAME *name = X509_REQ_get_subject_name(req);
    char *copy = strdup(r->subject), *save = NULL;
    for (char *p = strtok_r(copy, "|", &save); p; p = strtok_r(NULL, "|", &save)) {
        int set = *p == '+' ? -1 : 0;
        p += set ? 1 : 0;
        char *value = strchr(p, '=');
        *value++ = '\0';
        add_value(name, p, value, r->string, set);
    }
    free(copy);
    assert_true(X509_REQ_set_pubkey(req, requests_key(r->key)) && X509_REQ_set_version(req, r->version_2 ? 1 : 0));
    EVP_PKEY *signer = requests_key(r->key >= SMALL_FACTOR ? RSA2048 : r->key);
    assert_true(X509_REQ_sign(req, signer, r->key == ED25519 ? NULL : r->digest ? r->digest() : EVP_sha256()) > 0);
    return req;
}

char *request_text(const struct request *r) {
    X509_REQ *req = request_build(r);
    unsigned char *der = NULL;
    int len = i2d_X509_REQ(req, &der);
    struct buf bytes = {0}, text = {0};
    assert_true(len > 0);
    if (r->broken_signature)
        der[len - 20] ^= 1;
    buf_add(&bytes, der, (size_t) len);
    buf_text(&bytes, r->tail ? r->tail : "");
    text_base64(&text, bytes.data, bytes.len);
    buf_done(&bytes);
    OPENSSL_free(der);
    X509_REQ_free(req);
    return buf_steal(&text);
}
