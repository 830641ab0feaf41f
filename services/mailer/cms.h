/* The S/MIME signature of mails (RFC 8551, RFC 5652): detached, SHA-256, the signing time given. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct cms;

/*
 * certificate: PEM file, the signer's first, then those to be sent along; key: URI (common/key.h). The certificate must be for
 * address, which stands in From. 0; -EINVAL, -EACCES, -ENOENT with a line in errors. The caller owns *ret.
 */
int cms_open(struct cms **ret, const char *certificate, const char *key, const char *address, struct buf *errors);
void cms_free(struct cms *cms);
/* DER of the SignedData over content. With an RSA key the same content and time give the same bytes. 0 or -EIO. Thread-safe. */
int cms_sign(const struct cms *cms, const struct buf *content, int64_t signing_usec, struct buf *ret);
int64_t cms_expires_usec(const struct cms *cms);
