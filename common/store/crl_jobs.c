#include "store/crl.h"

const struct statement crl_jobs_statement = {
    "crl_jobs", 0,
    "INSERT INTO job (stage, subject) SELECT 'crl', i.id || '-' || shard"
    "  FROM issuer i CROSS JOIN generate_series(0, i.crl_shards - 1) AS shard WHERE i.active ON CONFLICT DO NOTHING"};

int64_t crl_jobs(struct db *db) {
    return db_run(db, &crl_jobs_statement, NULL, NULL);
}
