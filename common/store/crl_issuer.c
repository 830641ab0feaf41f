#include "store/crl.h"

const struct statement crl_issuer_statement = {"crl_issuer", 1,
                                               "SELECT certificate, crl_shards FROM issuer WHERE id = $1::integer"};

int64_t crl_issuer(struct db *db, int issuer, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int32(&args, issuer);
    return db_run(db, &crl_issuer_statement, &args, ret);
}
