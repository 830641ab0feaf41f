#include "store/upload.h"

const struct statement upload_list_statement = {"upload_list", 2,
                                                "SELECT id, kind, on_error, dry_run, state, errors::text, rows_total, "
                                                "rows_ok, rows_ng, created, filename, ended FROM upload"
                                                " WHERE organisation = inkan_organisation() AND ($1::bigint = 0 OR id "
                                                "< $1::bigint) ORDER BY id DESC LIMIT $2::integer"};

int64_t upload_page(struct db *db, int64_t before, int limit, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, before);
    db_add_int32(&args, limit);
    return db_run(db, &upload_list_statement, &args, ret);
}
