#include "ca_token.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "ca_certificate.h"
#include "commands.h"
#include "token.h"

DEFINE_CLEANUP(struct token *, token_free)
DEFINE_CLEANUP(X509_REQ *, X509_REQ_free)

static EVP_PKEY *public_half(EVP_PKEY *key) {
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    const unsigned char *p = der;
    EVP_PKEY *half = len > 0 ? d2i_PUBKEY(NULL, &p, len) : NULL;
    OPENSSL_free(der);
    return half;
}

/* What the signer can sign with: BR 6.1.5. */
static bool is_usable(const EVP_PKEY *key) {
    int bits = EVP_PKEY_get_bits(key);
    return (EVP_PKEY_is_a(key, "RSA") && bits >= 2048) || (EVP_PKEY_is_a(key, "EC") && (bits == 256 || bits == 384));
}

/* A certification request is what a CA's key may sign before it has a certificate; nobody sees this one. */
static bool proves_possession(EVP_PKEY *key, EVP_PKEY *half) {
    _cleanup_(X509_REQ_freep) X509_REQ *request = X509_REQ_new();
    const EVP_MD *digest = EVP_PKEY_get_bits(half) == 384 ? EVP_sha384() : EVP_sha256();
    bool good = request && X509_REQ_set_pubkey(request, half) == 1 && X509_REQ_sign(request, key, digest) > 0 &&
                X509_REQ_verify(request, half) == 1;
    ERR_clear_error();
    return good;
}

int ca_token_key(const char *uri, EVP_PKEY **ret) {
    _cleanup_(token_freep) struct token *token = NULL;
    const char *why = NULL;
    int r = token_new(&token, uri, &why);
    if (r < 0)
        return ctl_fail(r == -ENOMEM ? CTL_FAILED : CTL_USAGE, "--key: %s", why ? why : "no memory");
    if (token_look(token) < 0)
        return ctl_fail(CTL_FAILED, "--key: %s", token_reason(token));
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *half = public_half(token_key(token));
    if (!half || !is_usable(half))
        return ctl_fail(CTL_REFUSED, "--key: the token's key must be RSA of 2048 bits or more, P-256 or P-384");
    if (!proves_possession(token_key(token), half))
        return ctl_fail(CTL_FAILED, "--key: the token's key does not sign");
    *ret = half;
    half = NULL;
    return 0;
}
