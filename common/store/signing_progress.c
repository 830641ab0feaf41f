#include "store/signing.h"

const struct statement signing_progress_statement = {
    "signing_progress", 2,
    "UPDATE upload SET open_chunks = open_chunks - 1, rows_ok = rows_ok - $2::integer, rows_ng = rows_ng + $2::integer,"
    "  state = CASE WHEN open_chunks = 1 THEN 'done' ELSE state END,"
    "  ended = CASE WHEN open_chunks = 1 THEN inkan_now() END"
    " WHERE id = $1::bigint RETURNING state = 'done'"};

int signing_progress(struct db *db, int64_t upload, int64_t failed, bool *ret_done) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, upload);
    db_add_int32(&args, (int32_t) failed);
    int64_t n = db_run(db, &signing_progress_statement, &args, &rows);
    *ret_done = n > 0 && db_bool(rows, 0, 0);
    return (int) n;
}
