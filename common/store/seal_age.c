#include "store/audit_seal.h"

const struct statement seal_age_statement = {
    "seal_age", 0,
    "SELECT COALESCE(extract(epoch FROM clock_timestamp() - min(at))::bigint, 0),"
    " audit_sealed() > audit_finished()"
    " FROM audit_event WHERE xid >= audit_sealed()"};

int64_t seal_age(struct db *db, bool *ret_other_cluster) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = db_run(db, &seal_age_statement, NULL, &rows);
    *ret_other_cluster = n > 0 && db_bool(rows, 0, 1);
    return n < 0 ? n : db_int64(rows, 0, 0);
}
