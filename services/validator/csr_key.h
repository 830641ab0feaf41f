/* The key of a CSR against the profile (BR 6.1.5, 6.1.6, 7.1.3.1) and against known weaknesses. */
#pragma once

#include <openssl/evp.h>

#include "der.h"
#include "policy.h"
#include "problems.h"

/*
 * A SubjectPublicKeyInfo (RFC 5280 4.1.2.7), taken apart; borrows the bytes it was read from. Keys of the two encodings that
 * profiles allow are made from their numbers; what OpenSSL makes of any other serves to say what it is. (Its decoder tries
 * every format it knows and takes longer than all the rest of a row.)
 */
struct csr_key {
    struct der algorithm; /* AlgorithmIdentifier, header included */
    struct der bits;      /* the subjectPublicKey */
    EVP_PKEY *pkey;       /* NULL: of a kind or with parameters that cannot be read. Owned; csr_key_done() */
    BIGNUM *n, *e;        /* of an RSA key. Owned */
    bool failed;          /* no memory for it */
};

/* False when it is no SubjectPublicKeyInfo at all. */
bool csr_key_read(struct csr_key *ret, struct der spki);
void csr_key_done(struct csr_key *key);

/*
 * Returns whether a signature of the key is worth verifying: false for keys of kinds that no profile has (refused, and
 * verifying them is work for whoever sent it).
 */
bool csr_key_check(const struct csr_key *key, const struct policy_profile *profile, int column,
                   struct problems *problems);
