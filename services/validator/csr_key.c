#include "csr_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "key_weak.h"

#define RSA_VERIFY_BITS_MAX 8192
#define RSA_EXPONENT 65537

DEFINE_CLEANUP(BIGNUM *, BN_free)

/* AlgorithmIdentifiers as BR 7.1.3.1 wants them, byte for byte: the certificate carries the CSR's. */
static const uint8_t rsa_algorithm[] = {0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                        0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00};
static const uint8_t p384_algorithm[] = {0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D,
                                         0x02, 0x01, 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};
#define P384_POINT_BYTES 97 /* uncompressed: 04, x, y */

static void describe(X509_PUBKEY *pubkey, EVP_PKEY *key, struct buf *to) {
    char name[80] = "?";
    ASN1_OBJECT *oid = NULL;
    if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        buf_printf(to, "RSA %d", EVP_PKEY_get_bits(key));
    } else if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
        buf_printf(to, "ECDSA %s", EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) ? name : "?");
    } else {
        if (X509_PUBKEY_get0_param(&oid, NULL, NULL, NULL, pubkey))
            (void) OBJ_obj2txt(name, sizeof(name), oid, 0);
        buf_text(to, name);
    }
}

static bool algorithm_is(X509_PUBKEY *pubkey, const uint8_t *der, size_t len) {
    X509_ALGOR *algorithm = NULL;
    unsigned char found[64], *p = found;
    if (!X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, pubkey))
        return false;
    int n = i2d_X509_ALGOR(algorithm, NULL);
    if (n != (int) len || n > (int) sizeof(found))
        return false;
    (void) i2d_X509_ALGOR(algorithm, &p);
    return memcmp(found, der, len) == 0;
}

static bool is_uncompressed_p384(X509_PUBKEY *pubkey) {
    const unsigned char *point = NULL;
    int len = 0;
    return X509_PUBKEY_get0_param(NULL, &point, &len, NULL, pubkey) && len == P384_POINT_BYTES && point[0] == 0x04;
}

/*
 * Whether the key is of the profile's kind and form. A P-384 point was found on the curve when it was decoded, and the
 * cofactor is 1, so that is the whole partial validation of SP 800-56A 5.6.2.3.
 */
static bool fits(X509_PUBKEY *pubkey, EVP_PKEY *key, const struct policy_profile *profile) {
    if (profile->key == POLICY_KEY_RSA)
        return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) == profile->bits &&
               algorithm_is(pubkey, rsa_algorithm, sizeof(rsa_algorithm));
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == profile->bits &&
           algorithm_is(pubkey, p384_algorithm, sizeof(p384_algorithm)) && is_uncompressed_p384(pubkey);
}

static void complain_fit(const char *found, const struct policy_profile *profile, int column,
                         struct problems *problems) {
    problem_item(problems, ERROR_CSR_KEY, column, found, profile->label, NULL);
}

static void complain_weak(const char *why, int column, struct problems *problems) {
    problem_item(problems, ERROR_KEY_WEAK, column, why, NULL);
}

/* BR 6.1.6: odd, at least 2^16+1 here; other odd ones are lawful and not of the profile. */
static void check_exponent(EVP_PKEY *key, const struct policy_profile *profile, int column, struct problems *problems) {
    _cleanup_(BN_freep) BIGNUM *e = NULL;
    if (!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e)) {
        problems->failed = true;
        return;
    }
    if (BN_is_word(e, RSA_EXPONENT))
        return;
    char what[48];
    if (BN_num_bits(e) <= 64)
        (void) snprintf(what, sizeof(what), "e = %llu", (unsigned long long) BN_get_word(e));
    else
        (void) snprintf(what, sizeof(what), "e > 2^%d", BN_num_bits(e) - 1);
    if (!BN_is_odd(e) || BN_num_bits(e) <= 16)
        complain_weak(what, column, problems);
    else if (profile)
        complain_fit(what, profile, column, problems);
}

static void check_modulus(EVP_PKEY *key, int column, struct problems *problems) {
    _cleanup_(BN_freep) BIGNUM *n = NULL;
    _cleanup_buf_ struct buf reason = {0};
    if (!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n)) {
        problems->failed = true;
        return;
    }
    if (!key_weak_modulus(n, &reason))
        return;
    if (reason.failed)
        problems->failed = true;
    else
        complain_weak(buf_string(&reason), column, problems);
}

bool csr_key_check(X509_PUBKEY *pubkey, EVP_PKEY *key, const struct policy_profile *profile, int column,
                   struct problems *problems) {
    _cleanup_buf_ struct buf found = {0};
    describe(pubkey, key, &found);
    if (!key) {
        /*
         * Of a kind or with parameters that cannot be read: a point off its curve, an empty modulus, an algorithm
         * unknown.
         */
        problem_item(problems, ERROR_CSR_FORMAT, column, buf_string(&found), NULL);
        return false;
    }
    if (profile && !fits(pubkey, key, profile))
        complain_fit(buf_string(&found), profile, column, problems);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        if (EVP_PKEY_get_bits(key) > RSA_VERIFY_BITS_MAX)
            return false;
        check_exponent(key, profile, column, problems);
        check_modulus(key, column, problems);
        return true;
    }
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC;
}
