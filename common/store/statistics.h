/*
 * 発行証明書統計照会: numbers of one organisation's certificates. For the role inkan_ingress, inside a transaction of the registrar's
 * organisation. Errors: enum db_result.
 */
#pragma once

#include "store/db.h"

extern const struct statement statistics_statement;

/* Rows of a month and a profile that have anything to count, ascending; then, with a null month, the valid ones of each profile. */
enum {
    STATISTICS_MONTH, /* months since 1970-01, Japan's */
    STATISTICS_PROFILE,
    STATISTICS_ISSUED,
    STATISTICS_RENEWED,
    STATISTICS_REVOKED,
    STATISTICS_VALID, /* now; null with a month */
};
/* from_month, to_month: months since 1970-01, both inclusive. Number of rows. */
int64_t statistics(struct db *db, int from_month, int to_month, struct db_rows **ret);
