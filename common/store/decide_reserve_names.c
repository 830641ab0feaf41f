#include "store/decide.h"

const struct statement decide_reserve_names_statement = {
    "decide_reserve_names", 1,
    "INSERT INTO dn_taken AS t (organisation, match_key, application, renewing)"
    " SELECT organisation, match_key, id, CASE WHEN target IS NOT NULL THEN id END FROM application"
    "  WHERE upload = $1::bigint AND state = 'valid' ORDER BY organisation, match_key"
    " ON CONFLICT (organisation, match_key) DO UPDATE SET renewing = EXCLUDED.renewing"
    "  WHERE EXCLUDED.renewing IS NOT NULL AND t.renewing IS NULL"};

int64_t decide_reserve_names(struct db *db, int64_t upload) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    return db_run(db, &decide_reserve_names_statement, &args, NULL);
}
