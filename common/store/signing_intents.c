#include "store/signing.h"

const struct statement signing_intents_statement = {
    "signing_intents", 5,
    "INSERT INTO intent (application, issuer, serial, policy, tbs, lint)"
    " SELECT n.application, i.id, n.serial, s.policy, n.tbs, $5::text"
    "   FROM unnest($2::bigint[], $3::bytea[], $4::bytea[]) AS n (application, serial, tbs) CROSS JOIN service s"
    "   JOIN issuer i ON i.id = $1::integer"
    "  ORDER BY n.application ON CONFLICT DO NOTHING"};

int64_t signing_intents(struct db *db, int issuer, const char *lint, const int64_t *applications,
                        const struct db_bytes *serials, const struct db_bytes *tbs, size_t n) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int32(&args, issuer);
    db_add_int64_array(&args, applications, n);
    db_add_bytes_array(&args, serials, n);
    db_add_bytes_array(&args, tbs, n);
    db_add_text(&args, lint);
    return db_run(db, &signing_intents_statement, &args, NULL);
}
