/* The version of the database schema: the highest number of deploy/schema/NNNN-*.sql. */
#pragma once

#include "store/db.h"

#define SCHEMA_VERSION 20
#define SCHEMA_TEXT(number) #number
#define SCHEMA_TEXT_OF(macro) SCHEMA_TEXT(macro)
#define SQL_SCHEMA_IS_OURS "(SELECT max(number) FROM schema_migration) = " SCHEMA_TEXT_OF(SCHEMA_VERSION)

extern const struct statement schema_version_statement;

/* The highest migration applied, or enum db_result. */
int64_t schema_version(struct db *db);
/* 0; DB_FAILED after a log line: the database is of another version than this program; or what else hindered to see it. */
int schema_check(struct db *db);
