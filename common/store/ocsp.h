/*
 * OCSP: the keys that ingress processes answer with, the certificates that delegate to them, the status of serials.
 * Errors: enum db_result.
 */
#pragma once

#include "store/db.h"

extern const struct statement ocsp_want_statement, ocsp_issuers_statement, ocsp_status_statement, ocsp_due_statement,
    ocsp_store_statement;

/* Ingress: says that the key (P-256 SubjectPublicKeyInfo) is in use. */
int ocsp_want(struct db *db, struct db_bytes spki);
/* Ingress: (id, CA certificate, certificate of this key's responder or null) of the issuer in force and of those before
 * it that this key answers for, the newest first. */
int64_t ocsp_issuers(struct db *db, struct db_bytes spki, struct db_rows **ret);

/* Public listener: (place in serials from 1, reason, revoked or null) of those that are known, in their order. */
int64_t ocsp_status(struct db *db, int issuer, const struct db_bytes *serials, size_t n, struct db_rows **ret);

/* Signer: (spki, now) of responders in use that have no certificate of this issuer that lasts left_sec longer. */
int64_t ocsp_due(struct db *db, int issuer, int64_t left_sec, struct db_rows **ret);
/* Signer: stores the certificate and audits it. 1, or 0 when the serial is taken. */
int ocsp_store(struct db *db, int issuer, struct db_bytes serial, struct db_bytes spki, struct db_bytes der,
               int64_t not_after_usec);
