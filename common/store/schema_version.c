#include "store/schema.h"

#include "log.h"

const struct statement schema_version_statement = {"schema_version", 0, "SELECT max(number) FROM schema_migration"};

int64_t schema_version(struct db *db) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t r = db_run(db, &schema_version_statement, NULL, &rows);
    return r < 0 ? r : db_int64(rows, 0, 0);
}

int schema_check(struct db *db) {
    int64_t version = schema_version(db);
    if (version < 0 || version == SCHEMA_VERSION)
        return version < 0 ? (int) version : 0;
    log_error("the database's schema is version %lld, this program wants %d: %s", (long long) version, SCHEMA_VERSION,
              version < SCHEMA_VERSION ? "run inkanctl database migrate" : "it was upgraded");
    return DB_FAILED;
}
