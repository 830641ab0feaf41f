#include "spki.h"

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/text.h"
#include "ctl.h"

int spki_from_hex(const char *option, const char *text, uint8_t ret[static SPKI_HASH_BYTES]) {
    _cleanup_buf_ struct buf bytes = {0};
    if (text_from_hex(text, strlen(text), &bytes) < 0 || bytes.len != SPKI_HASH_BYTES)
        return ctl_fail(CTL_USAGE, "--%s: a SHA-256 as 64 hexadecimal digits", option);
    memcpy(ret, bytes.data, SPKI_HASH_BYTES);
    return 0;
}

static EVP_PKEY *key_of(BIO *bio) {
    EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    if (key)
        return key;
    (void) BIO_reset(bio);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    key = certificate ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    return key;
}

/* A public key or a certificate, PEM. */
int spki_from_file(const char *path, uint8_t ret[static SPKI_HASH_BYTES]) {
    BIO *bio = BIO_new_file(path, "r");
    EVP_PKEY *key = bio ? key_of(bio) : NULL;
    unsigned char *der = NULL;
    int len = key ? i2d_PUBKEY(key, &der) : 0;
    if (len > 0)
        (void) SHA256(der, (size_t) len, ret);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return len > 0 ? 0 : ctl_fail(CTL_FAILED, "%s: no PEM of a public key or a certificate", path);
}
