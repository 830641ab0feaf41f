#include "store/decide.h"

const struct statement decide_seen_statement = {
    "decide_seen", 1,
    "SELECT a.id, false FROM application a"
    "  JOIN dn_taken t ON t.organisation = a.organisation AND t.match_key = a.match_key"
    "  WHERE a.upload = $1::bigint AND a.state = 'valid' AND (a.target IS NULL OR t.renewing IS NOT NULL)"
    " UNION ALL "
    "SELECT a.id, true FROM application a JOIN key_seen k ON k.spki_hash = a.spki_hash"
    "  WHERE a.upload = $1::bigint AND a.state = 'valid'"};

int64_t decide_seen(struct db *db, int64_t upload, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    return db_run(db, &decide_seen_statement, &args, ret);
}
