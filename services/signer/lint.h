/*
 * A second look at the to-be-signed bytes, by a reader that shares nothing with the builder: whatever is wrong here stops the
 * signature. It walks raw DER and decodes no key.
 */
#pragma once

#include "certificate.h"

/* NULL, or which part of tbs is not as the content, issuer and policy want it (static text). */
const char *lint_tbs(const void *tbs, size_t len, const struct issuer *issuer, const struct content *content,
                     const struct policy *policy);

/* The validity that tbs states, in usec. 0 or -EINVAL. */
int lint_validity(const void *tbs, size_t len, int64_t *ret_not_before_usec, int64_t *ret_not_after_usec);
