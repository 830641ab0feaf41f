#include "store/upload.h"

const struct statement upload_get_statement = {"upload_get", 1,
                                               "SELECT id, kind, on_error, dry_run, state, errors::text, rows_total, "
                                               "rows_ok, rows_ng, created, filename, ended FROM upload"
                                               " WHERE id = $1::bigint"};

int64_t upload_find(struct db *db, int64_t id, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, id);
    return db_run(db, &upload_get_statement, &args, ret);
}
