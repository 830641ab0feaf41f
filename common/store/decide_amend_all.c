#include "store/decide.h"

const struct statement decide_amend_all_statement = {
    "decide_amend_all", 2,
    "UPDATE application SET state = CASE state WHEN 'valid' THEN 'refused' ELSE state END,"
    "  errors = jsonb_build_array($2::text::jsonb) || errors"
    " WHERE upload = $1::bigint AND NOT errors @> jsonb_build_array(jsonb_build_object('code', "
    "$2::text::jsonb->'code'))"};

int64_t decide_amend_all(struct db *db, int64_t upload, const char *error) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    db_add_text(&args, error);
    return db_run(db, &decide_amend_all_statement, &args, NULL);
}
