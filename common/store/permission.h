/*
 * 許可リスト: what an organisation may apply for, as the ingress shows it; role inkan_ingress, inside a transaction of the
 * organisation (row-level security).
 * Errors: enum db_result.
 */
#pragma once

#include "store/db.h"

extern const struct statement permission_list_statement;

enum permission_column {
    PERMISSION_DOMAIN_ID,
    PERMISSION_DOMAIN,
    PERMISSION_ORGANISATION, /* in English, as in O of the DN */
    PERMISSION_ST,
    PERMISSION_L,
    PERMISSION_OU,    /* "": the organisation has none */
    PERMISSION_UNTIL, /* YYYY/MM/DD */
    PERMISSION_STATE, /* of the domain: pending, permitted, suspended; of the organisation before it: closed */
};

/* One row for each OU of each domain; domains (at most that many) with an id above after. */
int64_t permission_list(struct db *db, int64_t after, int domains, struct db_rows **ret);
