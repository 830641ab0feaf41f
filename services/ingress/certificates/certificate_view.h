/* Certificates for people and files: what a page shows of one, and the forms it is delivered in. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "store/db.h"

/*
 * What people see of a certificate, read from the certificate itself: {dn: ["CN=…", …, "C=JP"], cn, names: […], serial: "decimal",
 * serial_hex: "0x…", issuer: "CN of the issuer", not_before, not_after (JST), key: "RSA 2048", signature: "sha256WithRSAEncryption",
 * sha256, sha1: "AB:CD:…", crl, ocsp, ca: [addresses]}. New reference, NULL when it cannot be read.
 */
json_t *certificate_view(struct db_bytes der);

/* The forms in which a certificate is handed out. */
enum certificate_form {
    CERTIFICATE_FORM_CHAIN, /* PEM, with the issuing CA behind it */
    CERTIFICATE_FORM_PEM,
    CERTIFICATE_FORM_DER,
    CERTIFICATE_FORM_P7B, /* PKCS #7 without a signature, both certificates (RFC 5652 5, "certs-only"), DER */
    CERTIFICATE_FORM_COUNT,
};
struct certificate_form_of {
    const char *name, *suffix, *type; /* "chain", "-chain.cer", media type */
};
extern const struct certificate_form_of certificate_forms[CERTIFICATE_FORM_COUNT];
/* Its number; -1: no such name. */
int certificate_form(const char *name);
/* 0, -EINVAL (a certificate cannot be read) or -ENOMEM. */
int certificate_put(struct buf *to, enum certificate_form form, struct db_bytes der, struct db_bytes issuer_der);
