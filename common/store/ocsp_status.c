#include "store/ocsp.h"

const struct statement ocsp_status_statement = {
    "ocsp_status", 2, "SELECT place, reason::bigint, revoked FROM ocsp_status($1::integer, $2::bytea[])"};

int64_t ocsp_status(struct db *db, int issuer, const struct db_bytes *serials, size_t n, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int32(&args, issuer);
    db_add_bytes_array(&args, serials, n);
    return db_run(db, &ocsp_status_statement, &args, ret);
}
