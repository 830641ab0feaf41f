#include "store/signing.h"

/*
 * The CRL job is made due even while somebody has it: whoever reads the entries too early then loses its token, or the job
 * comes round at once. Jobs are locked in one order.
 */
const struct statement signing_void_statement = {
    "signing_void", 1,
    "WITH gone AS ("
    "  UPDATE intent SET voided = inkan_now() WHERE application = ANY ($1::bigint[]) AND voided IS NULL"
    "     AND NOT EXISTS (SELECT FROM certificate c WHERE c.application = intent.application)"
    "  RETURNING application, issuer, serial),"
    "listed AS ("
    "  INSERT INTO revocation (issuer, serial, shard, reason)"
    "  SELECT g.issuer, g.serial, crl_shard(g.serial, i.crl_shards), 0 FROM gone g JOIN issuer i ON i.id = g.issuer"
    "  ON CONFLICT DO NOTHING RETURNING issuer, shard),"
    "late AS ("
    "  SELECT id FROM job WHERE stage = 'crl' AND subject IN (SELECT issuer || '-' || shard FROM listed)"
    "   ORDER BY id FOR UPDATE),"
    "published AS (UPDATE job SET due = clock_timestamp() FROM late WHERE job.id = late.id)"
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
