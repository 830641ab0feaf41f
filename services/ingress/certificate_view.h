/* Certificates for people and files: what a page shows of one, and the forms it is delivered in. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "store/db.h"

/*
 * {dn: ["CN=…", …, "C=JP"], names: […], serial: "decimal", issuer: "CN of the issuer", not_before, not_after} (times in
 * JST), read from the certificate itself. New reference, NULL when it cannot be read.
 */
json_t *certificate_view(struct db_bytes der);

/* One PEM block (RFC 7468). */
void certificate_pem(struct buf *to, struct db_bytes der);
/* Both certificates as PKCS #7 without a signature (RFC 5652 5, "certs-only"), DER. 0 or -EINVAL. */
int certificate_p7b(struct buf *to, struct db_bytes der, struct db_bytes issuer_der);
