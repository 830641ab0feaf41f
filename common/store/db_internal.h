/* What the files of the database wrapper share. Nobody else includes this. */
#pragma once

#include <libpq-fe.h>
#include <pthread.h>

#include "store/db.h"

struct db {
    PGconn *conn;
    char *conninfo;
    char *application_name;
    const struct statement *const *statements;
    bool in_transaction;
    char last_error[128];
};

struct db_rows {
    PGresult *result;
};

/* OIDs of pg_type.dat that the encoder writes and the decoder accepts. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_TIMESTAMPTZ = 1184
};

#define DB_EPOCH_USEC INT64_C(946684800000000) /* PostgreSQL counts from 2000-01-01 */

/* Maps what libpq says to enum db_result; logs DB_FAILED under the name given. committing: COMMIT, or a statement alone. */
int db_judge(struct db *db, const PGresult *result, const char *name, bool committing);
/* BEGIN, SAVEPOINT and friends: no parameters, no rows. */
int db_command(struct db *db, const char *sql, const char *name, bool committing);

void db_put64(char *to, uint64_t v);
void db_put32(char *to, uint32_t v);
