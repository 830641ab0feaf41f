/*
 * The CSR of a row: a PKCS#10 request (RFC 2986), base64 on one line. It is decoded here and nowhere else: what the
 * signer puts into the certificate is the SubjectPublicKeyInfo checked here, byte for byte.
 */
#pragma once

#include <stdint.h>

#include "dn.h"
#include "policy.h"
#include "problems.h"

#define CSR_HASH_BYTES 32

struct csr {
    uint8_t *spki; /* NULL: no key could be read. Owned; csr_done(). */
    size_t spki_len;
    uint8_t spki_hash[CSR_HASH_BYTES]; /* SHA-256 of spki */
};

/*
 * Errors go to problems, for the given column. dn NULL: there is none to compare with. profile NULL: unknown, the key
 * is checked for itself only. Callable from any thread. 0 or -ENOMEM.
 */
int csr_check(struct csr *ret, const char *base64, size_t len, const struct dn *dn,
              const struct policy_profile *profile, int column, struct problems *problems);
void csr_done(struct csr *csr);
