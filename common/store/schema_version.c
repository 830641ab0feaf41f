#include "store/schema.h"

const struct statement schema_version_statement = {"schema_version", 0, "SELECT max(number) FROM schema_migration"};

int64_t schema_version(struct db *db) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t r = db_run(db, &schema_version_statement, NULL, &rows);
    return r < 0 ? r : db_int64(rows, 0, 0);
}
