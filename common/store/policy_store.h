/* The policy in force, as it stands in the database. */
#pragma once

#include "store/db.h"

extern const struct statement policy_get_statement;

/* One row (hash, body), or none when no policy is installed. The caller frees *ret. Errors: enum db_result. */
int64_t policy_get(struct db *db, struct db_rows **ret);
