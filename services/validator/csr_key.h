/* The key of a CSR against the profile (BR 6.1.5, 6.1.6, 7.1.3.1) and against known weaknesses. */
#pragma once

#include <openssl/x509.h>

#include "policy.h"
#include "problems.h"

/*
 * key is what OpenSSL made of pubkey, NULL when it could not. Returns whether a signature of the key is worth
 * verifying: false for keys of kinds that no profile has (refused, and verifying them is work for whoever sent it).
 */
bool csr_key_check(X509_PUBKEY *pubkey, EVP_PKEY *key, const struct policy_profile *profile, int column,
                   struct problems *problems);
