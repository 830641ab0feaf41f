#include "store/signing.h"

const struct statement issuer_all_statement = {"issuer_all", 0, "SELECT id, certificate FROM issuer ORDER BY id"};

int64_t issuer_all(struct db *db, struct db_rows **ret) {
    return db_run(db, &issuer_all_statement, NULL, ret);
}
