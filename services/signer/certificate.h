/*
 * Builds the TBSCertificate of a server certificate (RFC 5280 4.1, BR 7.1.2.7) and puts the signature to it. Only typed
 * values go in, never a configuration string; what issuer and policy fix is encoded once, in the profile.
 */
#pragma once

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "policy.h"
#include "store/db.h"

#define SERIAL_BYTES 16

struct issuer {
    int id;               /* issuer.id */
    X509 *certificate;    /* owned */
    EVP_PKEY *key;        /* borrowed from its key source */
    const EVP_MD *digest; /* SHA-256, or SHA-384 for a P-384 key (BR 7.1.3.2) */
    int crl_shards;
    int64_t not_after_usec;
    struct buf name;      /* DER of its subject: the issuer field, byte for byte (RFC 5280 4.1.2.4) */
    struct buf algorithm; /* DER of the AlgorithmIdentifier of its signatures */
    struct buf key_id;    /* keyIdentifier of the AKI */
};

/* What one certificate says. Texts are UTF-8 and borrowed. */
struct content {
    uint8_t serial[SERIAL_BYTES];            /* big endian, first bit 0, never 0 */
    int64_t not_before_usec, not_after_usec; /* whole seconds */
    const char *st, *l, *o, *cn;             /* NULL: not in the subject */
    const char *const *ous;                  /* OUs of the subject, in order */
    size_t ous_count;
    const char *const *names; /* dNSNames, the FQDN first */
    size_t names_count;
    struct db_bytes spki; /* SubjectPublicKeyInfo, copied byte for byte */
    bool rsa;             /* an RSA key: keyEncipherment beside digitalSignature (BR 7.1.2.7.11) */
};

/* Constants of an issuer under a policy. */
struct profile {
    const struct issuer *issuer;
    const char *pki_url; /* base of the addresses of CA certificate and CRL */
    bool subject_key_identifier;
    struct buf constant; /* extensions that are the same in every certificate */
};

/* 0, -EINVAL for a certificate or key that cannot issue, -ENOMEM. der is the issuer's certificate. */
int issuer_load(struct issuer *ret, int id, struct db_bytes der, int crl_shards, EVP_PKEY *key);
void issuer_done(struct issuer *issuer);
/* Signs exactly the bytes of tbs, of a certificate or a CRL; der becomes the whole. 0, -ENOKEY (the key does not sign), -ENOMEM. Thread-safe. */
int issuer_sign(struct buf *der, const struct issuer *issuer, const void *tbs, size_t tbs_len);

int profile_make(struct profile *ret, const struct issuer *issuer, const struct policy *policy, const char *pki_url);
void profile_done(struct profile *profile);

/* The shard of a serial: its last 16 bits modulo the shards, as crl_shard() of the schema. */
int crl_shard(const uint8_t serial[static SERIAL_BYTES], int shards);
/* <pki_url>/crl/<issuer>-<shard>.crl */
void crl_address(struct buf *to, const char *pki_url, int issuer, int shard);

/* The validity of a certificate issued at now_usec, whole seconds. 0, or -ERANGE: the policy has no period for that date, or the
 * issuer ends before the certificate would (refused, not cut short). */
int certificate_validity(const struct policy *policy, const struct issuer *issuer, int64_t now_usec,
                         int64_t *ret_not_before_usec, int64_t *ret_not_after_usec);
/* 0 or -ENOMEM; tbs is emptied first. */
int certificate_build(struct buf *tbs, const struct profile *profile, const struct content *content);
