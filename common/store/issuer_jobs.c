#include "store/signing.h"

const struct statement issuer_jobs_statement = {"issuer_jobs", 0,
                                                "INSERT INTO job (stage, subject)"
                                                "  SELECT 'crl', i.id || '-' || shard FROM issuer i CROSS JOIN "
                                                "generate_series(0, i.crl_shards - 1) AS shard WHERE i.active"
                                                "  UNION ALL SELECT 'ocsp', i.id::text FROM issuer i WHERE i.active"
                                                " ON CONFLICT DO NOTHING"};

int64_t issuer_jobs(struct db *db) {
    return db_run(db, &issuer_jobs_statement, NULL, NULL);
}
