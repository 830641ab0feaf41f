#include "store/ocsp.h"

const struct statement ocsp_store_statement = {
    "ocsp_store", 5,
    "WITH stored AS ("
    "  INSERT INTO ocsp_certificate (issuer, serial, spki, der, not_after)"
    "  SELECT $1::integer, $2::bytea, $3::bytea, $4::bytea, $5::timestamptz"
    "   WHERE NOT EXISTS (SELECT FROM intent WHERE issuer = $1::integer AND serial = $2::bytea)"
    "  ON CONFLICT DO NOTHING RETURNING issuer, serial, not_after)"
    "INSERT INTO audit_event (kind, subject, detail) SELECT 'responder_issued', encode(serial, 'hex'),"
    "  jsonb_build_object('issuer', issuer, 'not_after', not_after) FROM stored"};

int ocsp_store(struct db *db, int issuer, struct db_bytes serial, struct db_bytes spki, struct db_bytes der,
               int64_t not_after_usec) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int32(&args, issuer);
    db_add_bytes(&args, serial.data, serial.len);
    db_add_bytes(&args, spki.data, spki.len);
    db_add_bytes(&args, der.data, der.len);
    db_add_time(&args, not_after_usec);
    return (int) db_run(db, &ocsp_store_statement, &args, NULL);
}
