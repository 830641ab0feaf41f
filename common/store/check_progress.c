#include "store/check.h"

const struct statement check_progress_statement = {
    "check_progress", 4,
    "UPDATE upload SET rows_ok = rows_ok + $2::integer, rows_ng = rows_ng + $3::integer, open_chunks = open_chunks - 1,"
    "  policy = COALESCE(policy, $4::bytea)"
    " WHERE id = $1::bigint AND state = 'checking' RETURNING open_chunks, policy = $4::bytea"};

int check_progress(struct db *db, int64_t upload, int rows_ok, int rows_ng, const void *policy, size_t policy_len,
                   struct check_progress *ret) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, upload);
    db_add_int32(&args, rows_ok);
    db_add_int32(&args, rows_ng);
    db_add_bytes(&args, policy, policy_len);
    int64_t n = db_run(db, &check_progress_statement, &args, &rows);
    if (n > 0)
        *ret = (struct check_progress){.open_chunks = (int) db_int64(rows, 0, 0), .same_policy = db_bool(rows, 0, 1)};
    return (int) n;
}
