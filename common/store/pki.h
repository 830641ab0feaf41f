/* What the PKI listener serves, for the role inkan_public. Errors: enum db_result. */
#pragma once

#include "store/db.h"

extern const struct statement pki_crl_statement, pki_issuer_statement;

/* What these return lives as long as the rows, which the caller frees. */
struct pki_crl {
    struct db_bytes der;
    int64_t number, this_update_usec, next_update_usec;
};
struct pki_issuer {
    struct db_bytes der;
    int64_t created_usec;
};

/* 1, or 0: there is none. */
int pki_crl(struct db *db, int issuer, int shard, struct pki_crl *ret, struct db_rows **ret_rows);
int pki_issuer(struct db *db, int issuer, struct pki_issuer *ret, struct db_rows **ret_rows);
