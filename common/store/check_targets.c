#include "store/check.h"

const struct statement check_targets_statement = {
    "check_targets", 2,
    "SELECT n - 1, c.id, a.match_key, a.cn, a.o, a.l, a.st, r.revoked, c.not_after, c.not_after < inkan_now()"
    " FROM unnest($2::bytea[]) WITH ORDINALITY AS wanted (serial, n) CROSS JOIN issuer i"
    "  JOIN certificate c ON c.issuer = i.id AND c.serial = wanted.serial AND c.organisation = $1::bigint"
    "  JOIN application a ON a.id = c.application"
    "  LEFT JOIN revocation r ON r.issuer = c.issuer AND r.serial = c.serial ORDER BY n"};

int64_t check_targets(struct db *db, int64_t organisation, const struct db_bytes *serials, size_t n,
                      struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, organisation);
    db_add_bytes_array(&args, serials, n);
    return db_run(db, &check_targets_statement, &args, ret);
}
