#include "store/signing.h"

const struct statement signing_void_statement = {
    "signing_void", 1,
    "WITH gone AS ("
    "  UPDATE intent SET voided = inkan_now() WHERE application = ANY ($1::bigint[]) AND voided IS NULL"
    "  RETURNING application, issuer, serial),"
    "listed AS ("
    "  INSERT INTO revocation (issuer, serial, shard, reason)"
    "  SELECT g.issuer, g.serial, crl_shard(g.serial, i.crl_shards), 0 FROM gone g JOIN issuer i ON i.id = g.issuer"
    "  ON CONFLICT DO NOTHING RETURNING issuer, shard),"
    "published AS ("
    "  UPDATE job SET due = clock_timestamp() FROM listed"
    "   WHERE stage = 'crl' AND subject = listed.issuer || '-' || listed.shard AND token IS NULL)"
    "INSERT INTO audit_event (kind, organisation, upload, application, subject)"
    " SELECT 'intent_voided', a.organisation, a.upload, a.id, encode(g.serial, 'hex')"
    "   FROM gone g JOIN application a ON a.id = g.application"};

int64_t signing_void(struct db *db, const int64_t *applications, size_t n) {
    _cleanup_args_ struct db_args args = {0};
    if (n == 0)
        return 0;
    db_add_int64_array(&args, applications, n);
    return db_run(db, &signing_void_statement, &args, NULL);
}
