#include <string.h>

#include "store/signing.h"

const struct statement signing_gate_statement = {
    "signing_gate", 1,
    "WITH s AS (SELECT halted, policy FROM service FOR SHARE),"
    " o AS (SELECT id FROM organisation WHERE id = $1::bigint FOR SHARE),"
    " d AS (SELECT id FROM domain WHERE organisation = $1::bigint ORDER BY id FOR SHARE)"
    " SELECT s.halted, inkan_now(), s.policy, (SELECT count(*) FROM o), (SELECT count(*) FROM d),"
    "  (SELECT id FROM issuer WHERE active) FROM s"};

int signing_gate(struct db *db, int64_t organisation, struct signing_gate *ret) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, organisation);
    int64_t n = db_run(db, &signing_gate_statement, &args, &rows);
    if (n <= 0)
        return (int) n;
    *ret = (struct signing_gate){
        .halted = db_bool(rows, 0, 0), .now_usec = db_time(rows, 0, 1), .issuer = (int) db_int64(rows, 0, 5)};
    struct db_bytes policy = db_bytes(rows, 0, 2);
    if (policy.len == sizeof(ret->policy))
        memcpy(ret->policy, policy.data, policy.len);
    return 1;
}
