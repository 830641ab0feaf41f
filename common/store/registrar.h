/*
 * Registrars, as the ingress meets them.
 * Errors: enum db_result.
 */
#pragma once

#include "store/db.h"

extern const struct statement registrar_login_statement;

struct registrar_login {
    int64_t id, organisation;
    bool active, organisation_active;
    bool issuing_expired;                                 /* 証明書発行有効期限 is past */
    const char *name, *organisation_ja, *organisation_en; /* live as long as the rows */
};

/* By SHA-256 of the client certificate's DER. 1, or 0: nobody has it. The caller frees *ret_rows. */
int registrar_login(struct db *db, const uint8_t fingerprint[static 32], struct registrar_login *ret,
                    struct db_rows **ret_rows);
