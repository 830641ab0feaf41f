#include "store/check.h"

const struct statement check_seen_statement = {
    "check_seen", 4,
    "SELECT n - 1, false FROM unnest($2::text[]) WITH ORDINALITY AS wanted (match_key, n)"
    "  JOIN dn_taken t ON t.organisation = $1::bigint AND t.match_key = wanted.match_key"
    "   AND (NOT $4::boolean OR t.renewing IS NOT NULL)"
    " UNION ALL "
    "SELECT n - 1, true FROM unnest($3::bytea[]) WITH ORDINALITY AS wanted (spki_hash, n)"
    "  JOIN key_seen k ON k.spki_hash = wanted.spki_hash"};

int64_t check_seen(struct db *db, int64_t organisation, const char *const *match_keys,
                   const struct db_bytes *spki_hashes, size_t n, bool renew, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, organisation);
    db_add_text_array(&args, match_keys, n);
    db_add_bytes_array(&args, spki_hashes, n);
    db_add_bool(&args, renew);
    return db_run(db, &check_seen_statement, &args, ret);
}
