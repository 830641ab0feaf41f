#include "store/audit_seal.h"

const struct statement seal_key_statement = {"seal_key", 1, "SELECT 1 FROM audit_key WHERE id = $1::bytea"};

int seal_key(struct db *db, const uint8_t key[static SEAL_HASH_BYTES]) {
    _cleanup_args_ struct db_args args = {0};
    db_add_bytes(&args, key, SEAL_HASH_BYTES);
    return (int) db_run(db, &seal_key_statement, &args, NULL);
}
