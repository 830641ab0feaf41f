#include "store/decide.h"

const struct statement decide_reserve_names_statement = {
    "decide_reserve_names", 1,
    "INSERT INTO dn_taken (organisation, match_key, application)"
    " SELECT organisation, match_key, id FROM application WHERE upload = $1::bigint AND state = 'valid'"
    " ORDER BY organisation, match_key ON CONFLICT DO NOTHING"};

int64_t decide_reserve_names(struct db *db, int64_t upload) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    return db_run(db, &decide_reserve_names_statement, &args, NULL);
}
