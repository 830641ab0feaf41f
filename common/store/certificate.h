/*
 * Issued certificates as their organisation sees them. For the role inkan_ingress, inside a transaction of the
 * registrar's organisation (row-level security).
 * Errors: enum db_result.
 */
#pragma once

#include "store/db.h"

extern const struct statement certificate_list_statement, certificate_get_statement;

/* The columns of the rows of both queries. */
enum {
    CERTIFICATE_ID,
    CERTIFICATE_SERIAL,
    CERTIFICATE_CN,
    CERTIFICATE_NAMES,
    CERTIFICATE_DN,
    CERTIFICATE_PROFILE,
    CERTIFICATE_STATE, /* the manual's 状態 */
    CERTIFICATE_EXPIRED,
    CERTIFICATE_REVOKED,
    CERTIFICATE_NOT_BEFORE,
    CERTIFICATE_NOT_AFTER,
    CERTIFICATE_ISSUED,
    CERTIFICATE_FETCHED,
    CERTIFICATE_APPLICATION,
    CERTIFICATE_UPLOAD,
    CERTIFICATE_SEQ,
    CERTIFICATE_MANAGER_NAME,
    CERTIFICATE_MANAGER_AFFILIATION,
    CERTIFICATE_MANAGER_MAIL,
    CERTIFICATE_SOFTWARE,
    CERTIFICATE_DER,       /* certificate_get() only */
    CERTIFICATE_ISSUER_DER /* certificate_get() only */
};
#define CERTIFICATE_COLUMNS                                                                                            \
    "c.id, c.serial, c.cn, a.names, a.dn, a.profile, certificate_state(c), c.not_after < inkan_now(), r.revoked,"      \
    " c.not_before, c.not_after, c.issued, c.fetched, a.id, a.upload, a.seq, a.manager_name, a.manager_affiliation,"   \
    " a.manager_mail, a.software"
#define CERTIFICATE_TABLES                                                                                             \
    " FROM certificate c JOIN application a ON a.id = c.application"                                                   \
    " LEFT JOIN revocation r ON r.issuer = c.issuer AND r.serial = c.serial"                                           \
    " WHERE c.organisation = inkan_organisation()"

struct certificate_filter {
    const char *part;            /* of the CN, lower case; NULL: any */
    const uint8_t *serial;       /* 16 bytes: or this serial; NULL: none */
    const char *status;          /* valid, expired, revoked; NULL: any */
    int64_t state;               /* the manual's 状態; -1: any */
    int64_t expires_before_usec; /* 0: any */
    int64_t before;              /* CERTIFICATE_ID of the last row of the page before; 0: from the newest */
    int limit;
};
/* Newest first. Number of rows. */
int64_t certificate_list(struct db *db, const struct certificate_filter *filter, struct db_rows **ret);
/* 1 or 0. */
int64_t certificate_get(struct db *db, const uint8_t serial[static 16], struct db_rows **ret);
