/*
 * A second look at the to-be-signed bytes, by a reader that shares nothing with the builder: whatever is wrong here stops the
 * signature. It walks raw DER, knows every extension that may be there, and holds the bytes against the request as the
 * database states it, the issuer and the policy in force (BR 7.1.2.7, RFC 5280 4.1 and 4.2). No byte is left unread.
 */
#pragma once

#include "certificate.h"
#include "der.h"

/* Stored with every intent; raised whenever the rules change, so that the certificates judged by a rule are one query. */
#define LINT_NAME "inkan-lint 3"

/* What the bytes are held against. */
struct lint {
    const struct issuer *issuer;
    const struct policy *policy;
    const char *pki_url;
    const struct content *content;
};

/* NULL, or which part of tbs is not as it must be (static text). Thread-safe. */
const char *lint_tbs(const void *tbs, size_t len, const struct lint *against);

/* The validity that tbs states, in usec. 0 or -EINVAL. */
int lint_validity(const void *tbs, size_t len, int64_t *ret_not_before_usec, int64_t *ret_not_after_usec);

/* ---- parts: NULL or what is wrong */

/* SubjectPublicKeyInfo: the AlgorithmIdentifier byte for byte (BR 7.1.3.1), a key of one of the policy's profiles. */
const char *lint_key(struct der spki, const struct policy *policy, bool *ret_rsa);
/* The extensions [3]: exactly those that must be there. rsa, spki: the key as read from tbs. */
const char *lint_extensions(struct der list, const struct lint *against, bool rsa, struct der spki);
