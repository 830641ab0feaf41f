#include "csr_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "key_weak.h"

#define RSA_EXPONENT 65537
#define RSA_BYTES_MAX 16384 /* of one number; no more fits into a CSR */

/* AlgorithmIdentifiers as BR 7.1.3.1 wants them, byte for byte: the certificate carries the CSR's. */
static const uint8_t rsa_algorithm[] = {0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                        0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00};
static const uint8_t p384_algorithm[] = {0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D,
                                         0x02, 0x01, 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};
#define P384_POINT_BYTES 97 /* uncompressed: 04, x, y */

static bool is_rsa(const struct csr_key *key) {
    return der_equal(&key->algorithm, rsa_algorithm, sizeof(rsa_algorithm));
}

static bool is_p384(const struct csr_key *key) {
    return der_equal(&key->algorithm, p384_algorithm, sizeof(p384_algorithm));
}

/* ---- reading */

static EVP_PKEY *make(const char *type, OSSL_PARAM *params) {
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (ctx && EVP_PKEY_fromdata_init(ctx) == 1)
        (void) EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

/* The positive INTEGER in its shortest form (X.690 8.3), as OSSL_PARAM wants it: least byte first. */
static bool take_number(struct der *from, uint8_t *to, size_t *ret_len) {
    struct der number = der_get(from, DER_INTEGER);
    if (number.failed || number.left == 0 || number.left > RSA_BYTES_MAX || number.at[0] & 0x80 ||
        (number.left > 1 && number.at[0] == 0 && !(number.at[1] & 0x80)))
        return false;
    for (size_t i = 0; i < number.left; i++)
        to[i] = number.at[number.left - 1 - i];
    *ret_len = number.left;
    return true;
}

/* RFC 8017 A.1.1 */
static EVP_PKEY *read_rsa(struct csr_key *key) {
    struct der bits = key->bits;
    uint8_t n[RSA_BYTES_MAX], e[RSA_BYTES_MAX];
    size_t n_len = 0, e_len = 0;
    struct der pair = der_get(&bits, DER_SEQUENCE);
    if (!der_at_end(&bits) || !take_number(&pair, n, &n_len) || !take_number(&pair, e, &e_len) || !der_at_end(&pair))
        return NULL;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, n_len),
                           OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, e_len), OSSL_PARAM_construct_end()};
    key->n = BN_lebin2bn(n, (int) n_len, NULL);
    key->e = BN_lebin2bn(e, (int) e_len, NULL);
    key->failed = !key->n || !key->e;
    return key->failed ? NULL : make("RSA", params);
}

static EVP_PKEY *read_p384(struct der bits) {
    char group[] = "P-384";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *) (uintptr_t) bits.at, bits.left),
        OSSL_PARAM_construct_end()};
    return make("EC", params);
}

/* Without its numbers an RSA key is none. */
static EVP_PKEY *read_other(struct csr_key *key, struct der spki) {
    const unsigned char *p = spki.at;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long) spki.left);
    if (!pkey || EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA ||
        (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &key->n) &&
         EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &key->e)))
        return pkey;
    key->failed = true;
    EVP_PKEY_free(pkey);
    return NULL;
}

bool csr_key_read(struct csr_key *ret, struct der spki) {
    struct der inside = spki, fields = der_get(&inside, DER_SEQUENCE);
    *ret = (struct csr_key){.algorithm = der_get_any(&fields)};
    ret->bits = der_get(&fields, DER_BIT_STRING);
    if (!der_at_end(&fields) || der_peek(&ret->algorithm) != DER_SEQUENCE || ret->bits.left < 1 || ret->bits.at[0] != 0)
        return false;
    ret->bits.at++;
    ret->bits.left--;
    ret->pkey = is_rsa(ret) ? read_rsa(ret) : is_p384(ret) ? read_p384(ret->bits) : read_other(ret, spki);
    return true;
}

void csr_key_done(struct csr_key *key) {
    EVP_PKEY_free(key->pkey);
    BN_free(key->n);
    BN_free(key->e);
    *key = (struct csr_key){0};
}

/* ---- judging */

static void describe(const struct csr_key *key, struct buf *to) {
    char name[80] = "?";
    if (key->pkey && EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_RSA) {
        buf_printf(to, "RSA %d", EVP_PKEY_get_bits(key->pkey));
    } else if (key->pkey && EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_EC) {
        buf_printf(to, "ECDSA %s", EVP_PKEY_get_group_name(key->pkey, name, sizeof(name), NULL) ? name : "?");
    } else {
        struct der algorithm = key->algorithm, fields = der_get(&algorithm, DER_SEQUENCE), id = der_get_any(&fields);
        const unsigned char *p = id.at;
        ASN1_OBJECT *oid = id.failed ? NULL : d2i_ASN1_OBJECT(NULL, &p, (long) id.left);
        if (oid)
            (void) OBJ_obj2txt(name, sizeof(name), oid, 0);
        ASN1_OBJECT_free(oid);
        buf_text(to, name);
    }
}

/*
 * Whether the key is of the profile's kind and form. A P-384 point was found on the curve when it was decoded, and the
 * cofactor is 1, so that is the whole partial validation of SP 800-56A 5.6.2.3.
 */
static bool fits(const struct csr_key *key, const struct policy_profile *profile) {
    return EVP_PKEY_get_bits(key->pkey) == profile->bits &&
           (profile->key == POLICY_KEY_RSA
                ? is_rsa(key)
                : is_p384(key) && key->bits.left == P384_POINT_BYTES && key->bits.at[0] == 0x04);
}

static void complain_fit(const char *found, const struct policy_profile *profile, int column,
                         struct problems *problems) {
    problem_item(problems, ERROR_CSR_KEY, column, found, profile->label, NULL);
}

static void complain_weak(const char *why, int column, struct problems *problems) {
    problem_item(problems, ERROR_KEY_WEAK, column, why, NULL);
}

/* BR 6.1.6: odd, at least 2^16+1 here; other odd ones are lawful and not of the profile. */
static void check_exponent(const BIGNUM *e, const struct policy_profile *profile, int column,
                           struct problems *problems) {
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

static void check_modulus(const BIGNUM *n, int column, struct problems *problems) {
    _cleanup_buf_ struct buf reason = {0};
    if (!key_weak_modulus(n, &reason))
        return;
    if (reason.failed)
        problems->failed = true;
    else
        complain_weak(buf_string(&reason), column, problems);
}

bool csr_key_check(const struct csr_key *key, const struct policy_profile *profile, int column,
                   struct problems *problems) {
    _cleanup_buf_ struct buf found = {0};
    describe(key, &found);
    if (key->failed) {
        problems->failed = true;
        return false;
    }
    if (!key->pkey) { /* a point off its curve, an empty modulus, an algorithm unknown */
        problem_item(problems, ERROR_CSR_FORMAT, column, buf_string(&found), NULL);
        return false;
    }
    if (profile && !fits(key, profile))
        complain_fit(buf_string(&found), profile, column, problems);
    if (EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_RSA) {
        if (EVP_PKEY_get_bits(key->pkey) > KEY_MODULUS_BITS_MAX)
            return false;
        check_exponent(key->e, profile, column, problems);
        check_modulus(key->n, column, problems);
        return true;
    }
    return EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_EC;
}
