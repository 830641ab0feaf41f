#include "store/ocsp.h"

const struct statement ocsp_issuers_statement = {"ocsp_issuers", 1,
                                                 "SELECT i.id, i.certificate, c.der FROM issuer i LEFT JOIN LATERAL ("
                                                 "  SELECT der FROM ocsp_certificate WHERE issuer = i.id AND spki = "
                                                 "$1::bytea ORDER BY not_after DESC LIMIT 1) c ON true"
                                                 " WHERE i.active OR c.der IS NOT NULL ORDER BY i.id DESC"};

int64_t ocsp_issuers(struct db *db, struct db_bytes spki, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_bytes(&args, spki.data, spki.len);
    return db_run(db, &ocsp_issuers_statement, &args, ret);
}
