#include "store/ocsp.h"

/* The last asked first, so many that nobody who can only ask keeps the signer busy. */
const struct statement ocsp_due_statement = {
    "ocsp_due", 2,
    "SELECT o.spki, inkan_now() FROM ocsp_responder o WHERE o.wanted > inkan_now() - interval '1 day' AND NOT EXISTS ("
    "  SELECT FROM ocsp_certificate c WHERE c.issuer = $1::integer AND c.spki = o.spki"
    "     AND c.not_after > inkan_now() + $2::bigint * interval '1 second')"
    " ORDER BY o.wanted DESC LIMIT 16"};

int64_t ocsp_due(struct db *db, int issuer, int64_t left_sec, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int32(&args, issuer);
    db_add_int64(&args, left_sec);
    return db_run(db, &ocsp_due_statement, &args, ret);
}
