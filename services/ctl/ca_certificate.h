/*
 * Makes the keys and certificates of a CA: a root and one issuing CA below it (RFC 5280; BR 7.1.2.1 and 7.1.2.10).
 * Outputs are the caller's. All functions: NULL or -EIO when OpenSSL refuses.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

#include "base/cleanup.h"

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(X509_CRL *, X509_CRL_free)
DEFINE_CLEANUP(ASN1_TIME *, ASN1_TIME_free)

struct ca_subject {
    const char *country, *organisation, *name; /* UTF-8 */
};

/* spec: rsa:2048, rsa:3072, rsa:4096, ec:P-256, ec:P-384, ed25519. 0, -EINVAL (no such kind) or -EIO. */
int ca_key_new(const char *spec, EVP_PKEY **ret);

X509 *ca_root_new(EVP_PKEY *key, const struct ca_subject *subject, int64_t years);
/* url: where root.cer and root.crl will be published; NULL: the certificate says nothing about it. */
X509 *ca_issuing_new(EVP_PKEY *key, const struct ca_subject *subject, int64_t years, const char *url, X509 *root,
                     EVP_PKEY *root_key);
/* The same names, key and extensions with a new serial number and validity. */
X509 *ca_issuing_renew(const X509 *old, int64_t years, EVP_PKEY *root_key);
/* An empty one, valid for a year. */
X509_CRL *ca_root_crl(X509 *root, EVP_PKEY *root_key);
