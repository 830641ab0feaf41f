#include "store/crl.h"

/* Numbers follow the clock, so that they go on rising after a restore. */
const struct statement crl_entries_statement = {
    "crl_entries", 2,
    "SELECT NULL::bytea, greatest(extract(epoch FROM inkan_now())::bigint,"
    "  COALESCE((SELECT number FROM crl WHERE issuer = $1::integer AND shard = $2::integer), 0) + 1), inkan_now()"
    " UNION ALL "
    "(SELECT serial, reason::bigint, revoked FROM revocation WHERE issuer = $1::integer AND shard = $2::integer ORDER "
    "BY serial)"};

int64_t crl_entries(struct db *db, int issuer, int shard, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int32(&args, issuer);
    db_add_int32(&args, shard);
    return db_run(db, &crl_entries_statement, &args, ret);
}
