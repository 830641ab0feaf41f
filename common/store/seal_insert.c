#include "store/audit_seal.h"

const struct statement seal_insert_statement = {
    "seal_insert", 8,
    "INSERT INTO audit_seal (number, xid_from, xid_to, events, digest, previous, key, signature)"
    " VALUES ($1::bigint, $2::bigint::text::xid8, $3::bigint::text::xid8, $4::bigint, $5::bytea, $6::bytea, $7::bytea,"
    "  $8::bytea) ON CONFLICT (number) DO NOTHING"};

int seal_insert(struct db *db, const struct seal *seal, const uint8_t key[static SEAL_HASH_BYTES],
                const uint8_t signature[static SEAL_SIGNATURE_BYTES]) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, seal->number);
    db_add_int64(&args, (int64_t) seal->xid_from);
    db_add_int64(&args, (int64_t) seal->xid_to);
    db_add_int64(&args, seal->events);
    db_add_bytes(&args, seal->digest, SEAL_HASH_BYTES);
    db_add_bytes(&args, seal->previous, SEAL_HASH_BYTES);
    db_add_bytes(&args, key, SEAL_HASH_BYTES);
    db_add_bytes(&args, signature, SEAL_SIGNATURE_BYTES);
    return (int) db_run(db, &seal_insert_statement, &args, NULL);
}
