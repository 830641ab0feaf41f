#include <string.h>

#include "store/upload.h"

const struct statement upload_same_statement = {
    "upload_same", 6,
    "SELECT id, kind = $3::text AND on_error = $4::text AND dry_run = $5::boolean AND sha256 = $6::bytea FROM upload"
    " WHERE organisation = $1::bigint AND idempotency_key = $2::text"};

int upload_same(struct db *db, const struct upload_new *u, int64_t *ret_id, bool *ret_same) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, u->organisation);
    db_add_text(&args, u->idempotency_key);
    db_add_text(&args, u->kind);
    db_add_text(&args, u->on_error);
    db_add_bool(&args, u->dry_run);
    db_add_bytes(&args, u->sha256, 32);
    int64_t n = db_run(db, &upload_same_statement, &args, &rows);
    if (n > 0) {
        *ret_id = db_int64(rows, 0, 0);
        *ret_same = db_bool(rows, 0, 1);
    }
    return (int) n;
}
