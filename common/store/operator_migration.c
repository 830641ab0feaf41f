#include "store/operator.h"
#include "store/sql.h"

/* The number is arbitrary and belongs to Inkan's migrations. */
const struct statement migration_lock_statement = {"migration_lock", 0, "SELECT pg_advisory_xact_lock(7305804402)"};

const struct statement migration_table_statement = {"migration_table", 0,
                                                    "CREATE TABLE IF NOT EXISTS schema_migration (number integer "
                                                    "PRIMARY KEY, name text NOT NULL, digest bytea NOT NULL,"
                                                    " applied timestamptz NOT NULL DEFAULT now())"};

const struct statement migration_get_statement = {"migration_get", 1,
                                                  "SELECT digest FROM schema_migration WHERE number = $1::integer"};

const struct statement migration_add_statement = {
    "migration_add", 3,
    "INSERT INTO schema_migration (number, name, digest) VALUES ($1::integer, $2::text, $3::bytea)"};

const struct statement migration_list_statement = {
    "migration_list", 0,
    "SELECT json_build_object('number', number, 'name', name, 'applied', " SQL_TIME(
        "applied") ","
                   " 'sha256', encode(digest, 'hex'))::text FROM schema_migration ORDER BY number"};
