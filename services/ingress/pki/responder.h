/*
 * The delegated OCSP responder of this process (RFC 6960 2.6): one P-256 key in a file of its own, for each issuing CA a
 * certificate that the signer makes for it. Nothing but the database says which; it is looked at every few seconds.
 */
#pragma once

#include <openssl/ocsp.h>

#include "service.h"

struct responder;

/* Reads the key, or makes it: <directory>/ocsp.key. 0; -EACCES: others can read it; or negative errno, logged. */
int responder_open(struct responder **ret, const char *directory);
void responder_close(struct responder *r);

/* Tells the signer of the key, and takes issuers and certificates from the database. 0, enum db_result, -ENOMEM. */
int responder_refresh(struct responder *r, struct db *db);
/* Adds a line per issuing CA that no status can be given for. Any thread. */
void responder_readiness(struct responder *r, struct buf *reasons);
void responder_measure(struct responder *r);

/* What signs for the issuer that a CertID names. The caller ends it with responder_voice_done(). */
struct responder_voice {
    int issuer;             /* issuer.id */
    X509 *ca, *certificate; /* certificate NULL: none yet, or it has ended */
    int64_t not_after_usec;
    EVP_PKEY *key;
};
/* False: the CertID is of no issuer of ours. Any thread. */
bool responder_find(struct responder *r, const OCSP_CERTID *id, struct responder_voice *ret);
void responder_voice_done(struct responder_voice *voice);
/* True when the CertID names this issuer, by SHA-1 or SHA-256. */
bool responder_names(const OCSP_CERTID *id, X509 *ca);
