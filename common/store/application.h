/* application: one checked row of an upload. */
#pragma once

#include "store/db.h"

#define APPLICATION_HASH_BYTES 32

/* A row as the validator enters it; NULL where nothing is known. */
struct application_new {
    int seq;
    bool valid;
    const char *errors; /* JSON array */
    const char *dn, *match_key, *st, *l, *o, *cn;
    const char *names;   /* joined by ',' */
    const char *ous;     /* joined by TAB */
    const char *domains; /* decimal ids joined by ',' */
    int profile;         /* 0: none */
    struct db_bytes spki, spki_hash;
    const char *manager_name, *manager_affiliation, *manager_mail, *software;
    int64_t target; /* certificate to renew or revoke; 0: none */
    int reason;     /* of the revocation; -1: none */
    const char *comment;
};

extern const struct statement application_insert_statement;

/* Rows entered; those that stand already are left alone. Or enum db_result. */
int64_t application_insert(struct db *db, int64_t upload, int64_t organisation, const struct application_new *rows,
                           size_t n);
