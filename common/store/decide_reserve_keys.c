#include "store/decide.h"

const struct statement decide_reserve_keys_statement = {
    "decide_reserve_keys", 1,
    "INSERT INTO key_seen (spki_hash, application)"
    " SELECT spki_hash, id FROM application WHERE upload = $1::bigint AND state = 'valid'"
    " ORDER BY spki_hash ON CONFLICT DO NOTHING"};

int64_t decide_reserve_keys(struct db *db, int64_t upload) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    return db_run(db, &decide_reserve_keys_statement, &args, NULL);
}
