#include <string.h>

#include "store/audit_seal.h"

/* The lock's number is arbitrary and of this statement alone. What is below audit_finished() is finished. */
const struct statement seal_next_statement = {
    "seal_next", 0,
    "WITH mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(7091) AS taken),"
    "last AS (SELECT number, xid_from, xid_to, events, digest, previous FROM audit_seal ORDER BY number DESC LIMIT 1),"
    "span AS (SELECT COALESCE((SELECT xid_to FROM last), '0'::xid8) AS xid_from,"
    "                audit_finished() AS xid_to FROM mine WHERE taken)"
    "SELECT span.xid_from::text::bigint, span.xid_to::text::bigint, d.events, d.digest,"
    "  last.number, last.xid_from::text::bigint, last.xid_to::text::bigint, last.events, last.digest, last.previous"
    " FROM span CROSS JOIN LATERAL audit_digest(span.xid_from, span.xid_to) AS d LEFT JOIN last ON true WHERE d.events "
    "> 0"};

static void take_hash(uint8_t to[static SEAL_HASH_BYTES], struct db_bytes from) {
    if (from.len == SEAL_HASH_BYTES)
        memcpy(to, from.data, SEAL_HASH_BYTES);
}

int seal_next(struct db *db, struct seal *ret) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = db_run(db, &seal_next_statement, NULL, &rows);
    if (n <= 0)
        return (int) n;
    *ret = (struct seal){.number = db_int64(rows, 0, 4) + 1,
                         .xid_from = (uint64_t) db_int64(rows, 0, 0),
                         .xid_to = (uint64_t) db_int64(rows, 0, 1),
                         .events = db_int64(rows, 0, 2)};
    take_hash(ret->digest, db_bytes(rows, 0, 3));
    if (db_is_null(rows, 0, 4))
        return 1;
    struct seal last = {.number = db_int64(rows, 0, 4),
                        .xid_from = (uint64_t) db_int64(rows, 0, 5),
                        .xid_to = (uint64_t) db_int64(rows, 0, 6),
                        .events = db_int64(rows, 0, 7)};
    take_hash(last.digest, db_bytes(rows, 0, 8));
    take_hash(last.previous, db_bytes(rows, 0, 9));
    seal_hash(&last, ret->previous);
    return 1;
}
