#include "store/ocsp.h"

const struct statement ocsp_want_statement = {
    "ocsp_want", 1,
    "INSERT INTO ocsp_responder (spki) VALUES ($1::bytea) ON CONFLICT (spki) DO UPDATE SET wanted = inkan_now()"
    " WHERE ocsp_responder.wanted < inkan_now() - interval '1 hour'"};

int ocsp_want(struct db *db, struct db_bytes spki) {
    _cleanup_args_ struct db_args args = {0};
    db_add_bytes(&args, spki.data, spki.len);
    int64_t n = db_run(db, &ocsp_want_statement, &args, NULL);
    return n < 0 ? (int) n : 0;
}
