/* The version of the database schema: the highest number of deploy/schema/NNNN-*.sql. */
#pragma once

#include "store/db.h"

#define SCHEMA_VERSION 6

extern const struct statement schema_version_statement;

/* The highest migration applied, or enum db_result. */
int64_t schema_version(struct db *db);
