#include "store/certificate.h"

/* By the index over (issuer, serial), whoever the issuer was: over the serial alone it would be read whole. */
const struct statement certificate_get_statement = {
    "certificate_get", 1,
    "SELECT " CERTIFICATE_COLUMNS
    ", c.der, (SELECT i.certificate FROM issuer i WHERE i.id = c.issuer)" CERTIFICATE_TABLES
    " AND c.issuer = ANY (ARRAY(SELECT id FROM issuer)) AND c.serial = $1::bytea"};

int64_t certificate_get(struct db *db, const uint8_t serial[static 16], struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_bytes(&args, serial, 16);
    return db_run(db, &certificate_get_statement, &args, ret);
}
