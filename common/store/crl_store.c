#include "store/crl.h"

const struct statement crl_store_statement = {
    "crl_store", 6,
    "WITH stored AS ("
    "  INSERT INTO crl (issuer, shard, number, der, this_update, next_update)"
    "  VALUES ($1::integer, $2::integer, $3::bigint, $4::bytea, $5::timestamptz, $6::timestamptz)"
    "  ON CONFLICT (issuer, shard) DO UPDATE SET number = EXCLUDED.number, der = EXCLUDED.der,"
    "   this_update = EXCLUDED.this_update, next_update = EXCLUDED.next_update WHERE crl.number < EXCLUDED.number"
    "  RETURNING issuer, shard)"
    "INSERT INTO audit_event (kind, subject, detail) SELECT 'crl_published', issuer || '-' || shard,"
    "  jsonb_build_object('number', $3::bigint) FROM stored"};

int crl_store(struct db *db, int issuer, int shard, int64_t number, struct db_bytes der, int64_t this_update_usec,
              int64_t next_update_usec) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int32(&args, issuer);
    db_add_int32(&args, shard);
    db_add_int64(&args, number);
    db_add_bytes(&args, der.data, der.len);
    db_add_time(&args, this_update_usec);
    db_add_time(&args, next_update_usec);
    return (int) db_run(db, &crl_store_statement, &args, NULL);
}
