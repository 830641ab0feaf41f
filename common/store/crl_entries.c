#include "store/crl.h"

/* Numbers follow the clock, so that they go on rising after a restore. */
const struct statement crl_next_statement = {
    "crl_next", 2,
    "SELECT greatest(extract(epoch FROM inkan_now())::bigint,"
    "  COALESCE((SELECT number FROM crl WHERE issuer = $1::integer AND shard = $2::integer), 0) + 1), inkan_now()"};

const struct statement crl_entries_statement = {
    "crl_entries", 4,
    "SELECT serial, reason::bigint, revoked FROM revocation"
    " WHERE issuer = $1::integer AND shard = $2::integer AND serial > $3::bytea ORDER BY serial LIMIT $4::integer"};

int crl_next(struct db *db, int issuer, int shard, int64_t *ret_number, int64_t *ret_now_usec) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int32(&args, issuer);
    db_add_int32(&args, shard);
    int64_t n = db_run(db, &crl_next_statement, &args, &rows);
    if (n <= 0)
        return n < 0 ? (int) n : DB_FAILED;
    *ret_number = db_int64(rows, 0, 0);
    *ret_now_usec = db_time(rows, 0, 1);
    return 0;
}

int64_t crl_entries(struct db *db, int issuer, int shard, struct db_bytes after, int limit, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int32(&args, issuer);
    db_add_int32(&args, shard);
    db_add_bytes(&args, after.data ? after.data : "", after.len);
    db_add_int32(&args, limit);
    return db_run(db, &crl_entries_statement, &args, ret);
}
