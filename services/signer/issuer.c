/* What is taken from the issuing CA's certificate and key, once. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "certificate.h"
#include "der.h"
#include "log.h"
#include "x509.h"

/* BR 7.1.3.2: these bytes and no others. */
static const uint8_t sha256_rsa[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                     0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00},
                     ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02},
                     ecdsa_sha384[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};

static int choose_algorithm(struct issuer *issuer) {
    int bits = EVP_PKEY_get_bits(issuer->key);
    issuer->digest = EVP_sha256();
    if (EVP_PKEY_is_a(issuer->key, "RSA") && bits >= 2048)
        buf_add(&issuer->algorithm, sha256_rsa, sizeof(sha256_rsa));
    else if (EVP_PKEY_is_a(issuer->key, "EC") && bits == 256)
        buf_add(&issuer->algorithm, ecdsa_sha256, sizeof(ecdsa_sha256));
    else if (EVP_PKEY_is_a(issuer->key, "EC") && bits == 384) {
        buf_add(&issuer->algorithm, ecdsa_sha384, sizeof(ecdsa_sha384));
        issuer->digest = EVP_sha384();
    } else
        return -EINVAL;
    return 0;
}

static int take_fields(struct issuer *issuer) {
    X509 *x = issuer->certificate;
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(x);
    unsigned char *name = NULL;
    int name_len = i2d_X509_NAME(X509_get_subject_name(x), &name);
    issuer->not_after_usec = x509_end_usec(x);
    if (name_len <= 0 || !id || !X509_check_ca(x) || !(X509_get_key_usage(x) & KU_KEY_CERT_SIGN) ||
        issuer->not_after_usec == 0) {
        OPENSSL_free(name);
        return -EINVAL;
    }
    buf_add(&issuer->name, name, (size_t) name_len);
    OPENSSL_free(name);
    buf_add(&issuer->key_id, ASN1_STRING_get0_data(id), (size_t) ASN1_STRING_length(id));
    return issuer->name.failed || issuer->key_id.failed || issuer->algorithm.failed ? -ENOMEM : 0;
}

int issuer_load(struct issuer *ret, int id, struct db_bytes der, int crl_shards, EVP_PKEY *key) {
    const unsigned char *p = der.data;
    *ret = (struct issuer){.id = id, .key = key, .crl_shards = crl_shards};
    ret->certificate = d2i_X509(NULL, &p, (long) der.len);
    int r = ret->certificate && X509_check_private_key(ret->certificate, key) == 1 ? 0 : -EINVAL;
    if (r == 0)
        r = choose_algorithm(ret);
    if (r == 0)
        r = take_fields(ret);
    if (r < 0)
        issuer_done(ret);
    return r;
}

void issuer_done(struct issuer *issuer) {
    X509_free(issuer->certificate);
    buf_done(&issuer->name);
    buf_done(&issuer->algorithm);
    buf_done(&issuer->key_id);
    *issuer = (struct issuer){0};
}

int issuer_sign(struct buf *der, const struct issuer *issuer, const void *tbs, size_t tbs_len) {
    uint8_t signature[1 + 1024] = {0}; /* the first byte: no unused bits */
    size_t len = sizeof(signature) - 1;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && issuer->key && EVP_DigestSignInit(ctx, NULL, issuer->digest, NULL, issuer->key) == 1 &&
                EVP_DigestSign(ctx, signature + 1, &len, tbs, tbs_len) == 1;
    EVP_MD_CTX_free(ctx);
    if (!good) {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        log_error("the key did not sign: %s", reason ? reason : "no reason given");
        ERR_clear_error();
        return -ENOKEY;
    }
    _cleanup_buf_ struct buf fields = {0};
    buf_add(&fields, tbs, tbs_len);
    buf_add(&fields, issuer->algorithm.data, issuer->algorithm.len);
    der_put(&fields, DER_BIT_STRING, signature, len + 1);
    buf_reset(der);
    der_wrap(der, DER_SEQUENCE, &fields);
    return der->failed ? -ENOMEM : 0;
}
