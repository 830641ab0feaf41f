#include "store/decide.h"

const struct statement decide_revoked_statement = {
    "decide_revoked", 1,
    "SELECT a.id, r.revoked FROM application a JOIN revocation r ON r.certificate = a.target"
    " WHERE a.upload = $1::bigint AND a.state = 'valid' ORDER BY a.id"};

int64_t decide_revoked(struct db *db, int64_t upload, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    return db_run(db, &decide_revoked_statement, &args, ret);
}
