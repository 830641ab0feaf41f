#include <string.h>

#include "store/audit_seal.h"

const struct statement seal_last_statement = {
    "seal_last", 0,
    "SELECT number, xid_from::text::bigint, xid_to::text::bigint, events, digest, previous, inkan_now()"
    " FROM audit_seal ORDER BY number DESC LIMIT 1"};

int seal_last(struct db *db, struct seal *ret, int64_t *ret_now_usec) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = db_run(db, &seal_last_statement, NULL, &rows);
    if (n <= 0)
        return (int) n;
    struct db_bytes digest = db_bytes(rows, 0, 4), previous = db_bytes(rows, 0, 5);
    if (digest.len != SEAL_HASH_BYTES || previous.len != SEAL_HASH_BYTES)
        return DB_FAILED;
    *ret = (struct seal){.number = db_int64(rows, 0, 0),
                         .xid_from = (uint64_t) db_int64(rows, 0, 1),
                         .xid_to = (uint64_t) db_int64(rows, 0, 2),
                         .events = db_int64(rows, 0, 3)};
    memcpy(ret->digest, digest.data, SEAL_HASH_BYTES);
    memcpy(ret->previous, previous.data, SEAL_HASH_BYTES);
    *ret_now_usec = db_time(rows, 0, 6);
    return 1;
}
